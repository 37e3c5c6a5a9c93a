"""
``istio-observability cleanup``: release everything of a resource, with the operator already gone.

It shows what goes back and asks; ``--yes`` does not ask, ``--dry-run`` only shows. The resource
is deleted and its finalizer is taken off once everything is released. While the operator runs,
deleting the resource is enough.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from istio_observability.cli.plan import intent_lines
from istio_observability.cli.usage import UsageError
from istio_observability.control.cleanup import clean_up, look
from istio_observability.control.gather import read_objects, read_resources
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import ApiError
from istio_observability.kube.wire import ref_of
from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource
from istio_observability.model.names import KIND
from istio_observability.plan.holdings import holdings

if TYPE_CHECKING:
    import argparse

    from istio_observability.kube.api import ClusterApi


def add_cleanup(commands: Any, cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "cleanup",
        parents=[cluster],
        help="take everything back where the operator is gone",
        description=(
            "Delete a resource and release everything that it holds, as the operator would, and "
            "take its finalizer off. Can be interrupted and called again."
        ),
    )
    parser.add_argument("name", help="a resource of the cluster")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only show what goes back")
    parser.add_argument(
        "--orphan",
        action="store_true",
        help="leave every value in place and give up the ownership only; nothing restarts",
    )
    parser.set_defaults(command=run_cleanup)


def run_cleanup(options: argparse.Namespace) -> int:
    """Release one resource; 2 if something could not be released."""
    try:
        return asyncio.run(_clean_up(options))
    except ApiError as error:
        raise UsageError(f"the cluster could not be read or written: {error}") from error


async def _clean_up(options: argparse.Namespace) -> int:
    async with await connect(options.kubeconfig, options.context) as api:
        resource, others = await _find(api, options.name)
        planned, snapshot = await look(api, resource, others)
        objects = {ref_of(body): body for body in await read_objects(api, resource)}
        for intent in planned.due:
            if options.orphan:
                print(f"leave {intent.ref} as it is and give up its ownership")
                continue
            for line in intent_lines(intent, objects, full=False):
                print(line.plain)
        later = set(holdings(resource, snapshot)) - {intent.ref for intent in planned.due}
        for ref in sorted(later):
            print(f"release {ref}, once no pod of the agent mounts it any more")
        pods = 0 if options.orphan else sum(each.restarts_pods for each in planned.due)
        count = len(planned.due) + len(later)
        print(f"{count} objects go back; {pods} pods are replaced once.")
        if options.dry_run:
            return 0
        if not options.yes and not _agrees(resource):
            print("nothing is changed")
            return 0
        result = await clean_up(api, resource, others, orphan=options.orphan, tell=print)
    if result.failed:
        print(f"{len(result.failed)} objects could not be released; the finalizer stays.")
        return 2
    print(f"{resource.ref} is gone, {result.released} objects are released.")
    return 0


async def _find(api: ClusterApi, name: str) -> tuple[Resource, tuple[Resource, ...]]:
    valid: list[Resource] = []
    for body in await read_resources(api):
        try:
            valid.append(parse_resource(body))
        except InvalidResource as error:
            if error.name == name:
                raise UsageError(str(error)) from error
    found = [each for each in valid if each.name == name]
    if not found:
        raise UsageError(f"{KIND} {name}: does not exist in the cluster")
    return found[0], tuple(each for each in valid if each.name != name)


def _agrees(resource: Resource) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask; say --yes or --dry-run")
    return input(f"Delete {resource.ref} and take all of this back? [y/N] ").strip().lower() == "y"
