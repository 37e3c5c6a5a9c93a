"""
Numbers as the agent, a Go program, reads and writes them.

Source: Go 1.19, src/strconv/atof.go (``ParseFloat``), src/fmt/format.go (``%v`` of a float) and
src/time/time.go (``Duration.String``).
"""

from __future__ import annotations

import math
import re
from typing import Final

_FLOAT: Final = re.compile(
    r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|inf(?:inity)?)|nan", re.IGNORECASE
)
_MAX_UINT: Final = 2**64
_SAFE_DIGITS: Final = 300
_EXPONENT_FROM: Final = 6
_SMALL_UNITS: Final = ((1, "ns"), (1_000, "µs"), (1_000_000, "ms"))


def parse_float(text: str) -> float | None:
    """Return the number, or ``None`` where Go sees none, or one that is too large."""
    if len(text) <= _SAFE_DIGITS and text.isascii() and text.isdigit():
        return float(text)
    if not _FLOAT.fullmatch(text):
        return None
    value = float(text)
    if math.isinf(value) and "n" not in text.lower():
        return None
    return value


def format_float(value: float) -> str:
    """Return ``fmt.Sprint``: ``1e+06`` for a million, ``0.0001``, ``+Inf``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return f"{sign}0"
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    scale = point - 1
    if scale < -4 or scale >= _EXPONENT_FROM:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'-' if scale < 0 else '+'}{abs(scale):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def to_count(value: float) -> float:
    """Return the value cut to a whole number, as the agent keeps the counts of histograms."""
    if math.isfinite(value) and 0 <= value < _MAX_UINT:
        return float(int(value))
    # What a processor of the kind most agents run on makes of it; the language leaves it open.
    if math.isfinite(value) and -_MAX_UINT / 2 < value < 0:
        return float(int(value) % _MAX_UINT)
    return float(_MAX_UINT // 2)


def format_duration(nanoseconds: int) -> str:
    """Return ``1m0s`` for 60 seconds, ``250ms``, ``60ns``."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest == 0:
        return "0s"
    if rest < 1_000_000_000:
        unit, name = next(u for u in reversed(_SMALL_UNITS) if rest >= u[0])
        return f"{sign}{_decimal(rest, unit)}{name}"
    minutes, nanos = divmod(rest, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(nanos, 1_000_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    digits = str(fraction).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits}"
