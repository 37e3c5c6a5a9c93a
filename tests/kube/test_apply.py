"""The rules of the apply that can be decided, or scripted, without a cluster."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from istio_observability.kube import managed_fields as mf
from istio_observability.kube.allow_list import NotAllowedError, check_allowed
from istio_observability.kube.apply import (
    are_empty_parents,
    build_adoption_patch,
    create_owned,
    has_other_owner,
    needs_apply,
    unsafe_to_drop,
)
from istio_observability.kube.errors import ConflictCause, FieldConflict, NotOurs, Unavailable
from istio_observability.kube.release import build_release_patch
from istio_observability.model import names
from tests.kube.fake_server import FakeServer, answer, failure, hang_up, serving

PROM = "datakit/prom.instances"
OURS = mf.template_annotation(PROM)


def template(annotations: Any, **metadata: Any) -> Any:
    """Return a Deployment body with template annotations."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "prod", "uid": "1", **metadata},
        "spec": {"template": {"metadata": {"annotations": annotations}}},
    }


def owned_by(body: Any, *owners: Any) -> Any:
    """Add ``managedFields``: pairs of a manager (``name/operation``) and its paths."""
    body = copy.deepcopy(body)
    body["metadata"]["resourceVersion"] = "5"
    body["metadata"]["managedFields"] = [
        {
            "manager": who.partition("/")[0],
            "operation": who.partition("/")[2] or "Apply",
            "fieldsV1": mf.tree_of(frozenset(paths)),
        }
        for who, paths in owners
    ]
    return body


NEEDS = {
    "unknown object": (None, True),
    "value and ownership match": (
        owned_by(template({PROM: "x"}), (names.FIELD_MANAGER, [OURS])),
        False,
    ),
    "other value": (owned_by(template({PROM: "y"}), (names.FIELD_MANAGER, [OURS])), True),
    "value gone": (owned_by(template({}), (names.FIELD_MANAGER, [OURS])), True),
    "same value, not ours": (owned_by(template({PROM: "x"}), ("helm", [OURS])), True),
    "we own more than we want": (
        owned_by(template({PROM: "x"}), (names.FIELD_MANAGER, [OURS, mf.label("a")])),
        True,
    ),
    "created by us, defaults included": (
        owned_by(
            template({PROM: "x"}),
            (f"{names.FIELD_MANAGER}/Update", [OURS, mf.field("spec", "replicas")]),
        ),
        False,
    ),
    "somebody else's keys beside ours": (
        owned_by(template({PROM: "x", "a": "b"}), (names.FIELD_MANAGER, [OURS])),
        False,
    ),
}


@pytest.mark.parametrize(("live", "expected"), NEEDS.values(), ids=NEEDS.keys())
def test_needs_apply(live, expected):
    """No request when live values and our entry of managedFields match already."""
    assert expected is needs_apply(live, template({PROM: "x"}))


PARENT = mf.dotted(mf.TEMPLATE_ANNOTATIONS)
EMPTY = {
    "empty map": (template({}), [PARENT], True),
    "null map": (template(None), [PARENT], True),
    "absent map": ({"metadata": {}, "spec": {}}, [PARENT], True),
    "only our key": (
        owned_by(template({PROM: "x"}), (names.FIELD_MANAGER, [OURS])),
        [PARENT],
        True,
    ),
    "our key in foreign hands": (
        owned_by(template({PROM: "x"}), ("helm", [OURS])),
        [PARENT],
        False,
    ),
    "a foreign key": (template({"a": "b"}), [PARENT], False),
    "conflict on our key itself": (template({}), [mf.dotted(OURS)], False),
    "an unrelated path": (template({}), [".spec.replicas"], False),
    "one of two is no empty map": (template({}), [PARENT, mf.dotted(OURS)], False),
    "parent is no map": ({"metadata": {}, "spec": {"template": []}}, [".spec.template"], False),
}


