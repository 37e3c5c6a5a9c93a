"""
When a failed request is sent again, and after which pause.

| failure                         | repeated                      | pause                          |
|---------------------------------|-------------------------------|--------------------------------|
| 429                             | always: it was not executed   | ``Retry-After``, else back-off |
| 503 and others with Retry-After | if the request is repeatable  | ``Retry-After``                |
| other 5xx, time-out, cut        | if the request is repeatable  | back-off                       |
| connection refused              | always: it was never sent     | back-off                       |
| everything else                 | never                         |                                |

Back-off is exponential with full jitter. Both the attempts and the time are bounded; then the
last error goes to the caller, whose queue waits longer than a request may.
Reads, server-side applies, guarded patches and guarded deletes are repeatable; a create is not,
because the first one may have succeeded unseen.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from istio_observability.kube.errors import RetryLater, Throttled, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    Bounds of the repetition, and the world it happens in.

    Attributes:
        max_attempts: Requests in all, 1 switches repetition off.
        max_elapsed_s: No pause is begun that would end later than this after the first request.
        base_s: Upper end of the first pause; it doubles each time.
        cap_s: Upper end of any pause by back-off.
    """

    max_attempts: int = 5
    max_elapsed_s: float = 30.0
    base_s: float = 0.2
    cap_s: float = 8.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = field(default=random.random)

    def pause_s(self, attempt: int, error: RetryLater) -> float:
        """Return the seconds to wait after the failed ``attempt``, counted from 1."""
        if error.retry_after_s is not None:
            # A little spread, or everything that was throttled together returns together.
            return error.retry_after_s * (1 + 0.1 * self.draw())
        return min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 30)) * self.draw()


async def with_retries(
    send: Callable[[], Awaitable[T]], policy: RetryPolicy, *, repeatable: bool
) -> T:
    """
    Send a request until it succeeds, cannot succeed, or the policy's bounds are reached.

    Args:
        send: Sends it once.
        policy: The bounds.
        repeatable: The request may be executed twice without harm.

    Raises:
        ApiError: The last one.
    """
    began = policy.clock()
    attempt = 1
    while True:
        try:
            return await send()
        except RetryLater as error:
            if attempt >= policy.max_attempts or not (repeatable or _not_executed(error)):
                raise
            pause_s = policy.pause_s(attempt, error)
            if policy.clock() - began + pause_s > policy.max_elapsed_s:
                raise
        await policy.sleep(pause_s)
        attempt += 1


def _not_executed(error: RetryLater) -> bool:
    return isinstance(error, Throttled) or (isinstance(error, Unavailable) and error.never_sent)
