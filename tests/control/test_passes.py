"""What a pass over one workload wakes: the pacer where something may start, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from istio_observability.control.inventory import Inventory
from istio_observability.control.keys import Key, What
from istio_observability.control.ledger import (
    BUSY,
    BUSY_STATUS_DELAY_S,
    STATUS_DELAY_S,
    Ledger,
)
from istio_observability.control.passes import Passes
from istio_observability.control.settle import Settling
from istio_observability.control.workqueue import WorkQueue
from istio_observability.kube.watch import Change
from istio_observability.model.objects import DEPLOYMENT, NAMESPACE, ObjectRef
from istio_observability.plan.facts import FieldFacts, NamespaceFacts, RolloutFacts, WorkloadFacts
from istio_observability.plan.mesh import Mesh
from istio_observability.plan.plan import context_of
from istio_observability.plan.plan_workload import WorkloadState
from tests.plan import builders

if TYPE_CHECKING:
    from istio_observability.control.writer import Writer

KEY = ("prod", "a")
PACE = Key.of(What.PACE, "mesh")
FRESH = WorkloadFacts("prod", "a", "uid", template_has_proxy=True)
MESH = Mesh(revisions=frozenset({"default"}))


def _ignore(*_: object) -> None:
    return None


class Scene:
    """One resource and one workload, without an API server: nothing here is to be written."""

    def __init__(self) -> None:
        self.inventory = Inventory(
            cast("Any", None),
            on_workload=_ignore,
            on_namespace=_ignore,
            on_part=_ignore,
            on_denied=_ignore,
            now=lambda: builders.NOW,
        )
        self.queue: WorkQueue[Key] = WorkQueue()
        self.passes = Passes(
            self.inventory,
            self.queue,
            cast("Writer", None),
            settling=Settling(0.0, lambda: 0.0),
            clock=lambda: 0.0,
        )
        wish = builders.resource()
        self.ledger = Ledger(wish, context=context_of(wish, MESH), complete=True)
        self.passes.planner.ledgers["mesh"] = self.ledger
        place = ObjectRef(NAMESPACE, "", "prod")
        self.inventory._namespace_changed(Change(place, None, NamespaceFacts("prod", "uid")))

    async def look(self, facts: WorkloadFacts) -> list[Key]:
        """Let the workload be looked at and return the keys that are due then."""
        self.inventory._workload_changed(Change(ObjectRef(DEPLOYMENT, *KEY), None, facts))
        await self.passes.workload(KEY)
        due = []
        while self.queue.sizes.waiting:
            key = await self.queue.get()
            self.queue.done(key)
            due.append(key)
        return due

    def wired(self, **change: Any) -> WorkloadFacts:
        """Return the workload as it is once the plan of it was written by us."""
        plan = self.ledger.plans[KEY]
        assert plan.wanted is not None
        prom = plan.wanted["spec"]["template"]["metadata"]["annotations"]["datakit/prom.instances"]
        facts = replace(
            FRESH,
            prom=FieldFacts(prom, ours=True),
            wired_by="mesh",
            revision=plan.wanted["metadata"]["annotations"]["istio-observability.dev/revision"],
            rollouts_caused=1,
            written_at=builders.NOW,
            last_write_ours=True,
        )
        return replace(facts, **change)


@pytest.fixture
async def scene() -> Scene:
    """Return a scene on the running loop."""
    return Scene()


async def test_a_waiting_workload_is_offered_each_time(scene):
    """After a write that failed nothing has changed, and still it must get another turn."""
    assert await scene.look(FRESH) == [PACE]
    assert await scene.look(FRESH) == [PACE]


async def test_a_roll_out_that_begins_is_watched(scene):
    """A roll-out that has begun may become overdue, so the pacer sets its clock once."""
    await scene.look(FRESH)
    rolling = scene.wired(rollout=RolloutFacts(generation=2, observed_generation=1))

    assert await scene.look(rolling) == [PACE]
    assert scene.ledger.plans[KEY].state is WorkloadState.ROLLING
    assert await scene.look(replace(rolling, other_annotation_bytes=5)) == []


async def test_the_last_finished_roll_out_wakes_nobody(scene):
    """With nothing left to start there is nothing to pace: thousands finish one by one."""
    await scene.look(FRESH)
    await scene.look(scene.wired(rollout=RolloutFacts(generation=2, observed_generation=1)))

    assert await scene.look(scene.wired()) == []
    assert scene.ledger.plans[KEY].state is WorkloadState.WIRED


async def test_many_moving_workloads_share_a_status(scene):
    """While many move, a status is written once a second; few are shown at once."""
    status = Key.of(What.STATUS, "mesh")
    loop = asyncio.get_running_loop()
    await scene.look(FRESH)
    few_s = scene.queue._timers[status].when() - loop.time()
    for number in range(BUSY):
        key = ("prod", f"w{number}")
        facts = replace(FRESH, name=key[1], uid=key[1])
        scene.inventory._workload_changed(Change(ObjectRef(DEPLOYMENT, *key), None, facts))
        scene.passes.planner.workload(scene.ledger, key)
    scene.queue.add(status)
    scene.queue.done(await scene.queue.get())
    await scene.look(scene.wired(rollout=RolloutFacts(generation=2, observed_generation=1)))
    many_s = scene.queue._timers[status].when() - loop.time()

    assert few_s <= STATUS_DELAY_S < many_s <= BUSY_STATUS_DELAY_S
