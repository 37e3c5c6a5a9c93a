"""The rules of the apply, on a real API server and with real neighbours."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from istio_observability.kube import managed_fields as mf
from istio_observability.kube.allow_list import NotAllowedError
from istio_observability.kube.apply import (
    DeleteOutcome,
    apply_foreign,
    apply_owned,
    create_owned,
    delete_owned,
    needs_apply,
)
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import (
    AlreadyExists,
    Awaited,
    ConflictCause,
    FieldConflict,
    Invalid,
    Missing,
    NotOurs,
    Stale,
)
from istio_observability.kube.transport import ClientOptions
from istio_observability.model import names
from tests.control_plane.kube_support import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    LOGS,
    PROM,
    SERVICE,
    annotate,
    apply_client_side,
    apply_server_side,
    body_for,
    config_map,
    daemon_set,
    deployment,
    own_managers,
    ref,
    service,
    template_annotations,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dev.control_plane import ClusterAccess
    from istio_observability.kube.api import ClusterApi

pytestmark = pytest.mark.control_plane

OWNER = {names.OWNED_BY_LABEL: "mesh", names.OWNER_UID_LABEL: "0b5c"}
NOTHING: frozenset[mf.Path] = frozenset()


@pytest.fixture
async def api(control_plane: ClusterAccess) -> AsyncIterator[ClusterApi]:
    """A connection as the administrator."""
    async with await connect(control_plane.kubeconfig) as cluster:
        yield cluster


async def test_unchanged_apply_changes_nothing(api, control_plane, namespace):
    """A second apply leaves resource version and our time alone, also after the owner scaled."""
    live = apply_client_side(control_plane, deployment(namespace))
    body = annotate(live, {PROM: "text"})
    await apply_foreign(api, body, owned=NOTHING)
    control_plane.kubectl("scale", "deployment/cart", "-n", namespace, "--replicas=1")
    before = await api.get(ref(DEPLOYMENT, namespace, "cart"))

    after = await apply_foreign(api, body, owned=mf.owned_paths(before))

    entries = [e for e in after["metadata"]["managedFields"] if e["manager"] == names.FIELD_MANAGER]
    earlier = [
        e for e in before["metadata"]["managedFields"] if e["manager"] == names.FIELD_MANAGER
    ]
    assert before["metadata"]["generation"] == after["metadata"]["generation"]
    assert earlier == entries


@pytest.mark.parametrize("value", [{}, None], ids=["empty map", "null"])
async def test_declared_empty_map_of_a_server_side_owner_is_no_conflict(
    api, control_plane, namespace, value
):
    """Owners that write an empty annotations map keep working, and so does our value in it."""
    own = deployment(namespace, annotations=value)
    live = apply_server_side(control_plane, own)
    with pytest.raises(FieldConflict) as refused:
        await api.apply(annotate(live, {PROM: "one"}))

    await apply_foreign(api, annotate(live, {PROM: "one"}), owned=NOTHING)
    again = apply_server_side(control_plane, own)
    changed = await apply_foreign(api, annotate(live, {PROM: "two"}), owned=mf.owned_paths(again))

    parent = ".spec.template.metadata.annotations"
    assert refused.value.causes == (ConflictCause(parent, "helm"),)
    assert template_annotations(again) == {PROM: "one"}
    assert template_annotations(changed) == {PROM: "two"}


async def test_empty_data_of_a_server_side_owner_is_no_conflict(api, control_plane, namespace):
    """A ConfigMap declared with empty data under server-side apply takes our keys."""
    live = apply_server_side(control_plane, config_map(namespace, data={}))

    after = await apply_foreign(api, body_for(live, data={"zipkin.conf": "x"}), owned=NOTHING)

    assert after["data"] == {"zipkin.conf": "x"}


async def test_value_of_another_owner_is_reported_and_left(api, control_plane, namespace):
    """A key that a chart sets stays as it is; path and manager come with the error."""
    live = apply_server_side(control_plane, deployment(namespace, annotations={PROM: "theirs"}))

    with pytest.raises(FieldConflict) as refused:
        await apply_foreign(api, annotate(live, {PROM: "ours"}), owned=NOTHING)

    path = f".spec.template.metadata.annotations.{PROM}"
    assert refused.value.causes == (ConflictCause(path, "helm"),)
    assert mf.dotted(mf.template_annotation(PROM)) == path
    now = await api.get(ref(DEPLOYMENT, namespace, "cart"))
    assert template_annotations(now) == {PROM: "theirs"}


async def test_map_with_a_foreign_key_is_not_forced(api, control_plane, namespace):
    """Force is for empty maps: with a second owner's changed key the conflict stands."""
    live = apply_server_side(control_plane, deployment(namespace, annotations={PROM: "theirs"}))
    body = annotate(live, {PROM: "ours", LOGS: "[]"})

    with pytest.raises(FieldConflict):
        await apply_foreign(api, body, owned=NOTHING)

    assert own_managers(await api.get(ref(DEPLOYMENT, namespace, "cart"))) == []


