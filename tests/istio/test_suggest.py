"""What is said about names that people write: real, misspelt, removed, of somebody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.istio import document
from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.istio.suggest import (
    Kind,
    look_up_family,
    look_up_label,
    nearest_family,
    removed_since,
)

PROXY, ISTIOD = Target.SIDECAR, Target.ISTIOD
HTTP_OVER_TCP = "pilot_conflict_outbound_listener_http_over_current_tcp"
FAMILIES = {
    "as it stands": ("istio_requests_total", PROXY, Kind.KNOWN, ""),
    "a letter is missing": ("istio_request_total", PROXY, Kind.MISSPELT, "istio_requests_total"),
    "the ending is missing": (
        "istio_tcp_sent_bytes",
        PROXY,
        Kind.MISSPELT,
        "istio_tcp_sent_bytes_total",
    ),
    "a hyphen": ("istio-build", PROXY, Kind.MISSPELT, "istio_build"),
    "capitals": ("Istio_Build", PROXY, Kind.MISSPELT, "istio_build"),
    "samples of a histogram": (
        "istio_request_bytes_bucket",
        PROXY,
        Kind.SAMPLE,
        "istio_request_bytes",
    ),
    "ended before the first release": (
        "istio_request_duration_seconds",
        PROXY,
        Kind.REMOVED,
        "istio_request_duration_milliseconds",
    ),
    "samples of one that ended": (
        "istio_request_duration_seconds_bucket",
        PROXY,
        Kind.REMOVED,
        "istio_request_duration_milliseconds",
    ),
    "ended since": (HTTP_OVER_TCP, ISTIOD, Kind.REMOVED, ""),
    "of another target": ("pilot_xds", PROXY, Kind.ELSEWHERE, ""),
    "of another component": ("container_fs_usage_bytes", ISTIOD, Kind.EXTERNAL, ""),
    "one of Envoy's many": ("envoy_cluster_upstream_rq_time", PROXY, Kind.OPEN, ""),
    "one of Envoy's many, misspelt": (
        "envoy_cluster_upstream_cx_actve",
        PROXY,
        Kind.MISSPELT,
        "envoy_cluster_upstream_cx_active",
    ),
    "of the application": ("http_requests_total", PROXY, Kind.UNKNOWN, ""),
    "nothing": ("", PROXY, Kind.UNKNOWN, ""),
}


@pytest.mark.parametrize(
    ("name", "target", "kind", "nearest"), FAMILIES.values(), ids=FAMILIES.keys()
)
def test_family(name: str, target: Target, kind: Kind, nearest: str):
    """Each name gets one verdict, and the name to write instead where there is one."""
    found = look_up_family(name, target)

    assert (found.kind, found.nearest) == (kind, nearest)


def test_removed_depends_on_the_release_asked_about():
    """A family that 1.18 still has is only removed for later releases."""
    assert look_up_family(HTTP_OVER_TCP, version=(1, 18)).kind is Kind.KNOWN
    assert look_up_family(HTTP_OVER_TCP, version=(1, 19)).kind is Kind.REMOVED


REMOVED = {
    HTTP_OVER_TCP: "1.19",
    "istio_agent_pilot_xds_pushes": "1.23",
    "istio_request_duration_seconds": "1.5",
    "istio_requests_total": "",
    "no_such_family": "",
}


@pytest.mark.parametrize(("name", "since"), REMOVED.items())
def test_removed_since(name: str, since: str):
    """The first release without a family is the one after its last."""
    assert removed_since(name) == since


LABELS = {
    "as it stands": ("response_code", PROXY, Kind.KNOWN, ""),
    "of a histogram": ("le", PROXY, Kind.KNOWN, ""),
    "of Envoy": ("listener_address", PROXY, Kind.KNOWN, ""),
    "of another target": ("group", PROXY, Kind.ELSEWHERE, ""),
    "the document's first slip": (
        "responce_code_class",
        PROXY,
        Kind.MISSPELT,
        "response_code_class",
    ),
    "the document's second slip": (
        "source_canonical-service",
        PROXY,
        Kind.MISSPELT,
        "source_canonical_service",
    ),
    "of the application": ("customer", PROXY, Kind.UNKNOWN, ""),
}


@pytest.mark.parametrize(("label", "target", "kind", "nearest"), LABELS.values(), ids=LABELS.keys())
def test_label(label: str, target: Target, kind: Kind, nearest: str):
    """Labels get the same verdicts."""
    found = look_up_label(label, target)

    assert (found.kind, found.nearest) == (kind, nearest)


def test_exactly_two_labels_of_the_document_are_misspelt():
    """Both are found, and no right one is accused."""
    wrong = [name for name in document.TAGS_IGNORE if look_up_label(name).kind is not Kind.KNOWN]

    assert wrong == ["responce_code_class", "source_canonical-service"]


def test_every_real_name_is_known_or_removed():
    """No name of the catalogue is taken for a slip of another one."""
    kinds = {look_up_family(name).kind for name in load_catalogue().families}

    assert kinds == {Kind.KNOWN, Kind.REMOVED}


@given(st.text(max_size=60))
def test_any_text_is_answered(name: str):
    """Whatever is asked, a name that is suggested is a real one."""
    found = look_up_family(name)

    assert found.nearest == "" or found.nearest in load_catalogue().families
    assert look_up_label(name).name == name


@given(st.sampled_from(sorted(load_catalogue().families)), st.data())
def test_one_wrong_letter_leads_back(name: str, data: st.DataObject):
    """A letter that is left out leads to a real name as near as the one meant."""
    at = data.draw(st.integers(0, len(name) - 1))
    slip = name[:at] + name[at + 1 :]

    assert slip in load_catalogue().families or nearest_family(slip) != "" or len(name) < 8
