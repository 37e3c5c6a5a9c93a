"""Taking everything back without a trace, on a real API server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from istio_observability.kube import managed_fields as mf
from istio_observability.kube.apply import apply_foreign
from istio_observability.kube.connection import connect
from istio_observability.kube.release import ReleaseOutcome, build_release_patch, release
from istio_observability.model import names
from tests.control_plane.kube_support import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    LOGS,
    PROM,
    annotate,
    apply_client_side,
    apply_server_side,
    body_for,
    comparable,
    config_map,
    daemon_set,
    deployment,
    own_managers,
    ref,
    template_annotations,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from dev.control_plane import ClusterAccess
    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.objects import Body, ObjectRef

pytestmark = pytest.mark.control_plane

WIRED_BY = names.WIRED_BY_ANNOTATION
NOTHING: frozenset[mf.Path] = frozenset()
ADMITTED = {"sidecar.istio.io/status": "set", "prometheus.io/port": "15020"}


@pytest.fixture
async def api(control_plane: ClusterAccess) -> AsyncIterator[ClusterApi]:
    """A connection as the administrator."""
    async with await connect(control_plane.kubeconfig) as cluster:
        yield cluster


async def wire(api: Any, live: Any, text: Any = "text") -> Any:
    """Wire a Deployment as the operator does."""
    return await apply_foreign(api, annotate(live, {PROM: text}, {WIRED_BY: "mesh"}), owned=NOTHING)


async def free(api: Any, live: Any, **options: Any) -> Any:
    """Release an object that was read earlier."""
    kind = DEPLOYMENT if live["kind"] == "Deployment" else CONFIG_MAP
    where = ref(kind, live["metadata"]["namespace"], live["metadata"]["name"])
    return await take_back(api, where, live, **options)


async def take_back(api: Any, where: ObjectRef, live: Body, **options: Any) -> Any:
    """Release the object that ``live`` shows."""
    return await release(api, where, live["metadata"]["uid"], **options)


async def test_deployment_is_as_before(api, control_plane, namespace):
    """Values and ownership go in one patch; a repetition finds nothing to do."""
    live = apply_client_side(control_plane, deployment(namespace))
    wired = await wire(api, live)

    first = await free(api, live)
    second = await free(api, live)

    assert ReleaseOutcome.RELEASED is first.outcome
    assert ReleaseOutcome.UNCHANGED is second.outcome
    assert template_annotations(wired) == {PROM: "text"}
    assert own_managers(first.live) == []
    assert comparable(live) == comparable(first.live)


async def test_value_that_its_owner_also_sets_stays(api, control_plane, namespace):
    """What a client-side owner has set to the same value is the owner's after we leave."""
    live = apply_client_side(control_plane, deployment(namespace, annotations={PROM: "same"}))
    await wire(api, live, "same")

    freed = await free(api, live)

    assert template_annotations(freed.live) == {PROM: "same"}
    assert own_managers(freed.live) == []


async def test_value_that_its_owner_changed_stays(api, control_plane, namespace):
    """An owner who changed the value keeps the change."""
    live = apply_client_side(control_plane, deployment(namespace))
    await wire(api, live)
    apply_client_side(control_plane, deployment(namespace, annotations={PROM: "theirs"}))

    freed = await free(api, live)

    assert template_annotations(freed.live) == {PROM: "theirs"}
    assert WIRED_BY not in (freed.live["metadata"].get("annotations") or {})


async def test_empty_map_declared_by_an_owner_is_released(api, control_plane, namespace):
    """After a forced apply into ``annotations: {}`` the owner's apply and our leaving both work."""
    own = deployment(namespace, annotations={})
    live = apply_server_side(control_plane, own)
    await wire(api, live)
    apply_server_side(control_plane, own)

    freed = await free(api, live)

    assert template_annotations(freed.live) == {}
    assert own_managers(freed.live) == []
    apply_server_side(control_plane, own)


@pytest.fixture
def mutating_admission(control_plane: ClusterAccess, namespace: str) -> Iterator[None]:
    """Admission that adds annotations to templates of new Deployments, as an injector would."""
    annotations = json.dumps(ADMITTED).replace('"', "'")
    expression = (
        "Object{spec: Object.spec{template: Object.spec.template{metadata: "
        f"Object.spec.template.metadata{{annotations: {annotations}}}}}}}}}"
    )
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
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
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {"expression": expression},
                }
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace,
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
            },
        },
    }
    items = {"apiVersion": "v1", "kind": "List", "items": [policy, binding]}
    control_plane.kubectl("create", "-f", "-", input=json.dumps(items))
    yield
    control_plane.kubectl(
        "delete",
        f"mutatingadmissionpolicies/{namespace}",
        f"mutatingadmissionpolicybindings/{namespace}",
    )


