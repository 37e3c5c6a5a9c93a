"""A scripted HTTP server in place of an API server: it answers what the test says, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from istio_observability.kube.api import ClusterApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from istio_observability.kube.transport import ClientOptions

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class PlainConnection:
    """A connection with a token that the test may change."""

    session: aiohttp.ClientSession
    base_url: str
    request_options: dict[str, Any] = field(default_factory=dict)
    token: str | None = "first"
    next_token: str = "second"
    renewals: int = 0

    async def authorization(self) -> str | None:
        """Return the header value."""
        return f"Bearer {self.token}"

    async def renew_credentials(self) -> None:
        """Take the next token."""
        self.renewals += 1
        self.token = self.next_token

    async def close(self) -> None:
        """Close the session."""
        await self.session.close()


@dataclass
class FakeServer:
    """Answers lists, watches and anything else from three scripts; an empty script is an error."""

    lists: list[Answer] = field(default_factory=list)
    watches: list[Answer] = field(default_factory=list)
    others: list[Answer] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""
    connection: PlainConnection | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Play the next answer of the script that fits."""
        self.requests.append(request)
        self.bodies.append(await request.read())
        if request.query.get("watch"):
            # A script that is played out leaves the stream open and silent.
            return await (self.watches.pop(0) if self.watches else stream(hold=True))(request)
        script = self.lists if "limit" in request.query else self.others
        return await script.pop(0)(request)

    def queries(self, key: str) -> list[str | None]:
        """Return one URL parameter of every request so far."""
        return [request.query.get(key) for request in self.requests]


@asynccontextmanager
async def serving(
    server: FakeServer, options: ClientOptions | None = None
) -> AsyncIterator[ClusterApi]:
    """Run the server and connect to it."""
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}"
    server.connection = PlainConnection(aiohttp.ClientSession(), server.url)
    try:
        async with ClusterApi(server.connection, options) as api:
            yield api
    finally:
        await runner.cleanup()


def answer(status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """Answer with JSON, or with text as it stands."""

    async def play(_request: web.Request) -> web.Response:
        text = body if isinstance(body, str) else json.dumps(body or {})
        return web.Response(status=status, text=text, headers=headers)

    return play


def failure(status: int, reason: str = "", headers: dict[str, str] | None = None) -> Answer:
    """Answer with a ``Status`` object."""
    return answer(status, {"kind": "Status", "reason": reason, "code": status}, headers)


def listing(version: int, *items: Any, token: str = "") -> Answer:
    """Answer a list, or a page of it."""
    metadata = {"resourceVersion": str(version), "continue": token}
    return answer(body={"metadata": metadata, "items": list(items)})


def hang_up() -> Answer:
    """Close the connection instead of answering."""

    async def play(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    return play


def stream(*events: Any, rest: bytes = b"", hold: bool = False, cut: bool = False) -> Answer:
    """
    Answer a watch.

    Args:
        events: ``(type, object)``, one line each.
        rest: Sent after them as it stands.
        hold: Stay open and silent afterwards.
        cut: Close the connection without an end of the body.
    """

    async def play(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for what, body in events:
            await response.write(json.dumps({"type": what, "object": body}).encode() + b"\n")
        if rest:
            await response.write(rest)
        if hold:
            await asyncio.sleep(3600)
        if cut:
            assert request.transport is not None
            request.transport.close()
        return response

    return play


def thing(name: str, version: int, value: str = "", uid: str = "") -> dict[str, Any]:
    """Return a ConfigMap whose projection in the tests is ``value``."""
    return {
        "metadata": {
            "name": name,
            "namespace": "prod",
            "uid": uid or name,
            "resourceVersion": str(version),
        },
        "data": {"value": value},
    }


def bookmark(version: int) -> tuple[str, dict[str, Any]]:
    """Return a bookmark event."""
    return ("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})
