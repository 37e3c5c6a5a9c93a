"""The agent's ConfigMap: which one, which keys, when they go."""

from __future__ import annotations

from typing import Any

import pytest

from istio_observability.datakit.layout import CONFIG_MAP_MAX_BYTES, AgentFile
from istio_observability.model import names
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.agent_facts import MountFacts, VolumeFacts
from istio_observability.plan.facts import FieldFacts
from istio_observability.plan.intent import Action, Wave
from istio_observability.plan.plan_config_map import (
    OWN_CONFIG_MAP,
    choose_config_map,
    plan_config_map,
)
from tests.plan.builders import (
    UNFINISHED,
    agent,
    config_map,
    container,
    deleted,
    ours,
    resource,
    theirs,
)

FILE = AgentFile.ZIPKIN
TEXTS = {FILE: "[[inputs.zipkin]]\n"}
MANAGED = {"owner_name": "mesh", "owner_uid": "uid-of-mesh"}
STOCK = VolumeFacts("datakit-conf", "datakit-conf", others=("kubectl apply",))
OURS = VolumeFacts(OWN_CONFIG_MAP, OWN_CONFIG_MAP, ours=True)


def mounting(*files, volume="datakit-conf", is_ours=True, **facts):
    """Return an agent that mounts files from a volume."""
    mounts = tuple(MountFacts(each.mount_path, volume, each.key, is_ours) for each in files)
    facts.setdefault("volumes", (STOCK, OURS))
    return agent(container(mounts=mounts), **facts)


def config(live, texts=TEXTS, *, found=None, wish=None, name="", **rest):
    """Return the plan of one ConfigMap."""
    found = found or agent()
    name = name or (live.name if live else "datakit-conf")
    return plan_config_map(wish or resource(), found, name, live, texts, **rest)


def due(planned):
    """Return what is due as (action, keys)."""
    return [(each.action, sorted((each.body or {}).get("data", {}))) for each in planned.part.due]


CURRENT: dict[str, Any] = {"keys": {FILE.key: ours(TEXTS[FILE])}, "wired_by": "mesh"}

# id: (agent, ConfigMaps that exist, spec.datakit.configMapName, expected)
CHOICES = {
    "the named one where it exists": (agent(), ["datakit-conf"], "datakit-conf", "datakit-conf"),
    "none while the agent's own volume promises it": (agent(), [], "datakit-conf", None),
    "ours where nobody promises it": (agent(volumes=()), [], "datakit-conf", OWN_CONFIG_MAP),
    "ours where another one is promised": (agent(), [], "other", OWN_CONFIG_MAP),
    "ours by name, even before it exists": (agent(), [], OWN_CONFIG_MAP, OWN_CONFIG_MAP),
    "the named one beside ours": (
        agent(),
        ["datakit-conf", OWN_CONFIG_MAP],
        "datakit-conf",
        "datakit-conf",
    ),
}


@pytest.mark.parametrize(("found", "existing", "named", "expected"), CHOICES.values(), ids=CHOICES)
def test_config_map_is_chosen(found, existing, named, expected):
    """We never create a name that the agent's manifest would also create."""
    wish = resource({"datakit": {"configMapName": named}})
    live = {name: config_map(name) for name in existing}

    assert expected == choose_config_map(wish, found, live)


# A case: the ConfigMap as it stands, and what is due.
WRITES = {
    "an absent key is written": (config_map(), [(Action.APPLY, [FILE.key])]),
    "a key as wanted needs nothing": (config_map(**CURRENT), []),
    "an older text of ours is replaced": (
        config_map(keys={FILE.key: ours("older")}, wired_by="mesh"),
        [(Action.APPLY, [FILE.key])],
    ),
    "a missing marker is written": (
        config_map(keys=CURRENT["keys"]),
        [(Action.APPLY, [FILE.key])],
    ),
    "a key that means the same by somebody else's hand is left": (
        config_map(keys={FILE.key: theirs(TEXTS[FILE] + "# by hand\n")}),
        [],
    ),
    "a key that is not wanted goes in the same write": (
        config_map(keys={**CURRENT["keys"], AgentFile.ISTIOD.key: ours("x")}, wired_by="mesh"),
        [(Action.APPLY, [FILE.key])],
    ),
    "one that is going is not written to": (config_map(deleting=True), []),
}


