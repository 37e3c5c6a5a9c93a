"""
Passes over many samples of one family at once, where they only have to be counted.

Samples of a family mostly have the same labels in the same order. For those that were seen once
the rest is one regular expression, run in C over as many lines as fit. Whatever looks different
in the least (an escape, a blank, a timestamp, NaN) stops the run and is read line by line.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.exposition_lines import parse_labels

if TYPE_CHECKING:
    from istio_observability.datakit.exposition import Family

# Short enough that no number of this form is too large for a float.
NUMBER: Final = r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[-+]?[0-9]{1,2})?+"
TEXT: Final = r'"[^"\\\n]*+"'
BOUND: Final = rf'"(?:{NUMBER}|\+Inf)"'
_MOST_SHAPES: Final = 8
SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Runs:
    """What is known about the lines of one family."""

    __slots__ = ("_pattern", "_shapes", "family")

    def __init__(self, family: Family) -> None:
        self.family = family
        self._shapes: list[str] = []
        self._pattern: re.Pattern[str] | None = None

    def learn(self, name: str, labels: str | None) -> None:
        """Remember how a line looked that was read one by one."""
        shape = _shape(name, tuple(key for key, _ in parse_labels(labels or "")))
        if shape not in self._shapes and len(self._shapes) < _MOST_SHAPES:
            self._shapes.append(shape)
            self._pattern = _compile(tuple(self._shapes))

    def skip(self, text: str, position: int) -> int:
        """Count the lines that look like those known; return the position behind them."""
        if self._pattern is None:
            return position
        run = self._pattern.match(text, position)
        if run is None or (not text.isascii() and SURROGATE.search(text, position, run.end())):
            return position
        lines = text.count("\n", position, run.end())
        self.family.samples += lines
        if self.family.wanted:
            self.family.finite += lines
        return run.end()


@lru_cache(maxsize=4096)
def _shape(name: str, keys: tuple[str, ...]) -> str:
    # Both are read as numbers in some families, and a bad one ends the parse.
    bounds = {"le": BOUND, "quantile": BOUND}
    labels = ",".join(f"{key}={bounds.get(key, TEXT)}" for key in keys)
    return rf"{name}\{{{labels}\}} " if keys else f"{name} "


@lru_cache(maxsize=512)
def _compile(shapes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{'|'.join(shapes)}){NUMBER}\n)++")