@pytest.mark.parametrize(("live", "fields", "expected"), EMPTY.values(), ids=EMPTY.keys())
def test_only_empty_parents_are_forced(live, fields, expected):
    """Force never takes a value from anybody."""
    conflict = FieldConflict(tuple(ConflictCause(field, "helm") for field in fields))

    assert expected is are_empty_parents(live, template({PROM: "x"}), conflict)


MARKER = mf.annotation(names.WIRED_BY_ANNOTATION)
LOGS = mf.template_annotation("datakit/logs")
MOUNT_A, MOUNT_B = (
    {mf.volume_mount("d", place), (*mf.volume_mount("d", place), "f:name")}
    for place in ("/a", "/b")
)
DROPS = {
    "nothing dropped": ({OURS}, {OURS}, set()),
    "one of two in the same map": ({OURS, LOGS}, {OURS}, set()),
    "replaced in the same map": ({OURS}, {LOGS}, set()),
    "the last one of the map": ({OURS, MARKER}, {MARKER}, {OURS}),
    "everything": ({OURS, MARKER}, set(), {OURS, MARKER}),
    "one of two mounts": (
        {*MOUNT_A, *MOUNT_B, mf.container("d")},
        {*MOUNT_A, mf.container("d")},
        set(),
    ),
    "the last mount": (
        {*MOUNT_A, mf.container("d"), OURS},
        {OURS},
        {mf.volume_mount("d", "/a")},
    ),
}


@pytest.mark.parametrize(("owned", "wanted", "expected"), DROPS.values(), ids=DROPS.keys())
def test_unsafe_to_drop(owned, wanted, expected):
    """A map may lose keys by apply as long as one of ours stays in it."""
    assert expected == unsafe_to_drop(frozenset(owned), frozenset(wanted))


def test_immutable_config_map_keeps_its_keys_and_loses_us():
    """The server would refuse to remove a key for ever, and a deletion would never end."""
    live = owned_by(
        {**foreign("ConfigMap", data={"zipkin.conf": "x"}), "immutable": True},
        (names.FIELD_MANAGER, [mf.data_key("zipkin.conf"), MARKER]),
        ("helm", [mf.data_key("a")]),
    )
    live["metadata"]["annotations"] = {names.WIRED_BY_ANNOTATION: "mesh"}
    removed = [op["path"] for op in build_release_patch(live) or () if op["op"] == "remove"]

    assert removed == [
        "/metadata/annotations/istio-observability.dev~1wired-by",
        "/metadata/managedFields/0",
    ]


SHARED = {
    "nobody else": ([(names.FIELD_MANAGER, [mf.volume("a")])], False),
    "an entry of the owner": ([("kubectl", [mf.volume("b")])], True),
    "an empty list of the owner": ([("kubectl", [mf.volume("b")[:-1]])], False),
    "another list of the owner": ([("kubectl", [mf.volume_mount("d", "/a")])], False),
}


@pytest.mark.parametrize(("owners", "expected"), SHARED.values(), ids=SHARED.keys())
def test_list_is_shared_where_somebody_else_has_an_entry(owners, expected):
    """Then it stays whatever we drop, so a volume and its mounts change in one roll-out."""
    assert expected is mf.is_shared(owned_by(pod(), *owners), mf.volume("a")[:-1])


def foreign(kind: Any, **fields: Any) -> Any:
    """Return a body for a foreign object."""
    extra = fields.pop("metadata", {})
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "x", "uid": "1", **extra},
        **fields,
    }


def pod(**spec: Any) -> Any:
    """Return a DaemonSet body with this pod spec."""
    return foreign("DaemonSet", spec={"template": {"spec": spec}})


