"""The agent's DaemonSet: one write for mounts, volume and hash, and none without need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from istio_observability.datakit.layout import AgentFile
from istio_observability.model import names
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.agent_facts import MountFacts, VolumeFacts
from istio_observability.plan.facts import FieldFacts
from istio_observability.plan.intent import Action, Wave
from istio_observability.plan.part import Part
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP, ConfigMapPlan
from istio_observability.plan.plan_daemon_set import hash_of, plan_daemon_set
from tests.plan.builders import agent, container, ours, resource

FILES = (AgentFile.ISTIOD, AgentFile.ZIPKIN)
TEXTS = {each.key: f"text of {each.key}" for each in FILES}
STOCK = VolumeFacts("datakit-conf", "datakit-conf", others=("kubectl apply",))


def config(files=FILES, texts=TEXTS, name="datakit-conf"):
    """Return the plan of a ConfigMap that has these files."""
    return ConfigMapPlan(Part(), name, frozenset(files), texts)


def mounts(*files, volume="datakit-conf", is_ours=True):
    """Return the mounts of files."""
    others = () if is_ours else ("Helm",)
    return tuple(MountFacts(f.mount_path, volume, f.key, is_ours, others) for f in files)


def wired(*files, texts=TEXTS, **facts):
    """Return the agent as it stands after our write."""
    ordinary = {"config_hash": ours(hash_of(texts)), "wired_by": "mesh", "rollouts_caused": 1}
    return agent(container(mounts=mounts(*(files or FILES))), **{**ordinary, **facts})


def pod_of(part):
    """Return the pod template of the apply body."""
    return part.wanted[0].body["spec"]["template"]


def test_one_write_has_every_mount_and_the_hash():
    """The agent is rolled once per change, whatever changed."""
    part = plan_daemon_set(resource(), agent(), config())
    (intent,) = part.due

    assert (intent.action, intent.wave, intent.restarts_pods) == (Action.APPLY, Wave.AGENT, 3)
    assert pod_of(part) == {
        "metadata": {"annotations": {names.CONFIG_HASH_ANNOTATION: hash_of(TEXTS)}},
        "spec": {
            "containers": [
                {
                    "name": "datakit",
                    "volumeMounts": [
                        {"mountPath": f.mount_path, "name": "datakit-conf", "subPath": f.key}
                        for f in sorted(FILES, key=lambda f: f.mount_path)
                    ],
                }
            ]
        },
    }
    assert intent.body
    assert intent.body["metadata"]["annotations"][names.ROLLOUTS_ANNOTATION] == "1"


# id: (agent, ConfigMap plan, pods that restart; None where nothing is due)
WRITES = {
    "as wanted": (wired(), config(), None),
    "a changed text of ours changes the hash": (wired(), config(texts={**TEXTS, "x": "y"}), 3),
    "a mount that was removed returns": (wired(AgentFile.ISTIOD), config(), 3),
    "a mount that is not wanted goes": (wired(*AgentFile), config(), 3),
    "a hash that was removed returns": (wired(config_hash=FieldFacts()), config(), 3),
    "a missing marker restarts nobody": (wired(wired_by=""), config(), 0),
    "an agent of another resource that left is marked anew": (wired(wired_by="gone"), config(), 0),
    "mounts of somebody else that say the same, with satisfied keys": (
        agent(container(mounts=mounts(*FILES, is_ours=False))),
        config(texts={}),
        None,
    ),
    "mounts of somebody else with keys of ours get the hash alone": (
        agent(container(mounts=mounts(*FILES, is_ours=False))),
        config(),
        3,
    ),
    "an agent that is going is left": (agent(deleting=True), config(), None),
}


@pytest.mark.parametrize(("found", "planned", "expected"), WRITES.values(), ids=WRITES)
def test_agent_is_rolled_only_for_what_changed(found, planned, expected):
    """A write that restarts nobody is told from one that does."""
    part = plan_daemon_set(resource(), found, planned)

    assert not part.blocked
    assert ([] if expected is None else [expected]) == [each.restarts_pods for each in part.due]


def test_satisfied_mounts_are_not_in_our_body():
    """Co-owning a mount would make the owner's next apply fail."""
    found = agent(container(mounts=mounts(*FILES, is_ours=False)))
    part = plan_daemon_set(resource(), found, config())

    assert pod_of(part) == {
        "metadata": {"annotations": {names.CONFIG_HASH_ANNOTATION: hash_of(TEXTS)}}
    }


