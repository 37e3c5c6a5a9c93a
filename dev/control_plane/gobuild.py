"""
Runs the Go compiler on the pinned modules.

Never with a module file that Go may change: what is built is exactly what ``go.sum`` vouches for.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dev.control_plane.processes import end_with_parent
from dev.control_plane.toolchain import BinariesError, build_environment

if TYPE_CHECKING:
    from dev.control_plane.modules import Module, Program
    from dev.control_plane.progress import Progress

_POLL_S: Final = 0.25


def build_program(module: Module, program: Program, work: Path, progress: Progress) -> None:
    """
    Build one program into a directory, telling the elapsed time meanwhile.

    Raises:
        BinariesError: Go failed; the text ends with its last lines.
    """
    command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    command += [f"-ldflags={module.ldflags}", "-o", str(work / program.name), program.package]
    log = work / "build.log"
    with log.open("w") as output:
        # An own group, so that an interrupt ends the compilers that Go has started too.
        process = subprocess.Popen(
            command,
            cwd=module.directory,
            env=build_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL_S)
                progress.tick()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0:
        progress.finish(" failed")
        lines = log.read_text(errors="replace").strip().splitlines()
        reason = "\n  ".join(lines[-8:]) or f"exit code {process.returncode}"
        raise BinariesError(
            f"building {program.name} failed; nothing was started; "
            f"the last lines of Go were:\n  {reason}"
        )
    log.unlink()


def copy_asset(module: Module, module_path: str, directory: str, target: Path) -> None:
    """
    Copy a directory of a module's sources out of Go's module cache.

    Raises:
        BinariesError: Go does not have the sources.
    """
    command = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module_path]
    answer = subprocess.run(
        command,
        cwd=module.directory,
        env=build_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    source = Path(answer.stdout.strip() or "missing") / directory
    if answer.returncode != 0 or not source.is_dir():
        raise BinariesError(f"{module_path}: Go does not know where its sources are.")
    shutil.rmtree(target, ignore_errors=True)
    # Without the modes: files in Go's module cache are read-only and could not be replaced.
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
