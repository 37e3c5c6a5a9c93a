"""Which workloads a resource chooses: the nearest label, then names and selectors."""

from __future__ import annotations

import pytest

from istio_observability.model.names import WIRE_LABEL
from istio_observability.plan.decide_selection import Rule, Selection, decide_selection
from tests.plan.builders import namespace, resource, workload

YES, NO = {WIRE_LABEL: "true"}, {WIRE_LABEL: "false"}
BY_NAME = {"namespaces": ["prod"]}
GOLD = {"matchLabels": {"tier": "gold"}}


def chosen(rule):
    """Return the selection of a workload that is chosen by a rule."""
    return Selection(chosen=True, opted_out=False, rule=rule)


def declined(rule):
    """Return the selection of a workload whose owner said no to a resource that asked."""
    return Selection(chosen=False, opted_out=True, rule=rule)


def left(rule=Rule.NOTHING):
    """Return the selection of a workload that nobody asked for."""
    return Selection(chosen=False, opted_out=False, rule=rule)


# id: (spec.workloads, labels of the workload, labels of the namespace, expected)
CASES = {
    "nothing named chooses nothing": ({}, {}, {}, left()),
    "a named namespace is the consent": (BY_NAME, {}, {}, chosen(Rule.NAMESPACE_NAMED)),
    "another namespace is not": ({"namespaces": ["dev"]}, {}, {}, left()),
    "an empty namespaceSelector matches every namespace": (
        {"namespaceSelector": {}},
        {},
        {},
        chosen(Rule.NAMESPACE_SELECTED),
    ),
    "a namespaceSelector chooses by label": (
        {"namespaceSelector": GOLD},
        {},
        {"tier": "gold"},
        chosen(Rule.NAMESPACE_SELECTED),
    ),
    "a namespaceSelector that does not match chooses nothing": (
        {"namespaceSelector": GOLD},
        {},
        {"tier": "tin"},
        left(),
    ),
    "names and namespaceSelector add up": (
        {**BY_NAME, "namespaceSelector": GOLD},
        {},
        {},
        chosen(Rule.NAMESPACE_NAMED),
    ),
    "the name is given as the rule when both match": (
        {**BY_NAME, "namespaceSelector": {}},
        {},
        {},
        chosen(Rule.NAMESPACE_NAMED),
    ),
    "a selector narrows to the labels of the pod template": (
        {**BY_NAME, "selector": {"matchLabels": {"app": "cart"}}},
        {},
        {},
        chosen(Rule.NAMESPACE_NAMED),
    ),
    "a selector leaves out what does not match": (
        {**BY_NAME, "selector": {"matchLabels": {"app": "shop"}}},
        {},
        {},
        left(),
    ),
    "a selector alone is no consent": ({"selector": {}}, {}, {}, left()),
    "a selector does not look at the labels of the Deployment itself": (
        {**BY_NAME, "selector": GOLD},
        {"tier": "gold"},
        {},
        left(),
    ),
    "a label on the workload opts in without any namespace named": (
        {},
        YES,
        {},
        chosen(Rule.WORKLOAD_LABEL),
    ),
    "a label on the namespace opts in": ({}, {}, YES, chosen(Rule.NAMESPACE_LABEL)),
    "an opt-in beats a selector that leaves out": (
        {**BY_NAME, "selector": GOLD},
        YES,
        {},
        chosen(Rule.WORKLOAD_LABEL),
    ),
    "a label on the workload opts out": (BY_NAME, NO, {}, declined(Rule.WORKLOAD_LABEL)),
    "a label on the namespace opts out": (BY_NAME, {}, NO, declined(Rule.NAMESPACE_LABEL)),
    "the workload's yes beats the namespace's no": (BY_NAME, YES, NO, chosen(Rule.WORKLOAD_LABEL)),
    "the workload's no beats the namespace's yes": (
        BY_NAME,
        NO,
        YES,
        declined(Rule.WORKLOAD_LABEL),
    ),
    "a no to nobody's question is not counted": ({}, NO, {}, left(Rule.WORKLOAD_LABEL)),
    "any other value is no answer": (
        BY_NAME,
        {WIRE_LABEL: "True"},
        {WIRE_LABEL: ""},
        chosen(Rule.NAMESPACE_NAMED),
    ),
    "an unknown value on the workload leaves the decision to the namespace": (
        BY_NAME,
        {WIRE_LABEL: "yes"},
        NO,
        declined(Rule.NAMESPACE_LABEL),
    ),
}


@pytest.mark.parametrize(
    ("spec", "on_workload", "on_namespace", "expected"), CASES.values(), ids=CASES
)
def test_selection_follows_the_nearest_word(spec, on_workload, on_namespace, expected):
    """Labels beat selectors, and the label nearest to the workload decides."""
    wish = resource({"workloads": spec}).spec.workloads
    selection = decide_selection(wish, workload(labels=on_workload), namespace(labels=on_namespace))

    assert expected == selection
