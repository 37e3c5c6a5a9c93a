"""Limits are compared with medians, and a broken one is seen."""

from __future__ import annotations

import io
import json
import os

import pytest
from rich.console import Console

from bench.exposition import write_exposition
from bench.on_paper import OnPaper
from bench.one_size import SizeResult
from bench.report import data_of, rows_of, rows_on_paper, table_of
from bench.usage import Memory, read_cpu_s, read_memory
from istio_observability.preview.counted import count_families

SPEEDS = {"first": 1000.0, "again": 2000.0, "json": 10000.0}


def _result(size: int, **change: object) -> SizeResult:
    result = SizeResult(
        size,
        replicas=1,
        wired_s=[5.0],
        apply_s=[1.0, 1.2, 9.0],
        loop_s=[0.9, 1.1, 1.0, 1.0, 8.0, 9.0],
        memory=Memory(90.0, 100.0),
        update_cpu_ms=2.0,
        ready_s=1.0,
        first_write_s=2.0,
    )
    for name, value in change.items():
        setattr(result, name, value)
    return result


BROKEN = {
    "nothing": ([_result(100), _result(1000)], []),
    "slower than the loop by more than half": (
        [_result(1000, apply_s=[1.6, 1.6, 1.0])],
        ["first to last PATCH"],
    ),
    "a tiny phase has no limit": ([_result(6, apply_s=[9.0, 9.0, 9.0])], []),
    "too much memory at its highest": (
        [_result(1000, memory=Memory(100.0, 151.0))],
        ["resident memory, MB"],
    ),
    "one write on a converged cluster": ([_result(6, idle_writes=1)], ["writes when converged"]),
    "one write after a restart": ([_result(6, restart_writes=1)], ["writes after a restart"]),
    "an update that costs more in a larger cluster": (
        [_result(100), _result(1000, update_cpu_ms=4.0)],
        ["one status update"],
    ),
}


@pytest.mark.parametrize(("results", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_limits(results, expected):
    """A row fails exactly where its value is above its limit."""
    rows = rows_of(results, SPEEDS, 0.5)

    assert expected == [row.name for row in rows if not row.passed]


def test_table_marks_each_limit():
    """A person finds FAIL beside the broken limit and pass beside each other one."""
    rows = rows_of([_result(1000, idle_writes=3)], SPEEDS, 0.5)
    text = io.StringIO()
    Console(file=text, width=120).print(table_of(rows))
    lines = text.getvalue().splitlines()

    assert [row.name for row in rows if f" {row.name} " in _failed(lines)] == [
        "writes when converged"
    ]
    assert text.getvalue().count("pass") == sum(
        row.limit is not None and row.passed for row in rows
    )


def _failed(lines: list[str]) -> str:
    return "\n".join(line for line in lines if line.rstrip().endswith("FAIL"))


def test_data_holds_every_run():
    """A program gets what the medians were made of."""
    results = [_result(100)]
    data = json.loads(json.dumps(data_of(rows_of(results, SPEEDS, 0.5), results)))

    assert data["runs"][0]["apply_s"] == [1.0, 1.2, 9.0]
    assert all(row["passed"] in {True, False} for row in data["rows"])


def test_own_process_is_measured():
    """Memory and processor time of a living process are read from the kernel."""
    memory = read_memory(os.getpid())

    assert 5 < memory.resident_mb <= memory.peak_mb
    assert read_cpu_s(os.getpid()) > 0


def test_what_is_measured_on_paper_has_limits():
    """A fifth of the parser's time and three times the file still pass, a little more does not."""
    just = OnPaper(50.0, 1000, preview_s=1.0, parser_s=5.0, peak_mb=150.0, manifests=9, lint_s=3.0)
    more = OnPaper(50.0, 1000, preview_s=1.1, parser_s=5.0, peak_mb=151.0, manifests=9, lint_s=3.1)

    assert [row.passed for row in rows_on_paper(just)] == [True, True, True]
    assert [row.passed for row in rows_on_paper(more)] == [False, False, False]


def test_an_exposition_is_as_large_as_it_is_asked_to_be(tmp_path):
    """Within a peer's size; its series are those that the agent's rules read."""
    path = tmp_path / "exposition.txt"
    series = write_exposition(path, megabytes=1)
    counted = count_families(path.read_bytes())

    assert 0.9e6 < path.stat().st_size <= 1e6
    assert (counted.series, counted.error) == (series, "")
