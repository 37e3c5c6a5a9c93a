"""Conditions: what moves the time, what disappears, in which order they stand."""

from __future__ import annotations

import random

import pytest

from istio_observability.model.conditions import (
    FALSE,
    MAX_CONDITIONS,
    MAX_MESSAGE,
    TRUE,
    ConditionState,
    find_condition,
    merge_conditions,
)
from istio_observability.model.reasons import ConditionReason, ConditionType

EARLY = "2024-01-01T00:00:00Z"
LATE = "2024-02-02T00:00:00Z"

READY = ConditionState(ConditionType.READY, TRUE, ConditionReason.ALL_WIRED, "all")
ROLLING = ConditionState(ConditionType.READY, FALSE, ConditionReason.ROLLING_OUT, "1 of 2")
RECONCILING = ConditionState(ConditionType.RECONCILING, TRUE, ConditionReason.ROLLING_OUT)
TRACING = ConditionState(ConditionType.TRACING_READY, TRUE, ConditionReason.CONFIGURED)


def test_condition_is_written_in_the_spelling_of_the_api():
    """A new condition has every field, and the time of the pass."""
    expected = {
        "type": "Ready",
        "status": "True",
        "reason": "AllWired",
        "message": "all",
        "observedGeneration": 3,
        "lastTransitionTime": EARLY,
    }
    assert [expected] == merge_conditions([], [READY], 3, EARLY)


def test_time_stays_while_the_status_stays():
    """Reason, message and generation may change without moving the time."""
    old = merge_conditions([], [ROLLING], 1, EARLY)
    again = ConditionState(ConditionType.READY, FALSE, ConditionReason.HALTED, "failed")
    (condition,) = merge_conditions(old, [again], 2, LATE)

    assert (
        condition["reason"],
        condition["observedGeneration"],
        condition["lastTransitionTime"],
    ) == ("Halted", 2, EARLY)


def test_time_moves_with_the_status():
    """From false to true is a transition."""
    old = merge_conditions([], [ROLLING], 1, EARLY)
    (condition,) = merge_conditions(old, [READY], 1, LATE)

    assert condition["lastTransitionTime"] == LATE


def test_equal_facts_give_an_equal_list():
    """A second pass with the same facts changes nothing, whatever time it is."""
    old = merge_conditions([], [READY, TRACING], 1, EARLY)

    assert old == merge_conditions(old, [TRACING, READY], 1, LATE)


def test_reconciling_and_stalled_disappear():
    """Both are there only while they are true: not given and given as false are the same."""
    stalled = ConditionState(ConditionType.STALLED, FALSE, ConditionReason.HALTED)
    old = merge_conditions([], [ROLLING, RECONCILING], 1, EARLY)

    assert [c["type"] for c in old] == ["Ready", "Reconciling"]
    assert [c["type"] for c in merge_conditions(old, [READY], 1, LATE)] == ["Ready"]
    assert [c["type"] for c in merge_conditions(old, [READY, stalled], 1, LATE)] == ["Ready"]


def test_other_conditions_stay_when_not_given():
    """A part that a pass says nothing about, and a condition of somebody else, are kept."""
    foreign = {"type": "AAA", "status": "True"}
    old = [foreign, *merge_conditions([], [TRACING], 1, EARLY)]
    merged = merge_conditions(old, [READY], 2, LATE)

    assert [c["type"] for c in merged] == ["Ready", "TracingReady", "AAA"]
    assert merged[1:] == [old[1], foreign]


def test_order_is_fixed():
    """However the states come, they stand in the order of ConditionType."""
    states = [ConditionState(kind, TRUE, ConditionReason.CURRENT) for kind in ConditionType]
    for seed in range(20):
        shuffled = random.Random(seed).sample(states, len(states))
        merged = merge_conditions([], shuffled, 1, EARLY)

        assert [kind.value for kind in ConditionType] == [c["type"] for c in merged]


BROKEN = {
    "nothing": None,
    "a map": {"type": "Ready"},
    "a string": "Ready",
    "strings": ["Ready"],
    "no type": [{"status": "True"}],
    "type is a number": [{"type": 1}],
    "no time": [{"type": "Ready", "status": "True"}],
}


@pytest.mark.parametrize("old", BROKEN.values(), ids=BROKEN.keys())
def test_broken_conditions_are_replaced(old):
    """What somebody broke in the status is written anew."""
    assert merge_conditions([], [READY], 1, LATE) == merge_conditions(old, [READY], 1, LATE)


def test_sizes_are_bounded():
    """A long message is cut, and foreign conditions cannot push ours out."""
    long = ConditionState(ConditionType.READY, TRUE, ConditionReason.ALL_WIRED, "x" * 5000)
    foreign = [{"type": f"A{i}", "status": "True"} for i in range(100)]
    merged = merge_conditions(foreign, [long], 1, EARLY)

    assert (len(merged), len(merged[0]["message"])) == (MAX_CONDITIONS, MAX_MESSAGE)
    assert find_condition(merged, ConditionType.READY) == merged[0]
    assert find_condition(merged, ConditionType.STALLED) is None
