"""
Whether a resource is Ready, and why not, from what was observed.

Ready is about us, not about tenants or clocks: what is skipped, opted out, set by its owner or was
unhealthy before us is counted and told, and Ready stays true. The order of ``SITUATIONS`` decides
which reason is shown when several hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.model.reasons import ConditionReason, FindingReason
from istio_observability.model.spec import Mode
from istio_observability.plan.decide_pace import is_halted
from istio_observability.plan.plan_parts import AWAITING_DATAKIT, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.model.custom_resource import Resource
    from istio_observability.model.finding import Finding
    from istio_observability.plan.tally import Tally


@dataclass(frozen=True, slots=True)
class Observation:
    """
    Everything that the conditions of one resource are decided from.

    Attributes:
        parts: ``None`` until the resource was planned, as it is while its spec is invalid.
        problems: Writes that failed, and fields of the spec that are refused.
        was_ready: Ready was true at this generation.
        overdue: A workload is pending for longer than ``rollout.timeout``.
        agent_overdue: So is the agent's roll-out; nodes that are not ready do not hold Ready back.
        to_release: Objects that are still to be released, of ``held_before``.
    """

    resource: Resource
    parts: Parts | None
    tally: Tally
    problems: tuple[Finding, ...] = ()
    was_ready: bool = False
    overdue: bool = False
    agent_overdue: bool = False
    to_release: int = 0
    held_before: int = 0

    @property
    def agent_busy(self) -> bool:
        """Return whether the agent's roll-out holds Ready back."""
        agent = self.parts.agent_facts if self.parts is not None else None
        if agent is None or self.agent_overdue or agent.on_delete or not agent.held:
            return False
        return not agent.rollout.finished

    @property
    def mesh_absent(self) -> bool:
        """Return whether there is no mesh yet."""
        return self.parts is not None and not self.parts.mesh.present


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Ready says, and whether the resource is being worked on or needs somebody."""

    ready: bool
    reason: ConditionReason
    message: str
    reconciling: bool = False
    stalled: bool = False


def deleting(seen: Observation) -> Verdict | None:
    """Tell how far the release is."""
    if not seen.resource.deleting:
        return None
    done = max(seen.held_before - seen.to_release, 0)
    text = f"{done}/{seen.held_before} released, {seen.to_release} left"
    return Verdict(False, ConditionReason.RELEASING, text, reconciling=True)


def invalid(seen: Observation) -> Verdict | None:
    """Tell what in the spec is refused."""
    found = _first(seen.problems, FindingReason.INVALID_SPEC, FindingReason.NAMESPACE_NOT_ALLOWED)
    if found is None:
        return None
    return Verdict(False, ConditionReason.INVALID_SPEC, found, stalled=True)


def denied(seen: Observation) -> Verdict | None:
    """Tell which permission is missing."""
    found = _first(seen.problems, FindingReason.PERMISSION_DENIED)
    if found is None:
        return None
    return Verdict(False, ConditionReason.PERMISSION_DENIED, found, stalled=True)


def only_planned(seen: Observation) -> Verdict | None:
    """Tell that the plan is made, where nothing else is asked for."""
    if seen.resource.spec.mode is not Mode.PLAN or seen.parts is None:
        return None
    return Verdict(
        True, ConditionReason.PLAN_READY, "the plan is in status.plan; nothing is written"
    )


def agent_conflict(seen: Observation) -> Verdict | None:
    """Tell what keeps the agent from being configured."""
    if seen.parts is None or not seen.parts.agent.blocked:
        return None
    found = seen.parts.agent.findings[0].sentence() if seen.parts.agent.findings else ""
    return Verdict(False, ConditionReason.CONFLICT, found, stalled=True)


def halted(seen: Observation) -> Verdict | None:
    """Tell that a roll-out of ours went wrong."""
    failed = seen.tally.failed
    if failed == 0 or not is_halted(seen.resource.spec.rollout, failed):
        return None
    text = f"{failed} workloads did not become healthy after our change; nothing new is started"
    return Verdict(False, ConditionReason.HALTED, text, stalled=True)


def awaiting(seen: Observation) -> Verdict | None:
    """Tell what must be installed first."""
    if seen.parts is None:
        return None
    if seen.parts.agent.awaiting:
        what = seen.parts.agent.awaiting
        where = seen.resource.spec.datakit
        text = f"{what} is not there yet"
        if what == AWAITING_DATAKIT:
            text += f" (DaemonSet {where.namespace}/{where.daemon_set_name})"
        return Verdict(False, ConditionReason.AWAITING_DATAKIT, text, reconciling=True)
    missing = seen.parts.control_plane.awaiting or seen.parts.gateways.awaiting
    if seen.mesh_absent or missing:
        home = seen.resource.spec.istio.namespace
        text = f"{missing or 'Istio'} is not there yet (namespace {home})"
        return Verdict(False, ConditionReason.AWAITING_ISTIO, text, reconciling=True)
    return None


def rolling_out(seen: Observation) -> Verdict | None:
    """Tell that a generation is being rolled out; what was ready stays so for a while."""
    tally = seen.tally
    due = seen.parts is None or bool(seen.parts.all.due)
    if not (due or seen.agent_busy or tally.pending or tally.leaving or tally.failed):
        return None
    if not seen.was_ready:
        return Verdict(False, ConditionReason.ROLLING_OUT, _account(seen), reconciling=True)
    if seen.overdue:
        return Verdict(False, ConditionReason.WIRING_OVERDUE, _account(seen), reconciling=True)
    return None


SITUATIONS: tuple[Callable[[Observation], Verdict | None], ...] = (
    deleting,
    invalid,
    denied,
    only_planned,
    agent_conflict,
    halted,
    awaiting,
    rolling_out,
)


def decide_ready(seen: Observation) -> Verdict:
    """Return what Ready says: the first situation that holds, or that all is wired."""
    for situation in SITUATIONS:
        verdict = situation(seen)
        if verdict is not None:
            return verdict
    return Verdict(True, ConditionReason.ALL_WIRED, _account(seen))


def agents_summary(parts: Parts) -> str:
    """Return agents that run with our configuration, of all: ``3/3``; ``-`` without an agent."""
    agent = parts.agent_facts
    if agent is None:
        return "-"
    done = min(agent.rollout.updated, agent.rollout.available)
    current = agent.rollout.observed_generation >= agent.rollout.generation
    configured = not parts.agent.due and not parts.agent.awaiting
    return f"{done if current and configured else 0}/{agent.rollout.wanted}"


def _account(seen: Observation) -> str:
    tally = seen.tally
    text = f"{tally.wired}/{tally.total} workloads wired"
    if tally.skipped:
        text += f", {tally.skipped} skipped"
    if tally.failed:
        text += f", {tally.failed} failed"
    if seen.parts is not None:
        text += f", {agents_summary(seen.parts)} agents"
    return text


def _first(problems: tuple[Finding, ...], *reasons: FindingReason) -> str | None:
    return next((each.sentence() for each in problems if each.reason in reasons), None)
