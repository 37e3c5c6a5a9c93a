"""Answers per panel: what arrives, what lacks, and why."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from istio_observability.istio import document
from istio_observability.istio.answers import (
    PanelState,
    ViewAnswer,
    answer_panel,
    answer_views,
    needs_of,
)
from istio_observability.istio.arrival import Cause, Collected, Exposed, collect_selection
from istio_observability.istio.catalogue import (
    FIRST_VERSION,
    LAST_VERSION,
    Target,
    load_catalogue,
)
from istio_observability.istio.selection import select
from istio_observability.istio.views import (
    CURRENT_SINCE,
    Edition,
    Panel,
    View,
    fitting_editions,
    load_views,
    panels_of,
    views_of,
)

if TYPE_CHECKING:
    from tests.istio.expositions import Sample

VERSIONS = [(1, minor) for minor in range(FIRST_VERSION[1], LAST_VERSION[1] + 1)]
STANDARD = {target: collect_selection(select(target, View)) for target in Target}
DOCUMENT = dict.fromkeys(
    Target,
    Collected(
        keeps=lambda family: any(word in family for word in document.NAME_FILTER),
        metric_types=frozenset(document.METRIC_TYPES),
        tags_ignore=frozenset(document.TAGS_IGNORE),
    ),
)
EXTERNAL = {
    "container_cpu_usage_seconds_total",
    "container_fs_usage_bytes",
    "container_memory_working_set_bytes",
}


def panel(*series: str, view: View = View.SERVICE, labels: tuple[str, ...] = ()) -> Panel:
    """Return a panel of today that names the series."""
    return Panel(view, Edition.CURRENT, "a panel", tuple(sorted(series)), labels)


def everything(target: Target, **change: Any) -> dict[Target, Collected]:
    """Return an agent that keeps all of one target, but for the change."""
    return {target: replace(Collected(keeps=lambda _: True), **change)}


def lacks(answers: tuple[ViewAnswer, ...]) -> dict[str, set[Cause]]:
    """Return the causes for every name that any view lacks."""
    found: dict[str, set[Cause]] = {}
    for answer in answers:
        for lack in answer.lacks:
            found.setdefault(lack.name, set()).add(lack.cause)
    return found


@pytest.mark.parametrize("version", [None, *VERSIONS])
def test_standard_lacks_only_what_others_expose(version):
    """Every panel that the mesh can feed has data; what others expose or ended is said."""
    answers = answer_views(View, STANDARD, version)

    causes = lacks(answers)
    ended = {name for name, why in causes.items() if why == {Cause.NOT_EXPOSED}}
    assert all(answer.has_data for answer in answers)
    assert causes.keys() - ended <= EXTERNAL
    assert all(not load_catalogue().families[name].exists_in(version) for name in ended)


def test_standard_without_a_known_release_lacks_three_families():
    """With both editions, the three families of cAdvisor are all that is missing."""
    answers = answer_views(View, STANDARD)

    assert lacks(answers) == {name: {Cause.EXTERNAL} for name in EXTERNAL}
    assert {a.view: a.count(PanelState.WITHOUT_SOURCE) for a in answers} == {
        View.MESH: 0,
        View.SERVICE: 0,
        View.WORKLOAD: 0,
        View.CONTROL_PLANE: 2,
    }


@pytest.mark.parametrize("size", range(1, 5))
def test_standard_for_some_views_feeds_each_of_them(size: int):
    """A view has its data whichever others are chosen beside it."""
    for chosen in combinations(View, size):
        kept = {target: collect_selection(select(target, chosen)) for target in Target}

        assert all(answer.has_data for answer in answer_views(chosen, kept))


@pytest.mark.parametrize("version", [None, (1, 11), (1, 31)])
def test_the_document_lacks_every_histogram(version):
    """Each panel that draws a histogram lacks it, because of the names and of the types."""
    histograms = {name for name, f in load_catalogue().families.items() if f.type == "histogram"}
    answers = answer_views(View, DOCUMENT, version)

    drawn = [each for a in answers for each in a.panels if histograms & set(each.panel.families)]
    assert drawn
    for answer in drawn:
        found = {each.family: each for each in answer.lacks}
        for name in histograms & set(answer.panel.families):
            assert found[name].cause is Cause.NOT_COLLECTED
            assert "metric_name_filter" in found[name].why
            assert "metric_types leaves out histogram" in found[name].why
        assert answer.state is PanelState.LACKS


def test_the_document_names_samples_instead_of_families():
    """The reason for the latency panels is told apart from a name that was forgotten."""
    found = {each.name: each.why for a in answer_views(View, DOCUMENT) for each in a.lacks}

    assert "names only its samples" in found["istio_request_duration_milliseconds"]
    assert found["istio_tcp_sent_bytes_total"] == "metric_name_filter leaves it out"
    assert found["istio_build{component}"] == "tags_ignore leaves the label out"


REQUESTS = panel("istio_requests_total", labels=("response_code",))
DURATION = panel("istio_request_duration_milliseconds_bucket", labels=("le",))
CAUSES: dict[str, tuple[Panel, dict[Target, Collected], tuple[int, int] | None, object]] = {
    "kept": (REQUESTS, everything(Target.SIDECAR), None, None),
    "nothing is scraped": (REQUESTS, {}, None, Cause.NOT_SCRAPED),
    "only gateways are scraped": (REQUESTS, everything(Target.GATEWAY), None, Cause.NOT_SCRAPED),
    "the name filter": (
        REQUESTS,
        everything(Target.SIDECAR, keeps=lambda _: False),
        None,
        Cause.NOT_COLLECTED,
    ),
    "the type filter": (
        REQUESTS,
        everything(Target.SIDECAR, metric_types=frozenset({"gauge"})),
        None,
        Cause.TYPE_DROPPED,
    ),
    "a label that is needed": (
        REQUESTS,
        everything(Target.SIDECAR, tags_ignore=frozenset({"response_code"})),
        None,
        Cause.LABEL_DROPPED,
    ),
    "a label that is not needed": (
        REQUESTS,
        everything(Target.SIDECAR, tags_ignore=frozenset({"source_app"})),
        None,
        None,
    ),
    "the buckets' own label": (
        DURATION,
        everything(Target.SIDECAR, tags_ignore=frozenset({"le"})),
        None,
        Cause.LABEL_DROPPED,
    ),
    "not in this release": (
        panel("pilot_debounce_time", view=View.CONTROL_PLANE),
        everything(Target.ISTIOD),
        (1, 15),
        Cause.NOT_EXPOSED,
    ),
    "not in the exposition": (
        REQUESTS,
        everything(Target.SIDECAR, exposed={}),
        None,
        Cause.NOT_SEEN,
    ),
    "exposed without the label": (
        REQUESTS,
        everything(
            Target.SIDECAR, exposed={"istio_requests_total": Exposed("counter", frozenset())}
        ),
        None,
        Cause.NOT_SEEN,
    ),
    "exposed with another type": (
        REQUESTS,
        everything(
            Target.SIDECAR,
            metric_types=frozenset({"counter"}),
            exposed={"istio_requests_total": Exposed("untyped", frozenset({"response_code"}))},
        ),
        None,
        Cause.TYPE_DROPPED,
    ),
    "of somebody else": (
        panel("container_fs_usage_bytes"),
        everything(Target.SIDECAR),
        None,
        Cause.EXTERNAL,
    ),
    "gone without its successor": (
        panel("istio_request_duration_seconds_bucket"),
        everything(Target.SIDECAR),
        None,
        Cause.NOT_EXPOSED,
    ),
}


@pytest.mark.parametrize(("wanted", "kept", "version", "cause"), CAUSES.values(), ids=CAUSES.keys())
def test_cause(wanted, kept, version, cause):
    """Each way in which data can be missing has its own cause."""
    answer = answer_panel(wanted, kept, version)

    assert [lack.cause for lack in answer.lacks] == ([cause] if cause else [])
    assert all(lack.sentence() == f"{lack.name}: {lack.why}" for lack in answer.lacks)


def test_a_release_comes_before_a_filter():
    """What a release does not have, no filter is blamed for."""
    kept = everything(Target.ISTIOD, keeps=lambda _: False)
    wanted = panel("pilot_xds_push_context_errors", view=View.CONTROL_PLANE)

    assert [each.why for each in answer_panel(wanted, kept, (1, 26)).lacks] == [
        "ended with Istio 1.25"
    ]


def test_a_gone_family_is_an_alternative_to_its_successor():
    """Derived for every panel: the two never count as two needs."""
    pairs = {needs for each in panels_of(View) for needs in needs_of(each) if len(needs) > 1}

    assert pairs == {("istio_request_duration_milliseconds", "istio_request_duration_seconds")}


def test_every_family_of_a_panel_is_a_need():
    """Alternatives included, nothing of a panel is forgotten."""
    for each in panels_of(View):
        named = {name for needs in needs_of(each) for name in needs}

        assert named == set(each.families)


def test_versions_of_proxies_do_not_stand_for_istiod():
    """The control plane's own families have to come from istiod, the proxies' from any proxy."""
    build = panel("istio_build", view=View.CONTROL_PLANE)
    envoy = panel("envoy_cluster_upstream_cx_active", view=View.CONTROL_PLANE)
    kept = everything(Target.GATEWAY)

    assert answer_panel(build, kept).state is PanelState.LACKS
    assert answer_panel(envoy, kept).state is PanelState.HAS_DATA


def test_what_lacks_is_sorted_and_said_once():
    """What a configuration can change comes first, and panels that share a family share a line."""
    (answer,) = answer_views([View.CONTROL_PLANE], DOCUMENT)

    assert list(answer.lacks) == sorted(
        set(answer.lacks), key=lambda lack: (not lack.is_ours, lack.name, lack.why)
    )
    assert answer.lacks[-1].cause is Cause.EXTERNAL


def test_views_come_in_their_own_order():
    """Order and repetition of the wish have no effect."""
    views = [View.WORKLOAD, View.MESH, View.WORKLOAD]

    assert [answer.view for answer in answer_views(views, STANDARD)] == [View.MESH, View.WORKLOAD]


@pytest.mark.parametrize("view", View)
def test_the_edition_follows_the_release(view: View):
    """Both editions for an unknown release, one for a known one."""
    first = CURRENT_SINCE[view]

    assert fitting_editions(view, None) == tuple(Edition)
    assert fitting_editions(view, first) == (Edition.CURRENT,)
    assert fitting_editions(view, (1, first[1] - 1)) == (Edition.ISTIO_1_11,)


@pytest.mark.parametrize("view", [View.SERVICE, View.WORKLOAD])
def test_two_views_need_the_same_in_both_editions(view: View):
    """So it does not matter for them which release is the first of today's edition."""
    old, new = (
        [(each.title, each.series, each.labels) for each in load_views()[view, edition].panels]
        for edition in Edition
    )

    assert old == new


