"""Waiting until the agent's plan stands still."""

from __future__ import annotations

from istio_observability.control.settle import Settling
from istio_observability.model.objects import DAEMON_SET, ObjectRef
from istio_observability.plan.intent import Action, Intent, Wave

REF = ObjectRef(DAEMON_SET, "datakit", "datakit")


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self):
        """Return the time."""
        return self.now


def write(text):
    """Return a plan of one write with that text."""
    return [Intent(Action.APPLY, Wave.AGENT, REF, "u", {"text": text}, "why", 3)]


def test_new_plan_is_watched_for_the_whole_delay():
    """One roll-out per change, however many parts appear one after the other."""
    assert Settling(5, Clock()).wait_s("mesh", write("a")) == 5


def test_plan_that_stands_still_may_be_done():
    """The wait counts from when it was first seen."""
    clock = Clock()
    settling = Settling(5, clock)
    settling.wait_s("mesh", write("a"))
    clock.now += 2
    assert settling.wait_s("mesh", write("a")) == 3
    clock.now += 3

    assert settling.wait_s("mesh", write("a")) <= 0


def test_plan_that_moves_is_watched_anew():
    """Another text is another plan."""
    clock = Clock()
    settling = Settling(5, clock)
    settling.wait_s("mesh", write("a"))
    clock.now += 4

    assert settling.wait_s("mesh", write("b")) == 5


def test_empty_plan_may_always_be_done():
    """And what was known before it is forgotten."""
    clock = Clock()
    settling = Settling(5, clock)
    settling.wait_s("mesh", write("a"))
    clock.now += 9

    assert settling.wait_s("mesh", []) == 0
    assert settling.wait_s("mesh", write("a")) == 5


def test_resources_do_not_wait_for_each_other():
    """Each has its own plan."""
    clock = Clock()
    settling = Settling(5, clock)
    settling.wait_s("mesh", write("a"))
    clock.now += 9

    assert settling.wait_s("other", write("a")) == 5
    assert settling.wait_s("mesh", write("a")) <= 0
