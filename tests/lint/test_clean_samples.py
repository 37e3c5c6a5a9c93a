"""On configuration that is right, nothing is found, not even a remark."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from istio_observability.cli.lint_files import Reading
from istio_observability.lint.lint import lint
from istio_observability.lint.places import SourceFile
from tests.lint.conftest import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "plan" / "golden" / "texts"
STANDARD = sorted(path for path in GOLDEN.glob("*.toml") if "document" not in path.name)


def sentences(files):
    """Return the findings as text."""
    return [f"{each.place} {each.rule.id} {each.sentence()}" for each in lint(files).findings]


@pytest.mark.parametrize(
    "path", ["dev/manifests", "dev/recorded", "manifests", "README.md", "docs/gitops.md", "crds"]
)
def test_our_own_samples_are_clean(path):
    """What we ship, install and print."""
    reading = Reading()
    reading.add(REPOSITORY / path)

    assert reading.files
    assert sentences(reading.files) == []


@pytest.mark.parametrize("path", STANDARD, ids=lambda path: path.stem)
def test_our_own_texts_are_clean(path):
    """Every text that we render without the document's lists."""
    assert sentences([SourceFile(path.name, path.read_text(encoding="utf-8"))]) == []


def test_golden_texts_are_there():
    """The table above is not empty by accident."""
    assert len(STANDARD) > 3


def test_samples_of_istio_are_clean():
    """The samples that Istio ships, where its sources are at hand."""
    cache = Path(os.environ.get("GOMODCACHE", Path.home() / "go" / "pkg" / "mod"))
    found = sorted(cache.glob("istio.io/istio@*/samples"))
    if not found:
        pytest.skip("no sources of Istio in Go's module cache")
    reading = Reading()
    reading.add(found[-1])

    assert len(reading.files) > 50
    assert sentences(reading.files) == []
