"""
The status of a resource, from its ledger: counts, conditions, findings, the summary of the plan.

Written only when it differs from what stands there, times left out, so that a converged cluster
costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from istio_observability.model.conditions import (
    TRUE,
    ConditionState,
    find_condition,
    merge_conditions,
)
from istio_observability.model.names import API_VERSION, KIND
from istio_observability.model.reasons import ConditionType, SkipReason
from istio_observability.model.status import Status, ViewStatus, WorkloadCounts, summarise_findings
from istio_observability.plan.decide_conditions import decide_conditions
from istio_observability.plan.decide_ready import Observation, agents_summary
from istio_observability.plan.plan import renderer_of
from istio_observability.plan.plan_workload import WorkloadState
from istio_observability.plan.summary import summarise_plan
from istio_observability.plan.view_answers import answer_resource, view_statuses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.control.ledger import Ledger
    from istio_observability.model.objects import Body
    from istio_observability.plan.intent import Intent


def observe(ledger: Ledger, *, taken_at: float, now: float, to_release: int) -> Observation:
    """
    Return what the conditions of a resource are decided from.

    Args:
        ledger: What is known about the resource.
        taken_at: The time, seconds since the epoch.
        now: The loop's clock, the one of ``ledger.pending_since``.
        to_release: How many objects are still to be released.
    """
    resource = ledger.resource
    ready = find_condition(resource.status.get("conditions"), ConditionType.READY) or {}
    agent = ledger.parts.agent_facts if ledger.parts is not None else None
    waited_s = taken_at - agent.written_at if agent is not None and agent.written_at else 0.0
    return Observation(
        resource=resource,
        parts=ledger.parts,
        tally=ledger.tally,
        problems=(*ledger.invalid, *ledger.denied, *ledger.problems.values()),
        # Memory by necessity: a workload that appears after Ready does not take Ready away, one
        # that is rolled with everything else keeps it from coming. Nothing else tells them apart.
        was_ready=ready.get("status") == TRUE
        and ready.get("observedGeneration") == resource.generation,
        overdue=ledger.is_overdue(now),
        agent_overdue=waited_s > resource.spec.rollout.timeout_s,
        to_release=to_release,
        held_before=ledger.held_before,
    )


def build_status(ledger: Ledger, seen: Observation, *, now: str) -> Body:
    """Return ``status`` as it should stand. ``now`` is RFC 3339, for conditions that change."""
    resource = ledger.resource
    states = decide_conditions(seen)
    conditions = merge_conditions(
        resource.status.get("conditions"), states, resource.generation, now
    )
    tally = ledger.tally
    findings, total = summarise_findings(ledger.findings())
    parts = ledger.parts
    revision = ledger.context.revision if ledger.context is not None else None
    agent = parts.agent_facts if parts is not None else None
    status = Status.model_validate(
        {
            "observedGeneration": resource.generation,
            "conditions": _ours(conditions, states),
            "message": _message(states),
            "revision": revision,
            "renderer": renderer_of(resource) if revision else None,
            "workloads": WorkloadCounts(
                selected=tally.selected,
                total=tally.total,
                wired=tally.wired,
                pending=tally.pending,
                skipped=tally.skipped,
                failed=tally.failed,
                contended=tally.skips[SkipReason.CONTENDED],
                taken_over=_taken_over(ledger),
                opted_out=tally.skips[SkipReason.OPTED_OUT],
            ),
            "skippedByReason": {
                reason.value: count for reason, count in tally.skips.items() if count
            },
            "agents": agents_summary(parts) if parts is not None else None,
            "rolloutsCaused": tally.rollouts_caused
            + (agent.rollouts_caused if agent is not None else 0),
            "awaiting": _awaiting(ledger),
            "views": _views(ledger),
            "findings": findings,
            "findingsTotal": total,
            "plan": _plan(ledger),
        }
    )
    return status.to_dict()


def differs(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether a status must be written; what others put there is theirs."""
    ours = [each for each in live.get("conditions") or [] if each.get("type") in _CONDITIONS]
    return (
        ours != wanted["conditions"]
        or any(live.get(key) != value for key, value in wanted.items() if key != "conditions")
        or any(key in live and key not in wanted for key in _OPTIONAL)
    )


def status_body(name: str, status: Body) -> Body:
    """Return the apply body for the status of a resource."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "status": status,
    }


_CONDITIONS = frozenset(each.value for each in ConditionType)
_OPTIONAL = ("plan", "message", "revision", "renderer", "agents", "skippedByReason")


def _ours(conditions: list[Body], states: tuple[ConditionState, ...]) -> list[Body]:
    given = {state.type.value for state in states}
    return [each for each in conditions if each["type"] in given]


def _message(states: tuple[ConditionState, ...]) -> str:
    return next(each.message for each in states if each.type is ConditionType.READY)


def _taken_over(ledger: Ledger) -> int:

    return ledger.tally.states[WorkloadState.TAKEN_OVER]


def _awaiting(ledger: Ledger) -> tuple[str, ...]:
    if ledger.parts is None or ledger.resource.deleting:
        return ()
    parts = ledger.parts
    missing = {each.awaiting for each in (parts.agent, parts.control_plane, parts.gateways)}
    if not ledger.parts.mesh.present:
        missing.add("Istio")
    return tuple(sorted(missing - {""}))


def _views(ledger: Ledger) -> tuple[ViewStatus, ...]:
    context = ledger.context
    if context is None:
        return ()
    answers = answer_resource(ledger.resource, context.mesh, chooses=ledger.tally.selected > 0)
    return view_statuses(answers)


def _plan(ledger: Ledger) -> object:
    if ledger.parts is None or ledger.context is None or not ledger.complete:
        return None
    due = [*ledger.parts.all.due]
    intents = (ledger.plans[key].intent for key in ledger.due)
    due += [intent for intent in intents if intent is not None]
    if not due:
        return None
    due.sort(key=_order)
    return summarise_plan(ledger.context.revision, due)


def _order(intent: Intent) -> tuple[str | int, ...]:
    # That of (wave, ref), but tuples of text compare ten times as fast as references.
    ref = intent.ref
    return (intent.wave, ref.kind.api_version, ref.kind.kind, ref.namespace, ref.name)
