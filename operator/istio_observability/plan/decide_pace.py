"""
How many roll-outs may be under way, and which one starts next.

Pure bookkeeping over the plans of one resource; what is in flight is read from the cluster at each
start, so that an operator that was killed goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.model.rollout_spec import OnFailure, RolloutSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from istio_observability.model.objects import ObjectRef


@dataclass(frozen=True, slots=True)
class Pace:
    """
    The state of one resource's roll-outs.

    Attributes:
        waiting: Workloads that could be written, in the order in which they start.
        in_flight: Workloads that we wrote and that are not finished.
        failed: Workloads that we wrote and that do not finish.
        total: Workloads that a percentage is taken of.
    """

    waiting: tuple[ObjectRef, ...]
    in_flight: int
    failed: int
    total: int


def is_halted(rollout: RolloutSpec, failed: int) -> bool:
    """Return whether nothing new may start because too much went wrong."""
    return rollout.on_failure is not OnFailure.CONTINUE and failed >= rollout.max_failures


def decide_starts(rollout: RolloutSpec, pace: Pace) -> tuple[ObjectRef, ...]:
    """Return the workloads that may start now, in order."""
    if is_halted(rollout, pace.failed):
        return ()
    free = rollout.max_concurrent_of(pace.total) - pace.in_flight
    return tuple(_first(sorted(pace.waiting), free))


def _first(refs: Iterable[ObjectRef], count: int) -> Iterable[ObjectRef]:
    for index, ref in enumerate(refs):
        if index >= count:
            return
        yield ref
