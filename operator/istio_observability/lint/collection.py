"""
Everything that one run looks at, for rules that compare one thing with another.

Copies count once: a page prints an object as a snippet and again as a whole, and a directory may
hold it beside an overlay. What is absent is judged only against what is there: a ConfigMap alone
says nothing about mounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.go_url import InvalidUrl, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from istio_observability.lint.agent_text import AgentText, PromTable
    from istio_observability.lint.manifests import Manifest
    from istio_observability.lint.pages import Page

_SHIPPED: Final = ("istiod", "istio-ingressgateway", "istio-egressgateway", "datakit-service")


@dataclass(frozen=True)
class Collection:
    """All objects and texts of one run, in the order of files."""

    manifests: Sequence[Manifest]
    texts: Sequence[AgentText]
    pages: Sequence[Page]
    live: bool = False

    @property
    def subject(self) -> str:
        """Return what findings call it."""
        return "the files together"

    @property
    def has_objects(self) -> bool:
        """Return whether an object is among them; a bare text says nothing about what is absent."""
        return bool(self.manifests)

    def of_kind(self, kind: str) -> Iterator[Manifest]:
        """Yield the objects of a kind."""
        return (each for each in self.manifests if each.kind == kind)

    @cached_property
    def conf_proms(self) -> list[PromTable]:
        """Return the ``prom`` instances of the agent's files, copies of a file once."""
        found: list[PromTable] = []
        seen: set[str] = set()
        for text in self.texts:
            if not text.is_annotation and text.holder not in seen:
                seen.add(text.holder)
                found += text.proms
        return found

    @cached_property
    def services(self) -> dict[tuple[str, str], Manifest]:
        """Return the Services by namespace and name."""
        return {(each.namespace, each.name): each for each in self.of_kind("Service")}

    def is_shipped(self, name: str) -> bool:
        """Return whether a Service of that name comes with Istio or DataKit itself."""
        return name in _SHIPPED or name.startswith("istiod-")


def service_of(url: str) -> tuple[str, str] | None:
    """Return namespace and name of the Service in an address, ``None`` if it names none."""
    try:
        host = parse_url(url).host.partition(":")[0]
    except InvalidUrl:
        return None
    parts = host.split(".")
    if len(parts) >= 3 and parts[2] == "svc":
        return parts[1], parts[0]
    return None
