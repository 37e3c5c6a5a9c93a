"""
Child processes that never outlive the plane they belong to.

Each component runs in its own process group, so that Ctrl-C reaches the parent alone and the
components end in a chosen order. On Linux the kernel kills them when the thread that started
them ends, whatever ended it: start a plane from a thread that lives as long as the plane.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG: Final = 1
# Loaded here: between fork and exec only calls that need no new memory or lock are safe.
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_TERM_GRACE_S: Final = 5.0
# Below the range from which Linux takes the ports of outgoing connections.
_PORTS: Final = range(20000, 32000)


class StartError(RuntimeError):
    """A component did not come up; the text names its log file and ends with its last lines."""


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; for ``preexec_fn``."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def find_free_ports(count: int) -> list[int]:
    """
    Return distinct local TCP ports that nothing listens on.

    Each one is bound once to be sure. Another process may take it before it is used; whoever
    starts a server on it has to try again then.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            candidate = held.enter_context(socket.socket())
            port = random.choice(_PORTS)  # noqa: S311 - not a secret
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
        return ports


class Component:
    """
    One running program and its log file.

    Args:
        name: For messages and for the name of the log, ``<name>.log``.
        command: Program and arguments.
        directory: Where the log goes; also the working directory.
        environment: Added to the caller's environment.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._command = list(command)
        self._directory = directory
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while the program runs, else ``None``."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the program; its log is appended to, so that a restart keeps the first part."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
            )

    def signal(self, number: int) -> None:
        """Send a signal if the program still runs."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(number)

    def pause(self) -> None:
        """
        Stop the program without ending it, and return when all its threads stand still.

        On a busy machine a server answers for some time after SIGSTOP has been sent to it.

        Raises:
            StartError: It does not stop within seconds.
        """
        self.signal(signal.SIGSTOP)
        deadline = time.monotonic() + _TERM_GRACE_S
        while (pid := self.pid) is not None:
            # Without taking the news away, so that a second pause sees it too.
            if os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None:
                return
            if time.monotonic() > deadline:
                raise StartError(self.describe("does not react to SIGSTOP"))
            time.sleep(0.01)

    def wait_ended(self, timeout_s: float) -> bool:
        """Wait until the program has ended; tell whether it has."""
        if self._process is not None:
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return False
        return True

    def stop(self, grace_s: float = _TERM_GRACE_S) -> None:
        """End the program: TERM, then KILL after ``grace_s`` seconds. Safe to repeat."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not self.wait_ended(grace_s):
            self.kill()

    def kill(self) -> None:
        """End the program at once, as a crash of the machine would."""
        self.signal(signal.SIGKILL)
        self.wait_ended(_TERM_GRACE_S)

    def wait_until(self, is_ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """
        Wait for the program to become useful.

        Raises:
            StartError: It ended, or ``is_ready`` did not hold within ``timeout_s`` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.pid is None:
                raise StartError(self.describe(f"ended while waiting for {what}"))
            if time.monotonic() > deadline:
                raise StartError(self.describe(f"{what} not reached in {timeout_s:.0f} s"))
            time.sleep(0.1)

    def describe(self, problem: str, lines: int = 12) -> str:
        """Return the problem with the place and the end of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        tail = "\n  ".join(line[:300] for line in text.strip().splitlines()[-lines:])
        return f"{self.name}: {problem}; see {self.log}, which ends with:\n  {tail}"


def stop_all(components: Sequence[Component]) -> None:
    """End all programs, the last started first; one that resists does not keep the others."""
    for component in reversed(components):
        component.signal(signal.SIGCONT)
        component.signal(signal.SIGTERM)
    for component in reversed(components):
        component.stop()
