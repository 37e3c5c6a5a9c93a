"""istiod and gateways in all the flavours in which they are installed."""

from __future__ import annotations

import pytest

from istio_observability.istio.components import Role, gateway_role, is_istiod, istio_revision

GATEWAYS = {
    "istioctl ingress": (
        {"app": "istio-ingressgateway", "operator.istio.io/component": "IngressGateways"},
        {"app": "istio-ingressgateway", "istio": "ingressgateway"},
        {},
        Role.INGRESS,
    ),
    "istioctl egress": (
        {"operator.istio.io/component": "EgressGateways"},
        {"istio": "egressgateway"},
        {},
        Role.EGRESS,
    ),
    "component label alone": ({"operator.istio.io/component": "EgressGateways"}, {}, {}, "egress"),
    "gateway chart, ingress": (
        {},
        {"app": "istio-ingress", "istio": "ingress"},
        {"inject.istio.io/templates": "gateway"},
        Role.INGRESS,
    ),
    "gateway chart, egress": (
        {"istio": "egressgateway"},
        {"istio": "egressgateway"},
        {"inject.istio.io/templates": "gateway"},
        Role.EGRESS,
    ),
    "one of several templates": (
        {},
        {},
        {"inject.istio.io/templates": "sidecar, gateway"},
        Role.INGRESS,
    ),
    "Gateway API": (
        {},
        {"gateway.istio.io/managed": "istio.io-gateway-controller"},
        {},
        Role.INGRESS,
    ),
    "Gateway API before 1.24": ({}, {"istio.io/gateway-name": "x"}, {}, Role.INGRESS),
    "east-west": (
        {"istio": "eastwestgateway"},
        {"istio": "eastwestgateway"},
        {"inject.istio.io/templates": "gateway"},
        Role.EAST_WEST,
    ),
    "east-west of the operator's chart": (
        {"operator.istio.io/component": "IngressGateways"},
        {"istio": "eastwestgateway"},
        {},
        Role.EAST_WEST,
    ),
    "waypoint": (
        {},
        {
            "gateway.istio.io/managed": "istio.io-mesh-controller",
            "istio.io/gateway-name": "waypoint",
        },
        {},
        None,
    ),
    "workload": ({"app": "cart"}, {"app": "cart", "version": "v1"}, {}, None),
    "workload with the sidecar template": ({}, {}, {"inject.istio.io/templates": "sidecar"}, None),
    "istiod": ({"app": "istiod"}, {"app": "istiod", "istio": "pilot"}, {}, None),
}


@pytest.mark.parametrize(
    ("deployment", "template", "annotations", "expected"), GATEWAYS.values(), ids=GATEWAYS.keys()
)
def test_gateway_role(deployment, template, annotations, expected):
    """Each flavour is recognised by what it carries."""
    assert gateway_role(deployment, template, annotations) == expected


def test_istiod_is_found_by_app():
    """The label istio differs between revisions, app does not."""
    assert is_istiod({"app": "istiod", "istio": "pilot"})
    assert is_istiod({"app": "istiod", "istio": "istiod", "istio.io/rev": "canary"})
    assert not is_istiod({"istio": "pilot"})


def test_revision():
    """An unnamed revision is called default."""
    assert [istio_revision(labels) for labels in ({}, {"istio.io/rev": "canary"})] == [
        "default",
        "canary",
    ]
