"""
Durations as users write them: ``90s``, ``10m``, ``1h30m``; whole seconds and nothing finer.

The form is the part of Go's duration syntax that DataKit, CEL and Kubernetes read alike.
"""

from __future__ import annotations

import re
from typing import Final

DURATION_PATTERN: Final = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"
DURATION_MAX_LENGTH: Final = 18

_PARTS: Final = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?", re.ASCII)


def parse_duration_s(text: str) -> int:
    """
    Return the seconds of a duration such as ``1h30m``.

    Raises:
        ValueError: ``text`` is empty or has another form; the text is not repeated.
    """
    match = _PARTS.fullmatch(text)
    if not text or match is None:
        raise ValueError("not a duration such as 90s, 10m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
