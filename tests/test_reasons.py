"""The page of reason codes and the codes themselves say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from istio_observability.model import reasons

if TYPE_CHECKING:
    from enum import StrEnum

PAGE = Path(__file__).parents[1] / "docs" / "reasons.md"
CHAPTERS: dict[str, type[StrEnum]] = {
    "Condition types": reasons.ConditionType,
    "Condition reasons": reasons.ConditionReason,
    "Skipped workloads": reasons.SkipReason,
    "Findings": reasons.FindingReason,
    "Events": reasons.EventReason,
}


def sections(chapter: str) -> dict[str, str]:
    """Return the text below each code of one chapter, in the order of the page."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {chapter}\n")
    body = rest.partition("\n## ")[0]
    pieces = re.split(r"^### (\S+)\n", body, flags=re.MULTILINE)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_code_has_a_heading_and_every_heading_a_code(chapter):
    """Codes and headings are the same, in the same order."""
    documented = list(sections(chapter))

    assert [code.value for code in CHAPTERS[chapter]] == documented


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_code_is_explained(chapter):
    """No heading stands without a sentence below it."""
    unexplained = [code for code, text in sections(chapter).items() if not text.strip()]

    assert unexplained == []


def test_every_enumeration_of_codes_has_a_chapter():
    """A new kind of code cannot appear without its chapter."""
    enumerations = {
        each
        for each in vars(reasons).values()
        if isinstance(each, type) and each.__module__ == reasons.__name__
    }

    assert set(CHAPTERS.values()) == enumerations
