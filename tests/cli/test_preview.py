"""``istio-observability preview``: what would be applied, and how it is shown."""

from __future__ import annotations

import io
import json
import sys

import pytest

from istio_observability.cli.main import main

SIDECAR = """\
# TYPE istio_build gauge
istio_build{component="proxy",tag="1.24.3"} 1
# TYPE istio_requests_total counter
istio_requests_total{reporter="source",response_code="200",destination_service="a"} 1
istio_requests_total{reporter="source",response_code="500",destination_service="a"} 2
# TYPE istio_request_duration_milliseconds histogram
istio_request_duration_milliseconds_bucket{reporter="source",le="1"} 1
istio_request_duration_milliseconds_bucket{reporter="source",le="+Inf"} 2
istio_request_duration_milliseconds_sum{reporter="source"} 3
istio_request_duration_milliseconds_count{reporter="source"} 2
# TYPE envoy_listener_ssl_handshake counter
envoy_listener_ssl_handshake{listener_address="0.0.0.0_15006"} 7
"""
ANNOTATION = """\
[[inputs.prom]]
source = "cart"
urls = ["http://$IP:15020/stats/prometheus"]
interval = "10s"
metric_types = ["counter"]
metric_name_filter = ['^istio_requests_total$', 'istio_request_duration_milliseconds_bucket']
tags_ignore = ["response_code"]
"""


@pytest.fixture
def exposition(tmp_path, monkeypatch):
    """Return the path of a small exposition; the terminal has 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "sidecar.txt"
    path.write_text(SIDECAR)
    return path


@pytest.fixture
def ask(capsys, exposition):
    """Return a function that runs the command on the exposition and returns its data."""

    def run(*options: str):
        assert main(["preview", str(exposition), "-o", "json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def rows(data):
    """Return the choices by name."""
    return {row["name"]: row for row in data["choices"]}


def test_without_a_choice_the_smallest_resource_is_judged(ask):
    """Profile Standard, once a minute."""
    data = ask()
    (one,) = data["expositions"]

    assert (one["target"], one["istio"], one["intervalSeconds"]) == ("sidecar", "1.24", 60.0)
    assert (one["series"], one["seriesKept"], one["pointsPerScrape"]) == (8, 7, 6)
    assert {family["name"]: family["dropped"] for family in one["largest"]} == {
        "istio_request_duration_milliseconds": None,
        "istio_requests_total": None,
        "istio_build": None,
        "envoy_listener_ssl_handshake": "metric_name_filter leaves it out",
    }


def test_an_annotation_is_judged_by_the_agents_rules(ask, tmp_path):
    """Its types, its filter, its labels, its interval."""
    path = tmp_path / "annotation.toml"
    path.write_text(ANNOTATION)
    data = ask("--annotation", str(path), "--pods-count", "3")
    (one,) = data["expositions"]
    dropped = {family["name"]: family["dropped"] for family in one["largest"]}

    assert (one["pointsPerScrape"], one["pointsPerDay"]) == (2, 2 * 8640 * 3)
    assert one["built"]["collisions"] == 1
    assert dropped["istio_request_duration_milliseconds"] == (
        "metric_name_filter names only its samples"
    )
    assert dropped["istio_build"] == "metric_name_filter leaves it out"
    assert rows(data)["every 5 s"]["pointsPerDay"] == 2 * 17280 * 3
    assert rows(data)["every 20 s"]["pointsPerDay"] == 2 * 4320 * 3


def test_an_annotation_in_a_manifest_is_found(ask, tmp_path):
    """In the template of a Deployment, as it stands in a repository."""
    path = tmp_path / "cart.yaml"
    text = "\n".join(f"          {line}" for line in ANNOTATION.splitlines())
    path.write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\nspec:\n  template:\n"
        f"    metadata:\n      annotations:\n        datakit/prom.instances: |\n{text}\n"
    )

    assert ask("--annotation", str(path))["choices"][0]["seriesKeptByExposition"] == [2]


def test_a_conf_file_is_judged_by_its_own_rules(ask, tmp_path):
    """There an interval below a second is a second."""
    path = tmp_path / "prom.conf"
    path.write_text('[[inputs.prom]]\nurl = "http://a:1/metrics"\ninterval = "10ms"\n')
    data = ask("--conf", str(path))

    assert data["expositions"][0]["intervalSeconds"] == 1.0
    assert data["expositions"][0]["seriesKept"] == 8


def test_several_instances_are_told(ask, tmp_path):
    """The first is looked at."""
    path = tmp_path / "annotation.toml"
    path.write_text(ANNOTATION + ANNOTATION)

    assert ask("--annotation", str(path))["notes"] == [
        f"{path} has 2 instances; the first one is looked at."
    ]


def test_a_resource_brings_its_views(ask, tmp_path):
    """Panels of other views are not asked for; one view alone is no other choice."""
    path = tmp_path / "mesh.yaml"
    path.write_text(
        "apiVersion: istio-observability.dev/v1alpha1\nkind: IstioObservability\n"
        "metadata: {name: mesh}\nspec: {metrics: {views: [Mesh], interval: 15s}}\n"
    )
    data = ask("-f", str(path))

    assert [view["name"] for view in data["views"]] == ["Mesh"]
    assert data["applied"] == "mesh: profile Standard"
    assert "only Mesh" not in rows(data)
    assert {"only Service", "every 7.5 s", "every 30 s"} <= rows(data).keys()


def test_a_target_that_is_not_scraped_costs_nothing(ask, tmp_path):
    """View Service needs nothing of istiod."""
    path = tmp_path / "mesh.yaml"
    path.write_text(
        "apiVersion: istio-observability.dev/v1alpha1\nkind: IstioObservability\n"
        "metadata: {name: mesh}\nspec: {metrics: {views: [Service]}}\n"
    )
    data = ask("-f", str(path), "--target", "istiod")

    assert data["expositions"][0]["pointsPerDay"] == 0
    assert data["expositions"][0]["largest"][0]["dropped"] == "not scraped"


def test_the_release_decides_which_edition_is_shown(ask):
    """Without one both are."""
    editions = {
        version: {p["edition"] for view in ask(*options)["views"] for p in view["panels"]}
        for version, options in {
            "seen": (),
            "old": ("--istio", "1.13"),
        }.items()
    }

    assert editions == {"seen": {"current"}, "old": {"1.11"}}


def test_several_sidecars_stand_for_all(capsys, exposition):
    """Their mean, times the pods."""
    main(["preview", str(exposition), str(exposition), "--pods-count", "10", "-o", "json"])
    data = json.loads(capsys.readouterr().out)

    assert data["pointsPerDay"] == 6 * 1440 * 10


def test_standard_input_is_read(capsys, exposition, monkeypatch):
    """Packed or not."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exposition.read_bytes())))

    assert main(["preview", "-"]) == 0
    assert "standard input: sidecar, Istio 1.24" in capsys.readouterr().out


