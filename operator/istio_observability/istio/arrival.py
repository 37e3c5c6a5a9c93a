"""
Decides whether a family arrives from the targets that a panel needs it from, and if not, why.

Decided from what the agent keeps of each target (name filter, type filter, labels left out) and
from what the target exposes: by the catalogue, or by an exposition that was looked at. Nothing is
scraped here.

Source: GuanceCloud/datakit 1.84.1, internal/prom/util.go (filters by family, type, label).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import (
    Family,
    MetricType,
    Target,
    load_catalogue,
    show_version,
)
from istio_observability.istio.views import Panel, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from istio_observability.istio.catalogue import Version
    from istio_observability.istio.selection import Selection

_SUBJECT: Final[Mapping[View, Target]] = MappingProxyType(
    {
        View.MESH: Target.SIDECAR,
        View.SERVICE: Target.SIDECAR,
        View.WORKLOAD: Target.SIDECAR,
        View.CONTROL_PLANE: Target.ISTIOD,
    }
)
"""
Whom a view is about. A family that this target exposes has to come from it: what gateways report
of requests is no picture of the mesh, and the versions of proxies are not those of istiod.
"""


class Cause(StrEnum):
    """Why something does not arrive. Values are public: ``plan -o json``."""

    NOT_SCRAPED = "NotScraped"
    NOT_COLLECTED = "NotCollected"
    TYPE_DROPPED = "TypeDropped"
    LABEL_DROPPED = "LabelDropped"
    NOT_EXPOSED = "NotExposed"
    """The release of Istio does not have it."""
    NOT_SEEN = "NotSeen"
    """The exposition that was looked at lacks it; counters appear with their first event."""
    EXTERNAL = "External"
    """Another component exposes it."""


OURS: Final = frozenset(
    {Cause.NOT_SCRAPED, Cause.NOT_COLLECTED, Cause.TYPE_DROPPED, Cause.LABEL_DROPPED}
)
"""The causes that another configuration removes."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """One family of an exposition: the word of its ``# TYPE`` line and all its label names."""

    type: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Collected:
    """
    What the agent keeps of one target.

    Attributes:
        keeps: Whether the name filter keeps a family.
        metric_types: Types that are kept; empty means all.
        tags_ignore: Labels that are left out.
        exposed: The families of an exposition by name; ``None`` means what the catalogue says.
            The proxy of a gateway is the same as a sidecar's: give it as ``Target.SIDECAR``.
    """

    keeps: Callable[[str], bool]
    metric_types: frozenset[str] = frozenset()
    tags_ignore: frozenset[str] = frozenset()
    exposed: Mapping[str, Exposed] | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """
    One family, or one label of it, that does not arrive.

    Attributes:
        label: ``""`` if the whole family is meant.
        why: A clause that completes the name.
    """

    family: str
    label: str
    cause: Cause
    why: str

    @property
    def name(self) -> str:
        """Return the family, with the label in braces if only that is meant."""
        return f"{self.family}{{{self.label}}}" if self.label else self.family

    @property
    def is_ours(self) -> bool:
        """Return whether another configuration would deliver it."""
        return self.cause in OURS

    def sentence(self) -> str:
        """Return ``<family>: <why>``."""
        return f"{self.name}: {self.why}"


def collect_selection(selection: Selection) -> Collected:
    """Return what the agent keeps under a selection, whose families are whole names."""
    return Collected(
        keeps=frozenset(selection.families).__contains__,
        metric_types=frozenset(selection.metric_types),
        tags_ignore=frozenset(selection.tags_ignore),
    )


def lacks_of(
    name: str, panel: Panel, collected: Mapping[Target, Collected], version: Version | None
) -> tuple[Lack, ...]:
    """
    Return what of a family does not arrive for a panel; nothing if it arrives whole.

    Args:
        name: A family that the panel names.
        panel: Decides which labels are needed, and from which target.
        collected: What is kept of each target; one that is left out is not scraped.
        version: Release of Istio, ``None`` if it is not known: what any release exposes counts.
    """
    catalogue = load_catalogue()
    if name in catalogue.external:
        why = f"comes from {catalogue.external[name]}"
        return (Lack(name, "", Cause.EXTERNAL, why),)
    if name in catalogue.gone:
        old = catalogue.gone[name]
        why = f"ended with Istio {show_version(old.until)}; {old.instead} took its place"
        return (Lack(name, "", Cause.NOT_EXPOSED, why),)
    family = catalogue.families[name]
    answers = [
        tuple(_at_target(family, target, panel, collected.get(target), version))
        for target in _homes(panel.view, family)
    ]
    # The target from which the most arrives speaks for the family.
    return min(answers, key=lambda lacks: (len(lacks), _is_unscraped(lacks)))


def _homes(view: View, family: Family) -> tuple[Target, ...]:
    subject = _SUBJECT[view]
    if subject in family.targets:
        return (subject,)
    return tuple(target for target in Target if target in family.targets)


def _is_unscraped(lacks: tuple[Lack, ...]) -> bool:
    return any(lack.cause is Cause.NOT_SCRAPED for lack in lacks)


def _at_target(
    family: Family,
    target: Target,
    panel: Panel,
    kept: Collected | None,
    version: Version | None,
) -> Iterator[Lack]:
    if version is not None and not family.exists_in(version):
        # Before anything about the configuration: no filter would bring it.
        yield Lack(family.name, "", Cause.NOT_EXPOSED, _not_in(family, version))
        return
    if kept is None:
        yield Lack(family.name, "", Cause.NOT_SCRAPED, f"no {target} is scraped")
        return
    seen = Exposed(family.type, frozenset(family.labels))
    if kept.exposed is not None:
        if family.name not in kept.exposed:
            yield Lack(family.name, "", Cause.NOT_SEEN, f"the {target} does not expose it now")
            return
        seen = kept.exposed[family.name]
    lack = _filtered(family, kept, seen.type)
    if lack is not None:
        yield lack
        return
    for label in _labels_needed(family, panel):
        if label in kept.tags_ignore:
            yield Lack(family.name, label, Cause.LABEL_DROPPED, "tags_ignore leaves the label out")
        elif label != "le" and label not in seen.labels:
            yield Lack(
                family.name, label, Cause.NOT_SEEN, f"the {target} exposes no such label now"
            )


def _filtered(family: Family, kept: Collected, seen_type: str) -> Lack | None:
    type_dropped = bool(kept.metric_types) and seen_type not in kept.metric_types
    of_type = f"metric_types leaves out {seen_type}"
    if not kept.keeps(family.name):
        why = "metric_name_filter leaves it out"
        if kept.keeps(f"{family.name}_bucket"):
            why = "metric_name_filter names only its samples"
        if type_dropped:
            why += f", {of_type}"
        return Lack(family.name, "", Cause.NOT_COLLECTED, why)
    return Lack(family.name, "", Cause.TYPE_DROPPED, of_type) if type_dropped else None


def _labels_needed(family: Family, panel: Panel) -> Iterator[str]:
    own = set(family.labels)
    if family.type is MetricType.HISTOGRAM:
        own.add("le")
    # A label of the panel that the family never has belongs to another query of the panel.
    return (label for label in panel.labels if label in own)


def _not_in(family: Family, version: Version) -> str:
    if version < family.since:
        return f"begins with Istio {show_version(family.since)}"
    return f"ended with Istio {show_version(family.until or version)}"
