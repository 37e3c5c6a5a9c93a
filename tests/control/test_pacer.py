"""A release goes on past workloads that never become healthy."""

from __future__ import annotations

from typing import Any, cast

import pytest

from istio_observability.control.ledger import Ledger
from istio_observability.control.pacer import Pacer
from tests.plan.builders import UNFINISHED, deleted, resource, workload

KEY = ("prod", "cart")
TIMEOUT_S = 600.0


class Held:
    """One Deployment whose pods are never all available, and nobody says that it is stuck."""

    def workload(self, _key: object) -> Any:
        """Return its facts."""
        return workload(rollout=UNFINISHED)


@pytest.mark.parametrize(
    ("now", "departing"), [(TIMEOUT_S, {KEY}), (TIMEOUT_S + 1, set())], ids=["in time", "overdue"]
)
def test_departed_workload_takes_a_place_until_the_timeout(now, departing):
    """Otherwise five of them would hold the finalizer for ever."""
    ledger = Ledger(deleted(resource()), departing={KEY: 0.0})
    nothing = cast("Any", None)
    pacer = Pacer(cast("Any", Held()), nothing, nothing, nothing, lambda: now)
    pacer._forget_departed(ledger)

    assert set(ledger.departing) == departing
