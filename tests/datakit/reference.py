"""
A slow, obvious reading of an exposition by the agent's rules, character by character.

Nothing is shared with the reader under test: no expression, no batch at a time, no run of lines.
Families are ``(type, name)``; samples are lines, as sorted texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from istio_observability.datakit.go_text import parse_float, to_count

NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
DIGITS = "0123456789"
TYPES = {"counter", "gauge", "summary", "untyped", "histogram", "gauge_histogram", "info"}


class Stop(Exception):  # noqa: N818  names the state
    """The agent goes no further."""


@dataclass
class Metric:
    """One sample, or one summary or histogram."""

    labels: tuple[tuple[str, str], ...]
    kind: str
    value: float = 0.0
    count: float = 0.0
    total: float = 0.0
    parts: list[tuple[float, float]] = field(default_factory=list)
    time_ms: int = 0


@dataclass
class Family:
    """A family as the agent believes it to be."""

    name: str
    type: str = ""
    lines: int = 0
    metrics: list[Metric] = field(default_factory=list)


class Reference:
    """Reads a text once."""

    def __init__(self, text: str, batch_size: int) -> None:
        self.text, self.at, self.batch_size = text, 0, batch_size
        self.families: dict[str, Family] = {}
        self.batches: list[dict[str, Family]] = []
        self.failed = False

    def run(self) -> Reference:
        """Read the text to its end, or to the first bad line."""
        before = ""
        try:
            while True:
                self.blanks()
                if self.at >= len(self.text):
                    break
                first = self.text[self.at]
                full = 0 < self.batch_size <= len(self.families)
                if first == "#" and before != "#" and full:
                    self.flush()
                before = first
                if first == "\n":
                    self.at += 1
                elif first == "#":
                    self.comment()
                else:
                    self.sample()
            self.flush()
        except Stop:
            self.failed = True
        return self

    def flush(self) -> None:
        """Hand on what was read."""
        batch = {name: f for name, f in self.families.items() if f.lines}
        if batch:
            self.batches.append(batch)
        self.families = {}

    def char(self) -> str:
        """Return the character here."""
        if self.at >= len(self.text):
            raise Stop
        return self.text[self.at]

    def blanks(self) -> None:
        """Pass over blanks and tabs."""
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def take(self, first: str, more: str) -> str:
        """Read a name."""
        start = self.at
        if self.char() in first:
            while self.char() in more:
                self.at += 1
        return self.text[start : self.at]

    def until(self, stops: str) -> str:
        """Read up to one of the characters."""
        start = self.at
        while self.char() not in stops:
            self.at += 1
        return self.text[start : self.at]

    def comment(self) -> None:
        """Read a line that starts with a hash."""
        self.at += 1
        self.blanks()
        keyword = self.until(" \t\n")
        if self.char() == "\n" or keyword not in {"HELP", "TYPE"}:
            self.until("\n")
            return
        self.blanks()
        name = self.take(NAME + ":", NAME + DIGITS + ":")
        if self.char() == "\n":
            return
        if self.char() not in " \t":
            raise Stop
        family, _ = self.family_of(name)
        self.blanks()
        rest = self.until("\n")
        if not rest:
            return
        if keyword == "HELP":
            without = rest.replace("\\\\", "").replace("\\n", "")
            if "\\" in without:
                raise Stop
            return
        word = rest.replace("\\", "").lower()
        if word not in TYPES:
            raise Stop
        family.type = word
        if word == "info" and not family.name.endswith("_info"):
            del self.families[family.name]
            family.name += "_info"
            self.families[family.name] = family

    def family_of(self, name: str) -> tuple[Family, str]:
        """Find or make the family of a name."""
        if name in self.families:
            return self.families[name], ""
        for kind, ends in (
            ("summary", ("_count", "_sum")),
            ("histogram", ("_count", "_sum", "_bucket")),
        ):
            for end in ends:
                base = self.families.get(name.removesuffix(end))
                if name.endswith(end) and name != end and base is not None and base.type == kind:
                    return base, end
        self.families[name] = Family(name)
        return self.families[name], ""

    def sample(self) -> None:
        """Read a line with a value."""
        name = self.take(NAME + ":", NAME + DIGITS + ":")
        if not name:
            raise Stop
        family, part = self.family_of(name)
        family.type = family.type or "untyped"
        self.blanks()
        pairs = self.labels() if self.char() == "{" else []
        mark = {"summary": "quantile", "histogram": "le"}.get(family.type)
        own = [pair for pair in pairs if pair[0] != mark]
        names = [key for key, _ in own]
        if len(names) != len(set(names)):
            raise Stop
        bound = math.nan
        for key, value in pairs:
            if key == mark:
                bound = self.number(value)
        number = self.number(self.until(" \t\n"))
        time_ms = self.time() if self.char() != "\n" else 0
        family.lines += 1
        if mark is None:
            family.metrics.append(Metric(tuple(own), family.type, number, time_ms=time_ms))
            return
        metric = self.metric_of(family, own)
        if part == "_count":
            metric.count = to_count(number)
        elif part == "_sum":
            metric.total = number
        elif not math.isnan(bound):
            metric.parts.append((bound, to_count(number) if mark == "le" else number))
        metric.time_ms = time_ms or metric.time_ms

    def time(self) -> int:
        """Read a timestamp, which ends its line."""
        self.blanks()
        word = self.until(" \t\n")
        digits = word[1:] if word[:1] in {"+", "-"} else word
        plain = bool(digits) and all(c in DIGITS for c in digits)
        if self.char() != "\n" or not plain or not -(2**63) <= int(word) < 2**63:
            raise Stop
        return int(word)

    def metric_of(self, family: Family, own: list[tuple[str, str]]) -> Metric:
        """Find or make the summary or histogram with these labels."""
        for metric in family.metrics:
            if metric.kind == family.type and sorted(metric.labels) == sorted(own):
                return metric
        family.metrics.append(Metric(tuple(own), family.type))
        return family.metrics[-1]

    def labels(self) -> list[tuple[str, str]]:
        """Read what stands in braces."""
        self.at += 1
        pairs = []
        while True:
            self.blanks()
            if self.char() == "}":
                break
            key = self.take(NAME, NAME + DIGITS)
            self.blanks()
            if not key or key == "__name__" or self.char() != "=":
                raise Stop
            self.at += 1
            self.blanks()
            pairs.append((key, self.value()))
            self.blanks()
            if self.char() == ",":
                self.at += 1
            elif self.char() != "}":
                raise Stop
        self.at += 1
        self.blanks()
        return pairs

    def value(self) -> str:
        """Read a quoted text."""
        if self.char() != '"':
            raise Stop
        self.at += 1
        value = ""
        while self.char() != '"':
            if self.char() == "\n":
                raise Stop
            if self.char() == "\\":
                self.at += 1
                if self.char() not in '"\\n':
                    raise Stop
                value += "\n" if self.char() == "n" else self.char()
            else:
                value += self.char()
            self.at += 1
        self.at += 1
        return value

    def number(self, text: str) -> float:
        """Read a number."""
        value = parse_float(text)
        if value is None:
            raise Stop
        return value
