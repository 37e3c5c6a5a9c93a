"""
Reads YAML that people paste: says what breaks it, and goes on where the meaning is plain.

Three slips are repaired in memory so that the rest can be judged: a line indented with tabs, a key
without its colon, three dots that stand for lines left out. Anything else ends the document, and
the next one is read. ``---`` at the start of a line is a boundary in every YAML text, also inside
broken ones.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from istio_observability.lint.yaml_nodes import BrokenYaml, Node, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.places import Edit, Passage

_BOUNDARY: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_DIRECTIVES: Final = re.compile(r"\s*(?:[%#][^\n]*(?:\n|\Z)\s*)*")
_DOTS: Final = re.compile(r"^[ \t]*(\.\.\.)[ \t]*$", re.MULTILINE)
_MIDDLE_DOTS: Final = re.compile(r"^(\.\.\.)[ \t]*$(?=\s*^[^\s#])", re.MULTILINE)
_BARE_KEY: Final = re.compile(r"([ ]*)(?:- )?[A-Za-z][\w./-]*[ ]*\r?")
_MAX_REPAIRS: Final = 100
_LOOK_BACK: Final = 4


class Slip(Enum):
    """What was repaired."""

    TABS = auto()
    COLON = auto()
    DOTS = auto()


@dataclass(frozen=True, slots=True)
class Repair:
    """One slip; ``position`` in ``passage``. ``edits`` repair the file itself."""

    slip: Slip
    passage: Passage
    position: int
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class YamlText:
    """
    One document.

    Attributes:
        roots: What could be read of it: one value, rarely more, none if it is broken or empty.
        broken: Why nothing could be read.
    """

    passage: Passage
    roots: tuple[Node, ...]
    repairs: tuple[Repair, ...] = ()
    broken: BrokenYaml | None = None

    @property
    def subject(self) -> str:
        """Return what findings call it."""
        return "YAML"


def read_yaml(passage: Passage) -> Iterator[YamlText]:
    """Yield the documents of a text in order; never raises."""
    for part in _documents(passage):
        yield _read(part)


def _documents(passage: Passage) -> Iterator[Passage]:
    starts = [match.start() for match in _BOUNDARY.finditer(passage.text)]
    edges = [0, *(start for start in starts if start > 0), len(passage.text)]
    begin = 0
    for start, end in itertools.pairwise(edges):
        # Comments and directives before a boundary belong to the document behind it.
        only_comments = _DIRECTIVES.fullmatch(passage.text, start, end)
        if only_comments is not None and end < len(passage.text):
            continue
        yield passage.part(begin, end)
        begin = end


def _read(original: Passage) -> YamlText:
    passage, repairs = original, list[Repair]()
    for match in _MIDDLE_DOTS.finditer(original.text):
        passage, repair = _comment_out(passage, match.start(1))
        repairs.append(repair)
    while True:
        try:
            return YamlText(passage, tuple(read_documents(passage)), tuple(repairs))
        except BrokenYaml as error:
            found = None
            if len(repairs) < _MAX_REPAIRS:
                found = (
                    _expand_tabs(passage, error.position)
                    or _add_colon(passage, error.position)
                    or _dots_before(passage, error.position)
                )
            if found is None:
                return YamlText(passage, (), tuple(repairs), error)
            passage, repair = found
            repairs.append(repair)


def _expand_tabs(passage: Passage, position: int) -> tuple[Passage, Repair] | None:
    """Give a line that starts with tabs the indentation of the line before it."""
    start, end = passage.line_of(min(position, len(passage.text)))
    line = passage.text[start:end]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    if "\t" not in indent:
        return None
    before = passage.text[:start].rstrip()
    previous = before[before.rfind("\n") + 1 :]
    spaces = " " * (len(previous) - len(previous.lstrip(" ")))
    if not spaces:
        return None
    edits = passage.replace(start, start + len(indent), spaces)
    repair = Repair(Slip.TABS, passage, start, edits)
    return _rewrite(passage, start, start + len(indent), spaces), repair


def _add_colon(passage: Passage, position: int) -> tuple[Passage, Repair] | None:
    """Give a lone word above deeper lines the colon of a key."""
    start, _ = passage.line_of(min(position, len(passage.text)))
    below = start
    for _ in range(_LOOK_BACK):
        if below == 0:
            return None
        above, end = passage.line_of(below - 1)
        line = passage.text[above:end]
        bare = _BARE_KEY.fullmatch(line)
        following = passage.text[below : passage.line_of(below)[1]]
        deeper = len(following) - len(following.lstrip(" "))
        if bare is not None and following.strip() and deeper > len(bare[1]):
            at = above + len(line.rstrip())
            repair = Repair(Slip.COLON, passage, above + len(bare[1]), passage.replace(at, at, ":"))
            return _rewrite(passage, at, at, ":"), repair
        below = above
    return None


def _dots_before(passage: Passage, position: int) -> tuple[Passage, Repair] | None:
    limit = passage.line_of(min(position, len(passage.text)))[1]
    for match in reversed(list(_DOTS.finditer(passage.text, 0, limit))):
        return _comment_out(passage, match.start(1))
    return None


def _comment_out(passage: Passage, position: int) -> tuple[Passage, Repair]:
    repair = Repair(Slip.DOTS, passage, position)
    return _rewrite(passage, position, position + 3, "#.."), repair


def _rewrite(passage: Passage, start: int, end: int, text: str) -> Passage:
    changed = passage.text[:start] + text + passage.text[end:]
    return passage.rewritten(changed, start, end, len(text))
