"""
The form of a cron schedule: five fields, as CronJobs have them, without ``@daily`` and seconds.

The expression here checks each number against its field. That a range goes upwards is the one
thing it cannot say; ``ranges_ascend`` does, in the operator only.
"""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def _field(value: str) -> str:
    item = f"([*]|({value})(-({value}))?)(/[1-9][0-9]?)?"
    return f"{item}(,{item})*"


SCHEDULE_PATTERN: Final = (
    "^"
    + " ".join(
        (
            _field("[0-5]?[0-9]"),
            _field("[01]?[0-9]|2[0-3]"),
            _field("0?[1-9]|[12][0-9]|3[01]"),
            _field("0?[1-9]|1[0-2]|" + "|".join(_MONTHS)),
            _field("[0-7]|" + "|".join(_DAYS)),
        )
    )
    + "$"
)
"""Fits Go's and Python's regular expressions alike; the server evaluates it through CEL."""

_SCHEDULE: Final = re.compile(SCHEDULE_PATTERN.strip("^$"), re.ASCII)
_RANGE: Final = re.compile(r"([0-9A-Z]+)-([0-9A-Z]+)", re.ASCII)


def is_schedule(text: str) -> bool:
    """Return whether ``text`` has five cron fields with numbers that exist."""
    return _SCHEDULE.fullmatch(text) is not None


def ranges_ascend(text: str) -> bool:
    """Return whether every range of a schedule goes upwards; ``5-1`` would never fire."""
    return all(_number(low) <= _number(high) for low, high in _RANGE.findall(text))


def _number(text: str) -> int:
    if text in _MONTHS:
        return _MONTHS.index(text) + 1
    return _DAYS.index(text) if text in _DAYS else int(text)
