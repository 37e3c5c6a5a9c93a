"""The name that was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIMILARITY: Final = 0.87
_MAX_CHARS: Final = 100


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that differs by a slip of the pen, ``""`` if none does."""
    return _nearest(name, tuple(known)) if len(name) <= _MAX_CHARS else ""


@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    found = get_close_matches(name, [each for each in known if each != name], 1, _SIMILARITY)
    return found[0] if found else ""
