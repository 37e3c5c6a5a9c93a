"""
Bad input on a real API server: each is refused or reported in one sentence, nothing half-written.

What a status says is compared with ``golden/bad_input.txt``, a section per case; the audit log
shows that the object in question was left alone. ``UPDATE_GOLDEN=1`` rewrites the sections of the
tests that run.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.control_plane import KubectlError
from dev.lab import REPOSITORY, wait_until
from dev.lab.audit import writes_since
from istio_observability.model.crd import CRD_FILE
from istio_observability.model.names import FIELD_MANAGER, GROUP, PLURAL, WIRED_BY_ANNOTATION
from tests.control_plane.fault_support import (
    AGENT_OFF,
    PROM,
    REVISION,
    SHOP,
    TRACED_MESH,
    Stage,
    account,
    clear_scene,
    is_settled,
    mesh_config,
    namespace,
    reasons,
    says,
    started_stage,
    workload,
)
from tests.model.cases import resource

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.control_plane

GOLDEN = Path(__file__).parent / "golden" / "bad_input.txt"
CRD = f"{PLURAL}.{GROUP}"
PROVIDER = (
    "extensionProviders:\n"
    "- name: old-zipkin\n"
    "  zipkin: {service: zipkin.istio-system.svc.cluster.local, port: 9411}\n"
)

# What the schema keeps out: the spec, and the field that the API server blames.
OUTSIDE_THE_SCHEMA: dict[str, tuple[dict[str, Any], str]] = {
    "interval of 0": ({"metrics": {"interval": "0s"}}, "spec.metrics.interval"),
    "unknown view": ({"metrics": {"views": ["Mash"]}}, "spec.metrics.views"),
    "RE2 that does not compile": (
        {"metrics": {"extraFamilies": ["istio_(requests"]}},
        "spec.metrics.extraFamilies",
    ),
    "100 kB of tags": (
        {"metrics": {"tags": {f"k{i}": "v" * 256 for i in range(400)}}},
        "spec.metrics.tags",
    ),
}

# What the schema lets in and this operator cannot do.
NOT_SUPPORTED: dict[str, dict[str, Any]] = {
    "approval Manual": {"rollout": {"approval": "Manual"}},
    "delivery Pod": {"workloads": {"namespaces": [SHOP], "delivery": "Pod"}},
    "windows": {"rollout": {"windows": [{"schedule": "0 22 * * 6", "duration": "6h"}]}},
    "conflictPolicy Override": {"conflictPolicy": "Override"},
    "onFailure Revert": {"rollout": {"onFailure": "Revert"}},
    "restart budget": {"rollout": {"maxRestartedPods": 10}},
    "renderer of the future": {"renderer": 99},
    "DataKit's namespace is not allowed": {"datakit": {"namespace": "elsewhere"}},
    "Istio's namespace is not allowed": {"istio": {"namespace": "kube-system"}},
}


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    """One plane and one operator for all cases."""
    with started_stage(nodes=1) as stage, stage.operator:
        stage.operator.wait_ready()
        yield stage


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """The stage as its owners left it; a case may change whatever it likes."""
    yield running
    clear_scene(running)


def expected(case: str, text: str) -> str:
    """Return the golden section of a case; ``text`` becomes it where an update is asked for."""
    sections = dict(
        piece.split("\n", 1)
        for piece in re.split(r"^## ", GOLDEN.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    )
    if os.environ.get("UPDATE_GOLDEN"):
        sections[case] = text
        lines = [f"## {name}\n{body.strip()}\n" for name, body in sorted(sections.items())]
        GOLDEN.write_text("\n".join(lines), encoding="utf-8")
    return sections.get(case, f"no section ## {case}").strip() + "\n"


@contextmanager
def loosened_schema(stage: Stage) -> Iterator[None]:
    """Let any spec in, as an older definition or one with validation switched off does."""
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"
    stage.patch("crd", CRD, "", {"op": "replace", "path": path, "value": loose})
    wait_until("the loose schema is served", lambda: accepts(stage, {"mode": "Nonsense"}))
    try:
        yield
    finally:
        stage.withdraw()
        stage.plane.kubectl("replace", "-f", str(REPOSITORY / CRD_FILE))
        wait_until("the schema is back", lambda: not accepts(stage, {"mode": "Nonsense"}))


def accepts(stage: Stage, spec: dict[str, Any]) -> bool:
    """Return whether the API server would take a spec."""
    return not refusal(stage, spec)


def refusal(stage: Stage, spec: dict[str, Any]) -> str:
    """Return what the API server says against a spec, ``""`` if nothing."""
    text = json.dumps(resource(spec, "probe"))
    try:
        stage.plane.kubectl("create", "--dry-run=server", "-f", "-", input=text)
    except KubectlError as error:
        return error.stderr
    return ""


def slug(case: str) -> str:
    """Return a case as the name of a resource."""
    return re.sub(r"[^a-z0-9]+", "-", case.lower()).strip("-")


def foreign_writes(stage: Stage, mark: int) -> list[Any]:
    """Return the operator's writes to anything but our own resources."""
    return [each for each in writes_since(stage.plane, mark) if PLURAL not in each.resource]


