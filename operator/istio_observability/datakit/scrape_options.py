"""
What the scrape engine does with each family and label, from the keys of one table.

Both ways of configuration end in the same engine, but do not give it the same: custom tags reach
it from an annotation only, so there they win over labels and can be ignored and renamed, while a
conf file adds them to finished points.

Source: GuanceCloud/datakit 1.84.1, internal/prom/options.go, util.go and auth.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.patterns import InvalidPattern, Pattern, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEFAULT_MEASUREMENT: Final = "prom"
_UNKNOWN: Final = "unknown"


class ScrapePanic(Exception):  # noqa: N818  names the state
    """The agent's worker dies; annotation scraping of the whole node stops until a restart."""


class NoRequest(Exception):  # noqa: N818  names the state
    """The agent cannot build the request."""


@dataclass(frozen=True, slots=True)
class ScrapeOptions:
    """Effective values; an expression that does not compile is not in here."""

    batch_size: int
    honor_timestamps: bool
    metric_types: frozenset[str]
    name_filter: tuple[Pattern, ...]
    name_filter_ignore: tuple[Pattern, ...]
    measurement_prefix: str
    measurement_name: str
    rules: tuple[tuple[str, str], ...]
    keep_exist_metric_name: bool
    tags: Mapping[str, str]
    tags_ignore: tuple[str, ...]
    tags_rename: Mapping[str, str]
    rename_overwrites: bool
    ignore_tag_values: Mapping[str, tuple[Pattern, ...]]
    info_tags: bool
    as_logging: bool
    logging_service: str
    ignore_request_errors: bool
    http_headers: Mapping[str, str]
    auth: Mapping[str, str]

    def names_wanted(self, name: str) -> bool:
        """Return whether families of this name are kept if their type is."""
        if any(pattern.search(name) for pattern in self.name_filter_ignore):
            return False
        return not self.name_filter or any(pattern.search(name) for pattern in self.name_filter)

    def wants(self, name: str, kind: str) -> bool:
        """Return whether families of this name and type are kept."""
        if not self.names_wanted(name):
            return False
        # The engine has no word for this type, so only an empty list takes it.
        return not self.metric_types or (kind in self.metric_types and kind != "gauge_histogram")

    def names_of(self, family: str) -> tuple[str, str]:
        """Return the measurement and the field of a family."""
        measurement, field = self._names(family)
        return self.measurement_prefix + (measurement or _DEFAULT_MEASUREMENT), field

    def request_headers(self) -> dict[str, str]:
        """
        Return the headers that the configuration adds to a request.

        Raises:
            ScrapePanic: ``auth`` without ``type``, or headers beside a token that is missing.
            NoRequest: ``auth`` of type ``bearer_token`` without a readable token.
        """
        headers = {}
        if self.auth and "type" not in self.auth:
            raise ScrapePanic("auth has no type")
        if self.auth.get("type") == "bearer_token":
            if "token" not in self.auth:
                # A token file is on the agent's disk; taken as not there.
                if self.http_headers:
                    raise ScrapePanic("auth has no token, and there are http_headers")
                raise NoRequest("auth has no token")
            headers["Authorization"] = f"Bearer {self.auth['token']}"
        for name, value in self.http_headers.items():
            headers["-".join(part.capitalize() for part in name.split("-"))] = value
        return headers

    def _names(self, family: str) -> tuple[str, str]:
        for prefix, name in self.rules:
            if prefix and family.startswith(prefix):
                return name or prefix.rstrip("_"), family[len(prefix) :]
        if self.measurement_name:
            return self.measurement_name, family
        leading = len(family) - len(family.lstrip("_"))
        if leading >= len(family) - 1:
            return _UNKNOWN, _UNKNOWN
        family = family[leading:]
        head, underscore, rest = family.partition("_")
        if not underscore:
            return family, family
        if not rest:
            return head, head
        return head, family if self.keep_exist_metric_name else rest


def build_options(keys: Mapping[str, Any], path: ConfigPath) -> ScrapeOptions:
    """
    Build the options of one decoded table.

    Args:
        keys: As ``decode_keys`` returns them.
        path: Where the table comes from.
    """
    conf = path is ConfigPath.CONF
    rename = keys.get("tags_rename", {})
    logging = keys.get("as_logging", {})
    ignored = {
        key: compiled(patterns) for key, patterns in keys.get("ignore_tag_kv_match", {}).items()
    }
    return ScrapeOptions(
        batch_size=keys.get("stream_size", 1) if conf else 1,
        honor_timestamps=keys.get("honor_timestamps", True) if conf else False,
        metric_types=frozenset(word.lower() for word in keys.get("metric_types", ())),
        name_filter=compiled(keys.get("metric_name_filter", ())),
        name_filter_ignore=compiled(keys.get("metric_name_filter_ignore", ())),
        measurement_prefix=keys.get("measurement_prefix", ""),
        measurement_name=keys.get("measurement_name", ""),
        rules=tuple(
            (rule.get("prefix", ""), rule.get("name", "")) for rule in keys.get("measurements", ())
        ),
        keep_exist_metric_name=keys.get("keep_exist_metric_name", False) if conf else False,
        tags={} if conf else keys.get("tags", {}),
        tags_ignore=tuple(keys.get("tags_ignore", ())),
        tags_rename=rename.get("mapping", {}),
        rename_overwrites=rename.get("overwrite_exist_tags", False),
        ignore_tag_values={key: patterns for key, patterns in ignored.items() if patterns},
        info_tags=not keys.get("disable_info_tag", False),
        as_logging=logging.get("enable", False),
        logging_service=logging.get("service", ""),
        ignore_request_errors=keys.get("ignore_req_err", False),
        http_headers=keys.get("http_headers", {}),
        auth=keys.get("auth", {}),
    )


def compiled(patterns: Iterable[str]) -> tuple[Pattern, ...]:
    """Return the expressions that the agent keeps, compiled."""
    kept = []
    for pattern in patterns:
        try:
            kept.append(compile_pattern(pattern))
        except InvalidPattern:
            continue
    return tuple(kept)
