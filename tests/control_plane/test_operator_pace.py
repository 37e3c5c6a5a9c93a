"""How many roll-outs are under way at a time, and that a bad one stops the others."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from dev.lab import wait_until
from istio_observability.model import names
from tests.control_plane.operator_support import PROM, Stage, app, extra_namespace, managers

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

BEHAVIOUR = "test.istio-observability.dev/behaviour"
DELAY = "test.istio-observability.dev/ready-delay"
PLACE = "paced"
SLOW = ("a", "b", "c", "d", "e", "f")


def spec(**rollout: Any) -> dict[str, Any]:
    """Return a resource for the workloads of these tests, and no other."""
    return {"workloads": {"namespaces": [PLACE]}, "rollout": rollout}


def install(stage: Stage, annotations: dict[str, dict[str, str]]) -> None:
    """Install workloads in a namespace of the mesh and wait until they run."""
    stage.create(extra_namespace(PLACE, **{"istio-injection": "enabled"}))
    for name, found in annotations.items():
        body = app(name, PLACE, **found)
        body["spec"]["progressDeadlineSeconds"] = 3
        stage.create(body)
    wait_until("the pods run", lambda: in_flight(stage, lambda _: True) == set())


def in_flight(stage: Stage, concerned: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Return the Deployments whose roll-out is not finished, by their own status."""
    found = set()
    for each in stage.plane.read("deployments", f"-n={PLACE}", "--show-managed-fields")["items"]:
        status, wanted = each.get("status", {}), each["spec"]["replicas"]
        done = (
            status.get("observedGeneration") == each["metadata"]["generation"]
            and status.get("updatedReplicas") == wanted
            and status.get("replicas") == wanted
            and status.get("availableReplicas") == wanted
        )
        if not done and concerned(each):
            found.add(each["metadata"]["name"])
    return found


def is_ours(live: dict[str, Any]) -> bool:
    """Tell whether we have written a Deployment."""
    return names.FIELD_MANAGER in managers(live)


def most_in_flight(stage: Stage, until: Callable[[], bool], *, timeout_s: float = 60) -> int:
    """Return the largest number of roll-outs of ours that were seen at once."""
    most, deadline = 0, time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < deadline, stage.status()
        most = max(most, len(in_flight(stage, is_ours)))
    return most


@pytest.mark.parametrize(
    ("limit", "most"), [(1, {1}), ("34%", {2, 3}), ("100%", {6})], ids=["one", "percent", "all"]
)
def test_no_more_are_under_way_than_allowed(stage, limit, most):
    """A workload counts from our write until its Deployment says that it is finished."""
    install(stage, {name: {DELAY: "1"} for name in SLOW})
    stage.apply(spec(maxConcurrent=limit))

    assert most_in_flight(stage, lambda: stage.ready() == ("True", "AllWired")) in most
    assert stage.wired(PLACE) == set(SLOW)


def test_release_is_paced_like_the_way_in(stage):
    """Deletion restarts as few at a time, and status counts down."""
    install(stage, {name: {DELAY: "1"} for name in SLOW[:3]})
    stage.wire(spec(maxConcurrent=1))
    stage.plane.kubectl("delete", "iobs/mesh", "--wait=false")

    seen: set[str] = set()

    def unfinished(live: dict[str, Any]) -> bool:
        return live["metadata"]["name"] in SLOW

    most, deadline = 0, time.monotonic() + 30
    while stage.plane.kubectl("get", "iobs", "-o", "name"):
        assert time.monotonic() < deadline
        most = max(most, len(in_flight(stage, unfinished)))
        seen.add(
            stage.plane.kubectl(
                "get", "iobs", "-o", "jsonpath={.items[*].status.message}", check=False
            )
        )
    assert most == 1
    assert any("released" in text and "left" in text for text in seen)
    assert stage.wired(PLACE) == set()


def test_crash_loop_stops_everything_that_has_not_begun(stage):
    """One workload that does not come up on our text halts the roll-out, and says so."""
    install(stage, {"a": {}, "b": {BEHAVIOUR: "crash-loop-when-wired"}, "c": {}, "d": {}})
    stage.apply(spec(maxConcurrent=1))
    stage.wait_reason("Halted")

    stage.settle()
    assert stage.wired(PLACE) == {"a", "b"}
    assert stage.count("failed") == 1
    assert stage.count("pending") == 2
    conditions = {each["type"]: each["status"] for each in stage.status()["conditions"]}
    assert conditions["Stalled"] == "True"
    header, row = stage.plane.kubectl("get", "iobs", "mesh").splitlines()
    assert dict(zip(header.split(), row.split(), strict=True))["FAILED"] == "1"

    # The halt ends when its cause opts out: that one is let go, the others begin.
    stage.plane.kubectl("label", "deployment/b", f"-n={PLACE}", f"{names.WIRE_LABEL}=false")
    stage.wait_ready()
    assert stage.wired(PLACE) == {"a", "c", "d"}


def test_halt_survives_an_operator_restart(stage):
    """What failed is read from the cluster, so a new operator does not start the rest either."""
    install(stage, {"a": {BEHAVIOUR: "crash-loop-when-wired"}, "b": {}, "c": {}})
    stage.apply(spec(maxConcurrent=1))
    stage.wait_reason("Halted")
    stage.settle()
    mark = stage.mark()

    stage.restart_operator(kill=True)
    stage.settle(quiet_s=3)
    assert stage.writes(mark) == []
    assert stage.wired(PLACE) == {"a"}


def test_halt_does_not_keep_a_deletion_from_releasing(stage):
    """A workload that crashes on our text is taken back with the others."""
    install(stage, {"a": {BEHAVIOUR: "crash-loop-when-wired"}, "b": {}})
    stage.apply(spec(maxConcurrent=1))
    stage.wait_reason("Halted")

    stage.delete()
    assert stage.wired(PLACE) == set()
    wait_until("it runs again", lambda: in_flight(stage, lambda _: True) == set())


def test_failure_that_is_none_of_ours_holds_nothing_up(stage):
    """A workload that its owner broke before us is left alone, counted, and Ready stays true."""
    install(stage, {"good": {}, "broken": {}})
    patch = {"spec": {"template": {"metadata": {"annotations": {BEHAVIOUR: "crash-loop"}}}}}
    stage.plane.kubectl("patch", "deployment/broken", f"-n={PLACE}", "-p", json.dumps(patch))
    exceeded = "--for=condition=Progressing=False"
    stage.plane.kubectl("wait", exceeded, "deployment/broken", f"-n={PLACE}", "--timeout=20s")

    stage.apply(spec())
    stage.wait_ready()
    assert stage.wired(PLACE) == {"good"}
    assert stage.status()["skippedByReason"] == {"Unhealthy": 1}
    assert PROM not in stage.annotations("broken", PLACE)
