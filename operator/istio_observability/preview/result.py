"""
The question of a preview and its answer, as values.

A *series* is a line of an exposition; a *point* is what the agent makes of one or more of them,
and what is stored and paid for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.datakit.scrape_options import ScrapeOptions
    from istio_observability.istio.catalogue import Target, Version
    from istio_observability.preview.counted import Counted
    from istio_observability.preview.panels import ViewPreview
    from istio_observability.preview.points import PointsSeen

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Job:
    """
    What the agent does with one target.

    Attributes:
        interval_s: Seconds between two scrapes.
        tags: Added to every finished point.
    """

    options: ScrapeOptions
    interval_s: float
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    One possible configuration.

    Attributes:
        name: What tables call it.
        jobs: By kind of target; a target that is left out is not scraped.
        collisions_too: Build points for it too. Dear, so only where labels are treated otherwise.
    """

    name: str
    jobs: Mapping[Target, Job]
    collisions_too: bool = False


@dataclass(frozen=True, slots=True)
class Exposition:
    """
    One exposition that was looked at.

    Attributes:
        name: Where it comes from, without any secret of an address.
        recognised: Whether the target was recognised, not assumed.
    """

    name: str
    body: bytes
    counted: Counted
    target: Target
    version: Version | None
    recognised: bool


@dataclass(frozen=True, slots=True)
class FamilyPreview:
    """
    One family under the configuration.

    Attributes:
        points: Points of one scrape, 0 if it is dropped.
        dropped: Why it is dropped, ``""`` if it is kept.
    """

    name: str
    type: str
    series: int
    points: int
    dropped: str


@dataclass(frozen=True, slots=True)
class ExpositionPreview:
    """
    One exposition under the configuration.

    Attributes:
        targets: How many such targets there are, as far as points per day are concerned.
        families: Most points first, then most series.
        seen: What built points show; ``None`` for a target that is not scraped.
    """

    exposition: Exposition
    interval_s: float
    targets: float
    families: tuple[FamilyPreview, ...]
    seen: PointsSeen | None

    @property
    def kept(self) -> tuple[FamilyPreview, ...]:
        """Return the families that are kept."""
        return tuple(family for family in self.families if not family.dropped)

    @property
    def dropped(self) -> tuple[FamilyPreview, ...]:
        """Return the families that are dropped, most series first."""
        return tuple(family for family in self.families if family.dropped)

    @property
    def series_kept(self) -> int:
        """Return the series of families that are kept."""
        return sum(family.series for family in self.kept)

    @property
    def points(self) -> int:
        """Return the points of one scrape of one target."""
        return sum(family.points for family in self.families)

    @property
    def points_a_day(self) -> float:
        """Return the points of one day of all targets of its kind."""
        return self.points * DAY_S / self.interval_s * self.targets if self.interval_s else 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What one choice gives, over all expositions.

    Attributes:
        series_by_exposition: The series of each exposition, in their order.
        panels: Panels that have data, of ``panels_asked`` that the expositions can feed.
        collisions: Series with several values; ``None``: not looked at.
    """

    name: str
    families: int
    series_by_exposition: tuple[int, ...]
    points: int
    points_a_day: float
    panels: int
    panels_asked: int
    collisions: int | None

    @property
    def series(self) -> int:
        """Return the series that are kept of all expositions."""
        return sum(self.series_by_exposition)


@dataclass(frozen=True, slots=True)
class Preview:
    """
    The whole answer.

    Attributes:
        applied: Name of the choice that would be applied.
        pods: Pods with a sidecar that were reckoned with.
        costs: Of all choices, the applied one first.
        notes: What else there is to know, as sentences.
    """

    applied: str
    pods: int
    expositions: tuple[ExpositionPreview, ...]
    views: tuple[ViewPreview, ...]
    costs: tuple[Cost, ...]
    notes: tuple[str, ...] = ()

    @property
    def points_a_day(self) -> float:
        """Return the points of one day."""
        return sum(one.points_a_day for one in self.expositions)
