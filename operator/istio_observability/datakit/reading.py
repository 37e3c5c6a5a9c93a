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

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.layout import CONFIG_MAP_MAX_BYTES, ConfigPath
from istio_observability.datakit.prom import PromScrape
from istio_observability.datakit.prom_instance import PromInstance, read_instance
from istio_observability.datakit.prom_keys import WrongType
from istio_observability.datakit.zipkin import PATH_V1, PATH_V2, ZipkinInput

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
    return tuple(_scrape(instance) for instance in _conf_instances(_inputs(text)))


def read_zipkin_conf(text: str) -> tuple[ZipkinInput, ...]:
    """
    Read the ``zipkin`` instances of one conf file, routes filled in as the agent does.

    Raises:
        Unreadable: The agent would ignore the whole file.
    """
    return tuple(
        ZipkinInput(path_v1, path_v2) for path_v1, path_v2, _ in _zipkin_instances(_inputs(text))
    )


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
    except (Unreadable, RecursionError):
        return False


def _meaning(text: str, path: ConfigPath) -> object:
    if path is ConfigPath.ANNOTATION:
        return _annotation_instances(text)
    inputs = _inputs(text)
    # Inputs that we do not know are compared as data: a file may hold more than ours.
    rest = {name: raw for name, raw in inputs.items() if name not in {"prom", "zipkin"}}
    return _conf_instances(inputs), _zipkin_instances(inputs), rest


def _annotation_instances(text: str) -> tuple[PromInstance, ...]:
    if text.startswith(_BOM):
        raise Unreadable("starts with a byte order mark")
    document = _parse(text)
    inputs = _only(document, "inputs")
    if inputs is None:
        return ()
    if not isinstance(inputs, Mapping):
        raise Unreadable("inputs is no table")
    instances = _only(inputs, "prom")
    if instances is None:
        return ()
    if not _is_tables(instances):
        raise Unreadable("inputs.prom is no list of tables")
    try:
        return tuple(read_instance(raw, ConfigPath.ANNOTATION) for raw in instances)
    except WrongType as error:
        raise Unreadable(str(error)) from error


def _conf_instances(inputs: Mapping[str, Any]) -> tuple[PromInstance, ...]:
    found = []
    for raw in _tables(inputs.get("prom")):
        try:
            found.append(read_instance(raw, ConfigPath.CONF))
        except WrongType:
            continue
    return tuple(found)


def _zipkin_instances(inputs: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for raw in _tables(inputs.get("zipkin")):
        keys = {name.lower(): value for name, value in raw.items()}
        routes = [keys.pop("pathv1", ""), keys.pop("pathv2", "")]
        if not all(isinstance(route, str) for route in routes):
            continue
        known = {name: value for name, value in keys.items() if name in _ZIPKIN_KEYS and value}
        found.append((routes[0] or PATH_V1, routes[1] or PATH_V2, known))
    return found


_ZIPKIN_KEYS: Final = frozenset(
    {
        "ignore_tags",
        "keep_rare_resource",
        "del_message",
        "close_resource",
        "sampler",
        "tags",
        "threads",
        "storage",
    }
)


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


def _inputs(text: str) -> Mapping[str, Any]:
    inputs = _parse(text.removeprefix(_BOM)).get("inputs", {})
    return inputs if isinstance(inputs, Mapping) else {}


def _parse(text: str) -> dict[str, Any]:
    if len(text) > CONFIG_MAP_MAX_BYTES:
        raise Unreadable("is longer than a ConfigMap can be")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("is no valid TOML") from error


def _only(table: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  TOML values
    """Return the value of the key in any case, as annotations are read; ``None`` if absent."""
    values = [value for key, value in table.items() if key.lower() == name]
    if len(values) > 1:
        raise Unreadable(f"{name} stands in two spellings")
    return values[0] if values else None


def _tables(value: object) -> list[Mapping[str, Any]]:
    """Return one table or a list of tables as a list; a conf file may hold either."""
    if isinstance(value, Mapping):
        return [value]
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)
