"""
Which families of the catalogue an expression of a filter keeps, and which name was meant by it.

An expression that is a plain name, anchored or not, is judged as the name that was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.patterns import InvalidPattern, compile_pattern
from istio_observability.istio.catalogue import Family, Target, load_catalogue

if TYPE_CHECKING:
    from istio_observability.lint.agent_text import PromTable

FILTER: Final = "metric_name_filter"
PLAIN: Final = re.compile(r"(\^?)([a-zA-Z_:][a-zA-Z0-9_:]*)(\$?)")
_SAMPLE: Final = re.compile(r"(.+)(_bucket|_sum|_count)")


@dataclass(frozen=True, slots=True)
class Named:
    """An expression that is a plain name, and what it finds on the target."""

    expression: str
    name: str
    anchored: bool
    found: tuple[Family, ...]


@cache
def families_matching(expression: str, target: Target) -> tuple[Family, ...]:
    """Return the families of a target that an expression keeps, in the order of the catalogue."""
    try:
        pattern = compile_pattern(expression)
    except InvalidPattern:
        return ()
    return tuple(each for each in load_catalogue().of(target) if pattern.search(each.name))


def named_families(prom: PromTable) -> list[Named]:
    """Return the plain names in the filter of an instance whose target is known."""
    target = prom.target
    found = []
    for expression in prom.strings(FILTER):
        plain = PLAIN.fullmatch(expression)
        if plain is not None and target is not None:
            anchored = bool(plain[1] or plain[3])
            matching = families_matching(expression, target)
            found.append(Named(expression, plain[2], anchored, matching))
    return found


def sample_stem(name: str) -> str:
    """Return the histogram or summary that a name is a sample of, ``""`` if of none."""
    sample = _SAMPLE.fullmatch(name)
    catalogue = load_catalogue()
    if sample is None or name in catalogue.families:
        return ""
    stem = sample[1]
    known = catalogue.families.get(stem)
    has_samples = known is not None and known.type in {"histogram", "summary"}
    return stem if has_samples or sample[2] == "_bucket" else ""


def removed_since(found: tuple[Family, ...]) -> str:
    """Return the first release without any of the families, ``""`` if one is still there."""
    ends = [each.until for each in found]
    if not ends or None in ends:
        return ""
    major, minor = max(end for end in ends if end is not None)
    return f"{major}.{minor + 1}"
