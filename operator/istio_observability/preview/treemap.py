"""
Lays out rectangles whose areas are the given sizes, as near to squares as they will go.

Source: Bruls, Huizing and van Wijk, Squarified Treemaps, 2000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Rectangle(NamedTuple):
    """A place; the origin is the upper left corner."""

    x: float
    y: float
    width: float
    height: float


def lay_out(sizes: Sequence[float], width: float, height: float) -> list[Rectangle]:
    """
    Return one rectangle for each size, in the same order; together they fill the area.

    Args:
        sizes: More than 0, largest first.
        width: Of the whole.
        height: Of the whole.
    """
    total = sum(sizes)
    left = [size * width * height / total for size in sizes] if total else []
    free = Rectangle(0.0, 0.0, width, height)
    placed: list[Rectangle] = []
    while left:
        side = min(free.width, free.height)
        count = 1
        while count < len(left) and _worst(left[: count + 1], side) <= _worst(left[:count], side):
            count += 1
        row, left = left[:count], left[count:]
        more, free = _place(row, free)
        placed += more
    return placed


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest ratio of two sides in a row along one side of the free area."""
    total = sum(row)
    return max(side * side * row[0] / (total * total), total * total / (side * side * row[-1]))


def _place(row: Sequence[float], free: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    total = sum(row)
    x, y, width, height = free
    placed = []
    if width >= height:
        depth = total / height
        for area in row:
            placed.append(Rectangle(x, y, depth, area / depth))
            y += area / depth
        return placed, Rectangle(x + depth, free.y, max(width - depth, 0.0), height)
    depth = total / width
    for area in row:
        placed.append(Rectangle(x, y, area / depth, depth))
        x += area / depth
    return placed, Rectangle(free.x, y + depth, width, max(height - depth, 0.0))
