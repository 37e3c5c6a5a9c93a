"""
Single values of TOML as the agent reads them: strings, numbers, dates, words.

Source: BurntSushi/toml v1.2.1 (lex.go, parse.go), the library inside GuanceCloud/datakit 1.84.1.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any, Final

from istio_observability.datakit.go_text import parse_float


class InvalidToml(ValueError):  # noqa: N818  names the state
    """
    A text that the agent cannot read as TOML.

    Attributes:
        reason: What is wrong, without any part of the text.
        line: Line of the text, counted from 1.
    """

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.line = text.count("\n", 0, position) + 1
        super().__init__(f"line {self.line}: {reason}")


_ESCAPES: Final = {
    "b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\",
}  # fmt: skip
_ESCAPED: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([btnfr\"\\]))?")
_BASIC: Final = re.compile(r'"((?:[^"\\\r\n]|\\.)*+)"')
_LITERAL: Final = re.compile(r"'([^'\r\n]*+)'")
_LONG_BASIC: Final = re.compile(r'"""((?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+"{0,2})"""(?!")')
_LONG_LITERAL: Final = re.compile(r"'''((?:[^']|'{1,2}(?!'))*+'{0,2})'''(?!')")
_CONTINUED: Final = re.compile(r"(?<!\\)(?:\\\\)*\\[ \t]*")
_WORD: Final = re.compile(r"[^\W\d_]+")
_DATE_START: Final = re.compile(r"[0-9]+[-:]")
_DATE: Final = re.compile(r"[-0-9:Tt .Zz+]+")
_BASED: Final = re.compile(r"0(?:x[0-9a-fA-F][0-9a-fA-F_]*|o[0-7][0-7_]*|b[01][01_]*)")
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9_]*(?:[.eE][-+0-9_.eE]*)?")
_SPECIAL: Final = re.compile(r"([-+]?)(inf|nan)")
_MAX_INT: Final = 2**63
_MAX_DIGITS: Final = 200
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")


def read_string(text: str, position: int) -> tuple[str, int]:
    """Return the string that starts here and the position behind it."""
    for quotes, pattern in (('"""', _LONG_BASIC), ("'''", _LONG_LITERAL)):
        if text.startswith(quotes, position):
            return _read_long(text, position, pattern)
    return read_short_string(text, position)


def read_short_string(text: str, position: int) -> tuple[str, int]:
    """Return the one-line string that starts here and the position behind it."""
    basic = text.startswith('"', position)
    found = (_BASIC if basic else _LITERAL).match(text, position)
    if found is None:
        raise InvalidToml("a string has no end on its line", text, position)
    return (_unescape(found[1], text, position) if basic else found[1]), found.end()


def read_scalar(text: str, position: int) -> tuple[Any, int]:
    """Return the number, date or word that starts here and the position behind it."""
    if special := _SPECIAL.match(text, position):
        value = float(special[2])
        return (-value if special[1] == "-" else value), special.end()
    if word := _WORD.match(text, position):
        if word[0] not in {"true", "false"}:
            raise InvalidToml("a value is no TOML value; text needs quotes", text, position)
        return word[0] == "true", word.end()
    if _DATE_START.match(text, position):
        return _read_date(text, position)
    if based := _BASED.match(text, position):
        return _to_int(based[0], text, position), based.end()
    if number := _NUMBER.match(text, position):
        read = _to_float if any(c in number[0] for c in ".eE") else _to_int
        return read(number[0], text, position), number.end()
    raise InvalidToml("a value is missing or no TOML value", text, position)


def _read_long(text: str, position: int, pattern: re.Pattern[str]) -> tuple[str, int]:
    found = pattern.match(text, position)
    if found is None:
        raise InvalidToml("a string of several lines has no end", text, position)
    content = re.sub(r"\A\r?\n", "", found[1])
    if pattern is _LONG_BASIC:
        content = _unescape(_join_lines(content.replace("\r\n", "\n")), text, position)
    return content, found.end()


def _join_lines(content: str) -> str:
    """
    Join the lines that end in a backslash with what follows.

    Blank lines behind one are swallowed, but, unlike in TOML, not the blanks of the line after
    them.
    """
    lines = content.split("\n")
    joined, continues = [], False
    for at, line in enumerate(lines):
        last = at == len(lines) - 1
        ends = _CONTINUED.search(line.rstrip(" \t")) if not last else None
        if ends is None or ends.end() != len(line.rstrip(" \t")):
            # A line that is neither continued nor follows one keeps its end.
            joined.append(line if (continues and not line.strip(" \t")) or last else f"{line}\n")
            continues = continues and not line.strip(" \t")
            continue
        joined.append(line.rstrip(" \t")[:-1])
        continues = True
        lines[at + 1] = lines[at + 1].lstrip(" \t")
    return "".join(joined)


def _unescape(content: str, text: str, position: int) -> str:
    if "\\" not in content:
        return content

    def replace(found: re.Match[str]) -> str:
        if found[3]:
            return _ESCAPES[found[3]]
        code = int(found[1] or found[2] or "110000", 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise InvalidToml("a string holds an escape that TOML does not know", text, position)
        return chr(code)

    return _ESCAPED.sub(replace, content)


def _underscores_fit(digits: str) -> bool:
    return re.fullmatch(r"[^_]*[0-9a-fA-F](?:_?[0-9a-fA-F])*", digits) is not None


def _has_leading_zero(digits: str) -> bool:
    return re.match(r"0[^box]|[-+]0.", digits) is not None


def _to_int(digits: str, text: str, position: int) -> int:
    if not _underscores_fit(digits) or _has_leading_zero(digits):
        raise InvalidToml("a number is no TOML number", text, position)
    value = int(digits.replace("_", ""), 0) if len(digits) <= _MAX_DIGITS else _MAX_INT
    if not -_MAX_INT <= value < _MAX_INT:
        raise InvalidToml("a number is too large", text, position)
    return value


def _to_float(digits: str, text: str, position: int) -> float:
    parts = [part for part in re.split("[.eE]", digits) if part]
    fits = all(map(_underscores_fit, parts)) and not _has_leading_zero(parts[0])
    value = parse_float(digits.replace("_", "")) if fits else None
    if value is None or re.search(r"\.(?!\d)", digits):
        raise InvalidToml("a number is no TOML number", text, position)
    return value


def _read_date(text: str, position: int) -> tuple[Any, int]:
    found = _DATE.match(text, position)
    assert found is not None
    written = found[0].strip(" ").upper().replace(" ", "T")
    trimmed = _FRACTION.sub(r"\1", written)
    for read, form in (
        (datetime.fromisoformat, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)?"),
        (date.fromisoformat, r"\d{4}-\d\d-\d\d"),
        (time.fromisoformat, r"\d\d:\d\d:\d\d(\.\d+)?"),
    ):
        if re.fullmatch(form, written, re.ASCII):
            try:
                return read(trimmed), found.end()
            except ValueError:
                break
    raise InvalidToml("a date is no TOML date", text, position)
