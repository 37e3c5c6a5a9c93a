"""How many pods each workload has and how many carry a sidecar, kept by difference."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from istio_observability.plan.facts import PodCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.control.project_cluster import PodFacts
    from istio_observability.kube.watch import Change

_Name = tuple[str, str]


class PodIndex:
    """Counts of pods by the Deployment that they belong to."""

    def __init__(self) -> None:
        self._pods: Counter[_Name] = Counter()
        self._sidecars: Counter[_Name] = Counter()

    def take(self, change: Change[PodFacts]) -> Iterator[tuple[_Name, PodCounts]]:
        """Count one change; yield each owner that it concerns with its new counts."""
        owners = {pod.owner for pod in (change.old, change.new) if pod is not None}
        for pod, step in ((change.old, -1), (change.new, 1)):
            if pod is not None:
                self._pods[pod.owner] += step
                self._sidecars[pod.owner] += step * pod.has_sidecar
        for owner in owners:
            counts = self.of(owner)
            if counts.total == 0:
                del self._pods[owner], self._sidecars[owner]
            yield owner, counts

    def of(self, owner: _Name) -> PodCounts:
        """Return the counts of one workload."""
        return PodCounts(self._pods.get(owner, 0), self._sidecars.get(owner, 0))
