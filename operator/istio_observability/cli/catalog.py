"""
``istio-observability catalog``: searches the metric families of Istio.

Many families are shown as a table, a few in full. Exit code 2 says that nothing matches; the
nearest real name is then told.
"""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from istio_observability.cli.usage import UsageError
from istio_observability.datakit.patterns import InvalidPattern, compile_pattern
from istio_observability.istio.catalogue import (
    FIRST_VERSION,
    LAST_VERSION,
    Family,
    Target,
    load_catalogue,
    parse_version,
    show_version,
)
from istio_observability.istio.suggest import nearest_family
from istio_observability.istio.views import View, families_of_views, views_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from istio_observability.datakit.patterns import Pattern
    from istio_observability.istio.catalogue import Version

_FOUND: Final = 0
_NOTHING: Final = 2
_IN_FULL: Final = 8
"""Families that are shown in full; more of them become a table."""


def add_catalog(commands: Any, _cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "catalog",
        help="search the metric families of Istio",
        description=(
            "Search the metric families that sidecars, gateways and istiod expose, by an RE2 "
            "expression over name, help text and labels. A few results are shown in full. "
            "Exit code 2: nothing matches."
        ),
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="RE2; (?i) ignores case")
    parser.add_argument("--target", choices=[each.value for each in Target], help="who exposes it")
    parser.add_argument("--view", choices=[each.value for each in View], help="which view needs it")
    parser.add_argument("--istio", metavar="VERSION", help="which release has it, such as 1.22")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(command=show_catalog)


def show_catalog(options: argparse.Namespace) -> int:
    """Print the families that match."""
    pattern = _pattern(options.pattern)
    version = _version(options.istio)
    found = [each for each in _chosen(options, version) if _matches(each, pattern)]
    notes = list(_notes(options, pattern))
    if options.output == "json":
        json.dump(
            {"families": [family_as_data(each) for each in found], "notes": notes}, sys.stdout
        )
        print()
    else:
        console = Console(highlight=False)
        if len(found) > _IN_FULL:
            console.print(_table(found))
        else:
            for each in found:
                console.print(Text(each.name, style="bold"))
                console.print(Text(_in_full(each, console.width) + "\n"))
        for note in notes:
            console.print(Text(note), soft_wrap=True)
    if found or notes:
        return _FOUND
    print(_nothing(options.pattern), file=sys.stderr)
    return _NOTHING


def family_as_data(family: Family) -> dict[str, Any]:
    """Return a family as JSON has it; ``until`` is null for one that still exists."""
    return {
        "name": family.name,
        "type": family.type.value,
        "unit": family.unit,
        "targets": [target.value for target in Target if target in family.targets],
        "labels": list(family.labels),
        "since": show_version(family.since),
        "until": show_version(family.until) if family.until else None,
        "views": [view.value for view in views_of(family.name)],
        "help": family.help,
    }


def _pattern(text: str | None) -> Pattern | None:
    try:
        return compile_pattern(text) if text else None
    except InvalidPattern as error:
        raise UsageError(f"PATTERN is no RE2 expression ({error}); correct it") from error


def _version(text: str | None) -> Version | None:
    if text is None:
        return None
    span = f"{show_version(FIRST_VERSION)} to {show_version(LAST_VERSION)}"
    try:
        version = parse_version(text)
    except ValueError as error:
        raise UsageError(f"--istio {text} is no version; give one from {span}") from error
    if not FIRST_VERSION <= version <= LAST_VERSION:
        raise UsageError(f"--istio {text} is not in the catalogue; give one from {span}")
    return version


def _chosen(options: argparse.Namespace, version: Version | None) -> Iterator[Family]:
    needed = families_of_views([View(options.view)]) if options.view else None
    for family in load_catalogue().families.values():
        if options.target and Target(options.target) not in family.targets:
            continue
        if needed is not None and family.name not in needed:
            continue
        if version is None or family.exists_in(version):
            yield family


def _matches(family: Family, pattern: Pattern | None) -> bool:
    if pattern is None:
        return True
    return any(pattern.search(text) for text in (family.name, family.help, *family.labels))


def _notes(options: argparse.Namespace, pattern: Pattern | None) -> Iterator[str]:
    """Yield what is known about names that are no family of a target."""
    if pattern is None or options.target or options.istio:
        return
    catalogue = load_catalogue()
    needed = families_of_views([View(options.view)] if options.view else View)
    for name, component in catalogue.external.items():
        if name in needed and pattern.search(name):
            yield f"{name}: not exposed by Istio, comes from {component}."
    for old in catalogue.gone.values():
        if pattern.search(old.name) and (old.name in needed or not options.view):
            yield f"{old.name}: ended with Istio {show_version(old.until)}; use {old.instead}."


def _nothing(pattern: str | None) -> str:
    nearest = nearest_family(pattern.strip("^$")) if pattern else ""
    hint = f"; the nearest name is {nearest}" if nearest else ""
    return f"no family matches{hint}"


def _table(families: Sequence[Family]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption_justify="left")
    table.add_column("FAMILY", overflow="fold", ratio=1)
    for heading in ("TYPE", "FROM", "ISTIO", "VIEWS"):
        table.add_column(heading, no_wrap=True)
    for each in families:
        table.add_row(each.name, each.type.value, _from(each), _releases(each), _initials(each))
    table.caption = (
        f"{len(families)} families. FROM: proxies are sidecars and gateways."
        " VIEWS: Mesh, Service, Workload, ControlPlane."
    )
    table.expand = True
    return table


def _in_full(family: Family, width: int) -> str:
    data = family_as_data(family)
    lines = [
        f"{data['type']} in {data['unit']}, from {', '.join(data['targets'])}, {_span(family)}",
        family.help,
        f"labels: {', '.join(family.labels) or 'none'}",
        f"views: {', '.join(data['views']) or 'none'}",
    ]
    return "\n".join(
        textwrap.fill(
            line, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False
        )
        for line in lines
    )


def _from(family: Family) -> str:
    if family.targets == frozenset(Target):
        return "all"
    return "istiod" if Target.ISTIOD in family.targets else "proxies"


def _releases(family: Family) -> str:
    since, until = family.since, family.until
    if until is None:
        return "all" if since == FIRST_VERSION else f"from {show_version(since)}"
    if since == FIRST_VERSION:
        return f"to {show_version(until)}"
    return f"{show_version(since)}-{show_version(until)}"


def _span(family: Family) -> str:
    parts = []
    if family.since > FIRST_VERSION:
        parts.append(f"since Istio {show_version(family.since)}")
    if family.until is not None:
        parts.append(f"until Istio {show_version(family.until)}")
    return " ".join(parts) or "in every release"


def _initials(family: Family) -> str:
    return "".join(view.value[0] for view in views_of(family.name)) or "-"
