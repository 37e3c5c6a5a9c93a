"""Rules about the text itself: can the agent read it, and does it read what was meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.prom_keys import KEYS, LENIENT, fold
from istio_observability.datakit.toml_text import TableArray
from istio_observability.lint.finding import Problem, Severity, names, rule
from istio_observability.lint.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import AgentText, PromTable
    from istio_observability.lint.places import Edit
    from istio_observability.lint.toml_places import Item

_ESCAPE_OF_RE: Final = re.compile(r"\\[^btnfruU\"\\]|\\[btnfr]|\\u(?![0-9a-fA-F]{4})|\\U")
_BROKEN: Final = re.compile(r"\\(?![btnfr\"\\]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PATTERN_KEYS: Final = ("metric_name_filter", "metric_name_filter_ignore")
# Not "source" or "cert": people may well want a tag of that name.
_NEVER_A_TAG: Final = frozenset(
    {
        "url",
        "urls",
        "interval",
        "timeout",
        "metric_types",
        "metric_name_filter",
        "metric_name_filter_ignore",
        "measurement_name",
        "measurement_prefix",
        "tags_ignore",
        "election",
    }
)
_KNOWN_INPUTS: Final = ("prom", "promv2", "zipkin", "container", "kubernetesprometheus")


def _basic_items(text: AgentText, keys: tuple[str, ...]) -> Iterator[tuple[str, Item]]:
    for header in text.headers:
        for entry in header.entries:
            if entry.key in keys:
                yield from ((entry.key, i) for i in entry.items if _raw(text, i)[:1] == '"')


def _raw(text: AgentText, item: Item) -> str:
    return text.passage.text[item.start : item.end]


@rule("IOB101", Severity.ERROR)
def invalid_toml(text: AgentText) -> Iterator[Problem]:
    """The agent cannot read the TOML."""
    error = text.error
    if error is None or "{{" in text.passage.text or any(True for _ in basic_string.check(text)):
        return
    lines = text.passage.text.split("\n")
    before = sum(len(line) + 1 for line in lines[: error.line - 1])
    line = lines[error.line - 1] if error.line <= len(lines) else ""
    yield Problem(
        text.place(before + len(line) - len(line.lstrip())),
        f"line {error.line} of it is no valid TOML ({error.reason})",
        "the agent drops all of it with one line in its log",
        "correct the line",
    )


@rule("IOB102", Severity.ERROR)
def basic_string(text: AgentText) -> Iterator[Problem]:
    """A regular expression stands in a basic string."""
    for key, item in _basic_items(text, _PATTERN_KEYS):
        raw = _raw(text, item)
        broken = _BROKEN.search(raw) is not None
        if not broken and not _CONTROL.search(item.text):
            continue
        edits: tuple[Edit, ...] = ()
        if not any(char in raw for char in "'\n") and not raw.startswith('"""'):
            edits = text.passage.replace(item.start, item.end, f"'{raw[1:-1]}'")
        what = "is no TOML, so the agent drops all of it" if broken else "becomes another character"
        yield Problem(
            text.place(item.start),
            f"{key} has a backslash in double quotes",
            f"an escape of regular expressions {what}",
            "write the expression in single quotes",
            edits,
        )


@rule("IOB103", Severity.ERROR)
def after_sub_table(prom: PromTable) -> Iterator[Problem]:
    """A key stands after a sub-table."""
    for header in prom.tables[1:]:
        if header.path[2:] not in {("tags",), ("http_headers",), ("auth",)}:
            continue
        for entry in header.entries:
            if entry.key in _NEVER_A_TAG:
                outcome = (
                    "it drops the annotation or the instance"
                    if entry.is_list
                    else "it becomes an entry of that table and the setting keeps its default"
                )
                yield Problem(
                    prom.text.place(entry.start),
                    f"{entry.key} stands below [{'.'.join(header.path)}] and belongs to it",
                    outcome,
                    "move it above the sub-table",
                )


@rule("IOB104", Severity.ERROR)
def wrong_type(prom: PromTable) -> Iterator[Problem]:
    """A value has a type that the agent refuses."""
    error = prom.wrong_type
    if error is None:
        return
    key = str(error).split(" ", 1)[0]
    if key in {"interval", "timeout"} and isinstance(prom.raw.get(key), str):
        return
    misplaced = any(True for _ in after_sub_table.check(prom))
    if misplaced and key in LENIENT:
        return
    dropped = "the whole annotation" if prom.text.is_annotation else "the instance"
    yield Problem(
        prom.value_at(key), str(error), f"the agent drops {dropped}", "give it the right type"
    )


