"""
Events on our resource and on the objects that we touched, so that `kubectl describe` says who.

Only on a change of state, never per pass; an event that cannot be written is dropped, because it
repeats what conditions and markers say anyway.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from istio_observability.kube.errors import ApiError
from istio_observability.model import names
from istio_observability.model.conditions import find_condition
from istio_observability.model.objects import EVENT, ISTIO_OBSERVABILITY, Body, ObjectRef
from istio_observability.model.reasons import ConditionType, EventReason
from istio_observability.plan.intent import Action, Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.custom_resource import Resource

log: Final = logging.getLogger(__name__)

# Events on cluster-scoped objects live in this namespace, as the server wants it.
_CLUSTER_NAMESPACE: Final = "default"
_MAX_NOTE: Final = 1024
_MAX_PENDING: Final = 1000
_BUSY_PAUSE_S: Final = 0.2


class Events:
    """
    Writes events in the background, in order.

    At most 1,000 wait; more are dropped, oldest last, so that a roll-out over thousands of
    workloads never waits for its own news. While ``busy`` only five a second are written, for
    one costs the server half as much as a workload; each keeps the time at which it was told.
    """

    def __init__(
        self,
        api: ClusterApi,
        *,
        instance: str,
        busy: Callable[[], bool] = lambda: False,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._api = api
        self._instance = instance
        self._busy = busy
        self._now = now or (lambda: datetime.now(UTC))
        self._queue: asyncio.Queue[Body] = asyncio.Queue(maxsize=_MAX_PENDING)

    def on_resource(
        self, resource: Resource, reason: EventReason, note: str, *, warning: bool = False
    ) -> None:
        """Say something about the resource itself."""
        ref = ObjectRef(ISTIO_OBSERVABILITY, "", resource.name)
        self._put(self._event(ref, resource.uid, reason, note, warning=warning))

    def transition(self, resource: Resource, before: Mapping[str, Any], now: Body) -> None:
        """Say on the resource that Ready has changed from one status to the next, if it has."""
        was = find_condition(before.get("conditions"), ConditionType.READY) or {}
        ready = find_condition(now["conditions"], ConditionType.READY) or {}
        if (was.get("status"), was.get("reason")) == (ready.get("status"), ready.get("reason")):
            return
        stalled = find_condition(now["conditions"], ConditionType.STALLED) is not None
        reason = EventReason.READY if ready.get("status") == "True" else EventReason.NOT_READY
        note = f"{ready.get('reason')}: {ready.get('message')}"
        self.on_resource(resource, reason, note, warning=stalled)

    def touched(self, resource: Resource, intent: Intent) -> None:
        """Say on an object of somebody else what we did to it, and for whom."""
        reason = EventReason.RELEASED if intent.action is Action.RELEASE else EventReason.WIRED
        verb = "Released from" if reason is EventReason.RELEASED else "Configured for"
        note = f"{verb} {names.KIND} {resource.name}: {intent.reason}"
        if intent.restarts_pods:
            pods = intent.restarts_pods
            note += f"; {pods} pods are replaced once" if pods > 1 else "; its pod is replaced once"
        self._put(self._event(intent.ref, intent.uid, reason, note, warning=False))

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            body = await self._queue.get()
            if self._busy():
                await asyncio.sleep(_BUSY_PAUSE_S)
            try:
                await self._api.create_event(body)
            except ApiError as error:
                log.debug("event not written: %s", error)

    def _put(self, body: Body) -> None:
        try:
            self._queue.put_nowait(body)
        except asyncio.QueueFull:
            log.debug("event dropped: too many wait")

    def _event(
        self, ref: ObjectRef, uid: str, reason: EventReason, note: str, *, warning: bool
    ) -> Body:
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "name": f"{ref.name[:220]}.{secrets.token_hex(8)}",
                "namespace": ref.namespace or _CLUSTER_NAMESPACE,
            },
            "eventTime": self._now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "reportingController": names.FIELD_MANAGER,
            "reportingInstance": self._instance[:128],
            "action": "Reconcile",
            "reason": reason.value,
            "type": "Warning" if warning else "Normal",
            "note": note[:_MAX_NOTE],
            "regarding": {
                "apiVersion": ref.kind.api_version,
                "kind": ref.kind.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": uid,
            },
        }
