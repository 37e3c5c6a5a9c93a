"""
Follow the objects of one selection, for ever, and report how their projections change.

Lists page by page, then watches with bookmarks. Whatever ends the stream, the watch goes on from
where it was, or lists again if the server has forgotten that place; objects that vanished in
between are found by comparing the list with what was known. Only projections are kept, so a
cluster of many objects costs as much memory as the operator's interest in them.

An answer to our own write is given to ``observe`` and counts at once; when the stream later brings
the same or an older state, it is ignored.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar

from istio_observability.kube.errors import ApiError, Missing, NeedsUser, Relist
from istio_observability.model.objects import Body, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from istio_observability.kube.api import ClusterApi
    from istio_observability.kube.wire import Selection

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """
    One object whose projection is not what it was.

    ``old`` is ``None`` for an object that is new, ``new`` is ``None`` for one that is gone. An
    object that was replaced by another of the same name is reported as gone, then as new.
    """

    ref: ObjectRef
    old: T | None
    new: T | None


def _ignore_denial(_error: ApiError) -> None:
    """Stand in where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """
    Pace of a watch, and the world it lives in.

    Attributes:
        on_denied: Told each time the server refuses the list or the watch (no permission, no
            such kind). The watch goes on trying.
        page_size: Objects per page of a list. Two pages are held at once, and a decoded Deployment
            takes 60 kB: this is what decides about the memory of a large cluster.
        timeout_s: Age at which the server is asked to end a stream, so that streams move to other
            API servers; up to a tenth is added at random.
        silence_s: Seconds without a byte after which a stream is given up, for it may be dead.
            Above 60, because bookmarks come once a minute.
        base_s: Longest pause after a stream that delivered something; doubles with each failure.
        cap_s: Longest pause of all.
    """

    on_denied: Callable[[ApiError], None] = _ignore_denial
    page_size: int = 100
    timeout_s: int = 300
    silence_s: float = 70.0
    base_s: float = 1.0
    cap_s: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random


@dataclass(slots=True)
class _Known(Generic[T]):
    uid: str
    version: int | None
    value: T


