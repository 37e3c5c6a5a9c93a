"""The status: its spelling, its bounds, its counts."""

from __future__ import annotations

import json

from istio_observability.model.finding import Finding, Severity
from istio_observability.model.reasons import FindingReason
from istio_observability.model.status import (
    MAX_FINDINGS,
    MAX_PLAN_OBJECTS,
    PlannedObject,
    PlanSummary,
    Status,
    ViewStatus,
    WorkloadCounts,
    summarise_findings,
)


def finding(number: int, severity: Severity = Severity.INFO) -> Finding:
    """Return one finding among many."""
    return Finding(
        severity,
        FindingReason.FIELD_CONFLICT,
        f"Deployment prod/d{number:03}",
        "spec.x",
        "is set",
        "left as it is",
        "remove it",
    )


def test_empty_status_is_unobserved():
    """Before the first pass there is nothing but the generation that kstatus waits for."""
    body = Status().to_dict()

    assert body["observedGeneration"] == -1
    assert None not in body.values()


def test_status_in_the_spelling_of_the_api():
    """Names are in camel case, unset fields are left out, the column has its string."""
    body = Status(
        observed_generation=2,
        agents="3/3",
        workloads=WorkloadCounts(selected=42, total=38, wired=38, skipped=4, taken_over=1),
        skipped_by_reason={"Paused": 1, "OptedOut": 3},
        rollouts_caused=7,
        views=(ViewStatus(name="Mesh", has_data=False, lacks=("istio_requests_total",)),),
    ).to_dict()

    assert body["workloads"]["summary"] == "38/38"
    assert body["workloads"]["takenOver"] == 1
    assert list(body["skippedByReason"]) == ["OptedOut", "Paused"]
    assert body["views"] == [{"name": "Mesh", "hasData": False, "lacks": ["istio_requests_total"]}]
    assert body["rolloutsCaused"] == 7
    assert "plan" not in body
    assert body == json.loads(json.dumps(body))


def test_findings_are_the_worst_ones_and_counted():
    """More findings than fit: errors come first, and the total tells how many there are."""
    many = [finding(number) for number in range(70)] + [finding(99, Severity.ERROR)]
    shown, total = summarise_findings(many)

    assert (total, len(shown)) == (71, MAX_FINDINGS)
    assert shown[0].severity == "Error"
    assert shown[0].message == ("Deployment prod/d099: spec.x is set; left as it is; remove it.")
    assert summarise_findings(reversed(many)) == (shown, total)


def test_what_is_too_long_is_cut():
    """A status is never refused for its size."""
    objects = tuple(PlannedObject(object="x" * 999, action="create") for _ in range(99))
    body = Status(
        message="m" * 5000,
        awaiting=tuple("a" * 999 for _ in range(99)),
        skipped_by_reason={f"R{i}": 1 for i in range(99)},
        plan=PlanSummary(id="i" * 500, revision="r", objects=objects),
    ).to_dict()

    assert len(body["message"]) == 1024
    assert len(body["plan"]["objects"]) == MAX_PLAN_OBJECTS
    assert len(json.dumps(body)) < 20_000
