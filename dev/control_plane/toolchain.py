"""Which Go compiler a build would use, and whether it is good enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MINIMUM_GO: Final = (1, 26)
_INSTALL: Final = (
    "install Go 1.26 or newer (https://go.dev/dl/), or set KUBEBUILDER_ASSETS or TEST_KUBECONFIG"
)


class BinariesError(RuntimeError):
    """The programs of the control plane cannot be had here; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Version (``go1.26.8``), target and caches of one Go installation."""

    version: str
    goos: str
    goarch: str
    build_cache: str
    module_cache: str


def build_environment() -> dict[str, str]:
    """
    Return the environment of every ``go`` call: the user's, without a workspace.

    A ``go.work`` above the checkout would replace the pinned dependency graph.
    """
    return {**os.environ, "GOWORK": "off"}


def read_toolchain(directory: Path) -> Toolchain:
    """
    Ask ``go env`` in a module directory.

    Asked there and not elsewhere: with ``GOTOOLCHAIN=auto`` Go may answer with a newer compiler
    that the module demands.

    Raises:
        BinariesError: Go is missing or older than the modules need.
    """
    go = shutil.which("go")
    if go is None:
        raise BinariesError(f"Go is not on PATH; nothing can be built; {_INSTALL}.")
    names = ("GOVERSION", "GOOS", "GOARCH", "GOCACHE", "GOMODCACHE")
    answer = subprocess.run(
        [go, "env", *names],
        cwd=directory,
        env=build_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    values = answer.stdout.splitlines()
    if answer.returncode != 0 or len(values) != len(names):
        reason = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        raise BinariesError(f"Go refuses {directory}: {reason}; {_INSTALL}.")
    toolchain = Toolchain(*values)
    found = re.match(r"go(\d+)\.(\d+)", toolchain.version)
    # A development build of Go ("devel ...") has no number and is taken as new enough.
    if found and (int(found[1]), int(found[2])) < MINIMUM_GO:
        raise BinariesError(
            f"Go {found[1]}.{found[2]} is too old; nothing can be built; {_INSTALL}."
        )
    return toolchain
