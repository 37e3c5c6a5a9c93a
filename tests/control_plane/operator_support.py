"""
The stage of the operator's cluster tests, and what they read there.

A plane with Istio, DataKit as its stock manifest lays it out, bookinfo in ``prod``, and the
operator as a process with its ServiceAccount's token. Everything is read from the API server and
nothing from the operator's memory. ``reset`` is itself a proof: without a resource, the cluster
must be what it was before the first one, at the latest when its owners repeat their manifests.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dev.lab import differences, dump_cluster, wait_until, wait_workloads_ready
from dev.lab.audit import Write, audit_mark, writes_since
from dev.lab.stage import MANIFESTS
from istio_observability.model import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dev.control_plane import ControlPlane
    from dev.lab import OperatorProcess

Body = dict[str, Any]

PROM: Final = "datakit/prom.instances"
LOGS: Final = "datakit/logs"
BOOKINFO: Final = (
    "details-v1",
    "productpage-v1",
    "ratings-v1",
    "reviews-v1",
    "reviews-v2",
    "reviews-v3",
)
MINIMAL: Final[Body] = {
    "workloads": {"namespaces": ["prod"]},
    "injection": {"namespaces": ["prod"]},
}
"""The smallest useful resource: bookinfo chosen, and put into the mesh."""

TEMPLATES: Final = frozenset({"deployments", "daemonsets"})
_OWNERS: Final = ("bookinfo.yaml", "datakit.yaml")


@dataclass(frozen=True, slots=True)
class Counters:
    """How often templates have changed: revision of each Deployment, generation of the agent's."""

    workloads: Mapping[str, int]
    agent: int

    def since(self, before: Counters) -> Counters:
        """Return what has been rolled out after an earlier look, without what was not."""
        rolled = {
            name: count - before.workloads.get(name, 0)
            for name, count in self.workloads.items()
            if count != before.workloads.get(name, 0)
        }
        return Counters(rolled, self.agent - before.agent)