async def admitted_deployment(control_plane: Any, namespace: Any) -> Any:
    """Return a Deployment whose template was changed by admission when it was created."""
    for attempt in range(60):
        own = deployment(namespace, f"cart{attempt}")
        live = apply_server_side(control_plane, own)
        if template_annotations(live) == ADMITTED:
            return live
        # The policy takes a moment to be known to the API server.
        await asyncio.sleep(0.25)
    return pytest.fail("the admission policy never took effect")


async def test_what_admission_set_stays(api, control_plane, namespace, mutating_admission):
    """Annotations that belong to nobody survive the way in and the way out."""
    live = await admitted_deployment(control_plane, namespace)
    wired = await wire(api, live)

    freed = await free(api, live)

    assert template_annotations(wired) == {**ADMITTED, PROM: "text"}
    assert template_annotations(freed.live) == ADMITTED
    assert own_managers(freed.live) == []


async def test_bare_apply_would_remove_what_admission_set(
    api, control_plane, namespace, mutating_admission
):
    """The server still behaves in the way that made us release by exact paths."""
    live = await admitted_deployment(control_plane, namespace)
    await wire(api, live)

    bare = await api.apply(body_for(live))

    assert template_annotations(bare) == {}


async def test_apply_without_our_last_key_keeps_what_admission_set(
    api, control_plane, namespace, mutating_admission
):
    """Giving up the template annotation while keeping a marker is a release, not an apply."""
    live = await admitted_deployment(control_plane, namespace)
    wired = await wire(api, live)
    marker = body_for(live, metadata={"annotations": {WIRED_BY: "mesh"}})

    after = await apply_foreign(api, marker, owned=mf.owned_paths(wired))

    assert template_annotations(after) == ADMITTED
    assert after["metadata"]["annotations"][WIRED_BY] == "mesh"
    assert mf.owned_paths(after) == mf.leaf_paths_of_body(marker)


async def test_part_is_released_and_the_rest_kept(api, control_plane, namespace):
    """With ``keep`` the other values stay set and ours, a shared one is given up."""
    live = apply_client_side(control_plane, deployment(namespace, annotations={LOGS: "[]"}))
    await apply_foreign(api, annotate(live, {PROM: "x", LOGS: "[]"}), owned=NOTHING)
    keep = frozenset({mf.template_annotation(PROM)})

    freed = await free(api, live, keep=keep)

    assert template_annotations(freed.live) == {PROM: "x", LOGS: "[]"}
    assert mf.owned_paths(freed.live) == keep


async def test_orphan_leaves_the_values(api, control_plane, namespace):
    """With ``orphan`` only ownership and markers go; the template stays, so nothing restarts."""
    live = apply_client_side(control_plane, deployment(namespace))
    wired = await wire(api, live)

    freed = await free(api, live, orphan=True)

    assert template_annotations(freed.live) == {PROM: "text"}
    assert WIRED_BY not in freed.live["metadata"]["annotations"]
    assert own_managers(freed.live) == []
    assert freed.live["spec"] == wired["spec"]


async def test_orphan_of_an_object_nobody_else_owns(api, control_plane, namespace):
    """The last entry of ``managedFields`` goes as well."""
    body = config_map(namespace, "lonely", {"zipkin.conf": "x"})
    live = await api.apply(body)

    freed = await free(api, live, orphan=True)

    assert freed.live["data"] == {"zipkin.conf": "x"}
    assert own_managers(freed.live) == []


async def test_config_map_keeps_the_keys_of_others(api, control_plane, namespace):
    """Our keys leave ``datakit-conf``, also those with dots and slashes in their names."""
    live = apply_client_side(control_plane, config_map(namespace, data={"theirs.conf": "t"}))
    keys = {"zipkin.conf": "z", "prom_istiod.conf": "p"}
    await apply_foreign(api, body_for(live, data=keys), owned=NOTHING)

    freed = await free(api, live)

    assert comparable(live) == comparable(freed.live)


