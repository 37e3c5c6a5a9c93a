"""
Reads an exposition over HTTP, in bounded time and size.

Stricter than the agent, which takes the body of any answer for metrics, whatever its status and
type: here such an answer is a mistake of the address.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import aiohttp

from istio_observability import __version__
from istio_observability.cli.preview_address import shown_url
from istio_observability.cli.usage import UsageError
from istio_observability.preview.body import Gathering, NoExposition

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": f"istio-observability/{__version__}"}
_TEXTS: Final = frozenset({"", "text/plain", "application/openmetrics-text"})
_PIECE_BYTES: Final = 256 * 1024


def read_url(url: str, timeout_s: float) -> bytes:
    """
    Return what an address answers.

    Raises:
        UsageError: It answers something else, too late, or not at all.
    """
    return asyncio.run(_read(url, timeout_s))


def check_answer(status: int, headers: Mapping[str, str]) -> None:
    """
    Refuse what is no answer with metrics.

    Raises:
        NoExposition: The status, the type or the encoding says so.
    """
    if status != HTTPStatus.OK:
        known = status in HTTPStatus._value2member_map_
        phrase = f" {HTTPStatus(status).phrase}" if known else ""
        raise NoExposition(
            f"answers {status}{phrase}; the agent would take that page for metrics and find"
            " none; correct the address, or try again"
        )
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in _TEXTS:
        raise NoExposition(
            f"answers {kind[:60]!r}, not text/plain; give the address of the metrics, or save"
            " what it answers and give the file"
        )
    encoding = headers.get("Content-Encoding", "").lower()
    if encoding not in {"", "identity", "gzip"}:
        raise NoExposition(
            f"answers in the encoding {encoding[:20]!r}, which nobody asked for; fetch it with"
            " another program and give the file"
        )


async def _read(url: str, timeout_s: float) -> bytes:
    shown = shown_url(url)
    try:
        async with asyncio.timeout(timeout_s):
            return await _get(url)
    except NoExposition as error:
        raise UsageError(f"{shown} {error}") from error
    except TimeoutError as error:
        raise UsageError(
            f"{shown} has not answered within {timeout_s:g} s; see whether the port is right and"
            " the pod answers, or give --timeout more"
        ) from error
    except aiohttp.InvalidURL as error:
        raise UsageError(f"{shown} is no address; write http://host:port/path") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise UsageError(f"{shown} {_problem(error)}") from error


async def _get(url: str) -> bytes:
    gathering = Gathering()
    async with (
        # Unpacked by ourselves: a library's buffer has no limit.
        aiohttp.ClientSession(auto_decompress=False, headers=_HEADERS) as session,
        session.get(url, timeout=aiohttp.ClientTimeout(total=None)) as response,
    ):
        check_answer(response.status, response.headers)
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            gathering.feed(piece)
    return gathering.finish()


def _problem(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "has a certificate that is not trusted; fetch it with curl and give -"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "has a host that nobody knows; correct the name"
    if isinstance(error, ConnectionRefusedError) or (
        isinstance(error, aiohttp.ClientConnectorError)
        and isinstance(error.os_error, ConnectionRefusedError)
    ):
        return "refuses the connection; see whether anything listens there"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached ({error.os_error.strerror or 'no reason given'})"
    if isinstance(error, aiohttp.TooManyRedirects):
        return "redirects in a circle; give the last address"
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "closes the connection before the end; try again"
    return f"gives no answer that is HTTP ({type(error).__name__})"