# -- the spec -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OUTSIDE_THE_SCHEMA)
def test_api_server_refuses_what_the_schema_forbids(running, case):
    """The field is named, and no resource comes to be."""
    spec, field = OUTSIDE_THE_SCHEMA[case]

    assert field in refusal(running, spec)


def test_operator_refuses_what_an_older_schema_let_in(stage):
    """Where the API server does not validate, status has the sentence and nothing is written."""
    with loosened_schema(stage):
        mark = stage.mark()
        for case, (spec, _) in OUTSIDE_THE_SCHEMA.items():
            stage.wish(spec | {"workloads": {"namespaces": [SHOP]}}, slug(case))
        said = {
            case: account(stage.wait_status(lambda s: says(s, "Stalled", "True"), slug(case)))
            for case in OUTSIDE_THE_SCHEMA
        }

        assert {case: expected(case, text) for case, text in said.items()} == said
        assert foreign_writes(stage, mark) == []


def test_unsupported_wishes_are_refused_aloud(stage):
    """A valid wish that this version cannot fulfil stops everything instead of being ignored."""
    stage.apply(workload("cart"))
    mark = stage.mark()
    for case, spec in NOT_SUPPORTED.items():
        stage.wish(spec, slug(case))
    said = {
        case: account(stage.wait_status(lambda s: says(s, "Stalled", "True"), slug(case)))
        for case in NOT_SUPPORTED
    }

    assert {case: expected(case, text) for case, text in said.items()} == said
    assert foreign_writes(stage, mark) == []


def test_resource_that_becomes_invalid_keeps_what_it_holds(stage):
    """Nothing is released or changed; repaired it goes on, and deleted it releases everything."""
    stage.apply(workload("cart"))
    before = template_of(stage, "cart")
    spec = AGENT_OFF | {"workloads": {"namespaces": [SHOP]}}
    stage.wish(spec)
    stage.wait_status(lambda s: says(s, "Ready", "True"))
    mark = stage.mark()
    invalid = {**spec, "conflictPolicy": "Override", "metrics": {"interval": "30s"}}
    stage.wish(invalid)
    refused = stage.wait_status(lambda s: says(s, "Ready", "False", "InvalidSpec"))
    # An event on a workload must not make it forget that nothing may be done.
    stage.plane.kubectl("label", "deployment/cart", "team=shop", "-n", SHOP)
    stage.apply(workload("late"))

    assert refused["workloads"]["summary"] == "1/1"
    assert foreign_writes(stage, mark) == []
    assert '"60s"' in annotation_of(stage, "cart")

    stage.wish({**spec, "metrics": {"interval": "30s"}})
    stage.wait_status(lambda s: says(s, "Ready", "True") and s["workloads"]["summary"] == "2/2")

    assert '"30s"' in annotation_of(stage, "cart")

    stage.wish(invalid)
    stage.wait_status(lambda s: says(s, "Ready", "False", "InvalidSpec"))
    stage.withdraw("mesh")

    assert template_of(stage, "cart") == before


def test_invalid_resource_can_be_deleted_after_a_restart(stage):
    """A spec that no schema checked does not keep the operator from taking back what it did."""
    stage.apply(workload("cart"))
    before = template_of(stage, "cart")
    stage.wish({"workloads": {"namespaces": [SHOP]}})
    stage.wait_status(lambda s: says(s, "Ready", "True"))
    with loosened_schema(stage):
        stage.wish({"workloads": {"namespaces": [SHOP]}, "metrics": {"interval": "0s"}})
        stage.wait_status(lambda s: says(s, "Ready", "False", "InvalidSpec"))
        stage.operator.kill()
        stage.operator.start()
        stage.operator.wait_ready()
        mark = stage.mark()
        stage.wait_status(lambda s: says(s, "Ready", "False", "InvalidSpec"))

        assert foreign_writes(stage, mark) == []

        stage.withdraw("mesh")

    assert template_of(stage, "cart") == before
    assert FIELD_MANAGER not in managers(stage.get("daemonset", "datakit", "datakit"))
    assert FIELD_MANAGER not in managers(stage.get("cm", "datakit-conf", "datakit"))


