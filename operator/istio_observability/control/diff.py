"""
What an intent would change on its object, field by field.

Compared with the live object itself, so it is exactly what the request would do: set a value,
change one, or remove one of ours. Values are whole; how they are shown is for others to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.kube import managed_fields as mf
from istio_observability.kube.release import build_release_patch
from istio_observability.plan.intent import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.model.objects import Body
    from istio_observability.plan.intent import Intent


@dataclass(frozen=True, slots=True)
class FieldChange:
    """
    One field before and after.

    ``path`` is written as the API server writes it; ``None`` means that the field is absent.
    """

    path: str
    before: object
    after: object


def changes_of(intent: Intent, live: Body | None) -> tuple[FieldChange, ...]:
    """
    Return what the intent would change, sorted by path; empty if nothing.

    Args:
        intent: What is wanted.
        live: The object as it stands, with ``managedFields``; ``None`` if there is none.
    """
    if intent.action is Action.RELEASE:
        return tuple(_released(live)) if live is not None else ()
    if intent.action is Action.DELETE:
        return (FieldChange("", "the whole object", None),) if live is not None else ()
    return tuple(_applied(intent.body or {}, live))


def _applied(body: Body, live: Body | None) -> Iterator[FieldChange]:
    wanted = mf.leaf_paths_of_body(body)
    owned = mf.owned_paths(live) if live is not None else frozenset()
    for path in sorted(wanted | owned):
        if path[-1].startswith("k:"):
            # The fields inside say what there is to say.
            continue
        before = mf.value_at(live, path) if live is not None else None
        after = mf.value_at(body, path) if path in wanted else _without_us(live, path)
        if before != after:
            yield FieldChange(mf.dotted(path), before, after)


def _without_us(live: Body | None, path: mf.Path) -> object:
    """Return what stays at a path that we own and no longer want: it stays if it has co-owners."""
    if live is not None and mf.is_owned_by_others(live, path):
        return mf.value_at(live, path)
    return None


def _released(live: Body) -> Iterator[FieldChange]:
    values: dict[str, object] = {}
    for op in build_release_patch(live) or ():
        path = str(op["path"])
        if op["op"] == "test":
            values[path] = op.get("value")
        elif op["op"] == "remove" and not path.startswith("/metadata/managedFields"):
            yield FieldChange(path, values.get(path), None)
