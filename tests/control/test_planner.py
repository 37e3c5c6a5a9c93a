"""Who may write, when a release is over, and which problems are still problems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from istio_observability.control.ledger import Ledger
from istio_observability.control.planner import Planner
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import DEPLOYMENT, SERVICE, ObjectRef
from istio_observability.model.reasons import FindingReason, SkipReason
from istio_observability.plan.plan_workload import WorkloadState
from tests.plan.builders import agent, cluster, deleted, resource, snapshot, workload
from tests.plan.simulator import settle

KEY = ("prod", "cart")
REFUSED = Finding(
    Severity.ERROR, FindingReason.PERMISSION_DENIED, "Service x", "", "may not", "left", "grant"
)


class Held:
    """The facts of one snapshot in the place of an inventory."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def snapshot(self) -> Any:
        """Return all of them."""
        return self.found

    def workload(self, key: Any) -> Any:
        """Return those of one Deployment."""
        return self.found.workloads.get(key)

    def namespace(self, name: str) -> Any:
        """Return those of one Namespace."""
        return self.found.namespaces.get(name)


def planner(found: Any, *ledgers: Ledger) -> Planner:
    """Return a planner that knows these resources."""
    made = Planner(Held(found), lambda: 0.0)  # type: ignore[arg-type]
    made.ledgers |= {each.resource.name: each for each in ledgers}
    for each in ledgers:
        each.complete = not each.invalid
        if not each.invalid:
            made.parts(each)
    return made


WIRED = settle(cluster(workload()), resource(name="refused"))


def test_refused_resource_keeps_its_workloads():
    """After a restart nobody knows what it chose; a younger one must not restart its pods."""
    refused = Ledger(resource({}, name="refused"), (REFUSED,))
    mine = Ledger(resource({"workloads": {"namespaces": ["prod"]}, "metrics": {"interval": "30s"}}))
    plan = planner(WIRED, refused, mine).workload(mine, KEY)

    assert plan is not None
    assert plan.skip is not None
    assert plan.skip.reason is SkipReason.HELD_BY_ANOTHER


def test_refused_resource_keeps_its_agent():
    """The same for the agent, which another resource would roll."""
    refused = Ledger(resource({}, name="refused"), (REFUSED,))
    mine = Ledger(resource({"metrics": {"interval": "30s"}}))
    planner(WIRED, refused, mine)

    assert mine.parts is not None
    assert mine.parts.agent.due == ()
    assert mine.parts.agent.blocked


def test_marker_of_a_resource_that_is_gone_keeps_nothing():
    """Only a resource that exists can hold."""
    mine = Ledger(resource())
    plan = planner(WIRED, mine).workload(mine, KEY)

    assert plan is not None
    assert plan.state is WorkloadState.WIRED
    assert plan.intent is not None


@pytest.mark.parametrize("under_way", [0, 1])
def test_release_is_not_over_while_a_write_is_under_way(under_way):
    """It may still create what nobody would take back."""
    ledger = Ledger(deleted(resource()), writing=under_way)
    made = planner(snapshot(agent()), ledger)

    assert made.is_released(ledger) is not bool(under_way)


def test_problem_ends_with_the_workload():
    """A Deployment that was refused and then deleted holds Ready back no longer."""
    ledger = Ledger(resource())
    made = planner(cluster(workload()), ledger)
    ref = ObjectRef(DEPLOYMENT, *KEY)
    ledger.problems[ref] = REFUSED
    ledger.not_before[ref] = 7.0
    made.workload(ledger, KEY)
    assert list(ledger.problems) == [ref]
    made._inventory.found = cluster()  # type: ignore[attr-defined]
    made.workload(ledger, KEY)

    assert (ledger.problems, ledger.not_before) == ({}, {})


def test_problem_ends_when_the_write_is_not_due_any_more():
    """A Service that could not be created, for a gateway that is gone."""
    ledger = Ledger(resource())
    due = ObjectRef(SERVICE, "istio-system", "zipkin")
    past = replace(due, name="istio-eastwestgateway-ext")
    made = planner(cluster(), ledger)
    ledger.problems |= {due: REFUSED, past: REFUSED, ObjectRef(DEPLOYMENT, *KEY): REFUSED}
    made.parts(ledger)

    assert set(ledger.problems) == {due, ObjectRef(DEPLOYMENT, *KEY)}
