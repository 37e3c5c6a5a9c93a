"""Rules about the families that a filter names: has the target them, and does it keep more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.lint.families import (
    FILTER,
    Named,
    families_matching,
    named_families,
    removed_since,
    sample_stem,
)
from istio_observability.lint.finding import Problem, Severity, names, rule
from istio_observability.lint.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import PromTable

_ISTIO_PREFIXES: Final = ("istio_", "pilot_", "galley_", "citadel_", "istiod_", "sidecar_injection")
_ANY: Final = Target.ISTIOD
_MERGED: Final = ("process_", "go_")


@rule("IOB203", Severity.WARNING)
def unanchored(prom: PromTable) -> Iterator[Problem]:
    """An expression without anchors keeps other families too."""
    loose: list[Named] = []
    others: list[str] = []
    for named in named_families(prom):
        also = [each.name for each in named.found if each.name != named.name]
        if prom.target is Target.SIDECAR and named.name.startswith(_MERGED):
            also.append(f"{named.name} of the application")
        if also and not named.anchored:
            loose.append(named)
            others += also
    if loose:
        yield Problem(
            prom.item_at(FILTER, loose[0].expression),
            f"{FILTER} has names without ^ and $ ({names([each.name for each in loose])})",
            f"the agent searches, so it keeps {names(others)} too",
            "write '^name$', or the longer name where that is meant",
        )


def _elsewhere(name: str) -> str:
    catalogue = load_catalogue()
    if name in catalogue.external:
        return catalogue.external[name]
    known = catalogue.families.get(name)
    return " and ".join(sorted(each.value for each in known.targets)) if known is not None else ""


@rule("IOB204", Severity.WARNING)
def wrong_target(prom: PromTable) -> Iterator[Problem]:
    """A filter names families that the target does not have."""
    wrong = []
    for named in named_families(prom):
        stem = sample_stem(named.name) or named.name
        target = prom.target
        here = {each.name for each in (*named.found, *families_matching(stem, target or _ANY))}
        # Such names belong to every Go program, the application's too.
        if target is None or stem in here or named.name.startswith(_MERGED):
            continue
        if _elsewhere(stem):
            wrong.append(named)
    if wrong and prom.target is not None:
        yield Problem(
            prom.item_at(FILTER, wrong[0].expression),
            f"{FILTER} names families of another component"
            f" ({names([each.name for each in wrong])})",
            f"no {prom.target.value} of any Istio from 1.11 to 1.31 has them",
            "leave them out; give each kind of target its own list",
        )


@rule("IOB205", Severity.WARNING)
def removed_family(prom: PromTable) -> Iterator[Problem]:
    """A filter names a family that Istio has removed."""
    gone = load_catalogue().gone
    for named in named_families(prom):
        stem = sample_stem(named.name) or named.name
        exact = tuple(each for each in named.found if each.name == stem)
        since = removed_since(exact)
        instead = "leave it out, or keep it for older releases"
        if stem in gone:
            major, minor = gone[stem].until
            since, instead = f"{major}.{minor + 1}", f"write {gone[stem].instead}"
        # Anchored at both ends it does no harm: our own lists hold it for older releases.
        elif named.anchored:
            continue
        if since:
            yield Problem(
                prom.item_at(FILTER, named.expression),
                f"{FILTER} names {named.name}, which is gone since Istio {since}",
                "it matches nothing from then on",
                instead,
            )


@rule("IOB206", Severity.ERROR)
def unknown_family(prom: PromTable) -> Iterator[Problem]:
    """A filter names a family that no Istio has."""
    catalogue = load_catalogue()
    known = {**catalogue.families, **catalogue.gone, **catalogue.external}
    for named in named_families(prom):
        stem = sample_stem(named.name) or named.name
        if named.found or stem in known or prom.target is None:
            continue
        if families_matching(stem, prom.target):
            continue
        near = nearest(stem, (each.name for each in catalogue.of(prom.target)))
        # Anything else may be a metric of the application or one that was switched on.
        if near or stem.startswith(_ISTIO_PREFIXES):
            yield Problem(
                prom.item_at(FILTER, named.expression),
                f"{FILTER} names {named.name}",
                "no Istio from 1.11 to 1.31 has that family, so it matches nothing",
                f"write {near}" if near else "leave it out",
            )


PROM_RULES: Final = (
    unanchored,
    wrong_target,
    removed_family,
    unknown_family,
)
