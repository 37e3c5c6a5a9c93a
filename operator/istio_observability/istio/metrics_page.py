"""
The page of metrics, generated from the catalogue and the views.

``python -m istio_observability.istio.metrics_page > docs/metrics.md``; a test compares the two, so
the page, the filters that are rendered and the answers about views cannot differ.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from istio_observability.istio import document
from istio_observability.istio.answers import PanelState, answer_panel, needs_of
from istio_observability.istio.arrival import Cause, Collected, collect_selection
from istio_observability.istio.catalogue import (
    FIRST_VERSION,
    LAST_VERSION,
    Family,
    Target,
    load_catalogue,
    show_version,
)
from istio_observability.istio.selection import select
from istio_observability.istio.views import (
    CURRENT_SINCE,
    SCRAPE_LABELS,
    Edition,
    View,
    load_views,
    views_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from istio_observability.istio.answers import PanelAnswer

_HEAD: Final = """\
# Metrics

Generated from the catalogue and the views by `make generate`;
`istio-observability catalog [PATTERN]` searches the same data.

The agent filters on the name of a *family*, as it stands in the `# TYPE` line: `_bucket`, `_sum`
and `_count` are samples of a histogram and match no filter. Profile `Standard` collects the
families that the views of the resource need, and no others; `extraFamilies` adds any of these.
"""
_FAMILIES: Final = """\
## Families

"Istio" is the span of releases that have the family, from {first} to {last}: `all`, `from 1.19`,
or `until 1.18`. Counters appear with their first event, so an error counter that is absent is no
fault. `le` and `quantile` are left out of the labels.

A sidecar and a gateway are the same proxy. Of Envoy's own statistics (`envoy_…`) the proxy lets
out what its inclusion list names; only those of general interest are listed. What an application
exposes itself is merged into its sidecar's endpoint and is not listed.
"""
_VIEWS: Final = """\
## Views

Each view is known in two editions: as Istio 1.11 shipped it, and as it is today. The filters keep
both alive, so an upgrade of the mesh changes no configuration. `a / b` means that one of the two
is enough. "Standard" and "Document" say what the two profiles deliver to a panel:

- **data**: everything that the mesh itself exposes for it;
- **lacks …**: what the profile does not collect, so that the panel stays empty or is wrong;
- **elsewhere**: it needs only what another component exposes.

`status.views` of a resource, and `istio-observability plan`, say the same about your cluster, with
the reason for each family.
"""
_TITLES: Final[Mapping[Target, str]] = {
    Target.SIDECAR: "Sidecars and gateways",
    Target.ISTIOD: "istiod",
}


def render_metrics_page() -> str:
    """Return the page as Markdown; equal data give equal bytes."""
    lines = [_HEAD]
    lines.append(
        _FAMILIES.format(first=show_version(FIRST_VERSION), last=show_version(LAST_VERSION))
    )
    lines += _label_sets()
    for target, title in _TITLES.items():
        lines += ["", f"### {title}", "", *_families(target)]
    lines += ["", "### Named by a view or a document, but exposed by nobody here", "", *_others()]
    lines += ["", _VIEWS]
    lines += [line for view in View for line in _view(view)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _label_sets() -> Iterator[str]:
    yield "Two vocabularies are shared by the standard metrics:"
    yield ""
    for name, labels in load_catalogue().label_sets.items():
        yield f"- **{name}** ({len(labels)} labels): {_code(*labels)}"


def _families(target: Target) -> Iterator[str]:
    yield "| family | type | unit | from | labels | Istio | views | meaning |"
    yield "|---|---|---|---|---|---|---|---|"
    for family in load_catalogue().of(target):
        cells = (
            _code(family.name),
            family.type.value,
            family.unit,
            ", ".join(each.value for each in Target if each in family.targets),
            _labels(family),
            _releases(family),
            ", ".join(view.value for view in views_of(family.name)),
            family.help,
        )
        yield _row(*cells)


def _others() -> Iterator[str]:
    catalogue = load_catalogue()
    yield "| family | why | views |"
    yield "|---|---|---|"
    for name, component in catalogue.external.items():
        yield _row(_code(name), f"comes from {component}", ", ".join(views_of(name)))
    for old in catalogue.gone.values():
        why = f"ended with Istio {show_version(old.until)}; {_code(old.instead)} took its place"
        yield _row(_code(old.name), why, ", ".join(views_of(old.name)))


def _view(view: View) -> Iterator[str]:
    for edition in Edition:
        found = load_views()[view, edition]
        since = show_version(CURRENT_SINCE[view])
        span = f"before Istio {since}" if edition is Edition.ISTIO_1_11 else f"since Istio {since}"
        yield f"### {view.value}, {span}"
        yield ""
        yield "| panel | needs | labels | Standard | Document |"
        yield "|---|---|---|---|---|"
        for panel in found.panels:
            yield _row(
                panel.title,
                ", ".join(" / ".join(map(_code, names)) for names in needs_of(panel)),
                _code(*(label for label in panel.labels if label not in SCRAPE_LABELS)),
                _verdict(answer_panel(panel, _standard())),
                _verdict(answer_panel(panel, _document())),
            )
        yield ""


def _verdict(answer: PanelAnswer) -> str:
    ours = [lack.name for lack in answer.lacks if lack.is_ours]
    if ours:
        return f"lacks {_code(*ours)}"
    if answer.state is PanelState.WITHOUT_SOURCE:
        return "elsewhere"
    external = [lack.name for lack in answer.lacks if lack.cause is Cause.EXTERNAL]
    return f"data, without {_code(*external)}" if external else "data"


def _standard() -> Mapping[Target, Collected]:
    return {target: collect_selection(select(target, View)) for target in Target}


def _document() -> Mapping[Target, Collected]:
    kept = Collected(
        # The document's expressions are plain words, and the agent searches for them.
        keeps=lambda family: any(word in family for word in document.NAME_FILTER),
        metric_types=frozenset(document.METRIC_TYPES),
        tags_ignore=frozenset(document.TAGS_IGNORE),
    )
    return dict.fromkeys(Target, kept)


def _labels(family: Family) -> str:
    for name, labels in load_catalogue().label_sets.items():
        if family.labels == labels:
            return f"**{name}**"
    return _code(*family.labels)


def _releases(family: Family) -> str:
    parts = []
    if family.since > FIRST_VERSION:
        parts.append(f"from {show_version(family.since)}")
    if family.until is not None:
        parts.append(f"until {show_version(family.until)}")
    return " ".join(parts) or "all"


def _code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(render_metrics_page())
