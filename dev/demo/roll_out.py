"""
Live progress of a roll-out: one line whenever something that a user can see has changed.

Read from the resource's status, the Deployments and the DaemonSet, as ``kubectl get`` shows them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dev.demo.scene import DemoError
from istio_observability.model.names import KIND

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.demo.scene import Scene

_POLL_S: Final = 0.2
_WIRING: Final = "  TIME  READY       WIRED  PENDING  AGENTS  ROLLING"
_RELEASING: Final = "  TIME  READY       SAYS                       ROLLING"
# Indentation, and room for "and 5 more".
_MORE: Final = 14
_WATCHED: Final = ("prod", "datakit")
RESOURCE: Final = "mesh"


@dataclass(frozen=True, slots=True)
class Progress:
    """
    What one look has shown.

    Attributes:
        reason: Of the condition Ready.
        counts: Cells of the columns between READY and ROLLING, as wide as their heads.
        rolling: Workloads whose pods are being replaced.
    """

    reason: str
    counts: str
    rolling: tuple[str, ...]

    def line(self, elapsed_s: float, width: int) -> str:
        """Return one row, with as many names as fit."""
        row = f"{elapsed_s:6.1f}  {self.reason:<12}{self.counts}"
        names = list(self.rolling)
        while names and len(row) + len(" ".join(names)) + _MORE > width:
            names.pop()
        rest = len(self.rolling) - len(names)
        return f"{row}{' '.join(names)}{f' and {rest} more' if rest else ''}".rstrip()


def ready_condition(status: dict[str, Any]) -> dict[str, Any]:
    """Return the condition Ready, empty if there is none yet."""
    conditions = status.get("conditions") or []
    return next((each for each in conditions if each["type"] == "Ready"), {})


def wait_reason(scene: Scene, reason: str, *, quiet: bool = False) -> dict[str, Any]:
    """
    Wait until Ready is True for a reason and return the status.

    Args:
        scene: Where.
        reason: A reason of the condition Ready.
        quiet: Write no progress.

    Raises:
        DemoError: Not in time; the sentence has what the resource says instead.
    """

    def reached(look: _Look) -> bool:
        ready = ready_condition(look.status)
        return ready.get("status") == "True" and ready.get("reason") == reason

    return _follow(scene, f"reason {reason}", reached, head="" if quiet else _WIRING)


def wait_gone(scene: Scene) -> None:
    """
    Wait until the resource is gone and every roll-out that this caused is finished.

    Raises:
        DemoError: Not in time.
    """

    def reached(look: _Look) -> bool:
        return not look.exists and not look.rolling

    _follow(scene, "deletion", reached, head=_RELEASING)


@dataclass(frozen=True, slots=True)
class _Look:
    """The resource's status if it is about its newest generation, and what is rolling."""

    exists: bool
    status: dict[str, Any]
    rolling: tuple[str, ...]

    @property
    def wiring(self) -> Progress:
        workloads = self.status.get("workloads") or {}
        wired, pending = workloads.get("summary", "-"), str(workloads.get("pending", "-"))
        counts = f"{wired:<7}{pending:<9}{self.status.get('agents', '-'):<8}"
        return Progress(self._reason, counts, self.rolling)

    @property
    def releasing(self) -> Progress:
        said = ready_condition(self.status).get("message", "")
        return Progress(self._reason, f"{said[:25]:<27}", self.rolling)

    @property
    def _reason(self) -> str:
        unknown = "-" if self.exists else "(gone)"
        return str(ready_condition(self.status).get("reason", unknown))


def _look(scene: Scene) -> _Look:
    # One request for all: what is on one line was true at one moment, nearly.
    items = scene.cluster.read("iobs,deployments.apps,daemonsets.apps", "-A")["items"]
    found = [item for item in items if item["kind"] == KIND]
    status: dict[str, Any] = {}
    for item in found:
        seen = item.get("status") or {}
        if seen.get("observedGeneration") == item["metadata"]["generation"]:
            status = seen
    rolling = tuple(
        item["metadata"]["name"]
        for item in items
        if item["metadata"].get("namespace") in _WATCHED and _is_rolling(item)
    )
    return _Look(bool(found), status, rolling)


def _follow(
    scene: Scene, goal: str, reached: Callable[[_Look], bool], *, head: str
) -> dict[str, Any]:
    started = time.monotonic()
    shown = None
    if head:
        scene.account.item(head, "dim")
    while True:
        look = _look(scene)
        elapsed_s = time.monotonic() - started
        seen = look.releasing if head == _RELEASING else look.wiring
        if seen != shown and head:
            shown = seen
            scene.account.item(shown.line(elapsed_s, scene.account.width), "dim")
        if reached(look):
            return look.status
        _give_up(scene, goal, look, elapsed_s)
        time.sleep(_POLL_S)


def _give_up(scene: Scene, goal: str, look: _Look, elapsed_s: float) -> None:
    stalled = any(
        each["type"] == "Stalled" and each["status"] == "True"
        for each in look.status.get("conditions") or []
    )
    if not stalled and elapsed_s < scene.timeout_s:
        return
    ready = ready_condition(look.status)
    said = ready.get("message") or ready.get("reason") or "nothing yet"
    when = "and it is stalled" if stalled else f"within {scene.timeout_s} s"
    raise DemoError(f"IstioObservability {RESOURCE}: {goal} not reached {when}; it says: {said}")


def _is_rolling(item: dict[str, Any]) -> bool:
    status, spec = item.get("status") or {}, item["spec"]
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return True
    if item["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        counts = (status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    else:
        wanted = spec["replicas"]
        keys = ("updatedReplicas", "availableReplicas", "replicas")
        counts = tuple(status.get(key, 0) for key in keys)
    return any(count != wanted for count in counts)
