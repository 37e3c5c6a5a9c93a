"""
Which labels may be left out without merging series, and why the others may not.

The agent deletes labels and adds nothing up: several points with one tag set and one time are
left, of which one wins. The rules are data in ``labels.toml``.

Source: GuanceCloud/datakit 1.84.1, internal/prom/util.go (``tags_ignore``).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from istio_observability.istio.catalogue import Target

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DroppableLabel:
    """A label that is a function of ``determined_by``, and why."""

    label: str
    targets: frozenset[Target]
    determined_by: frozenset[str]
    why: str


@dataclass(frozen=True, slots=True)
class LabelRules:
    """
    What is known about leaving labels out.

    Attributes:
        droppable: In the order of the file.
        kept: Label to the reason for which it is never left out.
    """

    droppable: tuple[DroppableLabel, ...]
    kept: Mapping[str, str]


@cache
def load_label_rules() -> LabelRules:
    """
    Load and check the rules; the result is shared.

    Raises:
        ValueError: A label is both droppable and kept, or is determined by one that is not kept.
    """
    text = resources.files(__package__).joinpath("labels.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    kept = {raw["label"]: raw["why"] for raw in data["kept"]}
    droppable = tuple(
        DroppableLabel(
            raw["label"],
            frozenset(Target(target) for target in raw["targets"]),
            frozenset(raw["determined_by"]),
            raw["why"],
        )
        for raw in data["droppable"]
    )
    for rule in droppable:
        # A label that may go itself cannot be what another one is recognised by.
        if rule.label in kept or not rule.determined_by <= kept.keys():
            raise ValueError(f"{rule.label}: contradicts the labels that are kept")
    return LabelRules(droppable, kept)
