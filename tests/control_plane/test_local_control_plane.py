"""The local control plane behaves like a cluster, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.control_plane import ControlPlane, KubectlError, StartError, ensure_binaries

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.control_plane import ClusterAccess

pytestmark = pytest.mark.control_plane

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = REPOSITORY / "dev" / "manifests"
BEHAVIOUR = "test.istio-observability.dev/behaviour"
READY_DELAY = "test.istio-observability.dev/ready-delay"


def deployment(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a Deployment with one container; annotations stand on its pod template."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
    }
    selector = {"matchLabels": labels}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": selector, "template": template, **spec},
    }


def apply(cluster: ClusterAccess, body: dict[str, Any], namespace: str) -> None:
    """Apply one object as a person would."""
    cluster.kubectl("apply", f"-n={namespace}", "-f", "-", input=json.dumps(body))


def wait_rollout(cluster: ClusterAccess, name: str, namespace: str, seconds: int = 30) -> None:
    """Wait for a finished roll-out; fails if there is none in time."""
    cluster.kubectl("rollout", "status", name, f"-n={namespace}", f"--timeout={seconds}s")


def eventually(condition: Callable[[], bool], timeout_s: float = 20) -> bool:
    """Return the first true value of a condition, or its last value."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


def is_link_to(path: Path, target: Path) -> bool:
    """Tell whether a link of the process table points to a directory; it may vanish meanwhile."""
    try:
        return path.readlink() == target
    except OSError:
        return False


