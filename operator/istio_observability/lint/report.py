"""
A report as text for people, and as JSON, SARIF 2.1.0 and workflow commands for machines.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0; GitHub, workflow commands.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from istio_observability.lint.finding import LintFinding, Severity
from istio_observability.lint.lint import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.lint import Report

_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DOCS: Final = "docs/rules"


def as_text(report: Report) -> Iterator[str]:
    """Yield one block per finding, and a summary."""
    for each in report.findings:
        problem = each.problem
        yield f"{each.place}: {each.rule.id} {each.rule.severity.value.lower()}: {each.subject}"
        yield f"    found    {problem.found}"
        yield f"    happens  {problem.consequence}"
        yield f"    instead  {problem.remedy}{'  [--fix]' if problem.edits else ''}"
    yield summary(report)


def summary(report: Report) -> str:
    """Return the counts in one line."""
    counts = Counter(each.rule.severity for each in report.findings)
    shown = [f"{counts[each]} {each.value.lower()}" for each in Severity if counts[each]]
    fixable = sum(bool(each.problem.edits) for each in report.findings)
    ignored = f", {report.ignored} ignored" if report.ignored else ""
    fix = f", {fixable} with a fix" if fixable else ""
    what = f"{', '.join(shown)}{fix}" if shown else "nothing found"
    return f"{report.looked_at} objects and configurations: {what}{ignored}."


def as_data(report: Report) -> dict[str, Any]:
    """Return the report for scripts."""
    return {
        "objects": report.looked_at,
        "ignored": report.ignored,
        "findings": [_as_data(each) for each in report.findings],
    }


def _as_data(finding: LintFinding) -> dict[str, Any]:
    problem = finding.problem
    return {
        "file": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "rule": finding.rule.id,
        "severity": finding.rule.severity.value,
        "title": finding.rule.title,
        "object": finding.subject,
        "found": problem.found,
        "happens": problem.consequence,
        "instead": problem.remedy,
        "message": finding.sentence(),
        "fixable": bool(problem.edits),
    }


def as_sarif(report: Report, version: str) -> dict[str, Any]:
    """Return the report as SARIF 2.1.0."""
    index = {rule_id: number for number, rule_id in enumerate(RULES)}
    rules = [
        {
            "id": each.id,
            "shortDescription": {"text": each.title},
            "helpUri": f"{_DOCS}/{each.id}.md",
            "defaultConfiguration": {"level": _LEVELS[each.severity]},
        }
        for each in RULES.values()
    ]
    results = [
        {
            "ruleId": each.rule.id,
            "ruleIndex": index[each.rule.id],
            "level": _LEVELS[each.rule.severity],
            "message": {"text": each.sentence()},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": each.place.file.replace("\\", "/")},
                        "region": {
                            "startLine": each.place.line,
                            "startColumn": each.place.column,
                        },
                    }
                }
            ],
        }
        for each in report.findings
    ]
    driver = {"name": "istio-observability", "version": version, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def as_github(report: Report) -> Iterator[str]:
    """Yield one workflow command per finding."""
    for each in report.findings:
        place = each.place
        properties = {
            "file": place.file,
            "line": str(place.line),
            "col": str(place.column),
            "title": f"{each.rule.id} {each.rule.title}",
        }
        written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        yield f"::{_COMMANDS[each.rule.severity]} {written}::{_escaped(each.sentence())}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
