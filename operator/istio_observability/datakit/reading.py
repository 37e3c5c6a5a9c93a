"""
Reads configuration back the way the agent does, and compares two texts by what they mean.

A hand-made installation is taken over without a restart where its text already means what we
would write: another order of a list, a comment, ``1m`` for ``60s`` or ``url`` for ``urls`` are no
difference. Whatever cannot be read counts as different, never as equal.

What only a running agent can know is left out: the environment behind ``$NAME`` in a conf file,
templates and secrets. Such texts are compared as they stand.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go
and internal/config/load_inputconf.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.annotation import Dropped, decode_annotation
from istio_observability.datakit.conf_load import ZipkinEntry, decode_inputs
from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.known_inputs import ZIPKIN_SCHEMA
from istio_observability.datakit.layout import CONFIG_MAP_MAX_BYTES, ConfigPath
from istio_observability.datakit.prom import PromScrape
from istio_observability.datakit.prom_instance import (
    PromInstance,
    instance_of_annotation,
    read_instance,
)
from istio_observability.datakit.toml_text import InvalidToml, parse_toml
from istio_observability.datakit.toml_types import WrongType, decode_struct
from istio_observability.datakit.zipkin import ZipkinInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOM: Final = "\ufeff"


class Unreadable(ValueError):  # noqa: N818  names the state
    """
    The agent would drop the text, or it says what our documents cannot hold.

    Attributes:
        reason: What is wrong, without any configured value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_prom_annotation(text: str) -> tuple[PromScrape, ...]:
    """
    Read the value of ``datakit/prom.instances``; placeholders stay as they are written.

    Defaults are filled in as the agent does: an absent source is
    ``$NAMESPACE/$PODNAME``, an absent interval 30 seconds. Keys without a field in
    ``PromScrape`` (headers, renames, …) are not in the result; ``same_meaning`` compares them.

    Raises:
        Unreadable: The agent would drop the annotation, or an interval is no whole second.
    """
    return tuple(_scrape(instance) for instance in _annotation_instances(text))


def read_prom_conf(text: str) -> tuple[PromScrape, ...]:
    """
    Read the ``prom`` instances of one conf file, ``election`` filled in as the agent does.

    An instance that the agent ignores (wrong type, duration without unit) is left out.

    Raises:
        Unreadable: The agent would ignore the whole file.
    """
    return tuple(_scrape(instance) for instance in _conf_instances(text))


def read_zipkin_conf(text: str) -> tuple[ZipkinInput, ...]:
    """
    Read the ``zipkin`` instances of one conf file, routes filled in as the agent does.

    Raises:
        Unreadable: The agent would ignore the whole file.
    """
    return tuple(ZipkinInput(*routes) for routes, _ in _zipkin_entries(text))


def same_meaning(a: str, b: str, path: ConfigPath) -> bool:
    """
    Return whether the agent does the same with both texts.

    Args:
        a: One text.
        b: The other text.
        path: How they reach the agent: the same text can mean different things.
    """
    if a == b:
        return True
    try:
        return _meaning(a, path) == _meaning(b, path)
    except (Unreadable, InvalidToml, RecursionError):
        return False


def _meaning(text: str, path: ConfigPath) -> object:
    if path is ConfigPath.ANNOTATION:
        return _annotation_instances(text)
    text = _checked(text).removeprefix(_BOM)
    inputs = parse_toml(text).get("inputs", {})
    # Inputs that we do not know are compared as data: a file may hold more than ours.
    rest = {name: raw for name, raw in inputs.items() if name not in {"prom", "zipkin"}}
    return _conf_instances(text), _zipkin_entries(text), rest


def _annotation_instances(text: str) -> tuple[PromInstance, ...]:
    try:
        return tuple(map(instance_of_annotation, decode_annotation(_checked(text))))
    except (Dropped, WrongType) as error:
        raise Unreadable(str(error)) from error


def _conf_instances(text: str) -> tuple[PromInstance, ...]:
    return tuple(read_instance(raw, ConfigPath.CONF) for raw in _tables(text, "prom"))


def _zipkin_entries(text: str) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    found = []
    for raw in _tables(text, "zipkin"):
        entry = ZipkinEntry(decode_struct(raw, ZIPKIN_SCHEMA))
        rest = {name: value for name, value in entry.keys.items() if value}
        found.append((entry.routes, {k: v for k, v in rest.items() if not k.startswith("path")}))
    return found


def _tables(text: str, name: str) -> list[Mapping[str, Any]]:
    """Return the instances of one input that the agent can decode."""
    try:
        instances, _ = decode_inputs(_checked(text).removeprefix(_BOM)).get(name, ([], []))
    except (InvalidToml, RecursionError) as error:
        raise Unreadable("is no valid TOML") from error
    return instances


def _checked(text: str) -> str:
    if len(text) > CONFIG_MAP_MAX_BYTES:
        raise Unreadable("is longer than a ConfigMap can be")
    return text


def _scrape(instance: PromInstance) -> PromScrape:
    seconds, rest = divmod(instance.interval_ns, SECOND_NS)
    if rest:
        raise Unreadable("interval is no whole number of seconds")
    return PromScrape(
        source=instance.source,
        urls=instance.urls,
        interval_s=seconds,
        measurement=instance.measurement,
        metric_types=tuple(sorted(instance.metric_types)),
        name_filter=tuple(sorted(instance.name_filter)),
        tags_ignore=tuple(sorted(instance.tags_ignore)),
        tags=instance.tags,
        election=instance.election,
    )
