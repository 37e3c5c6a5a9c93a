"""
Passes over whole summaries and histograms, where their parts only have to be counted.

The samples of one histogram mostly stand together: buckets with the same labels, then sum and
count. Such a group is one match of a regular expression, so labels are read once per histogram
and not once per bucket. Whatever looks different in the least is read line by line.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.exposition_lines import Labels, parse_labels
from istio_observability.datakit.exposition_runs import BOUND, NUMBER, SURROGATE, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from istio_observability.datakit.exposition_family import Composite, Family

_MOST_MISSES: Final = 16
"""A family that is always different costs this many attempts, and no more."""

_MARKS: Final = {"summary": ("", "quantile"), "histogram": ("_bucket", "le")}


class Groups:
    """What is known about the groups of one family."""

    __slots__ = ("_misses", "_pattern", "family")

    def __init__(self, family: Family) -> None:
        self.family = family
        self._pattern: re.Pattern[str] | None = None
        self._misses = 0

    def learn(self, name: str, labels: str | None) -> None:
        """Remember how a sample looked that was read one by one; the last order of labels wins."""
        suffix, mark = _MARKS[self.family.type]
        keys = tuple(key for key, _ in parse_labels(labels or ""))
        # Only where the bound stands last is what precedes it the text of all other labels.
        if name == self.family.name + suffix and keys and keys[-1] == mark:
            self._pattern = _compile(self.family.name, suffix, keys)

    def skip(self, text: str, position: int, find: Callable[[Family, Labels], Composite]) -> int:
        """
        Count the groups that stand at a position; return the position behind them.

        Args:
            text: A part of an exposition.
            position: Where a line begins.
            find: Returns the summary or histogram with these labels.
        """
        pattern = self._pattern
        if pattern is None or self._misses > _MOST_MISSES:
            return position
        begin = position
        while group := pattern.match(text, position):
            if not text.isascii() and SURROGATE.search(text, position, group.end()):
                break
            lines = text.count("\n", position, group.end())
            self.family.samples += lines
            # Two of them are sum and count.
            find(self.family, parse_labels(group[1] or "")).counted += lines - 2
            position = group.end()
        self._misses += position == begin
        return position


@lru_cache(maxsize=512)
def _compile(name: str, suffix: str, keys: tuple[str, ...]) -> re.Pattern[str]:
    *others, mark = keys
    labels = ",".join(f"{key}={TEXT}" for key in others)
    first, same, braced = "()", "", ""
    if others:
        first, same, braced = f"({labels}),", r"\1,", r"\{\1\}"
    return re.compile(
        rf"{name}{suffix}\{{{first}{mark}={BOUND}\}} {NUMBER}\n"
        rf"(?:{name}{suffix}\{{{same}{mark}={BOUND}\}} {NUMBER}\n)*+"
        rf"(?:{name}_sum{braced} {NUMBER}\n{name}_count{braced} {NUMBER}\n"
        rf"|{name}_count{braced} {NUMBER}\n{name}_sum{braced} {NUMBER}\n)"
    )
