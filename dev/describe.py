"""
Say in a few lines what of ours stands on an object, whether live or only wanted.

An apply body has the same shape as the live object, with less in it, so ``make try`` and
``make demo`` show both the same way: one the wish, the other what the API server holds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from istio_observability.datakit.layout import PROM_ANNOTATION, AgentFile
from istio_observability.model.names import CONFIG_HASH_ANNOTATION, GROUP

Body = Mapping[str, Any]

CLUSTER_SUFFIX: Final = ".svc.cluster.local"
_SHOWN_LINES: Final = 4


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one document makes the agent collect: its source, from where, how many families."""

    source: str
    address: str
    families: int


def read_scrape(text: str) -> Scrape:
    """
    Return what a rendered prom document says.

    Raises:
        ValueError: It is no such document.
    """
    try:
        (instance,) = tomllib.loads(text)["inputs"]["prom"]
        return Scrape(
            source=instance["source"],
            address=_short(instance["urls"][0]),
            families=len(instance.get("metric_name_filter", ())),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"no prom document: {error}") from error


def shorten(text: str) -> list[str]:
    """Return the first lines of a document and a count of the rest."""
    lines = [line for line in text.splitlines() if line]
    if len(lines) <= _SHOWN_LINES + 1:
        return lines
    rest = len(lines) - _SHOWN_LINES
    families = read_scrape(text).families
    which = f", {families} metric families among them" if families else ""
    return [*lines[:_SHOWN_LINES], f"... {rest} more lines{which}"]


def annotation_of(body: Body) -> str:
    """Return our annotation of a pod template, ``""`` if it is not there."""
    annotations = body["spec"]["template"].get("metadata", {}).get("annotations") or {}
    return str(annotations.get(PROM_ANNOTATION, ""))


def config_hash_of(body: Body) -> str:
    """Return the hash of the agent's configuration in its pod template, ``""`` if none."""
    annotations = body["spec"]["template"].get("metadata", {}).get("annotations") or {}
    return str(annotations.get(CONFIG_HASH_ANNOTATION, ""))


def marks_of(body: Body) -> list[tuple[str, str]]:
    """Return our annotations of an object's own metadata, by name without the prefix, sorted."""
    annotations = body["metadata"].get("annotations") or {}
    return sorted(
        (key.removeprefix(f"{GROUP}/"), text)
        for key, text in annotations.items()
        if key.startswith(f"{GROUP}/")
    )


def keys_of(config_map: Body) -> list[tuple[str, str]]:
    """Return our keys of the agent's ConfigMap, each with what it does, sorted."""
    data = config_map.get("data") or {}
    ours = {file.key for file in AgentFile}
    return [(key, _purpose(text)) for key, text in sorted(data.items()) if key in ours]


def mounts_of(daemon_set: Body, container: str) -> list[tuple[str, str]]:
    """Return path and key of the mounts that bring the agent one file of ours each, sorted."""
    ours = {file.mount_path for file in AgentFile}
    return sorted(
        (mount["mountPath"], mount.get("subPath", ""))
        for each in daemon_set["spec"]["template"]["spec"]["containers"]
        if each["name"] == container
        for mount in each.get("volumeMounts") or []
        if mount["mountPath"] in ours
    )


def service_row(service: Body) -> tuple[str, str, str]:
    """Return name, ports and destination of a Service."""
    meta, spec = service["metadata"], service["spec"]
    (port,) = spec["ports"]
    if spec["type"] == "ExternalName":
        ports, target = str(port["port"]), f"alias of {spec['externalName']}"
    else:
        ports = str(port["port"])
        if str(port["targetPort"]) != ports:
            ports += f" to {port['targetPort']}"
        pods = ", ".join(f"{key}={text}" for key, text in sorted(spec["selector"].items()))
        target = f"pods {pods}"
    return f"{meta['namespace']}/{meta['name']}", ports, target.removesuffix(CLUSTER_SUFFIX)


def _purpose(text: str) -> str:
    try:
        scrape = read_scrape(text)
    except ValueError:
        return f"{len(text.splitlines())} lines: receives Zipkin spans"
    lines = len(text.splitlines())
    return f"{lines} lines: {scrape.families} families from {scrape.address}"


def _short(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.replace(CLUSTER_SUFFIX, "")
