"""The streaming reader: equal to a slow one, whatever the text, and nothing is built in vain."""

from __future__ import annotations

import math
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from istio_observability.datakit.build_points import PointBuilder
from istio_observability.datakit.exposition import (
    Family,
    ParseFailed,
    read_batches,
    split_segments,
)
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.scrape_options import build_options
from istio_observability.datakit.tally_exposition import tally_exposition
from tests.datakit import reference
from tests.datakit.exposition_strategies import EXPOSITIONS, NAMES, TYPES

SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
BATCH_SIZES = st.sampled_from([1, 1, 1, 2, 3, 0])


def _read(text: str, batch_size: int) -> tuple[list[object], bool]:
    batches: list[object] = []
    try:
        for batch in read_batches(text.encode(), batch_size=batch_size):
            batches += [{name: _seen(family) for name, family in batch.items()}] if batch else []
    except ParseFailed:
        return batches, True
    return batches, False


def _seen(family: Family) -> object:
    rows: list[tuple[object, ...]] = [
        (kind, sorted(labels), repr(value), 0.0, "0.0", [], time_ms)
        for kind, labels, value, time_ms in family.scalars
    ] + [
        (c.kind, sorted(c.labels), "0.0", c.count, repr(c.sum), _parts(c.parts), c.time_ms)
        for c in family.composites.values()
    ]
    return family.type, family.samples, sorted(rows, key=repr)


def _slow_row(m: reference.Metric) -> tuple[object, ...]:
    one = (m.kind, sorted(m.labels), repr(m.value), m.count, repr(m.total))
    return (*one, _parts(m.parts), m.time_ms)


def _parts(parts: list[tuple[float, float]]) -> list[str]:
    return [repr(part) for part in parts]


def _expected(text: str, batch_size: int) -> tuple[list[object], bool]:
    slow = reference.Reference(text, batch_size).run()
    batches = [
        {
            name: (
                family.type,
                family.lines,
                sorted(map(_slow_row, family.metrics), key=repr),
            )
            for name, family in batch.items()
        }
        for batch in slow.batches
    ]
    return list(batches), slow.failed


@SLOW
@given(EXPOSITIONS, BATCH_SIZES)
def test_equal_to_the_slow_reader(text: str, batch_size: int):
    """Batches, families, types, samples and the place where it stops are those of the slow one."""
    assert _read(text, batch_size) == _expected(text, batch_size)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), BATCH_SIZES)
def test_any_bytes_are_read_or_refused(data: bytes, batch_size: int):
    """No text makes the reader fail in another way."""
    with suppress(ParseFailed):
        list(read_batches(data, batch_size=batch_size))


@SLOW
@given(EXPOSITIONS, st.integers(1, 50))
def test_pieces_make_no_difference(text: str, size: int):
    """Read in pieces, a body is cut at the same places."""
    data = text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]

    assert list(split_segments(pieces)) == list(split_segments(data))


@SLOW
@given(EXPOSITIONS, st.sets(TYPES, max_size=3), st.lists(NAMES, max_size=2))
def test_counting_agrees_with_building(text: str, types: set[str], names: list[str]):
    """The tally counts exactly the points that would be built, in a broken body too."""
    keys = {"metric_types": sorted(types), "metric_name_filter": [f"^{name}$" for name in names]}
    options = build_options(keys, ConfigPath.ANNOTATION)
    builder, points, failed = PointBuilder(options), 0, False
    try:
        for batch in read_batches(text.encode(), wants=options.wants):
            points += len(list(builder.build(batch)))
    except ParseFailed:
        failed = True
    tally = tally_exposition(text.encode(), options)

    assert (points, failed) == (tally.points, bool(tally.error))


@SLOW
@given(EXPOSITIONS, st.lists(NAMES, min_size=1, max_size=3), NAMES)
def test_one_more_family_never_removes_a_series(text: str, names: list[str], more: str):
    """A longer filter keeps at least what the shorter one kept."""
    kept = [
        {
            family.name
            for family in tally_exposition(
                text.encode(),
                build_options({"metric_name_filter": patterns}, ConfigPath.ANNOTATION),
            ).families.values()
            if family.kept
        }
        for patterns in ([f"^{n}$" for n in names], [f"^{n}$" for n in [*names, more]])
    ]

    assert kept[0] <= kept[1]


SERIES = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from(["x", "y", "z"]),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        ),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    min_size=1,
    max_size=8,
)


@given(SERIES)
def test_what_is_rendered_is_read_back(series: list[tuple[dict[str, str], float]]):
    """Labels with any text and every finite number survive the way there and back."""
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    lines = ["# TYPE g gauge"]
    for labels, value in series:
        pairs = ",".join(f'{key}="{text.translate(escapes)}"' for key, text in labels.items())
        lines.append(f"g{{{pairs}}} {value!r}")
    (batch,) = read_batches(("\n".join(lines) + "\n").encode())

    assert [(dict(row[1]), row[2]) for row in batch["g"].scalars] == series


def test_a_long_family_is_counted_in_bulk_up_to_the_line_that_differs():
    """NaN, a timestamp and an escape in the middle of a thousand lines are seen."""
    plain = [f'g{{x="{n}"}} {n}' for n in range(1000)]
    odd = ['g{x="a\\nb"} 1', 'g{x="t"} 1 17', 'g{x="n"} NaN', 'g {x="s"}  1']
    text = "\n".join(["# TYPE g gauge", *plain[:500], *odd, *plain[500:]]) + "\n"
    tally = tally_exposition(text.encode(), build_options({}, ConfigPath.ANNOTATION))

    assert (tally.series, tally.points, tally.error) == (1004, 1003, "")


def test_a_bad_line_far_down_in_a_dropped_family_ends_the_parse():
    """A family that nobody wants is checked like any other."""
    lines = [f'h_bucket{{le="{n}"}} {n}' for n in range(1000)]
    for bad in ('h_bucket{le="x"} 1', 'h_bucket{a="1",a="2",le="1"} 1', "h_bucket 1 ", "h 1e999"):
        text = "\n".join(["# TYPE h histogram", *lines, bad, *lines]) + "\n"
        options = build_options({"metric_types": ["gauge"]}, ConfigPath.ANNOTATION)

        assert tally_exposition(text.encode(), options).error


def test_infinite_bounds_and_sums_are_kept_as_numbers():
    """``+Inf`` is a bound like any other."""
    text = b'# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_sum +Inf\n'
    ((batch,),) = (list(read_batches(text)),)
    (histogram,) = batch["h"].composites.values()

    assert histogram.parts == [(math.inf, 3.0)]
    assert histogram.sum == math.inf
