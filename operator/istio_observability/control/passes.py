"""
The passes: look at one key anew, decide by the pure plan, and have written what is due.

A pass reads facts, never an event, so it does not matter how often or why it runs. The order of
writes is a matter of waves: within the parts of a resource a later wave waits until nothing of an
earlier one is due, and workloads wait for the agent's configuration.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from istio_observability.control.keys import Key, What
from istio_observability.control.pacer import Pacer
from istio_observability.control.planner import Planner
from istio_observability.model.names import FINALIZER
from istio_observability.model.objects import CONFIG_MAP, ObjectRef
from istio_observability.model.spec import Mode
from istio_observability.plan.intent import Intent, Wave
from istio_observability.plan.plan_workload import WorkloadContext, WorkloadState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from istio_observability.control.inventory import Inventory
    from istio_observability.control.ledger import Ledger, WorkloadKey
    from istio_observability.control.settle import Settling
    from istio_observability.control.workqueue import WorkQueue
    from istio_observability.control.writer import Writer

_BREATH: Final = 50
"""Workloads planned in one go before other tasks get their turn."""


class Passes:
    """All passes over all resources; ``planner`` has their ledgers."""

    def __init__(
        self,
        inventory: Inventory,
        queue: WorkQueue[Key],
        writer: Writer,
        *,
        settling: Settling,
        clock: Callable[[], float],
    ) -> None:
        self.planner = Planner(inventory, clock)
        self._pacer = Pacer(inventory, self.planner, writer, queue, clock)
        self._inventory = inventory
        self._queue = queue
        self._writer = writer
        self._settling = settling
        self._clock = clock

    @property
    def busy(self) -> bool:
        """Return whether a mass of workloads is being written."""
        return self._pacer.busy

    async def resource(self, name: str) -> None:
        """Plan everything of one resource anew, and only then let anything be written."""
        ledger = self.planner.ledgers.get(name)
        if ledger is None or ledger.invalid:
            self._queue.add(Key.of(What.STATUS, name))
            return
        ledger.complete = False
        self.planner.follow(ledger.resource)
        if not self.planner.is_informed(ledger.resource):
            self._queue.add(Key.of(What.STATUS, name))
            # No event tells that a list is complete; one that is refused may be so for ever.
            refused = self.planner.denied(ledger.resource)
            self._queue.add_after(Key.of(What.RESOURCE, name), 5.0 if refused else 0.1)
            return
        self.planner.parts(ledger)
        keys = self._inventory.workload_names()
        for index, key in enumerate(keys):
            if index % _BREATH == 0:
                await asyncio.sleep(0)
            self.planner.workload(ledger, key)
        for key in set(ledger.plans).difference(self._inventory.workload_names()):
            ledger.record(key, None, self._clock())
        ledger.complete = True
        if ledger.resource.deleting:
            ledger.begin_release(self.planner.to_release(ledger), self._clock())
        self._wake(ledger)

    async def parts(self, name: str) -> None:
        """Plan agent, gateways, tracing and injection, and write the first wave that is due."""
        ledger = self.planner.ledgers.get(name)
        if ledger is None or not ledger.complete:
            return
        # Its spec may have come to name something else since the last plan.
        if not self.planner.is_informed(ledger.resource):
            return
        before = ledger.context
        self.planner.parts(ledger)
        if _mesh_moved(before, ledger.context):
            self._queue.add(Key.of(What.RESOURCE, name))
        key = Key.of(What.PARTS, name)
        self._queue.add_after(Key.of(What.STATUS, name), ledger.status_delay_s)
        # Workloads wait for what is due here, so they look whenever this has been looked at.
        self._queue.add(Key.of(What.PACE, name))
        if ledger.resource.deleting:
            # No event tells that the agent's pods have been waited for long enough.
            self._queue.add_after(key, 5.0)
        if not _may_write(ledger) or ledger.parts is None:
            return
        now = self._clock()
        due = [each for each in _in_order(ledger.parts.all.due) if ledger.may_try(each.ref, now)]
        self._come_back(ledger, key, (each.ref for each in ledger.parts.all.due))
        # A write that somebody must make possible does not hold up what comes after it.
        retried = [each for each in due if each.ref in ledger.problems]
        first = _first_wave([each for each in due if each.ref not in ledger.problems])
        wave = self._settled(ledger, first, key)
        done = await asyncio.gather(
            *(self._writer.write(ledger, each, key) for each in [*wave, *retried])
        )
        if any(done):
            self._queue.add(key)
            self._wake(ledger)

    async def workload(self, key: WorkloadKey) -> None:
        """Plan one workload for each resource, and write what restarts nothing."""
        for ledger in list(self.planner.ledgers.values()):
            before = ledger.plans.get(key)
            # Also while all are being planned: this one may have been looked at before it changed.
            plan = self.planner.workload(ledger, key)
            if not ledger.complete:
                continue
            changed = plan != before
            name = ledger.resource.name
            if changed:
                self._queue.add_after(Key.of(What.STATUS, name), ledger.status_delay_s)
            # It may start, also again after a write that failed; or its change lets another one
            # start; or a roll-out has begun, which may become overdue.
            others = changed and (ledger.waiting or ledger.departing or key in ledger.rolling)
            if key in ledger.waiting or others:
                self._queue.add(Key.of(What.PACE, name))
            if plan is None or plan.intent is None or key in ledger.waiting:
                continue
            self._come_back(ledger, Key.workload(*key), (plan.ref,))
            allowed = _may_write(ledger) and ledger.may_try(plan.ref, self._clock())
            if allowed and plan.state is not WorkloadState.WAITING:
                await self._writer.write(ledger, plan.intent, Key.workload(*key))

    async def pace(self, name: str) -> None:
        """Start as many roll-outs as may be under way."""
        ledger = self.planner.ledgers.get(name)
        if ledger is not None and ledger.complete and _may_write(ledger):
            await self._pacer.start(ledger)

    def _wake(self, ledger: Ledger) -> None:
        name = ledger.resource.name
        for what in (What.PARTS, What.PACE, What.STATUS):
            self._queue.add(Key.of(what, name))
        for key, plan in ledger.plans.items():
            if plan.intent is not None and key not in ledger.waiting:
                self._queue.add(Key.workload(*key))

    def _come_back(self, ledger: Ledger, key: Key, refs: Iterable[ObjectRef]) -> None:
        """Set the timer of a retry again: whatever woke this pass has taken it away."""
        wait_s = ledger.wait_s(refs, self._clock())
        if wait_s:
            self._queue.add_after(key, wait_s)

    def _settled(self, ledger: Ledger, wave: Sequence[Intent], key: Key) -> Sequence[Intent]:
        """Leave out what would roll the agent while its plan still moves; come back for it."""
        if ledger.resource.deleting:
            return wave
        wait_s = self._settling.wait_s(key, [each for each in wave if each.wave is Wave.AGENT])
        if wait_s <= 0:
            return wave
        self._queue.add_after(key, wait_s)
        return [each for each in wave if each.wave is not Wave.AGENT]


def _may_write(ledger: Ledger) -> bool:
    resource = ledger.resource
    if ledger.invalid or FINALIZER not in resource.finalizers:
        # Without our finalizer a deletion would leave behind what we are about to write.
        return False
    return resource.deleting or resource.spec.mode is Mode.ENFORCE


def _in_order(due: Sequence[Intent]) -> Sequence[Intent]:
    """Leave out the agent's roll-out while a key is still to be written, or cannot be."""
    if all(each.ref.kind != CONFIG_MAP for each in due):
        return due
    return [each for each in due if each.wave is not Wave.AGENT]


def _first_wave(due: Sequence[Intent]) -> list[Intent]:
    first = min((each.wave for each in due), default=Wave.LABEL)
    return [each for each in due if each.wave == first]


def _mesh_moved(before: WorkloadContext | None, after: WorkloadContext | None) -> bool:
    """Return whether what the plans of workloads depend on has changed."""
    if before is None or after is None:
        return before is not after
    return (before.mesh.revisions, before.mesh.present, before.revision) != (
        after.mesh.revisions,
        after.mesh.present,
        after.revision,
    )
