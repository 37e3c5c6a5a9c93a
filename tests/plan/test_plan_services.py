"""The Services that we create: their bodies, whom they replace, and when they go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from istio_observability.model import names
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.intent import Action, Wave
from istio_observability.plan.mesh import read_mesh
from istio_observability.plan.plan_services import (
    plan_gateway_services,
    plan_tracing_services,
    service_names,
)
from tests.plan.builders import (
    agent,
    cluster,
    deleted,
    gateway,
    namespace,
    resource,
    service,
    without,
)

LABELS = {
    names.MANAGED_BY_LABEL: names.FIELD_MANAGER,
    names.OWNED_BY_LABEL: "mesh",
    names.OWNER_UID_LABEL: "uid-of-mesh",
}
OURS = {"owner_name": "mesh", "owner_uid": "uid-of-mesh"}
INGRESS, EGRESS = "istio-ingressgateway-ext", "istio-egressgateway-ext"
TARGET = "datakit-service-ext.datakit.svc.cluster.local"
BREAKING = "extensionProviders: [{name: spans, zipkin: {service: zipkin.istio-system, port: 9411}}]"


def gateways(found, wish=None):
    """Return the part of the gateways' Services."""
    wish = wish or resource()
    return plan_gateway_services(wish, read_mesh(found, wish.spec.istio.namespace), found)


def tracing(found, wish=None):
    """Return the part of the Services that lead spans to the agent."""
    wish = wish or resource()
    mesh = read_mesh(found, wish.spec.istio.namespace)
    return plan_tracing_services(wish, mesh, found.agents.get(("datakit", "datakit")), found)


def due(part):
    """Return what is due as (action, name)."""
    return [(each.action, each.ref.name) for each in part.due]


def ours(name, home="istio-system", **facts):
    """Return a Service that we created, as it should stand."""
    if name == "zipkin":
        facts = {"type": "ExternalName", "external_name": TARGET, **facts}
    elif name == "datakit-service-ext":
        facts = {"selector": agent().selector, "ports": ((9411, "9529", ""),), **facts}
    else:
        selector = gateway(name.split("-")[1].removesuffix("gateway")).selector
        facts = {"selector": selector, "ports": ((15020, "15020", ""),), **facts}
    return service(name, home, **{**OURS, **facts})


def test_gateway_service_opens_the_port_that_its_own_does_not():
    """ClusterIP, port 15020, the live gateway's selector."""
    body = next(each.body for each in gateways(cluster()).due if each.ref.name == INGRESS)

    assert body == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": INGRESS, "namespace": "istio-system", "labels": LABELS},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "istio-ingressgateway", "istio": "ingressgateway"},
            "ports": [
                {"name": "http-monitoring", "port": 15020, "targetPort": 15020, "protocol": "TCP"}
            ],
        },
    }


def test_datakit_service_translates_the_port():
    """9411 outside is 9529 inside, which a CNAME could not do."""
    body = tracing(cluster()).due[0].body

    assert (body["metadata"]["namespace"], body["metadata"]["labels"]) == ("datakit", LABELS)
    assert body["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "daemonset-datakit"},
        "ports": [{"name": "http-zipkin", "port": 9411, "targetPort": 9529, "protocol": "TCP"}],
    }


def test_zipkin_service_is_an_alias():
    """The port only tells proxies that it is HTTP."""
    body = tracing(cluster()).due[1].body

    assert (body["metadata"]["name"], body["metadata"]["namespace"]) == ("zipkin", "istio-system")
    assert body["spec"] == {
        "type": "ExternalName",
        "externalName": TARGET,
        "ports": [{"name": "http-zipkin", "port": 9411, "targetPort": 9411, "protocol": "TCP"}],
    }


BOTH = [(Action.ENSURE, EGRESS), (Action.ENSURE, INGRESS)]
NO_INGRESS = {"gateways": [{"name": "ingress", "collect": "Never"}, {"name": "egress"}]}

