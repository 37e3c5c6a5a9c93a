"""
The agent's ConfigMap: our keys in the one its owner has, or one of our own where there is none.

A key is written before it is mounted and taken away after it is unmounted: a mount without its key
becomes an empty directory, silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import CONFIG_MAP_MAX_BYTES, AgentFile, ConfigPath
from istio_observability.datakit.reading import same_meaning
from istio_observability.model import names
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import CONFIG_MAP, Body, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.decide_field import FieldVerdict, decide_field
from istio_observability.plan.facts import ABSENT, FieldFacts
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.part import Part
from istio_observability.plan.plan_services import is_created_for, ownership_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.agent_facts import AgentFacts, ConfigMapFacts

OWN_CONFIG_MAP: Final = "istio-observability-conf"
"""Name of the ConfigMap, and of the volume, that we create where the agent's owner has none."""


@dataclass(frozen=True, slots=True)
class ConfigMapPlan:
    """
    The plan of the agent's configuration.

    Attributes:
        name: The ConfigMap that the files live in.
        mounted: Files whose key stands there right, by our hand or somebody else's, and those that
            we had mounted before somebody changed them.
        ours: Text of each of these keys that is for us to write; the agent's hash is made of it.
    """

    part: Part
    name: str
    mounted: frozenset[AgentFile] = frozenset()
    ours: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def choose_config_map(
    resource: Resource, agent: AgentFacts, live: Mapping[str, ConfigMapFacts]
) -> str | None:
    """
    Return the name of the ConfigMap to use, ``None`` while it is still to come.

    The named one where it exists or where the agent's own volume promises it; otherwise ours. We
    never create a name that the agent's manifest would also create.
    """
    named = resource.spec.datakit.config_map_name
    if named in live or named == OWN_CONFIG_MAP:
        return named
    if any(volume.config_map == named for volume in agent.volumes):
        return None
    return OWN_CONFIG_MAP


def plan_config_map(
    resource: Resource,
    agent: AgentFacts,
    name: str,
    live: ConfigMapFacts | None,
    texts: Mapping[AgentFile, str],
    *,
    impatient: bool = False,
) -> ConfigMapPlan:
    """
    Return the plan for one ConfigMap.

    Args:
        resource: Whose wish it is.
        agent: The agent that mounts it.
        name: Which ConfigMap.
        live: It as it stands, ``None`` if it does not exist.
        texts: The files that are wanted.
        impatient: Do not wait any longer for pods that still mount what is not wanted.
    """
    ref = ObjectRef(CONFIG_MAP, agent.namespace, name)
    own = name == OWN_CONFIG_MAP and (live is None or is_created_for(resource, live))
    keys = live.keys if live is not None else {}
    findings: list[Finding] = []
    mounted: set[AgentFile] = set()
    data: dict[str, str] = {}
    left: dict[str, str] = {}
    for file, text in sorted(texts.items()):
        facts = keys.get(file.key, ABSENT)
        if own:
            # Ours as a whole: what somebody else put there is set back.
            facts = replace(facts, ours=True, others=())
        verdict = decide_field(facts, text, _same_file)
        if verdict is FieldVerdict.CONTENDED:
            findings.append(_contended(ref, file.key, facts.owner))
            if _is_mounted_by_us(agent, file):
                # Left as it is means the agent too: no roll-out at the edit, none at the way back.
                mounted.add(file)
                left[file.key] = text
            continue
        mounted.add(file)
        if verdict.written_by_us:
            data[file.key] = text
    wanted = MappingProxyType(data | left)
    data |= _still_mounted(agent, name, keys, texts, impatient=impatient)
    finding = _obstacle(ref, live, data)
    if finding is not None:
        return ConfigMapPlan(Part(findings=(finding,), blocked=True), name)
    part = _write(resource, ref, live, dict(sorted(data.items())), own=own)
    part += Part(findings=tuple(findings), blocked=bool(findings))
    return ConfigMapPlan(part, name, frozenset(mounted), wanted)


