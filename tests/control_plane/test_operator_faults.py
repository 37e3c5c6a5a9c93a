"""
Faults on a real API server: after each the operator converges, and nothing is rolled twice.

How often a template was changed is told by the cluster's own counters, the revision of a Deployment
and the template generation of a DaemonSet, and by the operator's ``rolloutsCaused``; afterwards
nothing more is written.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from dev.lab import differences, dump_cluster, traces_of_operator, wait_until
from dev.lab.audit import writes_since
from dev.lab.dump import template_hashes
from dev.lab.stage import OPERATOR_USER, SERVICE_ACCOUNT, SYSTEM_NAMESPACE
from istio_observability.model.names import FIELD_MANAGER
from tests.control_plane.fault_support import (
    AGENT_OFF,
    READY_DELAY,
    REVISION,
    SHOP,
    TEMPLATE_GENERATION,
    Stage,
    clear_scene,
    reasons,
    says,
    started_stage,
    workload,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.control_plane

NAMES = tuple(f"app-{number}" for number in range(6))
SPEC: dict[str, Any] = {
    "workloads": {"namespaces": [SHOP]},
    "rollout": {"maxConcurrent": 2},
}
ROLE = "istio-observability-operator"


@pytest.fixture(scope="module")
def prepared() -> Iterator[Stage]:
    """One plane of two nodes for all faults."""
    with started_stage(nodes=2) as stage:
        yield stage


@pytest.fixture
def stage(prepared: Stage) -> Iterator[Stage]:
    """Six workloads whose pods take a moment, and a running operator."""
    for name in NAMES:
        prepared.apply(workload(name, {READY_DELAY: "1"}))
    for name in NAMES:
        prepared.plane.kubectl("rollout", "status", f"deployment/{name}", "-n", SHOP)
    prepared.operator.start()
    prepared.operator.wait_ready()
    yield prepared
    if not prepared.operator.running:
        prepared.operator.start()
    try:
        clear_scene(prepared)
    finally:
        prepared.operator.stop()


@pytest.fixture
def role(stage: Stage) -> Iterator[dict[str, Any]]:
    """The operator's ClusterRole as it is installed, put back in any case."""
    installed = stage.get("clusterrole", ROLE)
    yield installed
    give_back(stage, installed)


def rolled(stage: Stage) -> dict[str, int]:
    """Return how often each pod template has been changed since its creation, and the agent's."""
    counts = {}
    for item in stage.plane.read("deployments", "-n", SHOP)["items"]:
        counts[item["metadata"]["name"]] = int(item["metadata"]["annotations"][REVISION]) - 1
    daemon_set = stage.get("daemonset", "datakit", "datakit")
    counts["datakit"] = int(daemon_set["metadata"]["annotations"][TEMPLATE_GENERATION])
    return counts


def once_more(before: dict[str, int]) -> dict[str, int]:
    """Return what ``rolled`` says when each template was changed exactly once since then."""
    return {name: count + 1 for name, count in before.items()}


# After an outage the Deployment controller itself lists again only after a pause of its own: more
# than a minute was observed, with the operator's next write half a second after it.
CONVERGED_TIMEOUT_S = 240


def wait_wired(stage: Stage, *, timeout_s: float = CONVERGED_TIMEOUT_S) -> dict[str, Any]:
    """Wait until everything is wired, and return the status."""
    return stage.wait_status(
        lambda s: says(s, "Ready", "True") and s["workloads"]["summary"] == "6/6",
        timeout_s=timeout_s,
    )


def wait_some_wired(stage: Stage) -> None:
    """Wait until the roll-outs of workloads have begun, and are not over."""
    wait_until("a first workload is wired", lambda: "app-0" in marked(stage))
    assert len(marked(stage)) < len(NAMES)


def marked(stage: Stage) -> set[str]:
    """Return the Deployments that carry our markers."""
    items = stage.plane.read("deployments", "-n", SHOP)["items"]
    return {
        each["metadata"]["name"]
        for each in items
        if "istio-observability.dev/wired-by" in each["metadata"].get("annotations", {})
    }


def check_converged(stage: Stage, before: dict[str, int]) -> None:
    """Check that each template was changed once, that status says so, and that all is quiet."""
    status = wait_wired(stage)

    assert rolled(stage) == once_more(before)
    assert status["rolloutsCaused"] == len(NAMES) + 1
    assert status["agents"] == "2/2"
    assert stage.quiet_writes(4) == []


