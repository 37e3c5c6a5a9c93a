"""The text of profile Standard, read back by the agent's rules, collects what it should."""

from __future__ import annotations

import pytest

from istio_observability.cli.preview_jobs import jobs_of_metrics
from istio_observability.istio.catalogue import FIRST_VERSION, LAST_VERSION, Target, load_catalogue
from istio_observability.istio.views import View, families_of_views
from istio_observability.model.metrics_spec import MetricsSpec
from istio_observability.model.metrics_spec import View as SpecView
from istio_observability.preview.counted import count_families
from istio_observability.preview.panels import Verdict
from istio_observability.preview.preview import look_at, preview
from istio_observability.preview.result import Choice
from tests.preview.conftest import synthetic

VERSIONS = [(1, minor) for minor in range(FIRST_VERSION[1], LAST_VERSION[1] + 1)]
VIEW_SETS = [(view,) for view in SpecView] + [tuple(SpecView)]


def kept(body: bytes, target: Target, views: tuple[SpecView, ...]) -> set[str]:
    """Return the families that the rendered text of Standard keeps."""
    job = jobs_of_metrics(MetricsSpec(views=views)).get(target)
    if job is None:
        return set()
    return {
        family.name
        for family in count_families(body).families
        if job.options.wants(family.name, family.type)
    }


def wanted(body: bytes, target: Target, views: tuple[SpecView, ...]) -> set[str]:
    """Return what catalogue and views say, of what is there."""
    ours = {family.name for family in load_catalogue().of(target)}
    exposed = {family.name for family in count_families(body).families}
    return ours & exposed & families_of_views(View(view.value) for view in views)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: f"1.{version[1]}")
@pytest.mark.parametrize("target", Target)
def test_exactly_the_selection_is_kept_of_every_release(target: Target, version: tuple[int, int]):
    """For all views and for each alone; names that are only similar are left out."""
    body = synthetic(target, version).encode()

    for views in VIEW_SETS:
        assert kept(body, target, views) == wanted(body, target, views)
    assert wanted(body, target, tuple(SpecView))


@pytest.mark.parametrize(("number", "target"), [(0, Target.SIDECAR), (1, Target.ISTIOD)])
def test_exactly_the_selection_is_kept_of_a_capture(captures, number: int, target: Target):
    """The same of what was recorded."""
    body = captures[number].read_bytes()

    for views in VIEW_SETS:
        assert kept(body, target, views) == wanted(body, target, views)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: f"1.{version[1]}")
def test_every_panel_has_data_in_every_release(version: tuple[int, int]):
    """What a release exposes arrives, whole, and no two series become one."""
    expositions = [
        look_at(target.value, synthetic(target, version).encode(), target, version)
        for target in (Target.SIDECAR, Target.ISTIOD)
    ]
    found = preview(expositions, [Choice("Standard", jobs_of_metrics(MetricsSpec()))], tuple(View))
    verdicts = {panel.verdict for view in found.views for panel in view.panels}

    assert verdicts <= {Verdict.HAS_DATA, Verdict.WITHOUT_SOURCE}
    assert found.costs[0].panels == found.costs[0].panels_asked > 0
    assert [one.seen.collisions for one in found.expositions if one.seen] == [0, 0]
