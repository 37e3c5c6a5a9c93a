"""Whether a chosen workload may be touched: every check, and which of two speaks first."""

from __future__ import annotations

import pytest

from istio_observability.model.reasons import SkipReason
from istio_observability.plan import decide_candidate
from istio_observability.plan.decide_candidate import CHECKS, first_objection, look_at, unready
from istio_observability.plan.facts import PodCounts, RolloutFacts
from istio_observability.plan.mesh import Mesh
from tests.plan.builders import STUCK, UNFINISHED, gateway, namespace, ours, workload

MESH = Mesh(revisions=frozenset({"default", "canary"}))
PLAIN = namespace(labels={})
NO_SIDECARS = PodCounts(2, 0)
CONTROLLED = {"controller": "Rollout cart"}

# id: (workload, namespace, whether our resource switches injection on there, expected)
CASES = {
    "a workload with sidecar is touched": (workload(), namespace(), False, None),
    "one that is being deleted is not": (
        workload(deleting=True),
        namespace(),
        False,
        SkipReason.BEING_DELETED,
    ),
    "one in a namespace that is being deleted is not": (
        workload(),
        namespace(terminating=True),
        False,
        SkipReason.NAMESPACE_TERMINATING,
    ),
    "a gateway is not: the agent scrapes it by its own file": (
        gateway(),
        namespace("istio-system"),
        False,
        SkipReason.GATEWAY,
    ),
    "a gateway of the Helm chart is none of ours either": (
        workload(template_annotations={"inject.istio.io/templates": "gateway"}),
        namespace(),
        False,
        SkipReason.GATEWAY,
    ),
    "a template that a controller resets is not": (
        workload(**CONTROLLED),
        namespace(),
        False,
        SkipReason.MANAGED_BY_CONTROLLER,
    ),
    "one outside the mesh is not": (workload(), PLAIN, False, SkipReason.NO_SIDECAR),
    "one that declines its sidecar by label is not": (
        workload(template_labels={"sidecar.istio.io/inject": "false"}),
        namespace(),
        False,
        SkipReason.NO_SIDECAR,
    ),
    "one on the host's network is not": (
        workload(host_network=True),
        namespace(),
        False,
        SkipReason.NO_SIDECAR,
    ),
    "one of a revision that is not installed is not": (
        workload(),
        namespace(labels={"istio.io/rev": "gone"}),
        False,
        SkipReason.NO_SIDECAR,
    ),
    "one of an installed revision is touched": (
        workload(),
        namespace(labels={"istio.io/rev": "canary"}),
        False,
        None,
    ),
    "an ambient one is not": (
        workload(),
        namespace(labels={"istio.io/dataplane-mode": "ambient"}),
        False,
        SkipReason.NO_SIDECAR,
    ),
    "a hand-written proxy counts as sidecar": (
        workload(template_has_proxy=True, pods=NO_SIDECARS),
        PLAIN,
        False,
        None,
    ),
    "one that only our restart would put into the mesh is not": (
        workload(pods=NO_SIDECARS),
        namespace(),
        False,
        SkipReason.WOULD_ENTER_MESH,
    ),
    "one without pods is touched: nobody is put anywhere": (
        workload(replicas=0, pods=PodCounts()),
        namespace(),
        False,
        None,
    ),
    "one whose pods are half in the mesh is touched": (
        workload(pods=PodCounts(2, 1)),
        namespace(),
        False,
        None,
    ),
    "where the resource asks for injection, entering the mesh is asked for": (
        workload(pods=NO_SIDECARS),
        PLAIN,
        True,
        None,
    ),
    "even there a workload may decline": (
        workload(template_labels={"sidecar.istio.io/inject": "false"}),
        PLAIN,
        True,
        SkipReason.NO_SIDECAR,
    ),
    # two at once: the order of the checks
    "being deleted is said before the namespace": (
        workload(deleting=True),
        namespace(terminating=True),
        False,
        SkipReason.BEING_DELETED,
    ),
    "the namespace's end is said before the gateway": (
        gateway(),
        namespace("istio-system", terminating=True),
        False,
        SkipReason.NAMESPACE_TERMINATING,
    ),
    "a gateway is said before its controller": (
        gateway(**CONTROLLED),
        namespace("istio-system"),
        False,
        SkipReason.GATEWAY,
    ),
    "the controller is said before the sidecar": (
        workload(**CONTROLLED),
        PLAIN,
        False,
        SkipReason.MANAGED_BY_CONTROLLER,
    ),
    "no sidecar is said before entering the mesh": (
        workload(pods=NO_SIDECARS),
        PLAIN,
        False,
        SkipReason.NO_SIDECAR,
    ),
}


@pytest.mark.parametrize(("found", "home", "requested", "expected"), CASES.values(), ids=CASES)
def test_first_objection_is_the_reason(found, home, requested, expected):
    """The composed chain is asked, so that its order is tested with it."""
    candidate = look_at(found, home, MESH, injection_requested=requested)
    objection = first_objection(candidate)

    assert expected == (objection.reason if objection else None)


def test_every_check_is_in_the_chain():
    """A check that is written and not listed would never be asked."""
    written = {
        each
        for each in vars(decide_candidate).values()
        if callable(each) and getattr(each, "__annotations__", {}).get("candidate") == "Candidate"
    }

    assert written - {first_objection} == set(CHECKS)


def test_every_check_objects_to_something_above():
    """The table has a case for each reason that a check can give."""
    reasons = {expected for _, _, _, expected in CASES.values()} - {None}

    assert {
        SkipReason.BEING_DELETED,
        SkipReason.NAMESPACE_TERMINATING,
        SkipReason.GATEWAY,
        SkipReason.MANAGED_BY_CONTROLLER,
        SkipReason.NO_SIDECAR,
        SkipReason.WOULD_ENTER_MESH,
    } == reasons


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_lets_an_ordinary_workload_pass(check):
    """No check objects to what is right."""
    candidate = look_at(workload(), namespace(), MESH, injection_requested=False)

    assert check(candidate) is None


def test_unknown_revisions_mean_the_default_one():
    """Where webhooks may not be listed, the plain label still counts."""
    candidate = look_at(workload(), namespace(), Mesh(), injection_requested=False)

    assert first_objection(candidate) is None


NOT_AVAILABLE = RolloutFacts(wanted=2, present=2, updated=2, available=1)

READINESS = {
    "a healthy one may be changed": (workload(), None),
    "a paused one would keep the change in wait": (workload(paused=True), SkipReason.PAUSED),
    "one that failed before us would have its failure blamed on us": (
        workload(rollout=STUCK),
        SkipReason.UNHEALTHY,
    ),
    "one with pods that are not available is unhealthy before us": (
        workload(rollout=NOT_AVAILABLE),
        SkipReason.UNHEALTHY,
    ),
    "one that fails with our text may get a better one": (
        workload(rollout=STUCK, prom=ours("text"), wired_by="mesh"),
        None,
    ),
    "one whose owner is rolling is held elsewhere, not here": (workload(rollout=UNFINISHED), None),
    "paused is said before unhealthy": (workload(paused=True, rollout=STUCK), SkipReason.PAUSED),
}


@pytest.mark.parametrize(("found", "expected"), READINESS.values(), ids=READINESS)
def test_template_is_changed_only_when_its_roll_out_can_be_ours(found, expected):
    """What cannot finish is not begun."""
    objection = unready(found)

    assert expected == (objection.reason if objection else None)
