"""
Answers for the views of one resource: which have their data, and what lacks because of what.

Decided from configuration alone: nothing is scraped, and whether DataKit is there has a condition
of its own. Equal facts give equal answers, so a status that shows them does not move by itself.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.patterns import InvalidPattern, compile_pattern
from istio_observability.istio.answers import PanelState, ViewAnswer, answer_views
from istio_observability.istio.arrival import Cause, Collected
from istio_observability.istio.catalogue import Target, Version, parse_version
from istio_observability.istio.components import Role
from istio_observability.istio.views import View
from istio_observability.model.spec import CollectPolicy
from istio_observability.model.status import ViewStatus
from istio_observability.plan.decide_metrics import Choice, decide_choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from istio_observability.istio.arrival import Lack
    from istio_observability.model.custom_resource import Resource
    from istio_observability.model.spec import IstioObservabilitySpec
    from istio_observability.plan.mesh import Mesh

_ONE_LINE: Final = 3
"""Families that lack for one reason are named up to this number, and counted beyond it."""


def answer_resource(resource: Resource, mesh: Mesh, *, chooses: bool) -> tuple[ViewAnswer, ...]:
    """
    Return an answer for each view of ``spec.metrics.views``, in the order of ``View``.

    Args:
        resource: The wish.
        mesh: Which components there are to scrape, and the release of Istio.
        chooses: At least one workload is chosen, by label if not by the selectors.
    """
    spec = resource.spec
    choices = tuple(
        (target, choice)
        for target in _scraped(spec, mesh, chooses=chooses)
        if (choice := _choice(spec, target)).name_filter
    )
    views = tuple(view for view in View if view.value in set(spec.metrics.views))
    return _answer(views, choices, _version(mesh))


def view_statuses(answers: Sequence[ViewAnswer]) -> tuple[ViewStatus, ...]:
    """Return the answers as ``status.views``: a line for each family, or for many of one reason."""
    return tuple(
        ViewStatus(
            name=answer.view.value,
            has_data=answer.has_data,
            lacks=tuple(lack_lines(answer.lacks)),
        )
        for answer in answers
    )


def lack_lines(lacks: Sequence[Lack]) -> Iterator[str]:
    """Yield what lacks, a line each; a target that is not scraped has one line for everything."""
    unscraped = Counter(lack.why for lack in lacks if lack.cause is Cause.NOT_SCRAPED)
    said = set()
    for lack in lacks:
        count = unscraped.get(lack.why, 0) if lack.cause is Cause.NOT_SCRAPED else 0
        if count <= _ONE_LINE:
            yield lack.sentence()
        elif lack.why not in said:
            said.add(lack.why)
            yield f"{count} families: {lack.why}"


def view_line(answer: ViewAnswer) -> str:
    """Return one line about a view: its verdict and how many panels have which."""
    counts = {state: answer.count(state) for state in PanelState}
    panels = f"{counts[PanelState.HAS_DATA]} of {len(answer.panels)} panels have data"
    lacking = f", {counts[PanelState.LACKS]} lack something" if counts[PanelState.LACKS] else ""
    sources = counts[PanelState.WITHOUT_SOURCE]
    foreign = f", {sources} not from the mesh" if sources else ""
    return f"{answer.view.value}: {panels}{lacking}{foreign}"


def _scraped(spec: IstioObservabilitySpec, mesh: Mesh, *, chooses: bool) -> Iterator[Target]:
    workloads = spec.workloads
    if chooses or workloads.namespaces or workloads.namespace_selector is not None:
        yield Target.SIDECAR
    wanted = (each for each in spec.gateways if each.collect is not CollectPolicy.NEVER)
    if any(mesh.gateways.get(Role(each.name)) for each in wanted):
        yield Target.GATEWAY
    if mesh.istiods and spec.control_plane.collect is not CollectPolicy.NEVER:
        yield Target.ISTIOD


def _choice(spec: IstioObservabilitySpec, target: Target) -> Choice:
    return decide_choice(spec.metrics, tuple(spec.metrics.extra_families), target)


def _version(mesh: Mesh) -> Version | None:
    try:
        return parse_version(mesh.istio_version)
    except ValueError:
        # Built by hand or tagged "latest": then both editions of each view are answered.
        return None


# Asked for at every status; a cluster has one mesh and a few resources.
@lru_cache(maxsize=64)
def _answer(
    views: tuple[View, ...], choices: tuple[tuple[Target, Choice], ...], version: Version | None
) -> tuple[ViewAnswer, ...]:
    return answer_views(views, {target: collected_of(each) for target, each in choices}, version)


def collected_of(choice: Choice) -> Collected:
    """Return what the agent keeps under the lists of one target."""
    patterns = []
    for text in choice.name_filter:
        try:
            patterns.append(compile_pattern(text))
        except InvalidPattern:
            # The agent drops it too.
            continue
    return Collected(
        # If nothing of a list compiles, the agent keeps everything.
        keeps=lambda family: not patterns or any(each.search(family) for each in patterns),
        metric_types=frozenset(choice.metric_types),
        tags_ignore=frozenset(choice.tags_ignore),
    )
