"""What a watch reports while everything around it fails."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from istio_observability.kube.errors import Forbidden, Missing
from istio_observability.kube.retry import RetryPolicy
from istio_observability.kube.transport import ClientOptions
from istio_observability.kube.watch import Watch, WatchOptions
from istio_observability.kube.wire import Selection
from istio_observability.model.objects import CONFIG_MAP
from tests.kube.fake_server import (
    FakeServer,
    answer,
    bookmark,
    failure,
    hang_up,
    listing,
    serving,
    stream,
    thing,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NO_RETRY = ClientOptions(retry=RetryPolicy(max_attempts=1))
SELECTION = Selection(CONFIG_MAP, "prod", label_selector="app=a,b!=c")


class Log(list[str]):
    """Changes as ``name old>new``."""

    def __call__(self, change: Any) -> Any:
        """Note one change."""
        self.append(f"{change.ref.name} {change.old}>{change.new}")


def value_of(body: Any) -> Any:
    """Project to the value; the empty string is of no interest."""
    return body["data"]["value"] or None


@asynccontextmanager
async def watching(server: Any, **options: Any) -> AsyncIterator[Any]:
    """Run a watch with short pauses against a script."""
    log = Log()
    async with serving(server, NO_RETRY) as api:
        watch = Watch(
            api,
            SELECTION,
            project=value_of,
            sink=log,
            options=WatchOptions(base_s=0.002, cap_s=0.01, **options),
        )
        task = asyncio.create_task(watch.run())
        try:
            yield watch, log
            assert not task.done()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Any) -> Any:
    """Wait until a condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a watch tells its sink, not an Event
            await asyncio.sleep(0.005)


FIRST = listing(10, thing("a", 5, "1"), thing("b", 6, "1"))
ADDED = ("ADDED", thing("last", 99, "x"))
GONE = {"kind": "Status", "code": 410, "reason": "Expired"}
BROKEN = {"kind": "Status", "code": 500, "message": "etcdserver: leader changed"}

# Each interruption, then a stream that ends the story. A place in the history is kept (version in
# the query) unless the server has forgotten it; then the list tells what happened meanwhile.
RESUMED = {
    "stream ends": stream(),
    "stream ends after a bookmark": stream(bookmark(10)),
    "cut between events": stream(cut=True),
    "cut in the middle of an event": stream(rest=b'{"type":"ADDED","obj', cut=True),
    "ends in the middle of an event": stream(rest=b'{"type":"ADDED","obj'),
    "error in the stream": stream(("ERROR", BROKEN)),
    "too many requests in the stream": stream(("ERROR", {"code": 429})),
    "something that is no event": stream(rest=b"<html>\n"),
    "an event without object": stream(rest=b'{"type":"ADDED"}\n'),
    "HTTP 500": failure(500),
    "HTTP 429": failure(429, headers={"Retry-After": "1"}),
    "HTTP 502 from a proxy": answer(502, "<html>Bad Gateway</html>"),
    "hang-up": hang_up(),
}
RELISTED = {
    "410 in the stream": stream(("ERROR", GONE)),
    "410 as answer": failure(410, "Expired"),
    "410 after a bookmark": stream(bookmark(20), ("ERROR", GONE)),
}


@pytest.mark.parametrize("interruption", RESUMED.values(), ids=RESUMED.keys())
async def test_interrupted_stream_is_resumed(interruption):
    """Nothing is listed again and nothing is lost or told twice."""
    server = FakeServer(lists=[FIRST], watches=[interruption, stream(ADDED, hold=True)])

    async with watching(server) as (_, log):
        await until(lambda: len(log) == 3)

    assert log == ["a None>1", "b None>1", "last None>x"]
    assert server.queries("resourceVersion") == [None, "10", "10"]


@pytest.mark.parametrize("interruption", RELISTED.values(), ids=RELISTED.keys())
async def test_forgotten_place_is_listed_and_compared(interruption):
    """Deletions, changes and additions of the gap are reported, unchanged objects are not."""
    second = listing(30, thing("a", 5, "1"), thing("c", 25, "1"))
    server = FakeServer(lists=[FIRST, second], watches=[interruption, stream(ADDED, hold=True)])

    async with watching(server) as (watch, log):
        await until(lambda: len(log) == 5)
        size = len(watch)

    assert log == ["a None>1", "b None>1", "c None>1", "b 1>None", "last None>x"]
    assert server.queries("resourceVersion")[-1] == "30"
    assert size == 3


