"""
Who owns which field of an object, read from ``metadata.managedFields``.

A path is a tuple of segments in the server's own spelling, so that two paths are equal exactly if
the server means the same field::

    ("f:data", "f:zipkin.conf")                                    a key of a map
    ("f:spec", "f:volumes", 'k:{"name":"conf"}')                   an entry of a keyed list
    ("f:metadata", "f:finalizers", 'v:"example.com/f"')            a value of a set

A path to a list entry stands for its existence; the fields inside have paths of their own. Owning
a map (``("f:metadata", "f:labels")``) does not mean to own its keys. Pure.

Source: the FieldsV1 format of sigs.k8s.io/structured-merge-diff v6, fieldpath/serialize.go; what a
server 1.37 writes for each kind of field was recorded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from istio_observability.model.names import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.model.objects import Body

Path = tuple[str, ...]

_LIST_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("port", "protocol"),
}
"""Keys of the lists in bodies that we apply; any other list has one owner as a whole."""

_ATOMIC: Final = frozenset({("spec", "selector"), ("spec", "selector", "matchLabels")})
"""Maps with one owner as a whole."""

_FRIENDLY: Final[tuple[tuple[str, str], ...]] = (
    ("kubectl-client-side-apply", "kubectl apply"),
    ("kubectl-", "kubectl"),
    ("kubectl", "kubectl apply --server-side"),
    ("before-first-apply", "an earlier client"),
    ("kustomize-controller", "Flux (kustomize-controller)"),
    # Before Helm itself, whose name it begins with.
    ("helm-controller", "Flux (helm-controller)"),
    ("helm", "Helm"),
    ("argocd", "Argo CD"),
    ("flux", "Flux"),
)


@dataclass(frozen=True, slots=True, order=True)
class Manager:
    """One entry of ``managedFields``; the same name with another operation is another owner."""

    name: str
    operation: str
    subresource: str = ""

    @property
    def friendly(self) -> str:
        """Return what ``friendly_name`` says of it."""
        return friendly_name(self.name)


def friendly_name(manager: str) -> str:
    """Return the tool that uses a manager name, or the name itself if it is no known tool's."""
    lowered = manager.lower()
    return next((tool for start, tool in _FRIENDLY if lowered.startswith(start)), manager)


def field(*keys: str) -> Path:
    """Return the path along map keys."""
    return tuple(f"f:{key}" for key in keys)


def entry(**keys: object) -> Path:
    """Return the one segment of a list entry, by its keys (``entry(name="datakit")``)."""
    return (_entry_segment(keys),)


POD_TEMPLATE: Final = field("spec", "template")
TEMPLATE_ANNOTATIONS: Final = (*POD_TEMPLATE, *field("metadata", "annotations"))
ANNOTATIONS: Final = field("metadata", "annotations")
LABELS: Final = field("metadata", "labels")
DATA: Final = field("data")


def template_annotation(key: str) -> Path:
    """Return the path of an annotation of the pod template."""
    return (*TEMPLATE_ANNOTATIONS, f"f:{key}")


def annotation(key: str) -> Path:
    """Return the path of an annotation of the object itself."""
    return (*ANNOTATIONS, f"f:{key}")


def label(key: str) -> Path:
    """Return the path of a label of the object itself."""
    return (*LABELS, f"f:{key}")


def data_key(key: str) -> Path:
    """Return the path of a key of a ConfigMap."""
    return (*DATA, f"f:{key}")


def container(name: str) -> Path:
    """Return the path of a container of the pod template."""
    return (*POD_TEMPLATE, *field("spec", "containers"), *entry(name=name))


def container_image(name: str) -> Path:
    """Return the path of a container's image: who owns it owns the container."""
    return (*container(name), "f:image")


def volume_mount(container_name: str, mount_path: str) -> Path:
    """Return the path of a mount of a container of the pod template."""
    return (*container(container_name), "f:volumeMounts", *entry(mountPath=mount_path))


def volume(name: str) -> Path:
    """Return the path of a volume of the pod template."""
    return (*POD_TEMPLATE, *field("spec", "volumes"), *entry(name=name))


def entries_of(body: Body) -> list[tuple[Manager, dict[str, Any]]]:
    """Return every manager with its field tree, in the order of ``managedFields``."""
    found: list[tuple[Manager, dict[str, Any]]] = []
    for raw in (body.get("metadata") or {}).get("managedFields") or []:
        manager = Manager(
            raw.get("manager", ""), raw.get("operation", ""), raw.get("subresource", "")
        )
        found.append((manager, raw.get("fieldsV1") or {}))
    return found


