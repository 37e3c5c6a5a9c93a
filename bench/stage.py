"""
The stage: a control plane with the stock agent, a stand-in for Istio, and generated Deployments.

Each Deployment has a hand-written ``istio-proxy`` container, so that no injector is needed, and is
about as large as real ones are. Up to 100 of them keep one pod each, on simulated nodes; more are
scaled to 0, because on two cores the controllers of so many pods would be what is measured. A
Deployment of 0 replicas rolls out like any other and is finished at once.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

from bench.plain_api import PlainApi
from dev.lab import install_datakit, install_operator, wait_workloads_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dev.control_plane import ControlPlane

PREFIX: Final = "bench-"
RESOURCE: Final = "mesh"
_PER_NAMESPACE: Final = 100
_WITH_PODS: Final = 100
_SETTLED_TIMEOUT_S: Final = 300.0

Body = dict[str, Any]


def replicas_of(size: int) -> int:
    """Return how many replicas each Deployment of a stage of this size has."""
    return 1 if size <= _WITH_PODS else 0


def namespaces_of(size: int) -> list[str]:
    """Return the namespaces that hold the Deployments, at most 100 in each."""
    return [f"{PREFIX}{number:02}" for number in range(-(-size // _PER_NAMESPACE))]


def build_resource(size: int) -> Body:
    """Return the resource: default spec, no pacing."""
    return {
        "apiVersion": "istio-observability.dev/v1alpha1",
        "kind": "IstioObservability",
        "metadata": {"name": RESOURCE},
        "spec": {
            "workloads": {"namespaces": namespaces_of(size)},
            "rollout": {"maxConcurrent": "100%"},
        },
    }


def build_deployments(size: int) -> Iterator[Body]:
    """Yield the Deployments, sorted by namespace and name."""
    for namespace in namespaces_of(size):
        for number in range(min(_PER_NAMESPACE, size)):
            yield _build_deployment(namespace, f"service-{number:03}", replicas_of(size))


def build_mesh() -> list[Body]:
    """Return what the operator looks for in Istio's namespace; nothing of it runs."""
    mesh = "accessLogFile: /dev/stdout\ndefaultConfig: {}\nenableTracing: true\n"
    return [
        _named("v1", "Namespace", "istio-system", ""),
        {**_named("v1", "ConfigMap", "istio", "istio-system"), "data": {"mesh": mesh}},
        _component("istiod", {"app": "istiod", "istio": "pilot"}, "discovery"),
        _component(
            "istio-ingressgateway",
            {"app": "istio-ingressgateway", "istio": "ingressgateway"},
            "istio-proxy",
        ),
        _component(
            "istio-egressgateway",
            {"app": "istio-egressgateway", "istio": "egressgateway"},
            "istio-proxy",
        ),
    ]


class Stage:
    """
    One running plane with ``size`` Deployments that nobody has wired yet.

    Attributes:
        operator_kubeconfig: Of the operator's ServiceAccount.
        operator_token: The same credential, for the plain loop: same user, same authorization.
    """

    def __init__(self, plane: ControlPlane, size: int) -> None:
        self.plane = plane
        self.size = size
        self.operator_kubeconfig: Path = install_operator(plane)
        self.operator_token = plane.token_for(
            "istio-observability-system", "istio-observability-operator"
        )
        install_datakit(plane)
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": build_mesh()})
        plane.kubectl("apply", "-f", "-", input=text)
        asyncio.run(self._create())
        self.wait_settled()

    async def _create(self) -> None:
        async with PlainApi(self.plane, self.plane.admin_token) as api:
            for namespace in namespaces_of(self.size):
                body = _named("v1", "Namespace", namespace, "")
                await api.send("POST", "/api/v1/namespaces", body)
            await api.send_all(
                ("POST", collection(each["metadata"]["namespace"]), each, "application/json")
                for each in build_deployments(self.size)
            )

    def deployments(self) -> list[Body]:
        """Return the generated Deployments as they stand."""
        return asyncio.run(self._deployments())

    async def _deployments(self) -> list[Body]:
        async with PlainApi(self.plane, self.plane.admin_token) as api:
            found = await api.list_all("/apis/apps/v1/deployments")
        return [each for each in found if each["metadata"]["namespace"].startswith(PREFIX)]

    def wait_settled(self) -> None:
        """
        Wait until the controllers have nothing left to do, so that each measurement begins alike.

        Raises:
            KubectlError: The agent's roll-out is not finished in time.
            TimeoutError: That of a Deployment is not.
        """
        wait_workloads_ready(self.plane, "daemonsets", "datakit", timeout_s=_SETTLED_TIMEOUT_S)
        deadline = time.monotonic() + _SETTLED_TIMEOUT_S
        while not all(map(_is_finished, self.deployments())):
            if time.monotonic() > deadline:
                raise TimeoutError("the Deployments of the stage do not settle")
            # Reading thousands of objects is work that the controllers would have to wait for.
            time.sleep(max(0.5, self.size / 500))
        time.sleep(1.0)


def collection(namespace: str) -> str:
    """Return the path of the Deployments of a namespace."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def path_of(body: Body) -> str:
    """Return the path of one Deployment."""
    return f"{collection(body['metadata']['namespace'])}/{body['metadata']['name']}"


def _is_finished(body: Body) -> bool:
    status, wanted = body.get("status") or {}, body["spec"]["replicas"]
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return counts == {wanted} and status.get("observedGeneration") == body["metadata"]["generation"]


def _named(api_version: str, kind: str, name: str, namespace: str) -> Body:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _component(name: str, labels: dict[str, str], container: str) -> Body:
    body = _named("apps/v1", "Deployment", name, "istio-system")
    body["metadata"]["labels"] = labels
    template_spec = {"containers": [{"name": container, "image": "example.com/istio:1.31.0"}]}
    body["spec"] = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": template_spec},
    }
    return body


def _build_deployment(namespace: str, name: str, replicas: int) -> Body:
    labels = {"app": name, "version": "v1"}
    body = _named("apps/v1", "Deployment", name, namespace)
    body["metadata"]["labels"] = {**labels, "team": "bench", "app.kubernetes.io/name": name}
    body["spec"] = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {
                "labels": {**labels, "app.kubernetes.io/name": name},
                "annotations": {"checksum/config": "0" * 64, "prometheus.io/scrape": "false"},
            },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [_container("app"), _container("istio-proxy")],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        },
    }
    return body


def _container(name: str) -> Body:
    return {
        "name": name,
        "image": f"example.com/{name}:1.0.0",
        "args": [f"--flag-{number}=value-{number}" for number in range(8)],
        "env": [{"name": f"VARIABLE_{number}", "value": f"value {number}"} for number in range(12)],
        "ports": [{"name": f"{name[:5]}-http", "containerPort": 8080 if name == "app" else 15090}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "40Mi"},
            "limits": {"cpu": "2", "memory": "1Gi"},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True},
    }
