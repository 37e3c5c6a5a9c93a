"""
Counts an exposition once, so that every choice about it costs a look at its families only.

How many points a family gives does not depend on what else is kept, so one pass answers for all
configurations. Large families are passed over in bulk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from istio_observability.datakit.exposition import ParseFailed, read_batches
from istio_observability.datakit.tally_exposition import count_points

if TYPE_CHECKING:
    from istio_observability.datakit.exposition import Family


@dataclass(frozen=True, slots=True)
class CountedFamily:
    """
    One family, as the agent believes it to be.

    Attributes:
        series: Samples in the exposition.
        points: Points that one scrape yields if the family is kept.
        labels: Names of all its labels, ``le`` and ``quantile`` included.
    """

    name: str
    type: str
    series: int
    points: int
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Counted:
    """
    A whole exposition.

    Attributes:
        families: In the order in which they stand; a name can stand twice with two types.
        error: Why the agent stops in the middle; ``""`` if it does not.
    """

    families: tuple[CountedFamily, ...]
    error: str

    @property
    def series(self) -> int:
        """Return the samples that the agent reads."""
        return sum(family.series for family in self.families)


@dataclass(slots=True)
class _Sum:
    series: int = 0
    points: int = 0
    labels: set[str] = field(default_factory=set)


def count_families(body: bytes, batch_size: int = 1) -> Counted:
    """
    Count a body.

    Args:
        body: The exposition, unpacked.
        batch_size: Families that the agent reads at once, see ``read_batches``.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    error = ""
    try:
        for batch in read_batches(body, batch_size=batch_size, count_only=True):
            for family in batch.values():
                one = sums.setdefault((family.name, family.type), _Sum())
                one.series += family.samples
                one.points += count_points(family)
                one.labels |= _label_names(family)
    except ParseFailed as failed:
        error = str(failed)
    return Counted(
        tuple(
            CountedFamily(name, kind, one.series, one.points, frozenset(one.labels))
            for (name, kind), one in sums.items()
        ),
        error,
    )


def _label_names(family: Family) -> set[str]:
    if family.label_names:
        return family.label_names
    # Read in larger batches: samples are built, not counted.
    names = {name for _, labels, _, _ in family.scalars for name, _ in labels}
    for composite in family.composites.values():
        names.update(name for name, _ in composite.labels)
    return names
