"""
What a command looks at: one resource, and a cluster or a directory of manifests.

Shared by every command that asks the plan: ``render``, ``plan``.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from istio_observability.cli.manifests import read_directory
from istio_observability.cli.resource_file import parsed, resource_in
from istio_observability.cli.usage import UsageError
from istio_observability.control.gather import (
    OddObject,
    read_objects,
    read_resources,
    snapshot_of,
)
from istio_observability.datakit.prom import InvalidScrape
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import ApiError
from istio_observability.kube.wire import ref_of
from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource
from istio_observability.model.names import KIND
from istio_observability.plan.plan import Plan, plan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from istio_observability.model.objects import Body, ObjectRef


@dataclass(frozen=True, slots=True)
class Subject:
    """
    A resource and everything its plan looks at.

    Attributes:
        resources: All resources of the cluster, this one in the state that is asked about.
        objects: The live objects by reference, with ``managedFields``; of manifests as written.
        is_cluster: They come from a cluster, not from manifests.
    """

    resource: Resource
    resources: tuple[Resource, ...]
    bodies: tuple[Body, ...]
    is_cluster: bool

    @property
    def objects(self) -> Mapping[ObjectRef, Body]:
        """Return the objects by reference; kinds that we do not know are left out."""
        found = {}
        for body in self.bodies:
            try:
                found[ref_of(body)] = body
            except LookupError:
                continue
        return found

    def plan(self) -> Plan:
        """
        Return the plan of the resource.

        Raises:
            UsageError: An object or the spec cannot be understood.
        """
        taken_at = time.time() if self.is_cluster else 0.0
        try:
            snapshot = snapshot_of(self.bodies, taken_at=taken_at)
            return plan(self.resource, snapshot, self.resources)
        except OddObject as error:
            raise UsageError(
                f"{error}: holds a value of another type than Kubernetes gives it; correct it"
            ) from error
        except InvalidScrape as error:
            raise UsageError(
                f"{self.resource.ref}: spec.metrics cannot be rendered ({error})"
            ) from error


def add_subject_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a subject."""
    parser.add_argument("name", nargs="?", help="a resource of the cluster")
    parser.add_argument(
        "-f", "--filename", type=Path, metavar="FILE", help="a resource in a file, - for stdin"
    )
    parser.add_argument(
        "--from",
        dest="directory",
        type=Path,
        metavar="DIR",
        help="manifests to look at instead of a cluster",
    )


def read_subject(options: argparse.Namespace) -> Subject:
    """
    Read what the options name.

    Raises:
        UsageError: They name nothing or too much, or it cannot be read as a whole.
    """
    if (options.name is None) == (options.filename is None):
        raise UsageError("name a resource of the cluster or give a file with -f, one of the two")
    if options.directory is None:
        return asyncio.run(_from_cluster(options))
    if options.filename is None:
        raise UsageError("--from needs the resource in a file: add -f FILE")
    resource = resource_in(options.filename)
    bodies = tuple(read_directory(options.directory))
    return Subject(resource, (resource,), bodies, is_cluster=False)


async def _from_cluster(options: argparse.Namespace) -> Subject:
    try:
        async with await connect(options.kubeconfig, options.context) as api:
            standing = await read_resources(api)
            if options.filename is not None:
                resource = _with_identity(resource_in(options.filename), standing)
            else:
                resource = _named(standing, options.name)
            others = [each for each in map(_valid, standing) if each is not None]
            resources = (resource, *(each for each in others if each.name != resource.name))
            bodies = tuple(await read_objects(api, resource))
            return Subject(resource, resources, bodies, is_cluster=True)
    except ApiError as error:
        raise UsageError(f"the cluster could not be read: {error}") from error


def _with_identity(resource: Resource, standing: Sequence[Body]) -> Resource:
    """Return a resource from a file as the update of the one in the cluster that it would be."""
    for body in standing:
        if body["metadata"]["name"] == resource.name:
            live = _valid(body)
            if live is not None:
                return replace(live, spec=resource.spec)
    return resource


def _named(bodies: Sequence[Body], name: str) -> Resource:
    for body in bodies:
        if body["metadata"]["name"] == name:
            return parsed(body)
    raise UsageError(f"{KIND} {name}: does not exist in the cluster")


def _valid(body: Body) -> Resource | None:
    try:
        return parse_resource(body)
    except InvalidResource:
        return None
