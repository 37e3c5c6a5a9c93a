"""
Whether a chosen workload may be touched, as an ordered list of small checks.

Every check returns what it found or nothing; the first objection is the reason that status shows.
A sentence about what follows belongs to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.istio.injection import Injection, decide_injection
from istio_observability.model.reasons import SkipReason
from istio_observability.plan.mesh import DEFAULT_REVISION, Mesh, role_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.plan.facts import NamespaceFacts, WorkloadFacts

INJECTION_LABEL = "istio-injection"


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a workload is left alone: a public reason and what was found."""

    reason: SkipReason
    found: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A workload with everything the checks look at.

    ``injection_requested``: the resource itself switches sidecars on in the namespace, so a
    roll-out that adds them is what its author asked for.
    """

    workload: WorkloadFacts
    namespace: NamespaceFacts
    injection: Injection
    injection_requested: bool


def look_at(
    workload: WorkloadFacts, namespace: NamespaceFacts, mesh: Mesh, *, injection_requested: bool
) -> Candidate:
    """Return the candidate, with the injection that new pods of it will get."""
    labels = dict(namespace.labels)
    if injection_requested:
        labels.setdefault(INJECTION_LABEL, "enabled")
    injection = decide_injection(
        workload.namespace,
        labels,
        workload.template_labels,
        workload.template_annotations,
        host_network=workload.host_network,
        revisions=mesh.revisions or frozenset({DEFAULT_REVISION}),
    )
    return Candidate(workload, namespace, injection, injection_requested)


def being_deleted(candidate: Candidate) -> Skip | None:
    """Object to a workload that is on its way out."""
    if candidate.workload.deleting:
        return Skip(SkipReason.BEING_DELETED, "is being deleted")
    return None


def namespace_terminating(candidate: Candidate) -> Skip | None:
    """Object to a workload whose namespace is on its way out."""
    if candidate.namespace.terminating:
        return Skip(SkipReason.NAMESPACE_TERMINATING, "is in a namespace that is being deleted")
    return None


def is_gateway(candidate: Candidate) -> Skip | None:
    """Object to gateways: the agent scrapes them through its own configuration already."""
    role = role_of(candidate.workload)
    if role is None:
        return None
    return Skip(SkipReason.GATEWAY, "is a gateway")


def managed_by_controller(candidate: Candidate) -> Skip | None:
    """Object to a template that its controller would reset for ever."""
    if not candidate.workload.controller:
        return None
    return Skip(
        SkipReason.MANAGED_BY_CONTROLLER, f"is controlled by {candidate.workload.controller}"
    )


def no_sidecar(candidate: Candidate) -> Skip | None:
    """Object where new pods will have no sidecar: nothing would answer on its port."""
    workload = candidate.workload
    if workload.template_has_proxy or candidate.injection.injected:
        return None
    return Skip(SkipReason.NO_SIDECAR, f"gets no sidecar ({candidate.injection.why})")


def would_enter_mesh(candidate: Candidate) -> Skip | None:
    """Object where our restart, and not the owner, would put the pods into the mesh."""
    workload = candidate.workload
    if workload.template_has_proxy or candidate.injection_requested:
        return None
    if workload.pods.total == 0 or workload.pods.with_sidecar > 0:
        return None
    return Skip(
        SkipReason.WOULD_ENTER_MESH,
        "runs without sidecar although new pods would get one",
    )


CHECKS: tuple[Callable[[Candidate], Skip | None], ...] = (
    being_deleted,
    namespace_terminating,
    is_gateway,
    managed_by_controller,
    no_sidecar,
    would_enter_mesh,  # after no_sidecar: it speaks of pods that would get one
)


def first_objection(candidate: Candidate) -> Skip | None:
    """Return the first reason not to touch the workload, in the order of ``CHECKS``."""
    return next((skip for check in CHECKS if (skip := check(candidate))), None)


def unready(workload: WorkloadFacts) -> Skip | None:
    """
    Return why a template may not be changed now, although the workload is one to wire.

    A paused Deployment would keep the change in wait until its owner resumes it. One that failed
    before us would have its failure blamed on our restart, and rightly.
    """
    if workload.paused:
        return Skip(SkipReason.PAUSED, "is paused")
    if workload.rollout.deadline_exceeded and not workload.held:
        return Skip(SkipReason.UNHEALTHY, "had exceeded its progress deadline before us")
    rollout = workload.rollout
    if rollout.replaced and not rollout.finished and not workload.held:
        found = f"has {rollout.available} of {rollout.wanted} pods available"
        return Skip(SkipReason.UNHEALTHY, found)
    return None
