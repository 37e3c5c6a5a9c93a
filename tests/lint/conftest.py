"""The source document, whole where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from istio_observability.lint.places import SourceFile

REPOSITORY = Path(__file__).resolve().parents[2]
EXCERPT = Path(__file__).parent / "data" / "source-document.md"


@pytest.fixture(scope="session")
def excerpt():
    """The configuration of the source document as it is printed."""
    return SourceFile("source-document.md", EXCERPT.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def whole_document():
    """The source document, all of it."""
    beside = REPOSITORY.parent / "shared" / "seed"
    given = os.environ.get("SOURCE_DOCUMENT")
    found = [Path(given)] if given else sorted(beside.glob("*.txt"))
    if not found or not found[0].is_file():
        pytest.skip("no source document; set SOURCE_DOCUMENT to its path")
    return SourceFile("source-document.txt", found[0].read_text(encoding="utf-8"))