async def test_missing_and_replaced_objects_are_missing(api, control_plane, namespace):
    """An apply with a uid never creates, and never lands on a namesake."""
    live = apply_client_side(control_plane, deployment(namespace))
    body = annotate(live, {PROM: "text"})
    control_plane.kubectl("delete", "deployment/cart", "-n", namespace)
    with pytest.raises(Missing) as gone:
        await apply_foreign(api, body, owned=NOTHING)
    apply_client_side(control_plane, deployment(namespace))

    with pytest.raises(Missing) as replaced:
        await apply_foreign(api, body, owned=NOTHING)
    with pytest.raises(Missing) as forced:
        await api.apply(body, force=True)
    with pytest.raises(Missing) as read:
        await api.get(ref(DEPLOYMENT, namespace, "nobody"))

    assert [e.value.status for e in (gone, replaced, forced, read)] == [409, 422, 422, 404]


async def test_terminating_namespace_is_awaited(api, control_plane, namespace):
    """Creating in a namespace that goes is neither forbidden nor retried; patching still works."""
    held = config_map(namespace, data={"a": "b"})
    held["metadata"]["finalizers"] = ["example.com/hold"]
    live = apply_client_side(control_plane, held)
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")

    with pytest.raises(Awaited):
        await create_owned(api, service(namespace, OWNER))
    patched = await apply_foreign(api, body_for(live, data={"zipkin.conf": "x"}), owned=NOTHING)

    assert patched["data"] == {"a": "b", "zipkin.conf": "x"}
    patch = {"metadata": {"finalizers": None}}
    await api.merge_patch(ref(CONFIG_MAP, namespace, "datakit-conf"), patch)


async def test_invalid_content_names_fields_but_no_values(api, namespace):
    """A refusal says which field and why, without what was in it."""
    body = service(namespace, OWNER)
    body["spec"]["ports"][0]["port"] = 777777
    body["spec"]["type"] = "Secret-Text"

    with pytest.raises(Invalid) as refused:
        await api.create(body)

    fields = {cause.field for cause in refused.value.causes}
    assert {"spec.ports[0].port", "spec.type"} <= fields
    assert "must be between 1 and 65535" in str(refused.value)
    assert "777777" not in str(refused.value)
    assert "Secret-Text" not in str(refused.value)


async def test_our_reading_of_an_intent_is_what_the_server_records(api, control_plane, namespace):
    """For every kind of object we apply, predicted and recorded fields are the same."""
    live = {
        "daemon set": apply_client_side(control_plane, daemon_set(namespace)),
        "deployment": apply_client_side(control_plane, deployment(namespace)),
        "config map": apply_client_side(control_plane, config_map(namespace)),
    }
    ours = f"{names.GROUP}/wired-by"
    intents = {
        "daemon set": agent_body(live["daemon set"]),
        "deployment": annotate(live["deployment"], {PROM: "x", LOGS: "y"}, {ours: "mesh"}),
        "config map": body_for(live["config map"], data={"zipkin.conf": "x"}),
    }
    recorded = {
        name: await apply_foreign(api, intent, owned=NOTHING) for name, intent in intents.items()
    }
    intents["service"] = service(namespace, OWNER)
    recorded["service"] = await api.apply(intents["service"])

    for name, intent in intents.items():
        assert mf.leaf_paths_of_body(intent) == mf.owned_paths(recorded[name]), name
        assert not needs_apply(recorded[name], intent), name


