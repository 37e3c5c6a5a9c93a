"""Views, what they need of each target, and the labels that may be left out."""

from __future__ import annotations

from itertools import combinations

import pytest

from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.istio.labels import load_label_rules
from istio_observability.istio.selection import Selection, select
from istio_observability.istio.views import (
    SCRAPE_LABELS,
    Edition,
    View,
    families_of,
    families_of_views,
    labels_of_views,
    load_views,
    panels_of,
)

SUBSETS = [set(chosen) for size in range(5) for chosen in combinations(View, size)]
HISTOGRAMS = {
    "istio_request_bytes",
    "istio_request_duration_milliseconds",
    "istio_response_bytes",
}


def test_every_view_has_both_editions():
    """The numbers of panels are those of the dashboards."""
    counts = {(view, edition): len(data.panels) for (view, edition), data in load_views().items()}

    assert counts == {
        (View.MESH, Edition.ISTIO_1_11): 15,
        (View.SERVICE, Edition.ISTIO_1_11): 22,
        (View.WORKLOAD, Edition.ISTIO_1_11): 19,
        (View.CONTROL_PLANE, Edition.ISTIO_1_11): 15,
        (View.MESH, Edition.CURRENT): 7,
        (View.SERVICE, Edition.CURRENT): 22,
        (View.WORKLOAD, Edition.CURRENT): 19,
        (View.CONTROL_PLANE, Edition.CURRENT): 13,
    }


def test_every_family_of_a_view_is_accounted_for():
    """Each is in the catalogue, or known to be somebody else's or gone."""
    catalogue = load_catalogue()
    known = catalogue.families.keys() | catalogue.external.keys() | catalogue.gone.keys()

    assert families_of_views(View) - known == set()


def test_labels_of_panels_exist_in_their_families():
    """A label that a query names is one that some family of the panel has."""
    catalogue = load_catalogue()
    missing = []
    for panel in panels_of(View):
        known = {"le"}
        for name in panel.families:
            if name in catalogue.external or name in catalogue.gone:
                continue
            known |= set(catalogue.families[name].labels)
        wanted = set(panel.labels) - SCRAPE_LABELS
        if not wanted <= known:
            missing.append((panel.view, panel.title, wanted - known))

    assert missing == []


def test_series_become_families():
    """Samples of one histogram are one family."""
    assert families_of(["a_bucket", "istio_request_bytes_sum", "istio_request_bytes_bucket"]) == (
        "a",
        "istio_request_bytes",
    )


def test_sidecar_selection_for_all_views():
    """The list is pinned: another one changes the template of every workload."""
    assert select(Target.SIDECAR, View) == Selection(
        families=(
            "envoy_cluster_upstream_cx_active",
            "envoy_cluster_upstream_cx_connect_fail",
            "envoy_cluster_upstream_cx_rx_bytes_total",
            "envoy_cluster_upstream_cx_total",
            "envoy_cluster_upstream_cx_tx_bytes_total",
            "envoy_server_hot_restart_epoch",
            "istio_build",
            "istio_request_bytes",
            "istio_request_duration_milliseconds",
            "istio_requests_total",
            "istio_response_bytes",
            "istio_tcp_received_bytes_total",
            "istio_tcp_sent_bytes_total",
        ),
        metric_types=("counter", "gauge", "histogram"),
        tags_ignore=("destination_app", "source_app"),
    )


def test_gateways_deliver_what_sidecars_deliver():
    """Both are the same proxy."""
    assert select(Target.GATEWAY, View) == select(Target.SIDECAR, View)


def test_istiod_selection_covers_old_and_new_releases():
    """Families that were removed stand beside those that replaced them; no label goes."""
    chosen = select(Target.ISTIOD, View)

    assert {
        "pilot_conflict_outbound_listener_http_over_current_tcp",
        "pilot_proxy_convergence_time",
        "pilot_xds_push_time",
        "pilot_xds_cds_reject",
        "pilot_total_xds_rejects",
        "sidecar_injection_success_total",
        "galley_validation_passed",
    } <= set(chosen.families)
    assert chosen.tags_ignore == ()
    assert len(chosen.families) == 38


TYPES = {
    "versions only": (Target.ISTIOD, {View.MESH}, ("counter", "gauge")),
    "no latency in the control plane's proxies": (
        Target.SIDECAR,
        {View.CONTROL_PLANE},
        ("counter", "gauge"),
    ),
    "push times are histograms": (
        Target.ISTIOD,
        {View.CONTROL_PLANE},
        ("counter", "gauge", "histogram"),
    ),
    "no gauge in Service": (Target.SIDECAR, {View.SERVICE}, ("counter", "histogram")),
    "nothing": (Target.ISTIOD, {View.SERVICE}, ()),
}


@pytest.mark.parametrize(("target", "views", "types"), TYPES.values(), ids=TYPES.keys())
def test_types_follow_from_the_families(target: Target, views: set[View], types: tuple[str, ...]):
    """A type is listed exactly if a family has it."""
    assert select(target, views).metric_types == types


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("views", SUBSETS, ids=lambda views: "+".join(sorted(views)) or "none")
def test_what_holds_for_every_choice(target: Target, views: set[View]):
    """Histograms stay, needed labels stay, what determines a dropped label stays."""
    chosen = select(target, views)
    rules = load_label_rules()
    dropped = set(chosen.tags_ignore)

    assert set(chosen.families) <= families_of_views(views)
    assert not dropped & labels_of_views(views)
    assert not dropped & rules.kept.keys()
    for rule in rules.droppable:
        assert rule.label not in dropped or not rule.determined_by & dropped
    wants_latency = target is not Target.ISTIOD and views & {View.SERVICE, View.WORKLOAD}
    assert not wants_latency or set(chosen.families) >= HISTOGRAMS


@pytest.mark.parametrize("target", Target)
def test_a_union_of_views_is_the_union_of_their_families(target: Target):
    """Another view adds and never takes away."""
    single = {name for view in View for name in select(target, [view]).families}

    assert set(select(target, View).families) == single


def test_every_label_of_the_standard_metrics_has_a_verdict():
    """A label that Istio adds must be judged before it can be left out."""
    rules = load_label_rules()
    judged = rules.kept.keys() | {rule.label for rule in rules.droppable}

    assert set(load_catalogue().families["istio_requests_total"].labels) <= judged
