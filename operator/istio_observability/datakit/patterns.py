"""
Regular expressions as the agent compiles and searches them.

The agent is a Go program: its expressions are RE2, searched (not matched) in the family name, and
one that does not compile is dropped with a log line; if none of a list compiles, everything is
collected. A Python ``re`` would accept look-aheads and back references that the agent refuses.

Source: GuanceCloud/datakit 1.84.1, internal/prom/options.go and internal/prom/util.go.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Protocol, cast

import re2

# The RE2 library accepts these two; Go 1.19, which the agent is built with, does not.
_NOT_IN_GO: Final = frozenset({"\\C", "(?<"})
_ELEMENT: Final = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\(\?<", re.DOTALL)


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str, /) -> object | None:
        """Return a match of any part of ``text``, or ``None``."""


class InvalidPattern(ValueError):  # noqa: N818  names the state
    """The agent would drop this expression; the text says why, without the expression."""


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern:
    """
    Compile ``text`` as the agent would.

    Raises:
        InvalidPattern: Not RE2 as Go accepts it.
    """
    if not _NOT_IN_GO.isdisjoint(_ELEMENT.findall(text)):
        raise InvalidPattern("uses \\C or (?<, which the agent's RE2 does not know")
    options = re2.Options()
    options.log_errors = False
    try:
        return cast("Pattern", re2.compile(text, options))
    except re2.error as error:
        reason = error.args[0] if error.args else "is no RE2"
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        # RE2 appends the offending part after a colon; it may be long and is the user's own text.
        raise InvalidPattern(str(reason).partition(":")[0]) from error
    except UnicodeEncodeError as error:
        raise InvalidPattern("is not valid Unicode") from error


def compiles(text: str) -> bool:
    """Return whether the agent keeps this expression."""
    try:
        compile_pattern(text)
    except InvalidPattern:
        return False
    return True
