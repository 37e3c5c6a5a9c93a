"""
One running control plane: started, used by a test or a person, gone without a trace.

Several planes run side by side; each has its own directory, ports and tokens. The administrator
and every component are different users, so the audit log tells who wrote what. If a component
does not come up, everything is ended, the error names its log, and the directory stays.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import ssl
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from dev.control_plane import components, credentials
from dev.control_plane.access import ClusterAccess, KubectlError
from dev.control_plane.binaries import Programs, ensure_binaries, find_kubebuilder_assets
from dev.control_plane.nodes import build_node
from dev.control_plane.processes import Component, StartError, find_free_ports, stop_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_USERS: Final = ("admin", "kube-controller-manager", "kube-scheduler", "kwok")
_READY_TIMEOUT_S: Final = 90.0
_PORT_ATTEMPTS: Final = 3
_PORT_TAKEN: Final = "address already in use"


class ControlPlane(ClusterAccess):
    """
    etcd, API server, controllers, scheduler and simulated nodes; a context manager.

    Attributes:
        components: What runs, in the order of the start.
        can_roll_out: Whether there are controllers and nodes, or only an API server.
        istiod_metrics_url: Exposition of the real istiod; ``None`` before ``install_istio``.
    """

    can_stop_api_server = True

    def __init__(self, layout: components.Layout, programs: Programs, *, audit: bool) -> None:
        super().__init__(layout.kubeconfig("admin"), layout.directory, programs["kubectl"])
        self.programs = programs
        self.url = layout.url
        self.can_roll_out = "kube-controller-manager" in programs and "kwok" in programs
        self.components: list[Component] = []
        self.istiod_metrics_url: str | None = None
        self._layout = layout
        self._audit = audit
        self._tokens = {user: credentials.build_token() for user in _USERS}
        self.admin_token: str = self._tokens["admin"]
        self._nodes = 0
        self._temporary = False
        self._release_signal: Callable[[], None] = _do_nothing

    @classmethod
    def start(
        cls,
        nodes: int = 3,
        *,
        audit: bool = True,
        directory: Path | None = None,
        programs: Programs | None = None,
    ) -> Self:
        """
        Start a plane and return when its nodes are Ready and pods can be created.

        Until ``stop``, SIGTERM raises ``SystemExit`` in the main thread (if nobody else handles
        it), so that it ends a plane as Ctrl-C does.

        Args:
            nodes: How many simulated nodes.
            audit: Write ``audit_log``.
            directory: Where logs, keys and etcd's data go; kept afterwards. By default a
                temporary directory that ``stop`` removes.
            programs: By default those of ``KUBEBUILDER_ASSETS``, else built or from the cache.

        Raises:
            BinariesError: A program is missing and cannot be built.
            StartError: A component did not come up.
        """
        programs = programs or find_kubebuilder_assets() or ensure_binaries()
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            place = directory or Path(tempfile.mkdtemp(prefix="control-plane-"))
            place.mkdir(parents=True, exist_ok=True)
            layout = components.Layout(place.resolve(), *find_free_ports(3))
            plane = cls(layout, programs, audit=audit)
            plane._temporary = directory is None
            try:
                plane._start(nodes)
            except StartError as error:
                again = _PORT_TAKEN in str(error) and attempt < _PORT_ATTEMPTS
                plane.stop(keep_directory=not again)
                if not again:
                    raise
            except BaseException:
                plane.stop()
                raise
            else:
                return plane
        raise AssertionError("unreachable: the last attempt returns or raises")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self, *, keep_directory: bool = False) -> None:
        """End every process of the plane and remove a temporary directory. Safe to repeat."""
        stop_all(self.components)
        self.components.clear()
        if self._temporary and not keep_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        self._release_signal()
        self._release_signal = _do_nothing

    def add_node(self, name: str) -> None:
        """Create a node with plenty of room, without taints, and wait until it is Ready."""
        self._create_nodes([name])
        self.kubectl("wait", "--for=condition=Ready", f"node/{name}", "--timeout=60s")

    def pause_api_server(self) -> None:
        """Let the API server hang: connections stay open, nothing is answered."""
        self._component("kube-apiserver").pause()

    def resume_api_server(self) -> None:
        """Let a paused API server go on and wait until it is ready."""
        self._component("kube-apiserver").signal(signal.SIGCONT)
        self._wait_api_server()

    def kill_api_server(self) -> None:
        """End the API server as a crash would: connections break, new ones are refused."""
        self._component("kube-apiserver").kill()

    def restart_api_server(self) -> None:
        """Start a killed API server on the same port and data, and wait until it is ready."""
        self._component("kube-apiserver").start()
        self._wait_api_server()

    def read_audit_events(self, offset: int = 0) -> list[dict[str, Any]]:
        """
        Return the requests that the API server has finished or begun to stream.

        Args:
            offset: Bytes of ``audit_log`` to leave out: its size before what is of interest.
        """
        if self.audit_log is None:
            return []
        with self.audit_log.open("rb") as file:
            file.seek(offset)
            # The last line may still be in the making.
            lines = [line for line in file if line.endswith(b"\n")]
        return [json.loads(line) for line in lines]

    def run_component(self, component: Component) -> None:
        """Start a further program that ends with the plane."""
        self.components.append(component)
        component.start()

    def _start(self, nodes: int) -> None:
        self._release_signal = _turn_sigterm_into_exit()
        layout = self._layout
        layout.signing_key.touch(mode=0o600)
        layout.signing_key.write_text(credentials.build_signing_key())
        lines = [f'{token},{user},{user},"system:masters"' for user, token in self._tokens.items()]
        layout.tokens.touch(mode=0o600)
        layout.tokens.write_text("\n".join(lines) + "\n")
        api_server = components.build_api_server_arguments(layout, audit=self._audit)
        self._run("etcd", components.build_etcd_arguments(layout))
        self._run("kube-apiserver", api_server)
        self._wait_api_server()
        self.ca_file = layout.ca_file
        self.audit_log = layout.audit_log if self._audit else None
        cluster = credentials.build_cluster_entry(self.url, layout.ca_file)
        for user, token in self._tokens.items():
            credentials.write_kubeconfig(layout.kubeconfig(user), cluster, token)
        if self.can_roll_out:
            self._run(
                "kube-controller-manager", components.build_controller_manager_arguments(layout)
            )
            self._run("kube-scheduler", components.build_scheduler_arguments(layout))
            self._run("kwok", components.build_kwok_arguments(layout))
            self._wait_workloads(nodes)

    def _wait_workloads(self, nodes: int) -> None:
        names = [f"node-{number}" for number in range(1, nodes + 1)]
        try:
            if names:
                self._create_nodes(names)
                ready = ("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
                self.kubectl(*ready)
            # Without it the API server refuses every pod.
            created = ("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
            self.kubectl(*created, "--namespace=default")
        except KubectlError as error:
            logs = [
                component.describe("see what happened", lines=4)
                for component in self.components
                if component.name in {"kwok", "kube-controller-manager"}
            ]
            raise StartError("\n".join([f"nodes not Ready: {error}", *logs])) from error
        for component in self.components:
            if component.pid is None:
                raise StartError(component.describe("ended during the start"))

    def _run(self, name: str, arguments: list[str]) -> None:
        self.run_component(Component(name, [str(self.programs[name]), *arguments], self.directory))

    def _component(self, name: str) -> Component:
        return next(component for component in self.components if component.name == name)

    def _wait_api_server(self) -> None:
        self._component("kube-apiserver").wait_until(
            self._is_api_server_ready, "/readyz", _READY_TIMEOUT_S
        )

    def _is_api_server_ready(self) -> bool:
        etcd = self._component("etcd")
        if etcd.pid is None:
            raise StartError(etcd.describe("ended"))
        if not self._layout.ca_file.exists():
            return False
        request = urllib.request.Request(f"{self.url}/readyz")  # noqa: S310 - our own server
        request.add_header("Authorization", f"Bearer {self.admin_token}")
        try:
            context = ssl.create_default_context(cafile=str(self._layout.ca_file))
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def _create_nodes(self, names: list[str]) -> None:
        bodies = []
        for name in names:
            self._nodes += 1
            bodies.append(build_node(name, self._nodes))
        # By create: apply would store a copy of each node in an annotation.
        items = {"apiVersion": "v1", "kind": "List", "items": bodies}
        self.kubectl("create", "-f", "-", input=json.dumps(items))


def _turn_sigterm_into_exit() -> Callable[[], None]:
    """Make SIGTERM unwind the stack; return how to undo that."""
    if threading.current_thread() is not threading.main_thread():
        return _do_nothing
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return _do_nothing

    def leave(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)

    def undo() -> None:
        # Only our own: a test may have put another handler in place meanwhile.
        if signal.getsignal(signal.SIGTERM) is leave:
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

    return undo


def _do_nothing() -> None:
    return None
