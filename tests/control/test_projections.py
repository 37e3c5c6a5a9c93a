"""Live objects as facts: values, owners, roll-outs, and nothing that is none of our business."""

from __future__ import annotations

from typing import Any

import pytest

from istio_observability.control.project_agent import (
    project_agent,
    project_config_map,
    project_service,
)
from istio_observability.control.project_cluster import (
    PodFacts,
    project_mesh_config,
    project_namespace,
    project_pod,
    project_revisions,
)
from istio_observability.control.project_workload import project_workload
from istio_observability.kube import managed_fields as mf
from istio_observability.model import names
from istio_observability.plan.agent_facts import MountFacts, VolumeFacts
from istio_observability.plan.facts import ABSENT, FieldFacts

PROM, LOGS = "datakit/prom.instances", "datakit/logs"
EARLY, LATE = "2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z"
MOUNT = "/usr/local/datakit/conf.d/zipkin/zipkin.conf"


def manager(name, *paths, at=EARLY, **rest):
    """Return an entry of ``managedFields`` that owns these paths."""
    return {"manager": name, "time": at, "fieldsV1": mf.tree_of(frozenset(paths)), **rest}


def deployment(annotations=None, managers=(), **parts):
    """Return a live Deployment."""
    meta = {
        "name": "cart",
        "namespace": "prod",
        "uid": "u",
        "generation": 2,
        **parts.get("meta", {}),
    }
    pod = {"containers": [{"name": "app", "image": "r.example/app:1.2"}], **parts.get("pod", {})}
    return {
        "metadata": {**meta, "managedFields": list(managers)},
        "spec": {
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}, "annotations": annotations},
                "spec": pod,
            },
            **parts.get("spec", {}),
        },
        "status": parts.get("status", {}),
    }


OWNED = mf.template_annotation(PROM)
US, HELM = names.FIELD_MANAGER, "helm"

FIELDS: dict[str, tuple[Any, Any, FieldFacts]] = {
    "absent": (None, [], ABSENT),
    "of nobody known": ({PROM: "x"}, [], FieldFacts("x")),
    "ours": ({PROM: "x"}, [manager(US, OWNED)], FieldFacts("x", ours=True)),
    "Helm's, by the name people know": (
        {PROM: "x"},
        [manager(HELM, OWNED)],
        FieldFacts("x", others=("Helm",)),
    ),
    "shared": (
        {PROM: "x"},
        [manager(US, OWNED), manager(HELM, OWNED)],
        FieldFacts("x", ours=True, others=("Helm",)),
    ),
    "another annotation of ours": (
        {PROM: "x"},
        [manager(US, mf.template_annotation(LOGS))],
        FieldFacts("x"),
    ),
    "owned on a subresource, which says nothing": (
        {PROM: "x"},
        [manager(US, OWNED, subresource="status")],
        FieldFacts("x"),
    ),
}


@pytest.mark.parametrize(("annotations", "managers", "expected"), FIELDS.values(), ids=FIELDS)
def test_field_has_value_and_owners(annotations, managers, expected):
    """The value is the template's, the owner is who set it."""
    assert expected == project_workload(deployment(annotations, managers)).prom


def test_workload_has_what_decisions_need():
    """Markers, labels, sizes, the image's version."""
    marks = {
        names.WIRED_BY_ANNOTATION: "mesh",
        names.REVISION_ANNOTATION: "0123abcd",
        names.ROLLOUTS_ANNOTATION: "3",
    }
    live = deployment(
        {PROM: "x", "note": "äö", "sidecar.istio.io/inject": "false"},
        meta={"annotations": marks, "labels": {"team": "a"}},
        spec={"paused": True, "replicas": 0},
        pod={"hostNetwork": True},
    )
    facts = project_workload(live)

    assert (facts.wired_by, facts.revision, facts.rollouts_caused) == ("mesh", "0123abcd", 3)
    assert (facts.replicas, facts.paused, facts.host_network) == (0, True, True)
    assert facts.template_annotations == {"sidecar.istio.io/inject": "false"}
    assert facts.other_annotation_bytes == len("note") + 4 + len("sidecar.istio.io/injectfalse")
    assert (facts.labels, facts.selector) == ({"team": "a"}, {"app": "cart"})


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "²"])
def test_count_that_somebody_edited_is_zero(text):
    """A marker is text that anybody may change."""
    live = deployment(meta={"annotations": {names.ROLLOUTS_ANNOTATION: text}})

    assert project_workload(live).rollouts_caused == 0


WRITES = {
    "we wrote last": ((EARLY, LATE), True),
    "at the same second, which counts as ours": ((LATE, LATE), True),
    "somebody wrote after us": ((LATE, EARLY), False),
}


@pytest.mark.parametrize(("times", "expected"), WRITES.values(), ids=WRITES)
def test_last_writer_of_the_spec_is_known(times, expected):
    """Whose roll-out it is decides whether it can fail by us."""
    theirs_at, ours_at = times
    managers = [
        manager(HELM, mf.container_image("app"), at=theirs_at),
        manager(US, OWNED, at=ours_at),
        manager("kube-controller-manager", ("f:status",), at=LATE, subresource="status"),
    ]
    marks = {names.WIRED_BY_ANNOTATION: "mesh"}
    facts = project_workload(deployment({PROM: "x"}, managers, meta={"annotations": marks}))

    assert expected is facts.last_write_ours


