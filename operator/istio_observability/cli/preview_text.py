"""The preview as tables and bars for a terminal; 80 columns are enough, colours are no need."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from istio_observability.istio.catalogue import show_version
from istio_observability.preview.panels import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from istio_observability.preview.panels import PanelPreview, ViewPreview
    from istio_observability.preview.points import PointsSeen
    from istio_observability.preview.result import (
        Cost,
        ExpositionPreview,
        FamilyPreview,
        Preview,
    )

_BAR: Final = 12
_MOST_CLASHES: Final = 3
_MOST_PARTS: Final = 2
_MOST_CHARACTERS: Final = 200
EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
ASCII: Final = " #"
"""What bars are drawn with, from nothing to a whole column; for terminals that know no more."""

_VERDICTS: Final = {
    Verdict.HAS_DATA: ("yes", "green"),
    Verdict.LACKS: ("NO", "bold red"),
    Verdict.NOT_SEEN: ("not now", "yellow"),
    Verdict.NOT_LOOKED_AT: ("-", "dim"),
    Verdict.WITHOUT_SOURCE: ("-", "dim"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """
    How to show it.

    Attributes:
        top: Rows of a list before the rest is counted.
        width: Columns of the terminal.
        drawing: What bars are drawn with.
    """

    top: int
    width: int
    drawing: str

    def bar(self, value: float, most: float, width: int = _BAR) -> str:
        """Return a bar; what is not 0 is never empty."""
        if value <= 0 or most <= 0:
            return ""
        steps = len(self.drawing) - 1
        whole, rest = divmod(max(1, round(value / most * width * steps)), steps)
        return self.drawing[-1] * whole + (self.drawing[rest] if rest else "")


def preview_as_text(preview: Preview, look: Look) -> Iterator[RenderableType]:
    """Yield the preview, block by block."""
    yield Text(f"What {preview.applied} would collect", style="bold")
    for one in preview.expositions:
        yield from _exposition(one, look)
    if len(preview.expositions) > 1:
        yield Text(f"\nTogether: {_round(preview.points_a_day)} points a day.", style="bold")
    yield Text("\nOther choices", style="bold")
    yield _choices(preview.costs, look)
    yield Text("  panels: with data, of those that the expositions can feed", style="dim")
    for view in preview.views:
        yield from _view(view, look.width)
    for note in preview.notes:
        yield Text(f"\nNote: {note}")


def _exposition(one: ExpositionPreview, look: Look) -> Iterator[RenderableType]:
    exposition = one.exposition
    release = f", Istio {show_version(exposition.version)}" if exposition.version else ""
    known = exposition.target.value if exposition.recognised else "taken for a sidecar"
    yield Text(f"\n{exposition.name}: {known}{release}", style="bold")
    yield _kept(one, look)
    if exposition.counted.error:
        yield Text(
            f"The agent stops in the middle: {exposition.counted.error}."
            " What stands behind it is lost.",
            style="bold red",
        )
    if one.interval_s:
        targets = f" x {_number(one.targets)} such targets" if one.targets != 1 else ""
        yield Text(
            f"{one.points:,} points every {one.interval_s:g} s{targets}"
            f" = {_round(one.points_a_day)} points a day"
        )
    yield from _families("Largest families that are kept", one.kept, look)
    yield from _families("Largest families that are dropped", one.dropped, look)
    if one.seen is not None:
        yield from _labels(one.seen, look)
        yield from _collisions(one.seen, look)


def _kept(one: ExpositionPreview, look: Look) -> Table:
    table = _table("", "families", "series", "", "points")
    total = one.exposition.counted.series
    for word, families in (("kept", one.kept), ("dropped", one.dropped)):
        series = sum(family.series for family in families)
        points = sum(family.points for family in families)
        share = look.bar(series, total)
        table.add_row(word, f"{len(families):,}", f"{series:,}", share, f"{points:,}")
    table.add_row("all", f"{len(one.families):,}", f"{total:,}", "", "")
    return table


def _families(
    title: str, families: Sequence[FamilyPreview], look: Look
) -> Iterator[RenderableType]:
    if not families or not look.top:
        return
    kept = not families[0].dropped
    yield Text(f"\n{title}")
    table = _table("", "type", "points" if kept else "series", "", folded=0)
    sizes = [family.points if kept else family.series for family in families]
    for family, size in zip(families[: look.top], sizes, strict=False):
        table.add_row(family.name, family.type, f"{size:,}", look.bar(size, sizes[0]))
    yield table
    if len(families) > look.top:
        yield Text(
            f"  and {len(families) - look.top:,} more with {sum(sizes[look.top :]):,} (--top)"
        )


def _labels(seen: PointsSeen, look: Look) -> Iterator[RenderableType]:
    if not seen.labels or not look.top:
        return
    part = "" if seen.complete else f", in {seen.points:,} points that were built"
    yield Text(f"\nLabels by number of values{part}")
    table = _table("", "values", "", "on points", folded=0)
    for label in seen.labels[: look.top]:
        share = look.bar(label.values, seen.labels[0].values)
        table.add_row(label.name, f"{label.values:,}", share, f"{label.points:,}")
    yield table
    if len(seen.labels) > look.top:
        yield Text(f"  and {len(seen.labels) - look.top:,} more (--top)")


def _collisions(seen: PointsSeen, look: Look) -> Iterator[RenderableType]:
    part = "" if seen.complete else f" among {seen.points:,} points that were built"
    if not seen.collisions:
        yield Text(f"\nCollisions: none{part}.")
        return
    yield Text(
        f"\nCollisions{part}: {seen.collisions:,} series with several values in one scrape,"
        " of which one wins:",
        style="bold red",
    )
    for field, count in seen.by_field[:_MOST_CLASHES]:
        yield Text(f"  {field}: {count:,} series")
    for clash in seen.clashes[:_MOST_CLASHES]:
        tags = ", ".join(f'{name}="{value}"' for name, value in clash.tags)
        shown = tags if len(tags) <= _MOST_CHARACTERS else f"{tags[:_MOST_CHARACTERS]}..."
        yield Text(f"  {clash.field} = {' and '.join(clash.values[:4])} for")
        yield _wrapped(shown, look.width, 6)


def _choices(costs: Sequence[Cost], look: Look) -> Table:
    table = _table("", "series", "points", "a day", "", "panels", "collisions", folded=0)
    most = max(cost.points_a_day for cost in costs)
    for number, cost in enumerate(costs):
        table.add_row(
            cost.name,
            "+".join(f"{series:,}" for series in cost.series_by_exposition)
            if len(cost.series_by_exposition) <= _MOST_PARTS
            else f"{cost.series:,}",
            f"{cost.points:,}",
            _round(cost.points_a_day),
            look.bar(cost.points_a_day, most, 10),
            f"{cost.panels}/{cost.panels_asked}",
            "" if cost.collisions is None else f"{cost.collisions:,}",
            style="bold" if number == 0 else "",
        )
    return table


def _view(view: ViewPreview, width: int) -> Iterator[RenderableType]:
    fed = f"{view.count(Verdict.HAS_DATA)} of {view.asked} panels have data" if view.asked else ""
    others = [
        f"{view.count(verdict)} {words}"
        for verdict, words in (
            (Verdict.NOT_SEEN, "not exposed now"),
            (Verdict.NOT_LOOKED_AT, "from targets that were not given"),
            (Verdict.WITHOUT_SOURCE, "not from the mesh"),
        )
        if view.count(verdict)
    ]
    yield Text(f"\nView {view.view.value}: {'; '.join(filter(None, [fed, *others]))}", style="bold")
    editions = {panel.edition for panel in view.panels}
    for panel in view.panels:
        word, style = _VERDICTS[panel.verdict]
        edition = f" ({panel.edition})" if len(editions) > 1 else ""
        yield Text.assemble((f"  {word:<8}", style), f"{panel.title}{edition}")
        if panel.verdict is not Verdict.HAS_DATA:
            yield from _whys(panel, width)


def _whys(panel: PanelPreview, width: int) -> Iterator[Text]:
    whys: dict[str, list[str]] = {}
    for name, why in panel.lacks:
        whys.setdefault(why, []).append(name)
    for why, names in whys.items():
        shown = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        word = "lacks " if panel.verdict is Verdict.LACKS else ""
        style = "dim" if panel.verdict is not Verdict.LACKS else ""
        yield _wrapped(f"{word}{shown}: {why}", width, 12, style)


def _wrapped(text: str, width: int, indent: int, style: str = "") -> Text:
    blanks = " " * indent
    return Text(
        textwrap.fill(
            text,
            max(width, 40),
            initial_indent=blanks,
            subsequent_indent=blanks,
            break_long_words=False,
        ),
        style=style,
    )


def _table(*headings: str, folded: int | None = None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        if number == folded or (folded is None and number == 0):
            table.add_column(heading, overflow="fold")
        elif heading in {"", "type"}:
            table.add_column(heading, no_wrap=True)
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    return table


def _round(number: float) -> str:
    return f"{round(number):,}"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"