@pytest.mark.parametrize(("live", "expected"), WRITES.values(), ids=WRITES)
def test_keys_that_are_due(live, expected):
    """One apply carries every key that is ours, and no other."""
    planned = config(live)

    assert expected == due(planned)
    assert not planned.part.blocked


def test_foreign_keys_are_never_in_our_body():
    """A key of somebody else is untouched, whatever else is written."""
    other = AgentFile.ISTIOD
    live = config_map(keys={other.key: theirs("by hand")}, other_bytes=1000)
    planned = config(live)

    assert due(planned) == [(Action.APPLY, [FILE.key])]
    body = planned.part.due[0].body
    assert body["metadata"]["annotations"] == {names.WIRED_BY_ANNOTATION: "mesh"}
    assert (planned.part.due[0].wave, body["metadata"]["uid"]) == (Wave.CONFIG, live.uid)


def test_contended_key_is_told_and_not_mounted():
    """Mounting it would load somebody else's text as if it were ours."""
    live = config_map(keys={FILE.key: theirs("something else")})
    planned = config(live, {**TEXTS, AgentFile.ISTIOD: "x"})

    assert [each.reason for each in planned.part.findings] == [FindingReason.FIELD_CONFLICT]
    assert planned.part.blocked
    assert planned.mounted == {AgentFile.ISTIOD}
    assert due(planned) == [(Action.APPLY, [AgentFile.ISTIOD.key])]


def test_satisfied_key_is_mounted_and_not_hashed():
    """A change of it is its owner's roll-out, not ours."""
    planned = config(config_map(keys={FILE.key: theirs(TEXTS[FILE])}))

    assert (planned.mounted, dict(planned.ours)) == ({FILE}, {})


def test_own_config_map_is_created_whole():
    """It has our labels, by which it is recognised, and no uid to look for."""
    (intent,) = config(None, name=OWN_CONFIG_MAP).part.due

    assert (intent.action, intent.uid) == (Action.ENSURE, "")
    assert intent.body["metadata"]["labels"] == {
        names.MANAGED_BY_LABEL: names.FIELD_MANAGER,
        names.OWNED_BY_LABEL: "mesh",
        names.OWNER_UID_LABEL: "uid-of-mesh",
    }


@pytest.mark.parametrize(
    "changed",
    [theirs("edited"), FieldFacts("edited", ours=True, others=("kubectl",))],
    ids=["by one who owns it now", "by one who owns it too"],
)
def test_own_config_map_is_brought_back(changed):
    """What we created is forced, not contended."""
    live = config_map(OWN_CONFIG_MAP, keys={FILE.key: changed}, **MANAGED)
    planned = config(live)

    assert (due(planned), planned.part.blocked) == ([(Action.ENSURE, [FILE.key])], False)


def test_foreign_config_map_under_our_name_is_foreign():
    """Without our labels it is somebody else's, whatever it is called."""
    live = config_map(OWN_CONFIG_MAP, keys={FILE.key: theirs("edited")})
    planned = config(live)

    assert (due(planned), planned.part.blocked) == ([], True)


def test_config_map_of_another_resource_is_foreign():
    """Two resources do not force each other's objects."""
    live = config_map(OWN_CONFIG_MAP, owner_name="other", owner_uid="uid-of-other")

    assert due(config(live)) == [(Action.APPLY, [FILE.key])]


OBSTACLES = {
    "no room below 1 MiB": (
        config_map(other_bytes=CONFIG_MAP_MAX_BYTES),
        FindingReason.CONFIG_MAP_TOO_LARGE,
    ),
    "immutable": (config_map(immutable=True), FindingReason.CONFIG_MAP_IMMUTABLE),
}