PROXIES = {
    "none": ({}, False),
    "a container": ({"containers": [{"name": "istio-proxy", "image": "proxyv2:1"}]}, True),
    "a gateway's, which injection will fill": (
        {"containers": [{"name": "istio-proxy", "image": "auto"}]},
        False,
    ),
    "a native sidecar": (
        {"initContainers": [{"name": "istio-proxy", "restartPolicy": "Always"}]},
        True,
    ),
    "an init container that ends": ({"initContainers": [{"name": "istio-proxy"}]}, False),
}


@pytest.mark.parametrize(("pod", "expected"), PROXIES.values(), ids=PROXIES)
def test_hand_written_proxy_is_seen(pod, expected):
    """As a container or as a native sidecar."""
    assert expected is project_workload(deployment(pod=pod)).template_has_proxy


def test_only_a_controller_resets_a_template():
    """An owner that only collects garbage does not."""
    owner = {"kind": "Rollout", "name": "cart"}

    assert project_workload(deployment(meta={"ownerReferences": [owner]})).controller == ""
    controlled = deployment(meta={"ownerReferences": [{**owner, "controller": True}]})
    assert project_workload(controlled).controller == "Rollout cart"


ROLLOUTS = {
    "finished": (
        {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        True,
    ),
    "not seen yet": (
        {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        False,
    ),
    "an old pod is left": (
        {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2},
        False,
    ),
    "not available": ({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}, False),
}


@pytest.mark.parametrize(("status", "expected"), ROLLOUTS.values(), ids=ROLLOUTS)
def test_roll_out_is_finished_when_the_status_says_so(status, expected):
    """Generation seen, all pods new, none old, all available."""
    assert expected is project_workload(deployment(status=status)).rollout.finished


def test_exceeded_deadline_is_seen():
    """Of all conditions only that one."""
    condition = {"type": "Progressing", "reason": "ProgressDeadlineExceeded"}

    assert project_workload(
        deployment(status={"conditions": [condition]})
    ).rollout.deadline_exceeded
    other = {"type": "Progressing", "reason": "NewReplicaSetAvailable"}
    assert not project_workload(
        deployment(status={"conditions": [other]})
    ).rollout.deadline_exceeded


def daemon_set(managers=(), **pod):
    """Return a live DaemonSet of the agent."""
    container = {
        "name": "datakit",
        "image": "datakit:1",
        "env": [
            {"name": "ENV_DATAWAY", "value": "https://x?token=secret"},
            {"name": "ENV_ENABLE_ELECTION", "value": "enable"},
            {"name": "ENV_NAMESPACE", "valueFrom": {}},
        ],
        "volumeMounts": [{"name": "conf", "mountPath": MOUNT, "subPath": "zipkin.conf"}],
    }
    return {
        "metadata": {"name": "datakit", "namespace": "datakit", "managedFields": list(managers)},
        "spec": {
            "updateStrategy": {"type": "OnDelete"},
            "template": {
                "metadata": {"annotations": {names.CONFIG_HASH_ANNOTATION: "h"}},
                "spec": {
                    "containers": [container],
                    "volumes": [{"name": "conf", "configMap": {"name": "a"}}, {"name": "run"}],
                    **pod,
                },
            },
        },
        "status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
    }


def test_agent_has_mounts_volumes_hash_and_owners():
    """Everything that we may own there, each with its owner."""
    managers = [
        manager(HELM, mf.container_image("datakit"), mf.volume("conf")),
        manager(
            US,
            mf.volume_mount("datakit", MOUNT),
            mf.template_annotation(names.CONFIG_HASH_ANNOTATION),
        ),
    ]
    facts = project_agent(daemon_set(managers))
    (container,) = facts.containers

    assert container.mounts == (MountFacts(MOUNT, "conf", "zipkin.conf", ours=True),)
    assert container.image_foreign
    assert facts.volumes == (VolumeFacts("conf", "a", others=("Helm",)), VolumeFacts("run"))
    assert facts.config_hash == FieldFacts("h", ours=True)
    assert (facts.on_delete, facts.rollout.wanted, facts.rollout.finished) == (True, 3, False)


def test_container_that_only_we_own_is_seen():
    """Its owner has removed it, and our mount keeps half of it."""
    managers = [manager(US, mf.volume_mount("datakit", MOUNT))]

    assert not project_agent(daemon_set(managers)).containers[0].image_foreign
    assert project_agent(daemon_set()).containers[0].image_foreign


def test_secrets_of_the_agent_never_enter_memory():
    """Of its environment only what a finding speaks of."""
    facts = project_agent(daemon_set())

    assert facts.containers[0].env == {"ENV_ENABLE_ELECTION": "enable", "ENV_NAMESPACE": None}
    assert "secret" not in repr(facts)


def test_config_map_keeps_our_keys_and_measures_the_others():
    """Foreign values are counted in bytes and forgotten."""
    live = {
        "metadata": {
            "name": "datakit-conf",
            "namespace": "datakit",
            "labels": {names.OWNED_BY_LABEL: "mesh", names.OWNER_UID_LABEL: "u"},
            "managedFields": [manager(US, mf.data_key("zipkin.conf"))],
        },
        "data": {"zipkin.conf": "x", "other.conf": "sëcret"},
        "binaryData": {"b": "AAAA"},
        "immutable": True,
    }
    facts = project_config_map(live)

    assert facts.keys == {"zipkin.conf": FieldFacts("x", ours=True)}
    assert facts.other_bytes == len("other.conf") + 7 + len("b") + 4
    assert (facts.owner_name, facts.owner_uid, facts.immutable) == ("mesh", "u", True)
    assert "cret" not in repr(facts)


def test_config_map_with_null_data_is_empty():
    """As the stock manifest has it."""
    facts = project_config_map({"metadata": {"name": "datakit-conf"}, "data": None})

    assert (facts.keys, facts.other_bytes) == ({}, 0)


def test_service_has_type_target_and_ports():
    """A port without target goes to itself."""
    spec = {
        "type": "ExternalName",
        "externalName": "a.b",
        "ports": [{"port": 1}, {"port": 2, "targetPort": "http", "name": "n"}],
    }
    facts = project_service({"metadata": {"name": "s", "namespace": "n"}, "spec": spec})

    assert (facts.type, facts.external_name) == ("ExternalName", "a.b")
    assert facts.ports == ((1, "1", ""), (2, "http", "n"))


def test_namespace_has_labels_and_the_owner_of_one():
    """The label for injection is the one field that may be ours."""
    live = {
        "metadata": {
            "name": "prod",
            "labels": {"istio-injection": "enabled"},
            "deletionTimestamp": EARLY,
            "managedFields": [manager(US, mf.label("istio-injection"))],
        }
    }
    facts = project_namespace(live)

    assert (facts.injection, facts.terminating) == (FieldFacts("enabled", ours=True), True)


REPLICA_SET = {"kind": "ReplicaSet", "name": "cart-api-5d4f"}
PODS = {
    "a pod of a Deployment": (
        {"labels": {"pod-template-hash": "5d4f"}, "ownerReferences": [REPLICA_SET]},
        PodFacts(("prod", "cart-api"), has_sidecar=False),
    ),
    "with a sidecar": (
        {
            "labels": {"pod-template-hash": "5d4f"},
            "ownerReferences": [REPLICA_SET],
            "annotations": {"sidecar.istio.io/status": "{}"},
        },
        PodFacts(("prod", "cart-api"), has_sidecar=True),
    ),
    "one that goes": (
        {
            "labels": {"pod-template-hash": "5d4f"},
            "ownerReferences": [REPLICA_SET],
            "deletionTimestamp": EARLY,
        },
        None,
    ),
    "one of a bare ReplicaSet": ({"ownerReferences": [REPLICA_SET]}, None),
    "one of another hash": (
        {"labels": {"pod-template-hash": "x"}, "ownerReferences": [REPLICA_SET]},
        None,
    ),
    "one of a Job": ({"ownerReferences": [{"kind": "Job", "name": "j"}]}, None),
    "one of nobody": ({}, None),
}


@pytest.mark.parametrize(("meta", "expected"), PODS.values(), ids=PODS)
def test_pod_leads_to_its_deployment(meta, expected):
    """By metadata alone."""
    assert expected == project_pod({"metadata": {"namespace": "prod", "name": "p", **meta}})


def test_webhook_serves_a_revision_and_a_tag():
    """A tag counts like a revision; without either it is no injection webhook."""
    labels = {"istio.io/rev": "1-30", "istio.io/tag": "stable"}

    expected = frozenset({"1-30", "stable"})
    assert expected == project_revisions({"metadata": {"labels": labels}})
    assert project_revisions({"metadata": {}}) is None


@pytest.mark.parametrize("data", [None, {}, {"other": "x"}, {"mesh": 1}])
def test_config_map_without_mesh_config_has_none(data):
    """Anything but a text is no configuration."""
    assert project_mesh_config({"data": data}) is None


def test_mesh_config_is_the_text():
    """Unparsed: what it means is decided elsewhere."""
    assert project_mesh_config({"data": {"mesh": "a: b"}}) == "a: b"


PROJECTIONS = (
    project_workload,
    project_agent,
    project_config_map,
    project_service,
    project_namespace,
    project_pod,
    project_revisions,
    project_mesh_config,
)


@pytest.mark.parametrize("project", PROJECTIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize(
    "body",
    [{}, {"metadata": None, "spec": None, "status": None, "data": None}, {"metadata": {}}],
    ids=["nothing", "nulls", "empty metadata"],
)
def test_projection_of_anything_raises_nothing(project, body):
    """What the API server leaves out is absent, whatever the object."""
    assert project(body) == project(body)
