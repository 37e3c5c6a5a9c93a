"""
The one place from which anything is written to the cluster.

It carries out intents, puts the answer into the inventory at once (so that the next look sees it),
turns failures into problems that status shows, and tells the queue when to look again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from istio_observability.control.carry_out import Outcome, OutcomeWord, carry_out
from istio_observability.kube.errors import (
    ApiError,
    Awaited,
    FieldConflict,
    Forbidden,
    Missing,
    NeedsUser,
    RetryLater,
    Stale,
)
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.reasons import FindingReason
from istio_observability.model.spec import DeletionPolicy
from istio_observability.plan.intent import Action, Intent

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.control.events import Events
    from istio_observability.control.inventory import Inventory
    from istio_observability.control.keys import Key
    from istio_observability.control.ledger import Ledger
    from istio_observability.control.metrics import Metrics
    from istio_observability.control.workqueue import WorkQueue
    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.objects import ObjectRef

log: Final = logging.getLogger(__name__)

_DENIED_RETRY_S: Final = 30.0


class Writer:
    """Writes for the passes; any number of tasks may use it."""

    def __init__(
        self,
        api: ClusterApi,
        inventory: Inventory,
        queue: WorkQueue[Key],
        events: Events,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._inventory = inventory
        self._queue = queue
        self._events = events
        self._metrics = metrics
        self._clock = clock

    async def write(self, ledger: Ledger, intent: Intent, key: Key) -> bool:
        """
        Carry out one intent for a resource; returns whether anything was changed.

        Args:
            ledger: Where a failure is remembered, and forgotten once the same write succeeds.
            intent: What to do.
            key: What to look at again if it fails.
        """
        resource = ledger.resource
        orphan = resource.deleting and resource.spec.deletion_policy is DeletionPolicy.ORPHAN
        ledger.writing += 1
        try:
            outcome = await carry_out(self._api, intent, orphan=orphan)
        except ApiError as error:
            self._failed(ledger, intent, key, error)
            return False
        finally:
            ledger.writing -= 1
        ledger.settle(intent.ref)
        self._metrics.applied(intent.ref.kind.kind, outcome.word.value)
        self._inventory.observe(intent.ref, outcome.live)
        self._tell(ledger, intent, outcome, orphan=orphan)
        if outcome.word is OutcomeWord.UNCHANGED:
            # The plan was made from something older; if it was not, to look again at once would
            # be an endless loop.
            self._queue.retry(key)
            return False
        self._queue.succeeded(key)
        return True

    def _tell(self, ledger: Ledger, intent: Intent, outcome: Outcome, *, orphan: bool) -> None:
        log.info(
            "%s %s for %s: %s", intent.ref, outcome.word.value, ledger.resource.name, intent.reason
        )
        if outcome.word is OutcomeWord.UNCHANGED or orphan:
            return
        if intent.restarts_pods and outcome.word in (OutcomeWord.CONFIGURED, OutcomeWord.RELEASED):
            self._metrics.rollout_caused(intent.ref.kind.kind)
        if intent.action in (Action.APPLY, Action.RELEASE):
            self._events.touched(ledger.resource, intent)

    def _failed(self, ledger: Ledger, intent: Intent, key: Key, error: ApiError) -> None:
        self._metrics.applied(intent.ref.kind.kind, OutcomeWord.FAILED.value)
        log.warning("%s not written for %s: %s", intent.ref, ledger.resource.name, error)
        at_least_s = 0.0
        if isinstance(error, RetryLater):
            at_least_s = error.retry_after_s or 0.0
        elif not isinstance(error, Missing | Stale | Awaited):
            # The others are told by the watch, or pass; this one somebody must do something about.
            ledger.problems[intent.ref] = problem_of(intent, error)
            at_least_s = _DENIED_RETRY_S if isinstance(error, NeedsUser) else 0.0
        delay_s = self._queue.retry(key, at_least_s=at_least_s)
        # A pass that runs for another reason must not send it sooner.
        ledger.not_before[intent.ref] = self._clock() + delay_s * 0.9


def watch_problem(place: ObjectRef) -> Finding:
    """Return a watch that the API server refuses as something a user can act on."""
    kind = place.kind
    what = f"list and watch on {kind.plural}"
    if place.name:
        what += f" in namespace {place.namespace}, or correct the name in the resource"
    return Finding(
        Severity.ERROR,
        FindingReason.PERMISSION_DENIED,
        str(place) if place.name else f"{kind.kind} *",
        "",
        "may not be read by the operator",
        "nothing is decided without it",
        f"grant its ServiceAccount {what}",
    )


def problem_of(intent: Intent, error: ApiError) -> Finding:
    """Return a failed write as something a user can act on."""
    subject = str(intent.ref)
    if isinstance(error, FieldConflict):
        cause = error.causes[0]
        return Finding(
            Severity.WARNING,
            FindingReason.FIELD_CONFLICT,
            subject,
            cause.field,
            f'is set by "{cause.manager}"',
            "left as it is",
            "remove it there, and ours is set",
        )
    if isinstance(error, Forbidden):
        verb = {Action.DELETE: "delete", Action.ENSURE: "create or patch"}.get(
            intent.action, "patch"
        )
        return Finding(
            Severity.ERROR,
            FindingReason.PERMISSION_DENIED,
            subject,
            "",
            "may not be written by the operator",
            "nothing was changed there",
            f"grant its ServiceAccount {verb} on {intent.ref.kind.plural}",
        )
    return Finding(
        Severity.ERROR,
        FindingReason.REQUEST_FAILED,
        subject,
        "",
        f"was refused by the API server ({error})",
        "nothing was changed there",
        "see what it says; the operator tries again",
    )
