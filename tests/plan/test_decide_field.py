"""One field of somebody else's object: right, ours to write, or theirs."""

from __future__ import annotations

import pytest

from istio_observability.plan.decide_field import FieldVerdict, decide_field
from istio_observability.plan.facts import ABSENT, FieldFacts
from tests.plan.builders import ours, theirs

SHARED = FieldFacts("wanted", ours=True, others=("Helm",))

CASES = {
    "an absent field is written": (ABSENT, FieldVerdict.DUE),
    "a value that was removed is absent, and returns": (
        FieldFacts(None, ours=False, others=("Helm",)),
        FieldVerdict.DUE,
    ),
    "our value as wanted needs nothing": (ours("wanted"), FieldVerdict.CURRENT),
    "an older value of ours is replaced": (ours("older"), FieldVerdict.DUE),
    "our value that is spelled otherwise is still replaced": (ours("WANTED"), FieldVerdict.DUE),
    "the same by somebody else's hand is satisfied": (theirs("wanted"), FieldVerdict.SATISFIED),
    "the same in other words is satisfied": (theirs("WANTED"), FieldVerdict.SATISFIED),
    "something else by somebody else is left alone": (theirs("other"), FieldVerdict.CONTENDED),
    "an empty text by somebody else is something else": (theirs(""), FieldVerdict.CONTENDED),
    "a value that nobody claims is not ours": (FieldFacts("other"), FieldVerdict.CONTENDED),
    "a shared value as wanted needs nothing": (SHARED, FieldVerdict.CURRENT),
    "a shared value that differs is left to the other owner": (
        FieldFacts("older", ours=True, others=("Helm",)),
        FieldVerdict.CONTENDED,
    ),
    "a shared value in other words is satisfied": (
        FieldFacts("WANTED", ours=True, others=("Helm",)),
        FieldVerdict.SATISFIED,
    ),
}


@pytest.mark.parametrize(("live", "expected"), CASES.values(), ids=CASES)
def test_field_is_decided_by_value_and_owner(live, expected):
    """Value and owner decide; meaning counts only where the value is not ours alone."""
    verdict = decide_field(live, "wanted", lambda a, b: a.lower() == b.lower())

    assert expected is verdict


def test_meaning_is_not_asked_about_our_own_value():
    """Comparing meanings is dear, and our own value is compared byte by byte."""
    asked = []

    def compare(live: str, wanted: str) -> bool:
        asked.append((live, wanted))
        return False

    decide_field(ours("older"), "wanted", compare)

    assert asked == []


def test_verdict_is_no_truth_value():
    """``if verdict`` would be true for all four."""
    with pytest.raises(TypeError):
        bool(FieldVerdict.CURRENT)


@pytest.mark.parametrize("verdict", FieldVerdict)
def test_only_current_and_due_values_are_in_our_body(verdict):
    """A body that carried a satisfied value would co-own it."""
    expected = verdict in (FieldVerdict.CURRENT, FieldVerdict.DUE)

    assert expected == verdict.written_by_us