def test_api_server_away_for_half_a_minute(stage):
    """In the middle of a roll-out every connection breaks, and none can be made for 30 s."""
    before = rolled(stage)
    stage.wish(SPEC)
    wait_some_wired(stage)
    stage.plane.kill_api_server()
    time.sleep(30)
    stage.plane.restart_api_server()

    assert stage.operator.running
    check_converged(stage, before)


def test_api_server_hangs_and_watches_are_cut(stage):
    """For 10 s nothing is answered; later a list finds what happened while no watch stood."""
    before = rolled(stage)
    stage.wish(SPEC)
    wait_some_wired(stage)
    stage.plane.pause_api_server()
    time.sleep(10)
    stage.plane.resume_api_server()

    check_converged(stage, before)

    stage.plane.kill_api_server()
    stage.plane.restart_api_server()
    stage.apply(workload("late"))
    stage.wait_status(
        lambda s: s.get("workloads", {}).get("summary") == "7/7", timeout_s=CONVERGED_TIMEOUT_S
    )

    assert rolled(stage) == once_more(before) | {"late": 1}
    assert stage.quiet_writes(4) == []


def test_operator_killed_at_any_moment(stage):
    """SIGKILL again and again, on the way in and on the way out: once in, once out, no trace."""
    moments = random.Random(3)
    before, hashes = rolled(stage), template_hashes(stage.plane, SHOP)
    dump, traces = dump_cluster(stage.plane), traces_of(stage)
    stage.wish(SPEC)
    kill_often(stage, moments, times=6)
    wired = wait_wired(stage)

    assert rolled(stage) == once_more(before)
    assert wired["rolloutsCaused"] == len(NAMES) + 1
    assert stage.quiet_writes(4) == []

    stage.plane.kubectl("delete", "iobs", "mesh", "--wait=false")
    kill_often(stage, moments, times=6)
    wait_until("the resource is gone", lambda: stage.get("iobs", "mesh") == {})

    assert rolled(stage) == once_more(once_more(before))
    assert differences(dump, dump_cluster(stage.plane)) == []
    assert traces_of(stage) == traces
    assert template_hashes(stage.plane, SHOP) == hashes


def traces_of(stage: Stage) -> list[str]:
    """Return what of the operator is found; the delay of our pods looks like it, and stays."""
    return traces_of_operator(stage.plane, manager=FIELD_MANAGER)


def kill_often(stage: Stage, moments: random.Random, *, times: int) -> None:
    """Kill and start the operator; some moments are before it is ready, most while it works."""
    for _ in range(times):
        if moments.random() < 0.8:
            stage.operator.wait_ready()
        time.sleep(moments.uniform(0.05, 1.8))
        stage.operator.kill()
        stage.operator.start()
    stage.operator.wait_ready()


def test_credentials_expire_and_are_renewed(stage):
    """While no token is accepted status cannot change; with a new one it goes on by itself."""
    stage.wish(SPEC)
    wait_wired(stage)
    before = rolled(stage)
    account = ("serviceaccount", SERVICE_ACCOUNT, "-n", SYSTEM_NAMESPACE)
    stage.plane.kubectl("delete", *account)
    stage.plane.kubectl("create", *account)
    mark = stage.mark()
    try:
        # The API server remembers for some seconds that it has accepted a token.
        wait_until("the token is refused", lambda: not accepts_token(stage))
        stage.apply(workload("late"))
        wait_until("a write is refused", lambda: "HTTP 401" in stage.operator.last_lines(50))
    finally:
        fresh = stage.plane.kubeconfig_for(stage.plane.token_for(SYSTEM_NAMESPACE, SERVICE_ACCOUNT))
        # As a rotated token comes: the file's content changes under its name.
        stage.kubeconfig.write_text(fresh.read_text())
    stage.wait_status(lambda s: s.get("workloads", {}).get("summary") == "7/7", timeout_s=90)

    assert stage.operator.running
    assert rolled(stage) == before | {"late": 1}
    assert {
        each.name
        for each in writes_since(stage.plane, mark)
        if each.code < 400 and each.resource != "selfsubjectreviews"
    } == {"late", "mesh"}
    assert stage.quiet_writes(4) == []


def accepts_token(stage: Stage) -> bool:
    """Return whether the API server still takes the operator's token."""
    command = ("auth", "whoami")
    return bool(stage.plane.kubectl(*command, check=False, kubeconfig=stage.kubeconfig).strip())