async def test_silent_stream_is_replaced():
    """A connection that is up but dead is given up after the silence."""
    server = FakeServer(lists=[FIRST], watches=[stream(hold=True), stream(ADDED, hold=True)])

    async with watching(server, silence_s=0.1) as (_, log):
        await until(lambda: len(log) == 3)

    assert log[-1] == "last None>x"


async def follow_silence(server: Any) -> tuple[list[float], float, float]:
    """
    Let a watch try four streams that say nothing.

    Returns:
        Its pauses, each at its longest, and when it last saw activity: after two of the streams
        were asked for, and after all of them were.
    """
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(seconds)

    async with watching(server, silence_s=0.05, sleep=sleep, draw=lambda: 1.0) as (watch, _):
        await until(lambda: len(server.requests) == 3)
        before = watch.last_activity
        await until(lambda: len(server.requests) == 5)
        return pauses, before, watch.last_activity


async def test_silence_of_an_idle_kind_is_no_failure():
    """Each accepted stream shows that the server lives, and the next one follows at once."""
    server = FakeServer(lists=[FIRST], watches=[stream(hold=True)] * 4)
    pauses, before, after = await follow_silence(server)

    assert pauses[:3] == [0.002] * 3
    assert server.queries("resourceVersion")[:5] == [None, "10", "10", "10", "10"]
    assert after > before


async def test_server_that_accepts_no_stream_is_a_failure():
    """A connection that is up but dead shows nothing, and pauses grow."""

    async def say_nothing(_request: Any) -> Any:
        await asyncio.Event().wait()

    server = FakeServer(lists=[FIRST], watches=[say_nothing] * 4)
    pauses, before, after = await follow_silence(server)

    assert pauses[:3] == [0.004, 0.008, 0.01]
    assert after == before


async def test_bookmarks_alone_move_the_place_on():
    """A quiet selection stays near the present, so that a reconnect needs no list."""
    server = FakeServer(
        lists=[FIRST], watches=[stream(bookmark(50)), stream(bookmark(70)), stream(hold=True)]
    )

    async with watching(server) as (watch, _):
        before = watch.last_activity
        await until(lambda: len(server.requests) == 4)
        after = watch.last_activity

    assert server.queries("resourceVersion") == [None, "10", "50", "70"]
    assert after > before


async def test_expired_page_token_begins_the_list_again():
    """Half a list reports no deletions, and the watch is not synced by it."""
    server = FakeServer(
        lists=[
            listing(10, thing("a", 5, "1"), token="next"),
            failure(410, "Expired"),
            listing(20, thing("a", 5, "1"), token="next"),
            listing(20, thing("b", 12, "1")),
        ]
    )

    async with watching(server) as (watch, log):
        await asyncio.wait_for(watch.synced.wait(), 10)

    assert log == ["a None>1", "b None>1"]
    assert server.queries("continue")[:4] == [None, "next", None, "next"]


async def test_selectors_go_to_list_and_watch():
    """Both requests are narrowed in the same way."""
    server = FakeServer(lists=[FIRST])

    async with watching(server):
        await until(lambda: len(server.requests) == 2)

    assert server.queries("labelSelector") == ["app=a,b!=c"] * 2
    assert [r.path for r in server.requests] == ["/api/v1/namespaces/prod/configmaps"] * 2


@pytest.mark.parametrize(("status", "expected"), [(403, Forbidden), (404, Missing)])
async def test_denial_is_reported_and_tried_again(status, expected):
    """A missing permission or a missing CRD is told, and may come later."""
    denied: list[Exception] = []
    server = FakeServer(lists=[failure(status), failure(status), FIRST])

    async with watching(server, on_denied=denied.append) as (watch, _):
        await asyncio.wait_for(watch.synced.wait(), 10)

    assert [expected, expected] == [type(error) for error in denied]


async def test_events_that_change_nothing_are_not_told():
    """Equal projections, older and repeated states, and objects of no interest are silent."""
    events = [
        ("MODIFIED", thing("a", 11, "1")),
        ("MODIFIED", thing("a", 7, "old")),
        ("MODIFIED", thing("a", 11, "again")),
        ("ADDED", thing("dull", 12, "")),
        ("DELETED", thing("dull", 13, "")),
        ("DELETED", thing("never seen", 14, "x")),
        ADDED,
    ]
    server = FakeServer(lists=[FIRST], watches=[stream(*events, hold=True)])

    async with watching(server) as (_, log):
        await until(lambda: "last None>x" in log)

    assert log == ["a None>1", "b None>1", "last None>x"]


