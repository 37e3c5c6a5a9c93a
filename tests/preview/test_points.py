"""Collisions and labels of points that are really built."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from istio_observability.datakit.build_points import PointBuilder
from istio_observability.datakit.exposition import ParseFailed, read_batches
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.points import Point, find_collisions
from istio_observability.datakit.scrape_options import build_options
from istio_observability.preview.counted import count_families
from istio_observability.preview.points import look_at_points
from tests.datakit.exposition_strategies import EXPOSITIONS


def look(text: str, keys=None, most: int = 10_000):
    """Look at the points of a text under some keys."""
    body = text.encode()
    options = build_options(keys or {}, ConfigPath.ANNOTATION)
    return look_at_points(body, count_families(body), options, {}, most)


def test_a_dropped_label_makes_series_collide():
    """They are counted by field, with their values."""
    text = '# TYPE a counter\na{x="1",y="1"} 1\na{x="1",y="2"} 2\na{x="2",y="1"} 3\n'
    seen = look(text, {"tags_ignore": ["y"], "measurement_name": "m"})

    assert (seen.collisions, seen.by_field) == (1, (("a", 1),))
    assert seen.clashes == (("a", (("x", "1"),), ("1.0", "2.0")),)
    assert look(text).collisions == 0


def test_labels_stand_in_the_order_of_their_values():
    """With the points that have them."""
    text = '# TYPE a gauge\na{x="1",y="1"} 1\na{x="2",y="1"} 2\na{z="1"} 2\n'

    assert [(one.name, one.values, one.points) for one in look(text).labels] == [
        ("x", 2, 2),
        ("y", 1, 2),
        ("z", 1, 1),
    ]


def test_of_a_large_exposition_a_part_of_every_family_is_built():
    """Small families whole, large ones in part, and it is said."""
    lines = ["# TYPE small gauge", "small 1", "# TYPE large gauge"]
    lines += [f'large{{x="{number}"}} 1' for number in range(1000)]
    seen = look("\n".join(lines) + "\n", most=100)

    assert not seen.complete
    assert seen.points == 100
    assert look("\n".join(lines) + "\n", most=1001).complete


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(EXPOSITIONS, st.lists(st.sampled_from(["x", "y", "le"]), max_size=2))
def test_whatever_the_text_the_collisions_are_those_of_the_agents_points(
    text: str, ignored: list[str]
):
    """Read segment by segment the points are those of the body read as a whole."""
    keys = {"tags_ignore": ignored}
    options = build_options(keys, ConfigPath.ANNOTATION)
    builder, points = PointBuilder(options), list[Point]()
    try:
        for batch in read_batches(text.encode()):
            points += builder.build(batch)
    except ParseFailed:
        pass
    seen = look(text, keys, most=100_000)

    assert (seen.points, seen.collisions) == (len(points), len(find_collisions(points)))
