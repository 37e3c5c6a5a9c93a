"""
Applies the fixes that are certain, and shows them as differences first.

A fix touches characters inside one line. Two that overlap are not made in one go: the file is
judged again after each round, so the second one is seen against the repaired text.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Final

from istio_observability.lint.lint import Report, lint
from istio_observability.lint.places import Edit, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class Fixed:
    """Files with every certain fix made, and what is left to say about them."""

    files: tuple[SourceFile, ...]
    report: Report
    fixes: int


def fix(files: Sequence[SourceFile]) -> Fixed:
    """Make every certain fix, in memory."""
    current = tuple(files)
    report = lint(current)
    fixes = 0
    for _ in range(_MAX_ROUNDS):
        changed, made = _one_round(current, report)
        if not made:
            break
        fixes += made
        current, report = changed, lint(changed)
    return Fixed(current, report, fixes)


def differences(before: SourceFile, after: SourceFile) -> Iterator[str]:
    """Yield the lines of a unified difference, without line ends."""
    yield from unified_diff(
        before.text.split("\n"),
        after.text.split("\n"),
        before.name,
        after.name,
        lineterm="",
    )


def _one_round(files: Sequence[SourceFile], report: Report) -> tuple[tuple[SourceFile, ...], int]:
    edits: dict[str, list[Edit]] = {}
    made = 0
    for finding in report.findings:
        wanted = finding.problem.edits
        if wanted and not any(
            _overlaps(one, other) for one in wanted for other in edits.get(one.file, [])
        ):
            made += 1
            for each in wanted:
                edits.setdefault(each.file, []).append(each)
    changed = tuple(
        SourceFile(file.name, _applied(file.text, edits[file.name])) if file.name in edits else file
        for file in files
    )
    return changed, made


def _overlaps(one: Edit, other: Edit) -> bool:
    return one.start <= other.end and other.start <= one.end


def _applied(text: str, edits: list[Edit]) -> str:
    for each in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: each.start] + each.text + text[each.end :]
    return text
