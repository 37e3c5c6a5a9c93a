"""``istio-observability render``: the apply bodies that a resource would produce, as YAML."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import yaml

from istio_observability.cli.resource_file import resource_in
from istio_observability.cli.subject import add_subject_options, read_subject
from istio_observability.plan.plan import Plan, renderer_of
from istio_observability.plan.plan_workload import WorkloadState
from istio_observability.plan.revision import revision_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from istio_observability.model.objects import Body


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
    add_subject_options(parser)
    parser.add_argument(
        "--revision", action="store_true", help="print only the revision that it delivers"
    )
    parser.set_defaults(command=render)


def render(options: argparse.Namespace) -> int:
    """Print what the options ask for."""
    if options.revision and options.filename is not None:
        # Made of the spec alone, so no cluster is asked.
        resource = resource_in(options.filename)
        print(revision_of(resource.spec, renderer_of(resource)))
        return 0
    planned = read_subject(options).plan()
    if options.revision:
        print(planned.revision)
        return 0
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
