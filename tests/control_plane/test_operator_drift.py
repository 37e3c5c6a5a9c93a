"""What is taken away comes back, what somebody changes is theirs and reported."""

from __future__ import annotations

import json

import pytest

from dev.lab import wait_until
from dev.lab.stage import MANIFESTS
from istio_observability.datakit.layout import AgentFile
from tests.control_plane.operator_support import (
    BOOKINFO,
    PROM,
    TEMPLATES,
    Counters,
    Stage,
)

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

OTHER_TEXT = '[[inputs.prom]]\nsource = "team"\nurls = ["http://$IP:8080/metrics"]\n'


def annotate_template(stage: Stage, name: str, text: str | None, manager: str) -> None:
    """Set or remove our annotation as somebody else does."""
    patch = {"spec": {"template": {"metadata": {"annotations": {PROM: text}}}}}
    what = (f"deployment/{name}", "-n=prod", f"--field-manager={manager}")
    stage.plane.kubectl("patch", *what, "-p", json.dumps(patch))


def test_removed_annotation_returns(wired):
    """A value that somebody takes away is wanted all the same; one roll-out each way."""
    before, text = wired.counters(), wired.annotations("details-v1")[PROM]
    annotate_template(wired, "details-v1", None, "helm")

    wait_until("it is back", lambda: wired.annotations("details-v1").get(PROM) == text)
    wired.settle()
    rolled = wired.counters().since(before)
    assert set(rolled.workloads) == {"details-v1"}
    assert rolled.agent == 0
    assert wired.ready() == ("True", "AllWired")


@pytest.mark.parametrize("way_back", ["changed back", "removed"])
def test_changed_annotation_is_left_and_reported(wired, way_back):
    """The editor keeps the value, status names who it is, and the way back is open."""
    text, mark = wired.annotations("ratings-v1")[PROM], wired.mark()
    annotate_template(wired, "ratings-v1", OTHER_TEXT, "team-tool")

    wait_until("it is reported", lambda: wired.count("contended") == 1)
    wired.settle()
    assert wired.annotations("ratings-v1")[PROM] == OTHER_TEXT
    assert wired.writes(mark, *TEMPLATES) == []
    assert wired.status()["skippedByReason"] == {"Contended": 1}
    assert wired.ready() == ("True", "AllWired")
    assert wired.findings("FieldConflict") == [
        (
            f'Deployment prod/ratings-v1: annotation {PROM} is set by "team-tool"; left as it is;'
            " remove it there, and ours is set."
        )
    ]

    annotate_template(
        wired, "ratings-v1", text if way_back == "changed back" else None, "team-tool"
    )
    wait_until("it is wired again", lambda: wired.count("wired") == len(BOOKINFO))
    wired.settle()
    assert wired.annotations("ratings-v1")[PROM] == text
    assert wired.count("contended") == 0
    assert wired.findings("FieldConflict") == []
    # Handed back to us for the next test: whoever sets a value keeps it.
    annotate_template(wired, "ratings-v1", None, "team-tool")
    wait_until("ours", lambda: wired.annotations("ratings-v1").get(PROM) == text)
    wired.counters()
    wired.settle()


def test_removed_key_returns_without_rolling_the_agent(wired):
    """The file is mounted already and its text is what it was, so nothing has to restart."""
    before, config = wired.counters(), wired.config()
    gone = {"data": {AgentFile.ISTIOD.key: None}}
    wired.plane.kubectl(
        "patch", "configmap/datakit-conf", "-n=datakit", "--type=merge", "-p", json.dumps(gone)
    )

    wait_until("it is back", lambda: wired.config() == config)
    wired.settle()
    assert wired.counters().since(before) == Counters({}, 0)


def test_stock_manifest_applied_again_costs_no_roll_out(wired):
    """Its ``data:`` null wipes every key of ours at each apply; they return, agents stay."""
    before, config = wired.counters(), wired.config()
    mark = wired.mark()
    wired.plane.kubectl("apply", "-f", str(MANIFESTS / "datakit.yaml"))

    wait_until("the keys were written", lambda: bool(wired.writes(mark, "configmaps")))
    wired.settle()
    assert wired.config() == config
    assert wired.counters().since(before) == Counters({}, 0)
    assert wired.ready() == ("True", "AllWired")


