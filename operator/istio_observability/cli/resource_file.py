"""One resource in a file; needs no client of a cluster, so commands without one start faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.cli.manifests import read_file
from istio_observability.cli.usage import UsageError
from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource
from istio_observability.model.names import KIND

if TYPE_CHECKING:
    from pathlib import Path

    from istio_observability.model.objects import Body


def resource_in(path: Path) -> Resource:
    """
    Return the one resource that a file holds.

    Raises:
        UsageError: It holds none or several, or an invalid one.
    """
    found = [body for body in read_file(path) if body.get("kind") == KIND]
    if len(found) != 1:
        raise UsageError(f"{path}: has {len(found)} objects of kind {KIND}; give a file with one")
    return parsed(found[0])


def parsed(body: Body) -> Resource:
    """
    Return a resource.

    Raises:
        UsageError: It is invalid.
    """
    try:
        return parse_resource(body)
    except InvalidResource as error:
        raise UsageError(str(error)) from error
