"""News wait for the roll-out they are about, never the other way round."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from istio_observability.control.events import Events
from istio_observability.model.objects import DEPLOYMENT, ObjectRef
from istio_observability.plan.intent import Action, Intent, Wave
from tests.plan.builders import resource

if TYPE_CHECKING:
    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.objects import Body

TOLD_AT = datetime(2024, 1, 1, tzinfo=UTC)


class Recorder:
    """Takes events and notes on the loop's clock when they came; ``full`` once all are there."""

    def __init__(self, count: int) -> None:
        self.came: list[tuple[float, Body]] = []
        self.full = asyncio.Event()
        self._count = count

    async def create_event(self, body: Body) -> Body:
        """Take one event."""
        self.came.append((asyncio.get_running_loop().time(), body))
        if len(self.came) == self._count:
            self.full.set()
        return body


async def _tell(count: int, *, busy: bool) -> list[tuple[float, Body]]:
    recorder = Recorder(count)
    events = Events(
        cast("ClusterApi", recorder), instance="me", busy=lambda: busy, now=lambda: TOLD_AT
    )
    for number in range(count):
        ref = ObjectRef(DEPLOYMENT, "prod", f"w{number}")
        events.touched(resource(), Intent(Action.APPLY, Wave.WORKLOADS, ref, "uid", {}, "why", 1))
    run = asyncio.create_task(events.run())
    await recorder.full.wait()
    run.cancel()
    return recorder.came


async def test_events_are_few_while_workloads_are_written():
    """During a mass roll-out an event waits, and still says when it was told."""
    began = asyncio.get_running_loop().time()
    came = await _tell(3, busy=True)

    assert all(at - began > 0.15 * number for number, (at, _) in enumerate(came, start=1))
    assert {body["eventTime"] for _, body in came} == {"2024-01-01T00:00:00.000000Z"}


async def test_events_come_at_once_otherwise():
    """Without a mass roll-out nobody waits for the news, and they keep their order."""
    began = asyncio.get_running_loop().time()
    came = await _tell(3, busy=False)

    assert [body["regarding"]["name"] for _, body in came] == ["w0", "w1", "w2"]
    assert came[-1][0] - began < 0.15
