"""
What the agent gets when it asks an address, from responses that are given.

The status is not looked at: a 404 with a body is data. A response that is compressed is unpacked
only if the agent asked for that itself, so not where the configuration sets ``Accept-Encoding``.

Source: GuanceCloud/datakit 1.84.1, internal/prom/prom.go; Go 1.19, src/net/http/transport.go.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from istio_observability.datakit.exposition_lines import ParseFailed
from istio_observability.datakit.go_url import GoUrl, InvalidUrl, parse_url
from istio_observability.datakit.scrape_options import NoRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.datakit.scrape_options import ScrapeOptions

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 10
_NO_BODY: Final = frozenset({204, 304})
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_NOT_FOUND: Final = b"404 page not found\n"


class RequestFailed(Exception):  # noqa: N818  names the state
    """No response; ``ignore_req_err`` hides it."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answers; ``gzip`` says that it compresses the body."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    gzip: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a server sees it."""

    url: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Network:
    """
    Servers by address, and what was asked of them.

    An address that is no host and port of any response refuses the connection.
    """

    responses: Mapping[str, Response]
    requests: list[Request] = field(default_factory=list)
    dialed: list[str] = field(default_factory=list)

    def get(self, url: str, options: ScrapeOptions) -> bytes:
        """
        Return the body that the agent parses.

        Raises:
            RequestFailed: Nothing answers, or the request cannot be built.
            ParseFailed: The body cannot be unpacked.
            ScrapePanic: The agent's worker dies.
        """
        try:
            added = options.request_headers()
        except NoRequest as error:
            raise RequestFailed(str(error)) from error
        for name, value in added.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise RequestFailed("http_headers holds a name or value that no header has")
        headers = {"Accept-Encoding": "gzip", "User-Agent": "Go-http-client/1.1", **added}
        headers.pop("Host", None)
        for _ in range(_MAX_REDIRECTS):
            response = self._ask(url, headers)
            location = _header(response, "Location")
            if response.status not in _REDIRECTS or not location:
                return _body(response, unpack={"Accept-Encoding", "Range"}.isdisjoint(added))
            url = urljoin(url, location)
        raise RequestFailed("stopped after 10 redirects")

    def _ask(self, url: str, headers: Mapping[str, str]) -> Response:
        try:
            parsed = parse_url(url)
        except InvalidUrl as error:
            raise RequestFailed(str(error)) from error
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise RequestFailed("the address is not http://host or https://host")
        self.dialed.append(parsed.dial)
        servers = [(parse_url(known), known) for known in self.responses]
        if all(server.dial != parsed.dial for server, _ in servers):
            raise RequestFailed("the connection is refused")
        self.requests.append(Request(url, {k: v for k, v in headers.items() if v}))
        for server, known in servers:
            if known == url or _same_page(server, parsed):
                return self.responses[known]
        return Response(_NOT_FOUND, status=404)


def _same_page(one: GoUrl, other: GoUrl) -> bool:
    return (one.dial, one.target) == (other.dial, other.target)


def _header(response: Response, name: str) -> str:
    return next((v for k, v in response.headers.items() if k.lower() == name.lower()), "")


def _body(response: Response, *, unpack: bool) -> bytes:
    if response.status in _NO_BODY:
        return b""
    packed = gzip.compress(response.body, mtime=0) if response.gzip else response.body
    if not unpack or not (response.gzip or _header(response, "Content-Encoding") == "gzip"):
        return packed
    if response.gzip:
        return response.body
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise ParseFailed("the body is said to be gzip and is not") from error