@pytest.mark.parametrize(("live", "reason"), OBSTACLES.values(), ids=OBSTACLES)
def test_obstacle_stops_everything(live, reason):
    """Nothing is half-written, and nothing is mounted that would be an empty directory."""
    planned = config(live)

    assert [reason] == [each.reason for each in planned.part.findings]
    assert (planned.part.due, planned.part.blocked, planned.mounted) == ((), True, frozenset())


def test_room_in_the_config_map_is_exact():
    """The last byte that the API server accepts is used."""
    size = len(FILE.key) + len(TEXTS[FILE])

    assert due(config(config_map(other_bytes=CONFIG_MAP_MAX_BYTES - size)))
    assert config(config_map(other_bytes=CONFIG_MAP_MAX_BYTES - size + 1)).part.blocked


def test_obstacle_does_not_matter_where_nothing_is_written():
    """An immutable ConfigMap may have what we want, or nothing to do with us."""
    assert config(config_map(immutable=True), {}).part.findings == ()
    satisfied = config_map(immutable=True, keys={FILE.key: theirs(TEXTS[FILE])})
    assert not config(satisfied).part.blocked


# id: (agent, whether we are out of patience, keys that stay)
RETIRING = {
    "stays while it is mounted": (mounting(FILE), False, [FILE.key]),
    "stays while old pods may still mount it": (agent(rollout=UNFINISHED), False, [FILE.key]),
    "goes when the pods are replaced": (agent(), False, []),
    "goes although pods are not replaced, when waited for long enough": (
        agent(rollout=UNFINISHED),
        True,
        [],
    ),
    "goes under OnDelete: pods are replaced when their owner pleases": (
        agent(rollout=UNFINISHED, on_delete=True),
        False,
        [],
    ),
    "goes with the agent": (mounting(FILE, deleting=True), False, []),
    "goes where the mount is somebody else's": (mounting(FILE, is_ours=False), False, []),
    "goes where the path is mounted from elsewhere by now": (
        mounting(FILE, volume=OWN_CONFIG_MAP),
        False,
        [],
    ),
}


@pytest.mark.parametrize(("found", "impatient", "expected"), RETIRING.values(), ids=RETIRING)
def test_key_that_is_not_wanted_any_more(found, impatient, expected):
    """A mount without its key is an empty directory, so mounts go first."""
    live = config_map(**CURRENT)
    planned = config(live, {}, found=found, impatient=impatient)

    kept = [sorted(each.body["data"]) for each in planned.part.wanted]
    assert ([expected] if expected else []) == kept
    assert ([] if expected else [(Action.RELEASE, [])]) == due(planned)


def test_retiring_key_is_kept_as_it_is():
    """The text of a key that goes is not rendered anew."""
    live = config_map(keys={FILE.key: ours("old text")}, wired_by="mesh")
    (intent,) = config(live, {}, found=mounting(FILE), wish=deleted(resource())).part.wanted

    assert intent.body["data"] == {FILE.key: "old text"}


def test_own_config_map_is_deleted_when_nothing_is_wanted():
    """It goes as a whole, by its uid."""
    live = config_map(OWN_CONFIG_MAP, **MANAGED)
    (intent,) = config(live, {}).part.due

    assert (Action.DELETE, live.uid) == (intent.action, intent.uid)


@pytest.mark.parametrize(
    "live",
    [
        None,
        config_map(),
        config_map(keys={FILE.key: theirs("x")}),
        config_map(keys={FILE.key: ours("x")}, wired_by="other"),
        config_map(**{**CURRENT, "deleting": True}),
    ],
    ids=["absent", "untouched", "of somebody else", "of another resource", "on its way out"],
)
def test_nothing_is_let_go_that_is_not_held(live):
    """A release is due only where something of ours stands."""
    assert due(config(live, {})) == []
