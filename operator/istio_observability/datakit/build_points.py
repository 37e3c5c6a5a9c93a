"""
Turns families into points: names, tags in the order in which the agent adds them, values.

A key is never overwritten: what is added first wins, tags and fields alike. So a custom tag of an
annotation beats a label, a label beats ``instance``, and a field whose name is already a tag is
lost together with its value.

Source: GuanceCloud/datakit 1.84.1, internal/prom/util.go, and its vendored
GuanceCloud/cliutils/point (check.go: what becomes of values that a point cannot hold).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.check_point import check_point
from istio_observability.datakit.exposition import Composite
from istio_observability.datakit.go_text import format_float
from istio_observability.datakit.points import Point, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from istio_observability.datakit.exposition import Family
    from istio_observability.datakit.exposition_lines import Labels
    from istio_observability.datakit.scrape_options import ScrapeOptions

SCALARS: Final = frozenset({"counter", "gauge", "untyped"})
_STATUS: Final = {"status": "INFO"}


class PointBuilder:
    """
    Builds the points of one scrape of one address.

    Labels of ``info`` families go to the points of later batches, so one builder serves exactly
    one scrape.
    """

    def __init__(self, options: ScrapeOptions) -> None:
        self._options = options
        self._info: dict[str, str] = {}
        self._logging_checks = False

    def build(self, batch: Mapping[str, Family]) -> Iterator[Point]:
        """Return the points of a batch, without the tags that are added to finished points."""
        wants = self._options.wants
        families = [family for family in batch.values() if wants(family.name, family.type)]
        for family in families:
            if family.type == "info":
                self._learn(family)
        self._logging_checks = False
        for family in families:
            measurement, field = self._options.names_of(family.name)
            if family.type in SCALARS:
                yield from self._scalars(family, measurement, field)
            elif family.type in {"summary", "histogram"}:
                for composite in _composites(family):
                    yield from self._composite(composite, family.type, measurement, field)

    def _learn(self, family: Family) -> None:
        for _, labels, _, _ in family.scalars:
            self._info.update(labels)
        for composite in family.composites.values():
            self._info.update(composite.labels)

    def _scalars(self, family: Family, measurement: str, field: str) -> Iterator[Point]:
        for kind, labels, number, time_ms in _scalars(family):
            # A sample that was read under another type has no value of this one.
            value = number if kind == family.type else 0.0
            if not math.isfinite(value):
                continue
            fields: dict[str, Value] = {field: value}
            if self._options.as_logging:
                # From here on, this batch is checked by the rules of log lines.
                self._logging_checks = True
                fields = {**_STATUS, **fields} if field != "status" else fields
            yield self._point(measurement, self._tags(labels, measurement), fields, time_ms)

    def _composite(
        self, composite: Composite, kind: str, measurement: str, field: str
    ) -> Iterator[Point]:
        # Count and sum never carry the sample's own timestamp.
        whole = composite.kind == kind
        fields: dict[str, Value] = {
            f"{field}_count": composite.count if whole else 0.0,
            f"{field}_sum": composite.sum if whole else 0.0,
        }
        status = _STATUS if self._options.as_logging else {}
        tags = self._tags(composite.labels, measurement)
        yield self._point(measurement, tags, {**fields, **_without(status, fields)}, 0)
        for bound, number in composite.parts if whole else ():
            if kind == "histogram":
                mark = {"le": format_float(bound)}
                tags = self._tags(composite.labels, measurement, mark)
                name = f"{field}_bucket"
                fields = {name: number, **_without(status, {name: number})}
            elif math.isnan(number):
                continue
            else:
                tags = self._tags(composite.labels, measurement)
                tags.setdefault("quantile", format_float(bound))
                fields = {**status, **_without({field: number}, status)}
            yield self._point(measurement, tags, fields, composite.time_ms)

    def _tags(
        self, labels: Labels, measurement: str, mark: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        options = self._options
        # Buckets do not get the labels of info families.
        tags = dict(self._info) if options.info_tags and mark is None else {}
        for key, value in options.tags.items():
            tags.setdefault(key, value)
        for key, value in labels:
            tags.setdefault(key, value)
        for key, value in (mark or {}).items():
            tags.setdefault(key, value)
        for key in options.tags_ignore:
            tags.pop(key, None)
        for old, new in options.tags_rename.items():
            if old in tags and (new not in tags or options.rename_overwrites):
                tags[new] = tags.pop(old)
        if options.as_logging:
            tags.setdefault("service", options.logging_service or measurement)
        for key, patterns in options.ignore_tag_values.items():
            if key in tags and any(pattern.search(tags[key]) for pattern in patterns):
                del tags[key]
        return tags

    def _point(
        self, measurement: str, tags: dict[str, str], fields: dict[str, Value], time_ms: int
    ) -> Point:
        fields = {key: value for key, value in fields.items() if key not in tags}
        point = Point(
            measurement,
            tags,
            fields,
            time_ms if time_ms > 0 and self._options.honor_timestamps else None,
        )
        return check_point(point, log_line=self._logging_checks)


def add_tags(points: Iterable[Point], tags: Mapping[str, str]) -> Iterator[Point]:
    """Add tags to finished points, in place, unless they have the key."""
    for point in points:
        for key, value in tags.items():
            if key not in point.tags and key not in point.fields:
                point.tags[key] = value
        yield point


def _without(values: Mapping[str, Value], taken: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in values.items() if key not in taken}


def _scalars(family: Family) -> Iterator[tuple[str, Labels, float, int]]:
    yield from family.scalars
    for composite in family.composites.values():
        yield composite.kind, composite.labels, 0.0, composite.time_ms


def _composites(family: Family) -> Iterator[Composite]:
    yield from family.composites.values()
    for kind, labels, _, _ in family.scalars:
        yield Composite(kind, labels)
