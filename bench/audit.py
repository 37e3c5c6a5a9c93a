"""When the PATCHes of workloads began and ended, by the clock of the API server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench.stage import PREFIX
from dev.lab.stage import OPERATOR_USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.control_plane import ControlPlane


@dataclass(frozen=True, slots=True)
class Phase:
    """
    A run of PATCHes of workloads.

    Attributes:
        count: How many there were.
        began_s: When the server received the first one, seconds since the epoch.
        ended_s: When it had answered the last one.
    """

    count: int
    began_s: float
    ended_s: float

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return self.ended_s - self.began_s


def patches_since(plane: ControlPlane, mark: int) -> Phase:
    """
    Return the PATCHes of generated Deployments by the operator's user since a mark.

    Raises:
        LookupError: There was none.
    """
    events = list(_patches(plane, mark))
    if not events:
        raise LookupError("no workload was patched")
    return Phase(
        count=len(events),
        began_s=min(_seconds(each["requestReceivedTimestamp"]) for each in events),
        ended_s=max(_seconds(each["stageTimestamp"]) for each in events),
    )


def _patches(plane: ControlPlane, mark: int) -> Iterator[dict[str, Any]]:
    for event in plane.read_audit_events(mark):
        ref = event.get("objectRef") or {}
        if (
            event["verb"] == "patch"
            and event["stage"] == "ResponseComplete"
            and event["user"]["username"] == OPERATOR_USER
            and ref.get("resource") == "deployments"
            and "subresource" not in ref
            and ref.get("namespace", "").startswith(PREFIX)
        ):
            yield event


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
