"""Charts of the page as inline SVG, with the numbers as titles that appear under the pointer."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from istio_observability.preview.treemap import Rectangle, lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from istio_observability.preview.result import FamilyPreview

_WIDTH: Final = 1060.0
_HEIGHT: Final = 380.0
_MOST: Final = 70
_CHARACTER: Final = 7.4
"""Width of one character of the labels."""

_FEWEST: Final = 6
"""A shorter label says nothing."""


def bar(value: float, most: float, style: str) -> str:
    """Return a bar that fills its cell when ``value`` is ``most``."""
    share = max(100 * value / most, 0.6) if most > 0 and value > 0 else 0.0
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{style}" width="{share:.2f}" height="10"/></svg>'
    )


def draw_families(families: Sequence[FamilyPreview]) -> str:
    """Return a map of all families: kept ones beside dropped ones, areas by their series."""
    kept = sorted((f for f in families if not f.dropped), key=_order)
    gone = sorted((f for f in families if f.dropped), key=_order)
    total = sum(family.series for family in families)
    if not total:
        return ""
    parts = []
    x = 0.0
    for side, style in ((kept, "kept"), (gone, "gone")):
        width = _WIDTH * sum(family.series for family in side) / total
        if width:
            parts += _draw_side(side, style, x, width)
        x += width
    return (
        f'<svg class="map" role="img" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}">'
        f"<title>Families by number of series</title>{''.join(parts)}</svg>"
    )


def _order(family: FamilyPreview) -> tuple[int, str]:
    return -family.series, family.name


def _draw_side(families: Sequence[FamilyPreview], style: str, x: float, width: float) -> list[str]:
    shown = [(family.name, family.series, family.dropped) for family in families[:_MOST]]
    rest = families[_MOST:]
    if rest:
        shown.append((f"{len(rest)} more families", sum(f.series for f in rest), ""))
        # What was small one by one may be large together.
        shown.sort(key=lambda one: -one[1])
    places = lay_out([series for _, series, _ in shown], width, _HEIGHT)
    return [
        _draw(Rectangle(place.x + x, *place[1:]), style, *one)
        for one, place in zip(shown, places, strict=True)
    ]


def _draw(place: Rectangle, style: str, name: str, series: int, why: str) -> str:
    more = f" ({why})" if why else ""
    title = f"<title>{escape(f'{name}: {series:,} series{more}')}</title>"
    rect = (
        f'<rect class="{style}" x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}"'
        f' height="{place.height:.1f}" rx="4"/>'
    )
    fits = int((place.width - 14) / _CHARACTER)
    if place.height < 24 or fits < min(_FEWEST, len(name)):
        return f"<g>{title}{rect}</g>"
    label = name if len(name) <= fits else f"{name[: fits - 1]}…"
    text = f'<text class="on-{style}" x="{place.x + 8:.1f}" y="{place.y + 18:.1f}">{escape(label)}'
    return f"<g>{title}{rect}{text}</text></g>"
