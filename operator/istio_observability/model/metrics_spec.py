"""What is collected from the mesh: ``spec.metrics``. Almost everything here is rendered text."""

# ruff: noqa: TC001 - pydantic reads the annotations of a model at run time

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from istio_observability.model.durations import parse_duration_s
from istio_observability.model.field_types import Families, Identifier, Interval, Tags
from istio_observability.model.schema_markers import Explain, ListSet, Restarts
from istio_observability.model.spec_base import SpecModel

RENDERED: Final = (Restarts.WORKLOADS, Restarts.AGENT)
"""A change is a change of the text in pod templates and in the agent's configuration."""


class MetricsProfile(StrEnum):
    """Whose lists of families, types and labels are rendered."""

    STANDARD = "Standard"
    DOCUMENT = "Document"


class View(StrEnum):
    """A dashboard that must have its data; what is collected follows from the views."""

    MESH = "Mesh"
    SERVICE = "Service"
    WORKLOAD = "Workload"
    CONTROL_PLANE = "ControlPlane"


class MetricsSpec(SpecModel):
    """What the agent collects from sidecars, gateways and istiod."""

    profile: Annotated[
        MetricsProfile,
        Explain(
            "Standard collects what the views need. Document uses the lists of the published"
            " Istio guide as they are, mistakes included, to take over an installation made by"
            " hand without changing a byte of it.",
            restarts=RENDERED,
        ),
    ] = MetricsProfile.STANDARD
    views: Annotated[
        tuple[View, ...],
        Field(min_length=1, max_length=len(View)),
        ListSet(),
        Explain(
            "Dashboards that must have data, in any order, each at most once. Profile Document"
            " ignores them.",
            restarts=RENDERED,
        ),
    ] = (View.MESH, View.SERVICE, View.WORKLOAD, View.CONTROL_PLANE)
    interval: Annotated[
        Interval,
        Explain(
            "How often each target is scraped.",
            unit="duration from 1s to 5m, such as 30s",
            restarts=RENDERED,
        ),
    ] = "60s"
    measurement: Annotated[
        Identifier,
        Explain("Name of the measurement that all series are stored in.", restarts=RENDERED),
    ] = "istio_prom"
    extra_families: Annotated[
        Families,
        Explain(
            "RE2 expressions for metric families to collect beyond the views. They are matched"
            " as the agent does: against the family name, without _bucket, _sum or _count, and"
            " anywhere in it, so use ^ and $ for whole names.",
            restarts=RENDERED,
        ),
    ] = ()
    tags: Annotated[
        Tags,
        Explain(
            "Tags put on every series, key to value. They are stored in clear text on every"
            " workload: no secrets.",
            restarts=RENDERED,
        ),
    ] = {}  # noqa: RUF012 - pydantic copies defaults

    @property
    def interval_s(self) -> int:
        """Return the scrape interval in seconds, 1 to 300."""
        return parse_duration_s(self.interval)
