"""
Rules about what is kept: ``metric_types`` and ``metric_name_filter`` against the catalogue.

The agent searches each expression in the name of the family, the one in the ``# TYPE`` line. An
expression that is a plain name is judged as the name that was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.datakit.patterns import InvalidPattern, compile_pattern, compiles
from istio_observability.datakit.prom_checks import METRIC_TYPES
from istio_observability.istio.catalogue import load_catalogue
from istio_observability.lint.families import FILTER, PLAIN, families_matching, sample_stem
from istio_observability.lint.finding import Problem, Severity, names, rule
from istio_observability.lint.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import PromTable
    from istio_observability.lint.places import Edit


@rule("IOB201", Severity.ERROR)
def sample_suffix(prom: PromTable) -> Iterator[Problem]:
    """A filter names samples of a histogram."""
    found: list[str] = []
    edits: list[Edit] = []
    for item in prom.items(FILTER):
        plain = PLAIN.fullmatch(item.text)
        stem = sample_stem(plain[2]) if plain is not None else ""
        if plain is None or not stem:
            continue
        found.append(item.text)
        if stem in load_catalogue().families:
            new = f"'^{stem}$'"
            edits += prom.text.passage.replace(item.start, item.end, new)
    if found:
        yield Problem(
            prom.item_at(FILTER, found[0]),
            f"{FILTER} names samples ({names(found)})",
            "the agent compares with the family's name, so they match nothing",
            "write the family without the suffix and keep histogram in metric_types",
            tuple(edits),
        )


@rule("IOB202", Severity.ERROR)
def killed_by_type(prom: PromTable) -> Iterator[Problem]:
    """metric_types drops families that the filter lists."""
    types = {word.lower() for word in prom.strings("metric_types")}
    target = prom.target
    if not types or target is None:
        return
    killed: dict[str, str] = {}
    for expression in prom.strings(FILTER):
        plain = PLAIN.fullmatch(expression)
        name = plain[2] if plain is not None else ""
        kept = families_matching(sample_stem(name) or expression, target)
        if kept and not any(each.type in types for each in kept):
            killed[expression] = kept[0].type.value
    if killed:
        missing = sorted(set(killed.values()))
        yield Problem(
            prom.at("metric_types"),
            f"metric_types lacks {' and '.join(missing)}, the type of {names([*killed])}",
            "they are never collected",
            f"add {' and '.join(missing)}, or take the names out of {FILTER}",
            _add_types(prom, missing),
        )


def _add_types(prom: PromTable, missing: list[str]) -> tuple[Edit, ...]:
    items = prom.items("metric_types")
    if not items:
        return ()
    added = "".join(f', "{word}"' for word in missing)
    return prom.text.passage.replace(items[-1].end, items[-1].end, added)


@rule("IOB207", Severity.ERROR)
def invalid_expression(prom: PromTable) -> Iterator[Problem]:
    """An expression is no RE2."""
    for key in (FILTER, "metric_name_filter_ignore"):
        expressions = prom.strings(key)
        for expression in expressions:
            try:
                compile_pattern(expression)
            except InvalidPattern as error:
                none_left = key == FILTER and not any(map(compiles, expressions))
                yield Problem(
                    prom.item_at(key, expression),
                    f"{key} has an expression that the agent cannot compile ({error})",
                    "it is left out, no other is there, and everything is collected"
                    if none_left
                    else "the agent leaves it out and says nothing",
                    "write RE2 syntax: no look-ahead, no back reference",
                )


@rule("IOB208", Severity.ERROR)
def empty_expression(prom: PromTable) -> Iterator[Problem]:
    """An empty expression keeps or drops everything."""
    for key, outcome in ((FILTER, "kept"), ("metric_name_filter_ignore", "dropped")):
        if "" in prom.strings(key):
            yield Problem(
                prom.item_at(key, ""),
                f"{key} has an empty expression",
                f"it matches every name, so everything is {outcome}",
                "remove it",
            )


@rule("IOB209", Severity.ERROR)
def unknown_type(prom: PromTable) -> Iterator[Problem]:
    """A word in metric_types is no type."""
    for word in prom.strings("metric_types"):
        if word.lower() not in METRIC_TYPES:
            near = nearest(word.lower(), METRIC_TYPES)
            yield Problem(
                prom.item_at("metric_types", word),
                f"metric_types has {names([word])}",
                "the agent knows no such type, so it matches nothing",
                f"write {near}" if near else f"use {', '.join(sorted(METRIC_TYPES))}",
            )


PROM_RULES: Final = (
    sample_suffix,
    killed_by_type,
    invalid_expression,
    empty_expression,
    unknown_type,
)
