"""
Rules about what the views lack because of a filter.

Views share families, so a filter that was chosen for one feeds others in part. Only families that
no satisfied view explains show that another one was meant too.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import Target, load_catalogue
from istio_observability.istio.views import View, families_of_views
from istio_observability.lint.families import FILTER, families_matching, sample_stem
from istio_observability.lint.finding import Problem, Severity, names, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import PromTable

_SHARED: Final = "istio_build"
"""In nearly every list; alone it does not show that a view is meant."""


@rule("IOB242", Severity.WARNING)
def incomplete_views(prom: PromTable) -> Iterator[Problem]:
    """A filter leaves out what views need."""
    target, expressions = prom.target, prom.strings(FILTER)
    if target is None or not expressions:
        return
    meant = [sample_stem(each) or each for each in expressions]
    kept = {each.name for one in meant for each in families_matching(one, target)}
    needs = {view: _needed(view, target) for view in View}
    complete = [needed for needed in needs.values() if needed and needed <= kept]
    # What no complete view explains shows which others were meant.
    extra = kept.difference(*complete) - {_SHARED}
    lacking = {
        view.value: needed - kept
        for view, needed in needs.items()
        if needed & extra and not needed <= kept
    }
    if lacking:
        missing = sorted(frozenset[str]().union(*lacking.values()))
        yield Problem(
            prom.at(FILTER),
            f"{FILTER} leaves out {names(missing)}",
            f"panels of {' and '.join(lacking)} stay empty",
            "add them, or write lists for the views that you look at",
        )


@cache
def _needed(view: View, target: Target) -> frozenset[str]:
    """Return the families of a target that the view needs and that the newest release has."""
    wanted = families_of_views((view,))
    return frozenset(
        each.name
        for each in load_catalogue().of(target)
        if each.name in wanted and each.until is None
    )


PROM_RULES: Final = (incomplete_views,)
