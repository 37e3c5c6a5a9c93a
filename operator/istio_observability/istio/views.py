"""
The four views that people look at, and the series and labels that each of their panels needs.

A view is known in two editions: as Istio 1.11.2 shipped it, the release of the source document,
and as it is today. Collecting for both keeps either edition alive, so an upgrade of the mesh
changes no configuration.

Source: dashboards of istio/istio, manifests/addons/dashboards (Apache-2.0), at tag 1.11.2 and at
commit 86c9f01f, reduced to names. The agent's own views of the same names are not public.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import Version, load_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCRAPE_LABELS: Final = frozenset({"app", "container", "pod"})
"""Labels in the panels that a scraper adds to what it scraped; no component exposes them."""


class View(StrEnum):
    """The views. Values are public: ``spec.metrics.views``."""

    MESH = "Mesh"
    SERVICE = "Service"
    WORKLOAD = "Workload"
    CONTROL_PLANE = "ControlPlane"


class Edition(StrEnum):
    """Which edition of a view a panel belongs to."""

    ISTIO_1_11 = "1.11"
    CURRENT = "current"


CURRENT_SINCE: Final[Mapping[View, Version]] = MappingProxyType(
    {
        View.MESH: (1, 24),
        View.SERVICE: (1, 24),
        View.WORKLOAD: (1, 24),
        View.CONTROL_PLANE: (1, 23),
    }
)
"""
First release that ships the edition of today; of Service and Workload both name the same series.

Source: istio/istio, manifests/addons/dashboards, at the tags 1.22.0 to 1.24.0.
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """
    One panel.

    Attributes:
        series: Series names as queries write them, with ``_bucket``; one of several may do.
        labels: All labels that the queries of the panel name, ``le`` included.
    """

    view: View
    edition: Edition
    title: str
    series: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """Return the families behind the series, sorted."""
        return families_of(self.series)


@dataclass(frozen=True, slots=True)
class ViewEdition:
    """One edition of a view: its origin, its panels, the series behind its selection lists."""

    source: str
    panels: tuple[Panel, ...]
    variables: tuple[str, ...]


@cache
def load_views() -> Mapping[tuple[View, Edition], ViewEdition]:
    """Load all editions of all views; the result is shared."""
    text = resources.files(__package__).joinpath("views.json").read_text(encoding="utf-8")
    versions = json.loads(text)["versions"]
    loaded = {}
    for edition in Edition:
        for view in View:
            raw = versions[edition][view]
            panels = tuple(
                Panel(view, edition, p["title"], tuple(p["series"]), tuple(p["labels"]))
                for p in raw["panels"]
            )
            loaded[view, edition] = ViewEdition(raw["source"], panels, tuple(raw["variables"]))
    return loaded


def panels_of(views: Iterable[View]) -> tuple[Panel, ...]:
    """Return the panels of the views, all editions, in the order of ``View`` and ``Edition``."""
    chosen = frozenset(views)
    return tuple(
        panel
        for (view, _), edition in load_views().items()
        if view in chosen
        for panel in edition.panels
    )


def families_of(series: Iterable[str]) -> tuple[str, ...]:
    """Return the families that the series belong to, sorted, each once."""
    catalogue = load_catalogue()
    return tuple(sorted({catalogue.family_of(name) for name in series}))


def families_of_views(views: Iterable[View]) -> frozenset[str]:
    """
    Return all families that the views name, whoever exposes them.

    Includes families that only one edition names, that only some releases have, and those of
    components that are not ours to scrape (``Catalogue.external``).
    """
    chosen = frozenset(views)
    names: set[str] = set()
    for (view, _), edition in load_views().items():
        if view in chosen:
            names.update(families_of(edition.variables))
            for panel in edition.panels:
                names.update(panel.families)
    return frozenset(names)


def labels_of_views(views: Iterable[View]) -> frozenset[str]:
    """Return the labels that the views name and that a component exposes itself."""
    labels = {label for panel in panels_of(views) for label in panel.labels}
    return frozenset(labels - SCRAPE_LABELS)


def fitting_editions(view: View, version: Version | None) -> tuple[Edition, ...]:
    """
    Return the edition of a view that goes with a release of Istio.

    Args:
        view: Which view.
        version: The release, ``None`` if it is not known: then both editions are returned.
    """
    if version is None:
        return tuple(Edition)
    return (Edition.CURRENT,) if version >= CURRENT_SINCE[view] else (Edition.ISTIO_1_11,)


def views_of(family: str) -> tuple[View, ...]:
    """Return the views that name a family, in the order of ``View``; derived, not written down."""
    return _views_by_family().get(family, ())


@cache
def _views_by_family() -> Mapping[str, tuple[View, ...]]:
    found: dict[str, list[View]] = {}
    for view in View:
        for name in families_of_views([view]):
            found.setdefault(name, []).append(view)
    return {name: tuple(views) for name, views in found.items()}