def is_alive(pid: int | str | None) -> bool:
    """Tell whether a process still runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_nodes_are_ready_and_untainted(rollout_control_plane):
    """Three nodes stand ready for any pod, with a version that clients can read."""
    nodes = rollout_control_plane.read("nodes")["items"]

    assert len(nodes) >= 3
    for node in nodes:
        conditions = {item["type"]: item["status"] for item in node["status"]["conditions"]}
        assert conditions["Ready"] == "True"
        assert "taints" not in node["spec"]
        assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.")


def test_deployment_rolls_out_and_rolls_again(rollout_control_plane, namespace):
    """A changed pod template replaces the pods and makes a second revision."""
    apply(rollout_control_plane, deployment("web", replicas=2), namespace)
    wait_rollout(rollout_control_plane, "deployment/web", namespace)
    apply(rollout_control_plane, deployment("web", {"change": "1"}, replicas=2), namespace)
    wait_rollout(rollout_control_plane, "deployment/web", namespace)

    live = rollout_control_plane.read("deployment/web", f"-n={namespace}")
    assert live["status"]["availableReplicas"] == 2
    assert live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_stock_datakit_runs_on_every_node(rollout_control_plane):
    """The stock manifest gives one agent per node, on the address of the node."""
    cluster = rollout_control_plane
    cluster.kubectl("apply", "-f", str(MANIFESTS / "datakit.yaml"))
    try:
        wait_rollout(cluster, "daemonset/datakit", "datakit")
        status = cluster.read("daemonset/datakit", "-n=datakit")["status"]
        pods = cluster.read("pods", "-n=datakit")["items"]
        config = cluster.read("configmap/datakit-conf", "-n=datakit")

        nodes = len(cluster.read("nodes")["items"])
        assert (nodes, nodes) == (status["desiredNumberScheduled"], status["numberReady"])
        assert len({pod["status"]["podIP"] for pod in pods}) == nodes
        assert config.get("data") is None
    finally:
        cluster.kubectl("delete", "-f", str(MANIFESTS / "datakit.yaml"), "--wait=true")


def test_bookinfo_rolls_out_without_wiring(rollout_control_plane):
    """All six Deployments come up, and no pod carries anything of DataKit."""
    cluster = rollout_control_plane
    cluster.kubectl("apply", "-f", str(MANIFESTS / "bookinfo.yaml"))
    try:
        wait = ("wait", "--for=condition=Available", "deployment", "--all", "-n=prod")
        cluster.kubectl(*wait, "--timeout=60s")
        pods = cluster.read("pods", "-n=prod")["items"]

        assert len(pods) == 6
        assert not [pod for pod in pods if "datakit" in json.dumps(pod["metadata"])]
    finally:
        cluster.kubectl("delete", "-f", str(MANIFESTS / "bookinfo.yaml"), "--wait=true")


def test_crash_loop_fails_a_rollout(rollout_control_plane, namespace):
    """A crash-looping pod stays one Running pod and the Deployment gives up in time."""
    cluster = rollout_control_plane
    crashing = deployment("web", {BEHAVIOUR: "crash-loop"}, progressDeadlineSeconds=2)
    apply(cluster, crashing, namespace)

    def reason():
        status = cluster.read("deployment/web", f"-n={namespace}").get("status", {})
        found = {item["type"]: item.get("reason") for item in status.get("conditions", [])}
        return found.get("Progressing") == "ProgressDeadlineExceeded"

    assert eventually(reason)
    (pod,) = cluster.read("pods", f"-n={namespace}")["items"]
    (container,) = pod["status"]["containerStatuses"]
    assert pod["status"]["phase"] == "Running"
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_crash_loop_when_wired_starts_with_the_annotation(rollout_control_plane, namespace):
    """Such a pod is healthy until it carries the annotation of the agent."""
    cluster = rollout_control_plane
    chosen = {BEHAVIOUR: "crash-loop-when-wired"}
    apply(cluster, deployment("web", chosen), namespace)
    wait_rollout(cluster, "deployment/web", namespace)
    apply(cluster, deployment("web", {**chosen, "datakit/prom.instances": "x"}), namespace)

    def is_waiting():
        text = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}"
        return cluster.kubectl("get", "pods", f"-n={namespace}", "-o", text) == "CrashLoopBackOff"

    assert eventually(is_waiting)


def test_never_ready_pod_runs_but_is_not_available(rollout_control_plane, namespace):
    """A pod that never gets ready keeps the Deployment unavailable."""
    cluster = rollout_control_plane
    apply(cluster, deployment("web", {BEHAVIOUR: "never-ready"}), namespace)

    def phase():
        text = "jsonpath={.items[*].status.phase}"
        return cluster.kubectl("get", "pods", f"-n={namespace}", "-o", text) == "Running"

    assert eventually(phase)
    with pytest.raises(KubectlError):
        wait_rollout(cluster, "deployment/web", namespace, seconds=1)


def test_ready_delay_is_kept(rollout_control_plane, namespace):
    """A pod with a delay of three seconds is not ready before."""
    cluster = rollout_control_plane
    started = time.monotonic()
    apply(cluster, deployment("web", {READY_DELAY: "3"}), namespace)
    wait_rollout(cluster, "deployment/web", namespace)

    assert time.monotonic() - started >= 3


def test_node_can_be_lost_and_come_back(rollout_control_plane):
    """The annotation makes a node NotReady, and its removal Ready again."""
    cluster = rollout_control_plane
    name = cluster.read("nodes")["items"][-1]["metadata"]["name"]
    cluster.kubectl("annotate", "node", name, f"{BEHAVIOUR}=not-ready")
    try:
        cluster.kubectl("wait", "--for=condition=Ready=False", f"node/{name}", "--timeout=20s")
    finally:
        cluster.kubectl("annotate", "node", name, f"{BEHAVIOUR}-")
    cluster.kubectl("wait", "--for=condition=Ready", f"node/{name}", "--timeout=20s")


def test_service_account_token_has_only_its_rights(control_plane, namespace):
    """A token of a fresh service account is accepted and may do nothing."""
    control_plane.kubectl("create", "serviceaccount", "guest", f"-n={namespace}")
    guest = control_plane.kubeconfig_for(control_plane.token_for(namespace, "guest"))

    identity = control_plane.kubectl("auth", "whoami", kubeconfig=guest)
    assert f"system:serviceaccount:{namespace}:guest" in identity
    with pytest.raises(KubectlError, match="Forbidden"):
        control_plane.kubectl("get", "secrets", "-A", kubeconfig=guest)


def test_audit_log_tells_who_wrote(local_control_plane, namespace):
    """Every write appears under its user once it has been answered."""
    before = local_control_plane.audit_log.stat().st_size
    local_control_plane.kubectl("create", "configmap", "seen", f"-n={namespace}")

    events = local_control_plane.read_audit_events(before)
    writes = [
        (event["user"]["username"], event["objectRef"]["name"])
        for event in events
        if event["verb"] == "create" and event["objectRef"]["resource"] == "configmaps"
    ]
    assert ("admin", "seen") in writes


def test_paused_api_server_hangs_and_goes_on(local_control_plane):
    """A paused server answers nobody, however often it was paused; later it has kept everything."""
    local_control_plane.pause_api_server()
    local_control_plane.pause_api_server()
    try:
        with pytest.raises(KubectlError):
            local_control_plane.kubectl("get", "namespace", "default", "--request-timeout=1s")
    finally:
        local_control_plane.resume_api_server()

    assert local_control_plane.kubectl("get", "namespace", "default", "-o", "name")


def test_killed_api_server_comes_back_with_its_data(local_control_plane, namespace):
    """The restarted server listens on the same port and serves the same objects."""
    local_control_plane.kill_api_server()
    try:
        with pytest.raises(KubectlError, match="refused"):
            local_control_plane.kubectl("get", "namespace", namespace)
    finally:
        local_control_plane.restart_api_server()

    assert local_control_plane.kubectl("get", "namespace", namespace, "-o", "name")


@pytest.mark.usefixtures("rollout_control_plane")
def test_two_planes_side_by_side_share_nothing(local_control_plane, tmp_path):
    """A second plane has its own port and tokens, and its stop leaves no process."""
    with ControlPlane.start(nodes=1, directory=tmp_path) as second:
        pids = [component.pid for component in second.components]
        assert all(pids)
        assert second.url != local_control_plane.url
        assert len(second.read("nodes")["items"]) == 1
        foreign = second.kubeconfig_for(local_control_plane.admin_token)
        with pytest.raises(KubectlError, match="Unauthorized"):
            second.kubectl("get", "nodes", kubeconfig=foreign)
        second.add_node("extra")
        assert len(second.read("nodes")["items"]) == 2

    assert len(pids) == 5
    assert not [pid for pid in pids if is_alive(pid)]
    assert local_control_plane.kubectl("get", "namespace", "default", "-o", "name")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_survives_the_parent(local_control_plane, tmp_path, number):
    """However the parent ends, its components end with it; politely, its directory goes too."""
    script = (
        "import signal, time\n"
        "from dev.control_plane import ControlPlane\n"
        # A test run in the background inherits that SIGINT is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with ControlPlane.start(nodes=0) as plane:\n"
        "    print(plane.directory, *[c.pid for c in plane.components], flush=True)\n"
        "    time.sleep(100)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        directory, *pids = parent.stdout.readline().split()
        parent.send_signal(number)
        parent.wait(30)

    assert len(pids) >= 2
    assert eventually(lambda: not [pid for pid in pids if is_alive(pid)])
    assert Path(directory).exists() == (number == signal.SIGKILL)


def test_failed_start_names_the_log_and_ends_everything(local_control_plane, tmp_path):
    """If the API server ends at once, the error shows its last words and etcd is stopped."""
    programs = local_control_plane.programs
    broken = replace(programs, paths={**programs.paths, "kube-apiserver": programs["kubectl"]})

    with pytest.raises(StartError, match=r"kube-apiserver: ended.*kube-apiserver\.log"):
        ControlPlane.start(directory=tmp_path, programs=broken)

    mine = [path for path in Path("/proc").glob("[0-9]*/cwd") if is_link_to(path, tmp_path)]
    assert not mine


def test_cached_programs_are_found_at_once(local_control_plane):
    """With a warm cache nothing is built; asking costs less than two seconds."""
    if os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.skip("the programs come from KUBEBUILDER_ASSETS")
    started = time.monotonic()
    programs = ensure_binaries()

    assert "kube-apiserver" in programs
    assert time.monotonic() - started < 2
