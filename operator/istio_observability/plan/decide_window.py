"""
Whether roll-outs may start now, by the windows of a resource, and when that changes.

A window opens at each time of its schedule and stays open for its duration, both in its time zone;
no windows mean that it is always open. Time comes in as a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from istio_observability.model.rollout_spec import RolloutWindow

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WindowState:
    """
    The state at one moment.

    ``changes_at`` is when it will be otherwise, seconds since the epoch; ``None`` if never.
    """

    is_open: bool
    changes_at: float | None


def decide_window(windows: Sequence[RolloutWindow], taken_at: float) -> WindowState:
    """
    Return whether any window is open.

    Args:
        windows: None means that it is always open.
        taken_at: Seconds since the epoch.
    """
    if not windows:
        return WindowState(is_open=True, changes_at=None)
    closings = [end for each in windows if (end := _closes_at(each, taken_at)) is not None]
    if closings:
        # Another window may take over at that moment; looking again then is enough.
        return WindowState(is_open=True, changes_at=max(closings))
    openings = [start for each in windows if (start := opens_at(each, taken_at)) is not None]
    return WindowState(is_open=False, changes_at=min(openings, default=None))


def opens_at(window: RolloutWindow, after: float) -> float | None:
    """Return when a window opens next, seconds since the epoch; ``None`` if it never does."""
    moment = datetime.fromtimestamp(after, UTC).astimezone(ZoneInfo(window.time_zone))
    try:
        return float(next(CronSim(window.schedule, moment)).timestamp())
    except (CronSimError, StopIteration):
        # The 30th of February, say: a schedule that the form allows and the calendar does not.
        return None


def _closes_at(window: RolloutWindow, taken_at: float) -> float | None:
    # From the next minute backwards: a window that opens this very minute is open.
    moment = datetime.fromtimestamp(taken_at, UTC).astimezone(ZoneInfo(window.time_zone)) + _MINUTE
    try:
        openings = CronSim(window.schedule, moment, reverse=True)
        opened = next(openings).timestamp()
        while opened > taken_at:
            opened = next(openings).timestamp()
    except (CronSimError, StopIteration):
        return None
    end = opened + window.duration_s
    return float(end) if end > taken_at else None
