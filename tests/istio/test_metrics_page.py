"""The page of metrics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from istio_observability.istio import document
from istio_observability.istio.catalogue import load_catalogue
from istio_observability.istio.metrics_page import render_metrics_page
from istio_observability.istio.views import View, panels_of

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_page_is_what_the_catalogue_says():
    """The committed page is the generated one."""
    assert render_metrics_page() == PAGE.read_text(encoding="utf-8")


def test_every_family_has_a_row():
    """Known, external and gone ones alike."""
    page = render_metrics_page()
    catalogue = load_catalogue()
    names = [*catalogue.families, *catalogue.external, *catalogue.gone]

    assert [name for name in names if f"\n| `{name}` |" not in page] == []


def test_every_panel_has_a_row():
    """Of both editions."""
    _, _, views = render_metrics_page().partition("## Views")
    rows = re.findall(r"^\| (?!panel|---)", views, re.MULTILINE)

    assert len(rows) == len(panels_of(View))


def test_tables_are_even():
    """Every row has as many cells as its heading."""
    widths: list[int] = []
    for line in render_metrics_page().splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))

        assert widths[0] == widths[-1], line


def test_the_page_says_what_each_profile_delivers():
    """Standard lacks nothing that the mesh has; the document has no latency."""
    _, _, views = render_metrics_page().partition("## Views")
    rows = [line.strip("| ").split(" | ") for line in views.splitlines() if line.startswith("| ")]
    verdicts = [(row[-2], row[-1]) for row in rows if row[0] not in {"panel", "---"}]

    assert {standard.split(",")[0] for standard, _ in verdicts} == {"data", "elsewhere"}
    assert any("`istio_request_duration_milliseconds`" in kept for _, kept in verdicts)


@pytest.mark.parametrize("expression", document.NAME_FILTER)
def test_expressions_of_the_document_are_plain_words(expression: str):
    """So searching for a word means the same as searching for the expression."""
    assert re.escape(expression) == expression