def test_agent_that_may_not_be_read_stops_only_its_own_resource(stage):
    """A mistyped name that the permissions do not cover is said; other resources go on."""
    stage.apply(workload("cart"))
    stage.wish({"datakit": {"daemonSetName": "datakitt"}}, "typo")
    said = account(stage.wait_status(lambda s: says(s, "Stalled", "True"), "typo"))
    stage.wish(AGENT_OFF | {"workloads": {"namespaces": [SHOP]}})
    stage.wait_status(lambda s: says(s, "Ready", "True") and s["workloads"]["summary"] == "1/1")
    stage.withdraw("typo")

    assert expected("DaemonSet that may not be read", said) == said


# -- the agent ------------------------------------------------------------------------------------


def test_container_that_the_agent_lacks(stage):
    """Neither the DaemonSet nor the ConfigMap is touched."""
    check_agent_is_left_alone(
        stage, "container that the DaemonSet lacks", {"datakit": {"containerName": "agent"}}
    )


def test_mount_path_that_somebody_else_uses(stage):
    """Neither the DaemonSet nor the ConfigMap is touched."""
    mount = {"name": "cache", "mountPath": "/usr/local/datakit/conf.d/zipkin/zipkin.conf"}
    path = "/spec/template/spec/containers/0/volumeMounts/-"
    stage.patch("daemonset", "datakit", "datakit", {"op": "add", "path": path, "value": mount})

    check_agent_is_left_alone(stage, "mountPath that somebody else uses", {})


def test_config_map_without_room(stage):
    """Keys that would make it larger than 1 MiB are not tried."""
    stage.apply(agent_config({"big.conf": "x" * (1024 * 1024 - 500)}), server_side=True)

    check_agent_is_left_alone(stage, "ConfigMap over 1 MiB", {})


def test_config_map_that_is_immutable(stage):
    """It is not tried at all."""
    stage.apply({**agent_config({}), "immutable": True}, server_side=True)

    check_agent_is_left_alone(stage, "immutable ConfigMap", {})


def test_key_with_foreign_content_is_not_overwritten(stage):
    """The key stays its owner's and is not mounted; what else the agent gets is not held up."""
    text = "# ours since 2021\n[[inputs.zipkin]]\npathV1 = '/elsewhere'\n"
    stage.apply(agent_config({"zipkin.conf": text}), server_side=True)
    stage.wish({})
    status = stage.wait_status(lambda s: says(s, "Stalled", "True") and s["agents"] == "1/1")
    said = account(status)
    live = stage.get("cm", "datakit-conf", "datakit")
    daemon_set = stage.get("daemonset", "datakit", "datakit")

    assert expected("ConfigMap key with foreign content", said) == said
    assert live["data"]["zipkin.conf"] == text
    assert not owns(live, "f:zipkin.conf")
    assert "prom_istiod.conf" in live["data"]
    assert "zipkin/zipkin.conf" not in json.dumps(daemon_set["spec"])


def check_agent_is_left_alone(stage: Stage, case: str, spec: dict[str, Any]) -> None:
    """Check the account of a conflict, and that agent and ConfigMap see no write."""
    mark = stage.mark()
    stage.wish(spec)
    status = stage.wait_status(lambda s: says(s, "Stalled", "True"))
    said = account(status)

    assert expected(case, said) == said
    assert says(status, "Ready", "False", "Conflict")
    assert stage.writes_on(mark, "configmaps", "datakit-conf") == []
    assert stage.writes_on(mark, "daemonsets", "datakit") == []


