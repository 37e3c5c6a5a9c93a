"""
What stands between a revision and its roll-out: a pause, a missing approval, a closed window.

Two questions with two answers. *Which revision is true?* One that nobody has approved waits, and
the delivered one is kept true meanwhile. *May a roll-out start now?* A pause and a closed window
hold every start, of whatever revision. Neither holds a deletion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.model import names
from istio_observability.model.reasons import ConditionReason
from istio_observability.model.rollout_spec import Approval
from istio_observability.plan.decide_window import decide_window

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource


@dataclass(frozen=True, slots=True)
class Gate:
    """
    The verdict on one resource.

    Attributes:
        approved: The revision of the spec may be made true.
        may_start: Roll-outs may start now.
        reason: Why not, ``None`` if everything may go on.
        message: The reason in a sentence.
        changes_at: When the answer changes by itself, seconds since the epoch, ``None`` if never.
    """

    approved: bool = True
    may_start: bool = True
    reason: ConditionReason | None = None
    message: str = ""
    changes_at: float | None = None


OPEN = Gate()


def decide_gate(resource: Resource, revision: str, taken_at: float) -> Gate:
    """
    Return what holds a resource back.

    Args:
        resource: The wish; its annotations beat its spec.
        revision: The digest of what its spec delivers.
        taken_at: Seconds since the epoch.
    """
    if resource.deleting:
        return OPEN
    approved = is_approved(resource, revision)
    if is_paused(resource):
        text = f"paused by annotation; `istio-observability resume {resource.name}` goes on"
        return Gate(approved, False, ConditionReason.PAUSED, text)
    window = decide_window(resource.spec.rollout.windows, taken_at)
    if not approved:
        text = (
            f"revision {revision} waits for approval;"
            f" `istio-observability approve {resource.name}` or spec.rollout.approvedRevision"
        )
        return Gate(
            False, window.is_open, ConditionReason.AWAITING_APPROVAL, text, window.changes_at
        )
    if not window.is_open:
        text = "outside of every window of spec.rollout.windows"
        return Gate(True, False, ConditionReason.OUTSIDE_WINDOW, text, window.changes_at)
    return Gate(changes_at=window.changes_at)


def is_paused(resource: Resource) -> bool:
    """Return whether somebody has paused the resource out of band."""
    return resource.annotations.get(names.PAUSED_ANNOTATION) == "true"


def is_approved(resource: Resource, revision: str) -> bool:
    """Return whether a revision is approved, in the spec or out of band."""
    rollout = resource.spec.rollout
    if rollout.approval is not Approval.MANUAL:
        return True
    return revision in (
        rollout.approved_revision,
        resource.annotations.get(names.APPROVED_REVISION_ANNOTATION),
    )