async def test_daemon_set_mounts_leave_no_trace(api, control_plane, namespace):
    """Mounts, volume and hash go; the user's later mounts and volumes stay in their order."""
    live = apply_client_side(control_plane, daemon_set(namespace))
    mounts = [
        {"name": "iobs", "mountPath": f"/conf.d/{key}", "subPath": key, "readOnly": True}
        for key in ("zipkin.conf", "prom_istiod.conf")
    ]
    template = {
        "metadata": {"annotations": {names.CONFIG_HASH_ANNOTATION: "hash"}},
        "spec": {
            "containers": [{"name": "datakit", "volumeMounts": mounts}],
            "volumes": [{"name": "iobs", "configMap": {"name": "datakit-conf"}}],
        },
    }
    await apply_foreign(api, body_for(live, spec={"template": template}), owned=NOTHING)
    later = daemon_set(namespace)
    pod = later["spec"]["template"]["spec"]
    pod["volumes"].append({"name": "later", "emptyDir": {}})
    pod["containers"][0]["volumeMounts"].append({"name": "later", "mountPath": "/later"})
    expected = apply_client_side(control_plane, later)

    where = ref(DAEMON_SET, namespace, "datakit")
    freed = await take_back(api, where, live)

    spec = expected["spec"]["template"]["spec"]
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] != "iobs"]
    container = spec["containers"][0]
    container["volumeMounts"] = [m for m in container["volumeMounts"] if m["name"] != "iobs"]
    del expected["spec"]["template"]["metadata"]["annotations"]
    assert comparable(expected) == comparable(freed.live)
    assert own_managers(freed.live) == []


async def test_volume_that_somebody_mounts_stays(api, control_plane, namespace):
    """A volume of ours that another mount needs is left to its user, or the patch would fail."""
    live = apply_client_side(control_plane, daemon_set(namespace))
    volume = {"name": "iobs", "configMap": {"name": "datakit-conf"}}
    body = body_for(live, spec={"template": {"spec": {"volumes": [volume]}}})
    await apply_foreign(api, body, owned=NOTHING)
    user = daemon_set(namespace)
    user["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].append(
        {"name": "iobs", "mountPath": "/mine"}
    )
    apply_client_side(control_plane, user)

    freed = await take_back(api, ref(DAEMON_SET, namespace, "datakit"), live)

    assert "iobs" in {v["name"] for v in freed.live["spec"]["template"]["spec"]["volumes"]}
    assert own_managers(freed.live) == []


async def test_gone_or_replaced_object_is_missing(api, control_plane, namespace):
    """A namesake of the object that we touched is not touched."""
    live = apply_client_side(control_plane, deployment(namespace))
    where = ref(DEPLOYMENT, namespace, "cart")

    replaced = await release(api, where, "7d1f7c2e-0000-0000-0000-000000000000")
    control_plane.kubectl("delete", "deployment/cart", "-n", namespace)
    gone = await release(api, where, live["metadata"]["uid"])

    assert [replaced.outcome, gone.outcome] == [ReleaseOutcome.MISSING] * 2


async def test_change_between_reading_and_patching_is_read_again(api, control_plane, namespace):
    """A release that meets a newer object decides again instead of failing or overwriting."""
    live = apply_client_side(control_plane, deployment(namespace))
    await wire(api, live)

    class Racing:
        """Let the owner change the value between our reading and our patching, once."""

        raced = False

        async def get(self, where: Any) -> Any:
            body = await api.get(where)
            if not self.raced:
                self.raced = True
                patch = annotate(live, {PROM: "theirs"})
                await api.merge_patch(where, {"spec": patch["spec"]})
            return body

        async def json_patch(self, where: Any, ops: Any) -> Any:
            return await api.json_patch(where, ops)

    freed = await take_back(Racing(), ref(DEPLOYMENT, namespace, "cart"), live)

    assert ReleaseOutcome.RELEASED is freed.outcome
    assert own_managers(freed.live) == []


async def test_pods_return_to_the_original_template(api, rollout_control_plane, namespace):
    """After the release the first ReplicaSet is used again: the template is byte for byte equal."""
    live = apply_client_side(rollout_control_plane, deployment(namespace))
    before = await current_template_hash(rollout_control_plane, namespace)
    await wire(api, live)
    during = await current_template_hash(rollout_control_plane, namespace, other_than=before)

    await free(api, live)

    after = await current_template_hash(rollout_control_plane, namespace, other_than=during)
    assert before == after


async def current_template_hash(plane: Any, namespace: Any, other_than: Any = None) -> Any:
    """Wait until the controller has a newest ReplicaSet, and return its pod-template-hash."""
    for _ in range(100):
        out = plane.kubectl("get", "replicasets", "-n", namespace, "-o", "json")
        sets = json.loads(out)["items"]
        key = "deployment.kubernetes.io/revision"
        newest = max(sets, key=lambda s: int(s["metadata"]["annotations"][key]), default=None)
        if newest and newest["metadata"]["labels"]["pod-template-hash"] != other_than:
            return newest["metadata"]["labels"]["pod-template-hash"]
        await asyncio.sleep(0.1)
    return pytest.fail("the Deployment controller made no new ReplicaSet")


async def test_untouched_object_needs_no_patch(control_plane, namespace):
    """An object in which our manager is not named is released already."""
    live = apply_client_side(control_plane, deployment(namespace))

    assert build_release_patch(live) is None
