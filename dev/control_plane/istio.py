"""
A real Istio on a local plane: what istioctl installs, served by a real istiod beside the plane.

istioctl's own Deployments become Ready on the simulated nodes but run no code. So istiod is
started as a process of the plane, and the webhooks, which name a Service that nothing serves
here, are pointed at that process.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dev.control_plane.binaries import ensure_binaries
from dev.control_plane.modules import ISTIO
from dev.control_plane.processes import Component, StartError, find_free_ports

if TYPE_CHECKING:
    from dev.control_plane.binaries import Programs
    from dev.control_plane.cluster import ControlPlane

# The tag of images that nobody pulls here; the sources are from between 1.30 and 1.31.
ISTIO_VERSION: Final = "1.31.0"
_NAMESPACE: Final = "istio-system"
_PROBE: Final = "injection-probe"
_INSTALL_TIMEOUT_S: Final = 120.0
_READY_TIMEOUT_S: Final = 60.0
_INJECTION_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Istio:
    """The istiod of a plane; ``metrics_url`` is a real exposition, ``component`` its process."""

    component: Component
    metrics_url: str


def install_istio(
    plane: ControlPlane,
    profile: str = "demo",
    *,
    settings: tuple[str, ...] = (),
    native_sidecars: str = "auto",
    programs: Programs | None = None,
) -> Istio:
    """
    Install a profile and return when pods of a labelled namespace get their sidecar.

    istiod ends with the plane.

    Args:
        plane: Needs nodes; the installation waits for its Deployments.
        profile: As in ``istioctl install --set profile=``.
        settings: Further ``--set`` values of istioctl.
        native_sidecars: ``auto`` (by the version of the nodes), ``true`` or ``false``.
        programs: istioctl and istiod; built or taken from the cache by default.

    Raises:
        BinariesError: istioctl or istiod is missing and cannot be built.
        StartError: The installation, istiod or the injection did not succeed in time.
    """
    programs = programs or ensure_binaries([ISTIO])
    _run_istioctl(plane, programs, profile, settings)
    istiod, metrics_url, webhook_url = _start_istiod(plane, programs, native_sidecars)
    _wait_injection(plane, istiod, webhook_url)
    plane.istiod_metrics_url = metrics_url
    return Istio(istiod, metrics_url)


def _run_istioctl(
    plane: ControlPlane, programs: Programs, profile: str, settings: tuple[str, ...]
) -> None:
    command = [str(programs["istioctl"]), "install", "--skip-confirmation"]
    command += [f"--kubeconfig={plane.kubeconfig}", f"--set=profile={profile}"]
    command += [f"--manifests={programs.assets['istio-manifests']}"]
    # A build from source has no release of its own to name.
    command += ["--set=hub=docker.io/istio", f"--set=tag={ISTIO_VERSION}"]
    command += [f"--set={setting}" for setting in settings]
    log = plane.directory / "istioctl.log"
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_INSTALL_TIMEOUT_S,
                check=False,
            )
            problem = f"exit code {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            problem = f"not finished in {_INSTALL_TIMEOUT_S:.0f} s"
    if problem:
        tail = "\n  ".join(log.read_text(errors="replace").strip().splitlines()[-8:])
        raise StartError(f"istioctl: {problem}; see {log}, which ends with:\n  {tail}")


def _start_istiod(
    plane: ControlPlane, programs: Programs, native_sidecars: str
) -> tuple[Component, str, str]:
    webhook, http, grpc, secure_grpc, monitoring = find_free_ports(5)
    arguments = [
        str(programs["pilot-discovery"]),
        "discovery",
        f"--kubeconfig={plane.kubeconfig}",
        f"--httpsAddr=127.0.0.1:{webhook}",
        f"--httpAddr=127.0.0.1:{http}",
        f"--grpcAddr=127.0.0.1:{grpc}",
        f"--secureGRPCAddr=127.0.0.1:{secure_grpc}",
        f"--monitoringAddr=127.0.0.1:{monitoring}",
        "--ctrlz_port=0",
    ]
    environment = {
        # The name under which the API server reaches the webhook; istiod's certificate has it.
        "ISTIOD_CUSTOM_HOST": "localhost",
        "POD_NAMESPACE": _NAMESPACE,
        "POD_NAME": "istiod-local",
        "REVISION": "default",
        "PILOT_CERT_PROVIDER": "istiod",
        "CLUSTER_ID": "Kubernetes",
        "INJECTION_WEBHOOK_CONFIG_NAME": "istio-sidecar-injector",
        "ENABLE_NATIVE_SIDECARS": native_sidecars,
    }
    istiod = Component("istiod", arguments, plane.directory, environment)
    plane.run_component(istiod)
    ready_url = f"http://127.0.0.1:{http}/ready"
    istiod.wait_until(lambda: _answers(ready_url), "/ready", _READY_TIMEOUT_S)
    return istiod, f"http://127.0.0.1:{monitoring}/metrics", f"https://localhost:{webhook}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own process
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait_injection(plane: ControlPlane, istiod: Component, webhook_url: str) -> None:
    """
    Point the webhooks at istiod until a pod really gets a sidecar.

    Repeated, because istiod itself writes its certificate into them while it starts, and because
    the API server reads a changed webhook a moment later.
    """
    labels = {"istio-injection": "enabled"}
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": _PROBE, "labels": labels},
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(namespace))
    plane.kubectl("wait", "--for=create", "serviceaccount/default", f"-n={_PROBE}", "--timeout=30s")
    deadline = time.monotonic() + _INJECTION_TIMEOUT_S
    while _point_webhooks(plane, webhook_url) or not _is_injected(plane):
        if istiod.pid is None or time.monotonic() > deadline:
            raise StartError(istiod.describe("no sidecar was injected"))
        time.sleep(0.2)
    # Gone, not going: whoever compares the cluster before and after must not meet it halfway.
    plane.kubectl("delete", "namespace", _PROBE, "--timeout=60s")


def _is_injected(plane: ControlPlane) -> bool:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _PROBE, "namespace": _PROBE},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
    }
    arguments = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    text = plane.kubectl(*arguments, input=json.dumps(pod), check=False)
    if not text:
        return False
    spec = json.loads(text)["spec"]
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    return any(container["name"] == "istio-proxy" for container in containers)


def _point_webhooks(plane: ControlPlane, webhook_url: str) -> bool:
    """
    Replace Service references in every webhook of Istio by the URL of the process.

    Returns:
        Whether anything had to be changed or could not be yet.
    """
    trust = plane.kubectl(
        "get", "configmap", "istio-ca-root-cert", f"-n={_NAMESPACE}", "--ignore-not-found", "-o",
        r"jsonpath={.data.root-cert\.pem}",
    )  # fmt: skip
    if not trust:
        return True
    changed = False
    kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
    for item in plane.read(kinds)["items"]:
        if not item["metadata"]["name"].startswith("istio"):
            continue
        operations = _plan_redirection(item, webhook_url, trust)
        if operations:
            changed = True
            name = f"{item['kind'].lower()}/{item['metadata']['name']}"
            # A failed test means that istiod wrote meanwhile: the next round sees its version.
            plane.kubectl("patch", name, "--type=json", "-p", json.dumps(operations), check=False)
    return changed


def _plan_redirection(item: dict[str, Any], url: str, trust: str) -> list[dict[str, Any]]:
    bundle = base64.b64encode(trust.encode()).decode()
    operations: list[dict[str, Any]] = []
    for index, webhook in enumerate(item["webhooks"]):
        config = webhook["clientConfig"]
        service = config.get("service")
        target = f"{url}{service.get('path', '/')}" if service else config.get("url", url)
        wanted = {"url": target, "caBundle": bundle}
        if config != wanted:
            place = f"/webhooks/{index}/clientConfig"
            operations.append({"op": "replace", "path": place, "value": wanted})
    version = item["metadata"]["resourceVersion"]
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
    return [test, *operations] if operations else []
