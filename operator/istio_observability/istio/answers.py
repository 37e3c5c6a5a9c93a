"""
Answers for each panel of the views whether its data arrives, and if not, what lacks and why.

A panel *lacks* something if a configuration of ours could deliver it. What comes from elsewhere, or
what this release of Istio does not have, is said but held against nobody: a panel made of nothing
else is ``WITHOUT_SOURCE``. Equal input gives equal answers in an equal order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from istio_observability.istio.arrival import lacks_of
from istio_observability.istio.catalogue import load_catalogue
from istio_observability.istio.views import Panel, View, fitting_editions, load_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from istio_observability.istio.arrival import Collected, Lack
    from istio_observability.istio.catalogue import Target, Version


class PanelState(StrEnum):
    """The verdict about a panel. Values are public: ``plan -o json``."""

    HAS_DATA = "HasData"
    LACKS = "Lacks"
    WITHOUT_SOURCE = "WithoutSource"
    """Nothing arrives, and no configuration of ours changes that."""


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """One panel: the families that arrive whole, and what lacks, both sorted by name."""

    panel: Panel
    delivered: tuple[str, ...]
    lacks: tuple[Lack, ...]

    @property
    def state(self) -> PanelState:
        """Return the verdict."""
        if any(lack.is_ours for lack in self.lacks):
            return PanelState.LACKS
        return PanelState.HAS_DATA if self.delivered else PanelState.WITHOUT_SOURCE


@dataclass(frozen=True, slots=True)
class ViewAnswer:
    """One view: the panels of each edition that fits, in the order of the dashboard."""

    view: View
    panels: tuple[PanelAnswer, ...]

    @property
    def has_data(self) -> bool:
        """Return whether everything arrives that a configuration of ours could deliver."""
        return not any(lack.is_ours for lack in self.lacks)

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """Return what any panel lacks, each once: what is ours first, then by name."""
        found = {lack for answer in self.panels for lack in answer.lacks}
        return tuple(sorted(found, key=lambda lack: (not lack.is_ours, lack.name, lack.why)))

    def count(self, state: PanelState) -> int:
        """Return the number of panels with this verdict."""
        return sum(answer.state is state for answer in self.panels)


def answer_views(
    views: Iterable[View],
    collected: Mapping[Target, Collected],
    version: Version | None = None,
) -> tuple[ViewAnswer, ...]:
    """
    Return an answer for each view, in the order of ``View``.

    Args:
        views: What people look at; order and repetition have no effect.
        collected: What is kept of each target; one that is left out is not scraped.
        version: Release of Istio. Without it both editions of a view are answered, and what any
            release exposes counts as exposed.
    """
    chosen = frozenset(views)
    return tuple(
        ViewAnswer(
            view,
            tuple(
                answer_panel(panel, collected, version)
                for edition in fitting_editions(view, version)
                for panel in load_views()[view, edition].panels
            ),
        )
        for view in View
        if view in chosen
    )


def answer_panel(
    panel: Panel, collected: Mapping[Target, Collected], version: Version | None = None
) -> PanelAnswer:
    """Return the answer for one panel; the arguments are those of ``answer_views``."""
    delivered: list[str] = []
    lacks: list[Lack] = []
    for alternatives in needs_of(panel):
        found = [(name, lacks_of(name, panel, collected, version)) for name in alternatives]
        whole = [name for name, missing in found if not missing]
        if whole:
            delivered.append(whole[0])
        else:
            lacks += found[0][1]
    return PanelAnswer(panel, tuple(delivered), tuple(sorted(lacks, key=lambda lack: lack.name)))


def needs_of(panel: Panel) -> tuple[tuple[str, ...], ...]:
    """
    Return the families that a panel needs, sorted; of each entry one is enough, the first is best.

    A family that ended and stands beside the one that took its place is an alternative to it:
    queries join the two by ``or``, so that a dashboard outlives the change.
    """
    gone = load_catalogue().gone
    old: dict[str, list[str]] = {}
    for name in panel.families:
        if name in gone and gone[name].instead in panel.families:
            old.setdefault(gone[name].instead, []).append(name)
    replaced = {name for names in old.values() for name in names}
    return tuple((name, *old.get(name, ())) for name in panel.families if name not in replaced)
