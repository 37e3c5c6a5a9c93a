"""
Take back what we set on an object, and our name from it.

Never by applying less: an apply that leaves our fields out also removes the map around them if we
were its only owner, with everything that admission put there and nobody owns. Instead **one** JSON
patch removes exactly the values that are solely ours and our entries of ``managedFields``. It
begins with tests of uid and resource version, and each value is tested before it goes, so it
either meets the object that was read or changes nothing. What another manager owns as well stays;
parents that become empty are left to the server, which drops them.

Verified on kube-apiserver 1.37: after that patch nothing names our manager any more, a
Deployment's pod-template-hash is the one from before, and annotations that admission set are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from istio_observability.kube import managed_fields as mf
from istio_observability.kube.errors import Missing, Stale, Unavailable
from istio_observability.model import names
from istio_observability.model.names import FIELD_MANAGER

if TYPE_CHECKING:
    from istio_observability.kube.api import ClusterApi
    from istio_observability.kube.managed_fields import Path
    from istio_observability.model.objects import Body, ObjectRef

_ATTEMPTS: Final = 8
_MAPS: Final = frozenset({mf.ANNOTATIONS, mf.LABELS, mf.TEMPLATE_ANNOTATIONS, mf.DATA})
_LISTS: Final = frozenset({"f:volumeMounts", "f:volumes"})
_MARKERS: Final = (
    (*mf.ANNOTATIONS, f"f:{names.WIRED_BY_ANNOTATION}"),
    (*mf.ANNOTATIONS, f"f:{names.REVISION_ANNOTATION}"),
    (*mf.ANNOTATIONS, f"f:{names.ROLLOUTS_ANNOTATION}"),
    (*mf.LABELS, f"f:{names.OWNED_BY_LABEL}"),
    (*mf.LABELS, f"f:{names.OWNER_UID_LABEL}"),
)


class ReleaseOutcome(StrEnum):
    """What a release found and did."""

    RELEASED = "released"
    UNCHANGED = "unchanged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Release:
    """The outcome, and the object as it is now (``None`` if missing)."""

    outcome: ReleaseOutcome
    live: Body | None = None


async def release(
    api: ClusterApi,
    ref: ObjectRef,
    uid: str,
    *,
    keep: frozenset[Path] = frozenset(),
    orphan: bool = False,
) -> Release:
    """
    Remove our values and our ownership from one object. Safe to repeat and to interrupt.

    Args:
        api: The cluster.
        ref: The object.
        uid: The object that we touched; another one of the same name is left alone.
        keep: Paths that remain set and ours.
        orphan: Leave all values, give up the ownership and take away our markers only.

    Raises:
        Unavailable: The object changes faster than it can be read and patched.
        ApiError: As ``ClusterApi.get`` and ``ClusterApi.json_patch``.
    """
    was_sent = False
    for _ in range(_ATTEMPTS):
        try:
            live = await api.get(ref)
            if live["metadata"]["uid"] != uid:
                return Release(ReleaseOutcome.MISSING)
            patch = build_release_patch(live, keep=keep, orphan=orphan)
            if patch is None:
                # A patch of ours that arrived although its answer was lost.
                done = ReleaseOutcome.RELEASED if was_sent else ReleaseOutcome.UNCHANGED
                return Release(done, live)
            was_sent = True
            return Release(ReleaseOutcome.RELEASED, await api.json_patch(ref, patch))
        except Missing:
            return Release(ReleaseOutcome.MISSING)
        except Stale:
            continue
    raise Unavailable("the object changes faster than it can be released")


def build_release_patch(
    live: Body, *, keep: frozenset[Path] = frozenset(), orphan: bool = False
) -> list[dict[str, Any]] | None:
    """
    Build the JSON patch that takes us out of an object, ``None`` if we are not in it.

    Only keys of annotations, labels and data, volume mounts and volumes are ever removed; any
    other field of ours keeps its value and loses us as its owner. Our markers go in any case and
    whoever owns them (a restored backup has them without any owner): they would say that the object
    is still held.
    """
    managers = mf.entries_of(live)
    ours = [
        (index, frozenset(mf.paths_in(tree)))
        for index, (who, tree) in enumerate(managers)
        if who.name == FIELD_MANAGER and not who.subresource
    ]
    marks = frozenset(_marks(live)) - keep
    if all(paths <= keep for _, paths in ours) and not marks:
        return None
    metadata = live["metadata"]
    ops = [
        _op("test", ("metadata", "uid"), metadata["uid"]),
        _op("test", ("metadata", "resourceVersion"), metadata["resourceVersion"]),
    ]
    going = set(marks)
    if not orphan:
        dropped = frozenset[mf.Path]().union(*(paths for _, paths in ours)) - keep
        going |= {path for path in dropped if _is_solely_ours(live, path)}
    ops += _removals(live, list(going))
    return ops + _disown(ours, keep, total=len(managers))


def _marks(live: Body) -> list[Path]:
    return [path for path in _MARKERS if mf.value_at(live, path) is not None]


def is_removable(path: Path) -> bool:
    """Return whether a release may remove the value at this path, not only its ownership."""
    is_entry = len(path) > 1 and path[-1].startswith("k:") and path[-2] in _LISTS
    return is_entry or path[:-1] in _MAPS


def _is_solely_ours(live: Body, path: Path) -> bool:
    if not is_removable(path):
        return False
    if live.get("immutable") and path[:-1] == mf.DATA:
        # The server would refuse for ever; the key stays, and only we leave it.
        return False
    return mf.value_at(live, path) is not None and not mf.is_owned_by_others(live, path)


def _removals(live: Body, paths: list[Path]) -> list[dict[str, Any]]:
    mounts = [path for path in paths if path[-2] == "f:volumeMounts"]
    places = []
    for path in paths:
        if path[-2] == "f:volumes" and _is_mounted_elsewhere(live, path, mounts):
            continue
        places.append((_pointer(live, path), mf.value_at(live, path)))
    ops = []
    # From the end of each list, so that no removal moves what is still to be removed.
    for place, value in sorted(places, key=lambda found: _sort_key(found[0]), reverse=True):
        ops += [_op("test", place, value), _op("remove", place)]
    return ops


def _is_mounted_elsewhere(live: Body, volume: Path, released_mounts: list[Path]) -> bool:
    """Return whether a mount that stays needs the volume; the server would refuse the patch."""
    name = _get(mf.value_at(live, volume), "name")
    released = [mf.value_at(live, path) for path in released_mounts]
    pod = mf.value_at(live, (*mf.POD_TEMPLATE, "f:spec"))
    users = [
        mount
        for group in ("containers", "initContainers", "ephemeralContainers")
        for one in (pod.get(group) or [] if isinstance(pod, dict) else [])
        for mount in one.get("volumeMounts") or []
        if mount.get("name") == name
    ]
    return any(all(mount is not gone for gone in released) for mount in users)


def _get(item: object, key: str) -> object:
    """Return a key of what should be a map."""
    return item.get(key) if isinstance(item, dict) else None


def _disown(
    ours: list[tuple[int, frozenset[Path]]], keep: frozenset[Path], *, total: int
) -> list[dict[str, Any]]:
    ops = []
    removed = 0
    for index, paths in sorted(ours, reverse=True):
        place = ("metadata", "managedFields", index)
        ops.append(_op("test", (*place, "manager"), FIELD_MANAGER))
        if kept := paths & keep:
            ops.append(_op("replace", (*place, "fieldsV1"), mf.tree_of(kept)))
        else:
            ops.append(_op("remove", place))
            removed += 1
    if removed and removed == total:
        # An empty list means "not mentioned" to the server; one empty entry means "nobody".
        return [_op("replace", ("metadata", "managedFields"), [{}])]
    return ops


Place = tuple[str | int, ...]


def _pointer(live: Body, path: Path) -> Place:
    place: list[str | int] = []
    here: object = live
    for segment in path:
        if segment.startswith("f:"):
            place.append(segment[2:])
            here = here.get(segment[2:]) if isinstance(here, dict) else None
        else:
            index = mf.index_of(here, segment)
            assert index is not None
            assert isinstance(here, list)
            place.append(index)
            here = here[index]
    return tuple(place)


def _sort_key(place: Place) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (-1, part) for part in place)


def _op(kind: str, place: Place, *value: object) -> dict[str, Any]:
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in place)
    op: dict[str, Any] = {"op": kind, "path": "/" + "/".join(escaped)}
    if value:
        op["value"] = value[0]
    return op
