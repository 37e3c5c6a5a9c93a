"""
Command line: ``python -m dev.control_plane build | binaries | up``.

Exit codes: 0 done, 1 could not be done.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from dev.control_plane import (
    BinariesError,
    ControlPlane,
    KubectlError,
    StartError,
    ensure_binaries,
    install_istio,
)
from dev.control_plane.modules import ALL_MODULES, PLANE_MODULES


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (BinariesError, StartError, KubectlError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.control_plane", description="A real control plane on this machine."
    )
    commands = parser.add_subparsers(required=True)
    build = commands.add_parser("build", help="build everything that the cache lacks")
    build.set_defaults(run=_build)
    build.add_argument("--without-istio", action="store_true", help="only the plane itself")
    binaries = commands.add_parser("binaries", help="print where the programs are")
    binaries.set_defaults(run=_print_binaries)
    up = commands.add_parser("up", help="start a plane and keep it until Ctrl-C")
    up.set_defaults(run=_up)
    up.add_argument("--nodes", type=int, default=3, help="simulated nodes (default 3)")
    up.add_argument("--istio", action="store_true", help="install Istio's demo profile")
    up.add_argument("--keep", action="store_true", help="keep logs and data afterwards")
    return parser


def _build(options: argparse.Namespace) -> int:
    started = time.monotonic()
    ensure_binaries(PLANE_MODULES if options.without_istio else ALL_MODULES)
    print(f"all programs are ready after {time.monotonic() - started:.1f} s")
    return 0


def _print_binaries(options: argparse.Namespace) -> int:
    del options
    programs = ensure_binaries(ALL_MODULES)
    for name, path in {**programs.paths, **programs.assets}.items():
        print(f"{name}\t{path}")
    return 0


def _up(options: argparse.Namespace) -> int:
    programs = ensure_binaries(ALL_MODULES if options.istio else PLANE_MODULES)
    kept = Path(tempfile.mkdtemp(prefix="control-plane-")) if options.keep else None
    started = time.monotonic()
    with ControlPlane.start(options.nodes, directory=kept, programs=programs) as plane:
        if options.istio:
            istio = install_istio(plane, programs=programs)
            print(f"# istiod's metrics: {istio.metrics_url}")
        print(f"# ready after {time.monotonic() - started:.1f} s; logs in {plane.directory}")
        print(f"export KUBECONFIG={plane.kubeconfig}")
        print(f'export PATH="{programs["kubectl"].parent}:$PATH"')
        print("# Ctrl-C ends it", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
