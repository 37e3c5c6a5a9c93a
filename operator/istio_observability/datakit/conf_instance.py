"""
One ``prom`` instance of a conf file with the values that the agent really uses.

Unlike in an annotation an address that cannot be parsed drops nothing: the instance is loaded,
counted, and never scrapes.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/prom/input.go and
internal/plugins/inputs/inputs.go (``MergeTags``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.annotation import DEFAULT_INTERVAL_NS, MIN_DIAL_TIMEOUT_NS
from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.go_url import InvalidUrl, is_loopback, parse_url, split_host_port
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.scrape_options import ScrapeOptions, build_options
from istio_observability.datakit.tls_files import unreadable_certificate

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

DEFAULT_DIAL_TIMEOUT_NS: Final = 30 * SECOND_NS
MIN_INTERVAL_NS: Final = SECOND_NS
MAX_INTERVAL_NS: Final = 300 * SECOND_NS
_DEFAULTS: Final[dict[str, Any]] = {
    "source": "prom",
    "interval": DEFAULT_INTERVAL_NS,
    "timeout": DEFAULT_DIAL_TIMEOUT_NS,
    "stream_size": 1,
    "honor_timestamps": True,
    "max_file_size": 32 * 1024 * 1024,
    "election": True,
}


@dataclass(frozen=True, slots=True)
class PromInput:
    """
    One instance.

    Attributes:
        keys: The configuration with the defaults filled in.
        urls: The addresses in use.
        interval_ns: After the clamp between one second and five minutes.
        tags_by_url: Tags that are added to every point of an address unless it has the key.
        init_error: Why the instance never scrapes; ``""`` if it does.
    """

    keys: Mapping[str, Any]
    urls: tuple[str, ...]
    interval_ns: int
    tags_by_url: Mapping[str, Mapping[str, str]]
    dial_timeout_ns: int
    init_error: str
    options: ScrapeOptions

    @property
    def source(self) -> str:
        """Return the name of the job; it can be empty."""
        return str(self.keys["source"])

    @property
    def election(self) -> bool:
        """Return whether only the elected agent scrapes."""
        return bool(self.keys["election"])


def with_defaults(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decoded keys of one instance with the agent's defaults for those not set."""
    return {**_DEFAULTS, **keys}


def conf_urls(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses in use: ``url`` counts only where ``urls`` is empty."""
    single = keys.get("url", "")
    return tuple(keys.get("urls", ())) or ((single,) if single else ())


def build_prom_input(
    decoded: Mapping[str, Any],
    *,
    global_tags: Mapping[str, str] | None = None,
    protect: bool = True,
    files: Container[str] = (),
) -> PromInput:
    """
    Build one instance.

    Args:
        decoded: As ``decode_keys`` returns them.
        global_tags: The agent's election tags, or host tags for an instance without election.
        protect: Whether the agent clamps intervals; ``ENV_DISABLE_PROTECT_MODE`` switches it off.
        files: Paths of certificates that exist on the agent's disk.
    """
    keys = with_defaults(decoded)
    urls = conf_urls(keys)
    tags_by_url: dict[str, dict[str, str]] = {}
    init_error = ""
    for url in urls:
        try:
            tags_by_url[url] = _tags_of(url, keys, global_tags or {})
        except InvalidUrl as error:
            init_error = str(error)
            break
    certificate = unreadable_certificate(keys, ConfigPath.CONF, files)
    if not init_error and certificate:
        init_error = f"{certificate} cannot be read"
    interval_ns = int(keys["interval"])
    if protect:
        interval_ns = min(max(interval_ns, MIN_INTERVAL_NS), MAX_INTERVAL_NS)
    return PromInput(
        keys=keys,
        urls=urls,
        interval_ns=interval_ns,
        tags_by_url=tags_by_url,
        dial_timeout_ns=max(int(keys["timeout"]), MIN_DIAL_TIMEOUT_NS),
        init_error=init_error,
        options=build_options(keys, ConfigPath.CONF),
    )


def _tags_of(url: str, keys: Mapping[str, Any], global_tags: Mapping[str, str]) -> dict[str, str]:
    parsed = parse_url(url)
    tags = dict(keys.get("tags", {}))
    if url and "host" not in tags:
        # Without a host in the address the agent tries to split the address itself.
        parts = split_host_port(parsed.host or url)
        host = parts[0] if parts else parsed.host or url
        if host != "localhost" and not is_loopback(host):
            tags["host"] = host
    for key, value in global_tags.items():
        tags.setdefault(key, value)
    if not keys.get("disable_instance_tag"):
        tags.setdefault("instance", parsed.host)
    return tags
