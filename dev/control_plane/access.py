"""
What a test needs from a cluster, whoever runs it.

``ClusterAccess`` is the part that works with any cluster. ``can_roll_out`` and
``can_stop_api_server`` say what a test may ask for beyond it; a test that needs more skips.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from dev.control_plane.credentials import write_kubeconfig


class KubectlError(RuntimeError):
    """kubectl ended with an error; ``stderr`` is what it said."""

    def __init__(self, arguments: tuple[str, ...], code: int, stderr: str) -> None:
        self.code = code
        self.stderr = stderr
        super().__init__(f"kubectl {' '.join(arguments)}: exit code {code}: {stderr.strip()}")


class ClusterAccess:
    """
    A cluster with administrator's rights.

    Attributes:
        kubeconfig: Of the administrator.
        directory: For files of this object; removed with it.
        url: Of the API server.
        ca_file: Certificates that vouch for the API server; ``None`` if the system's do.
        admin_token: Bearer token of the administrator; ``None`` if another credential is used.
        audit_log: JSON lines of every request; ``None`` if it cannot be read from here.
    """

    can_roll_out = True
    can_stop_api_server = False

    def __init__(self, kubeconfig: Path, directory: Path, kubectl: Path) -> None:
        self.kubeconfig = kubeconfig
        self.directory = directory
        self.url = ""
        self.ca_file: Path | None = None
        self.admin_token: str | None = None
        self.audit_log: Path | None = None
        self._kubectl = kubectl
        self._numbers = itertools.count(1)

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - named as in subprocess.run
        check: bool = True,
        kubeconfig: Path | None = None,
    ) -> str:
        """
        Run kubectl and return its standard output.

        Args:
            arguments: As on the command line.
            input: Text for standard input, for ``-f -``.
            check: Raise if it fails; otherwise what it printed is returned.
            kubeconfig: Of another user than the administrator.

        Raises:
            KubectlError: The exit code is not 0 and ``check`` is set.
        """
        command = [
            str(self._kubectl),
            f"--kubeconfig={kubeconfig or self.kubeconfig}",
            # Inside the plane's directory: planes come and go on the same ports.
            f"--cache-dir={self.directory / 'kubectl-cache'}",
            *arguments,
        ]
        done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise KubectlError(arguments, done.returncode, done.stderr)
        return done.stdout

    def read(self, *arguments: str) -> dict[str, Any]:
        """Run ``kubectl get`` and return the object or the list as decoded JSON."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer

    def token_for(self, namespace: str, service_account: str) -> str:
        """Return a token of a service account, valid for an hour (TokenRequest API)."""
        arguments = ("create", "token", service_account, "-n", namespace, "--duration=1h")
        return self.kubectl(*arguments).strip()

    def kubeconfig_for(self, token: str) -> Path:
        """Write a kubeconfig for the same cluster with another user's token."""
        path = self.directory / f"user-{next(self._numbers)}.kubeconfig"
        return write_kubeconfig(path, self._cluster_entry(), token)

    def _cluster_entry(self) -> dict[str, Any]:
        text = self.kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json")
        entry: dict[str, Any] = json.loads(text)["clusters"][0]["cluster"]
        return entry


class ExistingCluster(ClusterAccess):
    """
    A cluster that somebody else runs, named by a kubeconfig and its current context.

    Raises:
        FileNotFoundError: The kubeconfig or ``kubectl`` is missing.
    """

    def __init__(self, kubeconfig: Path) -> None:
        kubectl = os.environ.get("KUBECTL") or shutil.which("kubectl")
        if kubectl is None:
            raise FileNotFoundError("kubectl is not on PATH; TEST_KUBECONFIG needs it.")
        if not kubeconfig.is_file():
            raise FileNotFoundError(f"TEST_KUBECONFIG: {kubeconfig} is not a file.")
        self._temporary = tempfile.TemporaryDirectory(prefix="existing-cluster-")
        super().__init__(kubeconfig, Path(self._temporary.name), Path(kubectl))
        entry = self._cluster_entry()
        self.url = entry["server"]
        if authority := entry.get("certificate-authority-data"):
            self.ca_file = self.directory / "ca.crt"
            self.ca_file.write_bytes(base64.b64decode(authority))
        text = self.kubectl("config", "view", "--raw", "--minify", "-o", "json")
        self.admin_token = json.loads(text)["users"][0]["user"].get("token")

    def stop(self) -> None:
        """Forget the cluster; it keeps running."""
        self._temporary.cleanup()
