"""
The mesh as one resource sees it: control planes, gateways, and what the proxies trace to.

Found by label, never by name alone: revisions, Helm and the Gateway API all name them differently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.istio.components import Role, gateway_role, is_istiod, istio_revision
from istio_observability.istio.mesh_config import (
    MeshConfigUnreadable,
    MeshTracing,
    parse_mesh_config,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.plan.facts import WorkloadFacts
    from istio_observability.plan.snapshot import Snapshot

DEFAULT_REVISION: Final = "default"
ISTIOD_METRICS_PORT: Final = 15014
PROXY_METRICS_PORT: Final = 15020
CLUSTER_DOMAIN: Final = "svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Mesh:
    """
    What stands in Istio's namespace.

    Attributes:
        istiods: Control planes, by name.
        gateways: Gateway Deployments by role, each list by name.
        revisions: Revisions and tags that inject sidecars.
        tracing: What mesh config says about tracing, ``None`` where it is absent or unreadable.
        unreadable: What is wrong with mesh config, ``""`` if it can be read or is absent.
        istio_version: Version of the newest istiod as its image tag says it, ``""`` if unknown.
    """

    istiods: tuple[WorkloadFacts, ...] = ()
    gateways: Mapping[Role, tuple[WorkloadFacts, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    revisions: frozenset[str] = frozenset()
    tracing: MeshTracing | None = None
    unreadable: str = ""
    istio_version: str = ""

    @property
    def ready(self) -> bool:
        """
        Return whether sidecars are injected by now, as far as can be seen.

        While a mesh is being installed its webhooks come and go; pods that our roll-out made then
        would start without a sidecar.
        """
        return self.present and (
            not self.istiods or any(each.rollout.finished for each in self.istiods)
        )

    @property
    def present(self) -> bool:
        """Return whether a control plane was found."""
        return bool(self.istiods) or bool(self.revisions)


def read_mesh(snapshot: Snapshot, istio_namespace: str) -> Mesh:
    """Return the mesh whose control plane lives in that namespace."""
    istiods: list[WorkloadFacts] = []
    gateways: dict[Role, list[WorkloadFacts]] = {}
    here = [
        each
        for each in snapshot.workloads.values()
        if each.namespace == istio_namespace and not each.deleting
    ]
    for workload in sorted(here, key=_documented_first):
        if is_istiod(workload.labels):
            istiods.append(workload)
            continue
        role = role_of(workload)
        if role is not None:
            gateways.setdefault(role, []).append(workload)
    tracing, unreadable = _read_tracing(snapshot, istio_namespace)
    revisions = snapshot.revisions or frozenset(istio_revision(each.labels) for each in istiods)
    return Mesh(
        istiods=tuple(istiods),
        gateways=MappingProxyType({role: tuple(found) for role, found in gateways.items()}),
        revisions=revisions,
        tracing=tracing,
        unreadable=unreadable,
        istio_version=max((each.image_version for each in istiods), default=""),
    )


def _documented_first(workload: WorkloadFacts) -> tuple[bool, tuple[str, str]]:
    """Order the gateway of the documented name before others of its role."""
    role = role_of(workload)
    return (role is None or workload.name != f"istio-{role.value}gateway", workload.key)


def role_of(workload: WorkloadFacts) -> Role | None:
    """Return the gateway role of a workload, ``None`` if it is no gateway."""
    return gateway_role(workload.labels, workload.template_labels, workload.template_annotations)


def _read_tracing(snapshot: Snapshot, istio_namespace: str) -> tuple[MeshTracing | None, str]:
    # With several revisions the default one decides; a mesh of only named revisions has no
    # ConfigMap of the plain name, and then nothing is known.
    text = snapshot.mesh_configs.get((istio_namespace, "istio"))
    if text is None:
        return None, ""
    try:
        return parse_mesh_config(text), ""
    except MeshConfigUnreadable as error:
        return None, error.reason
