"""Everything that is measured with one number of Deployments, on a control plane of its own."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bench.audit import Phase, patches_since
from bench.plain_api import MERGE, PlainApi
from bench.plain_loop import run_plain_loop
from bench.stage import RESOURCE, Stage, build_resource, path_of, replicas_of
from bench.usage import Memory, read_cpu_s, read_memory
from dev.control_plane import ControlPlane
from dev.lab import OperatorProcess, wait_until
from dev.lab.audit import audit_mark, writes_since

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.plain_api import Call

_TIMEOUT_S: Final = 600
_NODES: Final = 3
_PAUSE_BETWEEN_UPDATES_S: Final = 0.03


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often things are measured. ``runs_of`` is asked with the size."""

    runs_of: Callable[[int], int]
    idle_s: float
    updates: int


@dataclass(slots=True)
class SizeResult:
    """
    What was measured; times in seconds.

    Attributes:
        wired_s: From the start of ``kubectl apply`` to condition Ready, one per run.
        apply_s: First to last PATCH of a workload by the operator, one per run.
        loop_s: The same of the plain loop, before and after each run.
        idle_writes: Writes on the converged cluster.
        restart_writes: Writes after a restart on the converged cluster.
        update_cpu_ms: Processor milliseconds of the operator per status update of a Deployment.
        ready_s: From the start of the process to ``/readyz``.
        first_write_s: From the start of the process to the repair of something that was changed
            while it was down: it has listed, planned everything and written.
    """

    size: int
    replicas: int
    wired_s: list[float] = field(default_factory=list)
    apply_s: list[float] = field(default_factory=list)
    loop_s: list[float] = field(default_factory=list)
    idle_writes: int = 0
    restart_writes: int = 0
    memory: Memory = field(default_factory=lambda: Memory(0.0, 0.0))
    update_cpu_ms: float = 0.0
    ready_s: float = 0.0
    first_write_s: float = 0.0

    @property
    def ratio(self) -> float:
        """Return how many times as long as the loops around it the operator takes, the median."""
        pairs = zip(self.loop_s[::2], self.loop_s[1::2], strict=True)
        # Run by run: what else the machine does drifts, and a run and its loops share it.
        return statistics.median(
            apply_s / statistics.mean(around)
            for apply_s, around in zip(self.apply_s, pairs, strict=True)
        )


def measure_size(size: int, effort: Effort, say: Callable[[str], None]) -> SizeResult:
    """Measure one size; ``say`` is told what is under way."""
    result = SizeResult(size, replicas_of(size))
    say(f"{size} Deployments: starting a control plane")
    with ControlPlane.start(nodes=_NODES) as plane:
        stage = Stage(plane, size)
        operator = OperatorProcess(stage.operator_kubeconfig, plane.directory)
        # The first wiring makes ReplicaSets that later ones use again: it would not be like them.
        run_plain_loop(stage)
        runs = effort.runs_of(size)
        for number in range(1, runs + 1):
            say(f"{size} Deployments: run {number} of {runs}")
            result.loop_s.append(_complete(stage, run_plain_loop(stage)))
            with operator:
                operator.wait_ready()
                _wire(stage, result)
                if number == runs:
                    say(f"{size} Deployments: converged cluster, events, restarts")
                    _measure_converged(stage, operator, effort, result)
                _unwire(stage)
            result.loop_s.append(_complete(stage, run_plain_loop(stage)))
    return result


def _wire(stage: Stage, result: SizeResult) -> None:
    plane = stage.plane
    mark = audit_mark(plane)
    began = time.monotonic()
    plane.kubectl("apply", "-f", "-", input=json.dumps(build_resource(stage.size)))
    _wait_ready(stage)
    result.wired_s.append(time.monotonic() - began)
    result.apply_s.append(_complete(stage, patches_since(plane, mark)))
    stage.wait_settled()


def _measure_converged(
    stage: Stage, operator: OperatorProcess, effort: Effort, result: SizeResult
) -> None:
    plane = stage.plane
    mark, cpu_s = audit_mark(plane), read_cpu_s(operator.pid)
    time.sleep(effort.idle_s)
    result.idle_writes = len(writes_since(plane, mark))
    idle_rate = (read_cpu_s(operator.pid) - cpu_s) / effort.idle_s
    result.memory = read_memory(operator.pid)
    result.update_cpu_ms = _measure_updates(stage, operator, effort.updates, idle_rate) * 1000
    operator.stop()
    mark, began = audit_mark(plane), time.monotonic()
    operator.start()
    operator.wait_ready(timeout_s=60)
    result.ready_s = time.monotonic() - began
    time.sleep(effort.idle_s)
    result.restart_writes = len(writes_since(plane, mark))
    operator.stop()
    _remove_one(stage)
    stage.wait_settled()
    mark, started_at = audit_mark(plane), time.time()
    operator.start()
    wait_until(
        "what was removed is back", lambda: bool(writes_since(plane, mark)), timeout_s=_TIMEOUT_S
    )
    result.first_write_s = patches_since(plane, mark).began_s - started_at
    stage.wait_settled()


def _measure_updates(
    stage: Stage, operator: OperatorProcess, count: int, idle_rate: float
) -> float:
    """Return processor seconds per status update that says that a roll-out is under way."""
    bodies = stage.deployments()
    chosen = [bodies[number % len(bodies)] for number in range(count)]
    updating = replicas_of(stage.size) + 1
    status = {"status": {"replicas": updating, "updatedReplicas": updating}}
    began, cpu_s = time.monotonic(), read_cpu_s(operator.pid)
    asyncio.run(
        _send_slowly(stage, [("PATCH", f"{path_of(x)}/status", status, MERGE) for x in chosen])
    )
    # The Deployment controller corrects each one; that is an update, too, and part of the cost.
    stage.wait_settled()
    time.sleep(1.0)
    used_s = read_cpu_s(operator.pid) - cpu_s - idle_rate * (time.monotonic() - began)
    return used_s / count


async def _send_slowly(stage: Stage, calls: list[Call]) -> None:
    async with PlainApi(stage.plane, stage.plane.admin_token) as api:
        for call in calls:
            await api.send(*call)
            await asyncio.sleep(_PAUSE_BETWEEN_UPDATES_S)


def _remove_one(stage: Stage) -> None:
    body = stage.deployments()[-1]
    removal = {"datakit/prom.instances": None}
    patch = {"spec": {"template": {"metadata": {"annotations": removal}}}}
    asyncio.run(_send_slowly(stage, [("PATCH", path_of(body), patch, MERGE)]))


def _unwire(stage: Stage) -> None:
    stage.plane.kubectl("delete", f"iobs/{RESOURCE}", f"--timeout={_TIMEOUT_S}s")
    stage.wait_settled()


def _wait_ready(stage: Stage) -> None:
    stage.plane.kubectl(
        "wait", "--for=condition=Ready", f"iobs/{RESOURCE}", f"--timeout={_TIMEOUT_S}s"
    )


def _complete(stage: Stage, phase: Phase) -> float:
    """
    Return the seconds of a phase that patched each Deployment once.

    Raises:
        RuntimeError: There were more or fewer PATCHes; their time would compare nothing.
    """
    if phase.count != stage.size:
        raise RuntimeError(f"{phase.count} PATCHes for {stage.size} Deployments")
    return phase.seconds