def test_views_of_a_family_are_derived():
    """They are those whose panels name it."""
    for name in load_catalogue().families:
        named = {each.view for each in panels_of(View) if name in each.families}

        assert set(views_of(name)) == named


def _exposed(samples: list[Sample]) -> dict[str, Exposed]:
    labels: dict[str, set[str]] = {}
    types: dict[str, str] = {}
    for sample in samples:
        labels.setdefault(sample.family, set()).update(key for key, _ in sample.labels)
        types[sample.family] = sample.type
    return {name: Exposed(types[name], frozenset(labels[name])) for name in types}


def test_standard_feeds_every_panel_that_the_captures_can(sidecar_capture, istiod_capture):
    """No panel lacks anything by our doing; what is missing was not exposed at that moment."""
    captures = {Target.SIDECAR: sidecar_capture, Target.ISTIOD: istiod_capture}
    kept = {
        target: replace(STANDARD[target], exposed=_exposed(samples))
        for target, samples in captures.items()
    }

    for version in (None, (1, 13)):
        answers = answer_views(View, kept, version)

        causes = {lack.cause for answer in answers for lack in answer.lacks}
        assert all(answer.has_data for answer in answers)
        assert causes <= {Cause.NOT_SEEN, Cause.EXTERNAL, Cause.NOT_EXPOSED}
        by_view = {answer.view: answer.count(PanelState.HAS_DATA) for answer in answers}
        assert min(by_view.values()) > 0


def test_the_document_on_the_captures_draws_no_latency(sidecar_capture, istiod_capture):
    """On recorded data the answer is the same as from configuration alone."""
    captures = {Target.SIDECAR: sidecar_capture, Target.ISTIOD: istiod_capture}
    kept = {
        target: replace(DOCUMENT[target], exposed=_exposed(samples))
        for target, samples in captures.items()
    }
    lacking = lacks(answer_views(View, kept))

    assert lacking["istio_request_duration_milliseconds"] == {Cause.NOT_COLLECTED}
    assert lacking["pilot_proxy_convergence_time"] == {Cause.NOT_COLLECTED}
