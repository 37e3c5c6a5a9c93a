"""
The status of the resource: what was observed, in a size that does not grow with the cluster.

Counts stand for workloads, never one entry per workload; lists have a limit and say how many
there are in total. Text and lists that are too long are cut here instead of refused, because a
status that the API server refuses says nothing at all. The CRD's status schema is generated from
these models.
"""

# ruff: noqa: TC003 - pydantic reads the annotations of a model at run time

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, computed_field
from pydantic.alias_generators import to_camel

from istio_observability.model.conditions import MAX_CONDITIONS, MAX_MESSAGE, clip
from istio_observability.model.schema_markers import Atomic, Explain, ListMap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from istio_observability.model.finding import Finding
    from istio_observability.model.objects import Body

MAX_FINDINGS: Final = 50
MAX_PLAN_OBJECTS: Final = 10
MAX_VIEW_LACKS: Final = 32
MAX_AWAITING: Final = 16
MAX_SKIP_REASONS: Final = 32

UNOBSERVED_GENERATION: Final = -1
"""``status.observedGeneration`` at birth; without it kstatus takes a new resource for finished."""


def _cut_text(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda text: clip(text, limit) if isinstance(text, str) else text)


def _cut_list(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda entries: tuple(entries)[:limit])


Word = Annotated[str, Field(max_length=128), _cut_text(128)]
ObjectName = Annotated[str, Field(max_length=400), _cut_text(400)]
Text = Annotated[str, Field(max_length=MAX_MESSAGE), _cut_text(MAX_MESSAGE)]
Count = Annotated[int, Field(ge=0)]


def _said(text: str) -> Explain:
    return Explain(text, restarts=None)


class StatusModel(BaseModel):
    """An object inside the status; immutable."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class ConditionStatus(StatusModel):
    """One condition, as ``model.conditions`` builds it."""

    type: Annotated[Word, Field(min_length=1), _said("Type of the condition, such as Ready.")]
    status: Annotated[
        str,
        Field(max_length=7, pattern="^(True|False|Unknown)$"),
        _said("True, False or Unknown."),
    ]
    reason: Annotated[Word, _said("Reason code; docs/reasons.md has a heading for each.")]
    message: Annotated[Text, _said("The reason in a sentence, for people.")] = ""
    observed_generation: Annotated[
        int | None, _said("Generation of the resource that the condition is about.")
    ] = None
    last_transition_time: Annotated[
        str,
        Field(max_length=40, json_schema_extra={"format": "date-time"}),
        _said("When the status of the condition last changed."),
    ]


class WorkloadCounts(StatusModel):
    """How many workloads are in which state."""

    selected: Annotated[Count, _said("Workloads chosen by selectors and labels.")] = 0
    total: Annotated[
        Count, _said("Selected workloads that can be wired: selected without those skipped.")
    ] = 0
    wired: Annotated[
        Count, _said("Workloads whose pods carry what the plan wants, those taken over included.")
    ] = 0
    pending: Annotated[Count, _said("Workloads that wait for their turn or are restarting.")] = 0
    skipped: Annotated[Count, _said("Workloads left alone; skippedByReason says why.")] = 0
    failed: Annotated[Count, _said("Workloads that failed after our change.")] = 0
    contended: Annotated[
        Count, _said("Workloads where somebody else set our field to another value.")
    ] = 0
    taken_over: Annotated[
        Count, _said("Workloads that somebody else already keeps as the plan wants.")
    ] = 0
    opted_out: Annotated[Count, _said("Workloads whose owner declined by label.")] = 0

    @computed_field(  # type: ignore[prop-decorator]
        description="wired/total, for the column WIRED.", json_schema_extra={"maxLength": 32}
    )
    @property
    def summary(self) -> str:
        """Return ``wired/total``."""
        return f"{self.wired}/{self.total}"


class ViewStatus(StatusModel):
    """Whether a dashboard has what it needs."""

    name: Annotated[Word, _said("The view, as in spec.metrics.views.")]
    has_data: Annotated[
        bool, _said("Whether everything is collected that it needs and the mesh exposes.")
    ]
    lacks: Annotated[
        tuple[Word, ...],
        Field(max_length=MAX_VIEW_LACKS),
        _cut_list(MAX_VIEW_LACKS),
        Atomic(),
        _said("What it needs and we do not collect, with the reason; also what others expose."),
    ] = ()


class FindingStatus(StatusModel):
    """Something a user should know about one object."""

    severity: Annotated[Word, _said("Error, Warning or Info.")]
    reason: Annotated[Word, _said("Reason code; docs/reasons.md has a heading for each.")]
    object: Annotated[ObjectName, _said("The object, such as Deployment prod/cart.")]
    field: Annotated[ObjectName | None, _said("The field, unless the whole object is meant.")] = (
        None
    )
    message: Annotated[Text, _said("What was found, what follows, what to do.")]

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return ``finding`` as it is shown."""
        return cls(
            severity=finding.severity.value,
            reason=finding.reason.value,
            object=finding.subject,
            field=finding.field or None,
            message=finding.sentence(),
        )


