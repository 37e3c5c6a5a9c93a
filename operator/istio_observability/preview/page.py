"""
The preview as one page of HTML to pass around: charts, tables, every panel.

Self-contained: it asks no server for anything, runs no script, and says so to the browser. Every
text that comes from an exposition or a configuration is escaped. Equal previews give equal bytes.
"""

from __future__ import annotations

from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import show_version
from istio_observability.preview.page_charts import bar, draw_families
from istio_observability.preview.page_style import STYLE
from istio_observability.preview.panels import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from istio_observability.preview.panels import PanelPreview, ViewPreview
    from istio_observability.preview.points import PointsSeen
    from istio_observability.preview.result import Cost, ExpositionPreview, FamilyPreview, Preview

_ROWS: Final = 12
_CLASHES: Final = 5
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_WORDS: Final = {
    Verdict.HAS_DATA: "has data",
    Verdict.LACKS: "lacks",
    Verdict.NOT_SEEN: "not now",
    Verdict.NOT_LOOKED_AT: "not given",
    Verdict.WITHOUT_SOURCE: "elsewhere",
}


def render_page(preview: Preview) -> str:
    """Render the page."""
    title = escape(f"What {preview.applied} would collect")
    body = "\n".join(_body(preview))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _body(preview: Preview) -> Iterator[str]:
    names = ", ".join(escape(_source(one)) for one in preview.expositions)
    yield f'<p class="soft">Previewed on {names}</p>'
    yield from _tiles(preview)
    yield from _choices(preview.costs)
    for one in preview.expositions:
        yield from _exposition(one)
    yield "<h2>What people will see</h2>"
    for view in preview.views:
        yield from _view(view)
    for note in preview.notes:
        yield f'<p class="soft">Note: {escape(note)}</p>'
    yield (
        "<footer>A series is a line of an exposition. A point is what the agent makes of one or"
        " more of them, and what is stored. Made by <code>istio-observability preview</code>;"
        " nothing was written to any cluster.</footer>"
    )


def _tiles(preview: Preview) -> Iterator[str]:
    applied = preview.costs[0]
    series = sum(one.exposition.counted.series for one in preview.expositions)
    families = sum(len(one.families) for one in preview.expositions)
    pods = f"with {_pods(preview.pods)}" if preview.pods else "one target of each kind"
    yield '<div class="tiles">'
    yield _tile(_short(preview.points_a_day), f"points a day {pods}")
    yield _tile(f"{applied.points:,}", "points in one scrape of each")
    yield _tile(f"{applied.series:,}", f"of {series:,} series are kept")
    yield _tile(f"{applied.families:,}", f"of {families:,} families are kept")
    mood = "good" if applied.panels == applied.panels_asked else "bad"
    yield _tile(f"{applied.panels}/{applied.panels_asked}", "panels have data", mood)
    mood = "bad" if applied.collisions else "good"
    yield _tile(f"{applied.collisions or 0:,}", "series collide", mood)
    yield "</div>"


def _tile(number: str, words: str, mood: str = "") -> str:
    return f'<div class="tile {mood}"><b>{number}</b><span>{escape(words)}</span></div>'


def _choices(costs: Sequence[Cost]) -> Iterator[str]:
    most = max(cost.points_a_day for cost in costs)
    yield "<h2>What another choice would cost</h2>"
    yield '<div class="card"><table><thead><tr><th>choice</th><th class="bar"></th>'
    yield '<th class="n">points a day</th><th class="n">points a scrape</th>'
    yield '<th class="n">series</th><th class="n">panels</th><th class="n">collisions</th>'
    yield "</tr></thead><tbody>"
    for number, cost in enumerate(costs):
        clashes = "-" if cost.collisions is None else f"{cost.collisions:,}"
        yield (
            f'<tr class="{"main" if not number else ""}"><td>{escape(cost.name)}</td>'
            f'<td class="bar">{bar(cost.points_a_day, most, "alt")}</td>'
            f'<td class="n">{cost.points_a_day:,.0f}</td><td class="n">{cost.points:,}</td>'
            f'<td class="n">{" + ".join(f"{n:,}" for n in cost.series_by_exposition)}</td>'
            f'<td class="n">{cost.panels}/{cost.panels_asked}</td>'
            f'<td class="n">{clashes}</td></tr>'
        )
    yield "</tbody></table></div>"
    yield (
        '<p class="soft">Panels: those that have data, of those that the expositions can feed.'
        " Collisions: a dash where labels are treated as in the first row.</p>"
    )


def _exposition(one: ExpositionPreview) -> Iterator[str]:
    exposition = one.exposition
    release = f", Istio {show_version(exposition.version)}" if exposition.version else ""
    known = exposition.target.value if exposition.recognised else "taken for a sidecar"
    yield f"<h2>{escape(_source(one))} <span class=soft>({known}{release})</span></h2>"
    if exposition.counted.error:
        yield (
            f'<p class="alarm">The agent stops in the middle: {escape(exposition.counted.error)}.'
            " What stands behind it is lost.</p>"
        )
    if one.seen and one.seen.collisions:
        yield from _clashes(one.seen)
    yield '<div class="card"><h3>Every family, by its number of series</h3>'
    yield (
        '<div class="legend"><span><svg viewBox="0 0 1 1"><rect class="kept" width="1" height="1"'
        f"/></svg>kept: {one.series_kept:,} series in {len(one.kept):,} families</span>"
        '<span><svg viewBox="0 0 1 1"><rect class="gone" width="1" height="1"/></svg>dropped:'
        f" {exposition.counted.series - one.series_kept:,} series in {len(one.dropped):,}"
        " families</span></div>"
    )
    yield draw_families(one.families)
    yield '</div><div class="three">'
    yield from _families("Largest families that are kept", one.kept)
    yield from _families("Largest families that are dropped", one.dropped)
    if one.seen:
        yield from _labels(one.seen)
    yield "</div>"