VOLUMES = {
    "the owner's volume is used": ((STOCK,), "datakit-conf", "datakit-conf", None),
    "under whatever name": (
        (VolumeFacts("conf", "datakit-conf", others=("Helm",)),),
        "datakit-conf",
        "conf",
        None,
    ),
    "a missing one is added": ((), "datakit-conf", OWN_CONFIG_MAP, "datakit-conf"),
    "ours stays": (
        (VolumeFacts(OWN_CONFIG_MAP, OWN_CONFIG_MAP, ours=True),),
        OWN_CONFIG_MAP,
        OWN_CONFIG_MAP,
        OWN_CONFIG_MAP,
    ),
    "ours moves to another ConfigMap": (
        (VolumeFacts(OWN_CONFIG_MAP, "older", ours=True),),
        "datakit-conf",
        OWN_CONFIG_MAP,
        "datakit-conf",
    ),
    "ours goes when the owner brings one": (
        (STOCK, VolumeFacts(OWN_CONFIG_MAP, OWN_CONFIG_MAP, ours=True)),
        "datakit-conf",
        "datakit-conf",
        None,
    ),
}


@pytest.mark.parametrize(("volumes", "name", "mounted", "added"), VOLUMES.values(), ids=VOLUMES)
def test_volume_is_added_only_if_it_is_missing(volumes, name, mounted, added):
    """The owner's volume keeps its owner."""
    pod = pod_of(plan_daemon_set(resource(), agent(volumes=volumes), config(name=name)))["spec"]

    assert {mounted} == {each["name"] for each in pod["containers"][0]["volumeMounts"]}
    expected = [{"name": OWN_CONFIG_MAP, "configMap": {"name": added}}] if added else None
    assert expected == pod.get("volumes")


TAKEN = replace(mounts(AgentFile.ZIPKIN, is_ours=False)[0], volume="secrets")
REFUSALS = {
    "the container does not exist": (agent(container("agent")), FindingReason.CONTAINER_MISSING),
    "nobody but us owns the container's image": (
        agent(container(image_foreign=False)),
        FindingReason.CONTAINER_NOT_OWNED,
    ),
    "somebody mounts another volume at our path": (
        agent(container(mounts=(TAKEN,))),
        FindingReason.MOUNT_PATH_TAKEN,
    ),
    "somebody mounts another key at our path": (
        agent(container(mounts=(replace(TAKEN, volume="datakit-conf", sub_path="x"),))),
        FindingReason.MOUNT_PATH_TAKEN,
    ),
    "somebody else has a volume of our name": (
        agent(volumes=(VolumeFacts(OWN_CONFIG_MAP, "", others=("Helm",)),)),
        FindingReason.MOUNT_PATH_TAKEN,
    ),
}


@pytest.mark.parametrize(("found", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_agent_is_left_as_it_is(found, reason):
    """Nothing is half-mounted: with one obstacle no write is made."""
    part = plan_daemon_set(resource(), found, config())

    assert [reason] == [each.reason for each in part.findings]
    assert (part.due, part.wanted, part.blocked) == ((), (), True)


def test_missing_container_is_told_with_those_there_are():
    """A wrong name is seen at once."""
    part = plan_daemon_set(resource(), agent(container("agent"), container("init")), config())

    assert part.findings[0].found == 'does not exist (there is "agent", "init")'


def test_container_is_the_one_that_the_resource_names():
    """Mounts land in that container and in no other."""
    wish = resource({"datakit": {"containerName": "agent"}})
    part = plan_daemon_set(wish, agent(container(), container("agent")), config())

    assert [each["name"] for each in pod_of(part)["spec"]["containers"]] == ["agent"]


def test_hash_changes_with_each_byte_and_not_with_order():
    """Keys and texts cannot be shifted against each other."""
    texts = {"a": "bc", "d": ""}

    assert hash_of(texts) == hash_of(dict(reversed(texts.items())))
    others = [{"ab": "c", "d": ""}, {"a": "bc"}, {"a": "b", "c": "d"}, {"a": "bC", "d": ""}]
    assert len({hash_of(each) for each in [texts, *others]}) == 5


def test_hash_is_made_of_our_texts_alone():
    """A satisfied key changes without a roll-out of ours."""
    part = plan_daemon_set(resource(), agent(), config(texts={}))

    assert "metadata" not in pod_of(part)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(wired(), [(Action.RELEASE, 3)]), (agent(), []), (wired(wired_by="other"), [])],
    ids=["what we hold is let go", "an untouched agent is left", "one of another resource is left"],
)
def test_agent_is_let_go_when_nothing_is_mounted(found, expected):
    """Out: mounts first, then the keys."""
    part = plan_daemon_set(resource(), found, config((), {}))

    assert expected == [(each.action, each.restarts_pods) for each in part.due]
    assert all(each.wave < Wave.CONFIG for each in part.due)
