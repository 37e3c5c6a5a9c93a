"""
Findings: what a user should know about one object, as data.

A finding is stated the same way for the same cause (no time, no random part, no configuration
value), because it lands in a status that must not change while nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from istio_observability.model.reasons import FindingReason


class Severity(StrEnum):
    """How much a finding matters. Values are public: ``status.findings[].severity``."""

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One fact about one object that a user should know.

    Attributes:
        subject: The object, as ``str(ObjectRef)`` writes it.
        field: The field in the API's spelling, or ``""`` if the object as a whole is meant.
        found: What was found there, a clause that completes ``field``.
        consequence: What happens because of it.
        remedy: What to do, an imperative clause.
    """

    severity: Severity
    reason: FindingReason
    subject: str
    field: str
    found: str
    consequence: str
    remedy: str

    def sentence(self) -> str:
        """Return ``<object>: <field> <found>; <what happens>; <what to do>.``."""
        what = f"{self.field} {self.found}" if self.field else self.found
        return f"{self.subject}: {what}; {self.consequence}; {self.remedy}."

    def sort_key(self) -> tuple[int, str, str, str]:
        """Return the order of a report: errors first, then by object, field and reason."""
        rank = list(Severity).index(self.severity)
        return (rank, self.subject, self.field, self.reason.value)
