"""
What the agent makes of a pod's ``datakit/prom.instances``: scrape jobs, or nothing and why.

One mistake anywhere drops the whole annotation with one line in the agent's log. Placeholders are
replaced as plain text before anything is parsed, in comments and keys too.

Source: GuanceCloud/datakit 1.84.1,
internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go and k8s_pod.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.go_url import InvalidUrl, parse_url
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom_keys import WrongType, decode_keys, fold
from istio_observability.datakit.scrape_options import ScrapeOptions, build_options
from istio_observability.datakit.tls_files import unreadable_certificate
from istio_observability.datakit.toml_text import InvalidToml, parse_toml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

DEFAULT_INTERVAL_NS: Final = 30 * SECOND_NS
MIN_DIAL_TIMEOUT_NS: Final = 3 * SECOND_NS
"""Shorter timeouts are ignored."""


class Dropped(ValueError):  # noqa: N818  names the state
    """The agent drops the text; the message says why, without any configured value."""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the agent puts in place of ``$IP``, ``$NAMESPACE``, ``$PODNAME`` and ``$NODENAME``."""

    ip: str
    namespace: str
    name: str
    node: str
    phase: str = "Running"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Runner:
    """
    One scrape job.

    Attributes:
        identifier: What the agent compares to see whether a job is still the same.
        interval_ns: Not bounded here: 60 scrapes on every tick of the worker, once a second.
        instance_by_url: The ``instance`` tag by address.
        keys: The configuration, decoded.
        tags: Custom tags together with labels of the pod.
    """

    source: str
    identifier: str
    urls: tuple[str, ...]
    instance_by_url: Mapping[str, str]
    interval_ns: int
    dial_timeout_ns: int
    keys: Mapping[str, Any]
    tags: Mapping[str, str]
    options: ScrapeOptions


@dataclass(frozen=True, slots=True)
class AnnotationReading:
    """
    What became of one annotation.

    Attributes:
        text: After the placeholders were replaced.
        reason: Why all of it was dropped; ``""`` if it was not.
        runners: Can be empty without a reason: then there is nothing to do.
    """

    text: str
    reason: str
    runners: tuple[Runner, ...]

    @property
    def accepted(self) -> bool:
        """Return whether the agent took the annotation."""
        return not self.reason


def read_annotation(
    text: str,
    pod: PodFacts,
    *,
    extract_label_keys: Iterable[str] = (),
    files: Collection[str] = (),
) -> AnnotationReading:
    """
    Read the annotation of one pod.

    Args:
        text: The value as it stands on the pod.
        pod: Facts of the pod; one that does not run is not looked at.
        extract_label_keys: Labels that the agent is told to turn into tags.
        files: Paths of tokens and certificates that exist on the agent's disk.
    """
    if pod.phase != "Running":
        return AnnotationReading(text, "", ())
    text = fill_pod_facts(text, pod)
    try:
        tables = decode_annotation(text)
        runners = [_build_runner(keys, pod, tuple(extract_label_keys), files) for keys in tables]
    except Dropped as error:
        return AnnotationReading(text, str(error), ())
    return AnnotationReading(text, "", tuple(runners))


def fill_pod_facts(text: str, pod: PodFacts) -> str:
    """Replace the placeholders; ``$IPS`` becomes the address and an S."""
    for placeholder, value in (
        ("$IP", pod.ip),
        ("$NAMESPACE", pod.namespace),
        ("$PODNAME", pod.name),
        ("$NODENAME", pod.node),
    ):
        text = text.replace(placeholder, value)
    return text


def decode_annotation(text: str) -> list[dict[str, Any]]:
    """
    Return the keys of each ``[[inputs.prom]]``; placeholders count as plain text.

    Raises:
        Dropped: Not TOML, not a list of tables, or a value of the wrong type.
    """
    try:
        document = parse_toml(text)
    except (InvalidToml, RecursionError) as error:
        raise Dropped(f"is no valid TOML: {error}") from error
    tables: list[dict[str, Any]] = []
    # Another spelling is another table to TOML, but the same to the agent: each has to fit.
    for inputs in _spelled(document, "inputs"):
        if not isinstance(inputs, Mapping):
            raise Dropped("inputs is no table")
        for value in _spelled(inputs, "prom"):
            if not isinstance(value, list) or not all(isinstance(raw, Mapping) for raw in value):
                raise Dropped("inputs.prom is no list of tables; write [[inputs.prom]]")
            try:
                tables = [decode_keys(raw, ConfigPath.ANNOTATION) for raw in value]
            except WrongType as error:
                raise Dropped(str(error)) from error
    return tables


def annotation_urls(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses, ``url`` behind ``urls``."""
    single = keys.get("url", "")
    return (*keys.get("urls", ()), *([single] if single else ()))


def annotation_interval_ns(keys: Mapping[str, Any]) -> int:
    """Return the interval; anything below 1 ns is the default."""
    interval_ns = int(keys.get("interval", 0))
    return interval_ns if interval_ns > 0 else DEFAULT_INTERVAL_NS


def _spelled(table: Mapping[str, Any], name: str) -> list[Any]:
    return [value for key, value in table.items() if fold(key) == name]


def _build_runner(
    keys: Mapping[str, Any],
    pod: PodFacts,
    extract_label_keys: tuple[str, ...],
    files: Collection[str],
) -> Runner:
    urls = annotation_urls(keys)
    try:
        instance_by_url = {url: parse_url(url).host for url in urls}
    except InvalidUrl as error:
        raise Dropped(f"urls: {error}") from error
    token_file = keys.get("bearer_token_file", "")
    if token_file and token_file not in files:
        raise Dropped("bearer_token_file cannot be read")
    certificate = unreadable_certificate(keys, ConfigPath.ANNOTATION, files)
    if certificate:
        raise Dropped(f"{certificate} cannot be read")
    tags = dict(keys.get("tags", {}))
    for key in extract_label_keys:
        if key in pod.labels:
            tags.setdefault(key.replace(".", "_"), pod.labels[key])
    # The engine keeps the map that the annotation brought; without one the labels are lost.
    seen = {**keys, "tags": tags} if "tags" in keys else keys
    return Runner(
        source=keys.get("source", "") or f"{pod.namespace}/{pod.name}",
        identifier=f"{keys.get('source', '')}: [{' '.join(urls)}]",
        urls=urls,
        instance_by_url=instance_by_url,
        interval_ns=annotation_interval_ns(keys),
        dial_timeout_ns=max(int(keys.get("timeout", 0)), MIN_DIAL_TIMEOUT_NS),
        keys=keys,
        tags=tags,
        options=build_options(seen, ConfigPath.ANNOTATION),
    )