@rule("IOB105", Severity.ERROR)
def loads_as_empty(prom: PromTable) -> Iterator[Problem]:
    """A table is given as something else and loads as empty."""
    for spelled, value in prom.raw.items():
        key = fold(spelled)
        if key in LENIENT and not isinstance(value, dict):
            yield Problem(
                prom.at(key),
                f"{key} is no table",
                "the agent reads it as empty and says nothing",
                f"write a table [inputs.prom.{key}] behind all other keys",
            )


@rule("IOB106", Severity.WARNING)
def unknown_key(prom: PromTable) -> Iterator[Problem]:
    """A key that the agent does not know."""
    known = KEYS[prom.text.path]
    for entry in prom.header.entries:
        key = fold(entry.name.split(".", 1)[0])
        if key in known:
            continue
        near = nearest(key, known)
        elsewhere = any(key in keys for keys in KEYS.values())
        remedy = f"write {near}" if near else "remove it"
        if elsewhere:
            remedy = "remove it; it works in a conf file only"
        yield Problem(
            prom.text.place(entry.start),
            f"{names([entry.name])} is no key of the prom input here",
            "the agent ignores it and says nothing",
            remedy,
        )


@rule("IOB107", Severity.ERROR)
def loads_nothing(text: AgentText) -> Iterator[Problem]:
    """A table in a form or of a name that loads nothing."""
    if text.error is not None:
        return
    prom = text.inputs.get("prom")
    if text.is_annotation:
        if isinstance(prom, dict):
            yield _form(text, "[inputs.prom] is a single table", "the agent drops the annotation")
        for name in text.inputs:
            if name != "prom":
                found = f"{names([name])} is no input that annotations configure"
                yield _form(text, found, "the agent reads nothing of it and says nothing")
        return
    if isinstance(prom, list) and not isinstance(prom, TableArray):
        yield _form(text, "inputs.prom is an array in one line", "the agent loads nothing of it")
    for name in text.inputs:
        near = nearest(name, _KNOWN_INPUTS)
        if name not in _KNOWN_INPUTS and near:
            yield Problem(
                text.start,
                f"{names([name])} is no input",
                "the agent warns in its log and loads nothing of it",
                f"write {near}",
            )


def _form(text: AgentText, found: str, consequence: str) -> Problem:
    return Problem(text.start, found, consequence, "write [[inputs.prom]]")


@rule("IOB108", Severity.ERROR)
def byte_order_mark(text: AgentText) -> Iterator[Problem]:
    """An annotation begins with a byte order mark."""
    if text.is_annotation and text.passage.text.startswith("\ufeff"):
        yield Problem(
            text.place(0),
            "it begins with a byte order mark",
            "the agent drops the annotation",
            "remove the mark",
            text.passage.replace(0, 1, ""),
        )


@rule("IOB109", Severity.WARNING)
def stands_twice(text: AgentText) -> Iterator[Problem]:
    """A list stands twice and the last one wins."""
    if text.error is not None:
        return
    for header in text.headers:
        seen: set[str] = set()
        for entry in header.entries:
            if entry.name in seen:
                yield Problem(
                    text.place(entry.start),
                    f"{names([entry.name])} stands twice in one table",
                    "the agent takes the last one and says nothing",
                    "keep one of them",
                )
            seen.add(entry.name)


@rule("IOB110", Severity.ERROR)
def template(text: AgentText) -> Iterator[Problem]:
    """A template stands in the text."""
    position = text.passage.text.find("{{")
    if position >= 0:
        what = (
            "the agent reads it as it stands"
            if text.is_annotation
            else "the agent evaluates it as its own template, and drops the file if it cannot"
        )
        yield Problem(text.place(position), "{{ stands in it", what, "write the text that is meant")


TEXT_RULES: Final = (
    invalid_toml,
    basic_string,
    loads_nothing,
    byte_order_mark,
    stands_twice,
    template,
)
PROM_RULES: Final = (after_sub_table, wrong_type, loads_as_empty, unknown_key)