# A case: the cluster, the spec, and what is due.
GATEWAYS: dict[str, Any] = {
    "both are created": (cluster(), None, BOTH),
    "as wanted needs nothing": (cluster(ours(INGRESS), ours(EGRESS)), None, []),
    "one that somebody changed is brought back": (
        cluster(ours(INGRESS, selector={}), ours(EGRESS)),
        None,
        [(Action.ENSURE, INGRESS)],
    ),
    "one whose label was changed is brought back": (
        cluster(ours(INGRESS, owner_name="x"), ours(EGRESS)),
        None,
        [(Action.ENSURE, INGRESS)],
    ),
    "where the gateway is gone its Service goes": (
        without(cluster(ours(INGRESS), ours(EGRESS)), ("istio-system", "istio-ingressgateway")),
        None,
        [(Action.DELETE, INGRESS)],
    ),
    "what is not wanted goes": (
        cluster(ours(INGRESS), ours(EGRESS)),
        NO_INGRESS,
        [(Action.DELETE, INGRESS)],
    ),
    "a gateway that is not listed is not wanted": (
        cluster(ours(INGRESS)),
        {"gateways": []},
        [(Action.DELETE, INGRESS)],
    ),
    "one on its way out is waited for": (
        cluster(ours(INGRESS, deleting=True), ours(EGRESS)),
        None,
        [],
    ),
    "nothing is created in a namespace that goes": (
        cluster(namespace("istio-system", {}, terminating=True)),
        None,
        [],
    ),
    "the same by somebody else's hand is left": (
        cluster(ours(INGRESS, owner_name="", owner_uid=""), ours(EGRESS)),
        None,
        [],
    ),
}


@pytest.mark.parametrize(("found", "spec", "expected"), GATEWAYS.values(), ids=GATEWAYS)
def test_gateway_services_follow_the_gateways(found, spec, expected):
    """Created where there is a gateway to scrape, and only there."""
    part = gateways(found, resource(spec))

    assert expected == sorted(due(part), key=lambda each: each[1])
    assert (part.blocked, part.findings) == (False, ())


def test_gateway_that_must_be_there_is_awaited():
    """``Always`` waits and says so; ``IfPresent`` does not."""
    found = without(cluster(), ("istio-system", "istio-egressgateway"))
    always = resource({"gateways": [{"name": "egress", "collect": "Always"}]})

    assert (gateways(found, always).awaiting, gateways(found).awaiting) == (
        "the egress gateway",
        "",
    )


@pytest.mark.parametrize(
    ("facts", "found_text"),
    [
        ({"owner_name": "", "owner_uid": ""}, "exists as ClusterIP and is not ours"),
        ({"owner_uid": "uid-of-other"}, "was created for the resource mesh"),
        ({"owner_uid": "u", "owner_name": "other"}, "was created for the resource other"),
    ],
    ids=["without our labels", "of an earlier resource of that name", "of another resource"],
)
def test_foreign_service_is_left_and_told(facts, found_text):
    """Server-side apply would take it over without a conflict; we do not."""
    part = gateways(cluster(ours(INGRESS, selector={"app": "x"}, **facts), ours(EGRESS)))

    assert (due(part), part.blocked) == ([], True)
    assert [(FindingReason.FOREIGN_OBJECT, found_text)] == [
        (each.reason, each.found) for each in part.findings
    ]


def test_resource_from_a_file_knows_its_objects_by_name():
    """Without a uid an object without labels is still foreign, and one of that name ours."""
    wish = resource(uid="")
    foreign = service("zipkin", type="ClusterIP")

    assert tracing(cluster(foreign), wish).blocked
    assert due(tracing(cluster(foreign), replace(wish, deleting=True))) == []
    assert due(gateways(cluster(ours(INGRESS), ours(EGRESS)), wish)) == []


def test_several_pods_behind_one_address_are_told():
    """Each scrape reads one of them; the Service is made all the same."""
    part = gateways(cluster(gateway("ingress", replicas=2)))

    assert due(part) == [(Action.ENSURE, INGRESS), (Action.ENSURE, EGRESS)]
    assert [each.reason for each in part.findings] == [FindingReason.REPLICATED_TARGET]


def test_gateway_without_selector_is_told():
    """A Service without selector has no endpoint, and nobody would say so."""
    part = gateways(cluster(gateway("ingress", selector={}), ours(INGRESS), ours(EGRESS)))

    assert [each.reason for each in part.findings] == [FindingReason.GATEWAY_SELECTOR_MISSING]
    assert (due(part), part.blocked) == ([(Action.DELETE, INGRESS)], True)


