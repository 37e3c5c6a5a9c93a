"""
Texts of the agent's configuration files: istiod, the two gateways, and the Zipkin input.

Each text is one key of a ConfigMap. A changed byte rolls the agent once, whatever else changes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from istio_observability.datakit.layout import AgentFile, ConfigPath
from istio_observability.datakit.prom import render_prom
from istio_observability.datakit.reading import read_prom_conf
from istio_observability.datakit.zipkin import ZipkinInput, render_zipkin
from istio_observability.istio.catalogue import Target
from istio_observability.istio.components import Role
from istio_observability.model.metrics_spec import MetricsProfile
from istio_observability.model.spec import CollectPolicy, IstioObservabilitySpec
from istio_observability.plan.decide_metrics import decide_choice, keep_address, scrape_of
from istio_observability.plan.decide_tracing import leaves_tracing_alone, wants_zipkin_input
from istio_observability.plan.mesh import (
    CLUSTER_DOMAIN,
    ISTIOD_METRICS_PORT,
    PROXY_METRICS_PORT,
    Mesh,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.facts import FieldFacts

GATEWAY_FILES: Mapping[Role, AgentFile] = MappingProxyType(
    {Role.INGRESS: AgentFile.INGRESS_GATEWAY, Role.EGRESS: AgentFile.EGRESS_GATEWAY}
)


def build_agent_config(
    resource: Resource, mesh: Mesh, live: Mapping[str, FieldFacts]
) -> Mapping[AgentFile, str]:
    """
    Return the text of every file that one resource wants.

    Args:
        resource: Whose wish it is; one that is being deleted wants nothing.
        mesh: The components to scrape.
        live: Keys of the agent's ConfigMap as they stand, for profile ``Document``.

    Raises:
        InvalidScrape: The spec cannot be said in the agent's language.
    """
    if resource.deleting:
        return MappingProxyType({})
    spec = resource.spec
    texts: dict[AgentFile, str] = {}
    if spec.control_plane.collect is not CollectPolicy.NEVER:
        wanted = decide_choice(spec.metrics, tuple(spec.metrics.extra_families), Target.ISTIOD)
        if mesh.istiods and wanted.name_filter:
            texts[AgentFile.ISTIOD] = _istiod(spec, mesh, live.get(AgentFile.ISTIOD.key))
    for gateway in spec.gateways:
        role = Role(gateway.name)
        file = GATEWAY_FILES[role]
        if gateway.collect is CollectPolicy.NEVER:
            continue
        if mesh.gateways.get(role):
            texts[file] = _gateway(spec, role, live.get(file.key))
    # An agent is not rolled because somebody mistyped the mesh config.
    stands = AgentFile.ZIPKIN.key in live and leaves_tracing_alone(spec, mesh)
    if stands or wants_zipkin_input(spec, mesh):
        texts[AgentFile.ZIPKIN] = render_zipkin(ZipkinInput())
    return MappingProxyType(texts)


def gateway_service_name(role: Role) -> str:
    """Return the name that the documented configuration scrapes and nobody defines."""
    return f"istio-{role.value}gateway-ext"


def _istiod(spec: IstioObservabilitySpec, mesh: Mesh, live: FieldFacts | None) -> str:
    urls = tuple(
        f"http://{each.name}.{each.namespace}.{CLUSTER_DOMAIN}:{ISTIOD_METRICS_PORT}/metrics"
        for each in mesh.istiods
    )
    return _render(spec, Target.ISTIOD, "prom-istiod", urls, {"app_id": "istiod"}, live)


def _gateway(spec: IstioObservabilitySpec, role: Role, live: FieldFacts | None) -> str:
    host = f"{gateway_service_name(role)}.{spec.istio.namespace}.{CLUSTER_DOMAIN}"
    url = f"http://{host}:{PROXY_METRICS_PORT}/stats/prometheus"
    # Without a tag nothing tells the gateways apart from each other and from istiod.
    tags = (
        {}
        if spec.metrics.profile is MetricsProfile.DOCUMENT
        else {"app_id": f"istio-{role.value}gateway"}
    )
    return _render(spec, Target.GATEWAY, f"prom-{role.value}gateway", (url,), tags, live)


def _render(
    spec: IstioObservabilitySpec,
    target: Target,
    source: str,
    urls: tuple[str, ...],
    tags: dict[str, str],
    live: FieldFacts | None,
) -> str:
    metrics = spec.metrics
    document = metrics.profile is MetricsProfile.DOCUMENT
    scrape = scrape_of(
        decide_choice(metrics, tuple(metrics.extra_families), target),
        source=source,
        urls=urls,
        interval_s=metrics.interval_s,
        measurement=metrics.measurement,
        tags={**tags, **metrics.tags},
        # Every node's agent loads the file; without election each of them scrapes.
        election=None if document else True,
    )
    if document:
        scrape = keep_address(scrape, live, read_prom_conf, path=ConfigPath.CONF)
    return render_prom(scrape, ConfigPath.CONF)
