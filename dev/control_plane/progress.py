"""
Lines that tell a person how a long build is going.

On a terminal the current line is rewritten every second; elsewhere (a CI log) a new line
appears every 15 seconds, so that a build of minutes never looks hung.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

LINE_INTERVAL_S: Final = 15.0


class Progress:
    """
    Says what is being done and for how long.

    Args:
        stream: Where to write; standard error by default, looked up when the object is made.
        clock: Monotonic seconds.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._terminal = self._stream.isatty()
        self._text = ""
        self._started = 0.0
        self._last_line = 0.0

    def say(self, text: str) -> None:
        """Write one finished line."""
        print(text, file=self._stream, flush=True)

    def start(self, text: str) -> None:
        """Begin a step; ``text`` names it."""
        self._text = text
        self._started = self._last_line = self._clock()
        self._write(f"{text} ...", final=not self._terminal)

    def tick(self) -> None:
        """Show the elapsed time; cheap enough to call once a second."""
        now = self._clock()
        if self._terminal:
            self._write(self._elapsed(now), final=False)
        elif now - self._last_line >= LINE_INTERVAL_S:
            self._last_line = now
            self._write(self._elapsed(now), final=True)

    def finish(self, outcome: str = "") -> None:
        """End the step with the time it took."""
        self._write(f"{self._elapsed(self._clock())}{outcome}", final=True)

    def _elapsed(self, now: float) -> str:
        return f"{self._text} ... {now - self._started:.0f} s"

    def _write(self, text: str, *, final: bool) -> None:
        start = "\r\x1b[K" if self._terminal else ""
        print(f"{start}{text}", end="\n" if final else "", file=self._stream, flush=True)
