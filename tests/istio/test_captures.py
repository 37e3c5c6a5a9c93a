"""What the two profiles keep of recorded expositions."""

from __future__ import annotations

import pytest

from istio_observability.datakit.prom import anchor
from istio_observability.istio import document
from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.istio.selection import select
from istio_observability.istio.views import View, families_of_views
from tests.istio.expositions import Sample, kept, merged

TARGETS = {"sidecar_capture": Target.SIDECAR, "istiod_capture": Target.ISTIOD}


@pytest.fixture(params=sorted(TARGETS))
def capture(request: pytest.FixtureRequest) -> tuple[Target, list[Sample]]:
    """Return both captures, one after the other."""
    return TARGETS[request.param], request.getfixturevalue(request.param)


def _standard(target: Target, samples: list[Sample]) -> list[Sample]:
    chosen = select(target, View)
    return kept(samples, chosen.metric_types, map(anchor, chosen.families))


def test_the_document_keeps_23_samples_and_no_histogram(
    sidecar_capture: list[Sample], istiod_capture: list[Sample]
):
    """Of both captures: 23 of 821 and 23 of 238, none of them of a histogram."""
    counts = []
    for samples in (sidecar_capture, istiod_capture):
        left = kept(samples, document.METRIC_TYPES, document.NAME_FILTER)
        counts.append((len(left), len(samples)))

        assert "histogram" not in {sample.type for sample in left}

    assert counts == [(23, 821), (23, 238)]


def test_standard_keeps_what_the_views_need(capture: tuple[Target, list[Sample]]):
    """Every family that a view needs and the capture has is kept, and nothing else."""
    target, samples = capture
    ours = {family.name for family in load_catalogue().of(target)}
    present = {sample.family for sample in samples}

    assert {sample.family for sample in _standard(target, samples)} == (
        families_of_views(View) & present & ours
    )


def test_no_view_needs_what_is_kept_from_it(sidecar_capture, istiod_capture):
    """What a view names and a capture has, but the selection leaves out, is not that target's."""
    for target, samples in ((Target.SIDECAR, sidecar_capture), (Target.ISTIOD, istiod_capture)):
        present = {sample.family for sample in samples} & families_of_views(View)

        assert present == {sample.family for sample in _standard(target, samples)}


def test_standard_merges_no_series(capture: tuple[Target, list[Sample]]):
    """No two series become one by the labels that are left out."""
    target, samples = capture

    assert merged(_standard(target, samples), select(target, View).tags_ignore) == []


def test_standard_keeps_latency(sidecar_capture: list[Sample]):
    """Buckets, sums and counts of the request duration are among what is kept."""
    names = {sample.name for sample in _standard(Target.SIDECAR, sidecar_capture)}
    duration = "istio_request_duration_milliseconds"

    assert {f"{duration}_bucket", f"{duration}_sum", f"{duration}_count"} <= names


def test_the_catalogue_agrees_with_the_captures(capture: tuple[Target, list[Sample]]):
    """Type, target, version and labels of each known family are those that were recorded."""
    target, samples = capture
    families = load_catalogue().families
    wrong = []
    for sample in samples:
        known = families.get(sample.family)
        if known is None:
            continue
        labels = {key for key, _ in sample.labels} - {"le", "quantile"}
        fits = known.type == sample.type and target in known.targets and known.exists_in((1, 13))
        if not fits or not labels <= set(known.labels):
            wrong.append(sample)

    assert wrong == []


def test_the_catalogue_knows_what_istio_itself_exposes(capture: tuple[Target, list[Sample]]):
    """Families of Istio are all known; of Envoy, Go and the process only those of interest."""
    _, samples = capture
    general = ("envoy_", "go_", "istio_agent_go_")
    families = {sample.family for sample in samples if not sample.family.startswith(general)}

    assert families - load_catalogue().families.keys() == set()
