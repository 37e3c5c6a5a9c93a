"""Deletion takes everything back, or leaves everything standing; a plan alone writes nothing."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from dev.lab import traces_of_operator, wait_until
from dev.lab.dump import template_hashes
from istio_observability.model import names
from tests.control_plane.operator_support import (
    BOOKINFO,
    MINIMAL,
    PROM,
    TEMPLATES,
    Counters,
    app,
    extra_namespace,
    managers,
    markers,
    template_annotations,
)

if TYPE_CHECKING:
    from tests.control_plane.operator_support import Stage

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

SERVICES = (
    ("istio-system", "istio-ingressgateway-ext"),
    ("istio-system", "istio-egressgateway-ext"),
    ("istio-system", "zipkin"),
    ("datakit", "datakit-service-ext"),
)
ADMISSION = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicy",
    "metadata": {"name": "stage-stamps-templates"},
    "spec": {
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["deployments"],
                }
            ]
        },
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": '[JSONPatch{op: "add", path: "/spec/template/metadata/annotations'
                    '", value: {"stamped.example.com/by": "admission"}}]'
                },
            }
        ],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicyBinding",
    "metadata": {"name": "stage-stamps-templates"},
    "spec": {
        "policyName": "stage-stamps-templates",
        "matchResources": {"namespaceSelector": {"matchLabels": {"stamp": "yes"}}},
    },
}


def touched(stage: Stage) -> list[dict[str, Any]]:
    """Return every object that the operator may have touched, with its managed fields."""
    found = [stage.deployment(name) for name in BOOKINFO]
    found.append(stage.agent())
    show = "--show-managed-fields"
    found.append(stage.plane.read("configmap", "datakit-conf", "-n=datakit", show))
    found.append(stage.plane.read("namespace", "prod", show))
    for namespace, name in SERVICES:
        found += stage.plane.read(
            "services", f"-n={namespace}", f"--field-selector=metadata.name={name}", show
        )["items"]
    return found


def traces(stage: Stage) -> list[str]:
    """Return where the operator still stands."""
    return traces_of_operator(stage.plane, manager=names.FIELD_MANAGER)


def test_deletion_takes_everything_back(stage):
    """Every object is as before, pods are of the same template, nobody is called like us."""
    before, hashes = stage.counters(), template_hashes(stage.plane, "prod")
    stage.wire({**MINIMAL, "logs": {"collect": "Always"}})

    stage.delete()
    undone = stage.counters().since(before)
    assert stage.changes() == []
    assert template_hashes(stage.plane, "prod") == hashes
    assert traces(stage) == []
    # Once in, once out; label and annotation go together.
    assert undone == Counters(dict.fromkeys(BOOKINFO, 2), 2)


def test_deletion_right_after_creation_leaves_nothing(stage):
    """A resource that is deleted while its roll-outs begin is undone all the same."""
    hashes = template_hashes(stage.plane, "prod")
    stage.apply(MINIMAL)
    wait_until("the first workload is written", lambda: bool(stage.wired()))

    stage.delete()
    stage.counters()
    assert (stage.changes(), traces(stage)) == ([], [])
    assert template_hashes(stage.plane, "prod") == hashes


def test_what_admission_set_stays(stage):
    """Annotations that nobody owns survive the release: it removes our keys and no map."""
    create = stage.plane.kubectl
    for body in (ADMISSION, BINDING):
        stage.create(body)
    stage.create(extra_namespace("stamped", stamp="yes", **{"istio-injection": "enabled"}))
    arguments = ("create", "--dry-run=server", "-o", "json", "-f", "-")

    def stamps() -> bool:
        answer = json.loads(create(*arguments, input=json.dumps(app("cart", "stamped"))))
        return bool(template_annotations(answer))

    wait_until("the policy is in force", stamps)
    stage.create(app("cart", "stamped"))
    create("delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", "--all")
    stage.wire({"workloads": {"namespaces": ["stamped"]}})
    assert set(stage.annotations("cart", "stamped")) == {PROM, "stamped.example.com/by"}

    stage.delete()
    assert stage.annotations("cart", "stamped") == {"stamped.example.com/by": "admission"}


def test_orphan_leaves_values_and_lets_go_of_them(stage):
    """Everything keeps working, nothing restarts, and nothing is ours any more."""
    stage.wire({**MINIMAL, "deletionPolicy": "Orphan"})
    before, config = stage.counters(), stage.config()
    texts = {name: stage.annotations(name)[PROM] for name in BOOKINFO}

    stage.delete()
    lives = touched(stage)
    assert stage.counters().since(before) == Counters({}, 0)
    assert stage.config() == config
    assert {name: stage.annotations(name)[PROM] for name in BOOKINFO} == texts
    assert len(lives) == len(BOOKINFO) + 3 + len(SERVICES)
    assert [each for each in lives if names.FIELD_MANAGER in managers(each)] == []
    # Nor does a mark claim that they are held by a resource that is gone.
    assert [markers(each) for each in lives if markers(each)] == []
    assert [
        each for each in lives if names.OWNED_BY_LABEL in each["metadata"].get("labels", {})
    ] == []
    take_away_orphans(stage)


def test_orphans_are_taken_over_without_a_restart(stage):
    """The same resource, applied again, finds everything right and rolls nothing."""
    stage.wire({**MINIMAL, "deletionPolicy": "Orphan"})
    stage.delete()
    before = stage.counters()

    stage.wire({**MINIMAL, "deletionPolicy": "Orphan"})
    stage.settle()
    assert stage.counters().since(before) == Counters({}, 0)
    assert stage.count("wired") == len(BOOKINFO)
    stage.delete()
    take_away_orphans(stage)


def test_orphan_may_be_chosen_while_deleting(stage):
    """A release that waits for a slow workload is cut short by leaving the rest as it stands."""
    slow = app("slow", "slow-release", **{"test.istio-observability.dev/ready-delay": "20"})
    stage.create(extra_namespace("slow-release", **{"istio-injection": "enabled"}))
    for name in ("a", "b", "c"):
        stage.create(app(name, "slow-release"))
    stage.wire({"workloads": {"namespaces": ["slow-release"]}, "rollout": {"maxConcurrent": 1}})
    patch = {"spec": {"template": slow["spec"]["template"]}}
    patch["spec"]["template"]["metadata"].pop("labels")
    for name in ("a", "b", "c"):
        stage.plane.kubectl(
            "patch", f"deployment/{name}", "-n=slow-release", "-p", json.dumps(patch)
        )
    stage.plane.kubectl("delete", "iobs/mesh", "--wait=false")
    wait_until("the release began", lambda: len(stage.wired("slow-release")) == 2)

    policy = {"spec": {"deletionPolicy": "Orphan"}}
    stage.plane.kubectl("patch", "iobs/mesh", "--type=merge", "-p", json.dumps(policy))
    stage.plane.kubectl("wait", "--for=delete", "iobs/mesh", "--timeout=15s")
    assert len(stage.wired("slow-release")) == 2
    lives = [stage.deployment(name, "slow-release") for name in ("a", "b", "c")]
    assert [each for each in lives if names.FIELD_MANAGER in managers(each)] == []
    take_away_orphans(stage)


def test_plan_writes_nothing_and_says_what_it_would_do(stage):
    """Mode Plan fills status.plan and touches no other object, whatever happens to the cluster."""
    before, mark = stage.counters(), stage.mark()
    stage.apply({**MINIMAL, "mode": "Plan"})
    stage.wait_ready()
    stage.plane.kubectl("label", "namespace/prod", "note=nothing")
    stage.settle()
    plan = stage.status()["plan"]

    assert {each.resource for each in stage.writes(mark)} <= {
        "istioobservabilities",
        "istioobservabilities/status",
    }
    assert stage.counters().since(before) == Counters({}, 0)
    assert stage.ready() == ("True", "PlanReady")
    assert plan["restartedWorkloads"] == len(BOOKINFO)
    assert plan["restartedPods"] == len(BOOKINFO) + 3
    stage.plane.kubectl("label", "namespace/prod", "note-")


def test_plan_is_carried_out_repaired_no_more_and_released(stage):
    """Enforce does what was planned; back in Plan drift stays; deletion still takes all back."""
    stage.apply({**MINIMAL, "mode": "Plan"})
    stage.wait_ready()
    stage.wire({**MINIMAL, "mode": "Enforce"})
    assert stage.wired() == set(BOOKINFO)
    assert "plan" not in stage.status()

    stage.apply({**MINIMAL, "mode": "Plan"})
    stage.wait_ready()
    stage.settle()
    mark = stage.mark()
    remove = {"spec": {"template": {"metadata": {"annotations": {PROM: None}}}}}
    stage.plane.kubectl("patch", "deployment/details-v1", "-n=prod", "-p", json.dumps(remove))
    wait_until("the drift is planned", lambda: "plan" in stage.status())
    time.sleep(2)
    assert stage.writes(mark, *TEMPLATES) == []
    assert stage.wired() == set(BOOKINFO) - {"details-v1"}

    stage.delete()
    assert (stage.changes(), traces(stage)) == ([], [])


def take_away_orphans(stage: Stage) -> None:
    """Remove by hand what an orphaned installation leaves standing and no manifest restores."""
    for namespace, name in SERVICES:
        stage.plane.kubectl("delete", f"service/{name}", f"-n={namespace}", "--ignore-not-found")
    stage.plane.kubectl("label", "namespace/prod", "istio-injection-")
