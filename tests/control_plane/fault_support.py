"""
A plane of its own with the operator's permissions, the agent, and a mesh that exists on paper only.

Bad input and faults need no running Istio: Deployments that carry its labels, its ConfigMap, and a
webhook that matches no pod are all that the operator looks at. Workloads bring a hand-written
``istio-proxy``, so they count as part of the mesh.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dev.control_plane import (
    BinariesError,
    ControlPlane,
    KubectlError,
    ensure_binaries,
    find_kubebuilder_assets,
)
from dev.lab import OperatorProcess, install_operator
from dev.lab.audit import Write, audit_mark, writes_since
from dev.lab.stage import MANIFESTS
from tests.model.cases import resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from istio_observability.model.objects import Body

SHOP = "shop"
PROM = "datakit/prom.instances"
REVISION = "deployment.kubernetes.io/revision"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
READY_DELAY = "test.istio-observability.dev/ready-delay"
TRACED_MESH = "defaultConfig: {tracing: {zipkin: {address: 'zipkin.istio-system:9411'}}}\n"
AGENT_OFF: Body = {
    "controlPlane": {"collect": "Never"},
    "gateways": [],
    "tracing": {"zipkinService": "Never"},
}
"""A spec that leaves the agent alone, for tests about workloads: nothing to wait for."""


class Stage:
    """
    One plane and the operator beside it, with nothing but its ServiceAccount's rights.

    Attributes:
        plane: The cluster, as its administrator.
        kubeconfig: Of the operator.
        agent_touched: A test has changed the agent or its ConfigMap itself.
    """

    def __init__(self, plane: ControlPlane, kubeconfig: Path) -> None:
        self.plane = plane
        self.kubeconfig = kubeconfig
        self.agent_touched = False
        self.operator = OperatorProcess(kubeconfig, plane.directory)

    # -- what a user does -------------------------------------------------------------------------

    def apply(self, body: Body, *, server_side: bool = False) -> None:
        """Apply one object as a user would."""
        flags = ("--server-side", "--field-manager=helm") if server_side else ()
        self.agent_touched |= body.get("metadata", {}).get("namespace") == "datakit"
        self.plane.kubectl("apply", *flags, "-f", "-", input=json.dumps(body))

    def wish(self, spec: Body, name: str = "mesh") -> None:
        """Apply an ``IstioObservability``."""
        self.apply(resource(spec, name))

    def withdraw(self, *names: str) -> None:
        """Delete resources, all without names, and wait until they are released."""
        what = names or ("--all",)
        try:
            self.plane.kubectl("delete", "iobs", *what, "--ignore-not-found", "--timeout=40s")
        except KubectlError as error:
            # One that hangs must not hang every test behind it, too.
            for each in self.plane.read("iobs")["items"]:
                op = {"op": "replace", "path": "/metadata/finalizers", "value": []}
                self.patch("iobs", each["metadata"]["name"], "", op)
            raise AssertionError(f"not released: {error}\n{self.operator.last_lines()}") from error

    def patch(self, kind: str, name: str, namespace: str, *ops: Body) -> None:
        """Change an object by a JSON patch."""
        text = json.dumps(list(ops))
        self.agent_touched |= namespace == "datakit"
        place = ("-n", namespace) if namespace else ()
        self.plane.kubectl("patch", kind, name, *place, "--type=json", "-p", text)

    # -- what is seen -----------------------------------------------------------------------------

    def get(self, kind: str, name: str, namespace: str = "") -> Body:
        """Return an object with its managed fields, ``{}`` if there is none."""
        place = ("-n", namespace) if namespace else ()
        flags = ("--ignore-not-found", "-o", "json", "--show-managed-fields")
        text = self.plane.kubectl("get", kind, name, *place, *flags)
        found: Body = json.loads(text) if text.strip() else {}
        return found

    def status(self, name: str = "mesh") -> Body:
        """Return the status of a resource, ``{}`` if it says nothing about this generation."""
        live = self.get("iobs", name)
        status: Body = live.get("status") or {}
        current = status.get("observedGeneration") == live.get("metadata", {}).get("generation")
        return status if current else {}

    def wait_status(
        self, holds: Callable[[Body], bool], name: str = "mesh", *, timeout_s: float = 120
    ) -> Body:
        """Wait until the status of a resource fulfils a condition, and return it."""
        deadline = time.monotonic() + timeout_s
        while not holds(status := self.status(name)):
            if time.monotonic() > deadline:
                said = json.dumps(status, indent=1)
                raise TimeoutError(
                    f"{name} says after {timeout_s:.0f} s:\n{said}\n{self.operator.last_lines()}"
                )
            time.sleep(0.2)
        return status

    def wait_settled(self, name: str = "mesh", *, timeout_s: float = 120) -> Body:
        """Wait until a resource is Ready or Stalled, and return its status."""
        return self.wait_status(is_settled, name, timeout_s=timeout_s)

    def writes_on(self, mark: int, resource_name: str, name: str) -> list[Write]:
        """Return the operator's writes to one object since a mark, refused ones included."""
        found = writes_since(self.plane, mark)
        return [each for each in found if (each.resource, each.name) == (resource_name, name)]

    def mark(self) -> int:
        """Return a place in the audit log."""
        return audit_mark(self.plane)

    def quiet_writes(self, seconds: float = 6.0) -> list[Write]:
        """Watch a cluster that should stand still, and return what the operator wrote."""
        mark = self.mark()
        time.sleep(seconds)
        return writes_since(self.plane, mark)


