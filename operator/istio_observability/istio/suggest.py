"""
Says what is known about a name that somebody wrote: real, misspelt, removed, or not to be judged.

People misspell names and keep those of releases long gone; the agent accepts either and collects
nothing. A name that only resembles a real one is told with the nearest real one. Names under an
open prefix, and names that an application itself may expose, are never called wrong.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import (
    LAST_VERSION,
    Catalogue,
    Family,
    Target,
    Version,
    load_catalogue,
    show_version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIKE: Final = 0.85
"""Share of equal characters above which a name counts as misspelt rather than as another one."""
_ALMOST_EQUAL: Final = 0.96
"""The same where unlisted names exist: one letter of a long name, no whole word."""


class Kind(StrEnum):
    """What a name turned out to be."""

    KNOWN = "Known"
    REMOVED = "Removed"
    """Some release had it, the newest one does not."""
    SAMPLE = "Sample"
    """A sample of a histogram or summary; ``nearest`` is the family."""
    ELSEWHERE = "Elsewhere"
    """Exposed, but by another target than the one asked about."""
    EXTERNAL = "External"
    """Exposed by a component that is not ours to scrape; ``nearest`` is empty."""
    MISSPELT = "Misspelt"
    """Nothing has this name; ``nearest`` is a real one that is almost equal."""
    OPEN = "Open"
    """Not listed, but the list is not closed there."""
    UNKNOWN = "Unknown"
    """Nothing of Istio has this name or one like it."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """
    The answer about one name.

    Attributes:
        nearest: The real name to write instead, ``""`` if there is none.
        gone_since: First release without it, for ``REMOVED``.
        targets: Who exposes the name, or the nearest one.
        component: Who exposes it, for ``EXTERNAL``.
    """

    name: str
    kind: Kind
    nearest: str = ""
    gone_since: Version | None = None
    targets: frozenset[Target] = frozenset()
    component: str = ""


def look_up_family(
    name: str, target: Target | None = None, version: Version | None = None
) -> Lookup:
    """
    Return what is known about a family name.

    Args:
        name: As written, without ``^`` and ``$``.
        target: Ask about this target alone.
        version: Ask about this release; without it a family that any release has is known, and
            one that the newest release lacks is removed.
    """
    catalogue = load_catalogue()
    family = catalogue.families.get(name)
    if family is not None:
        return _of_family(family, target, version)
    if name in catalogue.gone:
        old = catalogue.gone[name]
        return Lookup(name, Kind.REMOVED, old.instead, _next(old.until))
    if name in catalogue.external:
        return Lookup(name, Kind.EXTERNAL, component=catalogue.external[name])
    owner = catalogue.family_of(name)
    if owner in catalogue.families:
        return Lookup(name, Kind.SAMPLE, owner, targets=catalogue.families[owner].targets)
    if owner in catalogue.gone:
        old = catalogue.gone[owner]
        return Lookup(name, Kind.REMOVED, old.instead, _next(old.until))
    nearest = nearest_family(name, target)
    if nearest:
        return Lookup(name, Kind.MISSPELT, nearest, targets=catalogue.families[nearest].targets)
    if any(name.startswith(each.prefix) for each in catalogue.open_prefixes):
        return Lookup(name, Kind.OPEN)
    return Lookup(name, Kind.UNKNOWN)


def look_up_label(label: str, target: Target | None = None) -> Lookup:
    """
    Return what is known about a label.

    Args:
        label: As written.
        target: Ask about the labels of this target alone.
    """
    if label in _labels(target):
        return Lookup(label, Kind.KNOWN, targets=_carriers(label))
    if label in _labels(None):
        return Lookup(label, Kind.ELSEWHERE, targets=_carriers(label))
    nearest = nearest_label(label, target) or nearest_label(label)
    if nearest:
        return Lookup(label, Kind.MISSPELT, nearest, targets=_carriers(nearest))
    return Lookup(label, Kind.UNKNOWN)


def removed_since(name: str) -> str:
    """Return the first release without a family, such as ``1.19``; ``""`` if it still exists."""
    found = look_up_family(name)
    return show_version(found.gone_since) if found.gone_since is not None else ""


@lru_cache(maxsize=4096)
def nearest_family(name: str, target: Target | None = None) -> str:
    """Return the real family name that is almost ``name``, ``""`` if there is none."""
    catalogue = load_catalogue()
    families = catalogue.families.values() if target is None else catalogue.of(target)
    is_open = any(name.startswith(each.prefix) for each in catalogue.open_prefixes)
    cutoff = _ALMOST_EQUAL if is_open else _ALIKE
    return _nearest(name, (family.name for family in families), cutoff)


@lru_cache(maxsize=4096)
def nearest_label(label: str, target: Target | None = None) -> str:
    """Return the real label that is almost ``label``, ``""`` if there is none."""
    return _nearest(label, _labels(target), _ALIKE)


def _of_family(family: Family, target: Target | None, version: Version | None) -> Lookup:
    if target is not None and target not in family.targets:
        return Lookup(family.name, Kind.ELSEWHERE, targets=family.targets)
    asked = version or LAST_VERSION
    if family.until is not None and family.until < asked:
        gone_since = _next(family.until)
        return Lookup(family.name, Kind.REMOVED, "", gone_since, family.targets)
    return Lookup(family.name, Kind.KNOWN, targets=family.targets)


def _next(version: Version) -> Version:
    return version[0], version[1] + 1


def _nearest(name: str, known: Iterable[str], cutoff: float) -> str:
    # A hyphen or a capital is the most frequent slip, and no metric of Istio has either.
    plain = name.replace("-", "_").lower()
    candidates = sorted(known)
    if plain in candidates and plain != name:
        return plain
    found = difflib.get_close_matches(plain, candidates, n=1, cutoff=cutoff)
    return found[0] if found else ""


@lru_cache(maxsize=8)
def _labels(target: Target | None) -> frozenset[str]:
    return frozenset(label for label, targets in _label_pairs() if target in {None, *targets})


@lru_cache(maxsize=512)
def _carriers(label: str) -> frozenset[Target]:
    return frozenset(
        target for name, targets in _label_pairs() if name == label for target in targets
    )


@lru_cache(maxsize=1)
def _label_pairs() -> tuple[tuple[str, frozenset[Target]], ...]:
    catalogue: Catalogue = load_catalogue()
    pairs = [
        (each, family.targets) for family in catalogue.families.values() for each in family.labels
    ]
    pairs += [(each, found.targets) for found in catalogue.open_prefixes for each in found.labels]
    for family in catalogue.families.values():
        implied = {"histogram": "le", "summary": "quantile"}.get(family.type.value)
        if implied:
            pairs.append((implied, family.targets))
    return tuple(dict.fromkeys(pairs))
