"""
Where the parts of a TOML text stand: headers, keys, values and the strings in lists.

Only places: what the text means to the agent is for ``datakit`` to say. A text that breaks off
somewhere is located up to there.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import Final

from istio_observability.datakit.toml_values import (
    InvalidToml,
    read_scalar,
    read_short_string,
    read_string,
)

_BETWEEN: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANKS: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_STRING: Final = re.compile(r"\"[^\"\\\x00-\x1f]+\"|'[^'\x00-\x1f]+'")
_BAD_ESCAPE: Final = re.compile(r'"(?:[^"\\\r\n]|\\.)*"')
_MAX_DEPTH: Final = 50


@dataclass(frozen=True, slots=True)
class Item:
    """A string: its quotes included from ``start`` to ``end``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value. ``items`` are the strings in it, also of nested lists."""

    name: str
    start: int
    value_start: int
    end: int
    items: tuple[Item, ...]
    is_list: bool

    @property
    def key(self) -> str:
        """Return the name as the agent compares it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Header:
    """A table: its header from ``start`` to ``end``, and the entries below it."""

    path: tuple[str, ...]
    is_list: bool
    start: int
    end: int
    entries: list[Entry] = field(default_factory=list)

    def find(self, key: str) -> Entry | None:
        """Return the last entry of that key."""
        return next((each for each in reversed(self.entries) if each.key == key), None)


def locate(text: str) -> list[Header]:
    """Return the tables in order; the first one stands for what is above all headers."""
    scan = _Scan(text)
    with contextlib.suppress(InvalidToml, _BrokenOff):
        scan.run()
    return scan.headers


class _BrokenOff(Exception):  # noqa: N818  names the state
    """The text is no TOML from here on."""


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.headers = [Header((), is_list=False, start=0, end=0)]
        self.items: list[Item] = []

    def run(self) -> None:
        while True:
            self._skip(_BETWEEN)
            if self.position >= len(self.text):
                return
            if self.text.startswith("[", self.position):
                self._header()
            else:
                self._entry()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip(_BLANKS)
            if self.text[self.position : self.position + 1] in {'"', "'"}:
                part, self.position = read_short_string(self.text, self.position)
            elif bare := _BARE.match(self.text, self.position):
                part, self.position = bare[0], bare.end()
            else:
                raise _BrokenOff
            parts.append(part)
            self._skip(_BLANKS)
            if not self.text.startswith(".", self.position):
                return tuple(parts)
            self.position += 1

    def _header(self) -> None:
        start = self.position
        is_list = self.text.startswith("[[", start)
        self.position += 1 + is_list
        path = self._key()
        if not self.text.startswith("]" * (1 + is_list), self.position):
            raise _BrokenOff
        self.position += 1 + is_list
        lower = tuple(part.lower() for part in path)
        self.headers.append(Header(lower, is_list, start, self.position))

    def _entry(self) -> None:
        start = self.position
        path = self._key()
        if not self.text.startswith("=", self.position):
            raise _BrokenOff
        self.position += 1
        self._skip(_BLANKS)
        value_start, self.items = self.position, []
        is_list = self.text.startswith("[", value_start)
        try:
            self._value(0)
        finally:
            name = ".".join(path)
            entry = Entry(name, start, value_start, self.position, tuple(self.items), is_list)
            self.headers[-1].entries.append(entry)

    def _value(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _BrokenOff
        opening = self.text[self.position : self.position + 1]
        if opening in {"[", "{"}:
            self._nested("]" if opening == "[" else "}", depth)
        elif opening in {'"', "'"}:
            self._string()
        else:
            _, self.position = read_scalar(self.text, self.position)

    def _string(self) -> None:
        start = self.position
        if plain := _PLAIN_STRING.match(self.text, start):
            self.position = plain.end()
            self.items.append(Item(start, plain.end(), plain[0][1:-1]))
            return
        try:
            text, self.position = read_string(self.text, start)
        except InvalidToml:
            # A bad escape; its end is known all the same, and so is what stands in it.
            found = _BAD_ESCAPE.match(self.text, start)
            if found is None:
                raise
            text, self.position = found[0][1:-1], found.end()
        self.items.append(Item(start, self.position, text))

    def _nested(self, closing: str, depth: int) -> None:
        self.position += 1
        while True:
            self._skip(_BETWEEN)
            if self.text.startswith(closing, self.position):
                self.position += 1
                return
            if closing == "}":
                self._key()
                if not self.text.startswith("=", self.position):
                    raise _BrokenOff
                self.position += 1
                self._skip(_BLANKS)
            self._value(depth + 1)
            self._skip(_BETWEEN)
            if self.text.startswith(",", self.position):
                self.position += 1
            elif not self.text.startswith(closing, self.position):
                raise _BrokenOff
