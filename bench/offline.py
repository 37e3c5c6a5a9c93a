"""How fast plans are made without a cluster, beside encoding and decoding the same bodies."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, TypeVar

from bench.stage import build_deployments, build_mesh, build_resource
from istio_observability.control.gather import snapshot_of
from istio_observability.model.custom_resource import parse_resource
from istio_observability.plan.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

WORKLOADS: Final = 1000
_REPEATS: Final = 5


def measure_plans_per_s() -> dict[str, float]:
    """
    Return workloads planned per second: at first, and again, when texts are known already.

    ``json`` is how many of the resulting bodies per second are encoded and decoded.
    """
    snapshot = snapshot_of([*build_mesh(), *build_deployments(WORKLOADS)])
    resource = parse_resource(build_resource(WORKLOADS))
    first_s, made = _timed(lambda: plan(resource, snapshot))
    bodies = [each.wanted for each in made.workloads]
    if len(bodies) != WORKLOADS:
        raise RuntimeError(f"{len(bodies)} of {WORKLOADS} workloads were planned")
    again = [_timed(lambda: plan(resource, snapshot))[0] for _ in range(_REPEATS)]
    codec = [_timed(lambda: json.loads(json.dumps(bodies)))[0] for _ in range(_REPEATS)]
    return {
        "first": WORKLOADS / first_s,
        "again": WORKLOADS / statistics.median(again),
        "json": WORKLOADS / statistics.median(codec),
    }


def measure_import_s() -> float:
    """Return the seconds that a new process needs to import the operator, median of three."""
    command = [sys.executable, "-c", "import istio_observability.cli.run"]
    times = [_timed(lambda: subprocess.run(command, check=True))[0] for _ in range(3)]
    return statistics.median(times)


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result
