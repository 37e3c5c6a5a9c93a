"""Our rules against what the real agent did, case by case, and the command that runs them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dev.vectors import KINDS, load_cases, main, run_case

VECTORS = Path(__file__).parent / "vectors"
CASES = [
    pytest.param(kind, case, id=case["id"])
    for kind in ("annotation-parse", "conf-load", "collect")
    for case in load_cases(VECTORS / KINDS[kind].file)
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_the_rules_do_what_the_agent_did(kind: str, case: dict[str, Any]):
    """Nothing differs from what was recorded."""
    assert run_case(kind, case, VECTORS) == []


def test_no_case_is_missing():
    """All recorded cases are here."""
    counts = {kind: sum(1 for case in CASES if case.values[0] == kind) for kind in KINDS}

    assert counts == {
        "annotation-parse": 62,
        "conf-load": 50,
        "collect": 104,
        "collect-captures": 0,
    }


def test_command_reports_each_kind(capsys: pytest.CaptureFixture[str]):
    """One line per kind, exit code 0."""
    assert main([str(VECTORS)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "annotation-parse  62 passed, 0 failed",
        "conf-load         50 passed, 0 failed",
        "collect           104 passed, 0 failed",
    ]


CAPTURE = "# TYPE a_x counter\na_x 1\na_x 2\n# TYPE b_y gauge\nb_y 3\n"
LINES = (
    '["a",[["instance","10.0.0.1:1"]],[["x","1.0"]]]\n'
    '["a",[["instance","10.0.0.1:1"]],[["x","2.0"]]]\n'
)
CAPTURE_CASE: dict[str, Any] = {
    "id": "cc-1",
    "description": "two counters that collide, one gauge dropped",
    "input": {
        "path": "annotation",
        "config": '[[inputs.prom]]\nurl = "http://$IP:1/"\nmetric_types = ["counter"]\n',
        "pod": {"ip": "10.0.0.1", "namespace": "prod", "name": "p", "node": "n"},
        "responses": {"http://10.0.0.1:1/": {"capture": "one.txt"}},
    },
    "expected": {
        "instances": 1,
        "point_count": 2,
        "field_count": 1,
        "collisions": 1,
        "families_kept": 1,
        "sha256": hashlib.sha256(LINES.encode()).hexdigest(),
    },
}


def _write(directory: Path, case: dict[str, Any]) -> None:
    (directory / "collect-captures.json").write_text(json.dumps([case]))
    (directory / "one.txt").write_text(CAPTURE)


def test_captures_are_compared_by_counts_and_digest(tmp_path: Path):
    """A case that names a capture passes with its counts."""
    _write(tmp_path, CAPTURE_CASE)

    assert main([str(tmp_path), "--captures", str(tmp_path)]) == 0


def test_a_failure_is_told_readably(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The difference names the key, what was expected and what came; exit code 1."""
    _write(tmp_path, {**CAPTURE_CASE, "expected": {"point_count": 3, "collisions": 0}})

    assert main([str(tmp_path), "--captures", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "collect-captures cc-1:",
        "    collisions: expected 0, got 1",
        "    point_count: expected 3, got 2",
        "collect-captures  0 passed, 1 failed",
    ]


def test_a_capture_without_its_directory_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The case fails with a sentence instead of passing unseen."""
    _write(tmp_path, CAPTURE_CASE)

    assert main([str(tmp_path)]) == 1
    assert "say where the captures are" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{", "{}", "[1]"])
def test_a_directory_without_vectors_is_an_error(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
):
    """Exit code 2 and a sentence, never a pass."""
    if content is not None:
        (tmp_path / "collect.json").write_text(content)

    assert main([str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
