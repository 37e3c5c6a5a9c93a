"""
The manifests on a real API server: they install, the pod is admitted, the permissions are enough.

Everything is asked as the operator's own account. The objects of others are only pretended to be
written (server-side dry run), which passes authorisation and admission all the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dev.control_plane import KubectlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.control_plane import ClusterAccess

pytestmark = pytest.mark.control_plane

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
PLACE = "istio-observability-system"
ACCOUNT = f"system:serviceaccount:{PLACE}:istio-observability-operator"
AS_OPERATOR = f"--as={ACCOUNT}"
CRD = "istioobservabilities.istio-observability.dev"


def exists(cluster: ClusterAccess, *what: str) -> bool:
    """Tell whether an object is there."""
    return bool(cluster.kubectl("get", *what, "--ignore-not-found", "-o", "name"))


@pytest.fixture(scope="module")
def installed(control_plane: ClusterAccess) -> Iterator[ClusterAccess]:
    """The cluster with operator and CRD as a user installs them, and the two namespaces."""
    wait = f"--wait={str(control_plane.can_roll_out).lower()}"
    missing = [
        name for name in ("datakit", "istio-system") if not exists(control_plane, "ns", name)
    ]
    ours = not exists(control_plane, "ns", PLACE)
    had_crd = exists(control_plane, "crd", CRD)
    for name in missing:
        control_plane.kubectl("create", "namespace", name)
    control_plane.kubectl("apply", "-k", str(MANIFESTS / "default"))
    control_plane.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")
    yield control_plane
    if ours:
        control_plane.kubectl("delete", "-k", str(MANIFESTS / "operator"), wait)
    if not had_crd:
        control_plane.kubectl("delete", "-k", str(MANIFESTS / "crd"), wait)
    if missing:
        control_plane.kubectl("delete", "namespace", *missing, wait)


def create(cluster: ClusterAccess, body: dict[str, Any]) -> str:
    """Pretend to create one object as the operator; return ``""`` or what was said against it."""
    arguments = ("create", "--dry-run=server", AS_OPERATOR, "-o", "name", "-f", "-")
    try:
        cluster.kubectl(*arguments, input=json.dumps(body))
    except KubectlError as error:
        return error.stderr
    return ""


def config_map(namespace: str, name: str) -> dict[str, Any]:
    """Return the smallest ConfigMap."""
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_second_installation_changes_nothing(installed):
    """Applying the same manifests again is a no-op, so that GitOps tools stay quiet."""
    lines = installed.kubectl("apply", "-k", str(MANIFESTS / "default")).splitlines()

    assert [line for line in lines if not line.endswith(" unchanged")] == []
    assert len(lines) > 7


def operator_pod() -> dict[str, Any]:
    """Return the operator's pod, as its Deployment would make it."""
    text = (MANIFESTS / "operator" / "deployment.yaml").read_text(encoding="utf-8")
    template = yaml.safe_load(text)["spec"]["template"]
    metadata = {**template["metadata"], "name": "probe", "namespace": PLACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def test_pod_is_admitted_where_only_restricted_pods_are(installed):
    """The namespace refuses pods that are not restricted, and takes the operator's."""
    arguments = ("create", "--dry-run=server", "-o", "name", "-f", "-")
    pod = operator_pod()

    assert installed.kubectl(*arguments, input=json.dumps(pod)) == "pod/probe\n"

    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        installed.kubectl(*arguments, input=json.dumps(pod))


def test_deployment_rolls_out(installed):
    """With controllers and nodes, the operator's pod comes up."""
    if not installed.can_roll_out:
        pytest.skip("KUBEBUILDER_ASSETS has no controllers and no nodes")
    deployment = "deployment/istio-observability-operator"

    said = installed.kubectl("rollout", "status", deployment, f"-n={PLACE}", "--timeout=60s")

    assert "successfully rolled out" in said


ALLOWED = {
    "read its resources": ("watch", "istioobservabilities"),
    "hold a deleted resource": ("patch", "istioobservabilities/mesh"),
    "say what it did": ("patch", "istioobservabilities/mesh", "--subresource=status"),
    "see every Deployment": ("watch", "deployments", "-A"),
    "annotate a pod template anywhere": ("patch", "deployments/cart", "-n=default"),
    "switch injection on": ("patch", "namespaces/default"),
    "see pods": ("watch", "pods", "-A"),
    "mount into the agent": ("patch", "daemonsets/datakit", "-n=datakit"),
    "write keys for the agent": ("patch", "configmaps/datakit-conf", "-n=datakit"),
    "remove its own ConfigMap": ("delete", "configmaps/istio-observability-conf", "-n=datakit"),
    "read the mesh configuration": ("get", "configmaps/istio", "-n=istio-system"),
    "remove its Service": ("delete", "services/zipkin", "-n=istio-system"),
    "write events": ("create", "events.events.k8s.io", "-n=default"),
}
DENIED = {
    "read secrets": ("get", "secrets", "-n=datakit"),
    "read other ConfigMaps": ("list", "configmaps", "-n=datakit"),
    "change the mesh configuration": ("patch", "configmaps/istio", "-n=istio-system"),
    "remove the agent's ConfigMap": ("delete", "configmaps/datakit-conf", "-n=datakit"),
    "change other DaemonSets": ("patch", "daemonsets/proxy", "-n=datakit"),
    "remove workloads": ("delete", "deployments/cart", "-n=default"),
    "create workloads": ("create", "deployments", "-n=default"),
    "change pods": ("patch", "pods/cart", "-n=default"),
    "remove namespaces": ("delete", "namespaces/default"),
    "give permissions": ("bind", "clusterroles/cluster-admin"),
    "delete its own resources": ("delete", "istioobservabilities/mesh"),
}


@pytest.mark.parametrize("question", ALLOWED.values(), ids=ALLOWED.keys())
def test_operator_may(installed, question):
    """What a pass needs is allowed."""
    assert installed.kubectl("auth", "can-i", *question, AS_OPERATOR, check=False) == "yes\n"


@pytest.mark.parametrize("question", DENIED.values(), ids=DENIED.keys())
def test_operator_may_not(installed, question):
    """What no pass needs is denied."""
    assert installed.kubectl("auth", "can-i", *question, AS_OPERATOR, check=False) == "no\n"


@pytest.mark.parametrize(
    ("kind", "name", "namespace"),
    [
        ("configmaps", "datakit-conf", "datakit"),
        ("configmaps", "istio", "istio-system"),
        ("daemonsets", "datakit", "datakit"),
        ("services", "zipkin", "istio-system"),
    ],
)
def test_named_objects_are_listed_by_their_name_only(installed, kind, name, namespace):
    """A list with the name as field selector is allowed by such a rule, any other is not."""
    arguments = ("get", kind, f"-n={namespace}", AS_OPERATOR, "-o", "name")

    installed.kubectl(*arguments, f"--field-selector=metadata.name={name}")

    with pytest.raises(KubectlError, match="forbidden"):
        installed.kubectl(*arguments)


CREATED = {
    "its own ConfigMap": ("datakit", "istio-observability-conf", ""),
    "another ConfigMap of the agent": ("datakit", "datakit-conf", "may create only its own"),
    "its own ConfigMap elsewhere": (
        "default",
        "istio-observability-conf",
        "only in the namespaces",
    ),
}


@pytest.mark.parametrize(("namespace", "name", "refusal"), CREATED.values(), ids=CREATED.keys())
def test_policy_limits_what_is_created_and_where(installed, namespace, name, refusal):
    """RBAC allows every creation of the kind; the policy allows ours, where they belong."""
    said = create(installed, config_map(namespace, name))

    assert (refusal in said) if refusal else not said
    assert not refusal or "Forbidden" in said or "forbidden" in said


def test_policy_leaves_everybody_else_alone(installed):
    """The same object is created by an administrator, for whom the policy is not meant."""
    body = json.dumps(config_map("default", "istio-observability-conf"))

    said = installed.kubectl("create", "--dry-run=server", "-o", "name", "-f", "-", input=body)

    assert said == "configmap/istio-observability-conf\n"


def test_permissions_outlive_the_namespace_of_the_agent(installed):
    """After ``kubectl delete -f datakit.yaml`` the operator may wire what is applied next."""
    if not installed.can_roll_out:
        pytest.skip("KUBEBUILDER_ASSETS has no controller that would finish a deletion")
    if installed.kubectl(
        "get", "daemonsets,configmaps", "-n=datakit", "-o", "name"
    ).split() not in (
        [],
        ["configmap/kube-root-ca.crt"],
    ):
        pytest.skip("somebody's agent runs in namespace datakit of this cluster")

    installed.kubectl("delete", "namespace", "datakit", "--timeout=60s")
    installed.kubectl("create", "namespace", "datakit")

    assert create(installed, config_map("datakit", "istio-observability-conf")) == ""
    question = ("patch", "daemonsets/datakit", "-n=datakit")
    assert installed.kubectl("auth", "can-i", *question, AS_OPERATOR, check=False) == "yes\n"
