"""
How our fields get onto an object: the rules that every write follows.

Foreign objects are applied without force and with their uid, so that nothing is created by
accident and nobody's value is taken. One conflict is none: an owner that declares a map empty
(``annotations: {}``) owns the map, not our key in it; that one is forced, after a look that the
map holds nothing but ours. Objects of our own are created by POST, carry our owner labels, and are
applied by force only while those labels stand on them.

An apply that leaves out the last of our keys in a map would also remove what admission put there.
Such keys are released first (see ``release``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from istio_observability.kube import managed_fields as mf
from istio_observability.kube.allow_list import check_allowed
from istio_observability.kube.errors import (
    AlreadyExists,
    FieldConflict,
    Missing,
    NotOurs,
    Stale,
    Unavailable,
)
from istio_observability.kube.release import is_removable, release
from istio_observability.kube.wire import ref_of
from istio_observability.model import names

if TYPE_CHECKING:
    from istio_observability.kube.api import ClusterApi
    from istio_observability.kube.managed_fields import Path
    from istio_observability.model.objects import Body, ObjectRef

_ATTEMPTS: Final = 5
_OWNER_LABELS: Final = (names.OWNED_BY_LABEL, names.OWNER_UID_LABEL)


class DeleteOutcome(StrEnum):
    """What became of an object that we had created."""

    DELETED = "deleted"
    KEPT = "kept"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Created:
    """The object, and whether an earlier request of ours had created it already."""

    live: Body
    was_there: bool = False


def needs_apply(live: Body | None, intent: Body) -> bool:
    """
    Return whether applying ``intent`` would change anything.

    False only if each value is the live one and our entry of ``managedFields`` names exactly the
    fields of the intent. For an object that we created and never applied, the entry of the
    creation must contain them (it also names what the server defaulted).
    """
    if live is None:
        return True
    wanted = mf.leaf_paths_of_body(intent)
    owned = mf.owned_paths(live)
    created = frozenset() if owned else mf.owned_paths(live, operation="Update")
    if owned != wanted and not (created and wanted <= created):
        return True
    # Entries of lists are covered by the fields inside them.
    leaves = (path for path in wanted if not path[-1].startswith("k:"))
    return any(mf.value_at(live, path) != mf.value_at(intent, path) for path in leaves)


async def apply_foreign(api: ClusterApi, body: Body, *, owned: frozenset[Path]) -> Body:
    """
    Apply our fields to an object that somebody else created; returns the object as it is now.

    Args:
        api: The cluster.
        body: All our fields on the object, with its uid.
        owned: What our manager owned there when the object was last seen
            (``managed_fields.owned_paths``).

    Raises:
        NotAllowedError: ``body`` sets what we never set on a foreign object; nothing was sent.
        FieldConflict: Another manager owns one of our fields; nothing was changed.
        Missing: The object is gone, or its name now belongs to another uid.
    """
    check_allowed(body)
    if unsafe_to_drop(owned, mf.leaf_paths_of_body(body)):
        keep = mf.leaf_paths_of_body(body)
        await release(api, ref_of(body), body["metadata"]["uid"], keep=keep)
    try:
        return await api.apply(body)
    except FieldConflict as conflict:
        return await _apply_into_empty_maps(api, body, conflict)


def unsafe_to_drop(owned: frozenset[Path], wanted: frozenset[Path]) -> frozenset[Path]:
    """Return the owned values whose map or list would lose the last of ours by an apply."""
    kept_parents = {path[:-1] for path in wanted}
    dropped = (path for path in owned - wanted if is_removable(path))
    return frozenset(path for path in dropped if path[:-1] not in kept_parents)


async def _apply_into_empty_maps(api: ClusterApi, body: Body, conflict: FieldConflict) -> Body:
    ref = ref_of(body)
    for _ in range(_ATTEMPTS):
        # The object that the decision was made on may be old; force needs the present one.
        live = await api.get(ref)
        if not are_empty_parents(live, body, conflict):
            raise conflict
        guard = {**body["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        try:
            return await api.apply({**body, "metadata": guard}, force=True)
        except Stale:
            continue
    raise Unavailable("the object changes faster than it can be applied")


def are_empty_parents(live: Body, intent: Body, conflict: FieldConflict) -> bool:
    """
    Return whether all that stands in our way are maps that others declare and leave empty.

    Empty means: nothing in the live map but keys that our manager owns. Forcing then takes no
    value from anybody, and the owner's next apply succeeds.
    """
    parents = {
        mf.dotted(path[:depth]): path[:depth]
        for path in mf.leaf_paths_of_body(intent)
        for depth in range(1, len(path))
    }
    ours = mf.owned_paths(live)
    for cause in conflict.causes:
        parent = parents.get(cause.field)
        value = mf.value_at(live, parent) if parent else ""
        if value is None:
            continue
        if parent is None or not isinstance(value, dict):
            return False
        if any((*parent, f"f:{key}") not in ours for key in value):
            return False
    return True


async def create_owned(api: ClusterApi, body: Body) -> Created:
    """
    Create an object that carries our owner labels.

    If the answer to the creation is lost, the object is looked for before it is created again.

    Raises:
        NotOurs: An object of that name exists without our owner labels.
        Awaited: The namespace is being deleted.
    """
    ref = ref_of(body)
    lost: Unavailable | None = None
    for _ in range(_ATTEMPTS):
        try:
            return Created(await api.create(body))
        except AlreadyExists:
            pass
        except Unavailable as error:
            lost = error
        try:
            live = await api.get(ref)
        except Missing:
            continue
        if not is_ours(live, body):
            raise NotOurs("the object exists and was not created for this resource")
        return Created(live, was_there=True)
    raise lost or Unavailable("the object comes and goes faster than it can be created")


async def apply_owned(api: ClusterApi, body: Body, *, live: Body) -> Body:
    """
    Apply an object that we created, by force; returns it as it is now.

    Raises:
        NotOurs: ``live`` does not carry the owner labels of ``body``.
        Missing: It is gone, or its name belongs to another object.
    """
    if not is_ours(live, body):
        raise NotOurs("the object exists and was not created for this resource")
    metadata = {**body["metadata"], "uid": live["metadata"]["uid"]}
    for _ in range(_ATTEMPTS):
        adoption = build_adoption_patch(live)
        if adoption is None:
            return await api.apply({**body, "metadata": metadata}, force=True)
        try:
            live = await api.json_patch(ref_of(body), adoption)
        except Stale:
            live = await api.get(ref_of(body))
    raise Unavailable("the object changes faster than it can be applied")


def build_adoption_patch(live: Body) -> list[dict[str, Any]] | None:
    """
    Build the JSON patch that turns our entry of the creation into one of apply.

    Without it, a field that we later leave out would stay: the same manager name with operation
    ``Update`` is another owner. ``None`` if there is nothing to turn.
    """
    managers = mf.entries_of(live)
    ours = [i for i, (who, _) in enumerate(managers) if _is_us(who)]
    if all(managers[index][0].operation == "Apply" for index in ours):
        return None
    raw = live["metadata"]["managedFields"]
    paths = frozenset(path for index in ours for path in mf.paths_in(managers[index][1]))
    merged = {**raw[ours[0]], "operation": "Apply", "fieldsV1": mf.tree_of(paths)}
    others = [entry for index, entry in enumerate(raw) if index not in ours]
    metadata = live["metadata"]
    return [
        {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": [merged, *others]},
    ]


async def delete_owned(api: ClusterApi, ref: ObjectRef, *, live: Body) -> DeleteOutcome:
    """
    Delete an object that we created, unless somebody else has come to own a field of it.

    Then it stays, and only we leave it.

    Args:
        api: The cluster.
        ref: The object.
        live: The object as it was when the deletion was decided; read again if it has changed.

    Raises:
        NotOurs: It does not carry owner labels.
    """
    uid, labels = live["metadata"]["uid"], live["metadata"].get("labels") or {}
    if not all(labels.get(key) for key in _OWNER_LABELS):
        raise NotOurs("the object exists and was not created for this resource")
    for _ in range(_ATTEMPTS):
        try:
            if has_other_owner(live):
                await release(api, ref, uid)
                return DeleteOutcome.KEPT
            version = live["metadata"]["resourceVersion"]
            await api.delete(ref, uid=uid, resource_version=version)
        except Stale:
            live = await _get_or_none(api, ref, uid) or {}
            if not live:
                return DeleteOutcome.MISSING
        except Missing:
            return DeleteOutcome.MISSING
        else:
            return DeleteOutcome.DELETED
    raise Unavailable("the object changes faster than it can be deleted")


def has_other_owner(live: Body) -> bool:
    """Return whether another manager owns spec, data or a label; status is nobody's claim."""
    claims = (mf.field("spec"), mf.DATA, mf.LABELS)
    return any(
        who.name != names.FIELD_MANAGER
        and not who.subresource
        and any(mf.subtree_at(tree, claim) is not None for claim in claims)
        for who, tree in mf.entries_of(live)
    )


def is_ours(live: Body, intent: Body) -> bool:
    """Return whether the live object carries the owner labels of the intent."""
    wanted = intent["metadata"].get("labels") or {}
    found = live["metadata"].get("labels") or {}
    return all(wanted.get(key) and found.get(key) == wanted[key] for key in _OWNER_LABELS)


def _is_us(who: mf.Manager) -> bool:
    return who.name == names.FIELD_MANAGER and not who.subresource


async def _get_or_none(api: ClusterApi, ref: ObjectRef, uid: str) -> Body | None:
    try:
        live = await api.get(ref)
    except Missing:
        return None
    return live if live["metadata"]["uid"] == uid else None
