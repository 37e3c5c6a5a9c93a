"""
The agent's DaemonSet: one mount for each configuration file, the volume if it is missing, the hash.

Everything lands in one write, so that the agent is rolled once per change, whatever changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.model import names
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import DAEMON_SET, Body, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.part import Part
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP, ConfigMapPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.datakit.layout import AgentFile
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.agent_facts import (
        AgentFacts,
        ContainerFacts,
        MountFacts,
        VolumeFacts,
    )


@dataclass(frozen=True, slots=True)
class _Template:
    """What of the pod template is ours: mounts by path as (volume, subPath), volume, hash."""

    mounts: Mapping[str, tuple[str, str]]
    volume: tuple[str, str] | None
    config_hash: str | None


def plan_daemon_set(resource: Resource, agent: AgentFacts, config: ConfigMapPlan) -> Part:
    """Return the part ``DaemonSet``; its intent comes after the one of the ConfigMap."""
    ref = ObjectRef(DAEMON_SET, agent.namespace, agent.name)
    if agent.deleting:
        return Part()
    container = agent.container(resource.spec.datakit.container_name)
    if not config.mounted:
        return _let_go(resource, ref, agent)
    if container is None or not container.image_foreign:
        return Part(findings=(_no_container(resource, ref, agent, container),), blocked=True)
    volume = _volume_for(agent, config.name)
    if isinstance(volume, Finding):
        return Part(findings=(volume,), blocked=True)
    name, add_volume = volume
    wanted, findings = _template(agent, container, config, name, add_volume=add_volume)
    if findings:
        return Part(findings=findings, blocked=True)
    if not wanted.mounts and wanted.volume is None and wanted.config_hash is None:
        return _let_go(resource, ref, agent)
    rolls = wanted != _standing(agent, container)
    body = build_daemon_set(resource, agent, wanted, rolls=rolls)
    restarts = agent.rollout.wanted if rolls else 0
    intent = Intent(
        Action.APPLY, Wave.AGENT, ref, agent.uid, body, "the agent's configuration", restarts
    )
    due = rolls or agent.wired_by != resource.name
    return Part(wanted=(intent,), due=(intent,) if due else ())


def build_daemon_set(
    resource: Resource, agent: AgentFacts, wanted: _Template, *, rolls: bool
) -> Body:
    """Return the apply body for the agent's DaemonSet."""
    pod: Body = {}
    if wanted.mounts:
        mounts = [
            {"mountPath": path, "name": volume, "subPath": sub_path}
            for path, (volume, sub_path) in sorted(wanted.mounts.items())
        ]
        name = resource.spec.datakit.container_name
        pod["containers"] = [{"name": name, "volumeMounts": mounts}]
    if wanted.volume is not None:
        volume, config_map = wanted.volume
        pod["volumes"] = [{"name": volume, "configMap": {"name": config_map}}]
    template: Body = {"spec": pod} if pod else {}
    if wanted.config_hash is not None:
        template["metadata"] = {"annotations": {names.CONFIG_HASH_ANNOTATION: wanted.config_hash}}
    return {
        "apiVersion": DAEMON_SET.api_version,
        "kind": DAEMON_SET.kind,
        "metadata": {
            "name": agent.name,
            "namespace": agent.namespace,
            "uid": agent.uid,
            "annotations": {
                names.WIRED_BY_ANNOTATION: resource.name,
                names.ROLLOUTS_ANNOTATION: str(agent.rollouts_caused + int(rolls)),
            },
        },
        "spec": {"template": template},
    }


def hash_of(texts: Mapping[str, str]) -> str:
    """Return sixteen hexadecimal digits that change when a text of ours changes."""
    digest = hashlib.sha256()
    for key, text in sorted(texts.items()):
        digest.update(f"{len(key)}:{key}{len(text)}:{text}".encode())
    return digest.hexdigest()[:16]