def agent_body(live: Any) -> Any:
    """Return what the operator sets on the agent's DaemonSet."""
    mount = {"name": "iobs", "mountPath": "/conf.d/zipkin.conf", "subPath": "zipkin.conf"}
    template = {
        "metadata": {"annotations": {names.CONFIG_HASH_ANNOTATION: "hash"}},
        "spec": {
            "containers": [{"name": "datakit", "volumeMounts": [mount]}],
            "volumes": [{"name": "iobs", "configMap": {"name": "datakit-conf"}}],
        },
    }
    return body_for(live, spec={"template": template})


async def test_mount_survives_the_owners_next_apply(api, control_plane, namespace):
    """Our mount, volume and hash stay when the user applies the stock manifest again."""
    live = apply_client_side(control_plane, daemon_set(namespace))
    await apply_foreign(api, agent_body(live), owned=NOTHING)

    again = apply_client_side(control_plane, daemon_set(namespace))

    spec = again["spec"]["template"]["spec"]
    assert {"iobs", "own"} == {volume["name"] for volume in spec["volumes"]}
    assert {"iobs", "own"} == {m["name"] for m in spec["containers"][0]["volumeMounts"]}
    assert not needs_apply(again, agent_body(live))
    owners = mf.managers_of(again, mf.container_image("datakit"))
    assert [manager.friendly for manager in owners] == ["kubectl apply"]


async def test_stock_config_map_wipes_our_keys_and_that_is_seen(api, control_plane, namespace):
    """``data: null`` in the agent's manifest removes our keys; they are missed and set again."""
    stock = config_map(namespace)
    live = apply_client_side(control_plane, stock)
    intent = body_for(live, data={"zipkin.conf": "x"})
    await apply_foreign(api, intent, owned=NOTHING)

    wiped = apply_client_side(control_plane, stock)
    assert needs_apply(wiped, intent)
    back = await apply_foreign(api, intent, owned=mf.owned_paths(wiped))

    assert back["data"] == {"zipkin.conf": "x"}


async def test_dropping_one_of_two_keys_by_apply_keeps_the_other(api, control_plane, namespace):
    """One write is enough where a key of ours stays in the map."""
    live = apply_client_side(control_plane, deployment(namespace))
    both = await apply_foreign(api, annotate(live, {PROM: "x", LOGS: "y"}), owned=NOTHING)

    one = await apply_foreign(api, annotate(live, {PROM: "x"}), owned=mf.owned_paths(both))

    assert template_annotations(one) == {PROM: "x"}
    assert both["metadata"]["generation"] + 1 == one["metadata"]["generation"]


async def test_foreign_fields_are_refused_before_the_wire(api, control_plane, namespace):
    """A body with a field outside the allow-list is a bug and is not sent."""
    live = apply_client_side(control_plane, deployment(namespace))

    with pytest.raises(NotAllowedError, match=r"\.spec\.replicas is never written"):
        await apply_foreign(api, body_for(live, spec={"replicas": 3}), owned=NOTHING)


async def test_own_service_is_created_kept_and_deleted(api, control_plane, namespace):
    """Create, no request while right, repair of drift, a dropped field goes, delete."""
    body = service(namespace, {**OWNER, "extra": "label"})
    created = await create_owned(api, body)
    assert not created.was_there
    assert not needs_apply(created.live, body)
    assert (await create_owned(api, body)).was_there

    patch = {"spec": {"selector": {"app": "other", "added": "by-hand"}}}
    control_plane.kubectl(
        "patch", "service/zipkin-ext", "-n", namespace, "--type=merge", "-p", json.dumps(patch)
    )
    drifted = await api.get(ref(SERVICE, namespace, "zipkin-ext"))
    assert needs_apply(drifted, body)
    body["metadata"]["labels"] = OWNER
    repaired = await apply_owned(api, body, live=drifted)
    assert repaired["spec"]["selector"] == {"app": "datakit"}
    assert repaired["metadata"]["labels"] == OWNER
    assert repaired["spec"]["clusterIP"] == created.live["spec"]["clusterIP"]
    assert not needs_apply(repaired, body)
    assert [manager.operation for manager in own_managers(repaired)] == ["Apply"]

    where = ref(SERVICE, namespace, "zipkin-ext")
    assert await delete_owned(api, where, live=repaired) is DeleteOutcome.DELETED
    assert await delete_owned(api, where, live=repaired) is DeleteOutcome.MISSING


