"""
Turn an intent into the request that makes it true, and the answer into an outcome.

Which request that is follows from the intent alone; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from istio_observability.kube.apply import (
    DeleteOutcome,
    apply_foreign,
    apply_owned,
    create_owned,
    delete_owned,
)
from istio_observability.kube.errors import Missing
from istio_observability.kube.managed_fields import is_shared, owned_paths
from istio_observability.kube.release import ReleaseOutcome, release
from istio_observability.model.objects import DEPLOYMENT, Body
from istio_observability.plan.intent import Action, Intent

if TYPE_CHECKING:
    from istio_observability.kube.api import ClusterApi


class OutcomeWord(StrEnum):
    """What became of an object, in the words of kubectl. Label of a metric."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    RELEASED = "released"
    DELETED = "deleted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``live`` is the object after the write, ``None`` if it is gone."""

    word: OutcomeWord
    live: Body | None = None


async def carry_out(api: ClusterApi, intent: Intent, *, orphan: bool = False) -> Outcome:
    """
    Carry out one intent. Safe to repeat.

    Args:
        api: The cluster.
        intent: What is wanted.
        orphan: On release and delete, leave every value in place and let go of the ownership only.

    Raises:
        ApiError: The write was refused or its outcome is unknown; nothing is half-written.
    """
    if intent.action is Action.RELEASE or (orphan and intent.action is Action.DELETE):
        done = await release(api, intent.ref, intent.uid, orphan=orphan)
        word = (
            OutcomeWord.RELEASED
            if done.outcome is ReleaseOutcome.RELEASED
            else OutcomeWord.UNCHANGED
        )
        return Outcome(word, done.live)
    if intent.action is Action.DELETE:
        return await _delete(api, intent)
    assert intent.body is not None, "an apply has a body"
    if intent.action is Action.APPLY:
        return await _apply(api, intent, intent.body)
    return await _ensure(api, intent, intent.body)


async def _apply(api: ClusterApi, intent: Intent, body: Body) -> Outcome:
    if intent.ref.kind == DEPLOYMENT:
        # Our prom annotation is in every body for a Deployment, so no map of it loses our last key,
        # and there may be thousands of them: no look before the write.
        return Outcome(OutcomeWord.CONFIGURED, await apply_foreign(api, body, owned=frozenset()))
    live = await api.get(intent.ref)
    # Beside entries of somebody else an apply drops ours and nothing more, and in one roll-out.
    alone = frozenset(path for path in owned_paths(live) if not is_shared(live, path[:-1]))
    return _changed(live, await apply_foreign(api, body, owned=alone))


async def _ensure(api: ClusterApi, intent: Intent, body: Body) -> Outcome:
    if intent.uid:
        try:
            live = await api.get(intent.ref)
        except Missing:
            pass
        else:
            return _changed(live, await apply_owned(api, body, live=live))
    created = await create_owned(api, body)
    return Outcome(OutcomeWord.CREATED, created.live)


def _changed(before: Body, after: Body) -> Outcome:
    same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return Outcome(OutcomeWord.UNCHANGED if same else OutcomeWord.CONFIGURED, after)


async def _delete(api: ClusterApi, intent: Intent) -> Outcome:
    try:
        live = await api.get(intent.ref)
    except Missing:
        return Outcome(OutcomeWord.UNCHANGED)
    if live["metadata"]["uid"] != intent.uid:
        return Outcome(OutcomeWord.UNCHANGED, live)
    done = await delete_owned(api, intent.ref, live=live)
    if done is DeleteOutcome.KEPT:
        return Outcome(OutcomeWord.RELEASED, await api.get(intent.ref))
    return Outcome(OutcomeWord.DELETED)
