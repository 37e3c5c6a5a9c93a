"""Resources as they become known, in whatever order they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from istio_observability.control.intake import Intake
from istio_observability.control.keys import Key, What
from istio_observability.control.settings import Settings
from istio_observability.control.workqueue import WorkQueue
from istio_observability.model.names import FINALIZER
from tests.model.cases import resource as body_of
from tests.plan.builders import PROD

if TYPE_CHECKING:
    from istio_observability.control.ledger import Ledger


class Lister:
    """An API server that lists what it is told to, after something has happened meanwhile."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = bodies
        self.meanwhile = lambda: None

    async def list_pages(self, _selection: object) -> Any:
        """Yield one page."""
        self.meanwhile()
        yield list(self.bodies), "9"


class Scene:
    """An intake and what it woke."""

    def __init__(self) -> None:
        self.ledgers: dict[str, Ledger] = {}
        self.queue: WorkQueue[Key] = WorkQueue()
        self.intake = Intake(self.ledgers, self.queue, Settings())

    async def woken(self) -> set[Key]:
        """Return the keys that are due, and forget them."""
        found = set()
        while self.queue.sizes.waiting:
            key = await self.queue.get()
            self.queue.done(key)
            found.add(key)
        return found


def body(name: str = "mesh", spec: Any = PROD, **meta: Any) -> Any:
    """Return a resource as the API server delivers it."""
    found = body_of(spec)
    ordinary = {"name": name, "uid": f"uid-of-{name}", "generation": 1, "resourceVersion": "5"}
    return {**found, "metadata": {**found["metadata"], **ordinary, **meta}}


def plan_all(*names: str) -> set[Key]:
    """Return the keys by which resources are planned anew."""
    return {Key.of(What.RESOURCE, name) for name in names}


@pytest.fixture
async def scene() -> Scene:
    """Return a scene on the running loop."""
    return Scene()


async def test_list_makes_all_known_at_once(scene):
    """None is planned before the others can be seen."""
    await scene.intake.refresh(cast("Any", Lister(body("a"), body("b"))))

    assert set(scene.ledgers) == {"a", "b"}
    assert await scene.woken() == plan_all("a", "b")


async def test_list_forgets_what_was_deleted_unseen(scene):
    """A watch that was broken tells no deletion."""
    scene.intake.take(body("a"), gone=False)
    scene.intake.take(body("b"), gone=False)
    await scene.woken()
    await scene.intake.refresh(cast("Any", Lister(body("b"))))

    assert set(scene.ledgers) == {"b"}
    assert Key.of(What.RESOURCE, "b") in await scene.woken()


async def test_list_does_not_forget_what_came_meanwhile(scene):
    """The list may be older than the event."""
    lister = Lister()
    lister.meanwhile = lambda: scene.intake.take(body("new"), gone=False)
    await scene.intake.refresh(cast("Any", lister))

    assert set(scene.ledgers) == {"new"}


async def test_late_news_of_a_predecessor_are_ignored(scene):
    """Kopf handles two resources of one name, one after the other, in any order."""
    scene.intake.take(body(uid="new", resourceVersion="8"), gone=False)
    scene.intake.take(body(uid="old", resourceVersion="6"), gone=False)
    scene.intake.take(body(uid="old", resourceVersion="7"), gone=True)

    assert scene.ledgers["mesh"].resource.uid == "new"
    scene.intake.take(body(uid="new", resourceVersion="9"), gone=True)
    assert scene.ledgers == {}


async def test_changed_wish_wakes_every_resource(scene):
    """What one does not choose any more, another one may."""
    scene.intake.take(body("a"), gone=False)
    scene.intake.take(body("b"), gone=False)
    await scene.woken()
    scene.intake.take(body("a", {}, generation=2, resourceVersion="6"), gone=False)

    assert await scene.woken() == plan_all("a", "b")


async def test_own_status_wakes_nothing_but_a_look_at_it(scene):
    """Otherwise each status would plan everything anew."""
    scene.intake.take(body(), gone=False)
    await scene.woken()
    scene.intake.take({**body(resourceVersion="6"), "status": {"message": "x"}}, gone=False)

    assert await scene.woken() == set()
    assert set(scene.queue._timers) == {Key.of(What.STATUS, "mesh")}


async def test_echo_of_what_is_known_wakes_nothing(scene):
    """The answer to a write comes once more by the watch; a converged cluster stays silent."""
    scene.intake.take(body(), gone=False)
    answer = {**body(resourceVersion="6"), "status": {"message": "x"}}
    scene.intake.take(answer, gone=False)
    scene.queue.add(Key.of(What.STATUS, "mesh"))
    await scene.woken()
    scene.intake.take(answer, gone=False)

    assert await scene.woken() == set()
    assert scene.queue.sizes.delayed == 0


async def test_refused_wish_keeps_the_last_valid_one(scene):
    """What it had written stands until it is fixed."""
    scene.intake.take(body(), gone=False)
    wrong = {**PROD, "workloads": {"namespaces": 3}}
    scene.intake.take(body(spec=wrong, generation=2, resourceVersion="6"), gone=False)

    ledger = scene.ledgers["mesh"]
    assert ledger.invalid
    assert ledger.resource.spec.workloads.namespaces == ("prod",)


async def test_answer_of_a_resource_that_is_gone_brings_nothing_back(scene):
    """A write may be answered after the deletion was told."""
    scene.intake.take(body(finalizers=[FINALIZER]), gone=False)
    ledger = scene.ledgers["mesh"]
    scene.intake.forget(ledger)
    scene.intake.learn(ledger, body(resourceVersion="6"))

    assert scene.ledgers == {}
