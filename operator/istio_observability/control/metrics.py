"""
The operator's own metrics, under the names that dashboards for Go controllers know.

Never a label with a name of a workload: their number has no bound.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTROLLER: Final = "istioobservability"


class Metrics:
    """All metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reconciles = Counter(
            "controller_runtime_reconcile",
            "Passes by kind and result.",
            ["controller", "what", "result"],
            registry=self.registry,
        )
        self._reconcile_seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Duration of a pass in seconds.",
            ["controller", "what"],
            registry=self.registry,
        )
        self._requests = Counter(
            "rest_client_requests",
            "Requests to the API server; code 0 means no answer.",
            ["verb", "kind", "code"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "rest_client_request_duration_seconds",
            "Duration of a request in seconds.",
            ["verb"],
            registry=self.registry,
        )
        self._applies = Counter(
            "istio_observability_writes",
            "Writes by kind of object and outcome.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self._rollouts = Counter(
            "istio_observability_rollouts_caused",
            "Template-changing writes of ours.",
            ["kind"],
            registry=self.registry,
        )
        self._depth = Gauge(
            "workqueue_depth", "Keys that are due.", ["name"], registry=self.registry
        )
        self._workloads = Gauge(
            "istio_observability_workloads",
            "Workloads by state, all resources together.",
            ["state"],
            registry=self.registry,
        )

    def passed(self, what: str, result: str, seconds: float) -> None:
        """Count one pass."""
        self._reconciles.labels(CONTROLLER, what, result).inc()
        self._reconcile_seconds.labels(CONTROLLER, what).observe(seconds)

    def requested(self, verb: str, kind: str, code: int, seconds: float) -> None:
        """Count one request; the signature is that of ``kube.api.RequestObserver``."""
        self._requests.labels(verb, kind, str(code)).inc()
        self._request_seconds.labels(verb).observe(seconds)

    def applied(self, kind: str, outcome: str) -> None:
        """Count one write."""
        self._applies.labels(kind, outcome).inc()

    def rollout_caused(self, kind: str) -> None:
        """Count one write that made pods new."""
        self._rollouts.labels(kind).inc()

    def queue_depth(self, depth: int) -> None:
        """Set the number of keys that are due."""
        self._depth.labels(CONTROLLER).set(depth)

    def workloads(self, state: str, count: int) -> None:
        """Set the number of workloads in one state."""
        self._workloads.labels(state).set(count)

    def text(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self.registry)
