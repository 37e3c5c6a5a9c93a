"""
A rule, what it yields, and what a report shows: place, rule, what happens, what to write instead.

Sentences follow the form of every finding of this project. They name keys, families and labels,
never an address, a header or any other configured value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from istio_observability.model.field_errors import printable_name
from istio_observability.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from istio_observability.lint.places import Edit, Place

__all__ = ["LintFinding", "Problem", "Rule", "Severity", "names", "rule"]

_View = TypeVar("_View")
_MAX_NAMES: Final = 5
_MAX_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What a check found at one place.

    Attributes:
        found: What stands there, a clause.
        consequence: What happens because of it.
        remedy: What to write instead, an imperative clause.
        edits: The fix, only where it is certain.
        subject: What has it, where that is not what the rule looks at.
    """

    place: Place
    found: str
    consequence: str
    remedy: str
    edits: tuple[Edit, ...] = ()
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Rule(Generic[_View]):
    """One check with its public name. Ids are never used again for something else."""

    id: str
    severity: Severity
    title: str
    check: Callable[[_View], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One problem as a report shows it. ``subject`` is an object or a text in the file."""

    rule: Rule[Any]
    place: Place
    subject: str
    problem: Problem

    def sentence(self) -> str:
        """Return ``<subject>: <found>; <what happens>; <what to do>.``."""
        problem = self.problem
        return f"{self.subject}: {problem.found}; {problem.consequence}; {problem.remedy}."

    def sort_key(self) -> tuple[Place, str, str]:
        """Return the order of a report: by place, then rule."""
        return (self.place, self.rule.id, self.subject)


def rule(
    rule_id: str, severity: Severity
) -> Callable[[Callable[[_View], Iterator[Problem]]], Rule[_View]]:
    """Make a rule of a check; the first line of its docstring is the title."""

    def make(check: Callable[[_View], Iterator[Problem]]) -> Rule[_View]:
        title = (check.__doc__ or "").split("\n", 1)[0].removesuffix(".")
        return Rule(rule_id, severity, title, check)

    return make


def names(found: Sequence[str]) -> str:
    """Return the first few names, printable, and how many more there are."""
    shown = ", ".join(_printable(name) for name in found[:_MAX_NAMES])
    more = len(found) - _MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _printable(name: str) -> str:
    """Return a name fit for a message; families have up to 70 characters."""
    half = len(name) // 2 if len(name) <= _MAX_CHARS else 0
    return printable_name(name[:half]) + printable_name(name[half:])
