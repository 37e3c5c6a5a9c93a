"""The label that switches sidecars on: added only where no other label speaks."""

from __future__ import annotations

from typing import Any

import pytest

from istio_observability.model import names
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.build_injection_label import is_labelled, plan_injection
from istio_observability.plan.facts import FieldFacts
from istio_observability.plan.intent import Action, Wave
from tests.plan.builders import deleted, namespace, ours, resource, snapshot

WISH = {"injection": {"namespaces": ["prod"]}}
OURS: dict[str, Any] = {"injection": ours("enabled"), "wired_by": "mesh"}
LABEL = {"istio-injection": "enabled"}
APPLY, RELEASE = [Action.APPLY], [Action.RELEASE]
REFUSED = [FindingReason.OTHER_REVISION_LABEL]

# A case: the namespace, what is due, what is found.
CASES = {
    "without label it is added": (namespace(labels={}), APPLY, []),
    "with other labels too": (namespace(labels={"team": "a"}), APPLY, []),
    "our label stays": (namespace(labels=LABEL, **OURS), [], []),
    "our label without marker is marked": (
        namespace(labels=LABEL, injection=ours("enabled")),
        APPLY,
        [],
    ),
    "our label that was removed returns": (namespace(labels={}, wired_by="mesh"), APPLY, []),
    "the same label of somebody else is satisfied": (namespace(labels=LABEL), [], []),
    "a label against injection is left": (
        namespace(labels={"istio-injection": "disabled"}),
        [],
        REFUSED,
    ),
    "an empty label is left": (namespace(labels={"istio-injection": ""}), [], REFUSED),
    "a revision label would be beaten, so ours is not added": (
        namespace(labels={"istio.io/rev": "canary"}),
        [],
        REFUSED,
    ),
    "an empty revision label speaks too": (namespace(labels={"istio.io/rev": ""}), [], REFUSED),
    "the default revision's label speaks too": (
        namespace(labels={"istio.io/rev": "default"}),
        [],
        REFUSED,
    ),
    "ambient is left": (namespace(labels={"istio.io/dataplane-mode": "ambient"}), [], REFUSED),
    "no ambient is no obstacle": (
        namespace(labels={"istio.io/dataplane-mode": "none"}),
        APPLY,
        [],
    ),
    "enabled and a revision is satisfied: the label wins already": (
        namespace(labels={**LABEL, "istio.io/rev": "canary"}),
        [],
        [],
    ),
    "disabled and a revision is told once": (
        namespace(labels={"istio-injection": "disabled", "istio.io/rev": "canary"}),
        [],
        REFUSED,
    ),
    "our label beside a revision label that came later is told, not fought": (
        namespace(labels={**LABEL, "istio.io/rev": "canary"}, **OURS),
        [],
        REFUSED,
    ),
    "our label that somebody changed is theirs": (
        namespace(labels={"istio-injection": "disabled"}, wired_by="mesh"),
        [],
        REFUSED,
    ),
    "a namespace that goes is left": (namespace(labels={}, terminating=True), [], []),
    "a namespace of another resource is left to it": (
        namespace(labels={}, wired_by="other"),
        [],
        [],
    ),
}


def told(part):
    """Return actions and reasons of findings."""
    return [each.action for each in part.due], [each.reason for each in part.findings]


@pytest.mark.parametrize(("found", "actions", "reasons"), CASES.values(), ids=CASES)
def test_label_is_added_only_where_no_other_speaks(found, actions, reasons):
    """It beats every revision label, so it would move pods to another control plane."""
    assert (actions, reasons) == told(plan_injection(resource(WISH), snapshot(found)))


# A case: the namespace, and what is due although the resource does not name it.
UNNAMED = {
    "ours is taken off": (namespace(labels=LABEL, **OURS), RELEASE),
    "a marker alone is taken off": (namespace(labels={}, wired_by="mesh"), RELEASE),
    "somebody else's stays": (namespace(labels=LABEL), []),
    "that of another resource stays": (namespace(labels=LABEL, wired_by="other"), []),
    "an untouched namespace stays": (namespace(labels={}), []),
}


@pytest.mark.parametrize(("found", "actions"), UNNAMED.values(), ids=UNNAMED)
@pytest.mark.parametrize(
    "wish", [resource({}), deleted(resource(WISH))], ids=["unnamed", "deleted"]
)
def test_label_is_taken_off_when_nobody_asks_any_more(found, actions, wish):
    """Out of the spec and deletion are the same to a namespace."""
    assert (actions, []) == told(plan_injection(wish, snapshot(found)))


def test_missing_namespace_is_told():
    """It is labelled as soon as it appears."""
    assert told(plan_injection(resource(WISH), snapshot())) == (
        [],
        [FindingReason.NAMESPACE_MISSING],
    )


def test_body_has_label_and_marker_and_nothing_else():
    """One field of the owner's map, and our memory beside it."""
    (intent,) = plan_injection(resource(WISH), snapshot(namespace(labels={"team": "a"}))).due

    assert (intent.wave, intent.restarts_pods) == (Wave.LABEL, 0)
    assert intent.body
    assert intent.body["metadata"] == {
        "name": "prod",
        "uid": "uid-of-prod",
        "labels": LABEL,
        "annotations": {names.WIRED_BY_ANNOTATION: "mesh"},
    }


def test_namespaces_are_labelled_in_order():
    """Whatever the order in the spec."""
    wish = resource({"injection": {"namespaces": ["b", "a"]}})
    found = snapshot(namespace("b", {}), namespace("a", {}))

    assert [each.ref.name for each in plan_injection(wish, found).due] == ["a", "b"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (namespace(labels={}), True),
        (namespace(labels=LABEL, injection=FieldFacts("enabled", ours=True)), True),
        (namespace(labels={"istio.io/rev": "canary"}), False),
        (namespace(labels={}, terminating=True), False),
        (namespace("dev", {}), False),
    ],
    ids=["gets it", "has it", "refused", "on its way out", "not named"],
)
def test_injection_is_ours_where_the_label_comes_from_us(found, expected):
    """Only there a roll-out of ours may add sidecars."""
    assert expected == is_labelled(resource(WISH), found)
