"""
A queue of keys: what is to be looked at, once however often it changed.

Promises: a key is handled by one worker at a time; a key that is added while it is being handled is
handled once more; keys are handled in the order in which they became due. It holds keys, never
events, so a lost or doubled event costs nothing.

Source of the semantics: k8s.io/client-go ``util/workqueue`` (dirty and processing sets, one delay
per key, exponential back-off per key).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

BASE_DELAY_S: Final = 0.5
MAX_DELAY_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class QueueSizes:
    """How many keys wait, are handled, and lie in wait for their time."""

    waiting: int
    handled: int
    delayed: int


class WorkQueue(Generic[K]):
    """
    The queue.

    Not safe for threads; all methods but ``get`` return at once. ``on_add`` is called with each key
    that becomes due, for metrics.
    """

    def __init__(self, *, on_add: Callable[[K], None] | None = None) -> None:
        self._waiting: deque[K] = deque()
        self._dirty: set[K] = set()
        self._handled: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._available = asyncio.Event()
        self._on_add = on_add

    def add(self, key: K) -> None:
        """Make a key due now; drops a delay that it may have."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._dirty:
            return
        self._dirty.add(key)
        if self._on_add is not None:
            self._on_add(key)
        if key not in self._handled:
            self._waiting.append(key)
            self._available.set()

    def add_after(self, key: K, delay_s: float) -> None:
        """Make a key due after a delay; of two delays the earlier one counts."""
        if delay_s <= 0:
            self.add(key)
            return
        if key in self._dirty:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + delay_s:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(delay_s, self.add, key)

    def retry(self, key: K, *, at_least_s: float = 0.0) -> float:
        """
        Make a key due after its next back-off: 0.5 s, doubled each time, at most 5 minutes.

        Returns:
            The delay in seconds.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay_s: float = min(BASE_DELAY_S * 2.0 ** min(failures, 16), MAX_DELAY_S)
        delay_s = max(delay_s, at_least_s)
        self.add_after(key, delay_s)
        return delay_s

    def succeeded(self, key: K) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Return the next key, which then counts as being handled until ``done``."""
        while not self._waiting:
            self._available.clear()
            await self._available.wait()
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._handled.add(key)
        return key

    def done(self, key: K) -> None:
        """Say that a key has been handled; it comes back if it was added meanwhile."""
        self._handled.discard(key)
        if key in self._dirty:
            self._waiting.append(key)
            self._available.set()

    @property
    def sizes(self) -> QueueSizes:
        """Return how full the queue is."""
        return QueueSizes(len(self._waiting), len(self._handled), len(self._timers))

    @property
    def idle(self) -> bool:
        """Return whether nothing is due and nothing is being handled."""
        return not self._waiting and not self._handled
