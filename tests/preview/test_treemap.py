"""Rectangles fill the area, do not overlap, and have the sizes that were asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.preview.treemap import Rectangle, lay_out

SIZES = st.lists(st.integers(1, 100_000), min_size=1, max_size=60)


def overlap(one: Rectangle, other: Rectangle) -> float:
    """Return the area that two rectangles share."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(width, 0.0) * max(height, 0.0)


@given(SIZES)
def test_areas_are_the_sizes(sizes: list[int]):
    """In the same order; nothing stands out of the whole, nothing twice."""
    sizes.sort(reverse=True)
    places = lay_out(sizes, 300.0, 200.0)
    total = sum(sizes)

    assert [place.width * place.height for place in places] == pytest.approx(
        [size * 60_000 / total for size in sizes], rel=1e-6
    )
    assert all(
        place.x >= -1e-6
        and place.y >= -1e-6
        and place.x + place.width <= 300.001
        and place.y + place.height <= 200.001
        for place in places
    )
    shared = sum(overlap(one, other) for i, one in enumerate(places) for other in places[i + 1 :])
    assert shared == pytest.approx(0.0, abs=1e-3)


def test_nothing_needs_no_place():
    """Not even a rectangle without a size."""
    assert lay_out([], 10.0, 10.0) == []


def test_equal_sizes_become_squares():
    """Four of them in a square."""
    places = lay_out([1, 1, 1, 1], 10.0, 10.0)

    assert {(round(place.width, 6), round(place.height, 6)) for place in places} == {(5.0, 5.0)}
