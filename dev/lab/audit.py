"""Count what a user did, from the API server's own audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dev.lab.stage import OPERATOR_USER

if TYPE_CHECKING:
    from dev.control_plane import ControlPlane

_READS: Final = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Write:
    """One request that was to change something. ``resource`` has its subresource behind a slash."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int


def audit_mark(plane: ControlPlane) -> int:
    """Return the place in the audit log from which a later count begins."""
    return plane.audit_log.stat().st_size if plane.audit_log is not None else 0


def writes_since(plane: ControlPlane, mark: int, *, user: str = OPERATOR_USER) -> list[Write]:
    """Return the writes of a user since a mark, in order; events are news, not writes."""
    found = []
    for event in plane.read_audit_events(mark):
        ref = event.get("objectRef") or {}
        if (
            event.get("stage") != "ResponseComplete"
            or event["verb"] in _READS
            or event["user"]["username"] != user
            or ref.get("resource") in {"events", "leases"}
        ):
            continue
        subresource = f"/{ref['subresource']}" if ref.get("subresource") else ""
        found.append(
            Write(
                verb=event["verb"],
                resource=f"{ref.get('resource', '')}{subresource}",
                namespace=ref.get("namespace", ""),
                name=ref.get("name", ""),
                code=(event.get("responseStatus") or {}).get("code", 0),
            )
        )
    return found