class Watch(Generic[T]):
    """
    The objects of one selection, as projections, always about to be up to date.

    Guarantees: changes of one object arrive in order and each ``old`` is the ``new`` before it;
    states in between may be skipped; equal projections are no change; a deletion is reported even
    if it happened while the stream was down. ``run`` ends only by cancellation, or by an exception
    of ``project`` or ``sink``, which are the caller's faults.

    Attributes:
        synced: Set once the first list has been reported completely.
        last_activity: When the server last sent anything, on the clock of the options; of a stream
            that it accepted and left silent, when that was asked for.
    """

    def __init__(
        self,
        api: ClusterApi,
        selection: Selection,
        *,
        project: Callable[[Body], T | None],
        sink: Callable[[Change[T]], None],
        options: WatchOptions | None = None,
    ) -> None:
        self.synced = asyncio.Event()
        self._api = api
        self._selection = selection
        self._project = project
        self._sink = sink
        self._options = options or WatchOptions()
        self.last_activity = self._options.clock()
        self._known: dict[_Key, _Known[T]] = {}
        self._resume_from: str | None = None
        self._newest = -1
        self._failures = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, namespace: str, name: str) -> T | None:
        """Return the projection of one object, ``None`` if it is not there or not of interest."""
        known = self._known.get((namespace, name))
        return known.value if known else None

    def values(self) -> list[T]:
        """Return all projections, in no order."""
        return [known.value for known in self._known.values()]

    async def run(self) -> NoReturn:
        """List and watch until cancelled."""
        while True:
            try:
                if self._resume_from is None:
                    await self._list()
                await self._follow(self._resume_from or "")
                self._failures = 0
            except ApiError as error:
                self._fail(error)
            await self._options.sleep(self._pause_s())

    def observe(self, body: Body) -> None:
        """
        Take the answer to a write of ours, or any newer state of an object of this selection.

        Ignored if the stream has already reported something newer, a deletion included.
        """
        version = _number(body["metadata"].get("resourceVersion"))
        # The stream is past this version and the object is not there: it was deleted since.
        if _key(body) not in self._known and version is not None and version <= self._newest:
            return
        self._take(body)

    async def _list(self) -> None:
        listed: set[_Key] = set()
        version = ""
        pages = self._api.list_pages(self._selection, page_size=self._options.page_size)
        async with aclosing(pages):
            async for items, version in pages:  # noqa: B007 - the version of the last page counts
                self.last_activity = self._options.clock()
                for body in items:
                    listed.add(_key(body))
                    self._take(body)
        at = _number(version)
        for key in [key for key in self._known if key not in listed]:
            known = self._known[key]
            # What we observed after the list was taken is not missing from it.
            if at is None or known.version is None or known.version <= at:
                self._drop(key)
        self._advance(version)
        self.synced.set()

    async def _follow(self, resource_version: str) -> None:
        options = self._options
        asked_at = options.clock()
        stream = self._api.watch(
            self._selection,
            resource_version,
            timeout_s=int(options.timeout_s * (1 + 0.1 * options.draw())),
            silence_s=options.silence_s,
        )
        async with aclosing(stream):
            async for what, body in stream:
                self.last_activity = options.clock()
                self._failures = 0
                if what == "DELETED":
                    self._take_deletion(body)
                elif what != "BOOKMARK":
                    self._take(body)
                self._advance((body.get("metadata") or {}).get("resourceVersion", ""))
        self.last_activity = max(self.last_activity, asked_at)

    def _fail(self, error: ApiError) -> None:
        self._failures += 1
        if isinstance(error, Relist):
            self._resume_from = None
            # An answer, so the server is there: not as patient as while it was away.
            self._failures = 1
        if isinstance(error, NeedsUser | Missing):
            self._options.on_denied(error)
        _LOG.info("watch of %s interrupted: %s", self._selection.kind.kind, error)

    def _pause_s(self) -> float:
        options = self._options
        longest = options.base_s * 2.0 ** min(self._failures, 30)
        return min(options.cap_s, longest) * options.draw()

    def _advance(self, version: str) -> None:
        if not version:
            return
        self._resume_from = version
        self._newest = max(self._newest, _number(version) or -1)

    def _take(self, body: Body) -> None:
        key = _key(body)
        metadata = body["metadata"]
        version = _number(metadata.get("resourceVersion"))
        known = self._known.get(key)
        if known is not None and _is_older_or_same(version, known.version):
            return
        if known is not None and known.uid != metadata.get("uid"):
            self._drop(key)
            known = None
        value = self._project(body)
        if value is None:
            self._drop(key)
            return
        self._known[key] = _Known(metadata.get("uid", ""), version, value)
        if known is None or known.value != value:
            self._emit(key, known.value if known else None, value)

    def _take_deletion(self, body: Body) -> None:
        known = self._known.get(_key(body))
        version = _number(body["metadata"].get("resourceVersion"))
        # The deletion of a predecessor, whose successor we have observed already.
        is_late = known is not None and _is_older_or_same(version, known.version)
        if not (is_late and known and known.uid != body["metadata"].get("uid")):
            self._drop(_key(body))

    def _drop(self, key: _Key) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._emit(key, known.value, None)

    def _emit(self, key: _Key, old: T | None, new: T | None) -> None:
        self._sink(Change(ObjectRef(self._selection.kind, *key), old, new))


def _key(body: Body) -> _Key:
    metadata = body["metadata"]
    return (metadata.get("namespace", ""), metadata["name"])


def _number(version: object) -> int | None:
    """Return a resource version as a number, ``None`` if this server does not use numbers."""
    return int(version) if isinstance(version, str) and version.isdecimal() else None


def _is_older_or_same(version: int | None, than: int | None) -> bool:
    return version is not None and than is not None and version <= than
