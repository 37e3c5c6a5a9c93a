"""
Conditions of the resource: what stands in ``status.conditions``, and how a pass updates it.

Equal facts give an equal list: the order is fixed and the time moves only when the status of the
condition moves, so a converged resource is not written. ``Reconciling`` and ``Stalled`` are there
only while they are true, which is how kstatus tells working and stuck from finished.

Source: kubernetes-sigs/cli-utils, pkg/kstatus/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from istio_observability.model.reasons import ConditionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from istio_observability.model.objects import Body
    from istio_observability.model.reasons import ConditionReason

MAX_MESSAGE: Final = 1024
MAX_CONDITIONS: Final = 16

TRUE: Final = "True"
FALSE: Final = "False"
UNKNOWN: Final = "Unknown"

_ONLY_WHILE_TRUE: Final = frozenset({ConditionType.RECONCILING, ConditionType.STALLED})
_ORDER: Final = {kind.value: rank for rank, kind in enumerate(ConditionType)}


@dataclass(frozen=True, slots=True)
class ConditionState:
    """
    What a pass found out about one condition.

    ``status`` is ``True``, ``False`` or ``Unknown``; ``message`` is the same text for the same
    cause and is cut to ``MAX_MESSAGE`` characters when written.
    """

    type: ConditionType
    status: str
    reason: ConditionReason
    message: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of ``status.conditions``; ``last_transition_time`` is RFC 3339 in UTC."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    last_transition_time: str

    def to_dict(self) -> Body:
        """Return the entry in the API's spelling."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed_generation,
            "lastTransitionTime": self.last_transition_time,
        }


def clip(text: str, limit: int) -> str:
    """Return ``text`` with at most ``limit`` characters; a cut is marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def merge_conditions(
    old: Any,  # noqa: ANN401 - what the API server returned, or what somebody edited
    new: Sequence[ConditionState],
    generation: int,
    now: str,
) -> list[Body]:
    """
    Return the conditions to write, in the order of ``ConditionType``.

    Args:
        old: ``status.conditions`` as read; anything that is not a condition in it is dropped.
        new: The states of this pass. ``Reconciling`` and ``Stalled`` disappear unless given
            as true. A condition of another type that is not given stays as it was, foreign
            ones included, behind ours.
        generation: ``metadata.generation`` that the states are about.
        now: RFC 3339 time for every condition whose status is another than before.
    """
    before = {entry["type"]: entry for entry in _well_formed(old)}
    given = {state.type.value: state for state in new}
    merged: dict[str, Body] = {
        kind: entry
        for kind, entry in before.items()
        if kind not in given and kind not in _ONLY_WHILE_TRUE
    }
    for kind, state in given.items():
        if state.type in _ONLY_WHILE_TRUE and state.status != TRUE:
            continue
        previous = before.get(kind, {})
        moved = previous.get("status") != state.status or not previous.get("lastTransitionTime")
        merged[kind] = Condition(
            type=kind,
            status=state.status,
            reason=state.reason.value,
            message=clip(state.message, MAX_MESSAGE),
            observed_generation=generation,
            last_transition_time=now if moved else str(previous["lastTransitionTime"]),
        ).to_dict()
    ordered = sorted(merged.values(), key=lambda c: (_ORDER.get(c["type"], len(_ORDER)), c["type"]))
    return ordered[:MAX_CONDITIONS]


def find_condition(conditions: Any, kind: ConditionType) -> Body | None:  # noqa: ANN401 - as above
    """Return the condition of type ``kind`` from ``status.conditions`` as read, or ``None``."""
    return next((entry for entry in _well_formed(conditions) if entry["type"] == kind), None)


def _well_formed(conditions: object) -> Iterable[Body]:
    if not isinstance(conditions, list):
        return ()
    return (
        entry
        for entry in conditions
        if isinstance(entry, dict) and isinstance(entry.get("type"), str) and entry["type"]
    )
