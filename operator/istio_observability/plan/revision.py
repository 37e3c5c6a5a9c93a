"""
The revision: a digest of what a resource delivers.

Made of the fields that reach a rendered text and of the renderer, and of nothing else: not of the
cluster, not of how a roll-out is paced, not of what is selected. Two clusters with an equal spec
have an equal revision, so it can be computed offline and approved in Git.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from istio_observability.model.spec import IstioObservabilitySpec

LATEST_RENDERER: Final = 1
"""Version of the rendered text that a new resource gets. A higher one must never change a lower."""

_RENDERED: Final[dict[str, bool | set[str]]] = {
    "metrics": True,
    "logs": True,
    "controlPlane": True,
    "gateways": True,
    "tracing": True,
    "workloads": {"overrides", "delivery"},
}


def decide_renderer(spec: IstioObservabilitySpec, in_use: int | None) -> int:
    """
    Return the renderer version: the one asked for, else the one in use, else the latest.

    Args:
        spec: What the user asks for.
        in_use: ``status.renderer``. An upgraded operator keeps it until the spec raises it.
    """
    return spec.renderer or in_use or LATEST_RENDERER


def revision_of(spec: IstioObservabilitySpec, renderer: int) -> str:
    """Return eight hexadecimal digits; equal for equal deliveries, in every cluster."""
    delivered = spec.model_dump(mode="json", by_alias=True, include=_included(spec))
    canonical = json.dumps(
        {"renderer": renderer, **delivered}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def _included(spec: IstioObservabilitySpec) -> dict[str, bool | set[str]]:
    names = {(field.alias or name): name for name, field in type(spec).model_fields.items()}
    return {names[alias]: what for alias, what in _RENDERED.items()}
