"""Which failures are repeated, how long the pauses are, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

from istio_observability.kube.errors import (
    Forbidden,
    Invalid,
    Missing,
    Relist,
    Stale,
    Throttled,
    Unavailable,
)
from istio_observability.kube.retry import RetryPolicy, with_retries


class World:
    """A clock that only sleeping moves, and a request that fails as told."""

    def __init__(self, *failures: Any, **bounds: Any) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.sent = 0
        self.failures = list(failures)
        self.policy = RetryPolicy(
            clock=lambda: self.now, sleep=self.sleep, draw=lambda: 1.0, **bounds
        )

    async def sleep(self, seconds: Any) -> Any:
        """Let time pass."""
        self.pauses.append(round(seconds, 3))
        self.now += seconds

    async def send(self) -> Any:
        """Fail as often as told."""
        self.sent += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def run(self, *, repeatable: Any = True) -> Any:
        """Send with retries."""
        return await with_retries(self.send, self.policy, repeatable=repeatable)


UNSENT = Unavailable("", never_sent=True)
LOST = Unavailable("", status=502)
CASES = {
    "no failure": ([], True, "answer", []),
    "throttled with a wish": ([Throttled("", retry_after_s=3)], True, "answer", [3.3]),
    "throttled without": ([Throttled("")], True, "answer", [0.2]),
    "unavailable with a wish": ([Unavailable("", retry_after_s=2)], True, "answer", [2.2]),
    "lost answers": ([LOST, LOST, LOST], True, "answer", [0.2, 0.4, 0.8]),
    "lost answer of a create": ([LOST], False, Unavailable, []),
    "throttled create": ([Throttled("")], False, "answer", [0.2]),
    "create that was never sent": ([UNSENT], False, "answer", [0.2]),
    "too many failures": ([LOST] * 9, True, Unavailable, [0.2, 0.4, 0.8, 1.6]),
    "wish beyond the bound": ([Throttled("", retry_after_s=60)], True, Throttled, []),
    "forbidden": ([Forbidden("")], True, Forbidden, []),
    "invalid": ([Invalid("")], True, Invalid, []),
    "missing": ([Missing("")], True, Missing, []),
    "stale": ([Stale("")], True, Stale, []),
    "relist": ([Relist("")], True, Relist, []),
}


@pytest.mark.parametrize(
    ("failures", "repeatable", "expected", "pauses"), CASES.values(), ids=CASES.keys()
)
async def test_retry_table(failures, repeatable, expected, pauses):
    """Each row of the table in the module's docstring."""
    world = World(*failures)

    if isinstance(expected, str):
        assert expected == await world.run(repeatable=repeatable)
    else:
        with pytest.raises(expected):
            await world.run(repeatable=repeatable)

    assert pauses == world.pauses
    assert len(pauses) + 1 == world.sent


async def test_time_is_bounded():
    """However many attempts are left, no pause goes beyond the bound."""
    world = World(*[LOST] * 1000, max_attempts=1000, max_elapsed_s=20, cap_s=4)

    with pytest.raises(Unavailable):
        await world.run()

    assert world.now <= 20
    assert max(world.pauses) == 4


def test_jitter_is_full():
    """A pause by back-off is anywhere between nothing and its upper end."""
    policy = RetryPolicy(draw=lambda: 0.0)

    assert policy.pause_s(3, LOST) == 0
    assert policy.pause_s(3, Throttled("", retry_after_s=5)) == 5
