"""
What to scrape from one target: from profile, views and extras to one scrape document.

Three targets, three lists: what a sidecar, a gateway and istiod expose has little in common.
How the document reaches the agent (pod template, live pod, agent configuration) is decided
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom import PromScrape, anchor
from istio_observability.datakit.prom_checks import InvalidScrape, check_scrape
from istio_observability.datakit.reading import Unreadable
from istio_observability.istio import document
from istio_observability.istio.selection import select
from istio_observability.istio.views import View
from istio_observability.model.metrics_spec import MetricsProfile, MetricsSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from istio_observability.istio.catalogue import Target
    from istio_observability.plan.facts import FieldFacts


@dataclass(frozen=True, slots=True)
class Choice:
    """What to collect from one target, before it is addressed: lists in the agent's terms."""

    name_filter: tuple[str, ...]
    metric_types: tuple[str, ...]
    tags_ignore: tuple[str, ...]


def decide_choice(metrics: MetricsSpec, extra_families: tuple[str, ...], target: Target) -> Choice:
    """
    Return the lists for one target.

    Without a name filter nothing of the target is wanted, and it must not be rendered: an empty
    filter means everything to the agent. Only istiod has views that need nothing of it.

    Args:
        metrics: Profile and views.
        extra_families: RE2, taken as they are.
        target: What is scraped.
    """
    if metrics.profile is MetricsProfile.DOCUMENT:
        # Mistakes included: the profile exists so that a hand-made installation changes no byte.
        return Choice(
            name_filter=document.NAME_FILTER,
            metric_types=document.METRIC_TYPES,
            tags_ignore=document.TAGS_IGNORE,
        )
    views = tuple(sorted(View(view.value) for view in metrics.views))
    return _standard(target, views, tuple(sorted(set(extra_families))))


@lru_cache(maxsize=256)
def _standard(target: Target, views: tuple[View, ...], extras: tuple[str, ...]) -> Choice:
    selection = select(target, views)
    return Choice(
        name_filter=(*(anchor(family) for family in selection.families), *extras),
        # An extra family may be of any type; a type filter would silently drop it.
        metric_types=() if extras else selection.metric_types,
        tags_ignore=selection.tags_ignore,
    )


def scrape_of(
    choice: Choice,
    *,
    source: str,
    urls: tuple[str, ...],
    interval_s: int,
    measurement: str,
    tags: Mapping[str, str],
    election: bool | None,
) -> PromScrape:
    """Return the addressed scrape document."""
    return PromScrape(
        source=source,
        urls=urls,
        interval_s=interval_s,
        measurement=measurement,
        metric_types=choice.metric_types,
        name_filter=choice.name_filter,
        tags_ignore=choice.tags_ignore,
        tags=tuple(sorted(tags.items())),
        election=election,
    )


def keep_address(
    scrape: PromScrape,
    live: FieldFacts | None,
    read: Callable[[str], tuple[PromScrape, ...]],
    *,
    path: ConfigPath,
) -> PromScrape:
    """
    Return the scrape with source, URLs and tags of a live text, where that can be read.

    The document numbers its sources by hand; profile ``Document`` keeps what it finds, so that a
    takeover changes no byte. What the agent could not use is not kept.
    """
    if live is None or live.value is None:
        return scrape
    try:
        found = read(live.value)
    except Unreadable:
        return scrape
    if len(found) != 1:
        return scrape
    (kept,) = found
    kept = replace(
        scrape,
        source=kept.source or scrape.source,
        urls=kept.urls or scrape.urls,
        tags=kept.tags,
        # An annotation knows no election.
        election=kept.election if path is ConfigPath.CONF else scrape.election,
    )
    try:
        check_scrape(kept, path)
    except InvalidScrape:
        return scrape
    return kept
