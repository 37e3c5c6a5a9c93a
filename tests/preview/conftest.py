"""Recorded and made-up expositions for the preview."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from istio_observability.istio.catalogue import MetricType, Target, Version, load_catalogue

REPOSITORY = Path(__file__).resolve().parents[2]
_LINES_BY_TYPE = {
    MetricType.HISTOGRAM: (
        '{name}_bucket{{{labels}{comma}le="1"}} 1',
        '{name}_bucket{{{labels}{comma}le="+Inf"}} 2',
        "{name}_sum{braced} 3",
        "{name}_count{braced} 2",
    ),
    MetricType.SUMMARY: (
        '{name}{{{labels}{comma}quantile="0.5"}} 1',
        "{name}_sum{braced} 3",
        "{name}_count{braced} 2",
    ),
}


def capture_path(name: str) -> Path:
    """Return the path of a recorded exposition; skips where there is none."""
    beside = REPOSITORY.parent / "shared" / "captures"
    path = Path(os.environ.get("CAPTURES", beside)) / name
    if not path.is_file():
        pytest.skip(f"no capture {name}; set CAPTURES to the directory that has it")
    return path


@pytest.fixture
def captures():
    """Return the paths of the two captures, a sidecar's and istiod's."""
    return capture_path("istio.txt"), capture_path("istiod.txt")


def synthetic(target: Target, version: Version) -> str:
    """
    Return what a target of one release exposes by the catalogue, and much that is none of ours.

    Every family has two series that differ in each label; strangers have names that only an
    unanchored expression would take for ours.
    """
    lines = []
    for family in load_catalogue().of(target):
        if not family.exists_in(version):
            continue
        lines.append(f"# TYPE {family.name} {family.type.value}")
        for value in ("a", "b") if family.labels else ("a",):
            labels = ",".join(f'{label}="{value}"' for label in family.labels)
            values = {
                "name": family.name,
                "labels": labels,
                "comma": "," if labels else "",
                "braced": f"{{{labels}}}" if labels else "",
            }
            shapes = _LINES_BY_TYPE.get(family.type, ("{name}{braced} 1",))
            lines += [shape.format(**values) for shape in shapes]
        lines += [
            f"# TYPE stranger_{family.name} counter",
            f"stranger_{family.name} 1",
            f"# TYPE {family.name}_stranger gauge",
            f'{family.name}_stranger{{x="1"}} 1',
        ]
    return "\n".join(lines) + "\n"