def _families(title: str, families: Sequence[FamilyPreview]) -> Iterator[str]:
    if not families:
        return
    kept = not families[0].dropped
    sizes = [family.points if kept else family.series for family in families]
    yield f'<div class="card"><h3>{title}</h3><table class="list"><thead><tr><th>family</th>'
    yield f'<th class="n">{"points" if kept else "series"}</th></tr></thead><tbody>'
    for family, size in zip(families[:_ROWS], sizes, strict=False):
        why = f' title="{escape(family.dropped)}"' if family.dropped else ""
        yield (
            f"<tr{why}><td>{_name(family.name)} <small>{escape(family.type)}</small>"
            f"{bar(size, sizes[0], 'kept' if kept else 'gone')}</td>"
            f'<td class="n">{size:,}</td></tr>'
        )
    yield "</tbody></table>"
    if len(families) > _ROWS:
        more = sum(sizes[_ROWS:])
        yield f'<p class="soft">and {len(families) - _ROWS:,} more with {more:,}</p>'
    yield "</div>"


def _labels(seen: PointsSeen) -> Iterator[str]:
    if not seen.labels:
        return
    part = "" if seen.complete else f" (in {seen.points:,} points that were built)"
    yield f'<div class="card"><h3>Labels by number of values{part}</h3><table class="list">'
    yield '<thead><tr><th>label</th><th class="n">values</th></tr></thead><tbody>'
    for label in seen.labels[:_ROWS]:
        yield (
            f"<tr><td>{_name(label.name)} <small>on {label.points:,} points</small>"
            f"{bar(label.values, seen.labels[0].values, 'kept')}</td>"
            f'<td class="n">{label.values:,}</td></tr>'
        )
    yield "</tbody></table>"
    if len(seen.labels) > _ROWS:
        yield f'<p class="soft">and {len(seen.labels) - _ROWS:,} more</p>'
    yield "</div>"


def _clashes(seen: PointsSeen) -> Iterator[str]:
    fields = ", ".join(f"{field} ({count:,})" for field, count in seen.by_field[:_ROWS])
    yield (
        f'<div class="alarm"><b>{seen.collisions:,} series get several values in one scrape;'
        f" one of them wins.</b> {escape(fields)}"
    )
    for clash in seen.clashes[:_CLASHES]:
        tags = ",".join(f'{name}="{value}"' for name, value in clash.tags)
        shown = f"{clash.field}{{{tags}}} = {' and '.join(clash.values[:4])}"
        yield f"<br><code>{escape(shown)}</code>"
    yield "</div>"


def _view(view: ViewPreview) -> Iterator[str]:
    words = [f"{view.count(Verdict.HAS_DATA)} of {view.asked} panels have data"]
    words += [
        f"{view.count(verdict)} {text}"
        for verdict, text in (
            (Verdict.NOT_SEEN, "not exposed now"),
            (Verdict.NOT_LOOKED_AT, "from targets that were not given"),
            (Verdict.WITHOUT_SOURCE, "not from the mesh"),
        )
        if view.count(verdict)
    ]
    yield f'<div class="card"><h3>{view.view.value}: {"; ".join(words)}</h3><ul class="panels">'
    editions = {panel.edition for panel in view.panels}
    for panel in view.panels:
        edition = f" ({panel.edition})" if len(editions) > 1 else ""
        yield (
            f'<li><span class="mark {panel.verdict.value}">{_WORDS[panel.verdict]}</span>'
            f"<span>{escape(panel.title)}{edition}</span>{_whys(panel)}</li>"
        )
    yield "</ul></div>"


def _whys(panel: PanelPreview) -> str:
    if panel.verdict is Verdict.HAS_DATA:
        return ""
    whys: dict[str, list[str]] = {}
    for name, why in panel.lacks:
        whys.setdefault(why, []).append(name)
    lines = [
        f"{', '.join(names[:2])}{f' and {len(names) - 2} more' if names[2:] else ''}: {why}"
        for why, names in whys.items()
    ]
    return "".join(f"<small>{escape(line)}</small>" for line in lines)


def _short(number: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M")):
        if number >= limit:
            return f"{number / limit:,.1f} {unit}"
    return f"{number:,.0f}"


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count:,} pods"


def _source(one: ExpositionPreview) -> str:
    """Return the name without folders: where a file lies is nothing to pass around."""
    name = one.exposition.name
    return name if "://" in name else PurePath(name).name or name


def _name(name: str) -> str:
    # Long names break behind an underscore, not inside a word.
    return f"<code>{escape(name).replace('_', '_<wbr>')}</code>"
