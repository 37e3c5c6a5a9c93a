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

from istio_observability.datakit.annotation import (
    MIN_DIAL_TIMEOUT_NS,
    annotation_interval_ns,
    annotation_urls,
)
from istio_observability.datakit.conf_instance import (
    MAX_INTERVAL_NS,
    MIN_INTERVAL_NS,
    conf_urls,
    with_defaults,
)
from istio_observability.datakit.go_url import InvalidUrl, parse_url
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.patterns import compiles
from istio_observability.datakit.prom_checks import fill_placeholders
from istio_observability.datakit.prom_keys import WrongType, decode_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    return instance_of_annotation(keys) if path is ConfigPath.ANNOTATION else instance_of_conf(keys)


def _effective(patterns: list[str]) -> frozenset[str]:
    return frozenset(pattern for pattern in patterns if compiles(pattern))


def instance_of_annotation(keys: Mapping[str, Any]) -> PromInstance:
    """
    Build the instance of one decoded table of an annotation, placeholders as they are written.

    Raises:
        WrongType: An address cannot be parsed, whatever stands for its placeholders.
    """
    urls = annotation_urls(keys)
    try:
        for url in urls:
            # What stands behind a placeholder is known for a pod only; some pod will do here.
            parse_url(fill_placeholders(url))
    except InvalidUrl as error:
        raise WrongType(f"urls: {error}") from error
    return _instance(
        keys,
        {},
        source=keys.get("source") or "$NAMESPACE/$PODNAME",
        urls=urls,
        interval_ns=annotation_interval_ns(keys),
        dial_timeout_ns=max(int(keys.get("timeout", 0)), MIN_DIAL_TIMEOUT_NS),
        election=None,
    )


def instance_of_conf(decoded: Mapping[str, Any]) -> PromInstance:
    """Build the instance of one decoded table of a conf file."""
    keys = with_defaults(decoded)
    return _instance(
        keys,
        with_defaults({}),
        source=keys["source"] or "prom",
        urls=conf_urls(keys),
        interval_ns=min(max(keys["interval"], MIN_INTERVAL_NS), MAX_INTERVAL_NS),
        dial_timeout_ns=max(keys["timeout"], MIN_DIAL_TIMEOUT_NS),
        election=keys["election"],
    )


def _instance(
    keys: Mapping[str, Any],
    defaults: Mapping[str, Any],
    **effective: Any,  # noqa: ANN401  the other attributes
) -> PromInstance:
    rest = {name: value for name, value in sorted(keys.items()) if name not in _HELD}
    return PromInstance(
        measurement=keys.get("measurement_name", ""),
        metric_types=frozenset(word.lower() for word in keys.get("metric_types", ())),
        name_filter=_effective(keys.get("metric_name_filter", ())),
        name_filter_ignore=_effective(keys.get("metric_name_filter_ignore", ())),
        tags_ignore=frozenset(keys.get("tags_ignore", ())),
        tags=tuple(sorted(keys.get("tags", {}).items())),
        rest={
            name: value
            for name, value in rest.items()
            if (value != defaults[name] if name in defaults else value)
        },
        **effective,
    )
