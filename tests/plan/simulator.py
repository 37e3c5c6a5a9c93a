"""
A cluster made of facts: what a snapshot looks like after the API server has done an intent.

Ownership as server-side apply keeps it: a field that we apply becomes ours, one that we applied and
leave out goes unless somebody else owns it too, and a value that somebody else set differently is a
conflict, which no plan may run into. Roll-outs end at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from istio_observability.model import names
from istio_observability.plan.agent_facts import (
    AgentFacts,
    ConfigMapFacts,
    ContainerFacts,
    MountFacts,
    ServiceFacts,
    VolumeFacts,
)
from istio_observability.plan.facts import (
    ABSENT,
    FieldFacts,
    NamespaceFacts,
    PodCounts,
    RolloutFacts,
    WorkloadFacts,
)
from istio_observability.plan.intent import Action, Intent
from istio_observability.plan.plan import plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot

MOST_PASSES = 12
PROM, LOGS = "datakit/prom.instances", "datakit/logs"


class ConflictError(AssertionError):
    """An unforced apply would have been refused."""


class UnsettledError(AssertionError):
    """There is still something to do after many passes."""


def settle(snapshot: Snapshot, *resources: Resource) -> Snapshot:
    """
    Return what the cluster looks like when no resource has anything left to do.

    Raises:
        ConflictError: A plan would write a field that somebody else set differently.
        UnsettledError: The plans never come to rest.
    """
    for _ in range(MOST_PASSES):
        idle = True
        for wish in resources:
            due = plan(wish, snapshot, resources).due
            first = min((each.wave for each in due), default=None)
            for intent in due:
                if intent.wave == first:
                    snapshot = carry_out(snapshot, intent)
                    idle = False
        if idle:
            return snapshot
    raise UnsettledError([str(each.ref) for wish in resources for each in plan(wish, snapshot).due])


def carry_out(snapshot: Snapshot, intent: Intent) -> Snapshot:
    """Return the snapshot after one intent has been done."""
    field, write = _WRITERS[intent.ref.kind.kind]
    objects: dict[Any, Any] = dict(getattr(snapshot, field))
    name = intent.ref.name if field == "namespaces" else (intent.ref.namespace, intent.ref.name)
    live = objects.get(name)
    if intent.action is Action.DELETE:
        assert live is not None
        assert live.uid == intent.uid
        del objects[name]
    else:
        if intent.action in (Action.APPLY, Action.RELEASE):
            assert live is not None, f"{intent.ref} is not there"
            assert live.uid == intent.uid, f"{intent.ref} is another one"
        objects[name] = write(live, intent, snapshot.taken_at)
    changed: dict[str, Any] = {field: objects}
    return replace(snapshot, **changed)


def _field(live: FieldFacts, wanted: str | None, *, force: bool = False) -> FieldFacts:
    if wanted is None:
        if not live.ours:
            return live
        return replace(live, ours=False) if live.others else ABSENT
    if live.value is not None and live.value != wanted and live.others and not force:
        raise ConflictError(f"set by {live.owner}")
    return FieldFacts(wanted, ours=True, others=live.others if live.value == wanted else ())


def _namespace(live: NamespaceFacts, intent: Intent, _now: float) -> NamespaceFacts:
    meta = (intent.body or {}).get("metadata") or {}
    injection = _field(live.injection, (meta.get("labels") or {}).get("istio-injection"))
    labels = {key: value for key, value in live.labels.items() if key != "istio-injection"}
    if injection.value is not None:
        labels["istio-injection"] = injection.value
    return replace(
        live,
        labels=labels,
        injection=injection,
        wired_by=(meta.get("annotations") or {}).get(names.WIRED_BY_ANNOTATION, ""),
    )


def _deployment(live: WorkloadFacts, intent: Intent, now: float) -> WorkloadFacts:
    body = intent.body or {}
    marks = body.get("metadata", {}).get("annotations", {})
    template = body.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
    prom = _field(live.prom, template.get(PROM))
    logs = _field(live.logs, template.get(LOGS))
    rolled = (prom.value, logs.value) != (live.prom.value, live.logs.value)
    assert bool(intent.restarts_pods) == (rolled and live.replicas > 0), "restarts are foretold"
    return replace(
        live,
        prom=prom,
        logs=logs,
        wired_by=marks.get(names.WIRED_BY_ANNOTATION, ""),
        revision=marks.get(names.REVISION_ANNOTATION, ""),
        rollouts_caused=int(marks.get(names.ROLLOUTS_ANNOTATION, "0")),
        written_at=now,
        last_write_ours=bool(marks),
        rollout=_done(live.rollout) if rolled else live.rollout,
        pods=PodCounts(live.pods.total, live.pods.total) if rolled else live.pods,
    )


def _config_map(live: ConfigMapFacts | None, intent: Intent, _now: float) -> ConfigMapFacts:
    body: dict[str, Any] = intent.body or {}
    meta = body.get("metadata") or {}
    labels = meta.get("labels") or {}
    marks = meta.get("annotations") or {}
    found = live or ConfigMapFacts(intent.ref.namespace, intent.ref.name, f"uid-of-{intent.ref}")
    data: Mapping[str, str] = body.get("data") or {}
    force = intent.action is Action.ENSURE
    keys = {
        key: _field(found.keys.get(key, ABSENT), data.get(key), force=force)
        for key in {*found.keys, *data}
    }
    return replace(
        found,
        keys={key: facts for key, facts in keys.items() if facts.value is not None},
        owner_name=labels.get(names.OWNED_BY_LABEL, found.owner_name),
        owner_uid=labels.get(names.OWNER_UID_LABEL, found.owner_uid),
        wired_by=marks.get(names.WIRED_BY_ANNOTATION, ""),
    )


def _daemon_set(live: AgentFacts, intent: Intent, now: float) -> AgentFacts:
    body: dict[str, Any] = intent.body or {}
    marks = body.get("metadata", {}).get("annotations", {})
    template = body.get("spec", {}).get("template", {})
    pod = template.get("spec", {})
    mounts = {each["name"]: each["volumeMounts"] for each in pod.get("containers", ())}
    assert set(mounts) <= {each.name for each in live.containers}, "half a container is made"
    hashes = template.get("metadata", {}).get("annotations", {})
    after = replace(
        live,
        containers=tuple(_mounts(each, mounts.get(each.name, ())) for each in live.containers),
        volumes=_volumes(live, pod.get("volumes", ())),
        config_hash=_field(live.config_hash, hashes.get(names.CONFIG_HASH_ANNOTATION)),
        wired_by=marks.get(names.WIRED_BY_ANNOTATION, ""),
        rollouts_caused=int(marks.get(names.ROLLOUTS_ANNOTATION, "0")),
    )
    volumes = {each.name for each in after.volumes}
    for mount in (each for box in after.containers for each in box.mounts if each.ours):
        assert mount.volume in volumes, "a mount has no volume"
    rolled = _pods(after) != _pods(live)
    if intent.action is Action.APPLY:
        assert bool(intent.restarts_pods) == (rolled and live.rollout.wanted > 0)
    return replace(after, written_at=now, rollout=_done(live.rollout) if rolled else live.rollout)


def _mounts(live: ContainerFacts, wanted: Sequence[Mapping[str, str]]) -> ContainerFacts:
    kept = {each.mount_path: each for each in live.mounts}
    ordered = {each["mountPath"]: each for each in wanted}
    for path, mount in list(kept.items()):
        if path in ordered or not mount.ours:
            continue
        if mount.others:
            kept[path] = replace(mount, ours=False)
        else:
            del kept[path]
    for path, entry in ordered.items():
        before = kept.get(path)
        key = (entry["name"], entry["subPath"])
        same = before is not None and (before.volume, before.sub_path) == key
        if before is not None and before.others and not same:
            raise ConflictError(f"mount set by {before.others}")
        others = before.others if before is not None else ()
        kept[path] = MountFacts(path, *key, ours=True, others=others)
    return replace(live, mounts=tuple(kept.values()))


def _volumes(live: AgentFacts, wanted: Sequence[Mapping[str, Any]]) -> tuple[VolumeFacts, ...]:
    ordered = {each["name"]: each["configMap"]["name"] for each in wanted}
    kept = [each for each in live.volumes if not each.ours or each.others]
    kept = [replace(each, ours=False) for each in kept if each.name not in ordered]
    return (*kept, *(VolumeFacts(name, target, ours=True) for name, target in ordered.items()))


def _pods(agent: AgentFacts) -> object:
    mounts = [
        (box.name, mount.mount_path, mount.volume, mount.sub_path)
        for box in agent.containers
        for mount in box.mounts
    ]
    volumes = [(each.name, each.config_map) for each in agent.volumes]
    return sorted(mounts), sorted(volumes), agent.config_hash.value


def _service(live: ServiceFacts | None, intent: Intent, _now: float) -> ServiceFacts:
    assert intent.body is not None, "a Service is created, changed or deleted as a whole"
    spec, labels = intent.body["spec"], intent.body["metadata"]["labels"]
    return ServiceFacts(
        namespace=intent.ref.namespace,
        name=intent.ref.name,
        uid=live.uid if live is not None else f"uid-of-{intent.ref}",
        type=spec["type"],
        external_name=spec.get("externalName", ""),
        selector=spec.get("selector", {}),
        ports=tuple((p["port"], str(p["targetPort"]), p["name"]) for p in spec["ports"]),
        owner_name=labels[names.OWNED_BY_LABEL],
        owner_uid=labels[names.OWNER_UID_LABEL],
    )


def _done(before: RolloutFacts) -> RolloutFacts:
    wanted = before.wanted
    return RolloutFacts(
        generation=before.generation + 1,
        observed_generation=before.generation + 1,
        wanted=wanted,
        present=wanted,
        updated=wanted,
        available=wanted,
    )


_WRITERS: dict[str, tuple[str, Any]] = {
    "Namespace": ("namespaces", _namespace),
    "Deployment": ("workloads", _deployment),
    "ConfigMap": ("config_maps", _config_map),
    "DaemonSet": ("agents", _daemon_set),
    "Service": ("services", _service),
}
