"""One small resource wires the documented installation, once, and then costs nothing."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from istio_observability.datakit.layout import AgentFile
from istio_observability.model import names
from tests.control_plane.operator_support import (
    BOOKINFO,
    MINIMAL,
    PROM,
    TEMPLATES,
    Counters,
    Stage,
    markers,
    template_annotations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

CALM_S = 5.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """The stage after one resource was wired, and what is known from before."""

    stage: Stage
    before: Counters
    mark: int
    after: Counters


@pytest.fixture(scope="module")
def wiring(operator_stage: Stage) -> Iterator[Wiring]:
    """One resource, applied once and waited for."""
    before, mark = operator_stage.counters(), operator_stage.mark()
    operator_stage.wire(MINIMAL)
    after = operator_stage.counters()
    operator_stage.settle()
    yield Wiring(operator_stage, before, mark, after)
    operator_stage.reset()


def service(stage: Stage, namespace: str, name: str) -> dict[str, Any]:
    """Return the spec of a Service."""
    spec: dict[str, Any] = stage.plane.read("service", name, f"-n={namespace}")["spec"]
    return spec


def ports(spec: dict[str, Any]) -> list[tuple[str, int, object]]:
    """Return name, port and target of a Service's ports."""
    return [(each["name"], each["port"], each["targetPort"]) for each in spec["ports"]]


def test_every_pod_has_sidecar_and_annotation(wiring):
    """Bookinfo's six pods run with a real sidecar and say where the agent finds it."""
    pods = wiring.stage.plane.read("pods", "-n=prod")["items"]
    complete = [
        pod
        for pod in pods
        if PROM in pod["metadata"]["annotations"]
        and "sidecar.istio.io/status" in pod["metadata"]["annotations"]
        and "istio-proxy"
        in {
            each["name"]
            for each in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
        }
    ]

    assert (len(pods), len(complete)) == (len(BOOKINFO), len(BOOKINFO))


def test_each_workload_has_its_own_source(wiring):
    """The series of each workload can be told apart, and none has another's annotation."""
    texts = {name: wiring.stage.annotations(name)[PROM] for name in BOOKINFO}
    inputs = {name: tomllib.loads(text)["inputs"]["prom"] for name, text in texts.items()}

    assert {name: [each["source"] for each in found] for name, found in inputs.items()} == {
        name: [f"prod-{name}"] for name in BOOKINFO
    }
    assert {url for found in inputs.values() for each in found for url in each["urls"]} == {
        "http://$IP:15020/stats/prometheus"
    }


def test_everything_is_rolled_exactly_once(wiring):
    """One restart for sidecar and annotation together, one roll-out of the agent."""
    assert wiring.after.since(wiring.before) == Counters(dict.fromkeys(BOOKINFO, 1), 1)

    revisions = wiring.stage.plane.read("controllerrevisions", "-n=datakit")["items"]
    newest = max(revisions, key=lambda each: each["revision"])
    pods = wiring.stage.plane.read("pods", "-n=datakit")["items"]
    running = {pod["metadata"]["labels"]["controller-revision-hash"] for pod in pods}
    assert (len(pods), running) == (
        3,
        {newest["metadata"]["labels"]["controller-revision-hash"]},
    )


def test_counted_roll_outs_are_those_that_happened(wiring):
    """What status says it caused equals revision counters, template writes and markers."""
    rolled = wiring.after.since(wiring.before)
    happened = sum(rolled.workloads.values()) + rolled.agent
    writes = wiring.stage.writes(wiring.mark, *TEMPLATES)
    marks = [markers(wiring.stage.deployment(name))["rollouts"] for name in BOOKINFO]
    marks.append(markers(wiring.stage.agent())["rollouts"])

    assert happened == 7
    assert wiring.stage.status()["rolloutsCaused"] == happened
    assert [(each.verb, each.code) for each in writes] == [("patch", 200)] * happened
    assert sum(map(int, marks)) == happened


