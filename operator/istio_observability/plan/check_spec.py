"""
What a valid spec asks for and this operator does not do: refused aloud, never ignored.

Ignoring ``approval: Manual``, say, would restart pods that somebody wanted to approve first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.model.finding import Finding, Severity
from istio_observability.model.reasons import FindingReason
from istio_observability.model.rollout_spec import Approval, OnFailure
from istio_observability.model.spec import ConflictPolicy
from istio_observability.model.workloads_spec import Delivery
from istio_observability.plan.revision import LATEST_RENDERER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from istio_observability.model.custom_resource import Resource

_CONSEQUENCE = "nothing is changed for this resource"


def check_spec(
    resource: Resource, *, datakit_namespaces: AbstractSet[str], istio_namespaces: AbstractSet[str]
) -> tuple[Finding, ...]:
    """
    Return what in the spec is refused, in the order of its fields.

    Args:
        resource: A resource that is valid as such.
        datakit_namespaces: Namespaces that a resource may name for the agent.
        istio_namespaces: Namespaces that a resource may name for Istio.
    """
    spec = resource.spec
    places = (
        ("spec.datakit.namespace", spec.datakit.namespace, datakit_namespaces, "datakit"),
        ("spec.istio.namespace", spec.istio.namespace, istio_namespaces, "istio"),
    )
    refused = [
        Finding(
            Severity.ERROR,
            FindingReason.NAMESPACE_NOT_ALLOWED,
            str(resource.ref),
            field,
            f'is "{named}", where the operator has no business',
            _CONSEQUENCE,
            f"start the operator with --{flag}-namespace {named} and give it the permissions there",
        )
        for field, named, allowed, flag in places
        if named not in allowed
    ]
    refused += [
        Finding(
            Severity.ERROR,
            FindingReason.INVALID_SPEC,
            str(resource.ref),
            field,
            f"is {value}, which this version of the operator does not support",
            _CONSEQUENCE,
            "remove it or use a newer operator",
        )
        for field, value in _unsupported(resource)
    ]
    return tuple(refused)


def _unsupported(resource: Resource) -> Iterator[tuple[str, str]]:
    spec = resource.spec
    if spec.renderer is not None and spec.renderer > LATEST_RENDERER:
        yield "spec.renderer", str(spec.renderer)
    if spec.conflict_policy is ConflictPolicy.OVERRIDE:
        yield "spec.conflictPolicy", "Override"
    if spec.workloads.delivery is Delivery.POD:
        yield "spec.workloads.delivery", "Pod"
    if spec.rollout.approval is Approval.MANUAL:
        yield "spec.rollout.approval", "Manual"
    if spec.rollout.on_failure is OnFailure.REVERT:
        yield "spec.rollout.onFailure", "Revert"
    if spec.rollout.max_restarted_pods is not None:
        yield "spec.rollout.maxRestartedPods", "set"
    if spec.rollout.windows:
        yield "spec.rollout.windows", "set"
