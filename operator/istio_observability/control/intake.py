"""
Our own resources as they become known: from Kopf's events, lists of ours, answers to our writes.

All of them are listed before anything is decided. Kopf delivers them one by one, and a resource
that is not known yet cannot be seen to hold what another one chooses as well: its workloads would
be taken over at each start. The list is repeated now and then, because Kopf forgets nobody that
was deleted while its watch was broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from istio_observability.control.gather import read_resources
from istio_observability.control.keys import Key, What
from istio_observability.control.ledger import Ledger
from istio_observability.control.resources import accept_body
from istio_observability.plan.check_spec import check_spec

if TYPE_CHECKING:
    from istio_observability.control.settings import Settings
    from istio_observability.control.workqueue import WorkQueue
    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.custom_resource import Resource
    from istio_observability.model.finding import Finding
    from istio_observability.model.objects import Body


class Intake:
    """Keeps one ledger for each resource there is, and wakes the passes that a change concerns."""

    def __init__(
        self, ledgers: dict[str, Ledger], queue: WorkQueue[Key], settings: Settings
    ) -> None:
        self._ledgers = ledgers
        self._queue = queue
        self._settings = settings

    async def refresh(self, api: ClusterApi) -> None:
        """
        List all resources: take each, and forget those that are gone.

        Raises:
            ApiError: They cannot be listed; nothing has changed.
        """
        # One that appears meanwhile may be missing from the list.
        known = list(self._ledgers.values())
        bodies = await read_resources(api)
        for body in bodies:
            self.take(body, gone=False)
        present = {body["metadata"]["name"] for body in bodies}
        for ledger in known:
            if ledger.resource.name not in present:
                self.forget(ledger)

    def take(self, body: Body, *, gone: bool) -> None:
        """Take the newest state of a resource; ``gone`` once it does not exist any more."""
        meta = body.get("metadata") or {}
        name = str(meta.get("name", ""))
        version = _version(meta.get("resourceVersion"))
        known = self._ledgers.get(name)
        if known is not None and version < known.version:
            # Told late: the answer to a write of ours, or a successor of that name, was faster.
            return
        if gone:
            if known is not None:
                self.forget(known)
            return
        if known is not None and version and version == known.version:
            # The echo of what is known: a list after the watch, a watch after our own write.
            return
        if known is None or known.resource.uid != meta.get("uid"):
            self._ledgers[name] = Ledger(*self._accept(body, None), version=version)
            self.wake_all()
            return
        before = known.resource
        known.resource, known.invalid = self._accept(body, known)
        known.version = version
        if _wish(before) == _wish(known.resource):
            # Nothing but labels, annotations or our own status has changed. Not at once, or each
            # status of a roll-out would call for the next one as fast as the server answers.
            self._queue.add_after(Key.of(What.STATUS, name), known.status_delay_s)
            return
        known.forget_problems()
        # All of them: what this one does not choose any more, another one may.
        self.wake_all()

    def forget(self, ledger: Ledger) -> None:
        """Forget a resource that does not exist any more; others may inherit from it."""
        if self._ledgers.get(ledger.resource.name) is ledger:
            del self._ledgers[ledger.resource.name]
            self.wake_all()

    def learn(self, ledger: Ledger, live: Body) -> None:
        """Take the answer to our own write, unless the resource is known to be gone by now."""
        if self._ledgers.get(ledger.resource.name) is ledger:
            self.take(live, gone=False)

    def wake_all(self) -> None:
        """Have every resource planned anew."""
        for name in self._ledgers:
            self._queue.add(Key.of(What.RESOURCE, name))

    def _accept(self, body: Body, known: Ledger | None) -> tuple[Resource, tuple[Finding, ...]]:
        resource, invalid = accept_body(body)
        if invalid and known is not None:
            # What its last valid spec had written stands, until it is fixed or deleted.
            resource = replace(resource, spec=known.resource.spec)
        if invalid or resource.deleting:
            # What is wrong with a resource does not matter any more once it is to go.
            return resource, () if resource.deleting else invalid
        return resource, check_spec(
            resource,
            datakit_namespaces=self._settings.datakit_namespaces,
            istio_namespaces=self._settings.istio_namespaces,
        )


def _wish(resource: Resource) -> tuple[int, bool, tuple[str, ...]]:
    return resource.generation, resource.deleting, resource.finalizers


def _version(text: object) -> int:
    """Return a resource version as a number; servers count up, as their watches promise."""
    return int(text) if isinstance(text, str) and text.isdecimal() else 0
