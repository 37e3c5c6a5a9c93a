"""The lists of the source document and the table of its mistakes."""

from __future__ import annotations

import pytest

from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.istio.document import (
    METRIC_TYPES,
    MISTAKES,
    NAME_FILTER,
    TAGS_IGNORE,
    mistakes_of,
)
from istio_observability.istio.labels import load_label_rules
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.reasons import FindingReason


def test_lists_have_the_lengths_of_the_document():
    """27 expressions and 26 labels, none of them twice."""
    assert (len(NAME_FILTER), len(set(NAME_FILTER))) == (27, 27)
    assert (len(TAGS_IGNORE), len(set(TAGS_IGNORE))) == (26, 26)
    assert METRIC_TYPES == ("counter", "gauge")


def test_every_name_that_is_no_living_family_is_a_known_mistake():
    """Names that match nothing in some supported release are in the table."""
    families = load_catalogue().families
    dead = {name for name in NAME_FILTER if name not in families or families[name].until}
    named = {
        entry
        for mistake in MISTAKES
        if mistake.field == "metric_name_filter"
        for entry in mistake.entries
    }

    assert dead == named


def test_every_label_that_must_stay_or_does_not_exist_is_a_known_mistake():
    """Labels that the rules keep, if a collected family has them, and misspelt ones."""
    families = load_catalogue().families
    collected = [families[name] for name in NAME_FILTER if name in families]
    carried = {label for family in collected for label in family.labels}
    every = {label for family in families.values() for label in family.labels}
    rules = load_label_rules()
    # Kept for people, not for correctness: leaving it out is a choice, not a mistake.
    by_choice = {"destination_canonical_service"}
    harmful = {
        label
        for label in TAGS_IGNORE
        if label not in every
        or label in {"group", "reason", "resource"}
        or (label in rules.kept and label in carried)
    } - by_choice
    named = {
        entry for mistake in MISTAKES if mistake.field == "tags_ignore" for entry in mistake.entries
    }

    assert harmful == named


def test_entries_stand_in_the_lists():
    """A mistake names what the document has."""
    lists = {"metric_name_filter": NAME_FILTER, "tags_ignore": TAGS_IGNORE}

    for mistake in MISTAKES:
        assert set(mistake.entries) <= set(lists.get(mistake.field, ()))


@pytest.mark.parametrize("target", Target)
def test_each_mistake_makes_a_finding(target: Target):
    """The clauses fill the form of a finding: one sentence, one full stop."""
    for mistake in mistakes_of(target):
        sentence = Finding(
            Severity.WARNING,
            FindingReason.DOCUMENT_MISTAKE,
            "Deployment prod/cart",
            mistake.field,
            mistake.found,
            mistake.consequence,
            mistake.remedy,
        ).sentence()

        assert sentence.count(";") == 2
        assert sentence.endswith(".")
        assert ".." not in sentence


def test_conf_files_alone_lack_election():
    """An annotation has no election to set."""
    assert "election" not in {mistake.field for mistake in mistakes_of(Target.SIDECAR)}
    assert "election" in {mistake.field for mistake in mistakes_of(Target.ISTIOD)}
