"""
The one rule about a field on somebody else's object: is it right, ours to write, or theirs.

A *removed* value is absent and gets written again. A *changed* value has changed its owner with the
change, so it is not ours any more: it is theirs, and reported. A value that somebody else already
keeps right is satisfied: co-owning it would make the owner's next apply fail.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.plan.facts import FieldFacts


class FieldVerdict(StrEnum):
    """What a live field is, compared with what we want there."""

    CURRENT = "current"
    """Ours, and as wanted."""
    SATISFIED = "satisfied"
    """Not ours, and means what is wanted: no request, no ownership."""
    DUE = "due"
    """Absent, or an older value of ours: to be written."""
    CONTENDED = "contended"
    """Set by somebody else to something else: left alone."""

    def __bool__(self) -> bool:
        """Refuse to be a truth value: four verdicts have no obvious yes and no."""
        raise TypeError("compare a FieldVerdict with one of its members")

    @property
    def written_by_us(self) -> bool:
        """Return whether the field belongs into our apply body."""
        return self is FieldVerdict.CURRENT or self is FieldVerdict.DUE


def decide_field(
    live: FieldFacts, wanted: str, means_the_same: Callable[[str, str], bool]
) -> FieldVerdict:
    """
    Return what is to be done about one field.

    Args:
        live: The field as observed.
        wanted: The text we would write.
        means_the_same: Whether the agent would read two texts the same way; asked only about values
            that are not ours alone.
    """
    if live.value is None:
        return FieldVerdict.DUE
    if live.ours and live.value == wanted:
        return FieldVerdict.CURRENT
    if live.ours and not live.others:
        return FieldVerdict.DUE
    # A co-owner decides like an owner: the API server would refuse to change its value.
    if live.value == wanted or means_the_same(live.value, wanted):
        return FieldVerdict.SATISFIED
    return FieldVerdict.CONTENDED
