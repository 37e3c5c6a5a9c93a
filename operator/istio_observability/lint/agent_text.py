"""
One configuration text of the agent as rules look at it: what it means, and where each part stands.

Meaning comes from ``datakit`` (the agent's own parser), places from ``toml_places``. What is
scraped is guessed from addresses and labels, because families and labels are known only for
Istio's components; any other exporter is judged by the general rules alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom_keys import WrongType, decode_keys, fold
from istio_observability.datakit.toml_text import InvalidToml, parse_toml
from istio_observability.istio.catalogue import Target
from istio_observability.istio.components import gateway_role, is_istiod
from istio_observability.lint.toml_places import Entry, Header, Item, locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.lint.places import Passage, Place

_INPUTS: Final = re.compile(
    r"^[ \t]*\[+[ \t]*inputs\b|^[ \t]*inputs[ \t]*[.=]", re.IGNORECASE | re.MULTILINE
)
_PLACEHOLDER: Final = re.compile(r"\$(?:IP|NAMESPACE|PODNAME|NODENAME)")
_ISTIOD: Final = re.compile(r"//(?:istiod(?:-[\w-]+)?|istio-pilot)\.|:15014\b")
_GATEWAY: Final = re.compile(r"//[\w.-]*gateway[\w.-]*:(?:15020|15090)\b|:15020/stats/prometheus")
_PROXY: Final = re.compile(r":(?:15020|15090)\b")


def is_agent_text(text: str) -> bool:
    """Return whether the text is meant for the agent."""
    return _INPUTS.search(text) is not None


def guess_path(text: str) -> ConfigPath:
    """Return how a text without an object around it would reach the agent."""
    return ConfigPath.ANNOTATION if _PLACEHOLDER.search(text) else ConfigPath.CONF


@dataclass
class AgentText:
    """
    One annotation or conf file.

    Attributes:
        subject: What findings call it.
        holder: The object or file that carries it; equal for copies of one object.
        labels: Labels of the pod that carries the annotation.
        annotations: Annotations of that pod.
    """

    passage: Passage
    path: ConfigPath
    subject: str
    holder: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def headers(self) -> list[Header]:
        """Return where its tables stand."""
        return locate(self.passage.text)

    @cached_property
    def _parsed(self) -> tuple[dict[str, Any], InvalidToml | None]:
        try:
            return parse_toml(self.passage.text.removeprefix("\ufeff")), None
        except InvalidToml as error:
            return {}, error
        except RecursionError:
            return {}, InvalidToml("values are nested too deeply", "", 0)

    @property
    def data(self) -> dict[str, Any]:
        """Return what the agent reads; empty if it cannot."""
        return self._parsed[0]

    @property
    def error(self) -> InvalidToml | None:
        """Return why the agent cannot read it, ``None`` if it can."""
        return self._parsed[1]

    @cached_property
    def inputs(self) -> Mapping[str, Any]:
        """Return the inputs by folded name."""
        found: dict[str, Any] = {}
        for key, value in self.data.items():
            if fold(key) == "inputs" and isinstance(value, dict):
                found.update({fold(name): each for name, each in value.items()})
        return found

    @cached_property
    def proms(self) -> tuple[PromTable, ...]:
        """Return its ``prom`` instances."""
        raw = self.inputs.get("prom")
        tables = raw if isinstance(raw, list) else [raw]
        heads = [each for each in self.headers if each.path == ("inputs", "prom")]
        return tuple(
            PromTable(self, table, heads[index] if index < len(heads) else self.headers[0])
            for index, table in enumerate(tables)
            if isinstance(table, dict)
        )

    @property
    def is_annotation(self) -> bool:
        """Return whether it is an annotation."""
        return self.path is ConfigPath.ANNOTATION

    def place(self, position: int = 0) -> Place:
        """Return the place of a character."""
        return self.passage.place(position)

    @property
    def start(self) -> Place:
        """Return the place of its first header, or of its first character."""
        return self.place(self.headers[1].start if len(self.headers) > 1 else 0)


@dataclass
class PromTable:
    """One ``[[inputs.prom]]``."""

    text: AgentText
    raw: Mapping[str, Any]
    header: Header

    @property
    def subject(self) -> str:
        """Return what findings call it."""
        return self.text.subject

    @property
    def place(self) -> Place:
        """Return where it begins."""
        return self.text.place(self.header.start)

    @cached_property
    def _decoded(self) -> tuple[Mapping[str, Any], WrongType | None]:
        try:
            return decode_keys(self.raw, self.text.path), None
        except WrongType as error:
            return {}, error

    @property
    def wrong_type(self) -> WrongType | None:
        """Return why the agent cannot decode it, ``None`` if it can."""
        return self._decoded[1]

    @property
    def keys(self) -> Mapping[str, Any]:
        """Return its keys as the agent decodes them; empty if it cannot."""
        return self._decoded[0]

    @cached_property
    def tables(self) -> list[Header]:
        """Return its own table and the sub-tables behind it."""
        headers = self.text.headers
        first = headers.index(self.header)
        found = [self.header]
        for each in headers[first + 1 :]:
            if each.path[:2] != ("inputs", "prom") or len(each.path) < 3:
                break
            found.append(each)
        return found

    def entry(self, key: str) -> Entry | None:
        """Return where a key stands."""
        return self.header.find(key)

    def at(self, key: str) -> Place:
        """Return the place of a key, or of the table if it cannot be located."""
        entry = self.entry(key)
        return self.text.place(entry.start) if entry is not None else self.place

    def value_at(self, key: str) -> Place:
        """Return the place of the value of a key."""
        entry = self.entry(key)
        return self.text.place(entry.value_start) if entry is not None else self.place

    def items(self, key: str) -> tuple[Item, ...]:
        """Return the strings in the value of a key, with their places."""
        entry = self.entry(key)
        return entry.items if entry is not None else ()

    def item_at(self, key: str, text: str) -> Place:
        """Return the place of one string in the value of a key."""
        for item in self.items(key):
            if item.text == text:
                return self.text.place(item.start)
        return self.value_at(key)

    def strings(self, key: str) -> list[str]:
        """Return the strings of a list."""
        return list(self.keys.get(key) or ())

    @cached_property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses that the agent scrapes."""
        urls = self.strings("urls")
        single = self.keys.get("url") or ""
        if self.text.is_annotation:
            return (*urls, *([single] if single else ()))
        return tuple(urls or ([single] if single else ()))

    @cached_property
    def target(self) -> Target | None:
        """Return which of Istio's components is scraped, ``None`` for anything else."""
        addresses = " ".join(self.urls)
        if self.text.is_annotation:
            if is_istiod(self.text.labels) and ":15014" in addresses:
                return Target.ISTIOD
            if not _PROXY.search(addresses):
                return None
            role = gateway_role({}, self.text.labels, self.text.annotations)
            return Target.SIDECAR if role is None else Target.GATEWAY
        if _ISTIOD.search(addresses):
            return Target.ISTIOD
        return Target.GATEWAY if _GATEWAY.search(addresses) else None