@dataclass(slots=True)
class Stage:
    """
    The cluster and the operator on it.

    Attributes:
        plane: With administrator's rights.
        operator: The process; started once per session.
        untouched: Dump of the cluster before any resource.
    """

    plane: ControlPlane
    operator: OperatorProcess
    untouched: Body = field(default_factory=dict)

    def apply(self, spec: Mapping[str, Any], name: str = "mesh") -> None:
        """Apply a resource as a user does, and return at once."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name},
            "spec": spec,
        }
        self.create(body)

    def create(self, body: Mapping[str, Any]) -> None:
        """Apply any object client-side, as an owner does."""
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(body))

    def wait_ready(self, name: str = "mesh", *, timeout_s: int = 120) -> None:
        """Wait as a pipeline does: for Ready of this very generation."""
        wait = ("wait", "--for=condition=Ready", f"iobs/{name}", f"--timeout={timeout_s}s")
        self.plane.kubectl(*wait)

    def wire(self, spec: Mapping[str, Any] = MINIMAL) -> None:
        """Apply a resource and wait until it is Ready and its roll-outs are seen to be finished."""
        self.apply(spec)
        self.wait_ready()

    def delete(self, name: str = "mesh", *, timeout_s: int = 120) -> None:
        """Delete a resource and wait until it is gone."""
        self.plane.kubectl("delete", f"iobs/{name}", f"--timeout={timeout_s}s")

    def resource(self, name: str = "mesh") -> Body:
        """Return a resource."""
        return self.plane.read("iobs", name)

    def status(self, name: str = "mesh") -> Body:
        """Return a resource's status, empty until it was written for the current generation."""
        live = self.resource(name)
        status: Body = live.get("status") or {}
        current = status.get("observedGeneration") == live["metadata"]["generation"]
        return status if current else {}

    def ready(self, name: str = "mesh") -> tuple[str, str]:
        """Return status and reason of Ready, empty until decided for the current generation."""
        for each in self.status(name).get("conditions", []):
            if each["type"] == "Ready":
                return (each["status"], each["reason"])
        return ("", "")

    def wait_reason(self, reason: str, name: str = "mesh", *, timeout_s: float = 120) -> None:
        """Wait until Ready has a reason."""
        wait_until(
            f"{name} says {reason}", lambda: self.ready(name)[1] == reason, timeout_s=timeout_s
        )

    def count(self, what: str, name: str = "mesh") -> int:
        """Return one of the counts in ``status.workloads``, -1 until it is written."""
        return int(self.status(name).get("workloads", {}).get(what, -1))

    def findings(self, reason: str, name: str = "mesh") -> list[str]:
        """Return the sentences of the findings with a reason."""
        found = self.status(name).get("findings", [])
        return [each["message"] for each in found if each["reason"] == reason]

    def deployment(self, name: str, namespace: str = "prod") -> Body:
        """Return a Deployment with its managed fields."""
        return self.plane.read("deployment", name, f"-n={namespace}", "--show-managed-fields")

    def agent(self) -> Body:
        """Return the agent's DaemonSet with its managed fields."""
        return self.plane.read("daemonset", "datakit", "-n=datakit", "--show-managed-fields")

    def config(self) -> Body:
        """Return the data of the agent's ConfigMap."""
        return self.plane.read("configmap", "datakit-conf", "-n=datakit").get("data") or {}

    def annotations(self, name: str, namespace: str = "prod") -> dict[str, str]:
        """Return the annotations of a Deployment's pod template."""
        return template_annotations(self.deployment(name, namespace))

    def wired(self, namespace: str = "prod") -> set[str]:
        """Return the Deployments whose template carries the agent's annotation."""
        items = self.plane.read("deployments", f"-n={namespace}")["items"]
        return {each["metadata"]["name"] for each in items if PROM in template_annotations(each)}

    def counters_of_workloads(self, namespace: str = "prod") -> Mapping[str, int]:
        """Return the revision of each Deployment as it stands once nothing is moving."""
        wait_until("no roll-out is under way", lambda: self._is_still(namespace))
        items = self.plane.read("deployments", f"-n={namespace}")["items"]
        return {each["metadata"]["name"]: _revision(each) for each in items}

    def counters(self, namespace: str = "prod") -> Counters:
        """Return the counters as they stand once nothing of Deployments and agent is moving."""
        workloads = self.counters_of_workloads(namespace)
        annotations = self.agent()["metadata"]["annotations"]
        return Counters(workloads, int(annotations["deprecated.daemonset.template.generation"]))

    def mark(self) -> int:
        """Return the place in the audit log from which ``writes`` counts."""
        return audit_mark(self.plane)

    def writes(self, mark: int, *resources: str) -> list[Write]:
        """Return what the operator wrote since a mark, of these resources if any are named."""
        found = writes_since(self.plane, mark)
        return [each for each in found if not resources or each.resource in resources]

    def settle(self, *, quiet_s: float = 1.5, timeout_s: float = 30) -> None:
        """Wait until the operator has written nothing for a while, status included."""
        deadline = time.monotonic() + timeout_s
        mark, since = self.mark(), time.monotonic()
        while time.monotonic() - since < quiet_s:
            if self.writes(mark):
                mark, since = self.mark(), time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operator goes on writing: {self.writes(mark)}")
            time.sleep(0.1)

    def restart_operator(self, *, kill: bool = False) -> None:
        """End the operator, as a kubelet or as a crash, and start it anew."""
        if kill:
            self.operator.kill()
        else:
            assert self.operator.stop() == 0
        self.operator.start()
        self.operator.wait_ready()

    def repeat_manifests(self) -> None:
        """Let the owners of bookinfo and DataKit put back what they once wrote, and no more."""
        for name in _OWNERS:
            path = str(MANIFESTS / name)
            self.plane.kubectl("replace", "-f", path)
            self.plane.kubectl("apply", "-f", path)
        wait_workloads_ready(self.plane, "daemonsets", "datakit")
        wait_workloads_ready(self.plane, "deployments", "prod")

    def reset(self) -> None:
        """
        Delete every resource and bring the stage back to how it was.

        Raises:
            AssertionError: Something is left that its owners' manifests do not bring back.
        """
        if not self.operator.running:
            self.operator.start()
            self.operator.wait_ready()
        self.plane.kubectl("delete", "iobs", "--all", "--timeout=60s")
        extra = self.plane.kubectl("get", "ns", "-l=stage=extra", "-o", "name").split()
        if extra:
            self.plane.kubectl("delete", *extra, "--timeout=60s")
        if self.changes():
            self.repeat_manifests()
        deadline = time.monotonic() + 20
        while left := self.changes():
            assert time.monotonic() < deadline, "\n".join(["the stage is not as it was:", *left])

    def changes(self) -> list[str]:
        """Return what differs from the cluster before any resource, addresses left out."""
        lines = differences(self.untouched, dump_cluster(self.plane))
        # A Service that its owner deletes and applies again has another address.
        addresses = (".spec.clusterIP", "IPAddress /")
        return [line for line in lines if not any(each in line for each in addresses)]

    def _is_still(self, namespace: str) -> bool:
        for what, where in (("deployments", namespace), ("daemonsets", "datakit")):
            for item in self.plane.read(what, f"-n={where}")["items"]:
                status = item.get("status", {})
                if status.get("observedGeneration") != item["metadata"]["generation"]:
                    return False
                wanted = item["spec"].get("replicas", status.get("desiredNumberScheduled"))
                updated = status.get("updatedReplicas", status.get("updatedNumberScheduled", 0))
                if updated != wanted or status.get("replicas", wanted) != wanted:
                    return False
        return True


def template_annotations(live: Body) -> dict[str, str]:
    """Return the annotations of a pod template."""
    found: dict[str, str] = live["spec"]["template"]["metadata"].get("annotations") or {}
    return found


def markers(live: Body) -> dict[str, str]:
    """Return our annotations of an object's own metadata, without the prefix."""
    prefix = f"{names.GROUP}/"
    annotations = live["metadata"].get("annotations") or {}
    return {key[len(prefix) :]: text for key, text in annotations.items() if key.startswith(prefix)}


def managers(live: Body) -> set[str]:
    """Return every field manager of an object."""
    return {entry.get("manager", "") for entry in live["metadata"].get("managedFields", [])}


def app(name: str, namespace: str, **annotations: str) -> Body:
    """Return a small Deployment of one pod; the annotations are those of its pod template."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
            },
        },
    }


def extra_namespace(name: str, **labels: str) -> Body:
    """Return a Namespace that ``Stage.reset`` deletes."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"stage": "extra", **labels}},
    }


def _revision(live: Body) -> int:
    annotations = live["metadata"].get("annotations") or {}
    return int(annotations.get("deployment.kubernetes.io/revision", 0))