def agent_config(data: dict[str, str]) -> dict[str, Any]:
    """Return the agent's ConfigMap as a chart would write it."""
    metadata = {"name": "datakit-conf", "namespace": "datakit"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_agents_of_one_election_namespace_are_told_of(stage):
    """As far as it can be seen: the agent's own namespace is the default one."""
    env = stage.get("daemonset", "datakit", "datakit")["spec"]["template"]["spec"]["containers"][0]
    index = [each["name"] for each in env["env"]].index("ENV_NAMESPACE")
    path = f"/spec/template/spec/containers/0/env/{index}"
    stage.patch("daemonset", "datakit", "datakit", {"op": "remove", "path": path})
    stage.wish({"controlPlane": {"collect": "Never"}, "gateways": []})
    said = account(stage.wait_settled())

    assert expected("agents that share one election namespace", said) == said


def test_resource_is_released_although_datakit_is_gone(stage):
    """A namespace that was deleted before the resource holds nothing that could be waited for."""
    stage.apply(workload("cart"))
    before = template_of(stage, "cart")
    stage.wish({"workloads": {"namespaces": [SHOP]}})
    stage.wait_status(lambda s: says(s, "Ready", "True"))
    stage.plane.kubectl("delete", "namespace", "datakit", "--timeout=40s")
    said = account(stage.wait_status(lambda s: says(s, "Ready", "False", "AwaitingDataKit")))
    stage.withdraw("mesh")

    assert expected("DataKit is gone", said) == said
    assert template_of(stage, "cart") == before
    assert stage.get("service", "zipkin", "istio-system") == {}


# -- the mesh -------------------------------------------------------------------------------------


def test_replicas_behind_one_scrape_service_are_told_of(stage):
    """Each target is told of by the Service or Deployment it is scraped through."""
    for name, replicas in (("istiod", 3), ("istio-ingressgateway", 2)):
        op = {"op": "replace", "path": "/spec/replicas", "value": replicas}
        stage.patch("deployment", name, "istio-system", op)
    stage.wish({})
    status = stage.wait_settled()
    said = account(status)

    assert expected("several replicas behind one scrape Service", said) == said
    assert says(status, "Ready", "True")


def test_foreign_zipkin_service_is_left_alone(stage):
    """Tracing is not ready, everything else is."""
    spec = {"selector": {"app": "zipkin"}, "ports": [{"port": 9411, "targetPort": 9411}]}
    stage.apply(zipkin_service(spec))
    before = stage.get("service", "zipkin", "istio-system")
    mark = stage.mark()
    stage.wish({})
    status = stage.wait_settled()
    said = account(status)
    stage.withdraw()
    after = stage.get("service", "zipkin", "istio-system")
    stage.plane.kubectl("delete", "service", "zipkin", "-n", "istio-system")

    assert expected("foreign zipkin ClusterIP Service", said) == said
    assert says(status, "Ready", "True")
    assert says(status, "TracingReady", "False")
    assert stage.writes_on(mark, "services", "zipkin") == []
    assert after == before


def zipkin_service(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a Service that somebody else calls ``zipkin``."""
    metadata = {"name": "zipkin", "namespace": "istio-system"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def test_provider_that_references_zipkin_keeps_the_service_from_being_made(stage):
    """An alias would break every listener of the mesh."""
    stage.apply(mesh_config(TRACED_MESH + PROVIDER))
    mark = stage.mark()
    stage.wish({})
    status = stage.wait_settled()
    said = account(status)

    assert expected("mesh tracing provider that references zipkin", said) == said
    assert says(status, "Ready", "True")
    assert stage.writes_on(mark, "services", "zipkin") == []


def test_provider_that_appears_later_takes_the_service_away(stage):
    """The Service of ours goes at once; it comes back when the provider has gone."""
    stage.wish({})
    stage.wait_status(lambda s: says(s, "TracingReady", "True"))
    stage.apply(mesh_config(TRACED_MESH + PROVIDER))
    wait_until("zipkin is gone", lambda: stage.get("service", "zipkin", "istio-system") == {})
    stage.wait_status(lambda s: says(s, "TracingReady", "False", "WouldBreakListeners"))
    stage.apply(mesh_config())
    status = stage.wait_status(lambda s: says(s, "TracingReady", "True"))

    assert says(status, "Ready", "True")
    assert stage.get("service", "zipkin", "istio-system")["spec"]["type"] == "ExternalName"


def test_broken_mesh_config_makes_no_service(stage):
    """Whether a provider references the Service cannot be known, so it is not made."""
    stage.apply(mesh_config("extensionProviders: [\n  - broken"))
    mark = stage.mark()
    stage.wish({})
    status = stage.wait_settled()
    said = account(status)

    assert expected("broken mesh config", said) == said
    assert stage.writes_on(mark, "services", "zipkin") == []


def test_mesh_config_that_breaks_later_changes_nothing(stage):
    """Istio keeps its last good configuration, and so does the Service."""
    stage.wish({})
    stage.wait_status(lambda s: says(s, "TracingReady", "True"))
    mark = stage.mark()
    stage.apply(mesh_config("extensionProviders: [\n  - broken"))
    stage.wait_status(lambda s: "MeshConfigUnreadable" in reasons(s))
    stage.apply(mesh_config())
    stage.wait_status(lambda s: says(s, "TracingReady", "True") and not reasons(s))

    assert foreign_writes(stage, mark) == []


def test_namespace_of_another_revision_is_not_labelled(stage):
    """The label would move its pods to another control plane."""
    stage.apply(namespace("canary", **{"istio.io/rev": "canary"}))
    mark = stage.mark()
    stage.wish(AGENT_OFF | {"injection": {"namespaces": ["canary", "missing"]}})
    status = stage.wait_settled()
    said = account(status)
    live = stage.get("namespace", "canary")

    assert expected("namespace of another Istio revision", said) == said
    assert "istio-injection" not in live["metadata"]["labels"]
    assert stage.writes_on(mark, "namespaces", "canary") == []


# -- workloads ------------------------------------------------------------------------------------


def test_workloads_that_are_not_ours_to_touch(stage):
    """Each is counted by its reason and left alone; the one beside them is wired."""
    owner = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": "canary",
        "uid": "6f1d3c1e-0000-4000-8000-000000000000",
        "controller": True,
    }
    controlled = workload("controlled")
    # A controller of a kind that this cluster does not know: the garbage collector lets it live.
    controlled["metadata"]["ownerReferences"] = [owner]
    leaving = workload("leaving")
    leaving["metadata"]["finalizers"] = ["example.com/hold"]
    bodies = {
        "contended": workload("contended", {PROM: "[[inputs.prom]\nurls = ["}),
        "controlled": controlled,
        "leaving": leaving,
        "paused": workload("paused", paused=True),
        "fine": workload("fine"),
    }
    for body in bodies.values():
        stage.apply(body)
    stage.plane.kubectl("delete", "deployment", "leaving", "-n", SHOP, "--wait=false")
    mark = stage.mark()
    stage.wish(AGENT_OFF | {"workloads": {"namespaces": [SHOP]}})
    said = account(stage.wait_settled())
    written = {each.name for each in foreign_writes(stage, mark)}
    gone = {"op": "remove", "path": "/metadata/finalizers"}
    stage.patch("deployment", "leaving", SHOP, gone)

    assert expected("workloads that are left alone", said) == said
    assert written == {"fine"}


def test_paused_workload_is_wired_once_it_goes_on(stage):
    """A pause delays and does not exclude; the owner's own change and ours stay apart."""
    stage.apply(workload("cart", paused=True))
    stage.wish(AGENT_OFF | {"workloads": {"namespaces": [SHOP]}})
    stage.wait_status(lambda s: s.get("skippedByReason") == {"Paused": 1})
    stage.plane.kubectl("rollout", "resume", "deployment/cart", "-n", SHOP)
    status = stage.wait_status(lambda s: s["workloads"]["summary"] == "1/1" and is_settled(s))

    assert status["rolloutsCaused"] == 1
    assert stage.get("deployment", "cart", SHOP)["metadata"]["annotations"][REVISION] == "2"


def test_namespace_that_goes_away_takes_its_workloads_along(stage):
    """Nothing is written into a namespace on its way out, and nothing waits for it."""
    place = "outgoing"
    stage.apply(namespace(place))
    body = workload("cart")
    body["metadata"] |= {"namespace": place, "finalizers": ["example.com/hold"]}
    stage.apply(body)
    stage.plane.kubectl("delete", "namespace", place, "--wait=false")
    wait_until(
        "the Deployment is being deleted",
        lambda: "deletionTimestamp" in stage.get("deployment", "cart", place)["metadata"],
    )
    mark = stage.mark()
    spec = {"workloads": {"namespaces": [place]}, "injection": {"namespaces": [place]}}
    stage.wish(AGENT_OFF | spec)
    said = account(stage.wait_settled())
    stage.patch("deployment", "cart", place, {"op": "remove", "path": "/metadata/finalizers"})
    stage.wait_status(lambda s: says(s, "Ready", "True") and s["workloads"]["selected"] == 0)

    assert expected("namespace that is being deleted", said) == said
    assert foreign_writes(stage, mark) == []


def template_of(stage: Stage, name: str) -> Any:
    """Return the pod template of a Deployment, and what is ours on the object."""
    live = stage.get("deployment", name, SHOP)
    marks = live["metadata"].get("annotations", {})
    return live["spec"]["template"], marks.get(WIRED_BY_ANNOTATION), FIELD_MANAGER in managers(live)


def annotation_of(stage: Stage, name: str) -> str:
    """Return what the agent is told to scrape."""
    template, _, _ = template_of(stage, name)
    return str(template["metadata"]["annotations"][PROM])


def managers(live: dict[str, Any]) -> set[str]:
    """Return the names of all field managers of an object, those of its status left out."""
    fields = live["metadata"]["managedFields"]
    return {each["manager"] for each in fields if "subresource" not in each}


def owns(live: dict[str, Any], field: str) -> bool:
    """Return whether our manager owns a field, by its name in the managed fields."""
    return any(
        each["manager"] == FIELD_MANAGER and field in json.dumps(each["fieldsV1"])
        for each in live["metadata"]["managedFields"]
    )
