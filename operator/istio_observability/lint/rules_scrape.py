"""Rules about when and where the agent scrapes: interval, addresses, placeholders, election."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.durations import SECOND_NS, parse_duration_ns
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom_checks import (
    MAX_INTERVAL_S,
    MIN_INTERVAL_S,
    PLACEHOLDERS,
)
from istio_observability.lint.finding import Problem, Severity, names, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import AgentText, PromTable
    from istio_observability.lint.places import Edit

_MANGLED: Final = re.compile(r"\$(?:IP|NAMESPACE|PODNAME|NODENAME)\w+")
_FOREIGN: Final = re.compile(r"\$\{?(?!(?:IP|NAMESPACE|PODNAME|NODENAME)(?!\w))[A-Za-z_]\w*\}?")
_BRACED: Final = re.compile(r"\$\{(?:IP|NAMESPACE|PODNAME|NODENAME)\}")
_WORD: Final = re.compile(r"\$\{?\w+\}?")


@rule("IOB221", Severity.ERROR)
def interval_without_unit(prom: PromTable) -> Iterator[Problem]:
    """An interval has no unit."""
    for key in ("interval", "timeout"):
        value = next((v for k, v in prom.raw.items() if k.lower() == key), None)
        if isinstance(value, bool) or not isinstance(value, int | str):
            continue
        entry = prom.entry(key)
        if isinstance(value, str):
            try:
                parse_duration_ns(value)
            except ValueError:
                dropped = "the whole annotation" if prom.text.is_annotation else "the instance"
                consequence = f"the agent drops {dropped}"
            else:
                continue
        elif value <= 0:
            continue
        else:
            consequence = "the agent reads nanoseconds and scrapes as often as it can"
        edits: tuple[Edit, ...] = ()
        digits = str(value)
        if entry is not None and digits.isdecimal():
            edits = prom.text.passage.replace(entry.value_start, entry.end, f'"{digits}s"')
        yield Problem(
            prom.value_at(key),
            f"{key} is no duration with a unit",
            consequence,
            'write it as text with a unit, such as "60s"',
            edits,
        )


@rule("IOB222", Severity.WARNING)
def interval_out_of_range(prom: PromTable) -> Iterator[Problem]:
    """An interval is out of range."""
    interval_ns = prom.keys.get("interval")
    if interval_ns is None or (isinstance(prom.raw.get("interval"), int) and interval_ns > 0):
        return
    if interval_ns <= 0:
        outcome = "the agent takes 30 seconds"
    elif not MIN_INTERVAL_S * SECOND_NS <= interval_ns <= MAX_INTERVAL_S * SECOND_NS:
        outcome = (
            "an annotation is not bounded, so the agent scrapes too often or hardly ever"
            if prom.text.is_annotation
            else "the agent takes the nearest bound"
        )
    else:
        return
    yield Problem(
        prom.value_at("interval"),
        f"interval is not between {MIN_INTERVAL_S} and {MAX_INTERVAL_S} seconds",
        outcome,
        "choose a value in between",
    )


@rule("IOB225", Severity.ERROR)
def unknown_placeholder(text: AgentText) -> Iterator[Problem]:
    """A placeholder that the agent does not fill in."""
    if not text.is_annotation:
        return
    for header in text.headers:
        for entry in header.entries:
            for item in entry.items:
                found = _MANGLED.search(item.text) or _FOREIGN.search(item.text)
                found = found or _BRACED.search(item.text)
                if found is None:
                    continue
                partly = _MANGLED.fullmatch(found[0]) is not None
                yield Problem(
                    text.place(item.start),
                    f"{names([entry.name])} has {names([found[0]])}",
                    "the agent replaces only its beginning" if partly else "it stays as it is",
                    f"use {', '.join(PLACEHOLDERS)}",
                )


@rule("IOB226", Severity.ERROR)
def environment(text: AgentText) -> Iterator[Problem]:
    """A conf file has a $ before a word."""
    if text.is_annotation:
        return
    for header in text.headers:
        for entry in header.entries:
            for item in entry.items:
                found = _WORD.search(item.text)
                if found is not None:
                    yield Problem(
                        text.place(item.start),
                        f"{names([entry.name])} has {names([found[0]])}",
                        "the agent puts its own environment there; $IP works in annotations only",
                        "write the value itself",
                    )


@rule("IOB231", Severity.ERROR)
def auth_without_type(prom: PromTable) -> Iterator[Problem]:
    """The table auth has no type."""
    auth = prom.keys.get("auth")
    if auth and not auth.get("type"):
        place = next(
            (prom.text.place(each.start) for each in prom.tables if each.path[2:] == ("auth",)),
            prom.at("auth"),
        )
        yield Problem(
            place,
            "auth has no type",
            "the agent panics: annotations of the whole node are not scraped until it restarts",
            'write type = "bearer_token", or remove the table',
        )


@rule("IOB234", Severity.WARNING)
def election(prom: PromTable) -> Iterator[Problem]:
    """A conf file leaves the election to a default or off."""
    if prom.text.path is not ConfigPath.CONF or prom.wrong_type:
        return
    chosen = prom.keys.get("election")
    if chosen is True:
        return
    edits: tuple[Edit, ...] = ()
    first = prom.header.entries[0] if prom.header.entries else None
    if chosen is None and first is not None:
        margin = _margin(prom, first.start)
        if not margin.strip():
            line = f"election = true\n{margin}"
            edits = prom.text.passage.replace(first.start, first.start, line)
    yield Problem(
        prom.at("election"),
        "election is false" if chosen is False else "election is not set",
        "the agent of every node scrapes the target"
        if chosen is False
        else "it rests on a default whether one agent scrapes the target or that of every node",
        "write election = true",
        edits,
    )


def _margin(prom: PromTable, position: int) -> str:
    """Return what stands in the file before a key on its line."""
    file = prom.text.passage.file.text
    offset = prom.text.passage.offset(position)
    start = file.rfind("\n", 0, offset) + 1
    return file[start:offset]


@rule("IOB237", Severity.WARNING)
def token_in_conf(prom: PromTable) -> Iterator[Problem]:
    """A token stands in a conf file."""
    auth = prom.keys.get("auth") or {}
    if prom.text.path is ConfigPath.CONF and auth.get("token"):
        yield Problem(
            prom.at("auth"),
            "auth has a token",
            "at the first slip in this file the agent logs all of it, the token included",
            "mount the token as a file and write token_file",
        )


@rule("IOB238", Severity.WARNING)
def discovery(text: AgentText) -> Iterator[Problem]:
    """A conf file makes the agent scrape sidecars a second time."""
    key = "enable_discovery_of_prometheus_pod_annotations"
    raw = text.inputs.get("kubernetesprometheus")
    if not isinstance(raw, dict) or raw.get(key) is not True:
        return
    places = (each.find(key) for each in text.headers)
    entry = next((each for each in places if each is not None), None)
    yield Problem(
        text.place(entry.start) if entry is not None else text.start,
        "discovery of prometheus.io annotations is on",
        "Istio sets them on every pod, so one with an annotation of DataKit is scraped twice",
        "switch it off, or use no annotations of DataKit",
    )


TEXT_RULES: Final = (unknown_placeholder, environment, discovery)
PROM_RULES: Final = (
    interval_without_unit,
    interval_out_of_range,
    auth_without_type,
    election,
    token_in_conf,
)
