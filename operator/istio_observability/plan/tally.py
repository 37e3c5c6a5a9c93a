"""
Counts over the workload plans of one resource, kept by difference.

An event on one workload costs one subtraction and one addition, however many there are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from istio_observability.plan.plan_workload import WorkloadPlan, WorkloadState

if TYPE_CHECKING:
    from istio_observability.model.reasons import SkipReason


@dataclass(slots=True)
class Tally:
    """
    The counts.

    ``states`` and ``skips`` count workloads, ``rollouts_caused`` template-changing writes of ours,
    as the markers on the workloads say.
    """

    states: Counter[WorkloadState] = field(default_factory=Counter)
    skips: Counter[SkipReason] = field(default_factory=Counter)
    rollouts_caused: int = 0

    def add(self, plan: WorkloadPlan) -> None:
        """Count one plan."""
        self._count(plan, 1)

    def remove(self, plan: WorkloadPlan) -> None:
        """Take back what ``add`` counted for the same plan."""
        self._count(plan, -1)

    def _count(self, plan: WorkloadPlan, step: int) -> None:
        self.states[plan.state] += step
        if plan.skip is not None:
            self.skips[plan.skip.reason] += step
        self.rollouts_caused += step * plan.rollouts_caused

    @property
    def wired(self) -> int:
        """Return how many carry what is wanted, by our hand or somebody else's."""
        return self.states[WorkloadState.WIRED] + self.states[WorkloadState.TAKEN_OVER]

    @property
    def pending(self) -> int:
        """Return how many wait or are being replaced."""
        return self.states[WorkloadState.WAITING] + self.states[WorkloadState.ROLLING]

    @property
    def failed(self) -> int:
        """Return how many failed after our change."""
        return self.states[WorkloadState.FAILED]

    @property
    def skipped(self) -> int:
        """Return how many are left alone."""
        return self.states[WorkloadState.SKIPPED]

    @property
    def leaving(self) -> int:
        """Return how many are still to be let go."""
        return self.states[WorkloadState.LEAVING]

    @property
    def total(self) -> int:
        """Return how many can be wired."""
        return self.wired + self.pending + self.failed

    @property
    def selected(self) -> int:
        """Return how many are chosen, those left alone included."""
        return self.total + self.skipped