def _template(
    agent: AgentFacts,
    container: ContainerFacts,
    config: ConfigMapPlan,
    volume: str,
    *,
    add_volume: bool,
) -> tuple[_Template, tuple[Finding, ...]]:
    mounts: dict[str, tuple[str, str]] = {}
    findings: list[Finding] = []
    standing = {mount.mount_path: mount for mount in container.mounts}
    for file in sorted(config.mounted):
        live = standing.get(file.mount_path)
        if live is not None and not live.ours:
            if not _same_mount(agent, live, config.name, file):
                findings.append(_path_taken(agent, file, live))
            continue
        mounts[file.mount_path] = (volume, file.key)
    added = (volume, config.name) if add_volume and mounts else None
    config_hash = hash_of(config.ours) if config.ours else None
    return _Template(mounts, added, config_hash), tuple(findings)


def _standing(agent: AgentFacts, container: ContainerFacts) -> _Template:
    mounts = {
        mount.mount_path: (mount.volume, mount.sub_path) for mount in container.mounts if mount.ours
    }
    volume = next(((each.name, each.config_map) for each in agent.volumes if each.ours), None)
    config_hash = agent.config_hash.value if agent.config_hash.ours else None
    return _Template(mounts, volume, config_hash)


def _volume_for(agent: AgentFacts, config_map: str) -> tuple[str, bool] | Finding:
    """Return the volume to mount from, and whether it is for us to add."""
    foreign = [each for each in agent.volumes if each.config_map == config_map and not each.ours]
    if foreign:
        return (foreign[0].name, False)
    taken = next((each for each in agent.volumes if each.name == OWN_CONFIG_MAP), None)
    if taken is None or taken.ours:
        return (OWN_CONFIG_MAP, True)
    return _volume_taken(agent, taken)


def _same_mount(agent: AgentFacts, live: MountFacts, config_map: str, file: AgentFile) -> bool:
    if live.sub_path != file.key:
        return False
    return any(each.name == live.volume and each.config_map == config_map for each in agent.volumes)


def _let_go(resource: Resource, ref: ObjectRef, agent: AgentFacts) -> Part:
    if not agent.held or agent.wired_by not in ("", resource.name):
        return Part()
    release = Intent(
        Action.RELEASE,
        Wave.LABEL,  # out: mounts first, then the keys
        ref,
        agent.uid,
        None,
        "not wanted any more",
        agent.rollout.wanted,
    )
    return Part(due=(release,))


def _no_container(
    resource: Resource, ref: ObjectRef, agent: AgentFacts, container: ContainerFacts | None
) -> Finding:
    name = resource.spec.datakit.container_name
    if container is not None:
        return Finding(
            Severity.ERROR,
            FindingReason.CONTAINER_NOT_OWNED,
            str(ref),
            f'container "{name}"',
            "has an image that nobody but us owns",
            "nothing is mounted, because we would keep half a container alive",
            "let the owner of the DaemonSet apply it again",
        )
    found = ", ".join(f'"{each.name}"' for each in agent.containers) or "none"
    return Finding(
        Severity.ERROR,
        FindingReason.CONTAINER_MISSING,
        str(ref),
        f'container "{name}"',
        f"does not exist (there is {found})",
        "nothing is mounted and the agent stays as it is",
        "let spec.datakit.containerName name the agent's container",
    )


def _path_taken(agent: AgentFacts, file: AgentFile, live: MountFacts) -> Finding:
    return Finding(
        Severity.ERROR,
        FindingReason.MOUNT_PATH_TAKEN,
        str(ObjectRef(DAEMON_SET, agent.namespace, agent.name)),
        f"volumeMount {file.mount_path}",
        f'already mounts volume "{live.volume}"',
        "nothing is mounted and the agent stays as it is",
        "free that path or switch that part off in the resource",
    )


def _volume_taken(agent: AgentFacts, taken: VolumeFacts) -> Finding:
    return Finding(
        Severity.ERROR,
        FindingReason.MOUNT_PATH_TAKEN,
        str(ObjectRef(DAEMON_SET, agent.namespace, agent.name)),
        f'volume "{taken.name}"',
        "exists and is not ours",
        "nothing is mounted and the agent stays as it is",
        "rename that volume",
    )
