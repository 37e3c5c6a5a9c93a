"""Whatever the text: no crash, places inside the file, fixes that hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.lint.fix import fix
from istio_observability.lint.lint import lint
from istio_observability.lint.places import SourceFile, whole
from istio_observability.lint.yaml_nodes import read_documents
from tests.lint.conftest import EXCERPT

NAMES = st.sampled_from(["a.yaml", "a.toml", "a.conf", "a.md", "a.json", "standard input"])
LINES = EXCERPT.read_text(encoding="utf-8").split("\n")
PIECES = st.sampled_from(
    [
        *LINES[:80],
        "[[inputs.prom]]",
        "[inputs.prom.tags]",
        "[inputs.prom]",
        'auth = {token = "x"}',
        "interval = 60",
        'metric_name_filter = ["\\d", "", "(?!a)"]',
        "a: &a [*a, *b]",
        "<<: *a",
        "---",
        "...",
        "```",
        "```yaml",
        "kind: ConfigMap",
        "data: {a.conf: '[[inputs.prom]]'}",
        "kind: List\nitems: [{kind: Pod}, 1, null]",
        "\ufeff",
        "\t",
        "  - - - {",
        "# istio-observability: ignore=IOB001,x",
        'x: "[[inputs.prom]]\\nurl = \\"$IP\\""',
        "{{ x }}",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(PIECES, max_size=25).map("\n".join),
    st.just("\x85\u2028a: |\r\n b"),
)


@given(name=NAMES, text=TEXTS)
def test_never_crashes_and_points_into_the_file(name, text):
    """Any text is judged; every place is one that an editor can open."""
    lines = text.split("\n")
    for finding in lint([SourceFile(name, text)]).findings:
        place = finding.place

        assert 1 <= place.line <= len(lines)
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1


@given(name=NAMES, text=TEXTS)
def test_fixing_twice_changes_nothing_more(name, text):
    """A fix is complete: what is left has no certain fix, or the bound on rounds was met."""
    once = fix([SourceFile(name, text)])
    twice = fix(once.files)

    assert once.files[0].text == twice.files[0].text


@given(text=TEXTS)
def test_same_text_gives_the_same_report(text):
    """No time, no random part, no memory of an earlier run."""
    file = SourceFile("a.md", text)

    assert lint([file]).findings == lint([file]).findings


@given(
    value=st.text(
        st.characters(codec="utf-8", exclude_characters="\ufeff\r\x85\u2028\u2029"), max_size=60
    ),
    style=st.sampled_from(["|", '"', "'", ""]),
    margin=st.sampled_from(["", "  ", "    "]),
)
def test_way_back_leads_to_the_same_character(value, style, margin):
    """A position in an inner text is that of the character in the file, where a fix may go."""
    dumped = yaml.safe_dump({"k": {"v": value}}, default_style=style, allow_unicode=True)
    text = "\n".join(margin + line for line in dumped.split("\n"))
    (root,) = read_documents(whole(SourceFile("a.yaml", text)))
    node = root.get("k", "v")
    passage = node.inner() if node is not None else whole(SourceFile("empty", ""))

    for position, character in enumerate(passage.text):
        offset = passage.offset(position)
        assert 0 <= offset <= len(text)
        if passage.editable and character != "\n":
            assert text[offset] == character


@given(value=st.text(st.sampled_from('ab"\\\n\té'), max_size=40))
def test_way_back_through_escapes(value):
    """JSON writes a whole TOML text on one line; each character still has its column."""
    text = json.dumps({"v": value}, ensure_ascii=True)
    (root,) = read_documents(whole(SourceFile("a.json", text)))
    node = root.get("v")
    passage = node.inner() if node is not None else whole(SourceFile("empty", ""))
    plain = [position for position, character in enumerate(value) if character in "ab"]

    assert [text[passage.offset(position)] for position in plain] == [value[p] for p in plain]


DEEP = {
    "flow lists": "[" * 20_000,
    "block lists": "- " * 20_000,
    "flow maps": "{a: " * 20_000,
    "tables in TOML": "[[inputs.prom]]\na = " + "[" * 20_000,
    "aliases of aliases": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    "a long key": "a" * 2_000_000 + ": |\n  x",
    "one long line": "x" * 5_000_000,
    "many brackets in a page": "```\n" * 20_000,
    "many documents": "---\na: 1\n" * 5_000,
    "many tabs": "a: |\n  b\n" + "\tc\n" * 500,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("suffix", [".yaml", ".toml", ".md"])
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_hostile_text_is_judged_in_bounded_time(text, suffix):
    """Depth, breadth and expansion cost seconds at most, and are a finding at worst."""
    report = lint([SourceFile(f"a{suffix}", text)])

    assert all(each.rule.id.startswith("IOB") for each in report.findings)


def test_excerpt_exists():
    """The pieces above come from the document's excerpt."""
    assert Path(EXCERPT).is_file()
