"""
Answers for each panel of the views from expositions that were looked at, in plain words.

Beside "has data" and "lacks", a preview knows two verdicts more: what comes from a target whose
exposition was not given, and what a target does not expose now, for a counter appears with its
first event. Neither is held against the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from istio_observability.istio.answers import answer_views
from istio_observability.istio.arrival import Cause, Collected, Exposed
from istio_observability.istio.catalogue import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from istio_observability.datakit.scrape_options import ScrapeOptions
    from istio_observability.istio.answers import PanelAnswer
    from istio_observability.istio.arrival import Lack
    from istio_observability.istio.catalogue import Version
    from istio_observability.istio.views import View
    from istio_observability.preview.counted import Counted


class Verdict(StrEnum):
    """What is known of a panel. Values are public: ``preview -o json``."""

    HAS_DATA = "HasData"
    LACKS = "Lacks"
    """The target exposes it, and the configuration drops it."""
    NOT_SEEN = "NotSeen"
    NOT_LOOKED_AT = "NotLookedAt"
    WITHOUT_SOURCE = "WithoutSource"
    """The mesh does not expose it at all."""


@dataclass(frozen=True, slots=True)
class PanelPreview:
    """
    One panel.

    Attributes:
        arrives: Families that arrive whole.
        lacks: What does not, with the reason, by name.
    """

    title: str
    edition: str
    verdict: Verdict
    arrives: tuple[str, ...]
    lacks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ViewPreview:
    """One view and its panels, in the order of the dashboard."""

    view: View
    panels: tuple[PanelPreview, ...]

    def count(self, verdict: Verdict) -> int:
        """Return the number of panels with this verdict."""
        return sum(panel.verdict is verdict for panel in self.panels)

    @property
    def asked(self) -> int:
        """Return the number of panels that the expositions can say something about."""
        return self.count(Verdict.HAS_DATA) + self.count(Verdict.LACKS)


def answer_panels(
    views: Iterable[View],
    seen: Mapping[Target, Iterable[Counted]],
    options: Mapping[Target, ScrapeOptions | None],
    version: Version | None,
) -> tuple[ViewPreview, ...]:
    """
    Return the answers of the views.

    Args:
        views: What people look at.
        seen: The expositions that were looked at.
        options: What the agent does with each target, ``None`` where it is not scraped.
        version: Release of Istio, ``None`` if it is not known.
    """
    collected = {
        _subject(target): _collected(options[target], counted) for target, counted in seen.items()
    }
    return tuple(
        ViewPreview(answer.view, tuple(_panel(panel) for panel in answer.panels))
        for answer in answer_views(views, collected, version)
    )


def _subject(target: Target) -> Target:
    # The proxy of a gateway is the same as that of a sidecar.
    return Target.SIDECAR if target is Target.GATEWAY else target


def _collected(options: ScrapeOptions | None, counted: Iterable[Counted]) -> Collected:
    types: dict[str, str] = {}
    labels: dict[str, set[str]] = {}
    for family in (family for one in counted for family in one.families):
        # Where a family is cut in two, the part with a type is the one that filters keep.
        if family.type != "untyped" or family.name not in types:
            types[family.name] = family.type
        labels.setdefault(family.name, set()).update(family.labels)
    exposed = {name: Exposed(kind, frozenset(labels[name])) for name, kind in types.items()}
    if options is None:
        return Collected(keeps=lambda _name: False, exposed=exposed)
    return Collected(
        keeps=options.names_wanted,
        metric_types=options.metric_types,
        tags_ignore=frozenset(options.tags_ignore) | frozenset(options.tags_rename),
        exposed=exposed,
    )


def _panel(answer: PanelAnswer) -> PanelPreview:
    return PanelPreview(
        title=answer.panel.title,
        edition=answer.panel.edition.value,
        verdict=_verdict(answer),
        arrives=answer.delivered,
        lacks=tuple((lack.name, _why(lack)) for lack in answer.lacks),
    )


def _verdict(answer: PanelAnswer) -> Verdict:
    causes = {lack.cause for lack in answer.lacks}
    if any(lack.is_ours and lack.cause is not Cause.NOT_SCRAPED for lack in answer.lacks):
        return Verdict.LACKS
    if answer.delivered:
        return Verdict.HAS_DATA
    if Cause.NOT_SCRAPED in causes:
        return Verdict.NOT_LOOKED_AT
    return Verdict.NOT_SEEN if Cause.NOT_SEEN in causes else Verdict.WITHOUT_SOURCE


def _why(lack: Lack) -> str:
    if lack.cause is not Cause.NOT_SCRAPED:
        return lack.why
    return f"comes from {lack.why.removeprefix('no ').removesuffix(' is scraped')}, not given here"
