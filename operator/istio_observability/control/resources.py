"""Our own resource as Kopf delivers it, turned into values; and the patch of its finalizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from istio_observability.model import names
from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource

if TYPE_CHECKING:
    from istio_observability.model.finding import Finding
    from istio_observability.model.objects import Body


def accept_body(body: Body) -> tuple[Resource, tuple[Finding, ...]]:
    """
    Return the resource, and why it is refused, empty if it is not.

    An invalid resource keeps its identity and gets the default spec, so that its status can say
    what is wrong and its deletion can release what an earlier, valid spec had written.
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
        "spec": {},
        "status": body.get("status") or {},
    }
    return parse_resource(identity), findings


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
