"""
Runs every rule over some files and returns what they find, in the order of places.

Pure: the same files give the same report. A rule sees what it was written for: a document, an
object, a text of the agent, one instance in it, a page, or everything together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from istio_observability.lint import (
    rules_address,
    rules_agent,
    rules_family,
    rules_filter,
    rules_labels,
    rules_page,
    rules_scrape,
    rules_services,
    rules_together,
    rules_toml,
    rules_views,
    rules_workload,
    rules_yaml,
)
from istio_observability.lint.collection import Collection
from istio_observability.lint.finding import LintFinding, Problem, Rule, Severity, names, rule
from istio_observability.lint.ignores import Ignore, ignores_in
from istio_observability.lint.material import take_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from istio_observability.lint.places import SourceFile


class _HasSubject(Protocol):
    @property
    def subject(self) -> str: ...


@rule("IOB901", Severity.WARNING)
def unknown_ignored_rule(ignore: Ignore) -> Iterator[Problem]:
    """A comment ignores a rule that does not exist."""
    for each in sorted(ignore.rules - RULES.keys()):
        yield Problem(
            ignore.place,
            f"{names([each])} is no rule",
            "the comment ignores nothing",
            "write a rule of docs/rules",
        )


_ON_YAML: Final = rules_yaml.YAML_RULES
_ON_MANIFESTS: Final = (
    *rules_yaml.MANIFEST_RULES,
    *rules_agent.MANIFEST_RULES,
    *rules_workload.MANIFEST_RULES,
)
_ON_TEXTS: Final = (*rules_toml.TEXT_RULES, *rules_scrape.TEXT_RULES)
_ON_PROMS: Final = (
    *rules_toml.PROM_RULES,
    *rules_filter.PROM_RULES,
    *rules_family.PROM_RULES,
    *rules_labels.PROM_RULES,
    *rules_address.PROM_RULES,
    *rules_scrape.PROM_RULES,
    *rules_views.PROM_RULES,
)
_ON_PAGES: Final = rules_page.PAGE_RULES
_ON_EVERYTHING: Final = (
    *rules_together.COLLECTION_RULES,
    *rules_services.COLLECTION_RULES,
    *rules_page.COLLECTION_RULES,
)

_ALL: Final[tuple[Rule[Any], ...]] = (
    *_ON_YAML,
    *_ON_MANIFESTS,
    *_ON_TEXTS,
    *_ON_PROMS,
    *_ON_PAGES,
    *_ON_EVERYTHING,
    unknown_ignored_rule,
)
RULES: Final[Mapping[str, Rule[Any]]] = {
    each.id: each for each in sorted(_ALL, key=lambda each: each.id)
}
"""Every rule by id, in the order of ids."""


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a run found.

    Attributes:
        findings: In the order of places.
        ignored: How many more a comment has switched off.
        looked_at: How many objects and texts of the agent there were.
    """

    findings: tuple[LintFinding, ...]
    ignored: int
    looked_at: int

    def worst(self) -> Severity | None:
        """Return the highest severity, ``None`` without findings."""
        order = list(Severity)
        ranks = [order.index(each.rule.severity) for each in self.findings]
        return order[min(ranks)] if ranks else None


def lint(files: Sequence[SourceFile]) -> Report:
    """Judge some files together."""
    material = take_apart(files)
    live = any(file.live for file in files)
    everything = Collection(material.manifests, material.texts, material.pages, live)
    proms = [prom for text in material.texts for prom in text.proms]
    found = [
        *_run(_ON_YAML, material.yaml_texts),
        *_run(_ON_MANIFESTS, material.manifests),
        *_run(_ON_TEXTS, material.texts),
        *_run(_ON_PROMS, proms),
        *_run(_ON_PAGES, material.pages),
        *_run(_ON_EVERYTHING, [everything]),
    ]
    ignores = {file.name: ignores_in(file) for file in files}
    kept = [each for each in found if not _is_ignored(each, ignores[each.place.file])]
    for each in (each for found_in in ignores.values() for each in found_in):
        kept += (
            LintFinding(unknown_ignored_rule, problem.place, "comment", problem)
            for problem in unknown_ignored_rule.check(each)
        )
    # An alias shows one value in several places; it is one finding.
    unique = {(each.sort_key(), each.problem.found): each for each in kept}
    findings = tuple(sorted(unique.values(), key=LintFinding.sort_key))
    looked_at = len(material.manifests) + len(material.texts)
    return Report(findings, len(found) - len(kept), looked_at)


def _run(rules: Iterable[Rule[Any]], views: Sequence[_HasSubject]) -> Iterator[LintFinding]:
    for each in rules:
        for view in views:
            for problem in each.check(view):
                subject = problem.subject or view.subject
                yield LintFinding(each, problem.place, subject, problem)


def _is_ignored(finding: LintFinding, ignores: Sequence[Ignore]) -> bool:
    return any(
        finding.rule.id in each.rules and each.first <= finding.place.line <= each.last
        for each in ignores
    )
