"""
Counts what a scrape would keep, without building it.

For large expositions: each family is decided once, its samples are passed over in bulk where only
their number counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from istio_observability.datakit.build_points import SCALARS
from istio_observability.datakit.exposition import Family, ParseFailed, read_batches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from istio_observability.datakit.scrape_options import ScrapeOptions


@dataclass(slots=True)
class FamilyTally:
    """
    One family, as the agent believes it to be.

    Attributes:
        series: Samples in the exposition.
        points: Points that one scrape yields; 0 if it is dropped.
    """

    name: str
    type: str
    kept: bool
    series: int = 0
    points: int = 0


@dataclass(slots=True)
class Tally:
    """
    A whole exposition.

    Attributes:
        families: By name and type, in the order in which they stand.
        error: Why the agent stops in the middle; ``""`` if it does not.
    """

    families: dict[tuple[str, str], FamilyTally] = field(default_factory=dict)
    error: str = ""

    @property
    def series(self) -> int:
        """Return the samples read."""
        return sum(family.series for family in self.families.values())

    @property
    def kept_series(self) -> int:
        """Return the samples of families that are kept."""
        return sum(family.series for family in self.families.values() if family.kept)

    @property
    def points(self) -> int:
        """Return the points of one scrape."""
        return sum(family.points for family in self.families.values())


def tally_exposition(source: bytes | Iterable[bytes], options: ScrapeOptions) -> Tally:
    """Count the samples and points of one body, or of pieces of it, family by family."""
    tally = Tally()
    decided: dict[tuple[str, str], bool] = {}

    def wants(name: str, kind: str) -> bool:
        key = (name, kind)
        if key not in decided:
            decided[key] = options.wants(name, kind)
        return decided[key]

    batches = read_batches(source, batch_size=options.batch_size, wants=wants, count_only=True)
    try:
        for batch in batches:
            for family in batch.values():
                kept = wants(family.name, family.type)
                entry = tally.families.setdefault(
                    (family.name, family.type), FamilyTally(family.name, family.type, kept)
                )
                entry.series += family.samples
                entry.points += count_points(family) if kept else 0
    except ParseFailed as error:
        tally.error = str(error)
    return tally


def count_points(family: Family) -> int:
    """Return the points that a family gives that is kept."""
    composites = family.composites.values()
    if family.type in SCALARS:
        # Samples read under another type count as 0, which is a point.
        built = sum(
            1
            for kind, _, number, _ in family.scalars
            if kind != family.type or math.isfinite(number)
        )
        return family.finite + built + len(composites)
    if family.type not in {"summary", "histogram"}:
        return 0
    whole = [one for one in composites if one.kind == family.type]
    parts = (part for one in whole for part in one.parts)
    skipped = family.type == "summary"
    own = sum(1 for _, number in parts if not (skipped and math.isnan(number)))
    return own + sum(one.counted for one in whole) + len(composites) + len(family.scalars)
