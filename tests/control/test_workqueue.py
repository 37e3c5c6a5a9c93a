"""The queue of keys: once however often, one worker at a time, earlier of two delays."""

from __future__ import annotations

import asyncio
import random

import pytest

from istio_observability.control.workqueue import (
    BASE_DELAY_S,
    MAX_DELAY_S,
    QueueSizes,
    WorkQueue,
)


async def drain(queue, count):
    """Return the next keys, each handled at once."""
    keys = []
    for _ in range(count):
        key = await queue.get()
        queue.done(key)
        keys.append(key)
    return keys


async def test_keys_are_handled_in_the_order_in_which_they_became_due():
    """First due, first handled."""
    queue: WorkQueue[str] = WorkQueue()
    for key in "abc":
        queue.add(key)

    assert await drain(queue, 3) == ["a", "b", "c"]


async def test_key_that_is_added_often_is_handled_once():
    """A burst of events is one look."""
    queue: WorkQueue[str] = WorkQueue()
    for key in "aabab":
        queue.add(key)

    assert await drain(queue, 2) == ["a", "b"]
    assert queue.idle


async def test_key_that_is_added_while_it_is_handled_is_handled_once_more():
    """What changed meanwhile may not have been seen."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    queue.add("a")

    assert queue.sizes == QueueSizes(waiting=0, handled=1, delayed=0)
    queue.done(key)
    assert await drain(queue, 1) == ["a"]
    assert queue.idle


async def test_key_is_handled_by_one_worker_at_a_time():
    """A second worker gets the next key, never the same."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.add("b")

    assert await queue.get() == "b"


async def test_worker_waits_for_a_key():
    """An empty queue is no busy loop."""
    queue: WorkQueue[str] = WorkQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)

    assert not waiting.done()
    queue.add("a")
    assert await waiting == "a"


async def test_cancelled_worker_takes_no_key_with_it():
    """A key stays for the next worker."""
    queue: WorkQueue[str] = WorkQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    queue.add("a")

    assert await queue.get() == "a"


async def test_delayed_key_becomes_due():
    """After its time, not before."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 0.02)

    assert queue.sizes == QueueSizes(waiting=0, handled=0, delayed=1)
    assert await asyncio.wait_for(queue.get(), 5) == "a"
    assert queue.sizes.delayed == 0


@pytest.mark.parametrize("delay_s", [0, -1], ids=["no delay", "a time that has passed"])
async def test_delay_that_is_over_is_no_delay(delay_s):
    """The key is due at once."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", delay_s)

    assert queue.sizes == QueueSizes(waiting=1, handled=0, delayed=0)


@pytest.mark.parametrize("delays", [(0.01, 3600.0), (3600.0, 0.01)], ids=["first", "second"])
async def test_earlier_of_two_delays_counts(delays):
    """A later look does not put off an earlier one."""
    queue: WorkQueue[str] = WorkQueue()
    for delay_s in delays:
        queue.add_after("a", delay_s)

    assert queue.sizes.delayed == 1
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_due_key_drops_its_delay():
    """It is not looked at twice."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 3600)
    queue.add("a")

    assert queue.sizes == QueueSizes(waiting=1, handled=0, delayed=0)


async def test_due_key_takes_no_delay():
    """It is looked at now anyway."""
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add_after("a", 3600)

    assert queue.sizes == QueueSizes(waiting=1, handled=0, delayed=0)


async def test_retries_back_off():
    """Half a second, doubled each time, at most five minutes."""
    queue: WorkQueue[str] = WorkQueue()
    delays = [queue.retry("a") for _ in range(12)]

    assert delays[:4] == [BASE_DELAY_S, 1.0, 2.0, 4.0]
    assert delays[-1] == MAX_DELAY_S


async def test_retry_waits_as_long_as_the_server_asks():
    """``Retry-After`` is a minimum."""
    queue: WorkQueue[str] = WorkQueue()

    assert queue.retry("a", at_least_s=30) == 30


async def test_success_forgets_failures():
    """And those of one key are not those of another."""
    queue: WorkQueue[str] = WorkQueue()
    queue.retry("a")
    queue.retry("b")
    queue.succeeded("a")

    assert (queue.retry("a"), queue.retry("b")) == (BASE_DELAY_S, 2 * BASE_DELAY_S)


async def test_each_key_that_becomes_due_is_told_once():
    """For a metric: added keys, not calls."""
    told: list[str] = []
    queue: WorkQueue[str] = WorkQueue(on_add=told.append)
    for key in "aab":
        queue.add(key)
    queue.add_after("c", 3600)

    assert told == ["a", "b"]


@pytest.mark.parametrize("seed", range(20))
async def test_no_key_is_lost_or_handled_by_two(seed):
    """Three workers, many adds in any order: the last add of each key is always seen."""
    chance = random.Random(seed)
    queue: WorkQueue[str] = WorkQueue()
    version = dict.fromkeys("abcde", 0)
    seen = dict.fromkeys("abcde", -1)
    busy = set()

    async def work():
        while True:
            key = await queue.get()
            assert key not in busy, f"two workers handle {key}"
            busy.add(key)
            read = version[key]
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            seen[key] = read
            busy.discard(key)
            queue.done(key)

    workers = [asyncio.ensure_future(work()) for _ in range(3)]
    for _ in range(200):
        key = chance.choice("abcde")
        version[key] += 1
        queue.add(key)
        if chance.random() < 0.5:
            await asyncio.sleep(0)
    for _ in range(10_000):
        if queue.idle:
            break
        await asyncio.sleep(0)
    failed = [each for each in workers if each.done()]
    for each in workers:
        each.cancel()

    assert failed == []
    assert {key: count for key, count in version.items() if count} == {
        key: count for key, count in seen.items() if version[key]
    }
