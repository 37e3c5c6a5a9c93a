"""What a resource's configuration delivers to its views."""

from __future__ import annotations

from itertools import product

import pytest

from istio_observability.istio.answers import PanelState
from istio_observability.istio.arrival import Cause
from istio_observability.istio.views import Edition, View
from istio_observability.model.status import MAX_VIEW_LACKS, ViewStatus
from istio_observability.plan.decide_metrics import Choice
from istio_observability.plan.mesh import read_mesh
from istio_observability.plan.view_answers import (
    answer_resource,
    collected_of,
    view_line,
    view_statuses,
)
from tests.plan.builders import PROD, cluster, istiod, resource, without

NOTHING_OF_ISTIO = without(
    cluster(),
    ("istio-system", "istiod"),
    ("istio-system", "istio-ingressgateway"),
    ("istio-system", "istio-egressgateway"),
)


def statuses(spec=None, snapshot=None, *, chooses=False) -> dict[str, ViewStatus]:
    """Return ``status.views`` of a resource, by name."""
    mesh = read_mesh(snapshot or cluster(), "istio-system")
    answers = answer_resource(resource(spec), mesh, chooses=chooses)
    return {each.name: each for each in view_statuses(answers)}


def test_standard_has_data_everywhere():
    """All four views, and what cAdvisor exposes is said."""
    found = statuses()

    assert [(name, each.has_data) for name, each in found.items()] == [
        ("Mesh", True),
        ("Service", True),
        ("Workload", True),
        ("ControlPlane", True),
    ]
    assert found["ControlPlane"].lacks == (
        "container_cpu_usage_seconds_total: comes from cAdvisor of the kubelet",
        "container_fs_usage_bytes: comes from cAdvisor of the kubelet",
        "container_memory_working_set_bytes: comes from cAdvisor of the kubelet",
    )


def test_the_document_lacks_its_histograms():
    """Each view says which, and that names and types are the reason."""
    found = statuses({**PROD, "metrics": {"profile": "Document"}})

    reason = "metric_name_filter names only its samples, metric_types leaves out histogram"
    assert not any(each.has_data for each in found.values())
    assert f"istio_request_duration_milliseconds: {reason}" in found["Mesh"].lacks
    assert f"istio_request_bytes: {reason}" in found["Service"].lacks
    assert f"istio_response_bytes: {reason}" in found["Workload"].lacks
    assert f"pilot_proxy_convergence_time: {reason}" in found["ControlPlane"].lacks


def test_only_the_views_that_are_asked_for_are_answered():
    """In their own order."""
    assert list(statuses({**PROD, "metrics": {"views": ["Workload", "Mesh"]}})) == [
        "Mesh",
        "Workload",
    ]


def test_without_workloads_no_sidecar_is_scraped():
    """Gateways alone are no picture of the services; the reason takes one line."""
    found = statuses({})

    assert found["Service"].lacks == ("6 families: no sidecar is scraped",)
    assert found["ControlPlane"].has_data


def test_a_label_on_a_workload_is_enough():
    """What chooses it is all the same."""
    assert statuses({}, chooses=True)["Service"].has_data


def test_without_istiod_the_control_plane_lacks_everything_of_it():
    """One line for all its families, however many they are."""
    for found in (
        statuses(snapshot=NOTHING_OF_ISTIO),
        statuses({**PROD, "controlPlane": {"collect": "Never"}}),
    ):
        assert not found["ControlPlane"].has_data
        assert found["ControlPlane"].lacks[0].endswith(" families: no istiod is scraped")
        assert found["Service"].has_data


def test_an_extra_family_does_not_take_data_away():
    """It switches the type filter off, which keeps more, not less."""
    found = statuses({**PROD, "metrics": {"extraFamilies": ["^grpc_"]}})

    assert all(each.has_data for each in found.values())


RELEASES = {
    "1.18.7": {Edition.ISTIO_1_11},
    "1.30.3": {Edition.CURRENT},
    "": set(Edition),
    "latest": set(Edition),
}


@pytest.mark.parametrize(("version", "editions"), RELEASES.items())
def test_the_edition_that_fits_the_control_plane_is_answered(version: str, editions: set[Edition]):
    """An image that names no release leaves both."""
    mesh = read_mesh(cluster(istiod(image_version=version)), "istio-system")
    answers = answer_resource(resource(), mesh, chooses=True)

    assert {each.panel.edition for a in answers for each in a.panels} == editions


def test_what_a_release_removed_is_held_against_nobody():
    """The panel has data without it, and the family is said."""
    mesh = read_mesh(cluster(istiod(image_version="1.20.0")), "istio-system")
    (answer,) = answer_resource(
        resource({**PROD, "metrics": {"views": ["ControlPlane"]}}), mesh, chooses=True
    )

    (conflicts,) = (each for each in answer.panels if each.panel.title == "Conflicts")
    assert conflicts.state is PanelState.HAS_DATA
    assert {lack.cause for lack in conflicts.lacks} == {Cause.NOT_EXPOSED}
    assert {lack.why for lack in conflicts.lacks} == {"ended with Istio 1.18"}


METRICS = [{}, {"profile": "Document"}, {"extraFamilies": ["a"]}, {"views": ["Mesh"]}]
REST = [{}, PROD, {"controlPlane": {"collect": "Never"}}]


@pytest.mark.parametrize(("metrics", "rest"), list(product(METRICS, REST)))
@pytest.mark.parametrize("snapshot", [cluster(), NOTHING_OF_ISTIO], ids=["mesh", "no mesh"])
def test_no_line_is_cut(metrics, rest, snapshot):
    """The bounds of the status are wide enough for every answer."""
    for each in statuses({**rest, "metrics": metrics}, snapshot).values():
        assert len(each.lacks) < MAX_VIEW_LACKS
        assert all(line[-1] != "…" and len(line) <= 128 for line in each.lacks)
        assert len(set(each.lacks)) == len(each.lacks)


def test_equal_facts_give_equal_answers():
    """So a converged cluster costs no write of the status."""
    again = statuses(snapshot=without(cluster(), ("datakit", "datakit")))

    assert statuses() == statuses() == again


def test_a_line_counts_the_panels():
    """Those that lack something and those that are not fed by the mesh are told apart."""
    mesh = read_mesh(cluster(istiod(image_version="1.30.0")), "istio-system")
    lines = [view_line(each) for each in answer_resource(resource(), mesh, chooses=True)]

    assert lines == [
        "Mesh: 7 of 7 panels have data",
        "Service: 22 of 22 panels have data",
        "Workload: 19 of 19 panels have data",
        "ControlPlane: 12 of 13 panels have data, 1 not from the mesh",
    ]


PATTERNS = {
    "anchored": (("^istio_build$",), "istio_build_info", False),
    "searched": (("istio_build",), "istio_build_info", True),
    "one that the agent drops": (("(", "^a$"), "istio_build", False),
    "none but such": (("(",), "istio_build", True),
}


@pytest.mark.parametrize(("patterns", "family", "kept"), PATTERNS.values(), ids=PATTERNS.keys())
def test_filters_mean_what_the_agent_makes_of_them(patterns, family, kept):
    """Searched, and an expression that does not compile is none."""
    assert collected_of(Choice(patterns, (), ())).keeps(family) is kept


def test_views_of_spec_and_of_the_mesh_are_the_same():
    """Each view that a user can ask for is one that can be answered."""
    assert list(statuses()) == [view.value for view in View]
