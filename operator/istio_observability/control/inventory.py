"""
What the cluster holds, as facts: the only place that decisions look at.

Every kind is followed by a watch of ours that keeps projections. What concerns every resource is
followed from the start (Deployments, Namespaces, Pods, injection webhooks; metadata only where that
is enough), single named objects once a resource names them. A change of facts wakes the keys
that it concerns and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from istio_observability.control.pods import PodIndex
from istio_observability.control.project_agent import (
    project_agent,
    project_config_map,
    project_service,
)
from istio_observability.control.project_cluster import (
    PodFacts,
    project_mesh_config,
    project_namespace,
    project_pod,
    project_revisions,
)
from istio_observability.control.project_workload import project_workload
from istio_observability.control.watch_book import WatchBook
from istio_observability.kube.watch import Change, Watch, WatchOptions
from istio_observability.kube.wire import Selection
from istio_observability.model.objects import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    MUTATING_WEBHOOKS,
    NAMESPACE,
    POD,
    SERVICE,
    Body,
    Kind,
    ObjectRef,
)
from istio_observability.plan.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.kube.api import ClusterApi
    from istio_observability.kube.errors import ApiError
    from istio_observability.plan.agent_facts import AgentFacts, ConfigMapFacts, ServiceFacts
    from istio_observability.plan.facts import NamespaceFacts, WorkloadFacts

log: Final = logging.getLogger(__name__)

_Name = tuple[str, str]
MESH_CONFIG_MAP: Final = "istio"
INJECTOR_SELECTOR: Final = "app=sidecar-injector"
POD_SELECTOR: Final = "pod-template-hash"


class Inventory:
    """
    The facts, and the watches that keep them.

    Not safe for threads. ``on_workload``, ``on_namespace`` and ``on_part`` are called, after the
    facts have changed, with what changed; they must not block.

    Attributes:
        watches: What is followed, and whether it can be decided upon.
    """

    def __init__(
        self,
        api: ClusterApi,
        *,
        on_workload: Callable[[_Name], None],
        on_namespace: Callable[[str], None],
        on_part: Callable[[str], None],
        on_denied: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self._api = api
        self._on_workload = on_workload
        self._on_namespace = on_namespace
        self._on_part = on_part
        self._on_denied = on_denied
        self._now = now
        self._tasks: asyncio.TaskGroup | None = None
        self.watches = WatchBook()
        self._namespaces: dict[str, NamespaceFacts] = {}
        self._workloads: dict[_Name, WorkloadFacts] = {}
        self._by_namespace: dict[str, set[str]] = {}
        self._pods = PodIndex()
        self._agents: dict[_Name, AgentFacts] = {}
        self._config_maps: dict[_Name, ConfigMapFacts] = {}
        self._services: dict[_Name, ServiceFacts] = {}
        self._mesh_configs: dict[_Name, str] = {}
        self._revisions: Counter[str] = Counter()

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._follow(DEPLOYMENT, project_workload, self._workload_changed)
            self._follow(NAMESPACE, project_namespace, self._namespace_changed, metadata_only=True)
            self._follow(
                POD,
                project_pod,
                self._pod_changed,
                metadata_only=True,
                label_selector=POD_SELECTOR,
            )
            self._follow(
                MUTATING_WEBHOOKS,
                project_revisions,
                self._revisions_changed,
                metadata_only=True,
                label_selector=INJECTOR_SELECTOR,
            )
            await asyncio.Event().wait()

    def follow_agent(self, namespace: str, daemon_set: str) -> None:
        """Follow one DaemonSet from now on."""
        self._follow(DAEMON_SET, project_agent, self._into(self._agents), namespace, daemon_set)

    def follow_config_map(self, namespace: str, name: str) -> None:
        """Follow one ConfigMap of the agent from now on."""
        self._follow(CONFIG_MAP, project_config_map, self._into(self._config_maps), namespace, name)

    def follow_service(self, namespace: str, name: str) -> None:
        """Follow one Service from now on."""
        self._follow(SERVICE, project_service, self._into(self._services), namespace, name)

    def follow_mesh_config(self, namespace: str) -> None:
        """Follow the mesh configuration of a control plane from now on."""
        sink = self._into(self._mesh_configs)
        self._follow(CONFIG_MAP, project_mesh_config, sink, namespace, MESH_CONFIG_MAP)

    def snapshot(self) -> Snapshot:
        """Return the facts as they stand; a view, not a copy, so use it before the next await."""
        return Snapshot(
            taken_at=self._now(),
            namespaces=self._namespaces,
            workloads=self._workloads,
            agents=self._agents,
            config_maps=self._config_maps,
            services=self._services,
            mesh_configs=self._mesh_configs,
            revisions=frozenset(self._revisions),
        )

    def workload(self, name: _Name) -> WorkloadFacts | None:
        """Return the facts about one Deployment."""
        return self._workloads.get(name)

    def namespace(self, name: str) -> NamespaceFacts | None:
        """Return the facts about one Namespace."""
        return self._namespaces.get(name)

    def workload_names(self) -> list[_Name]:
        """Return namespace and name of every Deployment, sorted."""
        return sorted(self._workloads)

    def workloads_in(self, namespace: str) -> list[_Name]:
        """Return namespace and name of every Deployment of a namespace, sorted."""
        return [(namespace, name) for name in sorted(self._by_namespace.get(namespace, ()))]

    def observe(self, ref: ObjectRef, live: Body | None) -> None:
        """Take the answer to a write of ours, so that the next look sees it."""
        if live is None:
            return
        for place in (ref, ObjectRef(ref.kind, "", "")):
            watch = self.watches.get(place)
            if watch is not None:
                watch.observe(live)

    def _follow(
        self,
        kind: Kind,
        project: Callable[[Body], Any],
        sink: Callable[[Change[Any]], None],
        namespace: str = "",
        name: str = "",
        *,
        metadata_only: bool = False,
        label_selector: str = "",
    ) -> None:
        place = ObjectRef(kind, namespace, name)
        if place in self.watches or self._tasks is None:
            return
        selection = Selection(
            kind,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=f"metadata.name={name}" if name else "",
            metadata_only=metadata_only,
        )

        def denied(error: ApiError) -> None:
            if kind == MUTATING_WEBHOOKS:
                # Then the labels of istiod say which revisions there are.
                self.watches.dispense_with(kind)
                return
            log.warning("watch of %s %s/%s denied: %s", kind.plural, namespace, name, error)
            self.watches.refuse(place)
            self._on_denied()

        watch = Watch(
            self._api,
            selection,
            project=project,
            sink=sink,
            options=WatchOptions(on_denied=denied),
        )
        self.watches.add(place, watch)
        self._tasks.create_task(watch.run(), name=f"watch {kind.plural} {namespace}/{name}")

    def _into(self, facts: dict[_Name, Any]) -> Callable[[Change[Any]], None]:
        def take(change: Change[Any]) -> None:
            name = (change.ref.namespace, change.ref.name)
            if change.new is None:
                facts.pop(name, None)
            else:
                facts[name] = change.new
            self._on_part(change.ref.namespace)

        return take

    def _workload_changed(self, change: Change[WorkloadFacts]) -> None:
        name = (change.ref.namespace, change.ref.name)
        if change.new is None:
            self._workloads.pop(name, None)
            self._by_namespace.get(name[0], set()).discard(name[1])
        else:
            self._workloads[name] = replace(change.new, pods=self._pods.of(name))
            self._by_namespace.setdefault(name[0], set()).add(name[1])
        self._on_workload(name)

    def _pod_changed(self, change: Change[PodFacts]) -> None:
        for owner, counts in self._pods.take(change):
            workload = self._workloads.get(owner)
            if workload is None or workload.pods == counts:
                continue
            before = workload.pods
            self._workloads[owner] = replace(workload, pods=counts)
            if before.kind != counts.kind:
                # Nothing else about the number of pods decides anything.
                self._on_workload(owner)

    def _namespace_changed(self, change: Change[NamespaceFacts]) -> None:
        name = change.ref.name
        if change.new is None:
            self._namespaces.pop(name, None)
        else:
            self._namespaces[name] = change.new
        self._on_namespace(name)

    def _revisions_changed(self, change: Change[frozenset[str]]) -> None:
        for revision in change.old or ():
            self._revisions[revision] -= 1
            if self._revisions[revision] <= 0:
                del self._revisions[revision]
        self._revisions.update(change.new or ())
        self._on_part("")
