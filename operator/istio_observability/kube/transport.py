"""
Send one request and get one answer: places, credentials, observation, translation of errors.

The hot path of a mass apply: a request costs little more than aiohttp itself costs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from istio_observability.kube.classify import LIBRARY_ERRORS, classify, translate
from istio_observability.kube.retry import RetryPolicy, with_retries
from istio_observability.kube.wire import JSON, JSON_PATCH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from istio_observability.model.objects import Body, Kind

CONNECT_TIMEOUT_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 30.0

RequestObserver = Callable[[str, str, int, float], None]
"""Called after each request: verb, kind, HTTP status (0: no answer), seconds."""


class ApiConnection(Protocol):
    """A way to one API server; see ``connection.Connection``."""

    session: aiohttp.ClientSession
    base_url: str
    request_options: dict[str, Any]

    async def authorization(self) -> str | None:
        """Return the value of the ``Authorization`` header, if there is one."""

    async def renew_credentials(self) -> None:
        """Read the credentials again, at once."""

    async def close(self) -> None:
        """Close everything."""


def _observe_nothing(_verb: str, _kind: str, _code: int, _seconds: float) -> None:
    """Stand in where nobody counts requests."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """
    How the cluster is talked to.

    Attributes:
        pool_size: Requests in flight at once, the others wait in order; watches are not counted.
        observer: Told about each request, for metrics.
        retry: Bounds of repetition.
    """

    pool_size: int = 32
    observer: RequestObserver = _observe_nothing
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request.

    Attributes:
        verb: For the observer; ``WATCH`` is observed when the answer begins, others when it ends.
        silence_s: Replaces the time-out of the whole by one between two pieces of the answer.
        repeatable: May be executed twice without harm.
    """

    verb: str
    method: str
    kind: Kind
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content_type: str = JSON
    accept: str = JSON
    repeatable: bool = True
    silence_s: float | None = None


class Transport:
    """
    Sends requests over one connection.

    Safe for any number of tasks of one event loop. Raises only ``ApiError`` and
    ``CancelledError``.
    """

    def __init__(self, connection: ApiConnection, options: ClientOptions) -> None:
        self.connection = connection
        self._options = options
        self._places = asyncio.Semaphore(options.pool_size)
        self._timeout = aiohttp.ClientTimeout(
            total=REQUEST_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S
        )

    async def call(self, request: Request) -> Body:
        """Send a request, repeat it within the policy, and return the decoded answer."""
        data = None
        if request.body is not None:
            data = json.dumps(request.body, separators=(",", ":")).encode()

        async def send() -> Body:
            async with self._places, self.exchange(request, data) as response:
                answer = await response.read()
                if response.status >= 300:
                    is_json_patch = request.content_type == JSON_PATCH
                    raise classify(
                        response.status, answer, response.headers, json_patch=is_json_patch
                    )
                decoded: Body = json.loads(answer)
                return decoded

        return await with_retries(send, self._options.retry, repeatable=request.repeatable)

    @asynccontextmanager
    async def exchange(
        self, request: Request, data: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request once; the answer is open inside the block, whatever its status."""
        began = time.perf_counter()
        status = 0
        try:
            response = await self._send(request, data)
            async with response:
                status = response.status
                if request.verb == "WATCH":
                    # How long a stream lives says nothing about the server's speed.
                    self._observe(request, status, began)
                yield response
        except LIBRARY_ERRORS as error:
            raise translate(error) from error
        finally:
            if request.verb != "WATCH" or status == 0:
                self._observe(request, status, began)

    def _observe(self, request: Request, status: int, began: float) -> None:
        seconds = time.perf_counter() - began
        self._options.observer(request.verb, request.kind.kind, status, seconds)

    async def _send(self, request: Request, data: bytes | None) -> aiohttp.ClientResponse:
        response = await self._send_once(request, data)
        if response.status != 401:
            return response
        # The token was replaced a moment ago, perhaps; a second 401 is the answer.
        response.release()
        await self.connection.renew_credentials()
        return await self._send_once(request, data)

    async def _send_once(self, request: Request, data: bytes | None) -> aiohttp.ClientResponse:
        connection = self.connection
        headers = {"Accept": request.accept}
        if data is not None:
            headers["Content-Type"] = request.content_type
        if authorization := await connection.authorization():
            headers["Authorization"] = authorization
        timeout = self._timeout
        if request.silence_s is not None:
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=request.silence_s
            )
        url = f"{connection.base_url}{request.path}"
        if request.query:
            url = f"{url}?{urlencode(request.query)}"
        return await connection.session.request(
            request.method,
            # Encoded already: yarl's own quoting costs as much as the rest of a request.
            URL(url, encoded=True),
            data=data,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            **connection.request_options,
        )
