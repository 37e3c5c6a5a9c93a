"""What a user should know about single workloads, and no count says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.model.finding import Finding, Severity
from istio_observability.model.names import WIRE_LABEL
from istio_observability.model.reasons import FindingReason

if TYPE_CHECKING:
    from istio_observability.model.objects import ObjectRef
    from istio_observability.plan.facts import FieldFacts, RolloutFacts


def contended(ref: ObjectRef, annotation: str, live: FieldFacts) -> Finding:
    """Return the finding about an annotation that somebody else set to something else."""
    return Finding(
        severity=Severity.WARNING,
        reason=FindingReason.FIELD_CONFLICT,
        subject=str(ref),
        field=f"annotation {annotation}",
        found=f"is set by {live.owner}",
        consequence="left as it is",
        remedy="remove it there, and ours is set",
    )


def rollout_failed(ref: ObjectRef, rollout: RolloutFacts) -> Finding:
    """Return the finding about a workload that did not become healthy after our change."""
    late = "exceeded its progress deadline" if rollout.deadline_exceeded else "takes too long"
    return Finding(
        severity=Severity.ERROR,
        reason=FindingReason.ROLLOUT_FAILED,
        subject=str(ref),
        field="roll-out",
        found=f"{late} after our change",
        consequence="it counts towards spec.rollout.maxFailures",
        remedy=f'repair it, or opt it out by the label {WIRE_LABEL}: "false"',
    )
