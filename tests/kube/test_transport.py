"""How requests look on the wire, and what happens around one of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from istio_observability.kube.errors import Forbidden, Misconfigured, Stale, Unavailable
from istio_observability.kube.retry import RetryPolicy
from istio_observability.kube.transport import ClientOptions
from istio_observability.kube.wire import (
    LineBuffer,
    Selection,
    collection_path,
    object_path,
    ref_of,
)
from istio_observability.model import names, objects
from istio_observability.model.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    NAMESPACE,
    Kind,
    ObjectRef,
)
from tests.kube.fake_server import (
    FakeServer,
    answer,
    failure,
    hang_up,
    listing,
    serving,
    thing,
)

BODY = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cart", "namespace": "prod", "uid": "1"},
}
CART = ObjectRef(DEPLOYMENT, "prod", "cart")
CART_PATH = "/apis/apps/v1/namespaces/prod/deployments/cart"


async def no_pause(_seconds: Any) -> Any:
    """Sleep not at all."""


FAST = ClientOptions(retry=RetryPolicy(max_attempts=4, sleep=no_pause))

REQUESTS = {
    "get": (lambda api: api.get(CART), "GET", CART_PATH, None),
    "apply": (lambda api: api.apply(BODY), "PATCH", CART_PATH, "application/apply-patch+yaml"),
    "status": (
        lambda api: api.apply_status(BODY),
        "PATCH",
        f"{CART_PATH}/status",
        "application/apply-patch+yaml",
    ),
    "json patch": (
        lambda api: api.json_patch(CART, [{"op": "test", "path": "/a", "value": 1}]),
        "PATCH",
        CART_PATH,
        "application/json-patch+json",
    ),
    "merge patch": (
        lambda api: api.merge_patch(CART, {"a": None}),
        "PATCH",
        CART_PATH,
        "application/merge-patch+json",
    ),
    "create": (
        lambda api: api.create(BODY),
        "POST",
        "/apis/apps/v1/namespaces/prod/deployments",
        "application/json",
    ),
    "delete": (lambda api: api.delete(CART, uid="1"), "DELETE", CART_PATH, "application/json"),
}


@pytest.mark.parametrize(
    ("call", "method", "path", "content_type"), REQUESTS.values(), ids=REQUESTS.keys()
)
async def test_request_on_the_wire(call, method, path, content_type):
    """Method, path and content type of each request; writes name our field manager."""
    server = FakeServer(others=[answer(200, BODY)])

    async with serving(server) as api:
        await call(api)

    request = server.requests[0]
    assert (method, path) == (request.method, request.path)
    assert content_type == request.headers.get("Content-Type")
    assert request.headers["Accept"] == "application/json"
    writes = method in {"PATCH", "POST"}
    assert (names.FIELD_MANAGER if writes else None) == request.query.get("fieldManager")


async def test_force_is_said_in_both_cases():
    """An apply never relies on the server's default."""
    server = FakeServer(others=[answer(200, BODY)] * 3)

    async with serving(server) as api:
        await api.apply(BODY)
        await api.apply(BODY, force=True)
        await api.apply_status(BODY)

    assert server.queries("force") == ["false", "true", "true"]


async def test_delete_carries_its_preconditions():
    """Uid and version stand in the options."""
    server = FakeServer(others=[answer(200, BODY)])

    async with serving(server) as api:
        await api.delete(CART, uid="1", resource_version="7")

    sent = json.loads(server.bodies[0])
    assert sent["preconditions"] == {"uid": "1", "resourceVersion": "7"}


async def test_pages_show_one_moment_and_name_their_kind():
    """The token is passed on, and items get the kind that lists leave out."""
    server = FakeServer(lists=[listing(10, thing("a", 1), token="t&1"), listing(10, thing("b", 2))])

    async with serving(server) as api:
        pages = [page async for page in api.list_pages(Selection(CONFIG_MAP), page_size=1)]

    assert [(i[0]["metadata"]["name"], v) for i, v in pages] == [("a", "10"), ("b", "10")]
    assert (pages[0][0][0]["apiVersion"], pages[0][0][0]["kind"]) == ("v1", "ConfigMap")
    assert server.queries("continue") == [None, "t&1"]


async def test_metadata_only_is_asked_for_by_media_type():
    """Lists and watches have types of their own."""
    selection = Selection(NAMESPACE, metadata_only=True)

    assert selection.accept_list.startswith("application/json;as=PartialObjectMetadataList;")
    assert selection.accept_watch.startswith("application/json;as=PartialObjectMetadata;")