@contextmanager
def started_stage(nodes: int) -> Iterator[Stage]:
    """Start a plane with everything on it but a running operator; skip where that cannot be."""
    if os.environ.get("TEST_KUBECONFIG"):
        pytest.skip("the API server of TEST_KUBECONFIG cannot be stopped, nor its audit log read")
    try:
        programs = find_kubebuilder_assets() or ensure_binaries()
    except BinariesError as error:
        pytest.skip(str(error))
    if "kwok" not in programs or "kube-controller-manager" not in programs:
        pytest.skip("KUBEBUILDER_ASSETS has no kube-controller-manager, kube-scheduler or kwok")
    with ControlPlane.start(nodes, programs=programs) as plane:
        stage = Stage(plane, install_operator(plane))
        set_scene(stage)
        try:
            yield stage
        finally:
            stage.operator.stop()


def set_scene(stage: Stage) -> None:
    """Put agent, mesh and the namespace of workloads there as their owners would."""
    agent = list(yaml.safe_load_all((MANIFESTS / "datakit.yaml").read_text(encoding="utf-8")))
    for body in agent:
        if body["kind"] == "DaemonSet":
            # Its own election namespace, or each status would speak of the missing one.
            env = body["spec"]["template"]["spec"]["containers"][0]["env"]
            env.append({"name": "ENV_NAMESPACE", "value": "lab"})
    items = [*agent, *paper_mesh(), namespace(SHOP)]
    stage.apply({"apiVersion": "v1", "kind": "List", "items": items})
    stage.plane.kubectl("rollout", "status", "daemonset/datakit", "-n=datakit", "--timeout=60s")


def clear_scene(stage: Stage) -> None:
    """Undo what a test did: no resource, no workload, agent and mesh as ``set_scene`` left them."""
    gone = ("--ignore-not-found", "--timeout=30s")
    # Before the resource, which would release one after the other.
    stage.plane.kubectl("delete", "deployments", "--all", "-n", SHOP, *gone)
    stage.withdraw()
    if stage.agent_touched:
        # Applying them again would leave what others have put there.
        stage.plane.kubectl("delete", "daemonset/datakit", "cm/datakit-conf", "-n=datakit", *gone)
        stage.agent_touched = False
    set_scene(stage)


def is_settled(status: Body) -> bool:
    """Return whether a status says Ready or Stalled."""
    return says(status, "Ready", "True") or says(status, "Stalled", "True")


def says(status: Body, condition: str, value: str, reason: str = "") -> bool:
    """Return whether a condition has a value, and a reason if one is given."""
    return any(
        (each["type"], each["status"]) == (condition, value) and reason in ("", each["reason"])
        for each in status.get("conditions", [])
    )


def reasons(status: Body) -> list[str]:
    """Return the reasons of all findings, in their order."""
    return [each["reason"] for each in status.get("findings", [])]


def account(status: Body) -> str:
    """Return what a status says against the wish: Ready, conditions that fail, findings."""
    told = [each["message"] for each in status.get("findings", [])]
    lines = []
    for each in status["conditions"]:
        line = f"{each['type']} {each['status']} {each['reason']}"
        if each["type"] == "Ready" and each["message"] not in told:
            line += f": {each['message']}"
        if each["type"] in ("Ready", "Stalled") or each["status"] != "True":
            lines.append(line)
    for found in status.get("findings", []):
        lines += [f"{found['severity']} {found['reason']}", f"  {found['message']}"]
    skipped = status.get("skippedByReason", {})
    lines += [f"skipped {reason}: {count}" for reason, count in sorted(skipped.items())]
    return "\n".join(lines) + "\n"


# -- the scene ------------------------------------------------------------------------------------


def namespace(name: str, **labels: str) -> Body:
    """Return a Namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }


def workload(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> Body:
    """Return a Deployment of the mesh in ``SHOP``; annotations stand on its pod template."""
    containers = [
        {"name": "app", "image": "example.com/app:1"},
        {"name": "istio-proxy", "image": "example.com/proxyv2:1.31.0"},
    ]
    return _deployment(SHOP, name, {"app": name}, containers, annotations or {}, spec)


def mesh_config(text: str = TRACED_MESH) -> Body:
    """Return Istio's ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": text},
    }


def paper_mesh() -> tuple[Body, ...]:
    """Return istiod, both gateways, mesh config and an injection webhook that injects nothing."""
    discovery = [{"name": "discovery", "image": "example.com/pilot:1.31.0"}]
    proxy = [{"name": "istio-proxy", "image": "auto"}]
    home = "istio-system"
    istiod = {"app": "istiod", "istio.io/rev": "default"}
    ingress = {"app": "istio-ingressgateway", "istio": "ingressgateway"}
    egress = {"app": "istio-egressgateway", "istio": "egressgateway"}
    webhook = {
        "name": "injection.example.com",
        "clientConfig": {"url": "https://127.0.0.1:9/inject"},
        "rules": [
            {
                "operations": ["CREATE"],
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["pods"],
            }
        ],
        "objectSelector": {"matchLabels": {"no.such/label": "set"}},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return (
        namespace(home),
        _deployment(home, "istiod", istiod, discovery, {}, {}),
        _deployment(home, "istio-ingressgateway", ingress, proxy, {}, {}),
        _deployment(home, "istio-egressgateway", egress, proxy, {}, {}),
        mesh_config(),
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {
                "name": "istio-sidecar-injector",
                "labels": {"app": "sidecar-injector", "istio.io/rev": "default"},
            },
            "webhooks": [webhook],
        },
    )


def _deployment(
    place: str,
    name: str,
    labels: dict[str, str],
    containers: list[Body],
    annotations: dict[str, str],
    spec: Body,
) -> Body:
    metadata = {"labels": labels, "annotations": annotations}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": place, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": {"containers": containers}},
            **spec,
        },
    }
