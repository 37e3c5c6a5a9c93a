"""Two recorded expositions, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.istio.expositions import Sample, read_exposition

REPOSITORY = Path(__file__).resolve().parents[2]


def _capture(name: str) -> list[Sample]:
    beside = REPOSITORY.parent / "shared" / "captures"
    path = Path(os.environ.get("CAPTURES", beside)) / name
    if not path.is_file():
        pytest.skip(f"no capture {name}; set CAPTURES to the directory that has it")
    return read_exposition(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def sidecar_capture() -> list[Sample]:
    """Return what the sidecar of bookinfo's productpage served under Istio 1.13."""
    return _capture("istio.txt")


@pytest.fixture(scope="session")
def istiod_capture() -> list[Sample]:
    """Return what istiod 1.13 served."""
    return _capture("istiod.txt")
