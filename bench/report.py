"""The limits, and the results beside them as a table for people and as data for programs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.on_paper import OnPaper
    from bench.one_size import SizeResult

APPLY_RATIO_MAX: Final = 1.5
MEMORY_MAX_MB: Final = 150.0
MEMORY_LIMIT_SIZE: Final = 1000
UPDATE_RATIO_MAX: Final = 1.5
PREVIEW_TIME_MAX: Final = 1 / 5
PREVIEW_MEMORY_MAX: Final = 3.0
LINT_MAX_S: Final = 3.0
_FEWEST_FOR_RATIO: Final = 100
"""Below, the whole phase takes some 30 ms, and a ratio says more about the machine than us."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One measurement.

    Attributes:
        baseline: What it is compared with, as text, ``""`` if with nothing.
        value: In the unit of ``limit``: a ratio, MB or a count.
        limit: The highest value that passes, ``None`` if there is no limit.
    """

    name: str
    size: int
    measured: str
    baseline: str
    value: float
    limit: float | None = None

    @property
    def passed(self) -> bool:
        """Return whether the limit, if there is one, is kept."""
        return self.limit is None or self.value <= self.limit


def rows_of(
    results: Sequence[SizeResult], plans_per_s: Mapping[str, float], import_s: float
) -> list[Row]:
    """Return every row, by size and then in the order of docs/measurements.md."""
    rows: list[Row] = []
    for result in results:
        rows += _rows_of_size(result, import_s)
    rows += _update_rows(results)
    first, again, codec = (plans_per_s[key] for key in ("first", "again", "json"))
    beside = f"{codec:,.0f}/s encoded and decoded"
    rows.append(Row("plans, first time", 1000, f"{first:,.0f}/s", beside, codec / first))
    rows.append(Row("plans, again", 1000, f"{again:,.0f}/s", beside, codec / again))
    return rows


def rows_on_paper(measured: OnPaper) -> list[Row]:
    """Return the rows of what needs no cluster; the size is a number of series or manifests."""
    return [
        Row(
            "preview, time",
            measured.series,
            f"{measured.preview_s:.2f} s",
            f"prometheus_client's parser alone {measured.parser_s:.2f} s",
            measured.preview_s / measured.parser_s,
            PREVIEW_TIME_MAX,
        ),
        Row(
            "preview, memory",
            measured.series,
            f"{measured.peak_mb:.0f} MB",
            f"the exposition {measured.file_mb:.0f} MB",
            measured.peak_mb / measured.file_mb,
            PREVIEW_MEMORY_MAX,
        ),
        Row(
            "lint, s",
            measured.manifests,
            f"{measured.lint_s:.2f} s",
            "",
            measured.lint_s,
            LINT_MAX_S,
        ),
    ]


def table_of(rows: Sequence[Row]) -> Table:
    """Return the table; every row that has a limit ends in ``pass`` or ``FAIL``."""
    table = Table(box=None, pad_edge=False)
    for name in ("size", "measured", "median", "beside", "value", "limit", ""):
        table.add_column(name, justify="right" if name in {"size", "value"} else "left")
    for row in rows:
        limit = "" if row.limit is None else f"≤ {row.limit:g}"
        mark = "" if row.limit is None else ("pass" if row.passed else "FAIL")
        value = f"{row.value:.2f}" if row.value % 1 else f"{row.value:.0f}"
        table.add_row(f"{row.size:,}", row.name, row.measured, row.baseline, value, limit, mark)
    return table


def data_of(rows: Sequence[Row], results: Sequence[SizeResult]) -> dict[str, Any]:
    """Return everything as JSON: the rows, and every single run behind the medians."""
    return {
        "rows": [
            {
                "deployments": row.size,
                "name": row.name,
                "measured": row.measured,
                "beside": row.baseline,
                "value": row.value,
                "limit": row.limit,
                "passed": row.passed,
            }
            for row in rows
        ],
        "runs": [
            {
                "deployments": result.size,
                "replicas": result.replicas,
                "wired_s": result.wired_s,
                "apply_s": result.apply_s,
                "loop_s": result.loop_s,
            }
            for result in results
        ],
    }


def _rows_of_size(result: SizeResult, import_s: float) -> Iterator[Row]:
    size = result.size
    wired_s = statistics.median(result.wired_s)
    apply_s, loop_s = statistics.median(result.apply_s), statistics.median(result.loop_s)
    loop = f"plain loop {loop_s:.3f} s"
    yield Row("kubectl apply to Ready", size, f"{wired_s:.1f} s", loop, wired_s / loop_s)
    limit = APPLY_RATIO_MAX if size >= _FEWEST_FOR_RATIO else None
    yield Row("first to last PATCH", size, f"{apply_s:.3f} s", loop, result.ratio, limit)
    memory = result.memory
    yield Row(
        "resident memory, MB",
        size,
        f"{memory.resident_mb:.0f} MB",
        f"highest {memory.peak_mb:.0f} MB",
        memory.peak_mb,
        MEMORY_MAX_MB if size <= MEMORY_LIMIT_SIZE else None,
    )
    yield Row("writes when converged", size, str(result.idle_writes), "", result.idle_writes, 0)
    yield Row(
        "writes after a restart", size, str(result.restart_writes), "", result.restart_writes, 0
    )
    imports = f"imports alone {import_s:.1f} s"
    yield Row("start to ready", size, f"{result.ready_s:.1f} s", imports, result.ready_s / import_s)
    yield Row(
        "start to first repair",
        size,
        f"{result.first_write_s:.1f} s",
        imports,
        result.first_write_s / import_s,
    )


def _update_rows(results: Sequence[SizeResult]) -> Iterator[Row]:
    """Yield the cost of an update, beside the cost with the next smaller cluster of 100 or more."""
    before: SizeResult | None = None
    for result in results:
        cost = f"{result.update_cpu_ms:.2f} ms CPU"
        name = "one status update"
        if before is None or not before.update_cpu_ms:
            yield Row(name, result.size, cost, "", 1.0)
        else:
            ratio = result.update_cpu_ms / before.update_cpu_ms
            beside = f"{before.update_cpu_ms:.2f} ms with {before.size:,}"
            limit = UPDATE_RATIO_MAX if before.size >= _FEWEST_FOR_RATIO else None
            yield Row(name, result.size, cost, beside, ratio, limit)
        before = result
