"""
Intents: one object body that we want applied, or one object that we want let go, with the reason.

An intent is a value; ``control`` turns it into a request and the answer into an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from istio_observability.model.objects import Body, ObjectRef


class Action(StrEnum):
    """What is to happen with the object."""

    APPLY = "apply"
    """Server-side apply of our fields on an object of somebody else; ``body`` carries its uid."""
    ENSURE = "ensure"
    """Create an object of ours, or bring it back to ``body``."""
    RELEASE = "release"
    """Remove exactly what is ours from an object of somebody else."""
    DELETE = "delete"
    """Delete an object of ours."""


class Wave(IntEnum):
    """
    Order of writes. An intent waits until nothing of an earlier wave is left to do.

    In: a mount without its key becomes an empty directory, silently, so ConfigMap before
    DaemonSet; pods that start before the agent is configured would only be picked up later.
    """

    LABEL = 0
    CONFIG = 1
    AGENT = 2
    WORKLOADS = 3


@dataclass(frozen=True, slots=True)
class Intent:
    """
    One wanted write.

    Attributes:
        uid: The object that was looked at; ``""`` for an object that does not exist yet.
        body: The complete opinion of ours about the object; ``None`` for release and delete.
        reason: Why, as a clause for plans, events and logs.
        restarts_pods: Pods that the write makes new; 0 if no pod template changes.
    """

    action: Action
    wave: Wave
    ref: ObjectRef
    uid: str
    body: Body | None
    reason: str
    restarts_pods: int = 0
