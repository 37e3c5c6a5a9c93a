"""A cluster at one moment, as far as decisions look at it: what a plan is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.plan.agent_facts import AgentFacts, ConfigMapFacts, ServiceFacts
    from istio_observability.plan.facts import NamespaceFacts, WorkloadFacts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A cluster at one moment, as far as we look at it.

    Attributes:
        taken_at: Seconds since the epoch.
        namespaces: By name.
        workloads: By (namespace, name), gateways and istiod among them.
        agents: DaemonSets by (namespace, name).
        config_maps: Those of the agent, by (namespace, name).
        services: Those whose names are ours, by (namespace, name).
        mesh_configs: Text of key ``mesh`` of Istio's ConfigMaps, by (namespace, name).
        revisions: Istio revisions and tags that have an injection webhook; empty if unknown.
    """

    taken_at: float = 0.0
    namespaces: Mapping[str, NamespaceFacts] = field(default_factory=dict)
    workloads: Mapping[tuple[str, str], WorkloadFacts] = field(default_factory=dict)
    agents: Mapping[tuple[str, str], AgentFacts] = field(default_factory=dict)
    config_maps: Mapping[tuple[str, str], ConfigMapFacts] = field(default_factory=dict)
    services: Mapping[tuple[str, str], ServiceFacts] = field(default_factory=dict)
    mesh_configs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    revisions: frozenset[str] = frozenset()
