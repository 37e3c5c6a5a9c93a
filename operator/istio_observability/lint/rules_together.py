"""Rules that compare objects: keys and mounts, addresses and Services, one instance and another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.lint.finding import Problem, Severity, names, rule
from istio_observability.lint.rules_agent import conf_mounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.datakit.layout import ConfigPath
    from istio_observability.lint.agent_text import AgentText, PromTable
    from istio_observability.lint.collection import Collection
    from istio_observability.lint.manifests import Manifest

_DEFAULT_VOLUME: Final = "datakit-conf"


def _config_map_of(agent: Manifest, volume: str) -> str:
    for each in agent.pod.entries("spec", "volumes") if agent.pod is not None else []:
        if each.text_of("name") == volume:
            return each.text_of("configMap", "name")
    # A snippet leaves the volume out; the stock one has the name of its ConfigMap.
    return volume if volume == _DEFAULT_VOLUME else ""


def _keys(collection: Collection) -> dict[str, dict[str, Manifest]]:
    """Return the keys of every ConfigMap by its name, snippets of one put together."""
    found: dict[str, dict[str, Manifest]] = {}
    for each in collection.of_kind("ConfigMap"):
        keys = found.setdefault(each.name, {})
        keys.update({key.text: each for key, _ in each.node.keys("data")})
    return found


@rule("IOB301", Severity.WARNING)
def key_without_mount(collection: Collection) -> Iterator[Problem]:
    """A configuration file is mounted nowhere."""
    mounted: dict[str, set[str]] = {}
    for agent in collection.of_kind("DaemonSet"):
        for mount, _ in conf_mounts(agent):
            config_map = _config_map_of(agent, mount.text_of("name"))
            mounted.setdefault(config_map, set()).add(mount.text_of("subPath"))
    for text in collection.texts:
        name, _, key = text.holder.partition(" ")[2].partition(" ")
        paths = mounted.get(name.rpartition("/")[2])
        if text.is_annotation or paths is None or not key or "" in paths or key in paths:
            continue
        yield Problem(
            text.start,
            f"the agent mounts other keys of this ConfigMap but not {names([key])}",
            "the file never reaches the agent",
            "add a mount with that subPath",
            subject=text.subject,
        )


@rule("IOB302", Severity.ERROR)
def mount_without_key(collection: Collection) -> Iterator[Problem]:
    """A mount names a key that is not there."""
    keys = _keys(collection)
    for agent in collection.of_kind("DaemonSet"):
        for mount, _ in conf_mounts(agent):
            config_map = _config_map_of(agent, mount.text_of("name"))
            sub_path = mount.text_of("subPath")
            there = keys.get(config_map)
            if sub_path and there and sub_path not in there:
                yield Problem(
                    mount.place,
                    f"a mount names the key {names([sub_path])}, which ConfigMap"
                    f" {names([config_map])} does not have",
                    "an empty directory appears in its place and the agent loads nothing",
                    "add the key first, the mount second",
                    subject=agent.subject,
                )


@rule("IOB233", Severity.WARNING)
def duplicate_source(collection: Collection) -> Iterator[Problem]:
    """Two instances have the same source."""
    seen: dict[tuple[ConfigPath, str], tuple[AgentText, int]] = {}
    for text in collection.texts:
        for index, prom in enumerate(text.proms):
            source = prom.keys.get("source") or ""
            # Bare texts of pods may be alternatives; only objects say whose they are.
            alone = text.is_annotation and not text.labels and text.subject == "TOML"
            if not source or "$" in source or alone:
                continue
            first, number = seen.setdefault((text.path, source), (text, index))
            if number != index or not _same_holder(first, text):
                yield Problem(
                    prom.at("source"),
                    "source has the value of another instance",
                    "logs, the tag job and the agent's own metrics cannot tell them apart",
                    "give each its own, for instance made of namespace and workload",
                    subject=prom.subject,
                )


def _same_holder(one: AgentText, other: AgentText) -> bool:
    """Return whether both are copies of one text; a snippet may leave the namespace out."""
    if one.holder == other.holder:
        return True
    (kind, _, name), (kind_2, _, name_2) = (each.holder.partition(" ") for each in (one, other))
    snippet = "/" not in name or "/" not in name_2
    return kind == kind_2 and snippet and name.rpartition("/")[2] == name_2.rpartition("/")[2]


@rule("IOB236", Severity.WARNING)
def no_tag(collection: Collection) -> Iterator[Problem]:
    """Nothing tells two instances apart."""
    plain: dict[str, PromTable] = {}
    for prom in collection.conf_proms:
        measurement = prom.keys.get("measurement_name") or ""
        if prom.keys.get("tags") or not measurement or prom.wrong_type:
            continue
        if plain.setdefault(measurement, prom) is not prom:
            yield Problem(
                prom.place,
                "it and another instance share a measurement and have no tags",
                "their series differ in the address only",
                "add a table [inputs.prom.tags] that names the target",
                subject=prom.subject,
            )


@rule("IOB406", Severity.ERROR)
def scraped_twice(collection: Collection) -> Iterator[Problem]:
    """One target is scraped twice."""
    seen: dict[str, PromTable] = {}
    for prom in collection.conf_proms:
        for url in prom.urls:
            if seen.setdefault(url, prom) is not prom:
                yield Problem(
                    prom.item_at("urls" if prom.keys.get("urls") else "url", url),
                    "an address stands in another file too",
                    "each file is an instance of its own, so every series arrives twice",
                    "keep one of the files, and give the agent no second name for it",
                    subject=prom.subject,
                )


COLLECTION_RULES: Final = (
    key_without_mount,
    mount_without_key,
    duplicate_source,
    no_tag,
    scraped_twice,
)
