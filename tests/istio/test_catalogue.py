"""The catalogue as data, and the rules that its file has to keep."""

from __future__ import annotations

import pytest

from istio_observability.istio.catalogue import (
    InvalidCatalogue,
    MetricType,
    Target,
    load_catalogue,
    parse_catalogue,
    parse_version,
)

FAMILIES = load_catalogue().families


def test_standard_metrics_have_their_vocabulary():
    """HTTP metrics have 25 labels, TCP metrics the same without the two of responses."""
    http = set(FAMILIES["istio_requests_total"].labels)
    tcp = set(FAMILIES["istio_tcp_sent_bytes_total"].labels)

    assert len(http) == 25
    assert http - tcp == {"response_code", "grpc_response_status"}
    assert tcp < http


VERSIONS = {
    "pilot_conflict_outbound_listener_http_over_current_tcp": ((1, 18), (1, 19)),
    "pilot_conflict_outbound_listener_tcp_over_current_http": ((1, 18), (1, 19)),
    "istio_agent_pilot_xds_pushes": ((1, 22), (1, 23)),
    "pilot_xds_push_context_errors": ((1, 25), (1, 26)),
}


@pytest.mark.parametrize(("name", "versions"), VERSIONS.items())
def test_families_that_ended(name: str, versions: tuple[tuple[int, int], tuple[int, int]]):
    """The last release that has a family, and the first one without it."""
    last, first_without = versions

    assert FAMILIES[name].exists_in(last)
    assert not FAMILIES[name].exists_in(first_without)


def test_a_later_family_is_missing_before():
    """A family begins with its first release."""
    assert not FAMILIES["pilot_debounce_time"].exists_in((1, 15))
    assert FAMILIES["pilot_debounce_time"].exists_in((1, 16))


TARGETS = {
    "istio_build": set(Target),
    "istio_requests_total": {Target.SIDECAR, Target.GATEWAY},
    "envoy_cluster_upstream_cx_active": {Target.SIDECAR, Target.GATEWAY},
    "istio_agent_go_goroutines": {Target.SIDECAR, Target.GATEWAY},
    "go_goroutines": {Target.ISTIOD},
    "pilot_xds": {Target.ISTIOD},
    "galley_validation_failed": {Target.ISTIOD},
}


@pytest.mark.parametrize(("name", "targets"), TARGETS.items())
def test_who_exposes_a_family(name: str, targets: set[Target]):
    """Proxies expose no bare process metrics of their own, istiod no traffic."""
    assert FAMILIES[name].targets == targets


SERIES = {
    "istio_request_bytes_bucket": "istio_request_bytes",
    "istio_request_bytes_sum": "istio_request_bytes",
    "pilot_xds_push_time_count": "pilot_xds_push_time",
    "go_gc_duration_seconds_sum": "go_gc_duration_seconds",
    "istio_request_duration_seconds_bucket": "istio_request_duration_seconds",
    "citadel_server_csr_count": "citadel_server_csr_count",
    "metric_cache_count": "metric_cache_count",
    "istio_requests_total": "istio_requests_total",
    "foreign_bucket": "foreign",
    "foreign_count": "foreign_count",
}


@pytest.mark.parametrize(("series", "family"), SERIES.items())
def test_family_of_a_series(series: str, family: str):
    """Samples of histograms belong to the histogram; names that only look so stay."""
    assert load_catalogue().family_of(series) == family


def test_outgoing_latency_is_a_sum():
    """The name promises a latency, the value only grows."""
    assert FAMILIES["istio_agent_outgoing_latency"].type is MetricType.COUNTER


GOOD = {
    "name": '"a_total"',
    "type": '"counter"',
    "unit": '"things"',
    "labels": '["@set", "y"]',
    "targets": '["istiod"]',
    "since": '"1.11"',
    "help": '"A sentence."',
}
BROKEN = {
    "no metric name": {"name": '"a-b"'},
    "name of a sample": {"name": '"a_bucket"'},
    "impossible label": {"labels": '["a-b"]'},
    "no target": {"targets": "[]"},
    "no unit": {"unit": '""'},
    "help without an end": {"help": '"A word"'},
    "before the first release": {"since": '"1.10"'},
    "after the last release": {"since": '"1.32"'},
    "ends before it begins": {"since": '"1.20"', "until": '"1.19"'},
    "both gone and there": {"name": '"old"'},
    "both external and there": {"name": '"other"'},
}


def _file(change: dict[str, str], times: int = 1) -> str:
    entry = "\n".join(f"{key} = {value}" for key, value in {**GOOD, **change}.items())
    return (
        '[label_sets]\nset = ["x", "le"]\n'
        + f"[[family]]\n{entry}\n" * times
        + '[[external]]\nname = "other"\ncomponent = "c"\n'
        + '[[gone]]\nname = "old"\nuntil = "1.4"\ninstead = "a_total"\n'
    )


def test_a_good_file_is_read():
    """Label sets are spelled out, le is left out."""
    catalogue = parse_catalogue(_file({}))

    assert catalogue.families["a_total"].labels == ("x", "y")


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_broken_rules_are_named(change: dict[str, str]):
    """A wrong entry stops the load and is named."""
    with pytest.raises(InvalidCatalogue, match=":"):
        parse_catalogue(_file(change))


def test_an_entry_stands_once():
    """The second entry of a name would silently replace the first."""
    with pytest.raises(InvalidCatalogue, match="twice"):
        parse_catalogue(_file({}, times=2))


def test_versions():
    """Release numbers are read from whatever a cluster reports."""
    assert [parse_version(text) for text in ("1.22", "1.22.3", "1.32-dev", "v1.9.0")] == [
        (1, 22),
        (1, 22),
        (1, 32),
        (1, 9),
    ]
    with pytest.raises(ValueError, match="version"):
        parse_version("latest")
