"""Keys of the work queue: what can be looked at anew."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class What(StrEnum):
    """The kinds of passes. Values are labels of metrics."""

    RESOURCE = "resource"
    """A resource changed: plan everything of it anew."""
    PARTS = "parts"
    """Agent, gateways, tracing or injection of a resource."""
    WORKLOAD = "workload"
    """One Deployment."""
    PACE = "pace"
    """Roll-outs of a resource: may more of them start."""
    STATUS = "status"
    """The status of a resource."""


class Key(NamedTuple):
    """One thing to look at; ``namespace`` is ``""`` except for workloads."""

    what: What
    namespace: str
    name: str

    @classmethod
    def of(cls, what: What, name: str) -> Key:
        """Return the key of a pass over a resource."""
        return cls(what, "", name)

    @classmethod
    def workload(cls, namespace: str, name: str) -> Key:
        """Return the key of a pass over one Deployment."""
        return cls(What.WORKLOAD, namespace, name)