async def test_replaced_object_is_gone_then_new():
    """A namesake with another uid is never taken for the same object."""
    events = [("MODIFIED", thing("a", 11, "1", uid="other")), ADDED]
    server = FakeServer(lists=[FIRST], watches=[stream(*events, hold=True)])

    async with watching(server) as (_, log):
        await until(lambda: "last None>x" in log)

    assert log[2:] == ["a 1>None", "a None>1", "last None>x"]


async def test_object_that_is_no_longer_of_interest_is_gone():
    """A projection that becomes ``None`` is a deletion for the caller."""
    events = [("MODIFIED", thing("a", 11, "")), ADDED]
    server = FakeServer(lists=[FIRST], watches=[stream(*events, hold=True)])

    async with watching(server) as (_, log):
        await until(lambda: "last None>x" in log)

    assert log[2:] == ["a 1>None", "last None>x"]


async def test_object_larger_than_any_buffer():
    """An event of two megabytes in one line arrives whole."""
    text = "x" * 2_000_000
    server = FakeServer(
        lists=[FIRST], watches=[stream(("MODIFIED", thing("a", 11, text)), hold=True)]
    )

    async with watching(server) as (watch, log):
        await until(lambda: len(log) == 3)
        value = watch.get("prod", "a")

    assert text == value


# Offline: no request is sent, the watch is fed by hand.
def fed(*known: Any) -> Any:
    """Return a watch without connection that knows these objects."""
    log = Log()
    watch = Watch(None, SELECTION, project=value_of, sink=log)  # type: ignore[arg-type]
    for body in known:
        watch.observe(body)
    log.clear()
    return watch, log


OBSERVED = {
    "newer state counts": (thing("a", 20, "2"), ["a 1>2"]),
    "older state is ignored": (thing("a", 9, "0"), []),
    "same state is ignored": (thing("a", 10, "0"), []),
    "created by us": (thing("new", 20, "1"), ["new None>1"]),
    "version that is no number counts": (thing("a", 0, "2"), ["a 1>2"]),
}


@pytest.mark.parametrize(("body", "expected"), OBSERVED.values(), ids=OBSERVED.keys())
def test_observe(body, expected):
    """Answers of our own writes are ordered by resource version where there is an order."""
    if body["metadata"]["resourceVersion"] == "0":
        body["metadata"]["resourceVersion"] = "v-11"
    watch, log = fed(thing("a", 10, "1"))

    watch.observe(body)

    assert expected == log


async def test_observed_answer_does_not_raise_the_dead():
    """An answer that arrives after the deletion was streamed is ignored."""
    server = FakeServer(
        lists=[FIRST], watches=[stream(("DELETED", thing("a", 15, "1")), ADDED, hold=True)]
    )

    async with watching(server) as (watch, log):
        await until(lambda: "last None>x" in log)
        watch.observe(thing("a", 14, "late"))
        left = watch.get("prod", "a")

    assert left is None
    assert log[-1] == "last None>x"


async def test_observed_object_survives_an_older_list():
    """What we created after the list was taken is not reported as deleted by it."""
    gate = asyncio.Event()

    async def late_list(request: Any) -> Any:
        await gate.wait()
        return await listing(30)(request)

    server = FakeServer(
        lists=[FIRST, late_list], watches=[stream(("ERROR", GONE)), stream(hold=True)]
    )

    async with watching(server) as (watch, log):
        await until(lambda: len(server.requests) == 3)
        watch.observe(thing("new", 31, "1"))
        gate.set()
        await until(lambda: "b 1>None" in log)
        left = list(watch.values())

    assert left == ["1"]
    assert {"new None>1", "a 1>None", "b 1>None"} == set(log[2:])


async def test_fault_of_the_sink_is_not_swallowed():
    """A programming error ends the watch loudly."""

    def sink(_change: Any) -> Any:
        raise LookupError("bug")

    async with serving(FakeServer(lists=[FIRST]), NO_RETRY) as api:
        watch = Watch(api, SELECTION, project=value_of, sink=sink)

        with pytest.raises(LookupError, match="bug"):
            await watch.run()
