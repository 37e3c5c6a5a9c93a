"""
The only fields of other people's objects that the operator may ever write.

The last filter before the wire, whatever a planner built: a body that names anything else is a
programming error and is not sent. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.kube import managed_fields as mf
from istio_observability.model import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.kube.managed_fields import Path
    from istio_observability.model.objects import Body

WORKLOAD_ANNOTATIONS: Final = frozenset({"datakit/prom.instances", "datakit/logs"})
AGENT_KEYS: Final = frozenset(
    {
        "prom_istiod.conf",
        "prom-ingressgateway.conf",
        "prom-egressgateway.conf",
        "zipkin.conf",
    }
)
INJECTION_LABEL: Final = "istio-injection"

_CONTAINERS: Final = (*mf.POD_TEMPLATE, *mf.field("spec", "containers"))
_VOLUMES: Final = (*mf.POD_TEMPLATE, *mf.field("spec", "volumes"))
_MOUNT_FIELDS: Final = frozenset(mf.field("mountPath", "name", "subPath", "readOnly"))


class NotAllowedError(RuntimeError):
    """A body for a foreign object names a field that is none of our business: a bug of ours."""


def check_allowed(body: Body) -> None:
    """
    Let a body for an object that we did not create pass, or refuse it.

    Raises:
        NotAllowedError: It lacks the object's uid, its kind is not one we touch, or it sets a field
            that we never set on that kind.
    """
    if not body["metadata"].get("uid"):
        raise NotAllowedError("an apply without uid would create the object where it is gone")
    is_allowed = _RULES.get(body["kind"])
    for path in sorted(mf.leaf_paths_of_body(body)):
        if is_allowed is None or not (_is_our_annotation(path) or is_allowed(path)):
            raise NotAllowedError(f"{body['kind']}: {mf.dotted(path)} is never written")


def _is_our_annotation(path: Path) -> bool:
    key = _key_in(path, mf.ANNOTATIONS)
    return key is not None and key.startswith(f"{names.GROUP}/")


def _namespace(path: Path) -> bool:
    return _key_in(path, mf.LABELS) == INJECTION_LABEL


def _pod(path: Path) -> bool:
    return _key_in(path, mf.ANNOTATIONS) in WORKLOAD_ANNOTATIONS


def _deployment(path: Path) -> bool:
    return _key_in(path, mf.TEMPLATE_ANNOTATIONS) in WORKLOAD_ANNOTATIONS


def _config_map(path: Path) -> bool:
    return _key_in(path, mf.DATA) in AGENT_KEYS


def _daemon_set(path: Path) -> bool:
    if _key_in(path, mf.TEMPLATE_ANNOTATIONS) == names.CONFIG_HASH_ANNOTATION:
        return True
    if inside := _inside_entry(path, _CONTAINERS):
        mount = _inside_entry(inside, (inside[0], "f:volumeMounts"))
        # The container is named to find it; its other fields belong to its owner.
        return inside[1:] in {(), ("f:name",)} or (
            mount is not None and (len(mount) == 1 or mount[1] in _MOUNT_FIELDS)
        )
    volume = _inside_entry(path, _VOLUMES)
    # A ConfigMap only: a hostPath here would hand the node to whoever writes our resource.
    return volume is not None and (len(volume) == 1 or volume[1] in mf.field("name", "configMap"))


def _key_in(path: Path, parent: Path) -> str | None:
    """Return the key if ``path`` is a key of the map at ``parent``."""
    is_key = len(path) == len(parent) + 1 and path[:-1] == parent and path[-1].startswith("f:")
    return path[-1][2:] if is_key else None


def _inside_entry(path: Path, items: Path) -> Path | None:
    """Return the rest of ``path`` from an entry of the keyed list at ``items`` on."""
    rest = path[len(items) :] if path[: len(items)] == items else ()
    return rest if rest and rest[0].startswith("k:") else None


_RULES: Final[dict[str, Callable[[Path], bool]]] = {
    "Namespace": _namespace,
    "Pod": _pod,
    "Deployment": _deployment,
    "ConfigMap": _config_map,
    "DaemonSet": _daemon_set,
}
