"""How many roll-outs may be under way, and which one starts next."""

from __future__ import annotations

import pytest

from istio_observability.model.objects import DEPLOYMENT, ObjectRef
from istio_observability.plan.decide_pace import Pace, decide_starts, is_halted
from tests.plan.builders import resource


def refs(*names):
    """Return Deployments of one namespace."""
    return tuple(ObjectRef(DEPLOYMENT, "prod", name) for name in names)


# id: (rollout, names that wait, in flight, failed, total, names that start)
CASES = {
    "as many as allowed start": ({"maxConcurrent": 2}, "abc", 0, 0, 3, "ab"),
    "what is in flight takes its place": ({"maxConcurrent": 2}, "abc", 1, 0, 4, "a"),
    "nothing starts while all places are taken": ({"maxConcurrent": 2}, "abc", 2, 0, 5, ""),
    "more in flight than allowed starts nothing": ({"maxConcurrent": 1}, "abc", 3, 0, 6, ""),
    "the order is that of the names, whatever came first": (
        {"maxConcurrent": 2},
        "cba",
        0,
        0,
        3,
        "ab",
    ),
    "a share is taken of all and rounded up": ({"maxConcurrent": "10%"}, "abc", 0, 0, 11, "ab"),
    "a share of few is at least one": ({"maxConcurrent": "1%"}, "abc", 0, 0, 3, "a"),
    "a hundred percent is no pacing": ({"maxConcurrent": "100%"}, "abc", 0, 0, 3, "abc"),
    "five at a time unless told": ({}, "abcdefg", 0, 0, 7, "abcde"),
    "one failure halts": ({}, "abc", 0, 1, 4, ""),
    "fewer failures than allowed do not": ({"maxFailures": 2}, "a", 0, 1, 2, "a"),
    "as many failures as allowed do": ({"maxFailures": 2}, "a", 0, 2, 3, ""),
    "Continue goes on whatever fails": ({"onFailure": "Continue"}, "a", 0, 9, 10, "a"),
    "nothing waits, nothing starts": ({}, "", 0, 0, 3, ""),
}


@pytest.mark.parametrize(
    ("rollout", "waiting", "in_flight", "failed", "total", "expected"), CASES.values(), ids=CASES
)
def test_starts_follow_places_and_failures(rollout, waiting, in_flight, failed, total, expected):
    """Free places are given in the order of names, none after a halt."""
    spec = resource({"rollout": rollout}).spec.rollout
    pace = Pace(refs(*waiting), in_flight, failed, total)

    assert refs(*expected) == decide_starts(spec, pace)


@pytest.mark.parametrize(
    ("rollout", "failed", "expected"),
    [({}, 0, False), ({}, 1, True), ({"onFailure": "Continue"}, 1, False)],
    ids=["none failed", "one failed", "failures are continued"],
)
def test_halt_is_a_matter_of_failures_and_policy(rollout, failed, expected):
    """The same rule serves pace and Ready."""
    assert expected == is_halted(resource({"rollout": rollout}).spec.rollout, failed)
