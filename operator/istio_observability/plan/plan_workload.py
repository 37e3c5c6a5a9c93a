"""
What is to be done with one Deployment: the unit of planning, and of cost.

An event on one Deployment plans that Deployment and no other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import (
    ANNOTATIONS_MAX_BYTES,
    LOGS_ANNOTATION,
    PROM_ANNOTATION,
    ConfigPath,
)
from istio_observability.datakit.reading import same_meaning
from istio_observability.model import names
from istio_observability.model.objects import DEPLOYMENT, Body, ObjectRef
from istio_observability.model.reasons import SkipReason
from istio_observability.plan.build_injection_label import is_labelled
from istio_observability.plan.build_pod_annotations import build_pod_annotations
from istio_observability.plan.decide_candidate import Skip, first_objection, look_at, unready
from istio_observability.plan.decide_field import FieldVerdict, decide_field
from istio_observability.plan.decide_selection import Rule, Selection, decide_selection
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.workload_findings import contended, rollout_failed

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource
    from istio_observability.model.finding import Finding
    from istio_observability.plan.facts import FieldFacts, NamespaceFacts, WorkloadFacts
    from istio_observability.plan.mesh import Mesh

OWN_ROLLOUT_UNFINISHED: Final = "its owner's roll-out is not finished"


class WorkloadState(StrEnum):
    """Where one workload stands. Every chosen workload is in exactly one state."""

    WIRED = "wired"
    """Its pods carry what the plan wants."""
    TAKEN_OVER = "taken over"
    """Its template already says the same by somebody else's hand."""
    ROLLING = "rolling"
    """Written by us, its pods are being replaced."""
    FAILED = "failed"
    """Written by us, and its roll-out does not finish."""
    WAITING = "waiting"
    """To be written."""
    SKIPPED = "skipped"
    """Left alone."""
    LEAVING = "leaving"
    """Ours, and to be let go: opted out or no longer chosen."""


@dataclass(frozen=True, slots=True)
class WorkloadPlan:
    """
    The verdict on one workload.

    Attributes:
        hold: Why a waiting workload may not be written yet, ``""`` if it may.
        intent: The write that is due, if any; a wired workload may still have one that restarts
            nothing.
        wanted: The apply body that states our opinion, due or not.
    """

    ref: ObjectRef
    state: WorkloadState
    rule: Rule
    skip: Skip | None = None
    hold: str = ""
    intent: Intent | None = None
    wanted: Body | None = None
    findings: tuple[Finding, ...] = ()
    rollouts_caused: int = 0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkloadContext:
    """What the plans of all workloads of one resource share."""

    resource: Resource
    mesh: Mesh
    revision: str


def plan_workload(
    context: WorkloadContext,
    workload: WorkloadFacts,
    namespace: NamespaceFacts,
    *,
    taken_at: float,
    holder: str,
) -> WorkloadPlan | None:
    """
    Return what is to be done with one workload, ``None`` if the resource has no business with it.

    Args:
        context: The resource and what its workloads share.
        workload: The Deployment as observed.
        namespace: Its namespace.
        taken_at: Time of the observation, seconds since the epoch.
        holder: Name of the resource that may write to the workload, as decided between all
            resources that choose it; ``""`` if none does.
    """
    resource = context.resource
    selection = decide_selection(resource.spec.workloads, workload, namespace)
    ours = workload.wired_by == resource.name or (workload.held and not workload.wired_by)
    wanted_here = selection.chosen and not resource.deleting
    if not wanted_here and not ours and not selection.opted_out:
        return None
    base = WorkloadPlan(
        ref=ObjectRef(DEPLOYMENT, workload.namespace, workload.name),
        state=WorkloadState.SKIPPED,
        rule=selection.rule,
        rollouts_caused=workload.rollouts_caused if ours else 0,
        since=workload.written_at,
    )
    if not wanted_here or (ours and holder not in ("", resource.name)):
        why = "the resource is deleted" if resource.deleting else "no longer chosen"
        if selection.opted_out:
            why = "opted out"
        return _leave(base, workload, selection, why=why, ours=ours, holder=holder)
    if holder not in ("", resource.name):
        return replace(base, skip=Skip(SkipReason.HELD_BY_ANOTHER, f"is held by {holder}"))
    requested = is_labelled(resource, namespace)
    candidate = look_at(workload, namespace, context.mesh, injection_requested=requested)
    objection = first_objection(candidate)
    if objection is not None:
        quiet = objection.reason in (SkipReason.NO_SIDECAR, SkipReason.GATEWAY)
        if quiet and selection.rule is Rule.NAMESPACE_SELECTED and not ours:
            # A selector only narrows what is in the mesh; what is outside was never meant.
            return None
        return replace(base, skip=objection)
    return _wire(base, context, workload, namespace, taken_at)


def _leave(
    base: WorkloadPlan,
    workload: WorkloadFacts,
    selection: Selection,
    *,
    why: str,
    ours: bool,
    holder: str,
) -> WorkloadPlan | None:
    if ours and holder in ("", workload.wired_by) and not workload.deleting:
        return _let_go(base, workload, why)
    if selection.opted_out:
        return replace(base, skip=Skip(SkipReason.OPTED_OUT, f"opted out by the {base.rule.value}"))
    return None


def _let_go(base: WorkloadPlan, workload: WorkloadFacts, why: str) -> WorkloadPlan:
    rolls = _goes_with_us(workload.prom) or _goes_with_us(workload.logs)
    restarts = workload.replicas if rolls else 0
    intent = Intent(Action.RELEASE, Wave.WORKLOADS, base.ref, workload.uid, None, why, restarts)
    return replace(base, state=WorkloadState.LEAVING, intent=intent)


