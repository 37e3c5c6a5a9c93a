"""Rules about addresses: is there one, is it the pod's own, and can the agent parse it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.go_url import InvalidUrl, parse_url
from istio_observability.datakit.prom_checks import (
    fill_placeholders,
)
from istio_observability.lint.finding import Problem, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import PromTable
    from istio_observability.lint.places import Edit, Place

_FOREIGN: Final = re.compile(r"\$\{?(?!(?:IP|NAMESPACE|PODNAME|NODENAME)(?!\w))[A-Za-z_]\w*\}?")
_PORT: Final = re.compile(r":\d+(?:/|$|\?)")
_BARE_IPV6: Final = re.compile(r"^https?://[0-9a-fA-F]{0,4}:[0-9a-fA-F:]*:[0-9a-fA-F:]*(?:/|$)")


@rule("IOB223", Severity.ERROR)
def no_address(prom: PromTable) -> Iterator[Problem]:
    """Nothing says what to scrape."""
    if not prom.urls and not prom.wrong_type:
        yield Problem(prom.place, "has no address", "nothing is scraped", "write urls")


@rule("IOB224", Severity.ERROR)
def no_pod_address(prom: PromTable) -> Iterator[Problem]:
    """An address in an annotation is the same for every pod."""
    if not prom.text.is_annotation:
        return
    for url in prom.urls:
        if "$IP" not in url and "$PODNAME" not in url and not _FOREIGN.search(url):
            yield Problem(
                _url_place(prom, url),
                "an address does not contain $IP",
                "every agent scrapes the same address for every pod, localhost being the agent's",
                "write http://$IP and the port",
            )


def _url_place(prom: PromTable, url: str) -> Place:
    for key in ("urls", "url"):
        for item in prom.items(key):
            if item.text == url:
                return prom.text.place(item.start)
    return prom.at("urls" if "urls" in prom.keys else "url")


@rule("IOB227", Severity.ERROR)
def ipv6(prom: PromTable) -> Iterator[Problem]:
    """An IPv6 address without brackets."""
    for url in prom.urls:
        bare = "$IP" in url and "[$IP]" not in url and not _PORT.search(url.partition("$IP")[2])
        if bare or _BARE_IPV6.match(url):
            yield Problem(
                _url_place(prom, url),
                "an address leaves brackets and port away",
                "of an IPv6 address the agent takes the last group for the port",
                "write http://[$IP]:15020 with the port",
            )


@rule("IOB228", Severity.ERROR)
def url_beside_urls(prom: PromTable) -> Iterator[Problem]:
    """The key url stands beside urls."""
    if prom.keys.get("url") and prom.keys.get("urls"):
        outcome = (
            "both are scraped, and the first that fails stops the others"
            if prom.text.is_annotation
            else "the agent ignores url"
        )
        yield Problem(prom.at("url"), "url stands beside urls", outcome, "write urls only")


@rule("IOB229", Severity.INFO)
def deprecated_url(prom: PromTable) -> Iterator[Problem]:
    """The key url is deprecated."""
    if not prom.keys.get("url") or prom.keys.get("urls"):
        return
    entry = prom.entry("url")
    edits: tuple[Edit, ...] = ()
    if entry is not None and len(entry.items) == 1:
        written = prom.text.passage.text[entry.value_start : entry.end]
        edits = prom.text.passage.replace(entry.start, entry.end, f"urls = [{written}]")
    yield Problem(
        prom.at("url"),
        "url is deprecated",
        "it is ignored as soon as somebody adds urls",
        "write urls = [...]",
        edits,
    )


@rule("IOB230", Severity.ERROR)
def bad_address(prom: PromTable) -> Iterator[Problem]:
    """An address that cannot be scraped."""
    for url in prom.urls:
        filled = fill_placeholders(url) if prom.text.is_annotation else url
        try:
            parsed = parse_url(filled)
        except InvalidUrl as error:
            problem, whole = str(error), prom.text.is_annotation
        else:
            # Without a scheme a conf file's address is the path of a local file.
            if parsed.scheme in {"http", "https"} and parsed.host:
                continue
            problem, whole = "an address does not begin with http:// or https://", False
        yield Problem(
            _url_place(prom, url),
            problem,
            "the agent drops the whole annotation" if whole else "nothing is scraped there",
            "write http://, the host and the port",
        )


PROM_RULES: Final = (
    no_address,
    no_pod_address,
    ipv6,
    url_beside_urls,
    deprecated_url,
    bad_address,
)
