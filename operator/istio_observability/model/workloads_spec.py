"""
Which workloads are wired and how the text reaches them: ``spec.workloads``.

Naming a namespace here is the consent to touch its Deployments; without any, none is touched,
except those whose owner asked for it by label.
"""

# ruff: noqa: TC001 - pydantic reads the annotations of a model at run time

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from istio_observability.model.durations import parse_duration_s
from istio_observability.model.field_types import (
    DnsLabel,
    Families,
    Interval,
    Namespaces,
    Source,
    Tags,
)
from istio_observability.model.label_selector import LabelSelector
from istio_observability.model.schema_markers import Explain, ListMap, Restarts
from istio_observability.model.spec_base import SpecModel

MAX_OVERRIDES: Final = 32

_WORKLOADS: Final = (Restarts.WORKLOADS,)


class Delivery(StrEnum):
    """How the scrape text reaches the pods."""

    POD_TEMPLATE = "PodTemplate"
    POD = "Pod"


class WorkloadOverride(SpecModel):
    """Other values for some of the selected workloads; the first override that matches wins."""

    name: Annotated[
        DnsLabel, Explain("Name of the override, for messages and merges.", restarts=None)
    ]
    namespace_selector: Annotated[
        LabelSelector | None,
        Explain(
            "Labels of the namespaces whose workloads are meant.",
            unset="every selected namespace",
            restarts=_WORKLOADS,
        ),
    ] = None
    selector: Annotated[
        LabelSelector | None,
        Explain(
            "Labels of the pod templates that are meant.",
            unset="every selected workload",
            restarts=_WORKLOADS,
        ),
    ] = None
    source: Annotated[
        Source | None,
        Explain(
            "Source name of these workloads in the agent.",
            unset="<namespace>-<workload>",
            restarts=_WORKLOADS,
        ),
    ] = None
    interval: Annotated[
        Interval | None,
        Explain(
            "How often these workloads are scraped.",
            unit="duration from 1s to 5m, such as 30s",
            unset="that of spec.metrics.interval",
            restarts=_WORKLOADS,
        ),
    ] = None
    extra_families: Annotated[
        Families,
        Explain(
            "RE2 expressions for metric families to collect from these workloads, in addition to"
            " spec.metrics.extraFamilies and matched in the same way.",
            restarts=_WORKLOADS,
        ),
    ] = ()
    tags: Annotated[
        Tags,
        Explain(
            "Tags for these workloads, in addition to spec.metrics.tags; on an equal key this"
            " value wins. Stored in clear text: no secrets.",
            restarts=_WORKLOADS,
        ),
    ] = {}  # noqa: RUF012 - pydantic copies defaults

    @property
    def interval_s(self) -> int | None:
        """Return the scrape interval in seconds, or ``None`` to use that of the metrics."""
        return None if self.interval is None else parse_duration_s(self.interval)


class WorkloadsSpec(SpecModel):
    """Which workloads are wired. Selectors only narrow: a candidate has a sidecar."""

    namespaces: Annotated[
        Namespaces,
        Explain(
            "Namespaces, by name, whose Deployments may be wired. Workloads that come in or"
            " fall out by a change restart, others do not.",
            restarts=_WORKLOADS,
        ),
    ] = ()
    namespace_selector: Annotated[
        LabelSelector | None,
        Explain(
            "Namespaces, by label, whose Deployments may be wired, in addition to those named;"
            " {} means every namespace with injected workloads.",
            unset="only the namespaces named",
            restarts=_WORKLOADS,
        ),
    ] = None
    selector: Annotated[
        LabelSelector | None,
        Explain(
            "Labels that the pod template must have.",
            unset="every Deployment with a sidecar there",
            restarts=_WORKLOADS,
        ),
    ] = None
    delivery: Annotated[
        Delivery,
        Explain(
            "PodTemplate writes the annotation into the pod template, which restarts the pods"
            " once. Pod annotates live pods, and new ones by an admission policy, which restarts"
            " nobody; switching between the two restarts where a template changes.",
            restarts=_WORKLOADS,
        ),
    ] = Delivery.POD_TEMPLATE
    overrides: Annotated[
        tuple[WorkloadOverride, ...],
        Field(max_length=MAX_OVERRIDES),
        ListMap("name"),
        Explain(
            "Other values for some workloads, told apart by name; the first that matches wins.",
            restarts=_WORKLOADS,
        ),
    ] = ()