def _goes_with_us(live: FieldFacts) -> bool:
    """Return whether the value disappears when we let it go; a co-owner keeps it."""
    return live.ours and not live.others


def _wire(
    base: WorkloadPlan,
    context: WorkloadContext,
    workload: WorkloadFacts,
    namespace: NamespaceFacts,
    taken_at: float,
) -> WorkloadPlan:
    texts = build_pod_annotations(context.resource.spec, workload, namespace)
    prom = decide_field(workload.prom, texts.prom, _same_scrape)
    if prom is FieldVerdict.CONTENDED:
        finding = contended(base.ref, PROM_ANNOTATION, workload.prom)
        skip = Skip(SkipReason.CONTENDED, f"{PROM_ANNOTATION} is set by {workload.prom.owner}")
        return replace(base, skip=skip, findings=(finding,))
    annotations = {PROM_ANNOTATION: texts.prom} if prom.written_by_us else {}
    findings: tuple[Finding, ...] = ()
    if texts.logs is not None:
        logs = decide_field(workload.logs, texts.logs, _same_logs)
        if logs.written_by_us:
            annotations[LOGS_ANNOTATION] = texts.logs
        if logs is FieldVerdict.CONTENDED:
            findings = (contended(base.ref, LOGS_ANNOTATION, workload.logs),)
    if not annotations:
        if workload.prom.ours or workload.logs.ours:
            # Prom is satisfied by its owner now; what else we set is not wanted any more.
            return _let_go(replace(base, findings=findings), workload, "taken over by its owner")
        return replace(base, state=WorkloadState.TAKEN_OVER, findings=findings)
    if workload.other_annotation_bytes + _size(annotations) > ANNOTATIONS_MAX_BYTES:
        skip = Skip(
            SkipReason.ANNOTATIONS_TOO_LARGE,
            "has pod annotations that leave no room below 256 KiB",
        )
        return replace(base, skip=skip)
    drops_logs = LOGS_ANNOTATION not in annotations and workload.logs.ours
    changes_template = (
        (PROM_ANNOTATION in annotations and workload.prom.value != texts.prom)
        or (LOGS_ANNOTATION in annotations and workload.logs.value != texts.logs)
        or (drops_logs and _goes_with_us(workload.logs))
    )
    body = _body(context, workload, annotations, rolls=changes_template)
    marked = workload.wired_by == context.resource.name and workload.revision == context.revision
    intent = None
    if changes_template or drops_logs or not marked:
        reason = f"revision {context.revision}" if marked or changes_template else "markers"
        restarts = workload.replicas if changes_template else 0
        intent = Intent(
            Action.APPLY, Wave.WORKLOADS, base.ref, workload.uid, body, reason, restarts
        )
    plan = replace(base, intent=intent, wanted=body, findings=findings)
    if changes_template:
        return _waiting(plan, workload, namespace, context)
    state = _state_of_rollout(context, workload, taken_at)
    if state is WorkloadState.FAILED:
        findings = (*findings, rollout_failed(base.ref, workload.rollout))
    return replace(plan, state=state, findings=findings)


def _waiting(
    plan: WorkloadPlan, workload: WorkloadFacts, namespace: NamespaceFacts, context: WorkloadContext
) -> WorkloadPlan:
    objection = unready(workload)
    if objection is not None:
        return replace(plan, intent=None, skip=objection)
    hold = ""
    if not workload.rollout.finished and not workload.last_write_ours:
        hold = OWN_ROLLOUT_UNFINISHED
    elif namespace.injection.value is None and is_labelled(context.resource, namespace):
        # One roll-out takes both: the label first, or the pods would start without sidecar.
        hold = "its namespace is not labelled for injection yet"
    return replace(plan, state=WorkloadState.WAITING, hold=hold)


def _state_of_rollout(
    context: WorkloadContext, workload: WorkloadFacts, taken_at: float
) -> WorkloadState:
    if workload.rollout.over or not workload.last_write_ours:
        # Another roll-out of the owner keeps our text: old and new pods carry it.
        return WorkloadState.WIRED
    overdue = taken_at - workload.written_at > context.resource.spec.rollout.timeout_s
    if workload.rollout.deadline_exceeded or overdue:
        return WorkloadState.FAILED
    return WorkloadState.ROLLING


def _body(
    context: WorkloadContext, workload: WorkloadFacts, annotations: dict[str, str], *, rolls: bool
) -> Body:
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {
            "name": workload.name,
            "namespace": workload.namespace,
            # No stray object, and never an object that took the name since we looked.
            "uid": workload.uid,
            "annotations": {
                names.WIRED_BY_ANNOTATION: context.resource.name,
                names.REVISION_ANNOTATION: context.revision,
                names.ROLLOUTS_ANNOTATION: str(workload.rollouts_caused + int(rolls)),
            },
        },
        # The only bytes of ours that restart pods.
        "spec": {"template": {"metadata": {"annotations": dict(sorted(annotations.items()))}}},
    }


def _size(annotations: dict[str, str]) -> int:
    return sum(len(key.encode()) + len(text.encode()) for key, text in annotations.items())


def _same_scrape(live: str, wanted: str) -> bool:
    return same_meaning(live, wanted, ConfigPath.ANNOTATION)


def _same_logs(live: str, wanted: str) -> bool:
    return live == wanted