class PlannedObject(StatusModel):
    """One object that the plan changes."""

    object: Annotated[ObjectName, _said("The object, such as Deployment prod/cart.")]
    action: Annotated[Word, _said("What would be done to it, such as create or configure.")]
    reason: Annotated[Word | None, _said("Why, as a reason code.")] = None


class PlanSummary(StatusModel):
    """What the current plan would do; the command line shows all of it."""

    id: Annotated[Word, _said("Digest of the plan; equal plans have equal ids.")]
    revision: Annotated[Word, _said("Revision that the plan delivers.")]
    creates: Annotated[Count, _said("Objects that it creates.")] = 0
    changes: Annotated[Count, _said("Objects that it changes.")] = 0
    deletes: Annotated[Count, _said("Objects that it deletes.")] = 0
    restarted_workloads: Annotated[Count, _said("Workloads whose pods it restarts.")] = 0
    restarted_pods: Annotated[Count, _said("Pods that it restarts, those of the agent too.")] = 0
    objects: Annotated[
        tuple[PlannedObject, ...],
        Field(max_length=MAX_PLAN_OBJECTS),
        _cut_list(MAX_PLAN_OBJECTS),
        Atomic(),
        _said("The first objects of the plan, in its order."),
    ] = ()


class Status(StatusModel):
    """What the operator observed, written only when it differs."""

    observed_generation: Annotated[
        int,
        Field(ge=UNOBSERVED_GENERATION),
        _said("Generation that was fully evaluated; -1 before the first."),
    ] = UNOBSERVED_GENERATION
    conditions: Annotated[
        tuple[ConditionStatus, ...],
        Field(max_length=MAX_CONDITIONS),
        _cut_list(MAX_CONDITIONS),
        ListMap("type"),
        _said("Ready and its parts; Reconciling and Stalled only while they are true."),
    ] = ()
    message: Annotated[Text | None, _said("The state in one sentence.")] = None
    revision: Annotated[
        Word | None, _said("Digest of what is delivered; equal for an equal spec.")
    ] = None
    renderer: Annotated[Count | None, _said("Version of the rendered text in use.")] = None
    workloads: Annotated[WorkloadCounts | None, _said("How many workloads are in which state.")] = (
        None
    )
    skipped_by_reason: Annotated[
        Mapping[str, Count],
        Field(max_length=MAX_SKIP_REASONS),
        BeforeValidator(lambda counts: dict(sorted(counts.items())[:MAX_SKIP_REASONS])),
        _said("Skipped workloads by reason code."),
    ] = {}
    agents: Annotated[
        Word | None, _said("Agents that run with our configuration, of all, such as 3/3.")
    ] = None
    rollouts_caused: Annotated[
        Count | None, _said("Template-changing writes of ours so far, workloads and agent.")
    ] = None
    pods_restarted: Annotated[Count | None, _said("Pods that they restarted.")] = None
    awaiting: Annotated[
        tuple[ObjectName, ...],
        Field(max_length=MAX_AWAITING),
        _cut_list(MAX_AWAITING),
        Atomic(),
        _said("Objects that must appear before the rest can be done."),
    ] = ()
    views: Annotated[
        tuple[ViewStatus, ...],
        Field(max_length=16),
        _cut_list(16),
        ListMap("name"),
        _said("The views of spec.metrics.views and whether they have data."),
    ] = ()
    findings: Annotated[
        tuple[FindingStatus, ...],
        Field(max_length=MAX_FINDINGS),
        _cut_list(MAX_FINDINGS),
        Atomic(),
        _said("What a user should know, errors first; at most 50, findingsTotal counts all."),
    ] = ()
    findings_total: Annotated[Count | None, _said("Number of findings, those cut included.")] = None
    plan: Annotated[
        PlanSummary | None, _said("Summary of what is still to be done, in mode Plan all of it.")
    ] = None

    def to_dict(self) -> Body:
        """Return the status in the API's spelling, without what is unset; JSON types only."""
        body: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        if not self.skipped_by_reason:
            # An empty map whose last key goes by the same apply becomes null on the server, which
            # its schema then refuses.
            del body["skippedByReason"]
        return body


def summarise_findings(findings: Iterable[Finding]) -> tuple[tuple[FindingStatus, ...], int]:
    """Return the first ``MAX_FINDINGS`` findings in the order of a report, and how many exist."""
    ordered = sorted(findings, key=lambda finding: (finding.sort_key(), finding.sentence()))
    return tuple(FindingStatus.of(finding) for finding in ordered[:MAX_FINDINGS]), len(ordered)
