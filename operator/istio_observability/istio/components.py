"""
Recognises istiod and gateways by their labels.

Names are no help: revisions, charts and the Gateway API each name Deployments in their own way,
and there is no label that all gateways share. So several marks are tried, most telling first.

Sources: kiali/kiali d733a096, config/config.go (``IsGateway``); istio/istio 86c9f01f,
manifests/charts/gateways, manifests/charts/gateway and
manifests/charts/istio-control/istio-discovery/templates/deployment.yaml.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from istio_observability.istio.injection import DEFAULT_REVISION, REVISION_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPONENT_LABEL: Final = "operator.istio.io/component"
ISTIO_LABEL: Final = "istio"
TEMPLATES_ANNOTATION: Final = "inject.istio.io/templates"
MANAGED_LABEL: Final = "gateway.istio.io/managed"
OLD_GATEWAY_LABEL: Final = "istio.io/gateway-name"

_GATEWAY_CONTROLLER: Final = "istio.io-gateway-controller"
_WAYPOINT_CONTROLLER: Final = "istio.io-mesh-controller"


class Role(StrEnum):
    """What a gateway is for."""

    INGRESS = "ingress"
    EGRESS = "egress"
    EAST_WEST = "east-west"
    """Between the networks of one mesh; a gateway, but neither of the two that we scrape."""


_BY_COMPONENT: Final = {"IngressGateways": Role.INGRESS, "EgressGateways": Role.EGRESS}
_BY_ISTIO: Final = {
    "ingressgateway": Role.INGRESS,
    "egressgateway": Role.EGRESS,
    "eastwestgateway": Role.EAST_WEST,
}


def is_istiod(labels: Mapping[str, str]) -> bool:
    """Return whether a Deployment or pod belongs to istiod, of whatever revision."""
    # Not "istio": its value depends on whether the revision has a name.
    return labels.get("app") == "istiod"


def istio_revision(labels: Mapping[str, str]) -> str:
    """Return the revision of an istiod or of a namespace's label; ``default`` if unnamed."""
    return labels.get(REVISION_LABEL) or DEFAULT_REVISION


def gateway_role(
    deployment_labels: Mapping[str, str],
    pod_template_labels: Mapping[str, str],
    template_annotations: Mapping[str, str],
) -> Role | None:
    """
    Return what a gateway Deployment is for, or ``None`` for any other Deployment.

    A gateway that does not say what it is for takes traffic in: ``INGRESS``. Waypoints are no
    gateways here.

    Args:
        deployment_labels: ``metadata.labels``.
        pod_template_labels: ``spec.template.metadata.labels``.
        template_annotations: ``spec.template.metadata.annotations``.
    """
    # The pods' own labels first: they decide what a Service selects.
    sides = (pod_template_labels, deployment_labels)
    if any(side.get(MANAGED_LABEL) == _WAYPOINT_CONTROLLER for side in sides):
        return None
    for label, roles in ((ISTIO_LABEL, _BY_ISTIO), (COMPONENT_LABEL, _BY_COMPONENT)):
        for side in sides:
            role = roles.get(side.get(label, ""))
            if role is not None:
                return role
    templates = template_annotations.get(TEMPLATES_ANNOTATION, "").split(",")
    managed = any(side.get(MANAGED_LABEL) == _GATEWAY_CONTROLLER for side in sides)
    old = any(side.get(OLD_GATEWAY_LABEL) for side in sides)
    if "gateway" in (template.strip() for template in templates) or managed or old:
        return Role.INGRESS
    return None
