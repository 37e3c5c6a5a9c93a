"""Rules about pages: commands that do harm, and tables that promise what is not collected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.lint.families import FILTER, families_matching, removed_since
from istio_observability.lint.finding import Problem, Severity, names, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.collection import Collection
    from istio_observability.lint.pages import Page

_DELETE: Final = re.compile(
    r"^[ \t]*\$?[ \t]*(kubectl delete\b[^\n]*datakit[^\n]*\.ya?ml)", re.MULTILINE
)
_STRAY: Final = re.compile(r"\b[A-Z_]+=\S*\$[A-Z_]+(\$)[ \t]*$", re.MULTILINE)
_DEMO: Final = re.compile(r"istioctl[^\n]*\bprofile=(demo)\b")


@rule("IOB501", Severity.ERROR)
def deletes_the_agent(page: Page) -> Iterator[Problem]:
    """A command deletes more than it seems."""
    for block in page.shell_blocks:
        for found in _DELETE.finditer(block.text):
            yield Problem(
                block.place(found.start(1)),
                "a command deletes the agent's manifest",
                "its Namespace goes, with everything else that stands there, and no node is"
                " observed meanwhile",
                "apply the manifest and run kubectl -n datakit rollout restart daemonset/datakit",
            )


@rule("IOB502", Severity.WARNING)
def stray_dollar(page: Page) -> Iterator[Problem]:
    """A stray $ ends an assignment."""
    for block in page.shell_blocks:
        for found in _STRAY.finditer(block.text):
            yield Problem(
                block.place(found.start(1)),
                "an assignment ends in a lone $",
                "it becomes part of the value",
                "remove it",
                block.replace(found.start(1), found.end(1), ""),
            )


@rule("IOB504", Severity.INFO)
def demo_profile(page: Page) -> Iterator[Problem]:
    """What follows is right for the demo profile only."""
    for block in page.shell_blocks if page.configures_agent else ():
        for found in _DEMO.finditer(block.text):
            yield Problem(
                block.place(found.start(1)),
                "Istio is installed with the profile demo",
                "only this profile has an egress gateway, one replica of everything and traces"
                " of all requests; elsewhere it is none, up to five, and 1 % or none",
                "say so, and what to do with another profile",
            )


@rule("IOB503", Severity.WARNING)
def table_not_collected(collection: Collection) -> Iterator[Problem]:
    """A table promises metrics that are not collected."""
    for page in collection.pages:
        file = page.passage.file
        proms = [
            each
            for text in collection.texts
            if text.passage.file is file
            for each in text.proms
            if each.target is not None and each.strings(FILTER)
        ]
        known = load_catalogue().families
        missing = [
            (name, position)
            for name, position in page.table_names
            if name in known
            and not any(_keeps(each.strings(FILTER), name, each.target) for each in proms)
        ]
        if proms and missing:
            yield Problem(
                page.passage.place(missing[0][1]),
                f"a table lists {names([name for name, _ in missing])}",
                "no configuration on this page collects them",
                "add them to the filters, or take them out of the table",
                subject=page.subject,
            )


def _keeps(expressions: list[str], name: str, target: Target | None) -> bool:
    return target is not None and any(
        name == family.name for each in expressions for family in families_matching(each, target)
    )


@rule("IOB505", Severity.WARNING)
def table_of_removed(page: Page) -> Iterator[Problem]:
    """A table lists metrics that Istio has removed."""
    families = load_catalogue().families
    removed: dict[str, list[tuple[str, int]]] = {}
    for name, position in page.table_names:
        since = removed_since((families[name],)) if name in families else ""
        if since:
            removed.setdefault(since, []).append((name, position))
    for since, found in sorted(removed.items()):
        yield Problem(
            page.passage.place(found[0][1]),
            f"a table lists {names([name for name, _ in found])}",
            f"gone since Istio {since}",
            "take them out, or say for which releases they are",
        )


PAGE_RULES: Final = (deletes_the_agent, stray_dollar, demo_profile, table_of_removed)
COLLECTION_RULES: Final = (table_not_collected,)
