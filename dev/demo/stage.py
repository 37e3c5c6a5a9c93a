"""Set the stage: Istio, DataKit, bookinfo, our definition and permissions, and the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dev.control_plane import KubectlError
from dev.demo.roll_out import RESOURCE
from dev.demo.scene import DemoError
from dev.lab import OperatorProcess, install_bookinfo, install_operator, wait_workloads_ready
from dev.lab.stage import MANIFESTS, REPOSITORY, SERVICE_ACCOUNT, SYSTEM_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.demo.scene import Scene

# Longer than anybody looks around with --keep; the operator cannot get a new token by itself here.
_ACCESS_LIFETIME: Final = "24h"
_OPERATOR_READY_S: Final = 60


def set_stage(scene: Scene) -> OperatorProcess:
    """
    Install everything but the resource and return the running operator.

    Raises:
        DemoError: Something does not become ready in time.
        KubectlError: The cluster refuses something.
    """
    cluster, account = scene.cluster, scene.account
    with account.step("Istio, profile demo: istiod, two gateways"):
        scene.install_istio()
    with account.step("DataKit, an agent on each node, empty datakit-conf"):
        scene.undo_step("DataKit", lambda: _delete(scene, "-f", str(MANIFESTS / "datakit.yaml")))
        cluster.kubectl("apply", "-f", str(MANIFESTS / "datakit.yaml"))
        _wait(scene, "daemonsets", "datakit")
    with account.step("bookinfo in prod: 6 Deployments outside the mesh"):
        scene.undo_step("bookinfo", lambda: _delete(scene, "namespace", "prod"))
        install_bookinfo(cluster, wait=False)
        _wait(scene, "deployments", "prod")
    with account.step("our CRD, permissions and operator (kubectl apply -k)"):
        for part in ("crd", "operator"):
            scene.undo_step(f"manifests/{part}", _remover(scene, part))
        install_operator(cluster)
        return _start_operator(scene)


def _start_operator(scene: Scene) -> OperatorProcess:
    token = scene.cluster.kubectl(
        "create", "token", SERVICE_ACCOUNT, "-n", SYSTEM_NAMESPACE, f"--duration={_ACCESS_LIFETIME}"
    )
    kubeconfig = scene.cluster.kubeconfig_for(token.strip())
    operator = OperatorProcess(kubeconfig, scene.cluster.directory)
    scene.stack.callback(operator.stop)
    operator.start()
    scene.undo_step("the resource", lambda: _delete_resource(scene, operator))
    try:
        operator.wait_ready(timeout_s=_OPERATOR_READY_S)
    except TimeoutError as error:
        show_log(scene, operator)
        raise DemoError("the operator did not become ready; its log is above") from error
    return operator


def show_log(scene: Scene, operator: OperatorProcess) -> None:
    """Write the last lines of the operator's log."""
    scene.account.section("The last lines of the operator's log")
    scene.account.block(operator.last_lines(), "dim")


def _wait(scene: Scene, kind: str, namespace: str) -> None:
    try:
        wait_workloads_ready(scene.cluster, kind, namespace, timeout_s=scene.timeout_s)
    except KubectlError as error:
        raise DemoError(
            f"{kind} in namespace {namespace} did not become ready within {scene.timeout_s} s "
            f"({error.stderr.strip()}); look at: kubectl get pods -n {namespace}"
        ) from error


def _remover(scene: Scene, part: str) -> Callable[[], None]:
    return lambda: _delete(scene, "-k", str(REPOSITORY / "manifests" / part))


def _delete(scene: Scene, *what: str) -> None:
    timeout = f"--timeout={scene.timeout_s}s"
    scene.cluster.kubectl("delete", *what, "--ignore-not-found", timeout)


def _delete_resource(scene: Scene, operator: OperatorProcess) -> None:
    if not scene.cluster.kubectl("get", "iobs", "-o", "name"):
        return
    if not operator.running:
        # Ctrl-C reaches it too, and only the operator can release what it has written.
        operator.stop()
        operator.start()
    _delete(scene, "iobs", RESOURCE)
