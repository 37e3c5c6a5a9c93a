"""Ready and its companions: every row of the table, and which of two rows is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from istio_observability.model.conditions import FALSE, TRUE
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.reasons import ConditionReason as Reason
from istio_observability.model.reasons import ConditionType as Kind
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.decide_conditions import decide_conditions
from istio_observability.plan.decide_ready import (
    SITUATIONS,
    Observation,
    agents_summary,
    decide_ready,
)
from istio_observability.plan.plan import plan
from istio_observability.plan.tally import Tally
from tests.plan.builders import (
    PROD,
    STUCK,
    UNFINISHED,
    agent,
    cluster,
    config_map,
    container,
    deleted,
    gateway,
    istiod,
    namespace,
    resource,
    service,
    snapshot,
    theirs,
    without,
    workload,
)
from tests.plan.simulator import settle

NOTHING = ("istio-system", "istiod"), ("istio-system", "istio-ingressgateway")
CONTINUE = {**PROD, "rollout": {"onFailure": "Continue"}}


def seen(found, spec=None, **rest):
    """Return what is observed of a cluster as it stands."""
    wish = rest.pop("wish", None) or resource(spec)
    made = plan(wish, found)
    tally = Tally()
    for each in made.workloads:
        tally.add(each)
    return Observation(resource=wish, parts=made.parts, tally=tally, **rest)


def wired(*facts, spec=None):
    """Return a stock cluster with one workload, as it stands when all is done."""
    return settle(cluster(workload(), *facts), resource(spec))


def changed(found, **facts):
    """Return a cluster in which facts of the workload have changed."""
    workloads = {**found.workloads}
    workloads["prod", "cart"] = replace(workloads["prod", "cart"], **facts)
    return replace(found, workloads=workloads)


def rolling_agent(found, **facts):
    """Return a cluster in which the agent is being rolled."""
    key = ("datakit", "datakit")
    return replace(found, agents={key: replace(found.agents[key], rollout=UNFINISHED, **facts)})


def problem(reason):
    """Return a write that failed, or a field that is refused."""
    return Finding(Severity.ERROR, reason, "Deployment prod/cart", "", "x", "y", "z")


FAILED = changed(wired(), rollout=STUCK)
DENIED = problem(FindingReason.PERMISSION_DENIED)
INVALID = problem(FindingReason.INVALID_SPEC)
NO_MESH = replace(
    without(cluster(workload()), *NOTHING, ("istio-system", "istio-egressgateway")),
    revisions=frozenset(),
)
NO_CONTAINER = cluster(workload(), agent(container("other")))
PLAN = {**PROD, "mode": "Plan"}
GONE = deleted(resource())

# A case: what is observed; Ready; its reason; Reconciling; Stalled.
TABLE = {
    "all eligible wired": (seen(wired()), TRUE, Reason.ALL_WIRED, False, False),
    "nothing chosen is all there is": (
        seen(settle(cluster(), resource({})), {}),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "a plan is computed": (seen(cluster(workload()), PLAN), TRUE, Reason.PLAN_READY, False, False),
    "a plan is not computed yet": (
        Observation(resource(PLAN), None, Tally()),
        FALSE,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "the first generation is rolled out": (
        seen(cluster(workload())),
        FALSE,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "nothing was planned yet": (
        Observation(resource(), None, Tally()),
        FALSE,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "the last workload is being replaced": (
        seen(changed(wired(), rollout=UNFINISHED)),
        FALSE,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "the agent is being replaced": (
        seen(rolling_agent(wired())),
        FALSE,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "agents on nodes that are not ready do not hold it back for ever": (
        seen(rolling_agent(wired()), agent_overdue=True),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "agents that are replaced on delete do not hold it back": (
        seen(rolling_agent(wired(), on_delete=True)),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "a new workload after Ready leaves it true": (
        seen(wired(), was_ready=True),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "a workload that waits after Ready leaves it true": (
        seen(changed(wired(), prom=theirs("x"), wired_by=""), was_ready=True),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "pending after Ready leaves it true": (
        seen(changed(wired(), rollout=UNFINISHED), was_ready=True),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "pending for longer than the timeout is overdue": (
        seen(changed(wired(), rollout=UNFINISHED), was_ready=True, overdue=True),
        FALSE,
        Reason.WIRING_OVERDUE,
        True,
        False,
    ),
    "skipped is counted and stays true": (
        seen(wired(workload("job", paused=True))),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "unhealthy before us stays true": (
        seen(wired(workload("sick", rollout=STUCK))),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "an owner's own text stays true": (
        seen(wired(workload("own", prom=theirs("x")))),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "a foreign Service is told by its part and stays true": (
        seen(wired(service("zipkin"))),
        TRUE,
        Reason.ALL_WIRED,
        False,
        False,
    ),
    "failed after our change halts": (seen(FAILED), FALSE, Reason.HALTED, False, True),
    "a halt does not spare what was ready": (
        seen(FAILED, was_ready=True),
        FALSE,
        Reason.HALTED,
        False,
        True,
    ),
    "failures that are continued are a roll-out that does not end": (
        seen(changed(wired(spec=CONTINUE), rollout=STUCK), CONTINUE),
        FALSE,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "DataKit is absent": (
        seen(without(cluster(workload()), ("datakit", "datakit"))),
        FALSE,
        Reason.AWAITING_DATAKIT,
        True,
        False,
    ),
    "DataKit's ConfigMap is still to come": (
        seen(without(cluster(workload()), ("datakit", "datakit-conf"))),
        FALSE,
        Reason.AWAITING_DATAKIT,
        True,
        False,
    ),
    "Istio is absent": (seen(NO_MESH), FALSE, Reason.AWAITING_ISTIO, True, False),
    "a gateway that must be there is absent": (
        seen(
            without(wired(), ("istio-system", "istio-egressgateway")),
            {**PROD, "gateways": [{"name": "egress", "collect": "Always"}]},
        ),
        FALSE,
        Reason.AWAITING_ISTIO,
        True,
        False,
    ),
    "a permission is missing": (
        seen(cluster(), problems=(DENIED,)),
        FALSE,
        Reason.PERMISSION_DENIED,
        False,
        True,
    ),
    "the spec is invalid": (
        Observation(resource(), None, Tally(), problems=(INVALID,)),
        FALSE,
        Reason.INVALID_SPEC,
        False,
        True,
    ),
    "a namespace is not allowed": (
        Observation(
            resource(), None, Tally(), problems=(problem(FindingReason.NAMESPACE_NOT_ALLOWED),)
        ),
        FALSE,
        Reason.INVALID_SPEC,
        False,
        True,
    ),
    "the agent is in conflict": (seen(NO_CONTAINER), FALSE, Reason.CONFLICT, False, True),
    "it is being deleted": (
        seen(wired(), wish=GONE, to_release=30, held_before=42),
        FALSE,
        Reason.RELEASING,
        True,
        False,
    ),
    # two at once
    "deleting is said before invalid": (
        seen(wired(), wish=GONE, problems=(INVALID,)),
        FALSE,
        Reason.RELEASING,
        True,
        False,
    ),
    "invalid is said before denied": (
        seen(cluster(), problems=(DENIED, INVALID)),
        FALSE,
        Reason.INVALID_SPEC,
        False,
        True,
    ),
    "denied is said before the plan": (
        seen(cluster(), PLAN, problems=(DENIED,)),
        FALSE,
        Reason.PERMISSION_DENIED,
        False,
        True,
    ),
    "the plan is said before a conflict": (
        seen(NO_CONTAINER, PLAN),
        TRUE,
        Reason.PLAN_READY,
        False,
        False,
    ),
    "a conflict is said before a halt": (
        seen(replace(FAILED, agents=NO_CONTAINER.agents)),
        FALSE,
        Reason.CONFLICT,
        False,
        True,
    ),
    "a halt is said before what is awaited": (
        seen(without(FAILED, ("datakit", "datakit"))),
        FALSE,
        Reason.HALTED,
        False,
        True,
    ),
    "DataKit is awaited before Istio": (
        seen(without(NO_MESH, ("datakit", "datakit"))),
        FALSE,
        Reason.AWAITING_DATAKIT,
        True,
        False,
    ),
    "what is awaited is said before a roll-out": (
        seen(without(cluster(workload()), ("datakit", "datakit")), was_ready=True, overdue=True),
        FALSE,
        Reason.AWAITING_DATAKIT,
        True,
        False,
    ),
}


@pytest.mark.parametrize(
    ("observed", "status", "reason", "reconciling", "stalled"), TABLE.values(), ids=TABLE
)
def test_ready_says_what_is_observed(observed, status, reason, reconciling, stalled):
    """Ready, Reconciling and Stalled are one verdict with one reason."""
    states = {each.type: each for each in decide_conditions(observed)}

    assert (status, reason) == (states[Kind.READY].status, states[Kind.READY].reason)
    assert (reconciling, stalled) == (Kind.RECONCILING in states, Kind.STALLED in states)
    assert {reason} == {
        states[kind].reason for kind in (Kind.RECONCILING, Kind.STALLED) if kind in states
    } | {reason}


def test_situations_are_asked_in_the_order_of_the_table():
    """The order is public: it decides which reason people see."""
    assert [each.__name__ for each in SITUATIONS] == [
        "deleting",
        "invalid",
        "denied",
        "only_planned",
        "agent_conflict",
        "halted",
        "awaiting",
        "rolling_out",
    ]


def test_release_says_how_far_it_is():
    """In numbers, as the table writes it."""
    verdict = decide_ready(seen(wired(), wish=GONE, to_release=30, held_before=42))

    assert verdict.message == "12/42 released, 30 left"


def test_message_is_the_finding_that_is_in_the_way():
    """What to do stands in the condition."""
    verdict = decide_ready(seen(NO_CONTAINER))

    assert verdict.message.startswith('DaemonSet datakit/datakit: container "datakit" does not')


def test_account_counts_what_there_is():
    """One line for ``kubectl get -o wide``."""
    verdict = decide_ready(seen(wired(workload("job", paused=True))))

    assert verdict.message == "1/1 workloads wired, 1 skipped, 3/3 agents"


# A case: what is observed, and type, status and reason of the condition.
PARTS = {
    "the agent is configured": (seen(wired()), Kind.AGENT_CONFIGURED, TRUE, Reason.CONFIGURED),
    "the agent is to be configured": (
        seen(cluster()),
        Kind.AGENT_CONFIGURED,
        FALSE,
        Reason.PENDING,
    ),
    "the agent is being replaced": (
        seen(rolling_agent(wired())),
        Kind.AGENT_CONFIGURED,
        FALSE,
        Reason.PENDING,
    ),
    "the agent is absent": (
        seen(without(cluster(), ("datakit", "datakit"))),
        Kind.AGENT_CONFIGURED,
        FALSE,
        Reason.AWAITING_DATAKIT,
    ),
    "the agent is in conflict": (
        seen(NO_CONTAINER),
        Kind.AGENT_CONFIGURED,
        FALSE,
        Reason.CONFLICT,
    ),
    "all workloads are wired": (seen(wired()), Kind.WORKLOADS_WIRED, TRUE, Reason.ALL_WIRED),
    "a workload waits": (
        seen(cluster(workload())),
        Kind.WORKLOADS_WIRED,
        FALSE,
        Reason.PENDING,
    ),
    "no workload is chosen": (
        seen(cluster(), {}),
        Kind.WORKLOADS_WIRED,
        TRUE,
        Reason.NOT_REQUESTED,
    ),
    "istiod is scraped": (seen(wired()), Kind.CONTROL_PLANE_WIRED, TRUE, Reason.CONFIGURED),
    "istiod is to be scraped": (
        seen(cluster()),
        Kind.CONTROL_PLANE_WIRED,
        FALSE,
        Reason.PENDING,
    ),
    "istiod is not wanted": (
        seen(wired(), {**PROD, "controlPlane": {"collect": "Never"}}),
        Kind.CONTROL_PLANE_WIRED,
        FALSE,
        Reason.NOT_PRESENT,
    ),
    "istiod must be there and is not": (
        seen(without(wired(), ("istio-system", "istiod")), {"controlPlane": {"collect": "Always"}}),
        Kind.CONTROL_PLANE_WIRED,
        FALSE,
        Reason.AWAITING_ISTIO,
    ),
    "gateways are scraped": (seen(wired()), Kind.GATEWAYS_WIRED, TRUE, Reason.CONFIGURED),
    "a gateway's Service is somebody else's": (
        seen(wired(service("istio-ingressgateway-ext"))),
        Kind.GATEWAYS_WIRED,
        FALSE,
        Reason.SERVICE_CONFLICT,
    ),
    "there is no gateway": (
        seen(settle(snapshot(istiod(), agent(), config_map()), resource({})), {}),
        Kind.GATEWAYS_WIRED,
        FALSE,
        Reason.NOT_PRESENT,
    ),
    "traces arrive": (seen(wired()), Kind.TRACING_READY, TRUE, Reason.CONFIGURED),
    "traces are to arrive": (seen(cluster()), Kind.TRACING_READY, FALSE, Reason.PENDING),
    "traces are not wanted": (
        seen(wired(), {**PROD, "tracing": {"zipkinService": "Never"}}),
        Kind.TRACING_READY,
        FALSE,
        Reason.NOT_REQUESTED,
    ),
    "a foreign zipkin is in the way": (
        seen(wired(service("zipkin"))),
        Kind.TRACING_READY,
        FALSE,
        Reason.SERVICE_CONFLICT,
    ),
    "a provider references it": (
        seen(cluster(mesh="extensionProviders: [{name: z, zipkin: {service: zipkin}}]")),
        Kind.TRACING_READY,
        FALSE,
        Reason.WOULD_BREAK_LISTENERS,
    ),
    "the mesh sends no spans there": (
        seen(settle(cluster(mesh=""), resource({})), {}),
        Kind.TRACING_READY,
        FALSE,
        Reason.NO_TRACES_SENT,
    ),
    "everything is carried out": (seen(wired()), Kind.UP_TO_DATE, TRUE, Reason.CURRENT),
    "the plan waits in mode Plan": (
        seen(cluster(workload()), PLAN),
        Kind.UP_TO_DATE,
        FALSE,
        Reason.DIFFERS,
    ),
}


@pytest.mark.parametrize(("observed", "kind", "status", "reason"), PARTS.values(), ids=PARTS)
def test_part_says_what_is_observed(observed, kind, status, reason):
    """Each part has one condition, whatever the others are."""
    (state,) = [each for each in decide_conditions(observed) if each.type is kind]

    assert (status, reason) == (state.status, state.reason)


@pytest.mark.parametrize(
    "observed",
    [seen(wired(), wish=GONE), Observation(resource(), None, Tally(), problems=(INVALID,))],
    ids=["deleting", "invalid"],
)
def test_parts_are_silent_where_nothing_is_known_of_them(observed):
    """A condition of a part would be a guess."""
    kinds = {each.type for each in decide_conditions(observed)}

    assert kinds <= {Kind.READY, Kind.RECONCILING, Kind.STALLED}


def test_every_condition_has_its_row():
    """No type of condition is untested."""
    assert {kind for _, kind, _, _ in PARTS.values()} == set(Kind) - {
        Kind.READY,
        Kind.RECONCILING,
        Kind.STALLED,
    }


AGENTS = {
    "all run with it": (wired(), "3/3"),
    "none before the write": (cluster(), "0/3"),
    "none is there": (without(cluster(), ("datakit", "datakit")), "-"),
    "the new template is not seen yet": (rolling_agent(wired()), "0/1"),
}


@pytest.mark.parametrize(("found", "expected"), AGENTS.values(), ids=AGENTS)
def test_agents_are_counted_that_run_with_our_configuration(found, expected):
    """The column AGENTS."""
    assert expected == agents_summary(plan(resource(), found).parts)


def test_messages_are_the_same_for_the_same_cause():
    """A status must not change while nothing changes."""
    observed = seen(wired(gateway("ingress", replicas=3), namespace()))

    assert decide_conditions(observed) == decide_conditions(observed)
