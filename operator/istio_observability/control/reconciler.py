"""
The heart of the operator: workers that take keys and run the passes over them.

What Kopf tells about resources comes in by ``resource_changed``; what the inventory sees about
everything else wakes the keys that it concerns. Nothing is remembered that the cluster does not
say, so a killed operator goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from istio_observability.control.events import Events
from istio_observability.control.intake import Intake
from istio_observability.control.inventory import Inventory
from istio_observability.control.keys import Key, What
from istio_observability.control.passes import Passes
from istio_observability.control.resources import finalizer_patch
from istio_observability.control.settle import Settling
from istio_observability.control.status import build_status, differs, observe, status_body
from istio_observability.control.workqueue import WorkQueue
from istio_observability.control.writer import Writer, watch_problem
from istio_observability.kube.errors import ApiError, Missing, RetryLater
from istio_observability.model.names import FINALIZER
from istio_observability.model.reasons import EventReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.control.ledger import Ledger
    from istio_observability.control.metrics import Metrics
    from istio_observability.control.settings import Settings
    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.objects import Body
    from istio_observability.plan.decide_ready import Observation

log: Final = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 30.0


class Reconciler:
    """
    Everything between the watches and the writes.

    Attributes:
        queue: What is due; idle when the cluster is as wanted.
        inventory: The facts.
    """

    def __init__(
        self,
        api: ClusterApi,
        settings: Settings,
        *,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self.queue: WorkQueue[Key] = WorkQueue()
        self._events = Events(api, instance=settings.instance, busy=lambda: self._passes.busy)
        self.inventory = Inventory(
            api,
            on_workload=self._workload_changed,
            on_namespace=self._namespace_changed,
            on_part=self._part_changed,
            on_denied=self._watch_denied,
            now=wall_clock,
        )
        writer = Writer(api, self.inventory, self.queue, self._events, metrics, clock)
        self._passes = Passes(
            self.inventory,
            self.queue,
            writer,
            settling=Settling(settings.settle_s, clock),
            clock=clock,
        )
        self._intake = Intake(self._passes.planner.ledgers, self.queue, settings)
        self._listed = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.inventory.run(), name="inventory")
            tasks.create_task(self._events.run(), name="events")
            tasks.create_task(self._resync(), name="resync")
            for index in range(self._settings.workers):
                tasks.create_task(self._work(), name=f"worker {index}")

    def resource_changed(self, body: Body, *, gone: bool) -> None:
        """Take the newest state of a resource; ``gone`` once it does not exist any more."""
        self._intake.take(body, gone=gone)

    @property
    def ready(self) -> bool:
        """Return whether everything that concerns every resource has been listed."""
        return self._listed.is_set() and self.inventory.watches.synced()

    def _workload_changed(self, name: tuple[str, str]) -> None:
        self.queue.add(Key.workload(*name))
        self._part_changed(name[0], only_istio=True)

    def _namespace_changed(self, name: str) -> None:
        for key in self.inventory.workloads_in(name):
            self.queue.add(Key.workload(*key))
        for ledger in self._passes.planner.ledgers.values():
            self.queue.add(Key.of(What.PARTS, ledger.resource.name))

    def _part_changed(self, namespace: str, *, only_istio: bool = False) -> None:
        for ledger in self._passes.planner.ledgers.values():
            spec = ledger.resource.spec
            places = {spec.istio.namespace} if only_istio else {"", spec.istio.namespace}
            if not only_istio:
                places.add(spec.datakit.namespace)
            if namespace in places:
                self.queue.add(Key.of(What.PARTS, ledger.resource.name))

    def _watch_denied(self) -> None:
        for name in self._passes.planner.ledgers:
            self.queue.add(Key.of(What.STATUS, name))

    async def _resync(self) -> None:
        pause_s = 0.5
        while not await self._list_resources():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._listed.set()
        while True:
            await asyncio.sleep(self._settings.resync_s)
            await self._list_resources()
            self._intake.wake_all()

    async def _list_resources(self) -> bool:
        try:
            await self._intake.refresh(self._api)
        except ApiError as error:
            log.warning("the resources cannot be listed: %s", error)
            return False
        return True

    async def _work(self) -> None:
        # One that holds a workload must be known before another one may take it.
        await self._listed.wait()
        while True:
            key = await self.queue.get()
            self._metrics.queue_depth(self.queue.sizes.waiting)
            began = self._clock()
            try:
                await self._pass(key)
                result = "success"
                if key.what in (What.RESOURCE, What.STATUS):
                    # The passes that write say themselves whether their writes succeeded.
                    self.queue.succeeded(key)
            except ApiError as error:
                result = "error"
                log.warning("pass %s failed: %s", key, error)
                wish_s = error.retry_after_s if isinstance(error, RetryLater) else None
                self.queue.retry(key, at_least_s=wish_s or 0.0)
            except Exception:
                # The edge of a worker: one object that nobody foresaw must not stop the others.
                result = "panic"
                log.exception("pass %s failed; it is tried again later", key)
                self.queue.retry(key, at_least_s=1.0)
            finally:
                self.queue.done(key)
            self._metrics.passed(key.what.value, result, self._clock() - began)

    async def _pass(self, key: Key) -> None:
        match key.what:
            case What.RESOURCE:
                await self._finalizer(key.name)
                await self._passes.resource(key.name)
            case What.PARTS:
                await self._passes.parts(key.name)
            case What.WORKLOAD:
                await self._passes.workload((key.namespace, key.name))
            case What.PACE:
                await self._passes.pace(key.name)
            case What.STATUS:
                await self._status(key.name)

    async def _finalizer(self, name: str) -> None:
        """Put our finalizer on a resource that wants writes, and take the answer at once."""
        ledger = self._passes.planner.ledgers.get(name)
        if ledger is None or ledger.invalid or ledger.resource.deleting:
            return
        # Not before it can be decided upon: one that never can must not hang when it is deleted.
        informed = self._passes.planner.is_informed(ledger.resource)
        if informed and FINALIZER not in ledger.resource.finalizers:
            await self._patch_finalizers(ledger, [*ledger.resource.finalizers, FINALIZER])

    async def _patch_finalizers(self, ledger: Ledger, finalizers: list[str]) -> None:
        resource = ledger.resource
        try:
            live = await self._api.json_patch(resource.ref, finalizer_patch(resource, finalizers))
        except Missing:
            self._intake.forget(ledger)
            return
        self._intake.learn(ledger, live)

    async def _status(self, name: str) -> None:
        ledger = self._passes.planner.ledgers.get(name)
        if ledger is None:
            return
        resource = ledger.resource
        if (
            resource.deleting
            and FINALIZER in resource.finalizers
            and self._passes.planner.is_released(ledger)
        ):
            rest = [each for each in resource.finalizers if each != FINALIZER]
            await self._patch_finalizers(ledger, rest)
            self._events.on_resource(resource, EventReason.RELEASED, "everything was released")
            return
        denied = self._passes.planner.denied(resource)
        if not ledger.complete and not ledger.invalid and not denied:
            return
        seen = self._observe(ledger)
        await self._write_status(ledger, seen)
        if ledger.pending_since or seen.agent_busy or resource.deleting or ledger.denied:
            # No event tells that something has become overdue.
            self.queue.add_after(Key.of(What.STATUS, name), 5.0)

    def _observe(self, ledger: Ledger) -> Observation:
        denied = self._passes.planner.denied(ledger.resource)
        ledger.denied = tuple(watch_problem(each) for each in denied)
        return observe(
            ledger,
            taken_at=self._wall_clock(),
            now=self._clock(),
            to_release=self._passes.planner.to_release(ledger),
        )

    async def _write_status(self, ledger: Ledger, seen: Observation) -> None:
        stamp = datetime.fromtimestamp(self._wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = build_status(ledger, seen, now=stamp)
        before = ledger.resource.status
        if not differs(before, wanted):
            return
        body = status_body(ledger.resource.name, wanted)
        try:
            live = await self._api.apply_status(body)
        except Missing:
            self._intake.forget(ledger)
            return
        self._events.transition(ledger.resource, before, wanted)
        self._intake.learn(ledger, live)
