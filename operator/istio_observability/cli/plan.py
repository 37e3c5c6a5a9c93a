"""
``istio-observability plan``: what a resource would change, and what it would restart.

The same function that the operator calls, on the same facts, so the answer is the operator's.
Nothing is written. Exit code 2 with ``--detailed-exitcode`` says that there is something to do.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from istio_observability.cli.subject import add_subject_options, read_subject
from istio_observability.cli.view_lines import answers_of, views_as_data, views_as_text
from istio_observability.control.diff import FieldChange, changes_of
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.plan_workload import WorkloadState
from istio_observability.plan.summary import action_word, summarise_plan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from istio_observability.cli.subject import Subject
    from istio_observability.model.objects import Body, ObjectRef
    from istio_observability.plan.plan import Plan

_CLEAN: Final = 0
_CHANGES: Final = 2
_MAX_LINES: Final = 12
"""Lines of one text that are shown before the rest is counted."""


def add_plan(commands: Any, cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plan",
        parents=[cluster],
        help="show what a resource would change and restart",
        description="Show what a resource would change, field by field, and the price of it.",
    )
    add_subject_options(parser)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--full", action="store_true", help="show every line of changed texts")
    parser.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help="exit with 2 if there is something to do, with 0 if there is not",
    )
    parser.set_defaults(command=show_plan)


def show_plan(options: argparse.Namespace) -> int:
    """Print the plan."""
    subject = read_subject(options)
    planned = subject.plan()
    if options.output == "json":
        json.dump(plan_as_data(subject, planned), sys.stdout, indent=2)
        print()
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in plan_as_text(subject, planned, full=options.full):
            console.print(line)
    return _CHANGES if options.detailed_exitcode and planned.due else _CLEAN


def plan_as_data(subject: Subject, planned: Plan) -> dict[str, Any]:
    """Return the plan for pipelines; texts are whole."""
    summary = summarise_plan(planned.revision, planned.due).model_dump(by_alias=True)
    return {
        "resource": planned.resource.name,
        "revision": planned.revision,
        "renderer": planned.renderer,
        "summary": {key: value for key, value in summary.items() if key != "objects"},
        "changes": [
            {
                "object": str(intent.ref),
                "action": action_word(intent),
                "wave": intent.wave.name,
                "restartsPods": intent.restarts_pods,
                "reason": intent.reason,
                "fields": [
                    {"path": each.path, "before": each.before, "after": each.after}
                    for each in changes_of(intent, subject.objects.get(intent.ref))
                ],
            }
            for intent in planned.due
        ],
        "workloads": [
            {
                "object": str(each.ref),
                "state": each.state.value,
                "rule": each.rule.value,
                "hold": each.hold or None,
                "skipped": each.skip.reason.value if each.skip else None,
                "why": each.skip.found if each.skip else None,
            }
            for each in planned.workloads
        ],
        "awaiting": [*awaited(planned)],
        "views": views_as_data(answers_of(planned)),
        "findings": [
            {
                "severity": each.severity.value,
                "reason": each.reason.value,
                "object": each.subject,
                "message": each.sentence(),
            }
            for each in planned.findings
        ],
    }


def plan_as_text(subject: Subject, planned: Plan, *, full: bool) -> Iterator[Text]:
    """Yield the plan line by line, for people."""
    yield Text(f"Plan for {planned.resource.ref}, revision {planned.revision}", style="bold")
    objects = subject.objects
    for intent in planned.due:
        yield Text("")
        yield from intent_lines(intent, objects, full=full)
    yield Text("")
    yield from _price_lines(planned)
    yield from _workload_lines(planned)
    yield from views_as_text(answers_of(planned))
    for what in awaited(planned):
        yield Text(f"Awaited: {what} is not there yet; what depends on it is done when it appears.")
    for finding in planned.findings:
        yield Text(f"{finding.severity.value}: {finding.sentence()}")


def awaited(planned: Plan) -> Iterator[str]:
    """Yield what must appear before the rest can be done."""
    parts = planned.parts
    yield from (
        each.awaiting
        for each in (parts.agent, parts.control_plane, parts.gateways)
        if each.awaiting
    )
    if not parts.mesh.present and not planned.resource.deleting:
        yield "Istio"


def intent_lines(
    intent: Intent, objects: Mapping[ObjectRef, Body], *, full: bool
) -> Iterator[Text]:
    """Yield what one intent does to its object, field by field."""
    restarts = f", restarts {_pods(intent.restarts_pods)}" if intent.restarts_pods else ""
    yield Text(f"{action_word(intent)} {intent.ref}{restarts}: {intent.reason}", style="bold")
    for change in changes_of(intent, objects.get(intent.ref)):
        yield from _change_lines(change, full=full)


def _change_lines(change: FieldChange, *, full: bool) -> Iterator[Text]:
    for sign, value, style in (("-", change.before, "red"), ("+", change.after, "green")):
        if value is None:
            continue
        lines = value.splitlines() if isinstance(value, str) else [json.dumps(value)]
        if len(lines) <= 1:
            yield Text(f"  {sign} {change.path} = {lines[0] if lines else ''}", style=style)
            continue
        yield Text(f"  {sign} {change.path} = |", style=style)
        shown = lines if full or len(lines) <= _MAX_LINES else lines[: _MAX_LINES - 2]
        for line in shown:
            yield Text(f"  {sign}     {line}", style=style)
        if len(shown) < len(lines):
            yield Text(
                f"  {sign}     ... {len(lines) - len(shown)} more lines (--full)", style=style
            )


def _price_lines(planned: Plan) -> Iterator[Text]:
    if not planned.due:
        yield Text("Nothing to do.", style="bold")
        return
    workloads = [each for each in planned.due if each.wave is Wave.WORKLOADS and each.restarts_pods]
    agents = [each for each in planned.due if each.ref.kind.kind == "DaemonSet"]
    written = Counter(action_word(each) for each in planned.due)
    counts = ", ".join(f"{count} to {verb}" for verb, count in sorted(written.items()))
    yield Text(f"{len(planned.due)} objects: {counts}.", style="bold")
    pods = sum(each.restarts_pods for each in workloads)
    yield Text(
        f"Restarts: {len(workloads)} workloads with {_pods(pods)},"
        f" {planned.resource.spec.rollout.max_concurrent} at a time; {_agents(agents)}."
    )
    if any(each.action is Action.APPLY for each in workloads):
        yield Text(
            "Wiring adds a revision: `kubectl rollout undo` right afterwards takes the wiring back;"
            " use --to-revision for an older one."
        )


def _workload_lines(planned: Plan) -> Iterator[Text]:
    states = Counter(each.state for each in planned.workloads)
    if states:
        counts = ", ".join(
            f"{states[state]} {state.value}" for state in WorkloadState if states[state]
        )
        yield Text(f"Workloads: {counts}.")
    for each in planned.workloads:
        if each.skip is not None:
            yield Text(f"  {each.ref} is skipped: {each.skip.reason.value}, it {each.skip.found}.")
        elif each.hold:
            yield Text(f"  {each.ref} waits: {each.hold}.")


def _agents(intents: list[Intent]) -> str:
    if not any(each.restarts_pods or not each.uid for each in intents):
        return "no agent"
    count = sum(each.restarts_pods for each in intents)
    # Manifests do not say how many nodes there are.
    return f"the agent on {count} nodes, once" if count else "the agent on every node, once"


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"
