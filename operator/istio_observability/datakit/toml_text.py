"""
TOML as the agent reads it, which is not quite TOML.

A key that stands twice is an error, unless one of the two values is an array: then the last one
counts. A list of tables written as ``[[x]]`` and one written as ``x = [{…}]`` stay two kinds of
value, for the agent tells them apart. Everything else is TOML 1.0.

Source: BurntSushi/toml v1.2.1 (lex.go, parse.go), the library inside GuanceCloud/datakit 1.84.1.
"""

from __future__ import annotations

import re
from typing import Any, Final

from istio_observability.datakit.toml_values import (
    InvalidToml,
    read_scalar,
    read_short_string,
    read_string,
)

__all__ = ["InvalidToml", "TableArray", "parse_toml"]

_MAX_DEPTH: Final = 200
_FORBIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]|\r(?!\n)"
)  # also U+FFFD: Go's decoder says so of bytes that are no UTF-8, and the library cannot tell
_BLANKS: Final = re.compile(r"[ \t]*")
_BETWEEN: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")

_Path = tuple[str, ...]


class TableArray(list[dict[str, Any]]):
    """Tables written with ``[[name]]`` headers."""


def parse_toml(text: str) -> dict[str, Any]:
    """
    Read a text.

    Returns:
        Tables as ``dict``, ``[[…]]`` as ``TableArray``, other arrays as ``list``.

    Raises:
        InvalidToml: The agent cannot read the text.
    """
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        raise InvalidToml("holds a control character or invalid Unicode", text, bad.start())
    return _Document(text).read()


class _Document:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.root: dict[str, Any] = {}
        self.context: _Path = ()
        # By path without indices, as the library keeps them: what the last value there was.
        self.arrays: set[_Path] = set()
        self.implicit: set[_Path] = set()
        self.depth = 0

    def read(self) -> dict[str, Any]:
        self._skip(_BETWEEN)
        while self.position < len(self.text):
            if self.text.startswith("[", self.position):
                self._read_header()
            else:
                self._read_assignment()
            end = _REST_OF_LINE.match(self.text, self.position)
            if end is None:
                raise self._error("a line goes on after its value")
            self.position = end.end()
            self._skip(_BETWEEN)
        return self.root

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.position)
        assert found is not None
        self.position = found.end()

    def _error(self, reason: str) -> InvalidToml:
        return InvalidToml(reason, self.text, self.position)

    def _read_key(self) -> _Path:
        parts = []
        while True:
            self._skip(_BLANKS)
            if self.text[self.position : self.position + 1] in {'"', "'"}:
                part, self.position = read_short_string(self.text, self.position)
            elif bare := _BARE.match(self.text, self.position):
                part, self.position = bare[0], bare.end()
            else:
                raise self._error("a key is missing or has a character that needs quotes")
            parts.append(part)
            self._skip(_BLANKS)
            if not self.text.startswith(".", self.position):
                return tuple(parts)
            self.position += 1

    def _read_header(self) -> None:
        is_array = self.text.startswith("[[", self.position)
        self.position += 2 if is_array else 1
        key = self._read_key()
        closing = "]]" if is_array else "]"
        if not self.text.startswith(closing, self.position):
            raise self._error("a table header is not closed")
        self.position += len(closing)
        self._enter(key, as_array=is_array)
        self.arrays.discard(self.context)

    def _read_assignment(self) -> None:
        outer = self.context
        key = self._read_key()
        if not self.text.startswith("=", self.position):
            raise self._error("a key has no = behind it")
        self.position += 1
        for part in key[:-1]:
            self._enter_implicitly((*self.context, part))
        value = self._read_value(key[-1], in_array=False)
        self._set(key[-1], value)
        path = (*self.context, key[-1])
        if isinstance(value, list):
            self.arrays.add(path)
        else:
            self.arrays.discard(path)
        self.context = outer

    def _read_value(self, key: str, *, in_array: bool) -> Any:  # noqa: ANN401  TOML values
        self._skip(_BLANKS)
        start = self.text[self.position : self.position + 1]
        if start in {"[", "{"}:
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise self._error("values are nested too deeply")
            nested = self._read_array(key) if start == "[" else self._read_table(key, in_array)
            self.depth -= 1
            return nested
        read = read_string if start in {'"', "'"} else read_scalar
        value, self.position = read(self.text, self.position)
        return value

    def _read_array(self, key: str) -> list[Any]:
        # Before its values are read: this is what lets an array follow any other value.
        self.arrays.add((*self.context, key))
        self.position += 1
        values: list[Any] = []
        while True:
            self._skip(_BETWEEN)
            if self.text.startswith("]", self.position):
                self.position += 1
                return values
            values.append(self._read_value(key, in_array=True))
            self._skip(_BETWEEN)
            if self.text.startswith(",", self.position):
                self.position += 1
            elif not self.text.startswith("]", self.position):
                raise self._error("an array has neither a comma nor its end here")

    def _read_table(self, key: str, in_array: bool) -> dict[str, Any]:
        outer = self.context
        inner = (*outer, key)
        self.context = inner
        self.implicit.add(inner)
        self._enter(inner, as_array=in_array)
        self.position += 1
        values: dict[str, Any] = {}
        self._skip(_BLANKS)
        while not self.text.startswith("}", self.position):
            path = self._read_key()
            if not self.text.startswith("=", self.position):
                raise self._error("a key has no = behind it")
            self.position += 1
            for part in path[:-1]:
                self._enter_implicitly((*self.context, part))
            value = self._read_value(path[-1], in_array=False)
            self._set(path[-1], value)
            # The last part of a dotted key: what the library hands on for an inline table.
            values[path[-1]] = value
            self.context = inner
            self._skip(_BLANKS)
            if self.text.startswith(",", self.position):
                self.position += 1
                self._skip(_BLANKS)
                if self.text.startswith("}", self.position):
                    raise self._error("an inline table ends with a comma")
            elif not self.text.startswith("}", self.position):
                raise self._error("an inline table has neither a comma nor its end here")
        self.position += 1
        self.context = outer
        return values

    def _enter_implicitly(self, path: _Path) -> None:
        self.implicit.add(path)
        self._enter(path, as_array=False)

    def _enter(self, path: _Path, *, as_array: bool) -> None:
        table = self.root
        for depth, part in enumerate(path[:-1], 1):
            if part not in table:
                self.implicit.add(path[:depth])
                table[part] = {}
            table = self._table_of(table[part])
        self.context = path[:-1]
        name = path[-1]
        if as_array:
            tables = table.setdefault(name, TableArray())
            if not isinstance(tables, TableArray):
                raise self._error("a list of tables has the name of another key")
            tables.append({})
        else:
            self._set(name, {})
        self.context = path

    def _set(self, name: str, value: Any) -> None:  # noqa: ANN401  TOML values
        table = self.root
        for part in self.context:
            table = self._table_of(table[part])
        path = (*self.context, name)
        if name in table and path not in self.arrays:
            if path not in self.implicit:
                raise self._error("a key stands twice")
            # The table is there already; defining it once more is allowed a single time.
            self.implicit.discard(path)
            return
        if name in table:
            self.implicit.discard(path)
        table[name] = value

    def _table_of(self, value: Any) -> dict[str, Any]:  # noqa: ANN401  TOML values
        if isinstance(value, TableArray):
            return value[-1]
        if isinstance(value, dict):
            return value
        raise self._error("a table has the name of another key")
