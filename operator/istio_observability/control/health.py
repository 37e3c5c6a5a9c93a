"""
One HTTP port for probes and metrics.

``/healthz`` fails when a watch has heard nothing for five minutes, bookmarks included: then nothing
would be repaired, and a restart lists everything anew. ``/readyz`` fails until the first lists are
complete. ``/metrics`` is in the Prometheus text format.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from istio_observability.control.metrics import Metrics
    from istio_observability.control.reconciler import Reconciler

_SILENCE_S: Final = 300.0
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class HealthServer:
    """Serves probes and metrics until stopped."""

    def __init__(self, reconciler: Reconciler, metrics: Metrics) -> None:
        self._reconciler = reconciler
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._serve_metrics)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, host: str, port: int) -> None:
        """Begin to listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        silent_s = self._reconciler.inventory.watches.oldest_activity_s(time.monotonic())
        if silent_s > _SILENCE_S:
            return web.Response(status=500, text=f"a watch is silent for {silent_s:.0f} s\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        if not self._reconciler.ready:
            return web.Response(status=503, text="the first lists are not complete\n")
        return web.Response(text="ok\n")

    async def _serve_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": _CONTENT_TYPE})