def test_namespace_is_labelled_for_injection(wiring):
    """The label is there, and the object says for whom."""
    namespace = wiring.stage.plane.read("namespace", "prod")

    assert namespace["metadata"]["labels"]["istio-injection"] == "enabled"
    assert markers(namespace) == {"wired-by": "mesh"}


def test_agent_has_its_four_files(wiring):
    """The keys of the document stand in the ConfigMap and lead to the addresses they should."""
    config = wiring.stage.config()
    inputs = {key: tomllib.loads(text)["inputs"] for key, text in config.items()}
    urls = {
        key: [url for each in found["prom"] for url in each["urls"]]
        for key, found in inputs.items()
        if "prom" in found
    }

    assert set(config) == {file.key for file in AgentFile}
    assert urls == {
        "prom_istiod.conf": ["http://istiod.istio-system.svc.cluster.local:15014/metrics"],
        "prom-ingressgateway.conf": [
            "http://istio-ingressgateway-ext.istio-system.svc.cluster.local:15020/stats/prometheus"
        ],
        "prom-egressgateway.conf": [
            "http://istio-egressgateway-ext.istio-system.svc.cluster.local:15020/stats/prometheus"
        ],
    }
    assert inputs["zipkin.conf"]["zipkin"][0]["pathV2"] == "/api/v2/spans"


def test_agent_mounts_its_files_from_its_own_volume(wiring):
    """Each file is a subPath of the volume that the stock manifest has and never mounts."""
    template = wiring.stage.agent()["spec"]["template"]
    mounts = template["spec"]["containers"][0]["volumeMounts"]
    ours = [each for each in mounts if each["name"] == "datakit-conf"]
    volumes = [each["name"] for each in template["spec"]["volumes"]]

    assert {(each["mountPath"], each["subPath"]) for each in ours} == {
        (file.mount_path, file.key) for file in AgentFile
    }
    assert volumes.count("datakit-conf") == 1
    assert names.CONFIG_HASH_ANNOTATION in template["metadata"]["annotations"]


def test_services_translate_ports(wiring):
    """The Services that the document forgets lead to the live gateways and the live agent."""
    stage = wiring.stage
    ingress = service(stage, "istio-system", "istio-ingressgateway-ext")
    egress = service(stage, "istio-system", "istio-egressgateway-ext")
    agent = service(stage, "datakit", "datakit-service-ext")
    zipkin = service(stage, "istio-system", "zipkin")

    assert ports(ingress) == ports(egress) == [("http-monitoring", 15020, 15020)]
    assert ingress["selector"] == {"app": "istio-ingressgateway", "istio": "ingressgateway"}
    assert egress["selector"] == {"app": "istio-egressgateway", "istio": "egressgateway"}
    assert ports(agent) == [("http-zipkin", 9411, 9529)]
    assert agent["selector"] == {"app": "daemonset-datakit"}
    assert zipkin["type"] == "ExternalName"
    assert zipkin["externalName"] == "datakit-service-ext.datakit.svc.cluster.local"
    assert [(each["name"], each["port"]) for each in zipkin["ports"]] == [("http-zipkin", 9411)]


def test_services_say_whose_they_are(wiring):
    """Ours are recognised by labels that name the resource and its uid."""
    uid = wiring.stage.resource()["metadata"]["uid"]
    found = wiring.stage.plane.read("services", "-A", f"-l={names.OWNER_UID_LABEL}={uid}")["items"]

    assert sorted(each["metadata"]["name"] for each in found) == [
        "datakit-service-ext",
        "istio-egressgateway-ext",
        "istio-ingressgateway-ext",
        "zipkin",
    ]
    assert {each["metadata"]["labels"][names.OWNED_BY_LABEL] for each in found} == {"mesh"}


def test_markers_stand_on_objects_and_never_on_templates(wiring):
    """A marker on a template would restart pods whenever it changes."""
    stage = wiring.stage
    revision = stage.status()["revision"]
    lives = [stage.deployment(name) for name in BOOKINFO]

    assert {tuple(sorted(markers(each).items())) for each in lives} == {
        (("revision", revision), ("rollouts", "1"), ("wired-by", "mesh"))
    }
    assert markers(stage.agent()) == {"rollouts": "1", "wired-by": "mesh"}
    assert not [
        key for each in lives for key in template_annotations(each) if key.startswith(names.GROUP)
    ]


