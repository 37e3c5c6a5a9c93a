"""
Pages of text: fenced blocks of YAML, TOML and shell, and tables of metrics.

Blocks without a language are taken for what they look like, because people leave it out. A block
of YAML or TOML that does not speak of Kubernetes objects or of the agent is none of our business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from istio_observability.lint.agent_text import is_agent_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.places import Passage

_FENCE: Final = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n`]*$", re.MULTILINE)
_OBJECT: Final = re.compile(r"^[ \t-]*(?:apiVersion|kind):[ \t]*\S", re.MULTILINE)
_YAML: Final = frozenset({"yaml", "yml", "json"})
_TOML: Final = frozenset({"toml", "conf", "ini"})
_SHELL: Final = frozenset({"sh", "shell", "bash", "console", "zsh"})
_ROW: Final = re.compile(
    r"^\|[ \t]*`?([a-z_:][a-z0-9_:]*_[a-z0-9_]+)`?[ \t]*\|([^\n]*)", re.MULTILINE
)
_RELEASE: Final = re.compile(r"\b1\.[1-9]\d?\b")


@dataclass(frozen=True)
class Page:
    """One page. ``passage`` is all of it."""

    passage: Passage

    @property
    def subject(self) -> str:
        """Return what findings call it."""
        return "page"

    @cached_property
    def blocks(self) -> list[tuple[str, Passage]]:
        """Return the fenced blocks with their languages in lower case."""
        return list(_blocks(self.passage))

    @property
    def yaml_blocks(self) -> Iterator[Passage]:
        """Yield the blocks of Kubernetes objects."""
        for language, block in self.blocks:
            if (language in _YAML or not language) and _OBJECT.search(block.text):
                yield block

    @property
    def toml_blocks(self) -> Iterator[Passage]:
        """Yield the blocks that the agent would read."""
        for language, block in self.blocks:
            plain = not language and not _OBJECT.search(block.text)
            if (language in _TOML or plain) and is_agent_text(block.text):
                yield block

    @property
    def shell_blocks(self) -> Iterator[Passage]:
        """Yield the blocks of commands."""
        for language, block in self.blocks:
            plain = not language and not _OBJECT.search(block.text)
            if language in _SHELL or (plain and not is_agent_text(block.text)):
                yield block

    @property
    def configures_agent(self) -> bool:
        """Return whether a block holds a configuration of the agent."""
        return any(is_agent_text(block.text) for _, block in self.blocks)

    @cached_property
    def table_names(self) -> list[tuple[str, int]]:
        """Return the metrics in first columns of tables; rows that name a release are left out."""
        rows = _ROW.finditer(self.passage.text)
        return [(row[1], row.start(1)) for row in rows if not _RELEASE.search(row[2])]


def _blocks(passage: Passage) -> Iterator[tuple[str, Passage]]:
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(passage.text):
        if opening is None:
            opening = fence
        elif fence[2].startswith(opening[2]) and not fence[3]:
            start = min(opening.end() + 1, fence.start())
            yield opening[3].lower(), _dedented(passage, start, fence.start(), opening[1])
            opening = None


def _dedented(passage: Passage, start: int, end: int, indent: str) -> Passage:
    """Return a block without the indentation of its fence."""
    if not indent:
        return passage.part(start, end)
    lines, segments, position, here = [], [], start, 0
    for line in passage.text[start:end].split("\n"):
        cut = len(indent) if line.startswith(indent) else 0
        segments.append((here, position + cut))
        lines.append(line[cut:])
        here += len(line) - cut + 1
        position += len(line) + 1
    return passage.derive("\n".join(lines), segments)
