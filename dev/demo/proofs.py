"""
What the demo claims, counted at the API server and at nothing else.

Each function reads what is there now; the story compares and says whether a claim holds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dev.lab import differences, dump_cluster
from istio_observability.datakit.layout import PROM_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dev.control_plane import ClusterAccess
    from dev.lab.dump import Dump

_PROXY: Final = "istio-proxy"
_INJECTED: Final = "sidecar.istio.io/status"
_REVISION: Final = "deployment.kubernetes.io/revision"
_GENERATION: Final = "deprecated.daemonset.template.generation"
_STILL_ATTEMPTS: Final = 8
_STILL_PAUSE_S: Final = 1.0
_STAGE: Final = ("prod", "datakit", "istio-system")


@dataclass(frozen=True, slots=True)
class Counters:
    """
    How often pod templates have changed.

    Attributes:
        workloads: Revision of each Deployment of ``prod``, as its controller counts.
        agent: Template generation of the agent's DaemonSet.
        agent_revisions: ControllerRevisions of the DaemonSet: one per template it ever had.
    """

    workloads: Mapping[str, int]
    agent: int
    agent_revisions: int


@dataclass(frozen=True, slots=True)
class Pods:
    """Live pods of one workload: all, and those with a real sidecar and our annotation."""

    total: int
    wired: int


def read_counters(cluster: ClusterAccess) -> Counters:
    """Return how often the templates of the stage have changed so far."""
    deployments = cluster.read("deployments", "-n", "prod")["items"]
    agent = cluster.read("daemonset", "datakit", "-n", "datakit")
    history = cluster.read("controllerrevisions", "-n", "datakit")["items"]
    return Counters(
        workloads={
            item["metadata"]["name"]: int(item["metadata"]["annotations"][_REVISION])
            for item in deployments
        },
        agent=int(agent["metadata"]["annotations"][_GENERATION]),
        agent_revisions=sum(
            owner["uid"] == agent["metadata"]["uid"]
            for item in history
            for owner in item["metadata"].get("ownerReferences", [])
        ),
    )


def read_pods(cluster: ClusterAccess) -> dict[str, Pods]:
    """Return the pods of each Deployment in ``prod``; a pod that is ending does not count."""
    sets = cluster.read("replicasets", "-n", "prod")["items"]
    owners = {
        item["metadata"]["uid"]: item["metadata"]["ownerReferences"][0]["name"] for item in sets
    }
    found: dict[str, Pods] = {}
    for pod in _live(cluster, "prod"):
        name = owners.get(pod["metadata"]["ownerReferences"][0]["uid"], "")
        before = found.get(name, Pods(0, 0))
        found[name] = Pods(before.total + 1, before.wired + _is_wired(pod))
    return found


def count_current_agents(cluster: ClusterAccess) -> tuple[int, int]:
    """Return how many agents are Ready on the newest template, and how many there should be."""
    status = cluster.read("daemonset", "datakit", "-n", "datakit")["status"]
    history = cluster.read("controllerrevisions", "-n", "datakit")["items"]
    newest = max(history, key=lambda item: int(item["revision"]))
    digest = newest["metadata"]["labels"]["controller-revision-hash"]
    current = sum(
        pod["metadata"]["labels"].get("controller-revision-hash") == digest and _is_ready(pod)
        for pod in _live(cluster, "datakit")
    )
    return current, status["desiredNumberScheduled"]


def read_mesh_pods(cluster: ClusterAccess) -> dict[str, Mapping[str, str]]:
    """Return the annotations of every pod of Istio, by uid: admission has set most of them."""
    return {
        pod["metadata"]["uid"]: pod["metadata"].get("annotations") or {}
        for pod in _live(cluster, "istio-system")
    }


def read_dump(cluster: ClusterAccess, *, everything: bool) -> Dump:
    """
    Return a dump for a comparison.

    Args:
        cluster: The cluster.
        everything: Also what is outside the three namespaces of the demo; on a cluster where
            others work too, that moves by itself.
    """
    found = dump_cluster(cluster)
    if everything:
        return found
    return {key: item for key, item in found.items() if _is_of_stage(key)}


def read_still_dump(cluster: ClusterAccess, *, everything: bool) -> Dump:
    """Return the first dump that equals the one before it: controllers may still be busy."""
    before: Dump = {}
    for _ in range(_STILL_ATTEMPTS):
        now = read_dump(cluster, everything=everything)
        if now == before:
            break
        before = now
        time.sleep(_STILL_PAUSE_S)
    return now


def tell_differences(before: Dump, after: Dump) -> list[str]:
    """Return one line per difference, without the values of Secrets."""
    return [
        line.split(" was ")[0] + " has changed" if line.startswith("Secret ") else line
        for line in differences(before, after)
    ]


def _is_of_stage(key: str) -> bool:
    kind, _, place = key.partition(" ")
    namespace, _, name = place.partition("/")
    return namespace in _STAGE or (kind == "Namespace" and name in _STAGE)


def _live(cluster: ClusterAccess, namespace: str) -> list[dict[str, Any]]:
    items = cluster.read("pods", "-n", namespace)["items"]
    return [item for item in items if "deletionTimestamp" not in item["metadata"]]


def _is_wired(pod: Mapping[str, Any]) -> bool:
    spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    injected = any(each["name"] == _PROXY for each in containers) and _INJECTED in annotations
    return injected and PROM_ANNOTATION in annotations


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
