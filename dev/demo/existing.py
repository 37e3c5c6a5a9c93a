"""
The demo on a cluster that the user has: asks first, refuses a used one, cleans up after itself.

Istio must work there by itself: it is installed by istioctl, and no istiod runs on this machine.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dev.control_plane import ClusterAccess, KubectlError, ensure_binaries
from dev.control_plane.istio import ISTIO_VERSION
from dev.control_plane.modules import ISTIO
from dev.demo.announce import announce_existing
from dev.demo.scene import DemoError, Scene
from dev.lab.stage import SYSTEM_NAMESPACE
from istio_observability.model.names import GROUP, PLURAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dev.account import Account

_TIMEOUT_S: Final = 600
_INJECTION_TIMEOUT_S: Final = 90
_SAID_CHARACTERS: Final = 240
_CONNECT: Final = "--request-timeout=15s"
_NAMESPACES: Final = ("istio-system", "datakit", "prod", SYSTEM_NAMESPACE)
_LABELLED: Final = {"sidecar.istio.io/inject": "true"}


@contextlib.contextmanager
def existing_scene(
    account: Account, kubeconfig: Path, *, keep: bool, ask: Callable[[str], bool]
) -> Iterator[Scene]:
    """
    Look at the cluster, ask, and remove in the end what the story has installed.

    Args:
        account: Where it is told.
        kubeconfig: Of the cluster; its current context is used.
        keep: As in ``Scene``.
        ask: Shows a question and returns whether the user agrees.

    Raises:
        DemoError: The cluster cannot be reached, is used already, or the user declines.
    """
    if not kubeconfig.is_file():
        raise DemoError(f"--cluster {kubeconfig}: is not a file; give a kubeconfig")
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise DemoError("kubectl: is not on PATH; install it to use a cluster of your own")
    istioctl = shutil.which("istioctl")
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        cluster = ClusterAccess(kubeconfig.resolve(), place, Path(kubectl))
        _introduce(account, cluster)
        _refuse_used(cluster)
        announce_existing(account, keep=keep, must_build=istioctl is None)
        account.blank()
        question = (
            "It creates the namespaces " + ", ".join(_NAMESPACES) + ", Istio's CRDs, and a "
            "privileged DaemonSet, and removes them in the end."
        )
        account.say(question, "yellow")
        if not ask("Go on with this cluster?"):
            raise DemoError("not confirmed; nothing was installed (YES=1 or --yes confirms)")
        command = _istioctl(istioctl)
        account.section("The stage")
        leftovers: list[str] = []
        stack.callback(_report, account, leftovers)

        def undo_step(what: str, undo: Callable[[], None]) -> None:
            stack.callback(_undo_one, account, leftovers, what, undo)

        yield Scene(
            cluster=cluster,
            account=account,
            install_istio=lambda: _install_istio(cluster, command, undo_step),
            timeout_s=_TIMEOUT_S,
            plane=None,
            keep=keep,
            stack=stack,
            undo_step=undo_step,
        )


def ask_on_terminal(question: str) -> bool:
    """Return whether the user types yes; without a terminal nobody can."""
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def _introduce(account: Account, cluster: ClusterAccess) -> None:
    account.section("The cluster")
    try:
        context = cluster.kubectl("config", "current-context").strip()
        text = cluster.kubectl("config", "view", "--minify", "-o", "json")
        server = json.loads(text)["clusters"][0]["cluster"]["server"]
        nodes = cluster.kubectl("get", "nodes", "-o", "name", _CONNECT).split()
    except KubectlError as error:
        said = error.stderr.strip().splitlines() or [""]
        raise DemoError(f"the cluster cannot be reached: {said[-1]}") from error
    account.rows([("context", context), ("server", server), ("nodes", str(len(nodes)))])


def _refuse_used(cluster: ClusterAccess) -> None:
    """Refuse where anything stands that the demo would have to share or would remove."""
    found = []
    crds = cluster.kubectl("get", "crd", "-o", "name", _CONNECT).split()
    names = [name.partition("/")[2] for name in crds]
    if f"{PLURAL}.{GROUP}" in names:
        found.append(f"the resource definition {PLURAL}.{GROUP}")
    if any(name.endswith(".istio.io") for name in names):
        found.append("resource definitions of Istio")
    deployments = ("get", "deployments", "-A", "-l", "app=istiod", "-o", "name", _CONNECT)
    if cluster.kubectl(*deployments).split():
        found.append("istiod")
    agents = cluster.kubectl("get", "daemonsets", "-A", "-o", "name", _CONNECT).split()
    if "daemonset.apps/datakit" in agents:
        found.append("DataKit")
    namespaces = cluster.kubectl("get", "namespaces", "-o", "name", _CONNECT).split()
    found += [f"namespace {name}" for name in _NAMESPACES if f"namespace/{name}" in namespaces]
    if found:
        raise DemoError(
            f"the cluster has {', '.join(found)} already; the demo installs these itself and "
            "removes them in the end, so it does not start; give a cluster without them"
        )


def _istioctl(found: str | None) -> list[str]:
    """Return how to run istioctl: that of the user, else one built from source."""
    if found is not None:
        return [found, "install"]
    programs = ensure_binaries([ISTIO])
    return [
        str(programs["istioctl"]),
        "install",
        f"--manifests={programs.assets['istio-manifests']}",
        # A build from source has no release of its own to name.
        "--set=hub=docker.io/istio",
        f"--set=tag={ISTIO_VERSION}",
    ]


def _install_istio(
    cluster: ClusterAccess,
    command: list[str],
    undo_step: Callable[[str, Callable[[], None]], None],
) -> None:
    uninstall = [command[0], "uninstall", "--purge", "-y", f"--kubeconfig={cluster.kubeconfig}"]
    gone = ("delete", "namespace", "istio-system", "--ignore-not-found")
    undo_step("namespace istio-system", lambda: _kubectl(cluster, *gone))
    undo_step("Istio", lambda: _run(uninstall))
    profile = ["--set=profile=demo", "-y", f"--kubeconfig={cluster.kubeconfig}"]
    _run([*command, *profile])
    _wait_injection(cluster)


def _kubectl(cluster: ClusterAccess, *arguments: str) -> None:
    cluster.kubectl(*arguments, f"--timeout={_TIMEOUT_S}s")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"istioctl {command[1]}: not finished in {_TIMEOUT_S} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise DemoError(f"istioctl {command[1]}: failed; it says: {' '.join(said)}")


def _wait_injection(cluster: ClusterAccess) -> None:
    """Ask for a pod with a sidecar, without creating it, until Istio's webhook answers."""
    probe: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "injection-probe", "namespace": "default", "labels": _LABELLED},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
    }
    read = ("create", "--dry-run=server", "-o", "json", "-f", "-", "--request-timeout=30s")
    deadline = time.monotonic() + _INJECTION_TIMEOUT_S
    said = "no sidecar was added"
    while time.monotonic() < deadline:
        try:
            pod = json.loads(cluster.kubectl(*read, input=json.dumps(probe)))
        except KubectlError as error:
            said = (error.stderr.strip().splitlines() or [said])[-1][:_SAID_CHARACTERS]
        else:
            spec = pod["spec"]
            containers = [*spec["containers"], *spec.get("initContainers", [])]
            if any(each["name"] == "istio-proxy" for each in containers):
                return
        time.sleep(1)
    raise DemoError(
        f"Istio is installed, but after {_INJECTION_TIMEOUT_S} s no pod gets a sidecar ({said}); "
        "the demo needs an istiod that this cluster's API server can reach; "
        "look at: kubectl get pods -n istio-system"
    )


def _undo_one(account: Account, leftovers: list[str], what: str, undo: Callable[[], None]) -> None:
    try:
        with account.step(f"removing {what}"):
            undo()
    except (KubectlError, DemoError, OSError) as error:
        leftovers.append(f"{what} ({error})")


def _report(account: Account, leftovers: list[str]) -> None:
    for each in leftovers:
        account.item(f"left behind: {each}", "bold red")
    if not leftovers:
        account.say("Everything that the demo installed is removed.")