MOUNT = {"name": "v", "mountPath": "/x", "subPath": "x"}
ALLOWED = {
    "template annotation": template({PROM: "x", "datakit/logs": "y"}),
    "marker": foreign("Deployment", metadata={"annotations": {names.WIRED_BY_ANNOTATION: "m"}}),
    "injection label": foreign("Namespace", metadata={"labels": {"istio-injection": "enabled"}}),
    "pod annotation": foreign("Pod", metadata={"annotations": {PROM: "x"}}),
    "agent key": foreign("ConfigMap", data={"zipkin.conf": "x"}),
    "mount": pod(containers=[{"name": "datakit", "volumeMounts": [MOUNT]}]),
    "volume": pod(volumes=[{"name": "v", "configMap": {"name": "datakit-conf"}}]),
    "hash": foreign(
        "DaemonSet",
        spec={"template": {"metadata": {"annotations": {names.CONFIG_HASH_ANNOTATION: "h"}}}},
    ),
}
REFUSED = {
    "no uid": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}},
    "another annotation": template({"sidecar.istio.io/inject": "false"}),
    "annotation beside the template": foreign("Deployment", metadata={"annotations": {PROM: "x"}}),
    "workload annotation on the agent": foreign(
        "DaemonSet", spec={"template": {"metadata": {"annotations": {PROM: "x"}}}}
    ),
    "replicas": foreign("Deployment", spec={"replicas": 1}),
    "label of a workload": foreign("Deployment", metadata={"labels": {"a": "b"}}),
    "owner reference": foreign("Deployment", metadata={"ownerReferences": [{"uid": "1"}]}),
    "finalizer": foreign("Deployment", metadata={"finalizers": ["a/b"]}),
    "another namespace label": foreign("Namespace", metadata={"labels": {"istio.io/rev": "x"}}),
    "another data key": foreign("ConfigMap", data={"datakit.conf": "x"}),
    "image": pod(containers=[{"name": "datakit", "image": "x"}]),
    "host path": pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
    "mount propagation": pod(
        containers=[{"name": "d", "volumeMounts": [{**MOUNT, "mountPropagation": "x"}]}]
    ),
    "init container": pod(initContainers=[{"name": "x"}]),
    "host network": pod(hostNetwork=True),
    "empty map": template({}),
    "another kind": foreign("Secret", data={"zipkin.conf": "x"}),
    "status": foreign("Deployment", status={"replicas": 1}),
}


@pytest.mark.parametrize("body", ALLOWED.values(), ids=ALLOWED.keys())
def test_our_fields_pass(body):
    """What the design names may be written."""
    check_allowed(body)


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_everything_else_is_a_bug(body):
    """A body that names another field is not sent."""
    with pytest.raises(NotAllowedError):
        check_allowed(body)


OWNERS = {
    "only us": ([(names.FIELD_MANAGER, [mf.label("a")])], False),
    "an annotation of kubectl": ([("kubectl-annotate", [mf.annotation("a")])], False),
    "a label of somebody": ([("team", [mf.label("b")])], True),
    "a data key of somebody": ([("team", [mf.data_key("b")])], True),
    "a spec field of somebody": ([("team", [mf.field("spec", "type")])], True),
}


@pytest.mark.parametrize(("owners", "expected"), OWNERS.values(), ids=OWNERS.keys())
def test_other_owner(owners, expected):
    """Spec, data and labels make an object somebody else's as well."""
    assert expected is has_other_owner(owned_by(template({}), *owners))


def test_status_is_no_claim():
    """A controller that reports status does not own the object."""
    live = owned_by(template({}), ("controller", [mf.field("spec", "x")]))
    live["metadata"]["managedFields"][0]["subresource"] = "status"

    assert not has_other_owner(live)


def test_adoption_merges_our_entries():
    """Our creation becomes an apply, the entries of others stay as they are."""
    manager = names.FIELD_MANAGER
    live = owned_by(
        template({PROM: "x"}), (f"{manager}/Update", [OURS]), ("helm", [LOGS]), (manager, [MARKER])
    )
    patch = build_adoption_patch(live) or []

    merged, other = patch[-1]["value"]
    assert [op["op"] for op in patch] == ["test", "test", "replace"]
    assert mf.tree_of(frozenset({OURS, MARKER})) == merged["fieldsV1"]
    assert (merged["operation"], other["manager"]) == ("Apply", "helm")
    assert build_adoption_patch(owned_by(template({}), (manager, [OURS]))) is None


