"""From texts and specs to what the agent would do, by its own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.cli.usage import UsageError
from istio_observability.datakit.annotation import PodFacts, read_annotation
from istio_observability.datakit.conf_instance import build_prom_input
from istio_observability.datakit.conf_load import decode_conf
from istio_observability.datakit.conf_text import substitute_environment
from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom import InvalidScrape, render_prom
from istio_observability.datakit.prom_keys import decode_keys
from istio_observability.datakit.toml_text import InvalidToml
from istio_observability.istio.catalogue import Target
from istio_observability.plan.decide_metrics import decide_choice, scrape_of
from istio_observability.preview.result import Job

if TYPE_CHECKING:
    from istio_observability.model.metrics_spec import MetricsSpec

_POD: Final = PodFacts("10.0.0.1", "namespace", "pod", "node")
"""Stands for any pod: none of it decides what is kept."""

_NOTHING: Final = "has no [[inputs.prom]]"
_TICK_S: Final = 1.0
_URL: Final = "http://$IP:15020/stats/prometheus"


def job_of_annotation(text: str) -> list[Job]:
    """
    Return what the agent does with a value of ``datakit/prom.instances``.

    Raises:
        ValueError: It drops the annotation, or there is nothing in it.
    """
    reading = read_annotation(text, _POD)
    if reading.reason:
        raise ValueError(reading.reason)
    if not reading.runners:
        raise ValueError(_NOTHING)
    return [
        Job(
            runner.options,
            # The worker ticks once a second, whatever is asked for.
            max(runner.interval_ns / SECOND_NS, _TICK_S),
            dict.fromkeys(["instance"], next(iter(runner.instance_by_url.values()), "")),
        )
        for runner in reading.runners
    ]


def job_of_conf(text: str) -> list[Job]:
    """
    Return what the agent does with the ``prom`` instances of a conf file.

    Raises:
        ValueError: It drops the file or every instance, or there is none.
    """
    try:
        inputs = decode_conf(substitute_environment(text, {}), {})
    except InvalidToml as error:
        raise ValueError(f"is no valid TOML: {error}") from error
    instances, problems = inputs.get("prom", ([], []))
    if not instances:
        raise ValueError("; ".join(problems) or _NOTHING)
    found = [build_prom_input(decode_keys(raw, ConfigPath.CONF)) for raw in instances]
    return [
        Job(
            one.options,
            one.interval_ns / SECOND_NS,
            next(iter(one.tags_by_url.values()), {}),
        )
        for one in found
    ]


def jobs_of_metrics(metrics: MetricsSpec) -> dict[Target, Job]:
    """
    Return what the agent does with each target under a resource.

    Raises:
        UsageError: The spec cannot be said in the agent's language.
    """
    return {target: job for target in Target if (job := _job(metrics, target)) is not None}


def _job(metrics: MetricsSpec, target: Target) -> Job | None:
    choice = decide_choice(metrics, tuple(metrics.extra_families), target)
    if not choice.name_filter:
        return None
    sidecar = target is Target.SIDECAR
    own = {"namespace": "$NAMESPACE"} if sidecar else {"app_id": target.value}
    scrape = scrape_of(
        choice,
        source="preview",
        urls=(_URL if sidecar else "http://target:15020/stats/prometheus",),
        interval_s=metrics.interval_s,
        measurement=metrics.measurement,
        tags={**own, **metrics.tags},
        election=None if sidecar else True,
    )
    try:
        if sidecar:
            return job_of_annotation(render_prom(scrape, ConfigPath.ANNOTATION))[0]
        return job_of_conf(render_prom(scrape, ConfigPath.CONF))[0]
    except InvalidScrape as error:
        raise UsageError(f"spec.metrics cannot be rendered ({error})") from error