def test_service_selects_the_gateway_of_the_documented_name():
    """Of several gateways of a role the documented one is scraped."""
    other = replace(gateway("ingress"), name="a-gateway", selector={"app": "a"})
    part = gateways(cluster(other, ours(EGRESS)))

    assert part.due[0].body["spec"]["selector"]["app"] == "istio-ingressgateway"


ALIAS, BRIDGE = "zipkin", "datakit-service-ext"
STANDING = (ours(ALIAS), ours(BRIDGE, "datakit"))
MADE = [(Action.ENSURE, BRIDGE), (Action.ENSURE, ALIAS)]
GONE = [(Action.DELETE, BRIDGE), (Action.DELETE, ALIAS)]
IF_USED = {"tracing": {"zipkinService": "IfUsed"}}
NEVER = {"tracing": {"zipkinService": "Never"}}

TRACING = {
    "both are created": (cluster(), None, MADE),
    "as wanted needs nothing": (cluster(*STANDING), None, []),
    "Always asks no mesh": (cluster(mesh=None), None, MADE),
    "IfUsed where the mesh sends spans there": (cluster(), IF_USED, MADE),
    "IfUsed where it does not": (cluster(mesh=""), IF_USED, []),
    "IfUsed where nothing is known": (cluster(mesh=None), IF_USED, []),
    "IfUsed takes back what is not used any more": (cluster(*STANDING, mesh=""), IF_USED, GONE),
    "Never takes back": (cluster(*STANDING), NEVER, GONE),
    "Never makes nothing": (cluster(), NEVER, []),
    "without agent nothing is made": (without(cluster(), ("datakit", "datakit")), None, []),
    "without agent for a while what stands stays": (
        without(cluster(*STANDING), ("datakit", "datakit")),
        None,
        [],
    ),
    "a changed alias is brought back": (
        cluster(ours(ALIAS, external_name="elsewhere"), STANDING[1]),
        None,
        [(Action.ENSURE, ALIAS)],
    ),
}


@pytest.mark.parametrize(("found", "spec", "expected"), TRACING.values(), ids=TRACING)
def test_tracing_services_follow_the_wish(found, spec, expected):
    """The bridge to the agent and the alias that leads to it come and go together."""
    part = tracing(found, resource(spec))

    assert (expected, False) == (due(part), part.blocked)


def test_deletion_takes_every_service_back():
    """And waits for none that is on its way out."""
    gone = deleted(resource())
    found = cluster(*STANDING, ours(INGRESS), ours(EGRESS, deleting=True))

    assert due(tracing(found, gone)) == GONE
    assert due(gateways(found, gone)) == [(Action.DELETE, INGRESS)]


def test_alias_is_refused_where_a_provider_references_it():
    """Proxies would reject their listeners, so the bridge is made and the alias not."""
    part = tracing(cluster(mesh=BREAKING))

    assert (due(part), part.blocked) == ([(Action.ENSURE, BRIDGE)], True)
    assert [each.reason for each in part.findings] == [FindingReason.PROVIDER_USES_ZIPKIN]
    assert "spans" in part.findings[0].found
    assert TARGET in part.findings[0].remedy


def test_alias_goes_when_a_provider_begins_to_reference_it():
    """What stands is taken back before new pods fail."""
    part = tracing(cluster(*STANDING, mesh=BREAKING))

    assert due(part) == [(Action.DELETE, ALIAS)]


def test_foreign_zipkin_is_left():
    """A real Zipkin under that name keeps its spans."""
    part = tracing(cluster(service(ALIAS), STANDING[1]))

    assert (due(part), part.blocked) == ([], True)
    assert [each.reason for each in part.findings] == [FindingReason.FOREIGN_OBJECT]


def test_services_are_written_before_the_agent():
    """What the agent scrapes exists before it looks."""
    intents = (*gateways(cluster()).due, *tracing(cluster()).due)

    assert {Wave.CONFIG} == {each.wave for each in intents}


def test_names_are_those_that_are_made():
    """What is watched is what is created."""
    made = {
        (each.ref.namespace, each.ref.name)
        for part in (gateways(cluster()), tracing(cluster()))
        for each in part.wanted
    }

    assert tuple(sorted(made)) == service_names(resource())
