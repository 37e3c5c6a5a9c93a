"""
Whether spans sent to ``zipkin.<istio namespace>:9411`` should be led to the agent, and may be.

An ExternalName Service is an alias without a cluster in Envoy. Where a tracing provider of the mesh
references it, proxies reject their listeners and pods never become ready, so the Service is refused
in that case, whatever the resource asks for.

Source: istio/istio ``pilot/pkg/networking/core/cluster.go`` (aliases get no cluster),
    ``pilot/pkg/model/telemetry_logging.go`` (``LookupCluster`` names one all the same), and issue
    43043.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.istio.mesh_config import providers_referencing, sends_to_zipkin
from istio_observability.model.spec import IstioObservabilitySpec, ZipkinServicePolicy

if TYPE_CHECKING:
    from istio_observability.plan.mesh import Mesh

ZIPKIN_SERVICE = "zipkin"


def wants_zipkin_input(spec: IstioObservabilitySpec, mesh: Mesh) -> bool:
    """Return whether the agent should accept Zipkin spans."""
    wish = spec.tracing.zipkin_service
    if wish is ZipkinServicePolicy.NEVER:
        return False
    return wish is ZipkinServicePolicy.ALWAYS or traces_arrive(spec, mesh)


def leaves_tracing_alone(spec: IstioObservabilitySpec, mesh: Mesh) -> bool:
    """Return whether it depends on a mesh config that cannot be read: then what stands stays."""
    return spec.tracing.zipkin_service is ZipkinServicePolicy.IF_USED and bool(mesh.unreadable)


def traces_arrive(spec: IstioObservabilitySpec, mesh: Mesh) -> bool:
    """Return whether the mesh config, as far as it is known, sends spans to that name."""
    if mesh.tracing is None:
        return False
    return sends_to_zipkin(mesh.tracing, spec.istio.namespace, mesh.istio_version)


def providers_that_would_break(spec: IstioObservabilitySpec, mesh: Mesh) -> tuple[str, ...]:
    """Return the tracing providers that reference the alias; none means that it is safe."""
    if mesh.tracing is None:
        return ()
    return providers_referencing(mesh.tracing, f"{ZIPKIN_SERVICE}.{spec.istio.namespace}")
