"""
Wait until the agent's plan stands still before rolling it: one roll-out per change.

Istio's parts appear one after the other within seconds of an installation, and each would change
the agent's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from istio_observability.plan.intent import Intent


class Settling:
    """Remembers since when a plan has been the same. Losing it costs only one more wait."""

    def __init__(self, delay_s: float, clock: Callable[[], float]) -> None:
        self._delay_s = delay_s
        self._clock = clock
        self._since: dict[Hashable, tuple[Sequence[Intent], float]] = {}

    def wait_s(self, key: Hashable, plan: Sequence[Intent]) -> float:
        """
        Return for how many seconds the plan should still be watched, 0 or less if it may be done.

        An empty plan may always be done.
        """
        now = self._clock()
        if not plan:
            self._since.pop(key, None)
            return 0.0
        known, since = self._since.get(key, ((), now))
        if list(known) != list(plan):
            self._since[key] = (list(plan), now)
            return self._delay_s
        return since + self._delay_s - now
