"""The answers per view as lines for people and as data for pipelines, for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from istio_observability.plan.plan_workload import WorkloadState
from istio_observability.plan.view_answers import answer_resource, lack_lines, view_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from istio_observability.istio.answers import ViewAnswer
    from istio_observability.plan.plan import Plan

_MAX_LINES: Final = 8
"""Lines about one view before the rest is counted."""


def answers_of(planned: Plan) -> tuple[ViewAnswer, ...]:
    """Return the answers for the views of a plan; none for a resource that is being deleted."""
    if planned.resource.deleting:
        return ()
    chooses = any(each.state is not WorkloadState.LEAVING for each in planned.workloads)
    return answer_resource(planned.resource, planned.parts.mesh, chooses=chooses)


def views_as_text(answers: Sequence[ViewAnswer]) -> Iterator[Text]:
    """Yield a line for each view, and below it what lacks and why."""
    if answers:
        yield Text("Views, from this configuration alone:")
    for answer in answers:
        yield Text(f"  {view_line(answer)}.", style="" if answer.has_data else "yellow")
        lines = list(lack_lines(answer.lacks))
        shown = lines if len(lines) <= _MAX_LINES else lines[: _MAX_LINES - 1]
        for line in shown:
            yield Text(f"    {line}")
        if len(shown) < len(lines):
            yield Text(f"    ... {len(lines) - len(shown)} more (-o json)")


def views_as_data(answers: Sequence[ViewAnswer]) -> list[dict[str, Any]]:
    """Return every panel with its verdict and what lacks."""
    return [
        {
            "name": answer.view.value,
            "hasData": answer.has_data,
            "panels": [
                {
                    "title": each.panel.title,
                    "edition": each.panel.edition.value,
                    "state": each.state.value,
                    "lacks": [
                        {
                            "family": lack.family,
                            "label": lack.label or None,
                            "cause": lack.cause.value,
                            "why": lack.why,
                        }
                        for lack in each.lacks
                    ],
                }
                for each in answer.panels
            ],
        }
        for answer in answers
    ]
