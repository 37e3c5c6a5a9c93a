"""Comments switch rules off where they stand, and nowhere else."""

from __future__ import annotations

import pytest

from istio_observability.lint.lint import lint
from istio_observability.lint.places import SourceFile

MARK = "# istio-observability: ignore="
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: datakit-conf, namespace: datakit}
data:
  a.conf: |
    [[inputs.prom]]
      url = "http://a.example.com/metrics"
      source = "a"
      election = true
    [[inputs.prom]]
      url = "http://b.example.com/metrics"
      source = "b"
      election = true
"""
CASES = {
    "without a comment both are found": (None, "", 2),
    "behind a line": ('metrics"\n      source = "a"', f'metrics" {MARK}IOB229', 1),
    "above a line": ('      url = "http://a', f"      {MARK}IOB229", 1),
    "above a table": ("    [[inputs.prom]]", f"    {MARK}IOB229", 1),
    "behind a key of YAML": ("  a.conf: |", f"  a.conf: | {MARK}IOB229", 0),
    "above a key of YAML": ("data:\n", f"{MARK}IOB229", 0),
    "another rule": ("data:\n", f"{MARK}IOB203", 2),
    "several rules": ("data:\n", f"{MARK}IOB203, IOB229", 0),
}


def commented(anchor, comment):
    """Return the text with a comment above, or behind, the first line of the anchor."""
    if anchor is None:
        return CONFIG_MAP
    if comment.startswith("  a.conf"):
        return CONFIG_MAP.replace(anchor, comment)
    if comment.startswith("metrics"):
        return CONFIG_MAP.replace(anchor, comment + anchor.removeprefix('metrics"'), 1)
    return CONFIG_MAP.replace(anchor, f"{comment}\n{anchor}", 1)


@pytest.mark.parametrize(("anchor", "comment", "left"), CASES.values(), ids=CASES)
def test_comment_covers_its_line_and_what_is_below(anchor, comment, left):
    """What is covered is not reported but counted."""
    report = lint([SourceFile("a.yaml", commented(anchor, comment))])

    assert [each.rule.id for each in report.findings] == ["IOB229"] * left
    assert report.ignored == 2 - left


def test_unknown_rule_is_itself_a_finding():
    """A slip of the pen in a comment does not go unnoticed."""
    report = lint([SourceFile("a.yaml", f"{MARK}IOB229,IOB999\n{CONFIG_MAP}")])
    unknown = [each for each in report.findings if each.rule.id == "IOB901"]

    assert [each.problem.found for each in unknown] == ["IOB999 is no rule"]
    assert unknown[0].place.line == 1
