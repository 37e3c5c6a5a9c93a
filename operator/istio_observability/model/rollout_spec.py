"""
How fast and when pods may restart: ``spec.rollout``. No field here restarts anything by itself.

What is delivered and how fast it spreads are apart on purpose: a change of pace must not be a
new revision.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError, core_schema

from istio_observability.model.cron_schedule import (
    SCHEDULE_PATTERN,
    is_schedule,
    ranges_ascend,
)
from istio_observability.model.durations import parse_duration_s
from istio_observability.model.field_types import Duration, duration_rule
from istio_observability.model.schema_markers import Atomic, Explain, Rule
from istio_observability.model.spec_base import SpecModel

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

MAX_WINDOWS: Final = 16
MAX_CONCURRENT: Final = 100_000

TIME_ZONE_PATTERN: Final = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$"
REVISION_PATTERN: Final = "^[0-9a-f]+$"

_PERCENT_PATTERN: Final = "^([1-9][0-9]?|100)%$"
_PERCENT: Final = re.compile("([1-9][0-9]?|100)%", re.ASCII)


@dataclass(frozen=True, slots=True)
class CountOrPercent:
    """A number of workloads, 1 or more, or a share of them, ``1%`` to ``100%``."""

    def validate(self, value: Any) -> int | str:  # noqa: ANN401 - not validated yet
        """Return ``value`` unchanged, or raise the error that says what is allowed."""
        if isinstance(value, str) and _PERCENT.fullmatch(value):
            return value
        is_count = isinstance(value, int) and not isinstance(value, bool)
        if is_count and 1 <= value <= MAX_CONCURRENT:
            return int(value)
        raise PydanticCustomError(
            "rule",
            "{found}; {remedy}",
            {
                "found": f"is neither a number from 1 to {MAX_CONCURRENT} nor 1% to 100%",
                "remedy": 'use a number such as 5 or a share such as "10%"',
                "field_path": "",
            },
        )

    def __get_pydantic_core_schema__(
        self,
        source: object,
        handler: GetCoreSchemaHandler,
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # `pattern` looks at strings only, the limits at numbers only.
        return {
            "x-kubernetes-int-or-string": True,
            "minimum": 1,
            "maximum": MAX_CONCURRENT,
            "maxLength": 4,
            "pattern": _PERCENT_PATTERN,
        }


class Disruptive(StrEnum):
    """Whether workloads that would have downtime are restarted."""

    SKIP = "Skip"
    INCLUDE = "Include"


class OnFailure(StrEnum):
    """What happens after ``maxFailures`` workloads failed on our text."""

    HALT = "Halt"
    CONTINUE = "Continue"
    REVERT = "Revert"


class Approval(StrEnum):
    """Whether a new revision starts by itself."""

    AUTOMATIC = "Automatic"
    MANUAL = "Manual"


class RolloutWindow(SpecModel):
    """A time in which roll-outs may start."""

    schedule: Annotated[
        str,
        StringConstraints(min_length=9, max_length=100),
        Rule(
            cel=f"self.matches('{SCHEDULE_PATTERN}')",
            found="is not a cron schedule",
            remedy='use five fields such as "0 22 * * 6", names in capitals',
            holds=is_schedule,
        ),
        Rule(
            cel=None,
            found="has a range that goes downwards",
            remedy="write it upwards, or as two ranges",
            # Not a schedule at all is the rule above; this one would not understand it.
            holds=lambda text: not is_schedule(text) or ranges_ascend(text),
        ),
        Explain(
            "When the window opens: five cron fields (minute, hour, day of month, month, day of"
            " week).",
            unit="cron schedule in timeZone",
        ),
    ]
    duration: Annotated[
        Duration,
        duration_rule("1m", "168h", "6h"),
        Explain("How long the window stays open.", unit="duration from 1m to 168h"),
    ]
    time_zone: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64, pattern=TIME_ZONE_PATTERN),
        Rule(
            # Evaluating an unknown zone is an error, and an error refuses the object. Go would
            # read "Local" as the zone of whichever API server answers.
            cel="self != 'Local' && timestamp('2024-01-01T00:00:00Z').getHours(self) >= 0",
            found="is not a known time zone",
            remedy="use a name of the IANA data base such as Europe/Berlin",
            holds=lambda zone: zone in available_timezones(),
        ),
        Explain("Time zone of the schedule, a name of the IANA data base."),
    ] = "UTC"

    @property
    def duration_s(self) -> int:
        """Return how long the window stays open, in seconds."""
        return parse_duration_s(self.duration)


class RolloutSpec(SpecModel):
    """Pace, limits and approval of everything that restarts pods."""

    max_concurrent: Annotated[
        int | str,
        CountOrPercent(),
        Explain(
            "Workloads that may be restarting at the same time. 100% means no pacing.",
            unit='workloads, or a share of them such as "10%" (rounded up)',
        ),
    ] = 5
    max_restarted_pods: Annotated[
        int | None,
        Field(strict=True, ge=0, le=1_000_000),
        Explain(
            "Pods that one revision may restart in total; a larger plan is refused as a whole"
            " (RestartBudgetExceeded).",
            unit="pods",
            unset="no limit",
        ),
    ] = None
    disruptive: Annotated[
        Disruptive,
        Explain(
            "Skip leaves workloads alone that would have downtime (strategy Recreate, or no"
            " replica left while one restarts); Include restarts them too."
        ),
    ] = Disruptive.SKIP
    timeout: Annotated[
        Duration,
        duration_rule("10s", "24h", "10m"),
        Explain(
            "From our write to a finished roll-out of one workload; longer counts as failed.",
            unit="duration from 10s to 24h",
        ),
    ] = "10m"
    max_failures: Annotated[
        int,
        Field(strict=True, ge=1, le=MAX_CONCURRENT),
        Explain("Failed workloads after which onFailure applies.", unit="workloads"),
    ] = 1
    on_failure: Annotated[
        OnFailure,
        Explain(
            "Halt starts no further workload, Continue goes on, Revert also takes our text back"
            " from those that failed."
        ),
    ] = OnFailure.HALT
    approval: Annotated[
        Approval,
        Explain(
            "Manual keeps the last approved revision true and lets a new one wait until"
            " approvedRevision or `istio-observability approve` names it."
        ),
    ] = Approval.AUTOMATIC
    approved_revision: Annotated[
        str | None,
        StringConstraints(min_length=8, max_length=64, pattern=REVISION_PATTERN),
        Explain(
            "Revision that may be rolled out, as status.revision and `render --revision` print"
            " it; only with approval Manual. The revision it lets start restarts what its plan"
            " says.",
            unset="none is approved here",
        ),
    ] = None
    windows: Annotated[
        tuple[RolloutWindow, ...],
        Field(max_length=MAX_WINDOWS),
        Atomic(),
        Explain(
            "Times in which roll-outs may start; outside of all of them a new revision waits"
            " (OutsideWindow). None means at any time."
        ),
    ] = ()

    rules: ClassVar = (
        Rule(
            cel="!has(self.approvedRevision) || self.approval == 'Manual'",
            found="is set although approval is not Manual",
            remedy="remove it or set approval: Manual",
            holds=lambda rollout: (
                rollout.approved_revision is None or rollout.approval is Approval.MANUAL
            ),
            field_path=".approvedRevision",
        ),
    )

    @property
    def timeout_s(self) -> int:
        """Return how long one workload may take, in seconds."""
        return parse_duration_s(self.timeout)

    def max_concurrent_of(self, total: int) -> int:
        """Return how many of ``total`` workloads may restart at once, 1 or more."""
        if isinstance(self.max_concurrent, int):
            return self.max_concurrent
        share = int(self.max_concurrent.removesuffix("%"))
        return max(1, math.ceil(total * share / 100))
