"""
The metric families that Istio's components expose: type, labels, where, and in which versions.

The data stands in ``catalogue.toml`` and is checked when it is loaded, so that a wrong entry
stops the tests, not a scrape. Families are what the agent filters on; ``_bucket``, ``_sum`` and
``_count`` are samples of a histogram and no families.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIRST_VERSION: Final = (1, 11)
LAST_VERSION: Final = (1, 31)

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SAMPLE_SUFFIXES: Final = ("_bucket", "_sum", "_count")
_REQUIRED: Final = frozenset({"name", "type", "unit", "labels", "targets", "since", "help"})
_OPTIONAL: Final = frozenset({"until"})


class Target(StrEnum):
    """What is scraped: the proxy beside a workload, a gateway's proxy, the control plane."""

    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    ISTIOD = "istiod"


class MetricType(StrEnum):
    """The word of the ``# TYPE`` line."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    UNTYPED = "untyped"


class InvalidCatalogue(ValueError):  # noqa: N818  names the state
    """An entry of the data file breaks a rule; the text names both."""


Version = tuple[int, int]
"""Major and minor number of an Istio release."""


@dataclass(frozen=True, slots=True)
class Family:
    """
    One metric family.

    Attributes:
        labels: Sorted; ``le`` and ``quantile`` are left out.
        since: First release that has it; 1.11 also stands for anything earlier.
        until: Last release that has it, ``None`` if the newest one does.
    """

    name: str
    type: MetricType
    unit: str
    labels: tuple[str, ...]
    targets: frozenset[Target]
    since: Version
    until: Version | None
    help: str

    def exists_in(self, version: Version) -> bool:
        """Return whether a release exposes the family."""
        return self.since <= version and (self.until is None or version <= self.until)


@dataclass(frozen=True, slots=True)
class GoneFamily:
    """A family that views or documents still name although no supported release has it."""

    name: str
    until: Version
    instead: str


@dataclass(frozen=True, slots=True)
class OpenPrefix:
    """A beginning of names under which there are more families than the catalogue lists."""

    prefix: str
    targets: frozenset[Target]
    labels: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    All families by name, and the names that are none of ours.

    Attributes:
        families: In the order of the file.
        external: Family name to the component that exposes it; not ours to scrape.
        gone: Families that ended before the first supported release.
        open_prefixes: Where a name that is not listed may exist all the same.
        label_sets: Vocabularies that several families share, by name, each sorted.
    """

    families: Mapping[str, Family]
    external: Mapping[str, str]
    gone: Mapping[str, GoneFamily]
    open_prefixes: tuple[OpenPrefix, ...] = ()
    label_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, target: Target) -> Iterator[Family]:
        """Yield the families of one target, in the order of the file."""
        return (family for family in self.families.values() if target in family.targets)

    def family_of(self, series: str) -> str:
        """
        Return the family that a series name belongs to.

        ``x_bucket``, ``x_sum`` and ``x_count`` belong to ``x`` if that is a histogram or summary;
        ``citadel_server_csr_count`` is a family itself. Unknown ``x_bucket`` belongs to ``x``.
        """
        if series in self.families:
            return series
        for suffix in _SAMPLE_SUFFIXES:
            stem = series.removesuffix(suffix)
            if stem == series:
                continue
            known = self.families.get(stem)
            if known and known.type in {MetricType.HISTOGRAM, MetricType.SUMMARY}:
                return stem
            if stem in self.gone or suffix == "_bucket":
                return stem
        return series


@cache
def load_catalogue() -> Catalogue:
    """
    Load and check the data file; the result is shared.

    Raises:
        InvalidCatalogue: The file breaks a rule; the package is damaged.
    """
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> Catalogue:
    """
    Read a catalogue from TOML.

    Raises:
        InvalidCatalogue: A rule is broken.
    """
    try:
        return _catalogue(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCatalogue(f"file: has another shape ({error})") from error


def _catalogue(data: dict[str, Any]) -> Catalogue:
    label_sets = data["label_sets"]
    families: dict[str, Family] = {}
    for raw in data["family"]:
        family = _family(raw, label_sets)
        if family.name in families:
            raise InvalidCatalogue(f"{family.name}: stands twice")
        families[family.name] = family
    external = {raw["name"]: raw["component"] for raw in data["external"]}
    gone = {
        raw["name"]: GoneFamily(raw["name"], parse_version(raw["until"]), raw["instead"])
        for raw in data["gone"]
    }
    for name in (*external, *gone):
        if name in families:
            raise InvalidCatalogue(f"{name}: is both exposed and not exposed")
    for old in gone.values():
        if old.until >= FIRST_VERSION or old.instead not in families:
            raise InvalidCatalogue(f"{old.name}: is not gone, or its successor is unknown")
    open_prefixes = tuple(
        OpenPrefix(
            raw["prefix"],
            frozenset(Target(target) for target in raw["targets"]),
            tuple(sorted(raw["labels"])),
            raw["why"],
        )
        for raw in data.get("open", ())
    )
    vocabularies = {name: tuple(sorted(set(labels))) for name, labels in label_sets.items()}
    return Catalogue(families, external, gone, open_prefixes, vocabularies)


def show_version(version: Version) -> str:
    """Return ``1.22`` for ``(1, 22)``."""
    return f"{version[0]}.{version[1]}"


def parse_version(text: str) -> Version:
    """
    Return ``(1, 22)`` for ``1.22``, ``1.22.3`` or ``1.22-dev``.

    Raises:
        ValueError: The text does not begin with two numbers.
    """
    match = re.match(r"v?(\d+)\.(\d+)(?!\d)", text)
    if match is None:
        raise ValueError("not a version")
    return int(match[1]), int(match[2])


def _family(raw: dict[str, Any], label_sets: dict[str, list[str]]) -> Family:
    name = raw["name"]
    if not _REQUIRED <= raw.keys() <= _REQUIRED | _OPTIONAL:
        raise InvalidCatalogue(f"{name}: lacks a key or has one that is not known")
    labels: set[str] = set()
    for label in raw["labels"]:
        labels.update(label_sets[label[1:]] if label.startswith("@") else [label])
    try:
        family = Family(
            name=name,
            type=MetricType(raw["type"]),
            unit=raw["unit"],
            labels=tuple(sorted(labels - {"le", "quantile"})),
            targets=frozenset(Target(target) for target in raw["targets"]),
            since=parse_version(raw["since"]),
            until=parse_version(raw["until"]) if "until" in raw else None,
            help=raw["help"],
        )
    except ValueError as error:
        raise InvalidCatalogue(f"{name}: has a value that is not known ({error})") from error
    for broken in _broken_rules(family):
        raise InvalidCatalogue(f"{name}: {broken}")
    return family


def _broken_rules(family: Family) -> Iterator[str]:
    if not _NAME.fullmatch(family.name):
        yield "is no metric name"
    if family.name.endswith("_bucket"):
        yield "is the name of a sample, not of a family"
    if not all(_LABEL.fullmatch(label) for label in family.labels):
        yield "has a label that no metric can have"
    if not family.targets or not family.unit:
        yield "has no target or no unit"
    if not family.help.endswith(".") or not family.help[0].isalnum():
        yield "has a help text that is no sentence"
    if not FIRST_VERSION <= family.since <= LAST_VERSION:
        yield "begins outside the supported releases"
    if family.until is not None and not family.since <= family.until <= LAST_VERSION:
        yield "ends before it begins or after the newest release"
