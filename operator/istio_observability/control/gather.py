"""
A snapshot without watches: from one reading of a cluster, or from manifests on disk.

Both go through the projections that the running operator uses, so a command line sees exactly what
the operator would see.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from istio_observability.control.inventory import INJECTOR_SELECTOR, MESH_CONFIG_MAP, POD_SELECTOR
from istio_observability.control.project_agent import (
    project_agent,
    project_config_map,
    project_service,
)
from istio_observability.control.project_cluster import (
    project_mesh_config,
    project_namespace,
    project_pod,
    project_revisions,
)
from istio_observability.control.project_workload import project_workload
from istio_observability.kube.errors import Missing
from istio_observability.kube.wire import Selection
from istio_observability.model.objects import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ISTIO_OBSERVABILITY,
    MUTATING_WEBHOOKS,
    NAMESPACE,
    POD,
    SERVICE,
    Body,
    ObjectRef,
)
from istio_observability.plan.facts import NamespaceFacts, PodCounts
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from istio_observability.plan.plan_services import service_names
from istio_observability.plan.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.custom_resource import Resource

_INJECTOR_LABEL: Final = INJECTOR_SELECTOR.split("=")


class OddObject(ValueError):  # noqa: N818  names the state
    """A field of an object has another type than the API gives it; no server would store it."""


def snapshot_of(bodies: Iterable[Body], *, taken_at: float = 0.0) -> Snapshot:
    """
    Return the facts about a set of objects.

    A namespace that is only mentioned counts as one without labels, because manifests often leave
    it to be created by hand.

    Raises:
        OddObject: A manifest is not what its kind says.
    """
    by_kind: dict[str, list[Body]] = {}
    for body in bodies:
        by_kind.setdefault(str(body.get("kind")), []).append(body)
    pods: Counter[tuple[str, str]] = Counter()
    sidecars: Counter[tuple[str, str]] = Counter()
    for body in by_kind.get(POD.kind, []):
        pod = _project(project_pod, body)
        if pod is not None:
            pods[pod.owner] += 1
            sidecars[pod.owner] += pod.has_sidecar
    workloads = _by_name(by_kind.get(DEPLOYMENT.kind, []), project_workload)
    namespaces = {
        facts.name: facts
        for facts in (_project(project_namespace, each) for each in by_kind.get(NAMESPACE.kind, []))
    }
    for namespace, _ in workloads:
        namespaces.setdefault(namespace, NamespaceFacts(namespace, ""))
    maps = by_kind.get(CONFIG_MAP.kind, [])
    meshes = [each for each in maps if each["metadata"].get("name") == MESH_CONFIG_MAP]
    return Snapshot(
        taken_at=taken_at,
        namespaces=namespaces,
        workloads={
            key: replace(facts, pods=PodCounts(pods[key], sidecars[key]))
            for key, facts in workloads.items()
        },
        agents=_by_name(by_kind.get(DAEMON_SET.kind, []), project_agent),
        config_maps=_by_name(maps, project_config_map),
        services=_by_name(by_kind.get(SERVICE.kind, []), project_service),
        mesh_configs=_by_name(meshes, project_mesh_config),
        revisions=_revisions(by_kind.get(MUTATING_WEBHOOKS.kind, [])),
    )


async def read_objects(api: ClusterApi, resource: Resource) -> list[Body]:
    """
    Read the objects that the plan of one resource looks at.

    Raises:
        ApiError: Something cannot be read; there is never a plan made from half of the facts.
    """
    bodies: list[Body] = []
    for selection in (
        Selection(DEPLOYMENT),
        Selection(NAMESPACE, metadata_only=True),
        Selection(POD, label_selector=POD_SELECTOR, metadata_only=True),
        Selection(MUTATING_WEBHOOKS, label_selector=INJECTOR_SELECTOR, metadata_only=True),
    ):
        async for page, _ in api.list_pages(selection):
            bodies += page
    for ref in named_objects(resource):
        try:
            bodies.append(await api.get(ref))
        except Missing:
            continue
    return bodies


async def read_resources(api: ClusterApi) -> list[Body]:
    """Return every ``IstioObservability`` of the cluster."""
    found: list[Body] = []
    async for page, _ in api.list_pages(Selection(ISTIO_OBSERVABILITY)):
        found += page
    return found


def named_objects(resource: Resource) -> list[ObjectRef]:
    """Return the objects that a resource names: agent, ConfigMaps, Services."""
    spec = resource.spec
    datakit = spec.datakit.namespace
    return [
        ObjectRef(DAEMON_SET, datakit, spec.datakit.daemon_set_name),
        *(
            ObjectRef(CONFIG_MAP, datakit, name)
            for name in sorted({spec.datakit.config_map_name, OWN_CONFIG_MAP})
        ),
        ObjectRef(CONFIG_MAP, spec.istio.namespace, MESH_CONFIG_MAP),
        *(ObjectRef(SERVICE, namespace, name) for namespace, name in service_names(resource)),
    ]


def _project(project: Callable[[Body], Any], body: Body) -> Any:  # noqa: ANN401
    """Project one object; what comes from a file may have any type anywhere."""
    try:
        return project(body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        meta = body["metadata"]
        place = "/".join(str(meta[key]) for key in ("namespace", "name") if key in meta)
        raise OddObject(f"{body['kind']} {place}") from error


def _by_name(bodies: Iterable[Body], project: Callable[[Body], Any]) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for body in bodies:
        meta: Mapping[str, Any] = body.get("metadata") or {}
        facts = _project(project, body)
        if facts is not None:
            found[(meta.get("namespace", ""), meta.get("name", ""))] = facts
    return found


def _revisions(webhooks: Iterable[Body]) -> frozenset[str]:
    key, value = _INJECTOR_LABEL
    found: frozenset[str] = frozenset()
    for body in webhooks:
        labels = body["metadata"].get("labels") or {}
        if labels.get(key) == value:
            found |= _project(project_revisions, body) or frozenset()
    return found
