"""
The revision: a digest of what a resource delivers.

Made of the fields that reach a rendered text and of the renderer, and of nothing else: not of the
cluster, not of how a roll-out is paced, not of what is selected. Two clusters with an equal spec
have an equal revision, so it can be computed offline and approved in Git.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from istio_observability.model.spec import IstioObservabilitySpec
    from istio_observability.model.workloads_spec import WorkloadOverride

LATEST_RENDERER: Final = 1
"""Version of the rendered text that a new resource gets. A higher one must never change a lower."""


def decide_renderer(spec: IstioObservabilitySpec, in_use: int | None) -> int:
    """
    Return the renderer version: the one asked for, else the one in use, else the latest.

    Args:
        spec: What the user asks for.
        in_use: ``status.renderer``. An upgraded operator keeps it until the spec raises it.
    """
    return spec.renderer or in_use or LATEST_RENDERER


def revision_of(spec: IstioObservabilitySpec, renderer: int) -> str:
    """
    Return eight hexadecimal digits; equal for equal deliveries, in every cluster.

    What makes no difference to a rendered byte makes none here: the order of sets, the spelling of
    a duration, the names of overrides.
    """
    canonical = json.dumps(
        {"renderer": renderer, **_delivered(spec)}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def _delivered(spec: IstioObservabilitySpec) -> dict[str, Any]:
    metrics = spec.metrics
    return {
        "istio": spec.istio.namespace,
        "metrics": {
            "profile": metrics.profile.value,
            "views": sorted(view.value for view in metrics.views),
            "interval": metrics.interval_s,
            "measurement": metrics.measurement,
            "extraFamilies": sorted(set(metrics.extra_families)),
            "tags": dict(metrics.tags),
        },
        "logs": spec.logs.model_dump(mode="json", by_alias=True),
        "controlPlane": spec.control_plane.collect.value,
        "gateways": {each.name.value: each.collect.value for each in spec.gateways},
        "tracing": spec.tracing.zipkin_service.value,
        "delivery": spec.workloads.delivery.value,
        # Their order decides which one matches first.
        "overrides": [_override(each) for each in spec.workloads.overrides],
    }


def _override(override: WorkloadOverride) -> dict[str, Any]:
    selectors = override.model_dump(
        mode="json", by_alias=True, include={"namespace_selector", "selector"}
    )
    return {
        **selectors,
        "source": override.source,
        "interval": override.interval_s,
        "extraFamilies": sorted(set(override.extra_families)),
        "tags": dict(override.tags),
    }
