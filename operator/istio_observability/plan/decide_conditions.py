"""The conditions of a resource: Ready with its companions, and one for each part."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import AgentFile
from istio_observability.model.conditions import FALSE, TRUE, ConditionState
from istio_observability.model.reasons import ConditionReason, ConditionType, FindingReason
from istio_observability.model.spec import Mode
from istio_observability.plan.decide_ready import Observation, agents_summary, decide_ready

if TYPE_CHECKING:
    from istio_observability.plan.part import Part
    from istio_observability.plan.plan_parts import Parts

_REFUSED: Final = "the agent does not get this configuration; see AgentConfigured"
_TRACING_REASONS: Final = MappingProxyType(
    {
        FindingReason.PROVIDER_USES_ZIPKIN: ConditionReason.WOULD_BREAK_LISTENERS,
        FindingReason.MESH_CONFIG_UNREADABLE: ConditionReason.MESH_CONFIG_UNREADABLE,
    }
)


def decide_conditions(seen: Observation) -> tuple[ConditionState, ...]:
    """Return all conditions of a resource."""
    verdict = decide_ready(seen)
    states = [_state(ConditionType.READY, verdict.ready, verdict.reason, verdict.message)]
    if verdict.reconciling:
        states.append(_state(ConditionType.RECONCILING, True, verdict.reason, verdict.message))
    if verdict.stalled:
        states.append(_state(ConditionType.STALLED, True, verdict.reason, verdict.message))
    if seen.parts is not None and not seen.resource.deleting:
        states += _of_parts(seen, seen.parts)
    return tuple(states)


def _of_parts(seen: Observation, parts: Parts) -> list[ConditionState]:
    pending = bool(parts.all.due) or seen.tally.pending > 0
    waits = pending and seen.resource.spec.mode is Mode.PLAN
    return [
        _state(
            ConditionType.UP_TO_DATE,
            not waits,
            ConditionReason.DIFFERS if waits else ConditionReason.CURRENT,
            "the plan is not carried out in mode Plan" if waits else "",
        ),
        _agent(seen, parts),
        _workloads(seen),
        _scraped(
            ConditionType.CONTROL_PLANE_WIRED,
            parts.control_plane,
            files=frozenset({AgentFile.ISTIOD}),
            parts=parts,
        ),
        _scraped(
            ConditionType.GATEWAYS_WIRED,
            parts.gateways,
            files=frozenset({AgentFile.INGRESS_GATEWAY, AgentFile.EGRESS_GATEWAY}),
            parts=parts,
        ),
        _tracing(parts),
    ]


def _agent(seen: Observation, parts: Parts) -> ConditionState:
    kind = ConditionType.AGENT_CONFIGURED
    part = parts.agent
    if part.awaiting:
        return _state(kind, False, ConditionReason.AWAITING_DATAKIT, f"{part.awaiting} is missing")
    if part.blocked:
        text = part.findings[0].sentence() if part.findings else ""
        return _state(kind, False, ConditionReason.CONFLICT, text)
    if part.due or seen.agent_busy:
        return _state(kind, False, ConditionReason.PENDING, _agents(parts))
    return _state(kind, True, ConditionReason.CONFIGURED, _agents(parts))


def _workloads(seen: Observation) -> ConditionState:
    kind, tally = ConditionType.WORKLOADS_WIRED, seen.tally
    text = f"{tally.wired}/{tally.total} wired, {tally.skipped} skipped, {tally.failed} failed"
    if tally.selected == 0:
        return _state(kind, True, ConditionReason.NOT_REQUESTED, "no workload is chosen")
    if tally.wired == tally.total:
        return _state(kind, True, ConditionReason.ALL_WIRED, text)
    return _state(kind, False, ConditionReason.PENDING, text)


def _scraped(
    kind: ConditionType, part: Part, *, files: frozenset[AgentFile], parts: Parts
) -> ConditionState:
    agent = parts.agent
    if part.blocked:
        text = part.findings[0].sentence() if part.findings else ""
        return _state(kind, False, ConditionReason.SERVICE_CONFLICT, text)
    if part.awaiting:
        return _state(kind, False, ConditionReason.AWAITING_ISTIO, f"{part.awaiting} is missing")
    if not files & parts.files:
        return _state(kind, False, ConditionReason.NOT_PRESENT, "there is nothing to scrape")
    if files & parts.refused:
        return _state(kind, False, ConditionReason.CONFLICT, _REFUSED)
    if part.due or agent.due or agent.awaiting:
        return _state(kind, False, ConditionReason.PENDING, "")
    return _state(kind, True, ConditionReason.CONFIGURED, "")


def _tracing(parts: Parts) -> ConditionState:
    kind, part = ConditionType.TRACING_READY, parts.tracing
    if part.blocked:
        finding = part.findings[0]
        reason = _TRACING_REASONS.get(finding.reason, ConditionReason.SERVICE_CONFLICT)
        return _state(kind, False, reason, finding.sentence())
    if AgentFile.ZIPKIN not in parts.files:
        return _state(kind, False, ConditionReason.NOT_REQUESTED, "")
    if AgentFile.ZIPKIN in parts.refused:
        return _state(kind, False, ConditionReason.CONFLICT, _REFUSED)
    if part.due or parts.agent.due or parts.agent.awaiting:
        return _state(kind, False, ConditionReason.PENDING, "")
    if part.findings:
        return _state(kind, False, ConditionReason.NO_TRACES_SENT, part.findings[0].sentence())
    return _state(kind, True, ConditionReason.CONFIGURED, "")


def _agents(parts: Parts) -> str:
    return f"{agents_summary(parts)} agents run with this configuration"


def _state(
    kind: ConditionType,
    status: bool,
    reason: ConditionReason,
    message: str,
) -> ConditionState:
    return ConditionState(kind, TRUE if status else FALSE, reason, message)
