"""Our own resource as Kopf delivers it, turned into values; and the patch of its finalizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from istio_observability.model import names
from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource

if TYPE_CHECKING:
    from istio_observability.model.finding import Finding
    from istio_observability.model.objects import Body


_FOR_RELEASE: Final = ("datakit", "istio", "deletionPolicy", "rollout")
"""Fields of the spec that say where and how to release; each is valid or not by itself."""


def accept_body(body: Body) -> tuple[Resource, tuple[Finding, ...]]:
    """
    Return the resource, and why it is refused, empty if it is not.

    An invalid resource keeps its identity, so that its status can say what is wrong. Of its spec it
    keeps what a release needs, as far as that is valid, so that its deletion can take back what an
    earlier, valid spec had written; everything else is the default, which chooses nothing.
    """
    try:
        return parse_resource(body), ()
    except InvalidResource as error:
        findings = tuple(error.findings())
    meta = body.get("metadata") or {}
    identity = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {
            key: meta[key]
            for key in (
                "name",
                "uid",
                "generation",
                "creationTimestamp",
                "finalizers",
                "deletionTimestamp",
            )
            if key in meta
        },
        "status": body.get("status") or {},
    }
    spec = body.get("spec")
    given = (
        [{key: spec[key]} for key in _FOR_RELEASE if key in spec] if isinstance(spec, dict) else []
    )
    kept: Body = {}
    for one in given:
        if _is_valid({**identity, "spec": one}):
            kept |= one
    return parse_resource({**identity, "spec": kept}), findings


def _is_valid(body: Body) -> bool:
    try:
        parse_resource(body)
    except InvalidResource:
        return False
    return True


def finalizer_patch(resource: Resource, finalizers: list[str]) -> list[dict[str, Any]]:
    """
    Return the JSON patch that sets the finalizers of a resource.

    The test keeps a finalizer that somebody else adds meanwhile.
    """
    tests: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": resource.uid},
    ]
    if resource.finalizers:
        tests.append(
            {
                "op": "test",
                "path": "/metadata/finalizers",
                "value": list(resource.finalizers),
            }
        )
    return [*tests, {"op": "add", "path": "/metadata/finalizers", "value": finalizers}]
