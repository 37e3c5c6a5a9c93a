"""
The operator process: Kopf for our own resource, the reconciler for everything else, one HTTP port.

Kopf delivers events of ``IstioObservability`` and nothing more: it has no handler that would store
progress or the last spec on the resource, and none on objects of other people. The finalizer is
written by the reconciler (see docs/decisions/0002).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import kopf

from istio_observability.control.health import HealthServer
from istio_observability.control.reconciler import Reconciler
from istio_observability.model.names import GROUP, PLURAL, VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from istio_observability.control.metrics import Metrics
    from istio_observability.control.settings import Settings
    from istio_observability.kube.api import ClusterApi
    from istio_observability.kube.connection import Credentials

log: Final = logging.getLogger(__name__)

# A token of a pod is renewed long before an hour; Kopf reads it again this often, before any 401.
_LOGIN_LIFETIME: Final = timedelta(minutes=10)


class CannotListen(Exception):  # noqa: N818  names the state
    """The address of the probes and metrics cannot be used."""


async def run_operator(
    api: ClusterApi,
    settings: Settings,
    metrics: Metrics,
    *,
    login: Callable[[], Awaitable[Credentials]],
    listen: tuple[str, int] | None,
) -> None:
    """
    Run until cancelled or told to stop by a signal.

    Args:
        api: The cluster.
        settings: What the administrator decided.
        metrics: Where requests and passes are counted.
        login: How Kopf gets its credentials.
        listen: Address of ``/healthz``, ``/readyz`` and ``/metrics``; ``None`` serves none.

    Raises:
        CannotListen: In a group, as everything that ends a task.
    """
    reconciler = Reconciler(api, settings, metrics=metrics)
    registry = build_registry(reconciler, login)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(reconciler.run(), name="reconciler")
        if listen is not None:
            health = HealthServer(reconciler, metrics)
            try:
                await health.start(*listen)
            except OSError as error:
                raise CannotListen(error.strerror or str(error)) from error
        try:
            await kopf.operator(
                registry=registry,
                settings=build_kopf_settings(),
                clusterwide=True,
                standalone=True,
                stop_flag=stop,
            )
        finally:
            work.cancel()
            if listen is not None:
                await health.stop()


def build_registry(
    reconciler: Reconciler, login: Callable[[], Awaitable[Credentials]]
) -> kopf.OperatorRegistry:
    """Return the handlers: events of our resource, and how to log in."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:  # noqa: ANN401
        found = await login()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_file,
            insecure=found.insecure,
            scheme="Bearer" if found.token else None,
            token=found.token,
            certificate_path=found.certificate_file,
            private_key_path=found.key_file,
            expiration=datetime.now(UTC) + _LOGIN_LIFETIME,
        )

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def resource_changed(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401
        reconciler.resource_changed(dict(event["object"]), gone=event["type"] == "DELETED")

    return registry


def build_kopf_settings() -> kopf.OperatorSettings:
    """Return Kopf's settings, each away from its default for a reason."""
    settings = kopf.OperatorSettings()
    # Our kinds are fixed, so no watch of CRDs and namespaces, and no permission for it.
    settings.scanning.disabled = True
    settings.peering.standalone = True
    # Not ours: Kopf removes its own finalizer wherever no handler of its needs one.
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix=GROUP, key="last-handled", v1=False
    )
    settings.watching.server_timeout = 300
    # Longer than the server's, so that it is the server which ends a healthy stream.
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.watching.reconnect_backoff = 1.0
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 5.0
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    # About four minutes of 5xx before Kopf ends the process, longer than a control plane rolls.
    settings.networking.error_backoffs = (1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 55, 55)
    # Events are written by us, about what users care for; Kopf's log is not news.
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 25
    return settings
