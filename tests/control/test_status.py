"""The status of a resource, from its ledger."""

from __future__ import annotations

import pytest

from istio_observability.control.ledger import Ledger
from istio_observability.control.status import build_status, differs, observe, status_body
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.reasons import FindingReason
from istio_observability.model.status import MAX_FINDINGS
from istio_observability.plan.facts import PodCounts
from istio_observability.plan.mesh import read_mesh
from istio_observability.plan.plan import context_of, plan
from tests.plan.builders import NOW, PROD, cluster, resource, theirs, without, workload
from tests.plan.simulator import settle

EARLY, LATE = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"


def ledger_of(found, spec=None, **envelope):
    """Return the ledger of a resource after everything was planned."""
    wish = resource(spec, **envelope)
    made = plan(wish, found)
    mesh = read_mesh(found, wish.spec.istio.namespace)
    ledger = Ledger(wish, context=context_of(wish, mesh), parts=made.parts, complete=True)
    for each in made.workloads:
        ledger.record((each.ref.namespace, each.ref.name), each, 0.0)
    return ledger


def status_of(ledger, now=EARLY):
    """Return the status as it should stand."""
    return build_status(ledger, observe(ledger, taken_at=NOW, now=0.0, to_release=0), now=now)


SKIPPED = (
    workload("paused", paused=True),
    workload("own", prom=theirs("x")),
    workload("outside", pods=PodCounts(1, 0)),
)
WIRED = settle(cluster(workload(), *SKIPPED), resource())


def test_counts_are_those_of_the_plans():
    """Every chosen workload is counted in one place."""
    status = status_of(ledger_of(WIRED))
    counts = {"selected": 4, "total": 1, "wired": 1, "skipped": 3, "contended": 1}

    assert counts.items() <= status["workloads"].items()
    assert status["workloads"]["summary"] == "1/1"
    assert status["skippedByReason"] == {"Contended": 1, "Paused": 1, "WouldEnterMesh": 1}


def test_converged_status_says_what_was_delivered():
    """Revision, renderer, agents and roll-outs; nothing is planned or awaited."""
    status = status_of(ledger_of(WIRED))

    assert (status["revision"], status["renderer"]) == ("5529ed2b", 1)
    assert (status["agents"], status["rolloutsCaused"]) == ("3/3", 2)
    assert (status.get("plan"), status["awaiting"]) == (None, [])


def test_plan_is_summarised_while_something_is_due():
    """In mode Plan it is all that happens."""
    status = status_of(ledger_of(cluster(workload()), {**PROD, "mode": "Plan"}))

    assert status["plan"]["restartedWorkloads"] == 1
    assert status["plan"]["revision"] == status["revision"]


def test_plan_that_is_not_complete_is_not_told():
    """Half a plan would be a wrong number."""
    ledger = ledger_of(cluster(workload()))
    ledger.complete = False

    assert "plan" not in status_of(ledger)


def test_awaited_parts_are_listed():
    """What must be installed first, sorted."""
    gone = without(cluster(), ("datakit", "datakit"), ("istio-system", "istio-egressgateway"))
    spec = {"gateways": [{"name": "egress", "collect": "Always"}]}

    assert status_of(ledger_of(gone, spec))["awaiting"] == ["DataKit", "the egress gateway"]


def test_equal_facts_are_no_difference():
    """A converged cluster costs no write of status, whatever the time."""
    first = status_of(ledger_of(WIRED), EARLY)
    again = status_of(ledger_of(WIRED, status=first), LATE)

    assert not differs(first, again)
    assert again == first


def test_changed_facts_are_a_difference():
    """And the time moves with the status of the condition alone."""
    first = status_of(ledger_of(cluster(workload())), EARLY)
    again = status_of(ledger_of(WIRED, status=first), LATE)

    assert differs(first, again)
    times = {each["type"]: each["lastTransitionTime"] for each in again["conditions"]}
    assert times["Ready"] == LATE
    assert times["UpToDate"] == EARLY


def test_condition_of_somebody_else_is_no_difference():
    """What others put there is theirs."""
    status = status_of(ledger_of(WIRED))
    foreign = {"type": "Audited", "status": "True"}

    assert not differs({**status, "conditions": [*status["conditions"], foreign]}, status)


@pytest.mark.parametrize("field", ["plan", "message", "revision", "agents"])
def test_field_that_is_gone_is_a_difference(field):
    """An old value would stand for ever."""
    status = status_of(ledger_of(WIRED))
    wanted = {key: value for key, value in status.items() if key != field}

    assert differs({**wanted, field: "old"}, wanted)


def test_findings_are_bounded_and_counted():
    """A status does not grow with the cluster."""
    ledger = ledger_of(WIRED)
    ledger.invalid = tuple(
        Finding(Severity.INFO, FindingReason.INVALID_SPEC, f"a {index:03}", "", "b", "c", "d")
        for index in range(80)
    )
    status = status_of(ledger)

    assert len(status["findings"]) == MAX_FINDINGS
    assert status["findingsTotal"] == 80 + len([*ledger_of(WIRED).findings()])


def test_status_is_applied_alone():
    """The body names the resource and its status, and nothing of its spec."""
    assert status_body("mesh", {"a": 1}) == {
        "apiVersion": "istio-observability.dev/v1alpha1",
        "kind": "IstioObservability",
        "metadata": {"name": "mesh"},
        "status": {"a": 1},
    }
