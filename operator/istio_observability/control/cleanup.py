"""
Release everything of one resource from a shell, with the operator already gone.

The same plan and the same writes as those of the operator, driven by a loop instead of watches:
read, plan, carry out what is due, until nothing of the resource is left; then its finalizer goes.
Every round starts from the cluster, so it can be interrupted and called again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from istio_observability.control.carry_out import carry_out
from istio_observability.control.gather import read_objects, snapshot_of
from istio_observability.control.resources import finalizer_patch
from istio_observability.kube.errors import ApiError, Missing, Stale
from istio_observability.model.custom_resource import parse_resource
from istio_observability.model.names import FINALIZER
from istio_observability.model.objects import DEPLOYMENT
from istio_observability.plan.decide_pace import Pace, decide_starts
from istio_observability.plan.holdings import holdings
from istio_observability.plan.intent import Wave
from istio_observability.plan.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from istio_observability.kube.api import ClusterApi
    from istio_observability.model.custom_resource import Resource
    from istio_observability.model.objects import ObjectRef
    from istio_observability.plan.intent import Intent
    from istio_observability.plan.plan import Plan
    from istio_observability.plan.snapshot import Snapshot

_ROUND_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class CleanupResult:
    """What a cleanup did; ``failed`` names objects and why they could not be released."""

    released: int
    failed: tuple[tuple[ObjectRef, str], ...] = ()


async def look(
    api: ClusterApi, resource: Resource, others: Sequence[Resource], *, impatient: bool = False
) -> tuple[Plan, Snapshot]:
    """
    Return what is left to release of a resource, and the cluster that says so.

    The resource counts as being deleted, whether or not it is.
    """
    leaving = replace(resource, deleting=True)
    snapshot = snapshot_of(await read_objects(api, resource), taken_at=time.time())
    return plan(leaving, snapshot, (leaving, *others), impatient=impatient), snapshot


async def clean_up(
    api: ClusterApi,
    resource: Resource,
    others: Sequence[Resource],
    *,
    orphan: bool,
    tell: Callable[[str], None],
) -> CleanupResult:
    """
    Release everything and take the finalizer off; the resource itself is deleted first.

    Args:
        api: The cluster.
        resource: Whose objects go back.
        others: The other resources; what one of them claims is left to it.
        orphan: Leave every value in place and give up the ownership only.
        tell: Called with a sentence per object.

    Raises:
        ApiError: The cluster cannot be read.
    """
    await _ask_for_deletion(api, resource)
    released = 0
    failed: dict[ObjectRef, str] = {}
    departing: set[ObjectRef] = set()
    deadline = time.monotonic() + resource.spec.rollout.timeout_s
    while True:
        overdue = time.monotonic() > deadline
        planned, snapshot = await look(api, resource, others, impatient=overdue)
        due = [each for each in planned.due if each.ref not in failed]
        departing = {ref for ref in departing if _is_rolling(snapshot, ref)}
        # Keys of the agent's ConfigMap wait for its pods without being due.
        if not due and (failed or not holdings(resource, snapshot)):
            break
        for intent in _choose(resource, due, departing, orphan=orphan):
            try:
                await carry_out(api, intent, orphan=orphan)
            except ApiError as error:
                failed[intent.ref] = str(error)
                tell(f"{intent.ref} is not released: {error}")
                continue
            released += 1
            tell(f"{intent.ref} is released")
            if intent.restarts_pods and not orphan and intent.ref.kind == DEPLOYMENT:
                departing.add(intent.ref)
        await asyncio.sleep(_ROUND_S)
    if not failed:
        await _let_go(api, resource)
    return CleanupResult(released, tuple(failed.items()))


def _choose(
    resource: Resource, due: Sequence[Intent], departing: set[ObjectRef], *, orphan: bool
) -> list[Intent]:
    parts = [each for each in due if each.wave is not Wave.WORKLOADS]
    workloads = {each.ref: each for each in due if each.wave is Wave.WORKLOADS}
    if orphan:
        return [*parts, *workloads.values()]
    if any(each.wave is Wave.LABEL and not each.restarts_pods for each in parts):
        # The injection label first: one roll-out then takes both.
        return parts
    pace = Pace(tuple(workloads), len(departing), 0, len(workloads) + len(departing))
    return [*parts, *(workloads[ref] for ref in decide_starts(resource.spec.rollout, pace))]


def _is_rolling(snapshot: Snapshot, ref: ObjectRef) -> bool:
    facts = snapshot.workloads.get((ref.namespace, ref.name))
    return facts is not None and not facts.rollout.over and not facts.rollout.deadline_exceeded


async def _ask_for_deletion(api: ClusterApi, resource: Resource) -> None:
    if resource.deleting:
        return
    try:
        await api.delete(resource.ref, uid=resource.uid)
    except Missing:
        return


async def _let_go(api: ClusterApi, resource: Resource) -> None:
    """Take our finalizer off, whatever else has happened to the resource meanwhile."""
    for _ in range(5):
        try:
            live = parse_resource(await api.get(resource.ref))
            rest = [each for each in live.finalizers if each != FINALIZER]
            if live.uid != resource.uid or len(rest) == len(live.finalizers):
                return
            await api.json_patch(resource.ref, finalizer_patch(live, rest))
        except Missing:
            return
        except Stale:
            continue
        else:
            return
