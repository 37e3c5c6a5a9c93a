"""Parts that appear after the resource are wired when they do, and nothing is rolled twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dev.control_plane import BinariesError, ControlPlane, ensure_binaries, install_istio
from dev.control_plane.modules import ALL_MODULES
from dev.lab import (
    OperatorProcess,
    dump_cluster,
    install_bookinfo,
    install_datakit,
    install_operator,
    wait_until,
)
from dev.lab.stage import MANIFESTS
from istio_observability.datakit.layout import AgentFile
from tests.control_plane.operator_support import (
    BOOKINFO,
    MINIMAL,
    TEMPLATES,
    Counters,
    Stage,
    app,
    extra_namespace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.control_plane import ClusterAccess

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

DATAKIT = str(MANIFESTS / "datakit.yaml")
GATEWAYS = ("istio-ingressgateway", "istio-egressgateway")
GATEWAY_KEYS = {AgentFile.INGRESS_GATEWAY.key, AgentFile.EGRESS_GATEWAY.key}


@pytest.fixture
def own_plane(istio_control_plane: ClusterAccess) -> Iterator[Stage]:
    """A second plane with DataKit, bookinfo and the operator, and without Istio."""
    if not isinstance(istio_control_plane, ControlPlane):
        pytest.skip("TEST_KUBECONFIG is one cluster, and Istio is installed there already")
    try:
        programs = ensure_binaries(ALL_MODULES)
    except BinariesError as error:
        pytest.skip(str(error))
    with ControlPlane.start(programs=programs) as plane:
        install_datakit(plane)
        install_bookinfo(plane)
        kubeconfig = install_operator(plane)
        with OperatorProcess(kubeconfig, plane.directory) as operator:
            operator.wait_ready()
            yield Stage(plane, operator)


@pytest.fixture
def without_gateways(stage: Stage) -> Iterator[list[dict[str, Any]]]:
    """The two gateways taken out of the mesh; installed again at the latest afterwards."""
    bodies = []
    for name in GATEWAYS:
        live = stage.plane.read("deployment", name, "-n=istio-system")
        live.pop("status")
        for key in ("uid", "resourceVersion", "generation", "creationTimestamp"):
            live["metadata"].pop(key)
        bodies.append(live)
    stage.plane.kubectl("delete", "deployments", *GATEWAYS, "-n=istio-system")
    yield bodies
    for body in bodies:
        stage.plane.kubectl("apply", "-f", "-", "--server-side", input=json.dumps(body))
    stage.plane.kubectl(
        "wait", "--for=condition=Available", "deployment", "--all", "-n=istio-system"
    )
    stage.delete()
    stage.untouched = dump_cluster(stage.plane)


def test_agent_that_is_installed_later(stage):
    """Meanwhile status says what is awaited and no workload is touched; then all is wired."""
    stage.plane.kubectl("delete", "-f", DATAKIT, "--timeout=60s")
    before, mark = stage.counters_of_workloads(), stage.mark()
    stage.apply(MINIMAL)
    stage.wait_reason("AwaitingDataKit")

    stage.settle()
    assert stage.status()["awaiting"] == ["DataKit"]
    assert stage.status()["agents"] == "-"
    assert stage.writes(mark, *TEMPLATES) == []
    assert stage.wired() == set()

    install_datakit(stage.plane)
    stage.wait_ready()
    after = stage.counters()
    assert after.since(Counters(before, 1)) == Counters(dict.fromkeys(BOOKINFO, 1), 1)
    assert stage.status()["awaiting"] == []


def test_agent_that_is_deleted_and_applied_again(wired_here):
    """The habit of the document: the new agent is wired again by one more roll-out."""
    stage = wired_here
    before = stage.counters_of_workloads()
    stage.plane.kubectl("delete", "-f", DATAKIT, "--timeout=60s")
    stage.wait_reason("AwaitingDataKit")
    stage.plane.kubectl("apply", "-f", DATAKIT)

    stage.wait_ready()
    stage.settle()
    # Template generation 1 is the one of the manifest.
    assert stage.counters().since(Counters(before, 1)) == Counters({}, 1)
    assert set(stage.config()) == {file.key for file in AgentFile}
    assert stage.status()["agents"] == "3/3"


@pytest.fixture
def wired_here(stage: Stage) -> Stage:
    """The stage with the smallest resource, converged."""
    stage.wire(MINIMAL)
    stage.settle()
    return stage


def test_mesh_that_is_installed_later(own_plane):
    """Meanwhile no workload is touched; with Istio comes everything, in one roll-out each."""
    stage = own_plane
    before, mark = stage.counters(), stage.mark()
    stage.apply(MINIMAL)
    stage.wait_reason("AwaitingIstio")
    stage.settle()
    assert "Istio" in stage.status()["awaiting"]
    assert stage.writes(mark, "deployments") == []

    waited = stage.counters()
    install_istio(stage.plane)
    stage.wait_ready()
    stage.settle()
    assert stage.counters().since(before).workloads == dict.fromkeys(BOOKINFO, 1)
    assert stage.counters().since(waited).agent == 1
    assert set(stage.config()) == {file.key for file in AgentFile}
    assert stage.status()["awaiting"] == []


def test_gateways_that_appear_later(stage, without_gateways):
    """The agent is rolled once more for both of them, and no workload restarts."""
    stage.wire(MINIMAL)
    stage.settle()
    before = stage.counters()
    assert set(stage.config()) == {file.key for file in AgentFile} - GATEWAY_KEYS

    for body in without_gateways:
        stage.plane.kubectl("apply", "-f", "-", "--server-side", input=json.dumps(body))
    wait_until("their files are there", lambda: set(stage.config()) >= GATEWAY_KEYS)
    stage.wait_ready()
    stage.settle(quiet_s=4)
    assert stage.counters().since(before) == Counters({}, 1)
    assert stage.status()["agents"] == "3/3"


def test_workload_that_appears_later(wired_here):
    """A new Deployment in a chosen namespace is wired, and Ready stays true all the time."""
    stage = wired_here
    since = next(
        each["lastTransitionTime"]
        for each in stage.status()["conditions"]
        if each["type"] == "Ready"
    )
    try:
        stage.create(app("cart", "prod"))
        wait_until("it is wired", lambda: stage.count("wired") == len(BOOKINFO) + 1)
        stage.settle()
        (ready,) = (each for each in stage.status()["conditions"] if each["type"] == "Ready")
        assert (ready["status"], ready["lastTransitionTime"]) == ("True", since)
        assert stage.counters().workloads["cart"] == 2
    finally:
        stage.plane.kubectl("delete", "deployment/cart", "-n=prod")
    wait_until("it is forgotten", lambda: stage.count("wired") == len(BOOKINFO))


def test_namespace_that_appears_later(stage):
    """A namespace that is named before it exists is labelled, and its workloads wired."""
    stage.apply({"workloads": {"namespaces": ["later"]}, "injection": {"namespaces": ["later"]}})
    stage.wait_ready()
    assert stage.findings("NamespaceMissing")

    stage.create(extra_namespace("later"))
    stage.create(app("cart", "later"))
    wait_until("it is wired", lambda: stage.count("wired") == 1)
    namespace = stage.plane.read("namespace", "later")
    assert namespace["metadata"]["labels"]["istio-injection"] == "enabled"
    assert stage.findings("NamespaceMissing") == []
    (pod,) = settled_pods(stage, "later")
    assert "sidecar.istio.io/status" in pod["metadata"]["annotations"]


def settled_pods(stage: Stage, namespace: str) -> list[dict[str, Any]]:
    """Return the pods of a namespace once no roll-out is under way there."""
    stage.counters(namespace)
    items: list[dict[str, Any]] = stage.plane.read("pods", f"-n={namespace}")["items"]
    return items


def test_operator_killed_while_it_rolls_out_rolls_nothing_twice(stage):
    """The next start reads what was begun from the objects and goes on there."""
    before = stage.counters()
    stage.apply({**MINIMAL, "rollout": {"maxConcurrent": 1}})
    wait_until("the first workloads are written", lambda: len(stage.wired()) >= 2)
    stage.restart_operator(kill=True)

    stage.wait_ready()
    stage.settle()
    assert stage.counters().since(before) == Counters(dict.fromkeys(BOOKINFO, 1), 1)
    assert stage.status()["rolloutsCaused"] == len(BOOKINFO) + 1
