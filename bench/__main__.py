"""Run every measurement and compare it with its limit; exit code 1 if a limit is broken."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.offline import measure_import_s, measure_plans_per_s
from bench.on_paper import measure_on_paper
from bench.one_size import Effort, measure_size
from bench.report import data_of, rows_of, rows_on_paper, table_of
from dev.control_plane.modules import KUBERNETES_VERSION
from istio_observability import __version__

_DEFAULT_SIZES = "6,100,1000"
_WIDTH = 120


def main() -> int:
    """Run the command line and return the exit code."""
    options = _parse()
    sizes = [] if options.on_paper else sorted(options.sizes)
    effort = (
        Effort(runs_of=lambda _size: 1, idle_s=3.0, updates=60)
        if options.quick
        else Effort(runs_of=lambda size: 3 if size > 100 else 9, idle_s=10.0, updates=300)
    )
    console = Console(width=_WIDTH, highlight=False)
    environment = _environment()
    console.print(" · ".join(f"{key} {value}" for key, value in environment.items()))
    _say("preview and lint")
    rows = rows_on_paper(measure_on_paper())
    results = []
    if sizes:
        plans_per_s, import_s = measure_plans_per_s(), measure_import_s()
        results = [measure_size(size, effort, _say) for size in sizes]
        rows = rows_of(results, plans_per_s, import_s) + rows
    console.print(table_of(rows))
    scaled = [f"{each.size:,}" for each in results if each.replicas == 0]
    if scaled:
        console.print(
            f"Deployments of {' and '.join(scaled)} are scaled to 0: their pods would keep the "
            "control plane busy, not the operator."
        )
    if options.json:
        data = {"environment": environment, **data_of(rows, results)}
        options.json.write_text(json.dumps(data, indent=2) + "\n")
    broken = [row for row in rows if not row.passed]
    for row in broken:
        console.print(f"{row.size:,} {row.name}: {row.value:.2f}, limit {row.limit:g}")
    return 1 if broken else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the operator beside a plain HTTP loop on a local control plane.",
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=_DEFAULT_SIZES,
        metavar="N,N",
        help="numbers of Deployments: below 100, or multiples of 100 (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to a file")
    parser.add_argument("--quick", action="store_true", help="one run of each, shorter pauses")
    parser.add_argument(
        "--on-paper", action="store_true", help="only what needs no control plane: preview, lint"
    )
    return parser.parse_args()


def _sizes(text: str) -> set[int]:
    sizes = {int(each) for each in text.split(",")}
    if not sizes or any(size < 1 or (size > 100 and size % 100) for size in sizes):
        raise argparse.ArgumentTypeError("give numbers from 1 to 100, or multiples of 100")
    return sizes


def _environment() -> dict[str, str]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "operator": __version__,
        "Kubernetes": KUBERNETES_VERSION,
        "Python": platform.python_version(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    }


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
