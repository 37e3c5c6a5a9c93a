"""Settings of a running operator: flags of ``istio-observability run``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What an administrator decides when starting the operator.

    Attributes:
        datakit_namespaces: Namespaces that a resource may name for the agent.
        istio_namespaces: Namespaces that a resource may name for Istio.
        instance: Name of this process in events, the pod's name.
        workers: Passes that run at the same time; also the limit of requests in flight.
        settle_s: Seconds for which the agent's plan must stand still before the agent is rolled.
        resync_s: Seconds between two plans of everything without any event.
    """

    datakit_namespaces: frozenset[str] = frozenset({"datakit"})
    istio_namespaces: frozenset[str] = frozenset({"istio-system"})
    instance: str = "istio-observability-operator"
    workers: int = 32
    settle_s: float = 3.0
    resync_s: float = 600.0
