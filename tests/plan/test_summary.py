"""The bounded summary of a plan for ``status.plan``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from istio_observability.model.objects import CONFIG_MAP, DEPLOYMENT, SERVICE, ObjectRef
from istio_observability.model.status import MAX_PLAN_OBJECTS
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.summary import action_word, summarise_plan


def intent(action, kind=DEPLOYMENT, name="a", *, uid="u", restarts=0):
    """Return one wanted write."""
    wave = Wave.WORKLOADS if kind is DEPLOYMENT else Wave.CONFIG
    return Intent(action, wave, ObjectRef(kind, "prod", name), uid, {}, "why", restarts)


DUE = (
    intent(Action.ENSURE, SERVICE, "new", uid=""),
    intent(Action.ENSURE, SERVICE, "changed"),
    intent(Action.APPLY, CONFIG_MAP),
    intent(Action.DELETE, SERVICE, "old"),
    intent(Action.APPLY, name="a", restarts=3),
    intent(Action.APPLY, name="b"),
    intent(Action.RELEASE, name="c", restarts=2),
)


def test_summary_counts_objects_workloads_and_pods():
    """What is created, changed, deleted and restarted, each counted once."""
    found = summarise_plan("0123abcd", DUE)

    assert (found.creates, found.changes, found.deletes) == (1, 5, 1)
    assert (found.restarted_workloads, found.restarted_pods) == (2, 5)
    assert found.revision == "0123abcd"


def test_pods_of_the_agent_are_counted_and_its_roll_out_is_no_workload():
    """The agent restarts too, but it is nobody's workload."""
    agent = replace(DUE[2], wave=Wave.AGENT, restarts_pods=3)
    found = summarise_plan("r", [agent])

    assert (found.restarted_workloads, found.restarted_pods) == (0, 3)


WORDS = {
    "a new object of ours": (DUE[0], "create"),
    "a changed object of ours": (DUE[1], "configure"),
    "somebody else's object": (DUE[2], "configure"),
    "an object of ours that goes": (DUE[3], "delete"),
    "our fields that go": (DUE[6], "release"),
}


@pytest.mark.parametrize(("due", "expected"), WORDS.values(), ids=WORDS)
def test_action_is_said_in_the_words_of_kubectl(due, expected):
    """A word that people know."""
    assert expected == action_word(due)


def test_equal_plans_have_equal_ids():
    """The id tells two plans apart, and is the same for the same writes."""
    same, other = summarise_plan("r", DUE), summarise_plan("r", DUE[1:])

    assert same == summarise_plan("r", DUE)
    assert same.id != other.id
    assert other.id != summarise_plan("r", [replace(DUE[1], restarts_pods=1), *DUE[2:]]).id


def test_list_of_objects_is_bounded():
    """The first ones in the order of the plan; the command line shows all."""
    many = [intent(Action.APPLY, name=f"w{index:02}") for index in range(MAX_PLAN_OBJECTS + 5)]
    found = summarise_plan("r", many)

    assert len(found.objects) == MAX_PLAN_OBJECTS
    assert (found.objects[0].object, found.changes) == ("Deployment prod/w00", len(many))
