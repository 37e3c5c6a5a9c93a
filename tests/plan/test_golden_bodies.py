"""The apply body of every object that we write, and the whole plan of the demo."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from istio_observability.cli.manifests import read_file
from istio_observability.control.gather import snapshot_of
from istio_observability.plan.plan import plan
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from tests.plan.builders import PROD, agent, cluster, namespace, resource, without, workload
from tests.plan.golden_files import as_yaml, golden

RECORDED = Path(__file__).parent / "recorded"
MANIFESTS = Path(__file__).parents[2] / "dev" / "manifests"
INJECTING = {**PROD, "injection": {"namespaces": ["prod"]}}
STOCK = cluster(workload(), namespace(labels={}))
BARE = without(cluster(agent(volumes=())), ("datakit", "datakit-conf"))

# A case: the cluster, the spec, and kind and name of the object.
BODIES = {
    "namespace": (STOCK, INJECTING, "Namespace", "prod"),
    "deployment": (STOCK, INJECTING, "Deployment", "cart"),
    "deployment-with-logs": (
        STOCK,
        {**INJECTING, "logs": {"collect": "Always"}},
        "Deployment",
        "cart",
    ),
    "config-map": (STOCK, INJECTING, "ConfigMap", "datakit-conf"),
    "config-map-of-our-own": (BARE, INJECTING, "ConfigMap", OWN_CONFIG_MAP),
    "daemon-set": (STOCK, INJECTING, "DaemonSet", "datakit"),
    "daemon-set-with-volume": (BARE, INJECTING, "DaemonSet", "datakit"),
    "service-ingress-gateway": (STOCK, INJECTING, "Service", "istio-ingressgateway-ext"),
    "service-egress-gateway": (STOCK, INJECTING, "Service", "istio-egressgateway-ext"),
    "service-datakit": (STOCK, INJECTING, "Service", "datakit-service-ext"),
    "service-zipkin": (STOCK, INJECTING, "Service", "zipkin"),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_is_as_recorded(name):
    """One file per object: what we own there, and nothing else."""
    found, spec, kind, target = BODIES[name]
    made = plan(resource(spec), found)
    bodies = [each.body for each in made.wanted if each.body]
    bodies += [each.wanted for each in made.workloads if each.wanted]
    (body,) = [
        each for each in bodies if (each["kind"], each["metadata"]["name"]) == (kind, target)
    ]
    text = as_yaml(body)

    assert golden(f"bodies/{name}.yaml", text) == text


def test_every_object_of_a_plan_has_its_file():
    """A new kind of object cannot appear without a golden file."""
    made = plan(resource(INJECTING), STOCK)
    written = {(each.ref.kind.kind, each.ref.name) for each in made.due}

    assert written <= {(kind, target) for _, _, kind, target in BODIES.values()}


def demo():
    """Return the stock installation: manifests of the demo and a recorded Istio."""
    files = (MANIFESTS / "bookinfo.yaml", MANIFESTS / "datakit.yaml", RECORDED / "istio.yaml")
    return snapshot_of([body for path in files for body in read_file(path)])


def account_of(made):
    """Return a plan as a reader would go through it: writes in order, the rest, every body."""
    lines = [f"revision: {made.revision}", "writes:"]
    lines += [
        f"- {each.wave.name} {each.action} {each.ref}: {each.reason}; restarts {each.restarts_pods}"
        for each in made.due
    ]
    lines += ["workloads:"]
    lines += [
        f"- {each.ref}: {each.state}"
        + (f"; {each.skip.reason}, it {each.skip.found}" if each.skip else "")
        + (f"; held: {each.hold}" if each.hold else "")
        for each in made.workloads
    ]
    lines += ["findings:"]
    lines += [f"- {each.severity} {each.reason}: {each.sentence()}" for each in made.findings]
    bodies = [as_yaml(each.body) for each in made.due if each.body]
    return "\n".join(lines) + "\n---\n" + "---\n".join(bodies)


def test_plan_of_the_demo_is_as_recorded():
    """The whole plan for bookinfo, the stock agent and a stock Istio, through the projections."""
    text = account_of(plan(resource(INJECTING), demo()))

    assert golden("plan-of-the-demo.txt", text) == text


def test_demo_has_every_part_that_the_document_wires():
    """Six workloads, four files, four Services, one agent, one namespace."""
    made = plan(resource(INJECTING), demo())
    counts = Counter(each.ref.kind.kind for each in made.due)

    expected = {"Namespace": 1, "ConfigMap": 1, "DaemonSet": 1, "Service": 4, "Deployment": 6}
    assert expected == counts
    assert len(made.parts.files) == 4