def test_changed_key_is_left_and_reported(wired):
    """A key that somebody rewrites is theirs: not overwritten, the agent not rolled."""
    before, text = wired.counters(), wired.config()[AgentFile.ZIPKIN.key]

    def write(value: str | None) -> None:
        wired.plane.kubectl(
            "patch",
            "configmap/datakit-conf",
            "-n=datakit",
            "--type=merge",
            "--field-manager=team-tool",
            "-p",
            json.dumps({"data": {AgentFile.ZIPKIN.key: value}}),
        )

    theirs = '[[inputs.zipkin]]\npathV2 = "/elsewhere"\n'
    write(theirs)
    wired.wait_reason("Conflict")
    wired.settle()
    assert wired.config()[AgentFile.ZIPKIN.key] == theirs
    assert [each for each in wired.findings("FieldConflict") if '"team-tool"' in each]
    assert wired.counters().since(before) == Counters({}, 0)

    write(None)
    wait_until("it is back", lambda: wired.config().get(AgentFile.ZIPKIN.key) == text)
    wired.wait_ready()
    wired.settle()
    assert wired.counters().since(before) == Counters({}, 0)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("istio-system", "istio-ingressgateway-ext"),
        ("datakit", "datakit-service-ext"),
        ("istio-system", "zipkin"),
    ],
)
def test_service_of_ours_returns(wired, namespace, name):
    """An object that we created is brought back as a whole, edited or deleted."""
    what = (f"service/{name}", f"-n={namespace}")
    before = wired.plane.read(*what)["spec"]

    def stands() -> bool:
        found = wired.plane.kubectl("get", *what, "--ignore-not-found", "-o", "json")
        spec = json.loads(found)["spec"] if found else {}
        moving = {"clusterIP", "clusterIPs"}
        return {key: each for key, each in spec.items() if key not in moving} == {
            key: each for key, each in before.items() if key not in moving
        }

    edit = (
        {"spec": {"externalName": "elsewhere.example.com"}}
        if name == "zipkin"
        else {"spec": {"selector": {"app": "elsewhere"}}}
    )
    wired.plane.kubectl("patch", *what, "--type=merge", "-p", json.dumps(edit))
    wait_until("the edit is undone", stands)
    wired.plane.kubectl("delete", *what)
    wait_until("it is created again", stands)
    wired.wait_ready()
    wired.settle()


def test_removed_mounts_return(wired):
    """Mounts that somebody takes out of the DaemonSet are put back in one write."""
    template = wired.agent()["spec"]["template"]["spec"]
    mounts = template["containers"][0]["volumeMounts"]
    kept = [each for each in mounts if each["name"] != "datakit-conf"]
    patch = [
        {"op": "replace", "path": "/spec/template/spec/containers/0/volumeMounts", "value": kept}
    ]
    mark = wired.mark()
    wired.plane.kubectl(
        "patch", "daemonset/datakit", "-n=datakit", "--type=json", "-p", json.dumps(patch)
    )

    def back() -> bool:
        found = wired.agent()["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        return sorted(map(str, found)) == sorted(map(str, mounts))

    wait_until("they are back", back)
    wired.wait_ready()
    wired.counters()
    wired.settle()
    assert len(wired.writes(mark, "daemonsets")) == 1


def test_removed_injection_label_returns(wired):
    """The label comes back and restarts nothing, because pods keep their sidecars meanwhile."""
    before = wired.counters()
    wired.plane.kubectl("label", "namespace/prod", "istio-injection-")

    def labels() -> dict[str, str]:
        found: dict[str, str] = wired.plane.read("namespace", "prod")["metadata"]["labels"]
        return found

    wait_until("it is back", lambda: labels().get("istio-injection") == "enabled")
    wired.settle()
    assert wired.counters().since(before) == Counters({}, 0)
    assert wired.ready() == ("True", "AllWired")
