"""Reads an exposition over HTTP, in bounded time and size."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp

from istio_observability import __version__
from istio_observability.cli.preview_address import shown_url
from istio_observability.cli.preview_answer import check_answer
from istio_observability.cli.usage import UsageError
from istio_observability.preview.body import Gathering, NoExposition

_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": f"istio-observability/{__version__}"}
_PIECE_BYTES: Final = 256 * 1024


def read_url(url: str, timeout_s: float) -> bytes:
    """
    Return what an address answers.

    Raises:
        UsageError: It answers something else, too late, or not at all.
    """
    return asyncio.run(_read(url, timeout_s))


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
        headers = response.headers
        kind, encoding = headers.get("Content-Type", ""), headers.get("Content-Encoding", "")
        check_answer(response.status, kind, encoding)
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
