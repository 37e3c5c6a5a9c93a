"""
Tell a person what happens, line by line, on a terminal or in a log.

The words are the same in both; a terminal adds colour and a spinner while something takes time.
Nothing is drawn with boxes, so that a log stays searchable and can be compared.
"""

from __future__ import annotations

import contextlib
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Final, TextIO, TypedDict

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _Wrap(TypedDict):
    break_long_words: bool
    break_on_hyphens: bool


_LOG_WIDTH: Final = 80
_MAX_WIDTH: Final = 110
_INDENT: Final = "  "
_DOTS_END: Final = 66
# Names and commands are copied from the screen, so none is broken in two.
_WRAP: Final[_Wrap] = {"break_long_words": False, "break_on_hyphens": False}


class Account:
    """
    What is told, and the claims that did not hold.

    Args:
        stream: Where to write; standard output by default, looked up when the object is made.
        width: Columns; by default those of the terminal, at most 110, and 80 in a log.

    Attributes:
        failures: Every claim that did not hold, with what was found instead.
    """

    def __init__(self, stream: TextIO | None = None, width: int | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._console = Console(file=self._stream, highlight=False, markup=False, emoji=False)
        self._live = self._console.is_terminal
        seen = self._console.width if self._live else _LOG_WIDTH
        self.width = width or min(seen, _MAX_WIDTH)
        self.failures: list[str] = []

    def section(self, title: str) -> None:
        """Begin a part of the account."""
        self._line("")
        self._line(title, "bold cyan")
        self._line("-" * min(len(title), self.width), "cyan")

    def say(self, text: str, style: str = "") -> None:
        """Write a paragraph, wrapped."""
        self._line(textwrap.fill(text, self.width, **_WRAP), style)

    def item(self, text: str, style: str = "", *, depth: int = 1) -> None:
        """Write one line, not wrapped; ``depth`` is its indentation in steps of two."""
        self._line(f"{_INDENT * depth}{text}", style)

    def blank(self) -> None:
        """Write an empty line."""
        self._line("")

    def block(self, text: str, style: str = "green", *, depth: int = 1) -> None:
        """Write lines as they are, indented: YAML, or what a command printed."""
        self._line(textwrap.indent(text.rstrip("\n"), _INDENT * depth), style)

    def command(self, line: str) -> None:
        """Write a command that a reader may repeat."""
        self._line(f"{_INDENT}$ {line}", "bold")

    def rows(self, rows: Sequence[Sequence[str]], style: str = "", *, depth: int = 1) -> None:
        """Write rows in columns of equal width, two blanks apart."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.item("  ".join(cells).rstrip(), style, depth=depth)

    def fits(self, rows: Sequence[Sequence[str]], *, depth: int = 1) -> bool:
        """Return whether ``rows`` would write these rows within the width."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return len(_INDENT) * (depth + len(widths) - 1) + sum(widths) <= self.width

    def check(self, claim: str, holds: bool, found: str = "") -> None:
        """Write whether a claim holds, and remember it if it does not."""
        if not holds:
            self.failures.append(f"{claim}: {found}" if found else claim)
        word, style = ("ok", "bold green") if holds else ("FAILED", "bold red")
        lines = textwrap.wrap(claim, self.width - 10, **_WRAP)
        first = Text(f"{_INDENT}{word:<6}", style).append(f"  {lines[0]}", "default not bold")
        self._console.print(first, soft_wrap=True)
        for line in lines[1:]:
            self._line(f"{'':10}{line}")
        if not holds and found:
            self._line(textwrap.indent(found, " " * 10), "red")

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Write what is being done and, when it is done, how long it took."""
        started = time.monotonic()
        label = f"{_INDENT}{text} "
        outcome, style = " failed after", "red"
        try:
            if self._live:
                with self._console.status(Text(label)):
                    yield
            else:
                # The name at once: a log must not look hung while something takes long.
                self._stream.write(label)
                self._stream.flush()
                yield
            outcome, style = "", ""
        finally:
            shown = label if self._live else ""
            dots = "." * max(2, _DOTS_END - len(label))
            self._line(f"{shown}{dots}{outcome} {time.monotonic() - started:4.1f} s", style)

    def _line(self, text: str, style: str = "") -> None:
        # Wrapped by us or not at all: rich would break commands and YAML at the terminal's edge.
        self._console.print(Text(text, style), soft_wrap=True)
        self._stream.flush()
