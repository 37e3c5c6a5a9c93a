"""
Facts about single fields of a live object: value, and who owns it.

Shared by all projections. Reading ``managedFields`` is the dear part of a projection, so the trees
are decoded once per object and followed only along the few paths that matter.
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from istio_observability.kube.managed_fields import Manager, Path, entries_of, subtree_at
from istio_observability.model import names
from istio_observability.plan.facts import FieldFacts, RolloutFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.model.objects import Body

_SCALE: Final = "scale"


class Owners:
    """Who owns which field of one object."""

    def __init__(self, body: Body) -> None:
        self._entries = [
            (manager, tree) for manager, tree in entries_of(body) if not manager.subresource
        ]
        self._raw = (body.get("metadata") or {}).get("managedFields") or []

    def of(self, path: Path) -> tuple[Manager, ...]:
        """Return the managers that own a path or anything inside it."""
        return tuple(who for who, tree in self._entries if subtree_at(tree, path) is not None)

    def field(self, path: Path, value: object) -> FieldFacts:
        """Return the facts about the field at a path, whose live value is given."""
        owners = self.of(path)
        return FieldFacts(
            value=value if isinstance(value, str) else None,
            ours=any(who.name == names.FIELD_MANAGER for who in owners),
            others=self.others(path),
        )

    def ours(self, path: Path) -> bool:
        """Return whether our field manager owns a path."""
        return any(who.name == names.FIELD_MANAGER for who in self.of(path))

    def others(self, path: Path) -> tuple[str, ...]:
        """Return the other managers of a path, by the names a user knows, sorted."""
        found = {who.friendly for who in self.of(path) if who.name != names.FIELD_MANAGER}
        return tuple(sorted(found))

    @property
    def known(self) -> bool:
        """Return whether the object says who owns what; a manifest on disk does not."""
        return bool(self._raw)

    def times(self) -> tuple[float, float]:
        """Return when we and when somebody else last wrote to the spec; 0 if never."""
        ours = theirs = 0.0
        for raw in self._raw:
            if raw.get("subresource") or "f:spec" not in (raw.get("fieldsV1") or {}):
                continue
            at = seconds(raw.get("time"))
            if raw.get("manager") == names.FIELD_MANAGER:
                ours = max(ours, at)
            else:
                theirs = max(theirs, at)
        return ours, theirs


def seconds(timestamp: object) -> float:
    """Return seconds since the epoch of an RFC 3339 timestamp, 0 if it is none."""
    if not isinstance(timestamp, str):
        return 0.0
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return 0.0


def metadata(body: Body) -> Body:
    """Return the metadata of an object, never ``None``."""
    return body.get("metadata") or {}


def template(body: Body) -> tuple[Body, Body]:
    """Return metadata and spec of the pod template, never ``None``."""
    found = (body.get("spec") or {}).get("template") or {}
    return found.get("metadata") or {}, found.get("spec") or {}


def strings(found: object) -> Mapping[str, str]:
    """Return a map of strings as read-only facts; anything else is empty."""
    return MappingProxyType(dict(found)) if isinstance(found, dict) else MappingProxyType({})


def marker(body: Body, annotation: str) -> str:
    """Return one of our annotations of the object's own metadata, ``""`` if it is absent."""
    value = (metadata(body).get("annotations") or {}).get(annotation, "")
    return value if isinstance(value, str) else ""


def count_marker(body: Body) -> int:
    """Return how many roll-outs we caused, as the object remembers it."""
    text = marker(body, names.ROLLOUTS_ANNOTATION)
    return int(text) if text.isascii() and text.isdigit() else 0


def is_manifest(body: Body) -> bool:
    """Return whether an object is one on disk, which no server has ever seen."""
    return not metadata(body).get("uid")


def deployment_rollout(body: Body) -> RolloutFacts:
    """Return how far the roll-out of a Deployment is."""
    spec, status = body.get("spec") or {}, body.get("status") or {}
    if is_manifest(body):
        return RolloutFacts(wanted=(n := _replicas(spec)), present=n, updated=n, available=n)
    progress = {
        each.get("reason")
        for each in status.get("conditions") or []
        if each.get("type") == "Progressing"
    }
    return RolloutFacts(
        generation=metadata(body).get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        wanted=_replicas(spec),
        present=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        deadline_exceeded="ProgressDeadlineExceeded" in progress,
        # Set once the newest template is up, and kept while it is scaled or its pods come and go.
        completed="NewReplicaSetAvailable" in progress,
    )


def daemon_set_rollout(body: Body) -> RolloutFacts:
    """Return how far the roll-out of a DaemonSet is."""
    status = body.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    return RolloutFacts(
        generation=metadata(body).get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        wanted=wanted,
        present=wanted,
        updated=status.get("updatedNumberScheduled", 0),
        available=status.get("numberAvailable", 0),
    )


def _replicas(spec: Mapping[str, Any]) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)
