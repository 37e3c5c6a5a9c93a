"""Histograms and summaries that are passed over in bulk are counted as if they were built."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from istio_observability.datakit.build_points import PointBuilder
from istio_observability.datakit.exposition import Family, ParseFailed, read_batches
from istio_observability.datakit.exposition_groups import Groups
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.scrape_options import build_options
from istio_observability.datakit.tally_exposition import tally_exposition

EVERYTHING = build_options({}, ConfigPath.ANNOTATION)
BOUNDS = ("0.5", "1", "+Inf")


def group(labels: str, *, last: str = "count", number: str = "1", bounds=BOUNDS) -> list[str]:
    """Return the lines of one histogram; ``labels`` end in a comma or are empty."""
    lines = [f'h_bucket{{{labels}le="{bound}"}} {number}' for bound in bounds]
    braced = f"{{{labels.rstrip(',')}}}" if labels else ""
    ends = [f"h_sum{braced} {number}", f"h_count{braced} {number}"]
    return [*lines, *(ends if last == "count" else reversed(ends))]


def text_of(groups: list[list[str]], kind: str = "histogram") -> str:
    """Return an exposition long enough to be read in bulk."""
    padding = [f'z{{pad="{number:04}"}} 1' for number in range(400)]
    lines = [line for lines in groups for line in lines]
    return "\n".join([f"# TYPE h {kind}", *lines, *padding, *lines]) + "\n"


def built(text: str) -> tuple[int, bool]:
    """Return the points that are really built, and whether the body breaks."""
    builder, points = PointBuilder(EVERYTHING), 0
    try:
        for batch in read_batches(text.encode()):
            points += len(list(builder.build(batch)))
    except ParseFailed:
        return points, True
    return points, False


def counted(text: str) -> tuple[int, bool]:
    """Return the points that are counted, and whether the body breaks."""
    tally = tally_exposition(text.encode(), EVERYTHING)
    return tally.points, bool(tally.error)


ORDINARY = [group(f'a="{number}",b="x",') for number in range(30)]
CASES = {
    "one after the other": (ORDINARY, "histogram"),
    "count before sum": ([group(f'a="{n}",', last="sum") for n in range(30)], "histogram"),
    "without labels": ([group("")], "histogram"),
    "one more label in some": ([*ORDINARY, group('a="1",b="x",c="y",')], "histogram"),
    "labels in another order": ([*ORDINARY, group('b="x",a="1",')], "histogram"),
    "the same again": ([*ORDINARY, *ORDINARY], "histogram"),
    "numbers that are none": ([*ORDINARY, group('a="1",', number="NaN")], "histogram"),
    "a bound that is none": ([*ORDINARY, group('a="1",b="x",', bounds=("x",))], "histogram"),
    "a bound that is no number": ([*ORDINARY, group('a="1",b="x",', bounds=("NaN",))], "histogram"),
    "escapes in a label": ([*ORDINARY, group(r'a="\"",b="x",')], "histogram"),
    "buckets of a summary": (ORDINARY, "summary"),
    "no histogram at all": (ORDINARY, "counter"),
}


@pytest.mark.parametrize(("groups", "kind"), CASES.values(), ids=CASES.keys())
def test_counting_in_bulk_agrees_with_building(groups, kind):
    """The same points, and the same verdict about the body."""
    text = text_of(groups, kind)

    assert counted(text) == built(text)


def test_a_summary_is_counted_in_bulk():
    """A value that is no number makes no point, in bulk or not."""
    lines = [
        line
        for number in range(200)
        for line in (
            f'h{{a="{number}",quantile="0.5"}} {"NaN" if number % 50 == 0 else number}',
            f'h{{a="{number}",quantile="0.9"}} 1',
            f'h_sum{{a="{number}"}} 1',
            f'h_count{{a="{number}"}} 1',
        )
    ]
    text = "\n".join(["# TYPE h summary", *lines]) + "\n"

    assert counted(text) == built(text) == (200 * 3 - 4, False)


def test_a_part_that_is_a_family_itself_is_no_part():
    """Where ``h_sum`` has a TYPE line of its own, its samples are not those of the histogram."""
    lines = [line for lines in ORDINARY * 3 for line in lines]
    text = "\n".join(["# TYPE h histogram", "# TYPE h_sum gauge", *lines]) + "\n"

    assert counted(text) == built(text)


def test_a_family_that_is_always_different_costs_few_attempts():
    """The expression is given up on, so that a body made of exceptions is not read twice."""
    family = Family("h")
    family.type = "histogram"
    groups = Groups(family)
    groups.learn("h_bucket", 'a="1",le="1"')
    text = 'h_bucket{a="1",le="1"} 1\nh_sum{a="1"} 1\nh_count{a="1"} 1\n'
    for _ in range(20):
        assert groups.skip("something else\n", 0, lambda *_: pytest.fail("no group")) == 0

    assert groups.skip(text, 0, lambda *_: pytest.fail("no group")) == 0


LINES = st.one_of(
    st.builds(
        'h_bucket{{a="{}",le="{}"}} {}'.format,
        st.integers(0, 2),
        st.sampled_from(["1", "+Inf", "x"]),
        st.sampled_from(["1", "1", "NaN"]),
    ),
    st.builds('h_sum{{a="{}"}} {}'.format, st.integers(0, 2), st.sampled_from(["1", "NaN"])),
    st.builds('h_count{{a="{}"}} 1'.format, st.integers(0, 2)),
    st.just('h_bucket{le="1",a="2"} 1'),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES, min_size=1, max_size=12), st.lists(LINES, max_size=6))
def test_any_order_of_parts_is_counted_as_built(mixed: list[str], more: list[str]):
    """Cut off, doubled or mixed up, a histogram gives the points that the agent builds."""
    lines = [line for lines in ORDINARY * 2 for line in lines]
    text = "\n".join(["# TYPE h histogram", *lines[:3], *mixed, *lines, *more, *lines]) + "\n"

    assert counted(text) == built(text)
