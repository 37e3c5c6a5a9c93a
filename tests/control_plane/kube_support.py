"""Objects, owners and readings that the tests of ``kube`` on a real API server share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from istio_observability.kube import managed_fields as mf
from istio_observability.model.names import FIELD_MANAGER
from istio_observability.model.objects import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    SERVICE,
    Kind,
    ObjectRef,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dev.control_plane import ClusterAccess
    from istio_observability.model.objects import Body

PROM = "datakit/prom.instances"
LOGS = "datakit/logs"


def deployment(namespace: str, name: str = "cart", **template_metadata: Any) -> Body:
    """Return a Deployment without replicas, as its team would write it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, **template_metadata},
                "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
            },
        },
    }


def daemon_set(namespace: str) -> Body:
    """Return the agent's DaemonSet with a volume and a mount of its own."""
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "datakit", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "datakit"}},
            "template": {
                "metadata": {"labels": {"app": "datakit"}},
                "spec": {
                    "nodeSelector": {"no-such-node": "true"},
                    "containers": [
                        {
                            "name": "datakit",
                            "image": "example.com/datakit:1",
                            "volumeMounts": [{"name": "own", "mountPath": "/own"}],
                        }
                    ],
                    "volumes": [{"name": "own", "emptyDir": {}}],
                },
            },
        },
    }


def config_map(namespace: str, name: str = "datakit-conf", data: Any = None) -> Body:
    """Return a ConfigMap; ``data: null`` as in the agent's stock manifest."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(namespace: str, labels: dict[str, str], name: str = "zipkin-ext") -> Body:
    """Return a Service as the operator creates them."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "datakit"},
            "ports": [{"name": "http", "port": 9411, "targetPort": 9529, "protocol": "TCP"}],
        },
    }


def ref(kind: Kind, namespace: str, name: str) -> ObjectRef:
    """Return a reference."""
    return ObjectRef(kind, namespace, name)


def body_for(live: Body, **fields: Any) -> Body:
    """Return an apply body for a live object: its identity with uid, and the given fields."""
    metadata = {key: live["metadata"][key] for key in ("name", "namespace", "uid")}
    extra = fields.pop("metadata", {})
    identity = {key: live[key] for key in ("apiVersion", "kind")}
    return {**identity, "metadata": {**metadata, **extra}, **fields}


def annotate(live: Body, annotations: dict[str, str], own: dict[str, str] | None = None) -> Body:
    """Return an apply body with pod template annotations, and annotations of the object."""
    spec = {"template": {"metadata": {"annotations": annotations}}}
    metadata = {"annotations": own} if own else {}
    return body_for(live, spec=spec, metadata=metadata)


def apply_client_side(plane: ClusterAccess, body: Body) -> Body:
    """Apply as a user with plain ``kubectl apply`` does."""
    return _kubectl_apply(plane, body)


def apply_server_side(plane: ClusterAccess, body: Body, manager: str = "helm") -> Body:
    """Apply as a tool with server-side apply does."""
    return _kubectl_apply(plane, body, "--server-side", f"--field-manager={manager}")


def _kubectl_apply(plane: ClusterAccess, body: Body, *flags: str) -> Body:
    text = json.dumps(body)
    out = plane.kubectl(
        "apply", "-f", "-", "-o", "json", "--show-managed-fields", *flags, input=text
    )
    applied: Body = json.loads(out)
    return applied


def template_annotations(live: Body) -> dict[str, str]:
    """Return the annotations of the pod template."""
    return live["spec"]["template"]["metadata"].get("annotations") or {}


def own_managers(live: Body) -> list[mf.Manager]:
    """Return every trace of our manager in an object."""
    return [who for who, _ in mf.entries_of(live) if who.name == FIELD_MANAGER]


def comparable(live: Body, without: Iterable[str] = ()) -> Body:
    """Return an object without what the server counts and stamps."""
    stamps = {"resourceVersion", "generation", "managedFields", "creationTimestamp", "uid"}
    copied: Body = json.loads(json.dumps(live))
    copied.pop("status", None)
    for key in stamps | set(without):
        copied["metadata"].pop(key, None)
    for key in ("deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"):
        copied["metadata"].get("annotations", {}).pop(key, None)
    if not copied["metadata"].get("annotations"):
        copied["metadata"].pop("annotations", None)
    return copied


__all__ = ["CONFIG_MAP", "DAEMON_SET", "DEPLOYMENT", "SERVICE"]
