"""
Puts a preview together: what one configuration keeps of some expositions, beside other choices.

Pure: the same bodies and choices give the same preview. A choice says for every kind of target
what the agent would do with it; the first one is what would be applied, and is looked at closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.istio.catalogue import Target
from istio_observability.preview.body import count_body
from istio_observability.preview.panels import Verdict, answer_panels
from istio_observability.preview.points import MOST_SAMPLES, look_at_points
from istio_observability.preview.recognise import recognise_target, recognise_version
from istio_observability.preview.result import (
    DAY_S,
    Choice,
    Cost,
    Exposition,
    ExpositionPreview,
    FamilyPreview,
    Job,
    Preview,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from istio_observability.datakit.scrape_options import ScrapeOptions
    from istio_observability.istio.catalogue import Version
    from istio_observability.istio.views import View
    from istio_observability.preview.counted import Counted, CountedFamily
    from istio_observability.preview.panels import ViewPreview


def look_at(
    name: str, body: bytes, target: Target | None = None, version: Version | None = None
) -> Exposition:
    """
    Count an exposition and recognise whose it is.

    Args:
        name: What messages call it.
        body: Unpacked.
        target: Whose it is; ``None`` finds out.
        version: Release of Istio; ``None`` looks for it.

    Raises:
        NoExposition: There is no sample in it.
    """
    counted = count_body(body)
    found = target or recognise_target(counted)
    return Exposition(
        name=name,
        body=body,
        counted=counted,
        target=found or Target.SIDECAR,
        version=version or recognise_version(body),
        recognised=found is not None,
    )


def preview(
    expositions: Sequence[Exposition],
    choices: Sequence[Choice],
    views: Sequence[View],
    pods: int | None = None,
    notes: Iterable[str] = (),
) -> Preview:
    """
    Return the preview.

    Args:
        expositions: At least one. Several sidecars stand for all: their mean counts.
        choices: At least one; the first is what would be applied.
        views: What people look at.
        pods: Pods with a sidecar; ``None``: as many as there are expositions of one.
        notes: Sentences to hand on.
    """
    applied, *others = choices
    sidecars = sum(one.target is Target.SIDECAR for one in expositions)
    pods = pods if pods is not None else sidecars
    factor = {Target.SIDECAR: pods / sidecars if sidecars else 0.0}
    version = next((one.version for one in expositions if one.version), None)
    looked = tuple(
        _preview_one(one, applied.jobs.get(one.target), factor.get(one.target, 1.0))
        for one in expositions
    )
    answers = _answers(expositions, applied, views, version)
    costs = [_cost_of_applied(applied.name, looked, answers)]
    for choice in others:
        answered = _answers(expositions, choice, views, version)
        costs.append(_cost(choice, expositions, factor, answered))
    return Preview(applied.name, pods, looked, answers, tuple(costs), tuple(notes))


def _preview_one(one: Exposition, job: Job | None, targets: float) -> ExpositionPreview:
    families = [_family(family, job) for family in one.counted.families]
    families.sort(key=lambda family: (-family.points, -family.series, family.name))
    seen = look_at_points(one.body, one.counted, job.options, job.tags) if job else None
    return ExpositionPreview(one, job.interval_s if job else 0.0, targets, tuple(families), seen)


def _family(family: CountedFamily, job: Job | None) -> FamilyPreview:
    why = "not scraped" if job is None else why_dropped(job.options, family.name, family.type)
    points = 0 if why else family.points
    return FamilyPreview(family.name, family.type, family.series, points, why)


def why_dropped(options: ScrapeOptions, name: str, kind: str) -> str:
    """Return why a family is dropped, as a clause, ``""`` if it is kept."""
    if options.wants(name, kind):
        return ""
    if any(pattern.search(name) for pattern in options.name_filter_ignore):
        return "metric_name_filter_ignore names it"
    if options.names_wanted(name):
        return f"metric_types leaves out {kind}"
    if options.names_wanted(f"{name}_bucket"):
        return "metric_name_filter names only its samples"
    return "metric_name_filter leaves it out"


def _answers(
    expositions: Sequence[Exposition],
    choice: Choice,
    views: Sequence[View],
    version: Version | None,
) -> tuple[ViewPreview, ...]:
    seen: dict[Target, list[Counted]] = {}
    for one in expositions:
        seen.setdefault(one.target, []).append(one.counted)
    jobs = {target: choice.jobs.get(target) for target in seen}
    options = {target: job.options if job else None for target, job in jobs.items()}
    return answer_panels(views, seen, options, version)


def _cost_of_applied(
    name: str, looked: Sequence[ExpositionPreview], answers: Sequence[ViewPreview]
) -> Cost:
    return Cost(
        name=name,
        families=sum(len(one.kept) for one in looked),
        series_by_exposition=tuple(one.series_kept for one in looked),
        points=sum(one.points for one in looked),
        points_a_day=sum(one.points_a_day for one in looked),
        panels=_panels(answers),
        panels_asked=sum(view.asked for view in answers),
        collisions=sum(one.seen.collisions for one in looked if one.seen),
    )


def _cost(
    choice: Choice,
    expositions: Sequence[Exposition],
    factor: Mapping[Target, float],
    answers: Sequence[ViewPreview],
) -> Cost:
    series = [0] * len(expositions)
    families = points = 0
    points_a_day, collisions = 0.0, 0
    for number, one in enumerate(expositions):
        job = choice.jobs.get(one.target)
        if job is None:
            continue
        kept = [f for f in one.counted.families if job.options.wants(f.name, f.type)]
        own = sum(family.points for family in kept)
        families += len(kept)
        series[number] = sum(family.series for family in kept)
        points += own
        points_a_day += own * DAY_S / job.interval_s * factor.get(one.target, 1.0)
        if choice.collisions_too:
            seen = look_at_points(one.body, one.counted, job.options, job.tags, MOST_SAMPLES // 2)
            collisions += seen.collisions
    return Cost(
        name=choice.name,
        families=families,
        series_by_exposition=tuple(series),
        points=points,
        points_a_day=points_a_day,
        panels=_panels(answers),
        panels_asked=sum(view.asked for view in answers),
        collisions=collisions if choice.collisions_too else None,
    )


def _panels(answers: Sequence[ViewPreview]) -> int:
    return sum(view.count(Verdict.HAS_DATA) for view in answers)