async def test_rotated_token_is_read_again():
    """One 401 renews the credentials, a second one is the answer."""
    server = FakeServer(others=[failure(401), answer(200, BODY), failure(401), failure(401)])

    async with serving(server) as api:
        await api.get(CART)
        with pytest.raises(Forbidden):
            await api.get(CART)

    assert server.connection is not None
    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer first", "Bearer second", "Bearer second", "Bearer second"]
    assert server.connection.renewals == 2


@pytest.mark.parametrize(
    "trouble", [hang_up(), failure(429), failure(503), answer(200, "<html>"), answer(502, "x")]
)
async def test_apply_is_repeated(trouble):
    """Whatever became of the first request, the second one is the same and harmless."""
    server = FakeServer(others=[trouble, answer(200, BODY)])

    async with serving(server, FAST) as api:
        assert await api.apply(BODY) == BODY

    assert server.bodies[0] == server.bodies[1]


async def test_server_that_is_not_there():
    """A refused connection is unavailable, and known never to have been sent."""
    seen = []
    options = ClientOptions(
        retry=RetryPolicy(max_attempts=1), observer=lambda *request: seen.append(request)
    )
    async with serving(FakeServer(), options) as api:
        api._transport.connection.base_url = "http://127.0.0.1:1"
        with pytest.raises(Unavailable) as failed:
            await api.get(CART)

    assert failed.value.never_sent
    assert isinstance(failed.value.__cause__, aiohttp.ClientError)
    assert [request[:3] for request in seen] == [("GET", "Deployment", 0)]


async def test_impossible_address_needs_the_user():
    """An address that is none is not retried."""
    async with serving(FakeServer()) as api:
        api._transport.connection.base_url = "http://"
        with pytest.raises(Misconfigured):
            await api.get(CART)


async def test_failed_test_of_a_json_patch_is_stale():
    """The content type tells that a 422 without causes is a failed test."""
    server = FakeServer(others=[failure(422, "Invalid")])

    async with serving(server) as api:
        with pytest.raises(Stale):
            await api.json_patch(CART, [])


async def test_requests_in_flight_are_bounded():
    """No more than ``pool_size`` are on the wire at once, all are served."""
    flying = peak = 0

    async def slow(request: Any) -> Any:
        nonlocal flying, peak
        flying += 1
        peak = max(peak, flying)
        await asyncio.sleep(0.01)
        flying -= 1
        return await answer(200, BODY)(request)

    async with serving(FakeServer(others=[slow] * 40), ClientOptions(pool_size=4)) as api:
        await asyncio.gather(*(api.get(CART) for _ in range(40)))

    assert peak == 4


PATHS = {
    collection_path(NAMESPACE): "/api/v1/namespaces",
    collection_path(CONFIG_MAP, "prod"): "/api/v1/namespaces/prod/configmaps",
    collection_path(DEPLOYMENT): "/apis/apps/v1/deployments",
    object_path(ObjectRef(NAMESPACE, "", "prod")): "/api/v1/namespaces/prod",
    object_path(ObjectRef(CONFIG_MAP, "a", "b/../c")): "/api/v1/namespaces/a/configmaps/b%2F..%2Fc",
    collection_path(EVENT, "x"): "/apis/events.k8s.io/v1/namespaces/x/events",
}


@pytest.mark.parametrize(("found", "expected"), PATHS.items(), ids=PATHS.values())
def test_paths(found, expected):
    """Core and named groups, cluster-scoped kinds, and names that try to leave their place."""
    assert expected == found


def test_every_kind_can_be_found_from_a_body():
    """A body's ``apiVersion`` and ``kind`` lead to one of the kinds of the model."""
    for kind in (k for k in vars(objects).values() if isinstance(k, Kind)):
        metadata = {"name": "x", "namespace": "y"}
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}

        assert ObjectRef(kind, "y" if kind.namespaced else "", "x") == ref_of(body)


def test_lines_in_any_pieces():
    """However the bytes arrive, the lines are the same."""
    text = b'{"a":1}\n\n{"b":2}\n'
    for size in range(1, len(text) + 1):
        buffer = LineBuffer()
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        lines = [line for piece in pieces for line in buffer.feed(piece)]
        buffer.finish()

        assert lines == [b'{"a":1}', b'{"b":2}']


def test_half_a_line_is_an_error():
    """A stream that ends in the middle of an event has lost it."""
    buffer = LineBuffer()
    assert list(buffer.feed(b'{"a":')) == []

    with pytest.raises(Unavailable):
        buffer.finish()
