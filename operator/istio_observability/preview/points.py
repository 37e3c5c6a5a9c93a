"""
Builds points as the agent does, to see which of them collide and how many values a label has.

Building is dear, so of very large expositions a part is built: some samples of every kept family.
The result says how large the part is, and never speaks for the rest.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from istio_observability.datakit.build_points import PointBuilder, add_tags
from istio_observability.datakit.exposition import ParseFailed, read_batches, split_segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from istio_observability.datakit.points import Point
    from istio_observability.datakit.scrape_options import ScrapeOptions
    from istio_observability.preview.counted import Counted

MOST_SAMPLES: Final = 8_000
"""Samples that are built of one exposition, some tenths of a second; sidecars expose fewer."""

_MOST_COLLISIONS: Final = 50


@dataclass(frozen=True, slots=True)
class LabelCount:
    """One tag of the points that are kept: its values, and the points that have it."""

    name: str
    values: int
    points: int


class Clash(NamedTuple):
    """One series that gets several values in one scrape; a store keeps one of them."""

    field: str
    tags: tuple[tuple[str, str], ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PointsSeen:
    """
    What was built.

    Attributes:
        points: Points that were built.
        complete: Whether they are all points of the scrape.
        labels: Most values first.
        collisions: Series with more than one value.
        clashes: The first of them, by field and tags.
        by_field: Colliding series by field, most first.
    """

    points: int
    complete: bool
    labels: tuple[LabelCount, ...]
    collisions: int
    clashes: tuple[Clash, ...]
    by_field: tuple[tuple[str, int], ...]


def look_at_points(
    body: bytes,
    counted: Counted,
    options: ScrapeOptions,
    tags: Mapping[str, str],
    most_samples: int = MOST_SAMPLES,
) -> PointsSeen:
    """
    Build points and compare them.

    Args:
        body: The exposition.
        counted: The same, counted.
        options: What the agent does with it.
        tags: What it adds to finished points.
        most_samples: How many samples to build at most, more or less.
    """
    kept = [f.series for f in counted.families if options.wants(f.name, f.type)]
    limit = _share(kept, most_samples)
    values: dict[str, set[str]] = defaultdict(set)
    carriers: dict[str, int] = defaultdict(int)
    series: dict[int, list[str]] = {}
    named: dict[int, tuple[str, tuple[tuple[str, str], ...]]] = {}
    total = 0
    for point in add_tags(_build(body, options, limit), tags):
        total += 1
        for name, value in point.tags.items():
            values[name].add(value)
            carriers[name] += 1
        for field, number in point.fields.items():
            # Hashed: a hundred bytes for each series would be more than the exposition itself.
            key = hash((point.measurement, field, point.time_ms, frozenset(point.tags.items())))
            if key in series:
                named[key] = (field, tuple(sorted(point.tags.items())))
            series.setdefault(key, []).append(str(number))
    by_field: dict[str, int] = defaultdict(int)
    for field, _ in named.values():
        by_field[field] += 1
    clashes = sorted(Clash(*named[key], tuple(series[key])) for key in named)
    return PointsSeen(
        points=total,
        complete=limit is None,
        labels=tuple(
            LabelCount(name, len(found), carriers[name])
            for name, found in sorted(values.items(), key=lambda one: (-len(one[1]), one[0]))
        ),
        collisions=len(named),
        clashes=tuple(clashes[:_MOST_COLLISIONS]),
        by_field=tuple(sorted(by_field.items(), key=lambda one: (-one[1], one[0]))),
    )


def _share(sizes: list[int], most: int) -> int | None:
    """Return how many samples of each family may be built; ``None`` means all."""
    if sum(sizes) <= most:
        return None
    left = most
    for done, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - done)
        if size > share:
            return max(share, 1)
        left -= size
    return None


def _build(body: bytes, options: ScrapeOptions, limit: int | None) -> Iterator[Point]:
    builder = PointBuilder(options)
    if options.batch_size != 1:
        # Which samples belong together depends on all of them.
        parts: Iterator[bytes] = iter((body,))
    else:
        # A segment is a batch, so each can be read, and cut, by itself.
        parts = (_cut(segment, limit) for segment in split_segments(body))
    for part in parts:
        try:
            for batch in read_batches(part, batch_size=options.batch_size, wants=options.wants):
                yield from builder.build(batch)
        except ParseFailed:
            return


def _cut(segment: bytes, lines: int | None) -> bytes:
    if lines is None:
        return segment
    end = 0
    while end < len(segment) and segment.startswith(b"#", end):
        end = segment.find(b"\n", end) + 1 or len(segment)
    for _ in range(lines):
        end = segment.find(b"\n", end) + 1
        if not end:
            return segment
    return segment[:end]
