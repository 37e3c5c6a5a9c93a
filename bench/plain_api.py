"""
The plainest client there is: aiohttp, a token, JSON.

It sets the scale for the operator's apply phase, so nothing is done here that a loop of ten lines
would not do, and nothing is left out that any client must do (encode, send, read, check).
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from dev.control_plane import ControlPlane

CONCURRENCY: Final = 32
"""Requests in flight: as many as the operator allows itself (``control.settings``)."""

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
_JSON: Final = "application/json"
_LIST_PAGE: Final = 500

Call = tuple[str, str, object, str]
"""Method, path with query, body and content type of one request."""


class PlainApi:
    """One session with a token; a context manager."""

    def __init__(self, plane: ControlPlane, token: str) -> None:
        context = ssl.create_default_context(cafile=str(plane.ca_file))
        self._url = plane.url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY, ssl=context),
            headers={"Authorization": f"Bearer {token}", "Accept": _JSON},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def send(self, method: str, path: str, body: object = None, kind: str = _JSON) -> Any:
        """
        Send one request and return the decoded answer.

        Raises:
            RuntimeError: The server did not say 2xx.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": kind} if data else {}
        async with self._session.request(
            method, f"{self._url}{path}", data=data, headers=headers
        ) as answer:
            content = await answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status}: {content[:300]!r}")
            return json.loads(content)

    async def send_all(self, calls: Iterable[Call]) -> None:
        """Send any number of requests, ``CONCURRENCY`` at a time, in order."""
        queue = iter(list(calls))

        async def work() -> None:
            for method, path, body, kind in queue:
                await self.send(method, path, body, kind)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONCURRENCY):
                tasks.create_task(work())

    async def list_all(self, path: str) -> list[dict[str, Any]]:
        """Return all objects of a collection, read in pages."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = await self.send("GET", f"{path}?limit={_LIST_PAGE}&continue={token}")
            found += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return found
