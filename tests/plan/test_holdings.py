"""What a deleted resource still holds, read from the objects themselves."""

from __future__ import annotations

import pytest

from istio_observability.plan.holdings import holdings
from tests.plan.builders import (
    agent,
    cluster,
    config_map,
    namespace,
    ours,
    resource,
    service,
    snapshot,
    theirs,
    workload,
)
from tests.plan.simulator import settle

OWNED = {"owner_name": "mesh", "owner_uid": "uid-of-mesh"}
KEY = {"zipkin.conf": ours("x")}

CASES = {
    "an untouched cluster": ((namespace(), agent(), config_map(), service("zipkin")), []),
    "a namespace with our marker": ((namespace(wired_by="mesh"),), ["Namespace prod"]),
    "one with the marker of another resource": ((namespace(wired_by="other"),), []),
    "an agent with our marker": ((agent(wired_by="mesh"),), ["DaemonSet datakit/datakit"]),
    "an agent of another resource": ((agent(wired_by="other", config_hash=ours("x")),), []),
    "a ConfigMap with our marker and keys": (
        (config_map(wired_by="mesh", keys=KEY),),
        ["ConfigMap datakit/datakit-conf"],
    ),
    "a ConfigMap with keys of somebody else": (
        (config_map(keys={"zipkin.conf": theirs("x")}),),
        [],
    ),
    "a ConfigMap that we created": (
        (config_map("istio-observability-conf", **OWNED),),
        ["ConfigMap datakit/istio-observability-conf"],
    ),
    "a Service that we created": ((service("zipkin", **OWNED),), ["Service istio-system/zipkin"]),
    "a Service of an earlier resource of that name": (
        (service("zipkin", owner_name="mesh", owner_uid="uid-of-older"),),
        [],
    ),
    "a namespace whose marker somebody removed": (
        (namespace(injection=ours("enabled")),),
        ["Namespace prod"],
    ),
    "what is being deleted takes our fields with it": (
        (
            agent(wired_by="mesh", config_hash=ours("x"), deleting=True),
            config_map(wired_by="mesh", keys=KEY, deleting=True),
            service("zipkin", deleting=True, **OWNED),
        ),
        [],
    ),
    "workloads are counted elsewhere": ((workload(wired_by="mesh", prom=ours("x")),), []),
}


@pytest.mark.parametrize(("facts", "expected"), CASES.values(), ids=CASES)
def test_holdings_are_what_carries_something_of_ours(facts, expected):
    """A release ends when nothing is left."""
    assert expected == [str(each) for each in holdings(resource(), snapshot(*facts))]


def test_holdings_of_a_wired_cluster_are_every_object_but_workloads():
    """The objects of the documented wiring, in a fixed order."""
    wish = resource({"injection": {"namespaces": ["dev"]}})
    held = holdings(wish, settle(cluster(namespace("dev", {})), wish))

    assert [str(each) for each in held] == [
        "DaemonSet datakit/datakit",
        "ConfigMap datakit/datakit-conf",
        "Namespace dev",
        "Service datakit/datakit-service-ext",
        "Service istio-system/istio-egressgateway-ext",
        "Service istio-system/istio-ingressgateway-ext",
        "Service istio-system/zipkin",
    ]
