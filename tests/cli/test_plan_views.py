"""What ``plan`` says about the views."""

from __future__ import annotations

import json

import pytest

from istio_observability.cli.main import main
from istio_observability.cli.view_lines import views_as_text
from istio_observability.istio.answers import answer_views
from istio_observability.istio.arrival import Collected
from istio_observability.istio.catalogue import Target
from istio_observability.istio.views import View

DOCUMENT = "  metrics: {profile: Document}\n"


@pytest.fixture
def plan(capsys, mesh_file, manifests):
    """Run ``plan`` on the manifests, with more in the spec; return what it prints."""

    def run(more: str = "", *options: str) -> str:
        mesh_file.write_text(mesh_file.read_text() + more)
        main(["plan", "-f", str(mesh_file), "--from", str(manifests), *options])
        return str(capsys.readouterr().out)

    return run


def test_views_have_a_line_each(plan):
    """Below it stands what lacks; a mesh that is not there yet is one line."""
    _, _, views = plan().partition("Views, from this configuration alone:\n")

    assert "  Service: 44 of 44 panels have data.\n" in views
    assert "  Workload: 38 of 38 panels have data.\n" in views
    assert " families: no istiod is scraped\n" in views


def test_long_lists_are_counted():
    """Eight lines about a view at most; the rest is in the JSON."""
    nothing = Collected(keeps=lambda _: False)
    answers = answer_views([View.CONTROL_PLANE], dict.fromkeys(Target, nothing))

    lines = [line.plain for line in views_as_text(answers)]

    assert len(lines) == 2 + 8
    assert lines[-1] == f"    ... {len(answers[0].lacks) - 7} more (-o json)"


def test_json_has_every_panel_with_its_reasons(plan):
    """A pipeline sees family, label, cause and reason."""
    views = {each["name"]: each for each in json.loads(plan(DOCUMENT, "-o", "json"))["views"]}
    panels = {each["title"]: each for each in views["Service"]["panels"]}

    assert not views["Service"]["hasData"]
    assert panels["Client Request Volume"]["state"] == "HasData"
    assert panels["Client Request Duration"]["state"] == "Lacks"
    assert panels["Client Request Duration"]["lacks"] == [
        {
            "family": "istio_request_duration_milliseconds",
            "label": None,
            "cause": "NotCollected",
            "why": "metric_name_filter names only its samples, metric_types leaves out histogram",
        }
    ]
