"""
Comments that switch rules off: ``# istio-observability: ignore=IOB203,IOB213``.

A comment behind something covers its line, one on a line of its own the next line, and both cover
what is indented deeper below it: behind ``data:`` the whole ConfigMap, above a key its value.
Above a ``[[table]]`` it covers that table. The form is the same in YAML, TOML and pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from istio_observability.lint.places import Place, SourceFile

_MARK: Final = "istio-observability:"
_COMMENT: Final = re.compile(
    r"(?:^|(?<=\s))#[ \t]*istio-observability:[ \t]*ignore=[ \t]*([A-Za-z0-9_\-]+(?:[ \t]*,[ \t]*"
    r"[A-Za-z0-9_\-]+)*)"
)
_HEADER: Final = re.compile(r"[ \t]*\[")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: lines ``first`` to ``last``, counted from 1, without the rules named."""

    place: Place
    rules: frozenset[str]
    first: int
    last: int


def ignores_in(file: SourceFile) -> list[Ignore]:
    """Return the comments of a file in order."""
    if _MARK not in file.text:
        return []
    lines = file.text.split("\n")
    found, offset = [], 0
    for index, line in enumerate(lines):
        comment = _COMMENT.search(line)
        if comment is not None:
            rules = frozenset(each.strip().upper() for each in comment[1].split(","))
            start = index
            if not line[: comment.start()].strip():
                start = _next_line(lines, index + 1)
            last = _last_line(lines, start)
            found.append(Ignore(file.place(offset + comment.start()), rules, start + 1, last + 1))
        offset += len(line) + 1
    return found


def _next_line(lines: list[str], index: int) -> int:
    while index < len(lines) - 1 and (not lines[index].strip() or _is_comment(lines[index])):
        index += 1
    return min(index, len(lines) - 1)


def _last_line(lines: list[str], start: int) -> int:
    """Return the last line that is indented deeper, or belongs to the table that starts here."""
    indent = _indent(lines[start])
    is_header = _HEADER.match(lines[start]) is not None
    last = start
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if not line.strip():
            continue
        if is_header and (_indent(line) < indent or line.lstrip().startswith(("[[", "---"))):
            break
        if not is_header and _indent(line) <= indent:
            break
        last = index
    return last


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
