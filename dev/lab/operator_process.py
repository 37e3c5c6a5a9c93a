"""The operator as a process of its own, as a pod would run it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Self

from dev.lab.stage import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class OperatorProcess:
    """
    One running operator.

    Attributes:
        log_path: What it has logged, over all its starts.
        port: Where it serves ``/healthz``, ``/readyz`` and ``/metrics``.
    """

    def __init__(self, kubeconfig: Path, directory: Path, *arguments: str) -> None:
        self.log_path = directory / "operator.log"
        self.port = _free_port()
        self._command = [
            sys.executable,
            "-m",
            "istio_observability",
            "run",
            "--kubeconfig",
            str(kubeconfig),
            "--listen",
            f"127.0.0.1:{self.port}",
            *arguments,
        ]
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the process id; 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    @property
    def running(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and return at once."""
        self._log = self.log_path.open("ab")
        self._process = subprocess.Popen(
            self._command, cwd=REPOSITORY, stdout=self._log, stderr=subprocess.STDOUT
        )

    def stop(self, *, timeout_s: float = 30) -> int:
        """Ask it to end, as a kubelet would, and return its exit code; kill it if it does not."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._forget()
        return code

    def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def wait_ready(self, *, timeout_s: float = 30) -> None:
        """
        Wait until its first lists are complete.

        Raises:
            TimeoutError: It is not ready in time, or has ended; the message has its last lines.
        """
        deadline = time.monotonic() + timeout_s
        while not self._answers("readyz"):
            if not self.running or time.monotonic() > deadline:
                raise TimeoutError(f"the operator is not ready:\n{self.last_lines()}")
            time.sleep(0.1)

    def metrics(self) -> str:
        """Return its metrics in the Prometheus text format."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def last_lines(self, count: int = 20) -> str:
        """Return the end of its log."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-count:])

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _forget(self) -> None:
        self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