# -- permissions that are taken away --------------------------------------------------------------


def test_nothing_may_be_written(stage, role):
    """
    Status names each right that is missing; what was refused is tried again by itself.

    The agent is not rolled: a mount without its key becomes an empty directory.
    """
    before = rolled(stage)
    without_verb(stage, "configmaps", "datakit-conf", "patch")
    without_verb(stage, "deployments", "", "patch")
    stage.wish(SPEC)
    status = stage.wait_status(
        lambda s: says(s, "Ready", "False", "PermissionDenied") and len(reasons(s)) == 7
    )

    assert says(status, "Stalled", "True")
    assert [found["message"] for found in status["findings"]] == [
        denied("ConfigMap datakit/datakit-conf", "configmaps"),
        *(denied(f"Deployment {SHOP}/{name}", "deployments") for name in NAMES),
    ]
    assert rolled(stage) == before
    assert marked(stage) == set()

    give_back(stage, role)
    check_converged(stage, before)


def denied(what: str, plural: str) -> str:
    """Return what status says about a write that is not allowed."""
    return (
        f"{what}: may not be written by the operator; nothing was changed there;"
        f" grant its ServiceAccount patch on {plural}."
    )


def test_agent_may_not_be_read(stage, role):
    """Found at a start: nothing is decided, status names the right, and later all goes on."""
    stage.operator.kill()
    before = rolled(stage)
    without_verb(stage, "daemonsets", "datakit", "list")
    stage.operator.start()
    stage.operator.wait_ready()
    mark = stage.mark()
    stage.wish(SPEC)
    status = stage.wait_status(lambda s: says(s, "Ready", "False", "PermissionDenied"))

    assert status["message"] == (
        "DaemonSet datakit/datakit: may not be read by the operator; nothing is decided without"
        " it; grant its ServiceAccount list and watch on daemonsets in namespace datakit, or"
        " correct the name in the resource."
    )
    assert len(status["findings"]) == 1
    assert {w.resource for w in writes_since(stage.plane, mark)} == {"istioobservabilities/status"}

    give_back(stage, role)
    check_converged(stage, before)


def test_release_waits_for_a_permission(stage, role):
    """A deletion that may not be carried out says so, and ends once it may."""
    stage.wish(AGENT_OFF | SPEC)
    wait_wired(stage)
    before = rolled(stage)
    without_verb(stage, "deployments", "", "patch")
    stage.plane.kubectl("delete", "iobs", "mesh", "--wait=false")
    status = stage.wait_status(lambda s: "PermissionDenied" in reasons(s))

    assert says(status, "Ready", "False", "Releasing")
    assert rolled(stage) == before

    give_back(stage, role)
    # A changed wish is tried at once; without it this would take half a minute.
    faster = json.dumps({"spec": {"rollout": {"maxConcurrent": "100%"}}})
    stage.plane.kubectl("patch", "iobs", "mesh", "--type=merge", "-p", faster)
    wait_until("the resource is gone", lambda: stage.get("iobs", "mesh") == {})

    assert rolled(stage) == once_more(before) | {"datakit": before["datakit"]}


def without_verb(stage: Stage, what: str, name: str, verb: str) -> None:
    """Take one verb away from the rule about a resource."""
    role = stage.get("clusterrole", ROLE)
    index = next(
        number
        for number, rule in enumerate(role["rules"])
        if what in rule["resources"] and rule.get("resourceNames", [""]) == [name]
    )
    path = f"/rules/{index}/verbs/{role['rules'][index]['verbs'].index(verb)}"
    stage.patch("clusterrole", ROLE, "", {"op": "remove", "path": path})
    asked = (f"{what}/{name}" if name else what, "-n", "datakit" if name else SHOP)
    wait_until(
        "the permission is gone",
        lambda: not may(stage, verb, *asked),
    )


def give_back(stage: Stage, role: dict[str, Any]) -> None:
    """Put the rules of the role back."""
    rules = {"op": "replace", "path": "/rules", "value": role["rules"]}
    stage.patch("clusterrole", ROLE, "", rules)


def may(stage: Stage, *question: str) -> bool:
    """Return whether the operator's account may do something."""
    command = ("auth", "can-i", *question, f"--as={OPERATOR_USER}")
    return stage.plane.kubectl(*command, check=False).strip() == "yes"
