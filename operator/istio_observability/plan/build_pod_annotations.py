"""
Texts of the pod annotations ``datakit/prom.instances`` and ``datakit/logs`` of one workload.

They land in a pod template, so one changed byte restarts a workload: everything here is sorted, and
neither time nor operator version appears.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.logs import LogsInput, render_logs
from istio_observability.datakit.prom import PromScrape, render_prom
from istio_observability.datakit.reading import read_prom_annotation
from istio_observability.istio.catalogue import Target
from istio_observability.model.metrics_spec import MetricsProfile
from istio_observability.model.spec import IstioObservabilitySpec, LogsPolicy
from istio_observability.plan.decide_metrics import decide_choice, keep_address, scrape_of
from istio_observability.plan.mesh import PROXY_METRICS_PORT

if TYPE_CHECKING:
    from istio_observability.model.workloads_spec import WorkloadOverride
    from istio_observability.plan.facts import NamespaceFacts, WorkloadFacts

SIDECAR_URL: Final = f"http://$IP:{PROXY_METRICS_PORT}/stats/prometheus"


@dataclass(frozen=True, slots=True)
class PodAnnotations:
    """What a pod template should carry. ``logs`` is ``None`` where the resource wants none."""

    prom: str
    logs: str | None


def build_pod_annotations(
    spec: IstioObservabilitySpec, workload: WorkloadFacts, namespace: NamespaceFacts
) -> PodAnnotations:
    """
    Return the two annotation values of one workload.

    Raises:
        InvalidScrape: The spec cannot be said in the agent's language.
    """
    override = _first_override(spec, workload, namespace)
    source = (override.source if override else None) or f"{workload.namespace}-{workload.name}"
    logs = None
    if spec.logs.collect is LogsPolicy.ALWAYS:
        logs = render_logs(LogsInput(source=spec.logs.source or source, service=workload.name))
    scrape = _scrape(spec, override, source, workload)
    return PodAnnotations(prom=render_prom(scrape, ConfigPath.ANNOTATION), logs=logs)


def _scrape(
    spec: IstioObservabilitySpec,
    override: WorkloadOverride | None,
    source: str,
    workload: WorkloadFacts,
) -> PromScrape:
    metrics = spec.metrics
    # Placeholders of the agent, replaced on each pod; only annotations know them.
    tags = {"namespace": "$NAMESPACE", **metrics.tags}
    extras = tuple(metrics.extra_families)
    interval_s = metrics.interval_s
    if override is not None:
        tags |= override.tags
        extras += tuple(override.extra_families)
        interval_s = override.interval_s or interval_s
    scrape = scrape_of(
        decide_choice(metrics, extras, Target.SIDECAR),
        source=source,
        urls=(SIDECAR_URL,),
        interval_s=interval_s,
        measurement=metrics.measurement,
        tags=tags,
        election=None,
    )
    if metrics.profile is MetricsProfile.DOCUMENT:
        return keep_address(scrape, workload.prom, read_prom_annotation, path=ConfigPath.ANNOTATION)
    return scrape


def _first_override(
    spec: IstioObservabilitySpec, workload: WorkloadFacts, namespace: NamespaceFacts
) -> WorkloadOverride | None:
    for override in spec.workloads.overrides:
        if override.namespace_selector is not None and not override.namespace_selector.matches(
            namespace.labels
        ):
            continue
        if override.selector is not None and not override.selector.matches(
            workload.template_labels
        ):
            continue
        return override
    return None
