"""The ledger keeps counts and sets by difference; they must be what a full count would give."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from istio_observability.control.ledger import Ledger
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import DEPLOYMENT, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.decide_selection import Rule
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.plan_workload import WorkloadPlan, WorkloadState
from tests.plan.builders import resource

KEYS = [("prod", name) for name in "abcd"]
FINDING = Finding(
    Severity.WARNING, FindingReason.FIELD_CONFLICT, "Deployment prod/a", "x", "is", "left", "do"
)


def _plan(key: tuple[str, str], state: WorkloadState, **marks: bool) -> WorkloadPlan:
    ref = ObjectRef(DEPLOYMENT, *key)
    intent = Intent(Action.APPLY, Wave.WORKLOADS, ref, "uid", {}, "why") if marks["due"] else None
    return WorkloadPlan(
        ref,
        state,
        Rule.NAMESPACE_NAMED,
        hold="not yet" if marks["held"] else "",
        intent=intent,
        findings=(FINDING,) if marks["found"] else (),
    )


steps = st.tuples(
    st.sampled_from(KEYS),
    st.none()
    | st.tuples(st.sampled_from(WorkloadState), st.booleans(), st.booleans(), st.booleans()),
)


@given(st.lists(steps, max_size=30))
def test_sets_and_counts_are_those_of_a_full_count(history):
    """After any history of plans, what is kept by difference equals what the plans say."""
    ledger = Ledger(resource())
    for now, (key, made) in enumerate(history):
        plan = None
        if made is not None:
            state, due, held, found = made
            plan = _plan(key, state, due=due, held=held, found=found)
        ledger.record(key, plan, float(now))
    plans = ledger.plans
    turns = (WorkloadState.WAITING, WorkloadState.LEAVING)

    assert {key for key, each in plans.items() if each.intent} == ledger.due
    assert {key for key, each in plans.items() if each.findings} == ledger.found
    assert {
        key for key, each in plans.items() if each.state is WorkloadState.ROLLING
    } == ledger.rolling
    assert {
        key for key, each in plans.items() if each.state in turns and not each.hold
    } == ledger.waiting
    assert [FINDING] * len(ledger.found) == list(ledger.findings())
    assert Counter(each.state for each in plans.values()) == +ledger.tally.states
