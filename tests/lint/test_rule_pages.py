"""Every rule has a page, and the page's examples do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from istio_observability.lint.fix import fix
from istio_observability.lint.lint import RULES, lint
from istio_observability.lint.places import SourceFile

PAGES = Path(__file__).parents[2] / "docs" / "rules"
EXAMPLE = re.compile(r"^## (Wrong|Right)\n\n(`{3,})(\w+)\n(.*?)^\2$", re.MULTILINE | re.DOTALL)
SUFFIXES = {"yaml": "yaml", "toml": "toml", "markdown": "md"}


def examples(rule_id):
    """Return the wrong and the right example of a page as files."""
    text = (PAGES / f"{rule_id}.md").read_text(encoding="utf-8")
    return {
        heading: SourceFile(f"example.{SUFFIXES[language]}", body)
        for heading, _, language, body in EXAMPLE.findall(text)
    }


@pytest.mark.parametrize("rule_id", RULES)
def test_wrong_example_breaks_this_rule_and_no_other(rule_id):
    """A reader sees exactly what the page is about."""
    found = {each.rule.id for each in lint([examples(rule_id)["Wrong"]]).findings}

    assert found == {rule_id}


@pytest.mark.parametrize("rule_id", RULES)
def test_right_example_breaks_no_rule(rule_id):
    """What the page recommends is clean in every respect."""
    report = lint([examples(rule_id)["Right"]])

    assert [each.sentence() for each in report.findings] == []


@pytest.mark.parametrize("rule_id", RULES)
def test_page_has_title_and_severity_of_the_rule(rule_id):
    """A page does not drift away from the code."""
    lines = (PAGES / f"{rule_id}.md").read_text(encoding="utf-8").split("\n")
    rule = RULES[rule_id]

    assert lines[0] == f"# {rule_id}: {rule.title}"
    assert lines[2].startswith(f"{rule.severity.value}. ")


def test_pages_that_speak_of_a_fix_are_those_with_one():
    """``--fix`` in a page means that the wrong example becomes clean, and the other way round."""
    promised, fixed = set(), set()
    for rule_id in RULES:
        text = (PAGES / f"{rule_id}.md").read_text(encoding="utf-8")
        if "`--fix`" in text:
            promised.add(rule_id)
        wrong = examples(rule_id)["Wrong"]
        if not fix([wrong]).report.findings:
            fixed.add(rule_id)

    assert promised == fixed


def test_every_page_belongs_to_a_rule():
    """A rule that is gone takes its page along."""
    pages = {path.stem for path in PAGES.glob("IOB*.md")}

    assert pages == set(RULES)


def test_index_lists_every_rule():
    """The index is the registry: id, severity and title, in order."""
    rows = re.findall(
        r"^\| \[(IOB\d+)\]\((IOB\d+)\.md\) \| (\w+) \| (.*?) \|",
        (PAGES / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert rows == [(r.id, r.id, r.severity.value, r.title) for r in RULES.values()]
