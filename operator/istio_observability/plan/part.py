"""
A part of an installation: the agent, the control plane, the gateways, tracing, injection.

Each part is planned whole and says three things: what should stand (``wanted``, whether or not it
stands already), what is due now, and what a user should know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from istio_observability.model.finding import Finding
    from istio_observability.plan.intent import Intent


@dataclass(frozen=True, slots=True)
class Part:
    """
    The plan of one part.

    Attributes:
        wanted: Every write that states our opinion, due or not, in the order of waves.
        due: The writes that would change something.
        findings: What a user should know.
        awaiting: What must appear before the part can be planned, ``""`` if nothing.
        blocked: The part is in conflict and stays unfinished until somebody acts.
    """

    wanted: tuple[Intent, ...] = ()
    due: tuple[Intent, ...] = ()
    findings: tuple[Finding, ...] = ()
    awaiting: str = ""
    blocked: bool = False

    def __add__(self, other: Part) -> Part:
        """Return both parts as one; the first thing awaited is named."""
        return Part(
            self.wanted + other.wanted,
            self.due + other.due,
            self.findings + other.findings,
            self.awaiting or other.awaiting,
            self.blocked or other.blocked,
        )
