"""
Decides what to collect from one kind of target: the families that the chosen views need.

The selection is a union over all supported releases and both editions of a view: a family that
only old or only new releases expose is listed too and simply matches nothing elsewhere. So an
upgrade of the mesh changes no text in a pod template and restarts nobody.

ztunnel is no target: it serves OpenMetrics, whose counters the agent takes for untyped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.istio.catalogue import Family, Target, load_catalogue
from istio_observability.istio.labels import load_label_rules
from istio_observability.istio.views import View, families_of_views, labels_of_views

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What to keep of one target. Every tuple is sorted.

    Attributes:
        families: Family names, not expressions. Empty means: nothing of this target is needed;
            an agent would take an empty filter for "everything".
        metric_types: The types of these families.
        tags_ignore: Labels to leave out.
    """

    families: tuple[str, ...]
    metric_types: tuple[str, ...]
    tags_ignore: tuple[str, ...]


def select(target: Target, views: Iterable[View]) -> Selection:
    """
    Return what a target has to deliver for the views.

    Args:
        target: Whose families.
        views: What people look at; order and repetition have no effect.
    """
    chosen = frozenset(views)
    needed = families_of_views(chosen)
    families = [family for family in load_catalogue().of(target) if family.name in needed]
    return Selection(
        families=tuple(sorted(family.name for family in families)),
        metric_types=tuple(sorted({family.type.value for family in families})),
        tags_ignore=_droppable(target, families, labels_of_views(chosen)),
    )


def _droppable(target: Target, families: list[Family], needed: frozenset[str]) -> tuple[str, ...]:
    rules = load_label_rules()
    dropped = []
    for rule in rules.droppable:
        if target not in rule.targets or rule.label in needed or rule.label in rules.kept:
            continue
        carriers = [family for family in families if rule.label in family.labels]
        # Where a determining label is missing from a family, nothing says that the label is safe.
        if carriers and all(rule.determined_by <= set(family.labels) for family in carriers):
            dropped.append(rule.label)
    return tuple(sorted(dropped))