def test_the_text_fits_80_columns_and_is_plain(capsys, exposition):
    """Without a terminal there is no colour."""
    main(["preview", str(exposition)])
    text = capsys.readouterr().out

    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "6 points every 60 s = 8,640 points a day" in text
    assert "  yes     Client Request Volume" in text


def test_a_collision_is_shown_with_its_values(capsys, exposition, tmp_path):
    """And with the series."""
    path = tmp_path / "annotation.toml"
    path.write_text(ANNOTATION)
    main(["preview", str(exposition), "--annotation", str(path)])
    text = capsys.readouterr().out

    assert "Collisions: 1 series with several values in one scrape" in text
    assert "  requests_total = 1.0 and 2.0 for\n      destination_service=" in text


def test_where_the_agent_stops_is_shown(capsys, exposition):
    """What was read before is previewed."""
    exposition.write_text(f"{SIDECAR}# TYPE x gauge\nx 1 2 3\n")
    main(["preview", str(exposition)])

    assert "The agent stops in the middle: a line is no sample" in capsys.readouterr().out


def test_a_terminal_that_knows_no_blocks_gets_other_bars(exposition, monkeypatch):
    """Every character of the text can be written to it."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    main(["preview", str(exposition)])
    sys.stdout.flush()

    assert b"#####" in written.getvalue()


WRONG = {
    "no exposition": ([], "give an exposition"),
    "no version": (["--istio", "new"], "--istio new is no version"),
    "two choices": (["--conf", "a", "--annotation", "b"], "not allowed with argument"),
    "no pods": (["--pods-count", "0"], "give a whole number, 1 or more"),
    "no time": (["--timeout", "nan"], "give seconds"),
    "no file": (["--conf", "missing.conf"], "missing.conf: cannot be read"),
}


@pytest.mark.parametrize(("options", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_one_sentence(capsys, exposition, options, sentence):
    """And exit code 1."""
    try:
        code = main(["preview", *([str(exposition)] if options else []), *options])
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr().err

    assert code == 1
    assert sentence in said
    assert "Traceback" not in said


DROPPED = {
    "no TOML": ("[[inputs.prom]\n", ": is no valid TOML: "),
    "another input": ("[[inputs.cpu]]\n", ": has no [[inputs.prom]]; the agent drops it; "),
    "a wrong value": ("[[inputs.prom]]\ninterval = []\n", "; the agent drops it; "),
}


@pytest.mark.parametrize("option", ["--annotation", "--conf"])
@pytest.mark.parametrize(("text", "sentence"), DROPPED.values(), ids=DROPPED.keys())
def test_what_the_agent_drops_cannot_be_previewed(
    capsys, exposition, tmp_path, option, text, sentence
):
    """The reason is the agent's."""
    path = tmp_path / "text.toml"
    path.write_text(text)

    assert main(["preview", str(exposition), option, str(path)]) == 1
    assert sentence in capsys.readouterr().err
