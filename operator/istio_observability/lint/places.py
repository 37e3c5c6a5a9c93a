"""
Texts with the way back into the file that they stand in.

A conf file stands in a block of a ConfigMap, which may stand in a fenced block of a page. Findings
and fixes speak of the outermost file, so every inner text knows where each of its characters came
from. Positions are counted in characters, lines and columns from 1.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A character of a file; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return ``file:line:column``, which terminals and editors jump to."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters ``start`` to ``end`` of a file, counted from 0."""

    file: str
    start: int
    end: int
    text: str


class SourceFile:
    """
    One file as it was read.

    Attributes:
        name: What findings call it.
        text: Its text; line ends are kept as they are.
        live: It was read from a cluster: nothing can be fixed, and what is absent is absent.
    """

    __slots__ = ("_line_starts", "live", "name", "text")

    def __init__(self, name: str, text: str, *, live: bool = False) -> None:
        self.name = name
        self.text = text
        self.live = live
        self._line_starts = line_starts(text)

    def place(self, offset: int) -> Place:
        """Return the place of a character."""
        line = bisect_right(self._line_starts, offset) - 1
        return Place(self.name, line + 1, offset - self._line_starts[line] + 1)


class Passage:
    """
    A text that stands in a file, or was made from a text that does.

    Attributes:
        editable: A replacement in this text may be made in the file as it is; false where the file
            writes the text in quotes or folds it.
    """

    __slots__ = ("_here", "_there", "editable", "file", "text")

    def __init__(
        self,
        file: SourceFile,
        text: str,
        segments: Iterable[tuple[int, int]],
        *,
        editable: bool = True,
    ) -> None:
        """
        Keep the text.

        Args:
            file: The outermost file.
            text: The inner text.
            segments: Pairs of a position in ``text`` and the position in the file that it came
                from, ascending; what follows one of them came from behind it.
            editable: See the attribute.
        """
        pairs = list(segments) or [(0, 0)]
        self.file = file
        self.text = text
        self.editable = editable and not file.live
        self._here = [here for here, _ in pairs]
        self._there = [there for _, there in pairs]

    def offset(self, position: int) -> int:
        """Return where in the file a character of the text stands."""
        index = max(bisect_right(self._here, position) - 1, 0)
        found = self._there[index] + position - self._here[index]
        return min(max(found, 0), len(self.file.text))

    def place(self, position: int) -> Place:
        """Return the place of a character of the text."""
        return self.file.place(self.offset(position))

    def replace(self, start: int, end: int, text: str) -> tuple[Edit, ...]:
        """Return the edit that replaces a part of one line, none if the file cannot take it."""
        if not self.editable:
            return ()
        first = self.offset(start)
        return (Edit(self.file.name, first, first + end - start, text),)

    def derive(
        self, text: str, segments: Sequence[tuple[int, int]], *, editable: bool = True
    ) -> Passage:
        """Return a text made from this one; segments are pairs of positions in both."""
        pairs = [(here, self.offset(there)) for here, there in segments]
        return Passage(self.file, text, pairs, editable=editable and self.editable)

    def part(self, start: int, end: int) -> Passage:
        """Return a part of this text."""
        inner = ((here - start, here) for here in self._here if start < here < end)
        return self.derive(self.text[start:end], [(0, start), *inner], editable=self.editable)

    def rewritten(self, text: str, start: int, end: int, length: int) -> Passage:
        """Return a copy in which ``start`` to ``end`` was replaced by ``length`` characters."""
        shift = length - (end - start)
        pairs = [(here, here) for here in self._here if here < start]
        after = [(here + shift, here) for here in self._here if here > end]
        return self.derive(text, [*pairs, (start, start), (start + length, end), *after])

    def line_of(self, position: int) -> tuple[int, int]:
        """Return start and end of the line around a character, without its line end."""
        start = self.text.rfind("\n", 0, position) + 1
        end = self.text.find("\n", position)
        return start, len(self.text) if end < 0 else end


def whole(file: SourceFile) -> Passage:
    """Return a file as a text that stands in it."""
    return Passage(file, file.text, [(0, 0)])


def line_starts(text: str) -> list[int]:
    """Return where each line starts; the first at 0."""
    lengths = (len(line) + 1 for line in text.split("\n"))
    return [0, *accumulate(lengths)][:-1]
