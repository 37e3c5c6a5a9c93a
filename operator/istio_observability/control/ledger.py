"""
What is known about one resource: its plans, and what became of our writes. Rebuilt at each start.

Nothing in here is needed to continue after a restart; it saves planning everything anew at every
event, and keeps counts by difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from istio_observability.plan.plan_workload import WorkloadContext, WorkloadPlan, WorkloadState
from istio_observability.plan.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from istio_observability.model.custom_resource import Resource
    from istio_observability.model.finding import Finding
    from istio_observability.model.objects import ObjectRef
    from istio_observability.plan.plan_parts import Parts

WorkloadKey = tuple[str, str]

STATUS_DELAY_S: Final = 0.3
"""Changes within this time make one status."""

BUSY: Final = 50
BUSY_STATUS_DELAY_S: Final = 1.0
"""The same while more than ``BUSY`` workloads move: one costs the server more than wiring does."""


@dataclass(slots=True)
class Ledger:
    """
    The state of one resource.

    Attributes:
        resource: As last seen; ``None`` in a ledger of a body that is no valid resource.
        invalid: Why the body is refused, empty if it is not.
        context: What the plans of its workloads share.
        parts: The plan of everything else.
        complete: Every workload was planned for this generation, so what is in flight is known;
            nothing is written before.
        problems: Writes that failed, by object.
        pending_since: When a workload was first seen pending, on the loop's clock.
        starting: Workloads whose write is under way.
        writing: Writes of any kind that are under way.
        departing: Workloads that we released and whose pods are still being replaced, with the
            time of the release on the loop's clock.
        waiting: Workloads that wait for their turn.
        rolling: Workloads that we wrote and whose pods are being replaced.
        due: Workloads whose plan has a write.
        found: Workloads whose plan has findings.
        not_before: When a write that failed may be tried again, on the loop's clock.
        denied: Watches that the API server refuses; nothing is decided meanwhile.
        version: Resource version of ``resource`` as a number.
        held_before: How many objects were held when the release began.
        release_began: When that was, on the loop's clock; 0 before.
    """

    resource: Resource
    invalid: tuple[Finding, ...] = ()
    context: WorkloadContext | None = None
    parts: Parts | None = None
    complete: bool = False
    plans: dict[WorkloadKey, WorkloadPlan] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    problems: dict[ObjectRef, Finding] = field(default_factory=dict)
    pending_since: dict[WorkloadKey, float] = field(default_factory=dict)
    starting: set[WorkloadKey] = field(default_factory=set)
    writing: int = 0
    departing: dict[WorkloadKey, float] = field(default_factory=dict)
    waiting: set[WorkloadKey] = field(default_factory=set)
    rolling: set[WorkloadKey] = field(default_factory=set)
    due: set[WorkloadKey] = field(default_factory=set)
    found: set[WorkloadKey] = field(default_factory=set)
    not_before: dict[ObjectRef, float] = field(default_factory=dict)
    denied: tuple[Finding, ...] = ()
    version: int = 0
    held_before: int = 0
    release_began: float = 0.0

    def record(self, key: WorkloadKey, plan: WorkloadPlan | None, now: float) -> None:
        """Put the newest plan of a workload in the place of the one before, counts included."""
        before = self.plans.pop(key, None)
        if before is not None:
            self.tally.remove(before)
        for keys in (self.waiting, self.rolling, self.due, self.found):
            keys.discard(key)
        if plan is None:
            self.pending_since.pop(key, None)
            return
        self.plans[key] = plan
        self.tally.add(plan)
        if plan.state in (WorkloadState.WAITING, WorkloadState.LEAVING) and not plan.hold:
            self.waiting.add(key)
        if plan.state is WorkloadState.ROLLING:
            self.rolling.add(key)
        if plan.intent is not None:
            self.due.add(key)
        if plan.findings:
            self.found.add(key)
        if plan.state in (WorkloadState.WAITING, WorkloadState.ROLLING) and not plan.hold:
            self.pending_since.setdefault(key, now)
        else:
            self.pending_since.pop(key, None)

    @property
    def in_flight(self) -> int:
        """Return how many roll-outs of ours are under way, those about to begin included."""
        rolling = self.tally.states[WorkloadState.ROLLING]
        return rolling + len(self.starting) + len(self.departing)

    @property
    def status_delay_s(self) -> float:
        """Return for how many seconds changes are gathered before they make one status."""
        moving = self.tally.pending + self.tally.leaving
        return BUSY_STATUS_DELAY_S if moving > BUSY else STATUS_DELAY_S

    def is_overdue(self, now: float) -> bool:
        """Return whether a workload has been pending for longer than ``rollout.timeout``."""
        oldest = min(self.pending_since.values(), default=now)
        return now - oldest > self.resource.spec.rollout.timeout_s

    def may_try(self, ref: ObjectRef, now: float) -> bool:
        """Return whether a write to an object may be sent now; one that failed has to wait."""
        return self.not_before.get(ref, 0.0) <= now

    def wait_s(self, refs: Iterable[ObjectRef], now: float) -> float:
        """Return after how many seconds the first of these may be tried again, 0 if none waits."""
        if not self.not_before:
            return 0.0
        waits = (self.not_before.get(ref, 0.0) - now for ref in refs)
        return min((each for each in waits if each > 0), default=0.0)

    def settle(self, ref: ObjectRef) -> None:
        """Forget that a write to an object had failed."""
        self.problems.pop(ref, None)
        self.not_before.pop(ref, None)

    def forget_problems(self) -> None:
        """Try everything anew, because the wish has changed."""
        self.problems.clear()
        self.not_before.clear()

    def begin_release(self, held: int, now: float) -> None:
        """Remember how much there was to release, and since when."""
        self.held_before = max(self.held_before, held)
        self.release_began = self.release_began or now

    def release_overdue(self, now: float) -> bool:
        """Return whether the release has waited for the agent's pods for long enough."""
        if not self.release_began:
            return False
        return now - self.release_began > self.resource.spec.rollout.timeout_s

    def findings(self) -> Iterator[Finding]:
        """Yield everything a user should know about this resource, in no order."""
        yield from self.invalid
        yield from self.problems.values()
        yield from self.denied
        if self.parts is not None:
            yield from self.parts.all.findings
        for key in self.found:
            yield from self.plans[key].findings
