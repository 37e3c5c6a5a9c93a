"""``istio-observability catalog``: searching the families of Istio."""

from __future__ import annotations

import json

import pytest

from istio_observability.cli.main import main
from istio_observability.istio.catalogue import load_catalogue
from istio_observability.istio.views import View, families_of_views

CATALOGUE = load_catalogue()


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    """A terminal of 80 columns, whatever the machine has."""
    monkeypatch.setenv("COLUMNS", "80")


def run(capsys, *arguments):
    """Run the command; return exit code, standard output and standard error."""
    code: object
    try:
        code = main(["catalog", *arguments])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def names(capsys, *arguments):
    """Return the names that a search finds."""
    code, out, _ = run(capsys, *arguments, "-o", "json")

    assert code == 0
    return [each["name"] for each in json.loads(out)["families"]]


def test_without_a_pattern_everything_is_listed(capsys):
    """In the order of the catalogue."""
    assert names(capsys) == list(CATALOGUE.families)


def test_every_name_is_readable_in_80_columns(capsys):
    """No line is wider, and no name is cut short."""
    _, out, _ = run(capsys)

    first = "".join(line.split("  ")[0] for line in out.splitlines())
    assert all(len(line) <= 80 for line in out.splitlines())
    assert [name for name in CATALOGUE.families if name not in first] == []


SEARCHES = {
    "by name": (("^istio_tcp_.*_bytes_total$",), {"istio_tcp_sent_bytes_total"}),
    "by help": (("Goroutines \\(istiod\\)",), {"go_goroutines"}),
    "by label": (("^cluster_type$",), {"istiod_managed_clusters"}),
    "without case": (("(?i)^GO_INFO$",), {"go_info"}),
    "by target": (("goroutines$", "--target", "gateway"), {"istio_agent_go_goroutines"}),
    "by view": (("tcp_sent", "--view", "Mesh"), {"istio_tcp_sent_bytes_total"}),
    "by release": (("http_over", "--istio", "1.18", "--target", "istiod"), set()),
}


@pytest.mark.parametrize(("arguments", "among"), SEARCHES.values(), ids=SEARCHES.keys())
def test_search(capsys, arguments, among):
    """Names, help texts and labels are searched; options narrow the result."""
    found = names(capsys, *arguments)

    assert among <= set(found)
    assert 0 < len(found) < 10


def test_a_release_leaves_out_what_it_does_not_have(capsys):
    """Before, and after."""
    before = names(capsys, "http_over_current", "--istio", "1.18.5", "--target", "istiod")
    code, _, _ = run(capsys, "http_over_current", "--istio", "1.19", "--target", "istiod")

    assert before == ["pilot_conflict_outbound_listener_http_over_current_tcp"]
    assert code == 2


@pytest.mark.parametrize("view", View)
def test_a_view_lists_what_its_panels_name(capsys, view):
    """Derived from the panels."""
    found = names(capsys, "--view", view.value)

    assert set(found) == families_of_views([view]) & CATALOGUE.families.keys()


def test_few_families_are_shown_in_full(capsys):
    """Type, unit, targets, releases, help, labels and views."""
    code, out, _ = run(capsys, "^pilot_envoy_filter_status$")

    assert code == 0
    assert out == (
        "pilot_envoy_filter_status\n"
        "  gauge in filters, from istiod, since Istio 1.12\n"
        "  Envoy filters, applied or failed.\n"
        "  labels: name, patch, result\n"
        "  views: none\n"
        "\n"
    )


NOTES = {
    "of another component": ("container_fs", "comes from cAdvisor"),
    "gone": ("istio_request_duration_seconds", "use istio_request_duration_milliseconds"),
}


@pytest.mark.parametrize(("pattern", "said"), NOTES.values(), ids=NOTES.keys())
def test_names_that_are_no_family_of_istio_are_explained(capsys, pattern, said):
    """Whoever looks for a name of a panel gets an answer."""
    code, out, _ = run(capsys, pattern)

    assert code == 0
    assert said in out


def test_nothing_found_suggests_the_nearest_name(capsys):
    """Exit code 2: answered, and not what was hoped for."""
    code, out, err = run(capsys, "^istio_request_total$")

    assert (code, out) == (2, "")
    assert err == "no family matches; the nearest name is istio_requests_total\n"


BAD = {
    "no expression": (["a("], "PATTERN is no RE2 expression"),
    "an expression of another dialect": (["(?=a)"], "PATTERN is no RE2 expression"),
    "no version": (["--istio", "latest"], "--istio latest is no version"),
    "a version too old": (["--istio", "1.10"], "give one from 1.11 to 1.31"),
    "a version to come": (["--istio", "2.0"], "give one from 1.11 to 1.31"),
    "an unknown target": (["--target", "ztunnel"], "invalid choice"),
    "an unknown view": (["--view", "Grafana"], "invalid choice"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_usage_is_one_sentence_and_exit_code_1(capsys, arguments, said):
    """No traceback, nothing on standard output."""
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (1, "")
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