async def test_object_with_a_second_owner_is_kept(api, control_plane, namespace):
    """Somebody who came to own a field of our Service keeps it; we leave without a trace."""
    created = await create_owned(api, service(namespace, OWNER))
    other = service(namespace, {"team": "payments"})
    other["spec"] = {"ports": [{"port": 80, "protocol": "TCP", "name": "theirs"}]}
    apply_server_side(control_plane, other, "payments")

    # Decided on an old state: the precondition notices, and the new state decides.
    outcome = await delete_owned(api, ref(SERVICE, namespace, "zipkin-ext"), live=created.live)

    kept = await api.get(ref(SERVICE, namespace, "zipkin-ext"))
    assert outcome is DeleteOutcome.KEPT
    assert kept["metadata"]["labels"] == {"team": "payments"}
    assert own_managers(kept) == []


async def test_foreign_service_of_our_name_is_left_alone(api, control_plane, namespace):
    """Without our owner labels an object is somebody else's, whatever an apply would accept."""
    foreign = service(namespace, {})
    live = apply_server_side(control_plane, foreign)
    body = service(namespace, OWNER)

    with pytest.raises(AlreadyExists):
        await api.create(body)
    with pytest.raises(NotOurs):
        await create_owned(api, body)
    with pytest.raises(NotOurs):
        await apply_owned(api, body, live=live)
    with pytest.raises(NotOurs):
        await delete_owned(api, ref(SERVICE, namespace, "zipkin-ext"), live=live)


async def test_guards_against_concurrent_change(api, control_plane, namespace):
    """A delete, a patch and an apply that were decided on an old state change nothing."""
    live = apply_client_side(control_plane, config_map(namespace, data={"a": "b"}))
    where = ref(CONFIG_MAP, namespace, "datakit-conf")
    await api.merge_patch(where, {"data": {"a": "c"}})
    old = live["metadata"]["resourceVersion"]
    body = body_for(live, data={"zipkin.conf": "x"}, metadata={"resourceVersion": old})

    with pytest.raises(Stale):
        await api.delete(where, uid=live["metadata"]["uid"], resource_version=old)
    with pytest.raises(Missing):
        await api.delete(where, uid="7d1f7c2e-0000-0000-0000-000000000000")
    with pytest.raises(Stale):
        await api.json_patch(where, [{"op": "test", "path": "/data/a", "value": "b"}])
    with pytest.raises(Stale):
        await api.apply(body)


async def test_daemon_set_is_the_kind_of_its_reference(api, control_plane, namespace):
    """Reading by reference returns what the selection of lists returns."""
    apply_client_side(control_plane, daemon_set(namespace))

    live = await api.get(ref(DAEMON_SET, namespace, "datakit"))

    assert (live["apiVersion"], live["kind"]) == ("apps/v1", "DaemonSet")


async def test_requests_are_observed(control_plane, namespace):
    """Each request is told with verb, kind, status and duration, refusals included."""
    seen = []
    options = ClientOptions(observer=lambda *request: seen.append(request))
    async with await connect(control_plane.kubeconfig, options=options) as api:
        await create_owned(api, service(namespace, OWNER))
        with pytest.raises(Missing):
            await api.get(ref(DEPLOYMENT, namespace, "nobody"))
        await asyncio.gather(*(api.get(ref(SERVICE, namespace, "zipkin-ext")) for _ in range(50)))

    assert [s[:3] for s in seen[:2]] == [("CREATE", "Service", 201), ("GET", "Deployment", 404)]
    assert len(seen) == 52
    assert all(0 < seconds < 30 for *_, seconds in seen)
