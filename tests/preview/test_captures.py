"""What the two profiles make of the recorded expositions."""

from __future__ import annotations

import json

import pytest

from istio_observability.cli.main import main
from istio_observability.datakit.annotation import PodFacts
from istio_observability.datakit.collect import collect_annotation
from istio_observability.datakit.points import find_collisions
from istio_observability.datakit.responses import Response
from istio_observability.preview.panels import Verdict
from tests.datakit import source_document
from tests.preview.conftest import capture_path

URL = "http://10.0.0.1:15020/stats/prometheus"
DOCUMENT = """\
apiVersion: istio-observability.dev/v1alpha1
kind: IstioObservability
metadata: {name: mesh}
spec: {metrics: {profile: Document}}
"""


@pytest.fixture
def ask(capsys, captures):
    """Return a function that previews both captures and returns the data."""

    def run(*options: str):
        assert main(["preview", *map(str, captures), "-o", "json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def counts(data) -> list[tuple[int, int]]:
    """Return the series kept and all series of each exposition."""
    return [(one["seriesKept"], one["series"]) for one in data["expositions"]]


def test_the_document_keeps_23_series_of_each(ask, tmp_path):
    """As a resource with that profile, and as the annotation of the document itself."""
    resource, annotation = tmp_path / "mesh.yaml", tmp_path / "annotation.toml"
    resource.write_text(DOCUMENT)
    annotation.write_text(source_document.PRODUCTPAGE)

    for options in (("-f", str(resource)), ("--annotation", str(annotation))):
        data = ask(*options)
        kept = [
            family["type"]
            for one in data["expositions"]
            for family in one["largest"]
            if not family["dropped"]
        ]

        assert counts(data) == [(23, 821), (23, 238)]
        assert "histogram" not in kept


def test_standard_feeds_every_panel_that_the_captures_can_feed(ask):
    """Whatever lacks is not exposed by the capture, or not by the mesh at all."""
    data = ask()
    verdicts = [panel["verdict"] for view in data["views"] for panel in view["panels"]]

    assert counts(data) == [(409, 821), (142, 238)]
    assert set(verdicts) <= {Verdict.HAS_DATA, Verdict.NOT_SEEN, Verdict.WITHOUT_SOURCE}
    assert verdicts.count("HasData") == 56
    assert [one["built"]["collisions"] for one in data["expositions"]] == [0, 0]


def test_the_document_is_one_of_the_other_choices(ask):
    """Side by side: what it keeps of each, and how many panels stay empty."""
    rows = {row["name"]: row for row in ask()["choices"]}

    assert rows["profile Standard"]["seriesKeptByExposition"] == [409, 142]
    assert rows["profile Document"]["seriesKeptByExposition"] == [23, 23]
    assert rows["profile Document"]["panelsWithData"] == 32
    assert rows["without any filter"]["seriesKeptByExposition"] == [821, 238]
    assert rows["without histograms"]["panelsWithData"] == 39


def test_both_counts_are_printed(capsys, captures, monkeypatch):
    """In the table of the choices, in 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["preview", *map(str, captures)])
    text = capsys.readouterr().out

    assert "profile Standard    409+142" in text
    assert "profile Document      23+23" in text
    assert max(map(len, text.splitlines())) <= 80


def test_panels_of_a_target_that_is_not_given_are_not_judged(capsys, captures):
    """The sidecar alone says nothing about the control plane."""
    main(["preview", str(captures[0]), "-o", "json"])
    data = json.loads(capsys.readouterr().out)
    control_plane = next(view for view in data["views"] if view["name"] == "ControlPlane")

    assert {panel["verdict"] for panel in control_plane["panels"]} <= {
        "HasData",
        "NotLookedAt",
        "NotSeen",
        "WithoutSource",
    }
    assert any(panel["verdict"] == "NotLookedAt" for panel in control_plane["panels"])


def test_points_a_day_are_those_of_all_pods(ask):
    """Sidecars are many; istiod is scraped once per interval by one agent."""
    sidecar, istiod = ask("--pods-count", "40")["expositions"]

    assert sidecar["pointsPerDay"] == sidecar["pointsPerScrape"] * 1440 * 40
    assert istiod["pointsPerDay"] == istiod["pointsPerScrape"] * 1440


def test_collisions_are_those_that_the_agents_rules_find(ask, tmp_path):
    """A list of labels that is too long merges series, and each is named."""
    text = (
        f'[[inputs.prom]]\nurl = "{URL}"\n'
        'tags_ignore = ["destination_version", "destination_workload", "le",'
        ' "destination_canonical_revision", "destination_service_name", "destination_service",'
        ' "destination_app", "destination_canonical_service", "destination_principal"]\n'
    )
    path = tmp_path / "annotation.toml"
    path.write_text(text)
    built = ask("--annotation", str(path))["expositions"][0]["built"]
    collected = collect_annotation(
        text,
        PodFacts("10.0.0.1", "namespace", "pod", "node"),
        {
            "http://10.0.0.1:15020/stats/prometheus": Response(
                capture_path("istio.txt").read_bytes()
            )
        },
    )
    expected = find_collisions(collected.points)

    assert built["complete"]
    assert built["points"] == len(collected.points)
    assert built["collisions"] == len(expected) > 0
    assert {example["field"] for example in built["examples"]} <= {hit.field for hit in expected}