def build_config_map(
    resource: Resource, ref: ObjectRef, uid: str, data: Mapping[str, str], *, own: bool
) -> Body:
    """Return the apply body: our keys in a foreign ConfigMap, or the whole of our own."""
    metadata: Body = {"name": ref.name, "namespace": ref.namespace}
    if own:
        metadata["labels"] = ownership_labels(resource)
    else:
        metadata["uid"] = uid
        metadata["annotations"] = {names.WIRED_BY_ANNOTATION: resource.name}
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": metadata,
        "data": dict(data),
    }


def _write(
    resource: Resource,
    ref: ObjectRef,
    live: ConfigMapFacts | None,
    data: Mapping[str, str],
    *,
    own: bool,
) -> Part:
    if not data:
        return _let_go(resource, ref, live, own=own)
    uid = live.uid if live is not None else ""
    action = Action.ENSURE if own else Action.APPLY
    body = build_config_map(resource, ref, uid, data, own=own)
    intent = Intent(action, Wave.CONFIG, ref, uid, body, "the agent's configuration")
    if live is None:
        return Part(wanted=(intent,), due=(intent,))
    standing = {key: facts.value for key, facts in live.keys.items() if facts.ours}
    marked = own or live.wired_by == resource.name
    current = standing == dict(data) and marked
    return Part(wanted=(intent,), due=() if current or live.deleting else (intent,))


def _let_go(resource: Resource, ref: ObjectRef, live: ConfigMapFacts | None, *, own: bool) -> Part:
    if live is None or live.deleting:
        return Part()
    if own:
        return Part(
            due=(Intent(Action.DELETE, Wave.CONFIG, ref, live.uid, None, "not wanted any more"),)
        )
    if live.held and live.wired_by in ("", resource.name):
        release = Intent(Action.RELEASE, Wave.CONFIG, ref, live.uid, None, "not wanted any more")
        return Part(due=(release,))
    return Part()


def _still_mounted(
    agent: AgentFacts,
    name: str,
    keys: Mapping[str, FieldFacts],
    texts: Mapping[AgentFile, str],
    *,
    impatient: bool,
) -> dict[str, str]:
    """Return keys of ours that are not wanted any more and that a running agent still mounts."""
    if agent.deleting:
        return {}
    # By volume: after a move to another ConfigMap the same paths are mounted from there.
    volumes = {each.name for each in agent.volumes if each.config_map == name}
    paths = {
        mount.mount_path
        for each in agent.containers
        for mount in each.mounts
        if mount.ours and mount.volume in volumes
    }
    # With OnDelete the pods are replaced when their owner pleases.
    settled = agent.rollout.finished or agent.on_delete or impatient
    kept: dict[str, str] = {}
    for file in AgentFile:
        facts = keys.get(file.key, ABSENT)
        if file in texts or not facts.ours or facts.value is None:
            continue
        if file.mount_path in paths or not settled:
            kept[file.key] = facts.value
    return kept


def _is_mounted_by_us(agent: AgentFacts, file: AgentFile) -> bool:
    mounts = (mount for each in agent.containers for mount in each.mounts if mount.ours)
    return any(mount.mount_path == file.mount_path for mount in mounts)


def _same_file(live: str, wanted: str) -> bool:
    return same_meaning(live, wanted, ConfigPath.CONF)


def _obstacle(
    ref: ObjectRef, live: ConfigMapFacts | None, data: Mapping[str, str]
) -> Finding | None:
    if live is None:
        return None
    size = live.other_bytes + sum(len(k.encode()) + len(v.encode()) for k, v in data.items())
    if data and size > CONFIG_MAP_MAX_BYTES:
        return Finding(
            Severity.ERROR,
            FindingReason.CONFIG_MAP_TOO_LARGE,
            str(ref),
            "data",
            "has no room below 1 MiB for our keys",
            "nothing is written",
            "make it smaller or let spec.datakit.configMapName name another ConfigMap",
        )
    if data and live.immutable:
        return Finding(
            Severity.ERROR,
            FindingReason.CONFIG_MAP_IMMUTABLE,
            str(ref),
            "immutable",
            "is true",
            "nothing can be written",
            "let spec.datakit.configMapName name another ConfigMap",
        )
    return None


def _contended(ref: ObjectRef, key: str, owner: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        reason=FindingReason.FIELD_CONFLICT,
        subject=str(ref),
        field=f"key {key}",
        found=f"is set by {owner} to something else",
        consequence="left as it is",
        remedy="remove it there, and ours is set",
    )
