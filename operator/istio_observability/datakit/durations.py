"""
Durations as the agent writes and reads them: the text form of Go's ``time.Duration``.

A bare number is no duration in text form, and an integer in TOML means nanoseconds.

Source: Go, src/time/format.go (``ParseDuration``).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

SECOND_NS: Final = 1_000_000_000
_UNIT_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND_NS,
    "m": 60 * SECOND_NS,
    "h": 3600 * SECOND_NS,
}
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MAX_NS: Final = 2**63 - 1
_MAX_CHARS: Final = 64


def render_seconds(seconds: int) -> str:
    """Return ``60s`` for 60; always with its unit."""
    return f"{seconds}s"


def parse_duration_ns(text: str) -> int:
    """
    Return the nanoseconds of a text such as ``60s``, ``1m30s`` or ``1.5h``.

    Raises:
        ValueError: Go would refuse the text.
    """
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    if not rest or len(rest) > _MAX_CHARS:
        raise ValueError("not a duration with a unit")
    total, position = Decimal(0), 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            raise ValueError("not a duration with a unit")
        total += Decimal(part[1]) * _UNIT_NS[part[2]]
        position = part.end()
    if total > _MAX_NS:
        raise ValueError("longer than the agent can count")
    return sign * int(total)