def owned_paths(
    body: Body, manager: str = FIELD_MANAGER, operation: str | None = "Apply"
) -> frozenset[Path]:
    """
    Return what one manager owns outside subresources.

    Args:
        body: A live object.
        manager: Its name, exactly.
        operation: ``Apply`` or ``Update``, ``None`` for both.
    """
    return frozenset(
        path
        for who, tree in entries_of(body)
        if who.name == manager and not who.subresource and operation in {None, who.operation}
        for path in paths_in(tree)
    )


def managers_of(body: Body, path: Path) -> tuple[Manager, ...]:
    """Return who owns exactly this path, sorted."""
    return tuple(sorted(who for who, tree in entries_of(body) if path in set(paths_in(tree))))


def is_owned_by_others(body: Body, path: Path, manager: str = FIELD_MANAGER) -> bool:
    """Return whether another manager owns this path or anything inside it."""
    return any(
        who.name != manager and subtree_at(tree, path) is not None for who, tree in entries_of(body)
    )


def is_shared(body: Body, parent: Path, manager: str = FIELD_MANAGER) -> bool:
    """Return whether another manager owns an entry of the map or list at ``parent``."""
    return any(
        who.name != manager and set(subtree_at(tree, parent) or ()) - {"."}
        for who, tree in entries_of(body)
    )


def paths_in(tree: dict[str, Any], prefix: Path = ()) -> Iterator[Path]:
    """Yield every path that a field tree names, in its order."""
    for segment, below in tree.items():
        if segment == ".":
            yield prefix
        elif below:
            yield from paths_in(below, (*prefix, segment))
        else:
            yield (*prefix, segment)


def subtree_at(tree: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """Return the part of a field tree at a path, ``None`` if it does not reach there."""
    below: dict[str, Any] | None = tree
    for segment in path:
        below = below.get(segment) if below else None
        if below is None:
            return None
    return below


def tree_of(paths: frozenset[Path]) -> dict[str, Any]:
    """Return the field tree that names exactly these paths; equal sets give equal trees."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        below = tree
        for segment in path:
            below = below.setdefault(segment, {})
        if path[-1].startswith("k:"):
            below["."] = {}
    return tree


def leaf_paths_of_body(body: Body) -> frozenset[Path]:
    """
    Return what our manager would own after applying ``body``.

    Knows the lists and maps of the objects we apply (pod templates, Services, ConfigMaps);
    other lists count as atomic.
    """
    named = {key: value for key, value in body.items() if key not in {"apiVersion", "kind"}}
    identity = {"name", "namespace", "uid", "resourceVersion"}
    metadata = {k: v for k, v in (named.pop("metadata", None) or {}).items() if k not in identity}
    if metadata:
        named["metadata"] = metadata
    return frozenset(_leaves(named, (), ()))


def value_at(body: object, path: Path) -> object:
    """Return the live value at a path, ``None`` if there is none."""
    for segment in path:
        if segment.startswith("f:"):
            body = body.get(segment[2:]) if isinstance(body, dict) else None
        else:
            index = index_of(body, segment)
            body = body[index] if isinstance(body, list) and index is not None else None
        if body is None:
            return None
    return body


def index_of(items: object, segment: str) -> int | None:
    """Return where in a list the entry of a ``k:`` segment stands."""
    if not isinstance(items, list):
        return None
    keys = json.loads(segment[2:])
    for index, item in enumerate(items):
        # A missing protocol is TCP, for the server and for its keys.
        if isinstance(item, dict) and all(
            item.get(key, "TCP" if key == "protocol" else None) == value
            for key, value in keys.items()
        ):
            return index
    return None


def dotted(path: Path) -> str:
    """Return a path as the server writes it in conflicts: ``.spec.containers[name="a"].image``."""
    parts = []
    for segment in path:
        if segment.startswith("f:"):
            parts.append(f".{segment[2:]}")
        elif segment.startswith("k:"):
            keys = json.loads(segment[2:])
            inside = ",".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in keys.items())
            parts.append(f"[{inside}]")
        else:
            parts.append(f"[={segment[2:]}]")
    return "".join(parts)


def _entry_segment(keys: dict[str, object]) -> str:
    text = json.dumps(keys, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"k:{text}"


def _leaves(value: object, path: Path, keys: tuple[str, ...]) -> Iterator[Path]:
    if isinstance(value, dict) and value and keys not in _ATOMIC:
        for key, below in value.items():
            yield from _leaves(below, (*path, f"f:{key}"), (*keys, key))
    elif isinstance(value, list) and keys and (by := _list_keys(keys[-1], value)):
        for item in value:
            inside = (*path, _entry_segment({key: item.get(key, "TCP") for key in by}))
            yield inside
            yield from _leaves(item, inside, (*keys, "[]"))
    elif path:
        yield path


def _list_keys(name: str, items: list[Any]) -> tuple[str, ...] | None:
    keys = _LIST_KEYS.get(name)
    first = keys[0] if keys else ""
    return keys if all(isinstance(item, dict) and first in item for item in items) else None
