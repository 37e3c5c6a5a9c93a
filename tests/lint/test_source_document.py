"""Every mistake of the source document that its text shows is found, at its line."""

from __future__ import annotations

import re

import pytest

from istio_observability.lint.fix import fix
from istio_observability.lint.lint import RULES, lint
from tests.lint.conftest import REPOSITORY

TABLE = REPOSITORY / "docs" / "rules" / "source-document.md"
ROW = re.compile(r"^\| ([DT]\d+) \| .*? \| (.*?) \|$", re.MULTILINE)
ROWS = dict(ROW.findall(TABLE.read_text(encoding="utf-8")))
VISIBLE = {
    number: rules
    for number, cell in ROWS.items()
    if (rules := re.findall(r"IOB\d+", re.sub(r"\([^)]*\)", "", cell)))
}


def test_every_row_has_a_rule_or_a_reason():
    """All 24 and 23 mistakes are there; brackets name rules that exist."""
    named = {rule for cell in ROWS.values() for rule in re.findall(r"IOB\d+", cell)}

    assert list(ROWS) == [f"D{n}" for n in range(1, 25)] + [f"T{n}" for n in range(1, 24)]
    assert named <= set(RULES)
    assert all(len(cell) > len("IOB") for cell in ROWS.values())


@pytest.mark.parametrize(("number", "rules"), VISIBLE.items(), ids=VISIBLE)
def test_excerpt_shows_the_mistake(excerpt, number, rules):
    """The rule that the table names finds it in the configuration as printed."""
    found = {each.rule.id for each in lint([excerpt]).findings}

    assert set(rules) <= found, number


@pytest.mark.parametrize(("number", "rules"), VISIBLE.items(), ids=VISIBLE)
def test_whole_document_shows_the_mistake(whole_document, number, rules):
    """The same on the whole page, prose and all."""
    found = {each.rule.id for each in lint([whole_document]).findings}

    assert set(rules) <= found, number


# What stands on the line that a rule points at, from its column on.
POINTED_AT = {
    "IOB002": "\t\t\ttags_ignore",
    "IOB003": "template",
    "IOB004": "...",
    "IOB201": '"pilot_proxy_convergence_time_bucket"',
    "IOB202": "metric_types",
    "IOB212": '"responce_code_class"',
    "IOB229": "url = ",
    "IOB236": "[[inputs.prom]]",
    "IOB306": "env:",
    "IOB401": '"http://istio-ingressgateway-ext',
    "IOB404": "[[inputs.zipkin]]",
    "IOB501": "kubectl delete",
    "IOB502": "$",
    "IOB503": "istio_agent_go_memstats_alloc_bytes",
}


@pytest.mark.parametrize(("rule_id", "text"), POINTED_AT.items(), ids=POINTED_AT)
def test_place_is_that_of_the_mistake(excerpt, rule_id, text):
    """Line and column hold through a page, a block, YAML and TOML, also behind a repaired tab."""
    lines = excerpt.text.split("\n")
    for finding in lint([excerpt]).findings:
        if finding.rule.id == rule_id:
            place = finding.place
            if lines[place.line - 1][place.column - 1 :].startswith(text):
                return

    pytest.fail(f"{rule_id} points nowhere at {text}")


def test_labels_behind_a_tab_are_found_too(excerpt):
    """A broken line does not hide the mistakes behind it."""
    tabs = next(each for each in lint([excerpt]).findings if each.rule.id == "IOB002")
    on_that_line = {
        each.rule.id for each in lint([excerpt]).findings if each.place.line == tabs.place.line
    }

    assert {"IOB002", "IOB211", "IOB212"} <= on_that_line


def test_fixes_leave_nothing_that_they_could_fix(excerpt):
    """After a fix the same rules find nothing, and the text still has its other mistakes."""
    result = fix([excerpt])
    left = {each.rule.id for each in result.report.findings}

    assert not [each for each in result.report.findings if each.problem.edits]
    assert left.isdisjoint({"IOB002", "IOB003", "IOB202", "IOB229", "IOB234", "IOB502"})
    assert {"IOB211", "IOB401", "IOB501"} <= left


def test_fixed_configuration_collects_the_histograms(excerpt):
    """What the document wanted: families without suffix, and their type."""
    (fixed,) = fix([excerpt]).files

    assert fixed.text.count("'^istio_request_duration_milliseconds$'") == 5
    assert fixed.text.count('["counter", "gauge", "histogram"]') == 5
