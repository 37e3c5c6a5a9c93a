"""The bounded summary of a plan for ``status.plan``; the command line shows the whole of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from istio_observability.model.status import MAX_PLAN_OBJECTS, PlannedObject, PlanSummary
from istio_observability.plan.intent import Action, Intent, Wave

if TYPE_CHECKING:
    from collections.abc import Sequence


def summarise_plan(revision: str, due: Sequence[Intent]) -> PlanSummary:
    """
    Return the summary of the writes that are due.

    Args:
        revision: What they deliver.
        due: In the order in which they are carried out.
    """
    creates = [each for each in due if each.action is Action.ENSURE and not each.uid]
    deletes = [each for each in due if each.action is Action.DELETE]
    digest = hashlib.sha256("\n".join(_line(each) for each in due).encode()).hexdigest()
    return PlanSummary(
        id=digest[:8],
        revision=revision,
        creates=len(creates),
        changes=len(due) - len(creates) - len(deletes),
        deletes=len(deletes),
        restarted_workloads=sum(
            each.wave is Wave.WORKLOADS and each.restarts_pods > 0 for each in due
        ),
        restarted_pods=sum(each.restarts_pods for each in due),
        objects=tuple(
            PlannedObject(object=str(each.ref), action=action_word(each), reason=None)
            for each in due[:MAX_PLAN_OBJECTS]
        ),
    )


def action_word(intent: Intent) -> str:
    """Return what would be done, in the words of kubectl."""
    if intent.action is Action.ENSURE:
        return "configure" if intent.uid else "create"
    return {Action.APPLY: "configure", Action.RELEASE: "release", Action.DELETE: "delete"}[
        intent.action
    ]


def _line(intent: Intent) -> str:
    return f"{intent.action} {intent.ref} {intent.restarts_pods}"
