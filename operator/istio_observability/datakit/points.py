"""
Points as the agent hands them on, their canonical text and digest, and series with two values.

Two lists of points are the same exactly if their digests are equal; order does not count.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = float | str
"""A number, or the text of a text field."""


class Point(NamedTuple):
    """
    One point.

    Attributes:
        measurement: Its name.
        tags: Keys are in no fixed order.
        fields: Can be empty: the agent has lost the value.
        time_ms: The sample's own timestamp; ``None`` where the time of the scrape is used.
    """

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time_ms: int | None = None


_Series = tuple[str, tuple[tuple[str, str], ...], str, int | None]


class Collision(NamedTuple):
    """More than one value for one series at one time; a store keeps one of them."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    field: str
    time_ms: int | None
    values: tuple[Value, ...]


def canonical_line(point: Point) -> str:
    """Return the JSON text of measurement, sorted tags, sorted fields and the own timestamp."""
    fields = [[key, _value_text(value)] for key, value in sorted(point.fields.items())]
    row: list[object] = [point.measurement, sorted(point.tags.items()), fields]
    if point.time_ms is not None:
        row.append(point.time_ms)
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def digest_points(points: Iterable[Point]) -> str:
    """Return the SHA-256, in hexadecimal, of the sorted canonical lines."""
    digest = hashlib.sha256()
    for line in sorted(map(canonical_line, points)):
        digest.update(line.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def find_collisions(points: Iterable[Point]) -> list[Collision]:
    """Return the series that have several values, sorted, each with its values in order."""
    series: dict[_Series, list[Value]] = defaultdict(list)
    for point in points:
        tags = tuple(sorted(point.tags.items()))
        for field, value in point.fields.items():
            series[(point.measurement, tags, field, point.time_ms)].append(value)
    found = [Collision(*key, tuple(values)) for key, values in series.items() if len(values) > 1]
    return sorted(found, key=lambda hit: (hit[0], hit[1], hit[2], hit[3] or 0))


def _value_text(value: Value) -> str:
    if isinstance(value, str):
        return f"s:{value}"
    return "NaN" if math.isnan(value) else repr(value)
