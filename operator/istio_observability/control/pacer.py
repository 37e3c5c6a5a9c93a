"""
Start roll-outs, on the way in and on the way out, as many at a time as the resource allows.

What is in flight is read from the cluster: a workload counts from our write until its Deployment
says that it is finished.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from istio_observability.control.keys import Key, What
from istio_observability.model.spec import DeletionPolicy
from istio_observability.plan.decide_pace import Pace, decide_starts
from istio_observability.plan.plan_workload import WorkloadState

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.control.inventory import Inventory
    from istio_observability.control.ledger import Ledger, WorkloadKey
    from istio_observability.control.planner import Planner
    from istio_observability.control.workqueue import WorkQueue
    from istio_observability.control.writer import Writer
    from istio_observability.plan.facts import WorkloadFacts

STARTS_AT_ONCE: Final = 28
"""
Writes under way at the same time. Fewer than the client has places (``Settings.workers``), so that
status, events and drift do not wait behind thousands of roll-outs.
"""


class Pacer:
    """Starts what may start; asked again whenever something finishes."""

    def __init__(
        self,
        inventory: Inventory,
        planner: Planner,
        writer: Writer,
        queue: WorkQueue[Key],
        clock: Callable[[], float],
    ) -> None:
        self._inventory = inventory
        self._planner = planner
        self._writer = writer
        self._queue = queue
        self._clock = clock
        self._places = asyncio.Semaphore(STARTS_AT_ONCE)

    @property
    def busy(self) -> bool:
        """Return whether as many writes are under way as there may be."""
        return self._places.locked()

    async def start(self, ledger: Ledger) -> None:
        """Start as many roll-outs as may be under way, and come back for the others."""
        if not may_start(ledger):
            return
        self._forget_departed(ledger)
        chosen = self._choose(ledger)
        ledger.starting.update(chosen)
        await asyncio.gather(*(self._write(ledger, key) for key in chosen))
        if chosen:
            self._queue.add(Key.of(What.PACE, ledger.resource.name))
        self._watch_the_clock(ledger)

    def _choose(self, ledger: Ledger) -> tuple[WorkloadKey, ...]:
        now = self._clock()
        waiting = {
            plan.ref: key
            for key in ledger.waiting
            if key not in ledger.starting
            and (plan := ledger.plans[key])
            and ledger.may_try(plan.ref, now)
        }
        resource = ledger.resource
        if resource.deleting and resource.spec.deletion_policy is DeletionPolicy.ORPHAN:
            # Nothing restarts, so there is nothing to pace.
            return tuple(sorted(waiting.values()))
        pace = Pace(
            waiting=tuple(waiting),
            in_flight=ledger.in_flight,
            failed=0 if resource.deleting else ledger.tally.failed,
            total=ledger.tally.total + ledger.tally.leaving,
        )
        return tuple(waiting[ref] for ref in decide_starts(resource.spec.rollout, pace))

    async def _write(self, ledger: Ledger, key: WorkloadKey) -> None:
        try:
            async with self._places:
                plan = ledger.plans.get(key)
                if plan is None or plan.intent is None:
                    return
                done = await self._writer.write(ledger, plan.intent, Key.workload(*key))
            if done and plan.state is WorkloadState.LEAVING and plan.intent.restarts_pods:
                ledger.departing[key] = self._clock()
            # Seen as rolling before it stops counting as starting, or it would start twice.
            self._planner.workload(ledger, key)
        finally:
            ledger.starting.discard(key)

    def _forget_departed(self, ledger: Ledger) -> None:
        oldest = self._clock() - ledger.resource.spec.rollout.timeout_s
        for key, released_at in list(ledger.departing.items()):
            facts = self._inventory.workload(key)
            over = facts is None or facts.rollout.finished or _is_stuck(facts)
            # One that never becomes healthy must not hold up a deletion for ever.
            if over or released_at < oldest:
                del ledger.departing[key]

    def _watch_the_clock(self, ledger: Ledger) -> None:
        """Look again when a roll-out would be overdue: no event tells that time has passed."""
        timeout_s = ledger.resource.spec.rollout.timeout_s
        now = self._inventory.snapshot().taken_at
        left_s = {key: ledger.plans[key].since + timeout_s - now for key in ledger.rolling}
        for key, seconds in left_s.items():
            if seconds < 0:
                self._queue.add(Key.workload(*key))
        again = Key.of(What.PACE, ledger.resource.name)
        if left_s:
            # One timer for all of them, or each finished roll-out would cost one for each other.
            self._queue.add_after(again, max(min(left_s.values()), 0) + 1)
        if ledger.departing:
            self._queue.add_after(again, 1.0)
        refused = (ledger.plans[key].ref for key in ledger.waiting)
        if wait_s := ledger.wait_s(refused, self._clock()):
            self._queue.add_after(again, wait_s)


def may_start(ledger: Ledger) -> bool:
    """Return whether everything that comes before workloads is done."""
    parts = ledger.parts
    if parts is None or parts.injection.due:
        # The label first, in and out: one roll-out then takes both, sidecar and annotation.
        return False
    if ledger.resource.deleting:
        return True
    if not parts.mesh.ready or parts.agent.awaiting:
        return False
    # What somebody else must make possible first is not waited for.
    due = parts.agent.due
    return not due or any(each.ref in ledger.problems for each in due)


def _is_stuck(facts: WorkloadFacts) -> bool:
    return facts.deleting or facts.paused or facts.rollout.deadline_exceeded
