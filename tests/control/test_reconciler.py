"""What happens at a start: nothing is decided before every resource is known."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from istio_observability.control.metrics import Metrics
from istio_observability.control.reconciler import Reconciler
from istio_observability.control.settings import Settings
from istio_observability.kube.errors import Unavailable
from istio_observability.model.objects import ISTIO_OBSERVABILITY
from tests.model.cases import resource as body_of
from tests.plan.builders import PROD


class SlowApi:
    """An empty cluster that lists its resources when told to, and refuses the first time."""

    def __init__(self) -> None:
        self.may_list = asyncio.Event()
        self.refusals = 1
        self.written: list[Any] = []
        self.both_written = asyncio.Event()

    async def list_pages(self, selection: Any, **_: Any) -> Any:
        """Yield one empty page of anything, and the resource once it may be seen."""
        found: list[Any] = []
        if selection.kind == ISTIO_OBSERVABILITY:
            await self.may_list.wait()
            if self.refusals:
                self.refusals -= 1
                raise Unavailable("not yet")
            found = [self.resource("older"), self.resource("younger")]
        yield found, "1"

    async def watch(self, *_: Any, **__: Any) -> Any:
        """Tell nothing, for ever."""
        await asyncio.Event().wait()
        yield "BOOKMARK", {}

    async def json_patch(self, ref: Any, _ops: Any) -> Any:
        """Take a finalizer."""
        self.written.append(ref.name)
        if set(self.written) == {"older", "younger"}:
            self.both_written.set()
        raise Unavailable("enough")

    def resource(self, name: str) -> Any:
        """Return a resource as the server has it."""
        body = body_of(PROD)
        meta = {"name": name, "uid": f"uid-of-{name}", "generation": 1, "resourceVersion": "1"}
        return {**body, "metadata": {**body["metadata"], **meta}}


async def test_no_pass_before_every_resource_is_known():
    """A younger resource that is told first must not take what an older one holds."""
    api = SlowApi()
    reconciler = Reconciler(cast("Any", api), Settings(workers=2), metrics=Metrics())
    running = asyncio.create_task(reconciler.run())
    reconciler.resource_changed(api.resource("younger"), gone=False)
    await asyncio.sleep(0.1)
    before = (reconciler.ready, reconciler.queue.sizes.handled, list(api.written))
    api.may_list.set()
    async with asyncio.timeout(10):
        await api.both_written.wait()
    ready = reconciler.ready
    running.cancel()
    await asyncio.wait([running])

    assert before == (False, 0, [])
    assert ready
