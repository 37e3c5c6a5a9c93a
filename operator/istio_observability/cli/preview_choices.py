"""
What would be applied, and what else could be: the choices that a preview compares.

A choice made of a resource is rendered and read back by the agent's rules, so the preview judges
the very text that would be written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from istio_observability.cli.manifests import read_objects
from istio_observability.cli.preview_jobs import job_of_annotation, job_of_conf, jobs_of_metrics
from istio_observability.cli.resource_file import resource_in
from istio_observability.cli.usage import UsageError
from istio_observability.datakit.exposition_lines import TYPES
from istio_observability.datakit.layout import PROM_ANNOTATION
from istio_observability.istio.catalogue import Target
from istio_observability.istio.views import View
from istio_observability.model.metrics_spec import MetricsProfile, MetricsSpec
from istio_observability.model.metrics_spec import View as SpecView
from istio_observability.preview.result import Choice, Job

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

_HISTOGRAM: Final = "histogram"
_MIN_INTERVAL_S: Final = 1
_MAX_INTERVAL_S: Final = 300
_MAX_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is compared: the choices, the applied one first, and for which views.

    Attributes:
        namespaces: Those that the resource names, if there is one.
    """

    choices: tuple[Choice, ...]
    views: tuple[View, ...]
    notes: tuple[str, ...]
    namespaces: tuple[str, ...] = ()


def read_question(options: argparse.Namespace) -> Question:
    """
    Read what would be applied, and add what else there is.

    Raises:
        UsageError: It cannot be read, or the agent would drop it.
    """
    notes: list[str] = []
    views = tuple(View)
    namespaces: tuple[str, ...] = ()
    if options.annotation is not None or options.conf is not None:
        applied = _of_text(options, notes)
        standard = [Choice("profile Standard", jobs_of_metrics(MetricsSpec()))]
    else:
        metrics = MetricsSpec()
        name = "profile Standard"
        if options.filename is not None:
            resource = resource_in(options.filename)
            metrics = resource.spec.metrics
            namespaces = tuple(resource.spec.workloads.namespaces)
            name = f"{resource.name}: profile {metrics.profile.value}"
            if resource.spec.workloads.overrides:
                notes.append("workloads.overrides are left out: they differ by workload.")
        views = tuple(view for view in View if view.value in {v.value for v in metrics.views})
        applied = Choice(name, jobs_of_metrics(metrics))
        standard = [*_other_views(metrics)]
        if metrics.profile is not MetricsProfile.STANDARD:
            plain = metrics.model_copy(update={"profile": MetricsProfile.STANDARD})
            standard.append(Choice("profile Standard", jobs_of_metrics(plain)))
    others = [*_simpler(applied), *standard, *_document(options, applied), _everything(applied)]
    return Question((applied, *others), views, tuple(notes), namespaces)


def _of_text(options: argparse.Namespace, notes: list[str]) -> Choice:
    if options.annotation is not None:
        path, read, name = options.annotation, job_of_annotation, "the annotation"
        text = _annotation_in(path, _text(path))
    else:
        path, read, name = options.conf, job_of_conf, "the conf file"
        text = _text(path)
    try:
        jobs = read(text)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; the agent drops it; correct it first") from error
    if len(jobs) > 1:
        notes.append(f"{path} has {len(jobs)} instances; the first one is looked at.")
    return Choice(name, dict.fromkeys(Target, jobs[0]))


def _simpler(applied: Choice) -> Iterator[Choice]:
    def without_histograms(job: Job) -> Job:
        types = (job.options.metric_types or TYPES) - {_HISTOGRAM}
        return replace(job, options=replace(job.options, metric_types=types))

    def every(factor: float) -> Callable[[Job], Job]:
        return lambda job: replace(job, interval_s=_bounded(job.interval_s * factor))

    yield _changed(applied, "without histograms", without_histograms)
    (interval_s, *_) = {job.interval_s for job in applied.jobs.values()} or {60.0}
    for factor in (0.5, 2.0):
        other_s = _bounded(interval_s * factor)
        if other_s != interval_s:
            yield _changed(applied, f"every {other_s:g} s", every(factor))


def _other_views(metrics: MetricsSpec) -> Iterator[Choice]:
    if metrics.profile is not MetricsProfile.STANDARD:
        return
    for view in SpecView:
        if metrics.views != (view,):
            other = metrics.model_copy(update={"views": (view,)})
            yield Choice(f"only {view.value}", jobs_of_metrics(other))


def _document(options: argparse.Namespace, applied: Choice) -> Iterator[Choice]:
    metrics = MetricsSpec(profile=MetricsProfile.DOCUMENT)
    jobs = jobs_of_metrics(metrics)
    if options.filename is None or any(
        applied.jobs[target].options != job.options
        for target, job in jobs.items()
        if target in applied.jobs
    ):
        # The only one that drops labels in which series differ.
        yield Choice("profile Document", jobs, collisions_too=True)


def _everything(applied: Choice) -> Choice:
    def unfiltered(job: Job) -> Job:
        return replace(
            job,
            options=replace(
                job.options, metric_types=frozenset(), name_filter=(), name_filter_ignore=()
            ),
        )

    known = next(iter(applied.jobs.values()))
    whole = replace(applied, jobs={target: applied.jobs.get(target, known) for target in Target})
    return _changed(whole, "without any filter", unfiltered)


def _changed(applied: Choice, name: str, change: Callable[[Job], Job]) -> Choice:
    return Choice(name, {target: change(job) for target, job in applied.jobs.items()})


def _bounded(interval_s: float) -> float:
    return min(max(interval_s, _MIN_INTERVAL_S), _MAX_INTERVAL_S)


def _annotation_in(path: Path, text: str) -> str:
    """Return the annotation's value: the text itself, or what manifests carry."""
    if path.suffix not in {".yaml", ".yml", ".json"}:
        return text
    found = {
        value
        for body in read_objects(text, str(path))
        for annotations in _annotations_of(body)
        if isinstance(value := annotations.get(PROM_ANNOTATION), str)
    }
    if len(found) != 1:
        raise UsageError(
            f"{path}: has {len(found)} different values of {PROM_ANNOTATION}; give a file with one"
        )
    return found.pop()


def _annotations_of(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the annotations of an object and of the pod template in it."""
    spec = body.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    for holder in (body, template):
        metadata = holder.get("metadata") if isinstance(holder, dict) else None
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        if isinstance(annotations, dict):
            yield annotations


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path}: is larger than 4 MiB; give the text of one configuration")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(f"{path}: cannot be read ({reason})") from error