def test_release_patch_tests_before_it_removes():
    """Identity and version first, each value before its removal, lists from their ends."""
    volumes = [{"name": n, "configMap": {"name": n}} for n in ("a", "theirs", "b")]
    live = pod(volumes=volumes)
    paths = [(*mf.volume(n), "f:name") for n in ("a", "b")] + [mf.volume("a"), mf.volume("b")]
    live = owned_by(live, ("helm", [mf.volume("theirs")]), (names.FIELD_MANAGER, paths))

    patch = build_release_patch(live) or []

    place = "/spec/template/spec/volumes"
    assert [
        ("test", "/metadata/uid"),
        ("test", "/metadata/resourceVersion"),
        ("test", f"{place}/2"),
        ("remove", f"{place}/2"),
        ("test", f"{place}/0"),
        ("remove", f"{place}/0"),
        ("test", "/metadata/managedFields/1/manager"),
        ("remove", "/metadata/managedFields/1"),
    ] == [(op["op"], op["path"]) for op in patch]


def test_release_patch_escapes_keys():
    """Slashes and tildes of annotation keys are escaped as JSON pointers demand."""
    odd = mf.template_annotation("a/b~c")
    live = owned_by(template({"a/b~c": "x"}), (names.FIELD_MANAGER, [odd]), ("helm", [LOGS]))

    paths = [op["path"] for op in build_release_patch(live) or []]

    assert "/spec/template/metadata/annotations/a~1b~0c" in paths


OWNER = {names.OWNED_BY_LABEL: "mesh", names.OWNER_UID_LABEL: "u"}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "namespace": "prod", "labels": OWNER},
}


def taken(labels: Any) -> Any:
    """Return the live Service with these labels."""
    return {**SERVICE, "metadata": {**SERVICE["metadata"], "labels": labels}}


async def test_lost_answer_of_a_create_is_looked_up():
    """If the first create succeeded unseen, no second one is sent."""
    server = FakeServer(others=[hang_up(), answer(200, taken(OWNER))])

    async with serving(server) as api:
        created = await create_owned(api, SERVICE)

    assert created.was_there
    assert [request.method for request in server.requests] == ["POST", "GET"]


async def test_lost_create_is_sent_again_when_nothing_is_there():
    """If it did not succeed, it is repeated; a conflict with ourselves counts as success."""
    server = FakeServer(
        others=[
            failure(504),
            failure(404),
            failure(409, "AlreadyExists"),
            answer(200, taken(OWNER)),
        ]
    )

    async with serving(server) as api:
        created = await create_owned(api, SERVICE)

    assert created.was_there
    assert [request.method for request in server.requests] == ["POST", "GET", "POST", "GET"]


@pytest.mark.parametrize(
    "labels", [None, {}, {names.OWNED_BY_LABEL: "mesh"}, {**OWNER, names.OWNER_UID_LABEL: "old"}]
)
async def test_namesake_is_not_ours(labels):
    """Both labels must stand there, with our values."""
    server = FakeServer(others=[failure(409, "AlreadyExists"), answer(200, taken(labels))])

    async with serving(server) as api:
        with pytest.raises(NotOurs):
            await create_owned(api, SERVICE)


async def test_create_that_never_ends_is_given_up():
    """A server that loses every answer is reported as unavailable."""
    server = FakeServer(others=[failure(500), failure(404)] * 10)

    async with serving(server) as api:
        with pytest.raises(Unavailable):
            await create_owned(api, SERVICE)

    assert json.loads(server.bodies[0]) == SERVICE
