"""
Proofs: a cluster before and after, and whether anything of the operator is left in it.

A dump holds every object of every namespace except what controllers make on their own (pods,
ReplicaSets, ControllerRevisions, events, endpoints, leases), without what moves by itself (status,
uid, resourceVersion, generation, managedFields, timestamps, revision counters).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dev.control_plane import ClusterAccess

Dump = dict[str, Any]

_LEFT_OUT: Final = frozenset(
    {
        "pods",
        "replicasets.apps",
        "controllerrevisions.apps",
        "events",
        "events.events.k8s.io",
        "endpoints",
        "endpointslices.discovery.k8s.io",
        "leases.coordination.k8s.io",
        "istioobservabilities.istio-observability.dev",
        "componentstatuses",
    }
)
_MOVING_METADATA: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "creationTimestamp",
)
_MOVING_ANNOTATIONS: Final = (
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    # A lease in an annotation: istiod renews its time every few seconds.
    "control-plane.alpha.kubernetes.io/leader",
)
_MARK: Final = "istio-observability"


def dump_cluster(cluster: ClusterAccess) -> Dump:
    """Return every object by ``resource namespace/name``, without what moves by itself."""
    return {key: _still(item) for key, item in _objects(cluster)}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return one line per difference between two dumps, sorted; none if they are equal."""
    lines = []
    for key in sorted(before.keys() | after.keys()):
        if key not in after:
            lines.append(f"{key}: is gone")
        elif key not in before:
            lines.append(f"{key}: is new")
        else:
            lines += [f"{key}: {line}" for line in _compare("", before[key], after[key])]
    return lines


def traces_of_operator(cluster: ClusterAccess, *, manager: str) -> list[str]:
    """
    Return where the operator still stands: a field manager, an annotation, a label.

    Its own objects (custom resource, definition, namespace and permissions) do not count.
    """
    found = []
    for key, item in _objects(cluster):
        meta = item.get("metadata") or {}
        if _MARK in str(meta.get("name")) or _MARK in str(meta.get("namespace")):
            continue
        if any(entry.get("manager") == manager for entry in meta.get("managedFields") or []):
            found.append(f"{key}: managedFields")
        text = json.dumps(_still(item))
        if f"{_MARK}.dev" in text or "datakit/prom.instances" in text:
            found.append(f"{key}: a value")
    return found


def template_hashes(cluster: ClusterAccess, namespace: str) -> dict[str, str]:
    """Return the pod-template-hash of the ReplicaSet that serves each Deployment."""
    items = cluster.read("replicasets", "-n", namespace)["items"]
    return {
        owner["name"]: item["metadata"]["labels"]["pod-template-hash"]
        for item in items
        if item["spec"].get("replicas")
        for owner in item["metadata"].get("ownerReferences", [])
    }


def _objects(cluster: ClusterAccess) -> Iterator[tuple[str, dict[str, Any]]]:
    names = cluster.kubectl("api-resources", "--verbs=list,get", "-o", "name").split()
    wanted = ",".join(name for name in names if name not in _LEFT_OUT)
    text = cluster.kubectl("get", wanted, "-A", "-o", "json", "--show-managed-fields")
    for item in json.loads(text)["items"]:
        meta = item["metadata"]
        yield f"{item['kind']} {meta.get('namespace', '')}/{meta['name']}", item


def _still(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key != "status"}
    meta = dict(kept.get("metadata") or {})
    for key in _MOVING_METADATA:
        meta.pop(key, None)
    annotations = dict(meta.get("annotations") or {})
    for key in _MOVING_ANNOTATIONS:
        annotations.pop(key, None)
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    return {**kept, "metadata": meta}


def _compare(path: str, before: object, after: object) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            where = f"{path}.{key}"
            if key not in after:
                yield f"{where} is gone"
            elif key not in before:
                yield f"{where} is new"
            else:
                yield from _compare(where, before[key], after[key])
    elif before != after:
        yield f"{path} was {before!r}, is {after!r}"
