"""``istio-observability render``: the apply bodies that a resource would produce, as YAML."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from istio_observability.cli.manifests import read_directory, read_file
from istio_observability.cli.usage import UsageError
from istio_observability.control.gather import read_resources, read_snapshot, snapshot_of
from istio_observability.datakit.prom import InvalidScrape
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import ApiError
from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource
from istio_observability.model.names import KIND
from istio_observability.plan.plan import Plan, plan, renderer_of
from istio_observability.plan.plan_workload import WorkloadState
from istio_observability.plan.revision import revision_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from istio_observability.model.objects import Body
    from istio_observability.plan.facts import Snapshot


def add_render(commands: Any, cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "render",
        parents=[cluster],
        help="print the objects that a resource would apply",
        description=(
            "Print the apply bodies that a resource would produce, as YAML, in the order in which "
            "they are written. Nothing is written to any cluster."
        ),
    )
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
    parser.add_argument(
        "--revision", action="store_true", help="print only the revision that it delivers"
    )
    parser.set_defaults(command=render)


def render(options: argparse.Namespace) -> int:
    """Print what the options ask for."""
    if (options.name is None) == (options.filename is None):
        raise UsageError("name a resource of the cluster or give a file with -f, one of the two")
    if options.filename is not None and options.revision:
        resource = _from_file(options.filename)
        print(revision_of(resource.spec, renderer_of(resource)))
        return 0
    if options.directory is not None:
        if options.filename is None:
            raise UsageError("--from needs the resource in a file: add -f FILE")
        resource = _from_file(options.filename)
        snapshot = snapshot_of(read_directory(options.directory))
    else:
        resource, snapshot = asyncio.run(_from_cluster(options))
    if options.revision:
        print(revision_of(resource.spec, renderer_of(resource)))
        return 0
    try:
        planned = plan(resource, snapshot)
    except InvalidScrape as error:
        raise UsageError(f"{resource.ref}: spec.metrics cannot be rendered ({error})") from error
    print_bodies(planned)
    for line in remarks(planned):
        print(line, file=sys.stderr)
    return 0


def print_bodies(planned: Plan) -> None:
    """Print every body as one YAML document, its reason as a comment."""
    for body, reason in bodies_of(planned):
        print(f"---\n# {reason}")
        print(yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=10_000), end="")


def bodies_of(planned: Plan) -> Iterator[tuple[Body, str]]:
    """Yield every apply body with its reason, in the order of writes."""
    for intent in planned.wanted:
        if intent.body is not None:
            yield _without_identity(intent.body), intent.reason
    for workload in planned.workloads:
        if workload.wanted is not None:
            yield _without_identity(workload.wanted), f"revision {planned.revision}"


def remarks(planned: Plan) -> Iterator[str]:
    """Yield what is not in the bodies: what is skipped, awaited, found."""
    bodies = sum(1 for _ in bodies_of(planned))
    pods = sum(each.intent.restarts_pods for each in planned.workloads if each.intent)
    yield f"# {bodies} objects; revision {planned.revision}; {pods} workload pods restart once"
    if planned.parts.agent.awaiting:
        yield f"# {planned.parts.agent.awaiting} is not there yet"
    if not planned.parts.mesh.present:
        yield "# Istio is not there yet"
    for each in planned.workloads:
        if each.state is WorkloadState.SKIPPED and each.skip is not None:
            yield f"# {each.ref} is skipped: {each.skip.reason.value}, it {each.skip.found}"
    for finding in planned.findings:
        yield f"# {finding.severity.value}: {finding.sentence()}"


async def _from_cluster(options: argparse.Namespace) -> tuple[Resource, Snapshot]:
    try:
        async with await connect(options.kubeconfig, options.context) as api:
            if options.filename is not None:
                resource = _from_file(options.filename)
            else:
                resource = _named(await read_resources(api), options.name)
            return resource, await read_snapshot(api, resource, taken_at=time.time())
    except ApiError as error:
        raise UsageError(f"the cluster could not be read: {error}") from error


def _from_file(path: Path) -> Resource:
    found = [body for body in read_file(path) if body.get("kind") == KIND]
    if len(found) != 1:
        raise UsageError(f"{path}: has {len(found)} objects of kind {KIND}; give a file with one")
    return _parsed(found[0])


def _named(bodies: Sequence[Body], name: str) -> Resource:
    for body in bodies:
        if body["metadata"]["name"] == name:
            return _parsed(body)
    raise UsageError(f"{KIND} {name}: does not exist in the cluster")


def _parsed(body: Body) -> Resource:
    try:
        return parse_resource(body)
    except InvalidResource as error:
        raise UsageError(str(error)) from error


def _without_identity(body: Body) -> Body:
    metadata = {key: value for key, value in body["metadata"].items() if key != "uid" or value}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if value}
    if labels:
        metadata["labels"] = labels
    return {**body, "metadata": metadata}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as people would."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)
