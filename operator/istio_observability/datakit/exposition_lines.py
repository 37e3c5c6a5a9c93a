"""
Single lines of an exposition, as the agent reads them.

The agent's parser goes byte by byte and forgives less than others: a blank behind a value, a
carriage return, an exemplar or an underscore in a number end the parse. What it accepts beyond
others: a value directly behind a name or a brace, and a backslash anywhere in a type.

Source: text_parse.go of prometheus/common as vendored in GuanceCloud/datakit 1.84.1.
"""

from __future__ import annotations

import re
from typing import Final

from istio_observability.datakit.go_text import parse_float

TYPES: Final = frozenset(
    {"counter", "gauge", "summary", "untyped", "histogram", "gauge_histogram", "info"}
)
_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL_NAME: Final = r"[a-zA-Z_][a-zA-Z0-9_]*+"
_VALUE: Final = r'(?:[^"\\\n]|\\["\\n])*+'
_LABEL: Final = rf'{_LABEL_NAME}[ \t]*+=[ \t]*+"{_VALUE}"[ \t]*+'
SAMPLE: Final = re.compile(
    rf"[ \t]*+({_NAME})[ \t]*+"
    rf"(?:\{{[ \t]*+((?:{_LABEL},[ \t]*+)*+(?:{_LABEL})?)\}}[ \t]*+)?"
    r"([^ \t\n]++)(?:[ \t]++([^ \t\n]++))?\n"
)
"""Name, text of the labels, value and timestamp of a line that may be a sample."""

BLANK: Final = re.compile(r"[ \t]*\n|[ \t]+\Z")
COMMENT: Final = re.compile(r"[ \t]*#[^\n]*(\n?)")
_LABELS: Final = re.compile(rf'({_LABEL_NAME})[ \t]*+=[ \t]*+"({_VALUE})"')
_ESCAPE: Final = re.compile(r"\\(.)")
_ABOUT: Final = re.compile(r"(HELP|TYPE)[ \t]+([^\n]*)")
_ABOUT_NAME: Final = re.compile(rf"({_NAME})([ \t]*)(.*)", re.DOTALL)
_HELP: Final = re.compile(r"(?:[^\\]|\\[\\n])*+")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,19}")
_TIME_MAX: Final = 2**63
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Labels = tuple[tuple[str, str], ...]


class ParseFailed(ValueError):  # noqa: N818  names the state
    """The agent stops reading the exposition here; the text says why."""


def parse_labels(text: str) -> Labels:
    """
    Return the labels in their order.

    Raises:
        ParseFailed: A reserved name, or a value that is no UTF-8.
    """
    labels = _LABELS.findall(text)
    if "\\" in text:
        labels = [(name, _ESCAPE.sub(_unescape, value)) for name, value in labels]
    if "__name__" in text and any(name == "__name__" for name, _ in labels):
        raise ParseFailed("a label has the reserved name __name__")
    if not text.isascii() and any(_SURROGATE.search(value) for _, value in labels):
        raise ParseFailed("a label value is no UTF-8")
    return tuple(labels)


def parse_value(text: str) -> float:
    """
    Return the value of a sample.

    Raises:
        ParseFailed: The agent sees no number.
    """
    value = parse_float(text)
    if value is None:
        raise ParseFailed("a value is no number")
    return value


def parse_time(text: str) -> int:
    """
    Return the timestamp of a sample in milliseconds.

    Raises:
        ParseFailed: The agent sees no integer.
    """
    if not _INTEGER.fullmatch(text) or not -_TIME_MAX <= int(text) < _TIME_MAX:
        raise ParseFailed("what follows a value is no timestamp")
    return int(text)


def parse_comment(line: str) -> tuple[str, str] | None:
    """
    Return what a comment says: the name of a family and its type, or ``""`` for another remark.

    ``None``: a comment that changes nothing. A family whose name stands in a HELP or TYPE line
    begins to exist, so the name is returned even without a type.

    Raises:
        ParseFailed: The agent stops at this comment.
    """
    about = _ABOUT.match(line.lstrip(" \t")[1:].lstrip(" \t"))
    if about is None or not about[2]:
        return None
    named = _ABOUT_NAME.match(about[2])
    if named is None:
        raise ParseFailed("a HELP or TYPE line has no metric name")
    name, blanks, rest = named.groups()
    if not rest:
        return (name, "") if blanks else None
    if not blanks:
        raise ParseFailed("a HELP or TYPE line has no metric name")
    if about[1] == "HELP":
        if not _HELP.fullmatch(rest):
            raise ParseFailed("a HELP line has an escape other than \\\\ and \\n")
        return name, ""
    written = rest.replace("\\", "").upper().lower()
    if written not in TYPES:
        raise ParseFailed("a TYPE line has a type that the agent does not know")
    return name, written


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
