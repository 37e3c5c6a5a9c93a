"""The preview as data for pipelines; keys are public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from istio_observability.istio.catalogue import show_version

if TYPE_CHECKING:
    from istio_observability.preview.panels import ViewPreview
    from istio_observability.preview.points import PointsSeen
    from istio_observability.preview.result import ExpositionPreview, Preview


def as_data(preview: Preview) -> dict[str, Any]:
    """Return everything, families and panels in full."""
    return {
        "applied": preview.applied,
        "pods": preview.pods,
        "pointsPerDay": round(preview.points_a_day),
        "expositions": [_exposition(one) for one in preview.expositions],
        "choices": [
            {
                "name": cost.name,
                "familiesKept": cost.families,
                "seriesKept": cost.series,
                "seriesKeptByExposition": list(cost.series_by_exposition),
                "pointsPerScrape": cost.points,
                "pointsPerDay": round(cost.points_a_day),
                "panelsWithData": cost.panels,
                "panelsAsked": cost.panels_asked,
                "collisions": cost.collisions,
            }
            for cost in preview.costs
        ],
        "views": [_view(view) for view in preview.views],
        "notes": list(preview.notes),
    }


def _exposition(one: ExpositionPreview) -> dict[str, Any]:
    exposition = one.exposition
    return {
        "name": exposition.name,
        "target": exposition.target.value,
        "istio": show_version(exposition.version) if exposition.version else None,
        "bytes": len(exposition.body),
        "stopsBecause": exposition.counted.error or None,
        "families": len(one.families),
        "familiesKept": len(one.kept),
        "series": exposition.counted.series,
        "seriesKept": one.series_kept,
        "intervalSeconds": one.interval_s,
        "targets": one.targets,
        "pointsPerScrape": one.points,
        "pointsPerDay": round(one.points_a_day),
        "largest": [
            {
                "name": family.name,
                "type": family.type,
                "series": family.series,
                "points": family.points,
                "dropped": family.dropped or None,
            }
            for family in one.families
        ],
        "built": _seen(one.seen) if one.seen else None,
    }


def _seen(seen: PointsSeen) -> dict[str, Any]:
    return {
        "points": seen.points,
        "complete": seen.complete,
        "labels": [
            {"name": label.name, "values": label.values, "points": label.points}
            for label in seen.labels
        ],
        "collisions": seen.collisions,
        "collisionsByField": dict(seen.by_field),
        "examples": [
            {"field": clash.field, "tags": dict(clash.tags), "values": list(clash.values)}
            for clash in seen.clashes
        ],
    }


def _view(view: ViewPreview) -> dict[str, Any]:
    return {
        "name": view.view.value,
        "panels": [
            {
                "title": panel.title,
                "edition": panel.edition,
                "verdict": panel.verdict.value,
                "arrives": list(panel.arrives),
                "lacks": [{"name": name, "why": why} for name, why in panel.lacks],
            }
            for panel in view.panels
        ],
    }
