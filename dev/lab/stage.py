"""Set the stage: DataKit as its stock manifest lays it out, bookinfo, and our own manifests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.control_plane import ClusterAccess

REPOSITORY: Final = Path(__file__).resolve().parents[2]
MANIFESTS: Final = REPOSITORY / "dev" / "manifests"
SYSTEM_NAMESPACE: Final = "istio-observability-system"
SERVICE_ACCOUNT: Final = "istio-observability-operator"
OPERATOR_USER: Final = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{SERVICE_ACCOUNT}"


def install_datakit(cluster: ClusterAccess) -> None:
    """Apply the agent as its owner would, and wait until every node runs it."""
    cluster.kubectl("apply", "-f", str(MANIFESTS / "datakit.yaml"))
    wait_workloads_ready(cluster, "daemonsets", "datakit")


def install_bookinfo(cluster: ClusterAccess, *, wait: bool = True) -> None:
    """Apply Istio's sample application into namespace ``prod``, not labelled for injection."""
    if "prod" not in cluster.kubectl("get", "namespaces", "-o", "name"):
        cluster.kubectl("create", "namespace", "prod")
    cluster.kubectl("apply", "-f", str(MANIFESTS / "bookinfo.yaml"))
    if wait:
        wait_workloads_ready(cluster, "deployments", "prod")


def install_operator(cluster: ClusterAccess) -> Path:
    """
    Apply ``manifests/default`` and return a kubeconfig of the operator's ServiceAccount.

    The Deployment is scaled to 0: the operator runs beside the cluster, with the same rights.
    """
    cluster.kubectl("apply", "-k", str(REPOSITORY / "manifests" / "default"))
    cluster.kubectl(
        "wait", "--for=condition=Established", "crd/istioobservabilities.istio-observability.dev"
    )
    cluster.kubectl(
        "scale", "deployment/istio-observability-operator", "-n", SYSTEM_NAMESPACE, "--replicas=0"
    )
    return cluster.kubeconfig_for(cluster.token_for(SYSTEM_NAMESPACE, SERVICE_ACCOUNT))


def wait_workloads_ready(
    cluster: ClusterAccess, kind: str, namespace: str, *, timeout_s: float = 120
) -> None:
    """Wait until every workload of a kind in a namespace has rolled out."""
    names = cluster.kubectl("get", kind, "-n", namespace, "-o", "name").split()
    for name in names:
        cluster.kubectl("rollout", "status", name, "-n", namespace, f"--timeout={int(timeout_s)}s")


def wait_until(what: str, holds: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """
    Wait until a condition holds.

    Raises:
        TimeoutError: It does not hold in time; the message says what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.2)
