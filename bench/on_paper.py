"""
How much processor time a preview and a lint take, each as a whole process, imports included.

Both do their work in one thread, so on a machine with nothing else to do it is the time that
passes. Nothing here needs a control plane: ``python -m bench --on-paper`` measures only this.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from bench.exposition import MEGABYTES, write_exposition
from bench.stage import build_deployments

MANIFESTS: Final = 1000
_RUNS: Final = 3
_READ_ALONE: Final = """
import sys
from pathlib import Path
from prometheus_client.parser import text_string_to_metric_families
text = Path(sys.argv[1]).read_text(encoding="utf-8")
print(sum(len(family.samples) for family in text_string_to_metric_families(text)))
"""
_WITH_PEAK: Final = """
import os
import sys
from istio_observability.cli.main import main
code = main(sys.argv[1:])
from bench.usage import read_memory
print(read_memory(os.getpid()).peak_mb, file=sys.stderr)
sys.exit(code)
"""
_ANNOTATION: Final = """\
[[inputs.prom]]
source = "shop"
urls = ["http://$IP:15020/stats/prometheus"]
interval = "60s"
measurement_name = "istio_prom"
metric_types = ["counter", "gauge", "histogram"]
metric_name_filter = ['^istio_requests_total$', '^istio_request_duration_milliseconds$']
"""


@dataclass(frozen=True, slots=True)
class OnPaper:
    """
    What was measured; times are medians, in seconds of processor time.

    Attributes:
        file_mb: Size of the exposition, in MB (10^6 bytes).
        parser_s: ``prometheus_client`` reading the same file and counting its samples.
        peak_mb: Highest resident memory of the preview.
    """

    file_mb: float
    series: int
    preview_s: float
    parser_s: float
    peak_mb: float
    manifests: int
    lint_s: float


def measure_on_paper(megabytes: int = MEGABYTES, manifests: int = MANIFESTS) -> OnPaper:
    """
    Measure both.

    Raises:
        RuntimeError: A process fails, or the parser counts other samples than were written.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "exposition.txt")
        series = write_exposition(path, megabytes)
        previews, parsers, peaks = [], [], []
        # In turns, so that both see the same machine.
        for _ in range(_RUNS):
            seconds, said = _run([sys.executable, "-c", _WITH_PEAK, "preview", str(path)])
            previews.append(seconds)
            peaks.append(float(said.stderr.split()[-1]))
            seconds, said = _run([sys.executable, "-c", _READ_ALONE, str(path)])
            parsers.append(seconds)
            if int(said.stdout) != series:
                raise RuntimeError(f"the parser counts {said.stdout} samples of {series}")
        return OnPaper(
            file_mb=path.stat().st_size / 1e6,
            series=series,
            preview_s=statistics.median(previews),
            parser_s=statistics.median(parsers),
            peak_mb=max(peaks),
            manifests=manifests,
            lint_s=_lint_s(Path(folder, "manifests"), manifests),
        )


def _lint_s(folder: Path, manifests: int) -> float:
    folder.mkdir()
    for number, body in enumerate(build_deployments(manifests)):
        metadata = body["spec"]["template"].setdefault("metadata", {})
        metadata.setdefault("annotations", {})["datakit/prom.instances"] = _ANNOTATION.replace(
            "shop", f"shop-{number}"
        )
        folder.joinpath(f"{number:04}.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    command = [sys.executable, "-m", "istio_observability", "lint", "--fail-on", "never"]
    return statistics.median(_run([*command, str(folder)])[0] for _ in range(_RUNS))


def _run(command: list[str]) -> tuple[float, subprocess.CompletedProcess[str]]:
    before = os.times()
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    after = os.times()
    seconds = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    if said.returncode:
        raise RuntimeError(f"{command[2:4]} ended with {said.returncode}: {said.stderr[-500:]}")
    return seconds, said