def test_conditions_say_that_all_is_well(wiring):
    """Ready and each part, at the generation of the resource, without anything unusual."""
    live = wiring.stage.resource()
    conditions = {each["type"]: each for each in live["status"]["conditions"]}

    assert {kind: (each["status"], each["reason"]) for kind, each in conditions.items()} == {
        "Ready": ("True", "AllWired"),
        "UpToDate": ("True", "Current"),
        "AgentConfigured": ("True", "Configured"),
        "WorkloadsWired": ("True", "AllWired"),
        "ControlPlaneWired": ("True", "Configured"),
        "GatewaysWired": ("True", "Configured"),
        # Istio's demo profile sends its spans to no address at all.
        "TracingReady": ("False", "NoTracesSent"),
    }
    assert {each["observedGeneration"] for each in conditions.values()} == {
        live["metadata"]["generation"]
    }


def test_columns_answer_at_a_glance(wiring):
    """``kubectl get iobs`` says what is wired, left alone and failed."""
    header, row = wiring.stage.plane.kubectl("get", "iobs", "mesh").splitlines()
    columns = dict(zip(header.split(), row.split(), strict=True))
    columns.pop("AGE")

    assert columns == {
        "NAME": "mesh",
        "MODE": "Enforce",
        "READY": "True",
        "REASON": "AllWired",
        "WIRED": "6/6",
        "PENDING": "0",
        "SKIPPED": "0",
        "FAILED": "0",
        "AGENTS": "3/3",
    }


def test_events_tell_on_the_resource_and_on_what_was_touched(wiring):
    """`kubectl describe` says who restarted a workload, and since when the resource is Ready."""
    stage = wiring.stage
    live = stage.resource()["metadata"]
    events = [
        each
        for each in stage.plane.read("events", "-A")["items"]
        if each.get("reportingComponent") == names.FIELD_MANAGER
        and each["metadata"]["creationTimestamp"] >= live["creationTimestamp"]
    ]
    wired = sorted(
        f"{each['involvedObject']['kind']} {each['involvedObject']['name']}"
        for each in events
        if each["reason"] == "Wired"
    )
    own = [each["reason"] for each in events if each["involvedObject"].get("uid") == live["uid"]]

    assert wired == sorted(
        [
            "ConfigMap datakit-conf",
            "DaemonSet datakit",
            "Namespace prod",
            *(f"Deployment {name}" for name in BOOKINFO),
        ]
    )
    assert "Ready" in own


def test_converged_cluster_costs_no_write(wiring):
    """Nothing is written, status and Kopf's bookkeeping included, whatever does not concern us."""
    stage = wiring.stage
    stage.plane.kubectl("scale", "deployment/reviews-v1", "-n=prod", "--replicas=3")
    stage.counters()
    stage.plane.kubectl("scale", "deployment/reviews-v1", "-n=prod", "--replicas=1")
    stage.counters()
    stage.settle()
    mark = stage.mark()

    stage.plane.kubectl("label", "deployment/details-v1", "-n=prod", "owner=team-a")
    stage.plane.kubectl("label", "deployment/details-v1", "-n=prod", "owner-")
    stage.plane.kubectl("annotate", "iobs/mesh", "note=nothing")
    stage.plane.kubectl("annotate", "iobs/mesh", "note-")
    stage.plane.kubectl("delete", "pod", "-n=prod", "-l=app=details")
    stage.counters()
    time.sleep(CALM_S)
    assert stage.writes(mark) == []


@pytest.mark.parametrize("kill", [False, True], ids=["restarted", "killed"])
def test_operator_that_comes_back_writes_nothing(wiring, kill):
    """What it needs to know stands on the objects, so a new start is no reason for a write."""
    mark = wiring.stage.mark()

    wiring.stage.restart_operator(kill=kill)
    time.sleep(CALM_S)
    assert wiring.stage.writes(mark) == []
    assert wiring.stage.ready() == ("True", "AllWired")
