"""
Which workloads a resource chooses, and by which rule.

Labels beat selectors: a team decides about its own workload without cluster rights, and the label
nearest to the workload decides. Naming namespaces in the resource is the consent for everything
else; a resource without them chooses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from istio_observability.model.names import WIRE_LABEL

if TYPE_CHECKING:
    from istio_observability.model.workloads_spec import WorkloadsSpec
    from istio_observability.plan.facts import NamespaceFacts, WorkloadFacts


class Rule(StrEnum):
    """Which rule chose, or did not choose, a workload. Shown by ``plan`` and ``why``."""

    WORKLOAD_LABEL = "label on the workload"
    NAMESPACE_LABEL = "label on the namespace"
    NAMESPACE_NAMED = "namespace named in spec.workloads.namespaces"
    NAMESPACE_SELECTED = "namespace matched by spec.workloads.namespaceSelector"
    NOTHING = "no rule"


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The answer for one workload.

    ``opted_out`` is a choice too: the workload is counted, and un-wired if it was wired.
    """

    chosen: bool
    opted_out: bool
    rule: Rule


def decide_selection(
    spec: WorkloadsSpec, workload: WorkloadFacts, namespace: NamespaceFacts
) -> Selection:
    """Return whether the resource chooses the workload."""
    by_selectors = _by_selectors(spec, workload, namespace)
    for labels, rule in (
        (workload.labels, Rule.WORKLOAD_LABEL),
        (namespace.labels, Rule.NAMESPACE_LABEL),
    ):
        wish = labels.get(WIRE_LABEL)
        if wish == "true":
            return Selection(chosen=True, opted_out=False, rule=rule)
        if wish == "false":
            # Counted as opted out only where the resource would have chosen it otherwise.
            asked = by_selectors is not Rule.NOTHING
            return Selection(chosen=False, opted_out=asked, rule=rule)
    return Selection(by_selectors is not Rule.NOTHING, opted_out=False, rule=by_selectors)


def _by_selectors(spec: WorkloadsSpec, workload: WorkloadFacts, namespace: NamespaceFacts) -> Rule:
    named = workload.namespace in spec.namespaces
    matched = spec.namespace_selector is not None and spec.namespace_selector.matches(
        namespace.labels
    )
    if not named and not matched:
        return Rule.NOTHING
    if spec.selector is not None and not spec.selector.matches(workload.template_labels):
        return Rule.NOTHING
    return Rule.NAMESPACE_NAMED if named else Rule.NAMESPACE_SELECTED
