"""
One ``[[inputs.prom]]`` table with the values that the agent really uses.

Two tables that give equal instances make the agent do the same: sets where order has no effect,
nanoseconds for durations, defaults filled in, invalid expressions left out.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/prom/input.go (defaults, ``url``,
clamp of the interval) and internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.patterns import compiles
from istio_observability.datakit.prom_checks import (
    MAX_INTERVAL_S,
    MIN_INTERVAL_S,
    fill_placeholders,
)
from istio_observability.datakit.prom_keys import TRUE_BY_DEFAULT, WrongType, decode_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_INTERVAL_NS: Final = 30 * SECOND_NS
_DIAL_DEFAULT_NS: Final = {ConfigPath.ANNOTATION: 3 * SECOND_NS, ConfigPath.CONF: 30 * SECOND_NS}
_HELD: Final = frozenset(
    {
        "url",
        "urls",
        "source",
        "interval",
        "timeout",
        "metric_types",
        "metric_name_filter",
        "metric_name_filter_ignore",
        "measurement_name",
        "tags_ignore",
        "tags",
        "election",
    }
)


@dataclass(frozen=True, slots=True)
class PromInstance:
    """
    The effective values of one table.

    A filter of which no expression compiles is an empty filter: everything is collected. ``rest``
    holds the keys without an attribute of their own, where they differ from the agent's default.
    """

    source: str
    urls: tuple[str, ...]
    interval_ns: int
    dial_timeout_ns: int
    measurement: str
    metric_types: frozenset[str]
    name_filter: frozenset[str]
    name_filter_ignore: frozenset[str]
    tags_ignore: frozenset[str]
    tags: tuple[tuple[str, str], ...]
    election: bool | None
    rest: Mapping[str, Any]


def read_instance(raw: Mapping[str, Any], path: ConfigPath) -> PromInstance:
    """
    Decode one table.

    Raises:
        WrongType: The agent cannot decode the table, or an address in an annotation.
    """
    keys = decode_keys(raw, path)
    annotation = path is ConfigPath.ANNOTATION
    return PromInstance(
        source=keys.get("source") or ("$NAMESPACE/$PODNAME" if annotation else "prom"),
        urls=_urls(keys, path),
        interval_ns=_interval_ns(keys, path),
        dial_timeout_ns=_dial_timeout_ns(keys, path),
        measurement=keys.get("measurement_name", ""),
        metric_types=frozenset(word.lower() for word in keys.get("metric_types", ())),
        name_filter=_effective(keys.get("metric_name_filter", ())),
        name_filter_ignore=_effective(keys.get("metric_name_filter_ignore", ())),
        tags_ignore=frozenset(keys.get("tags_ignore", ())),
        tags=tuple(sorted(keys.get("tags", {}).items())),
        election=None if annotation else keys.get("election", True),
        rest={name: keys[name] for name in sorted(keys) if _counts(name, keys[name])},
    )


def _counts(name: str, value: object) -> bool:
    if name in _HELD:
        return False
    if name in TRUE_BY_DEFAULT:
        return value is not True
    if name == "stream_size":
        return value != 1
    return bool(value)


def _effective(patterns: list[str]) -> frozenset[str]:
    return frozenset(pattern for pattern in patterns if compiles(pattern))


def _interval_ns(keys: Mapping[str, Any], path: ConfigPath) -> int:
    interval_ns: int = keys.get("interval", DEFAULT_INTERVAL_NS)
    if path is ConfigPath.ANNOTATION:
        return interval_ns if interval_ns > 0 else DEFAULT_INTERVAL_NS
    return min(max(interval_ns, MIN_INTERVAL_S * SECOND_NS), MAX_INTERVAL_S * SECOND_NS)


def _dial_timeout_ns(keys: Mapping[str, Any], path: ConfigPath) -> int:
    timeout_ns: int = keys.get("timeout", _DIAL_DEFAULT_NS[path])
    # The agent takes a value only if it is above its built-in three seconds.
    return max(timeout_ns, 3 * SECOND_NS)


def _urls(keys: Mapping[str, Any], path: ConfigPath) -> tuple[str, ...]:
    urls = list(keys.get("urls", ()))
    single = keys.get("url", "")
    if path is ConfigPath.CONF:
        return tuple(urls or ([single] if single else []))
    urls += [single] if single else []
    if any(not _parsable(url) for url in urls):
        raise WrongType("an address cannot be parsed")
    return tuple(urls)


def _parsable(url: str) -> bool:
    filled = fill_placeholders(url)
    try:
        parts = urlsplit(filled)
        _ = parts.port
    except ValueError:
        return False
    # Without a scheme an address that starts with a digit is no URL in Go.
    return not ("{" in parts.netloc or filled[:1].isdigit())
