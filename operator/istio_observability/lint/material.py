"""
Takes a file apart: documents, objects, the agent's texts in them, pages.

The name says what a file is; a stream without a telling name is taken for what it looks like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from istio_observability.lint.agent_text import AgentText, guess_path, is_agent_text
from istio_observability.lint.manifests import Manifest, manifests_in
from istio_observability.lint.pages import Page
from istio_observability.lint.places import Passage, SourceFile, whole
from istio_observability.lint.yaml_repairs import YamlText, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

YAML_SUFFIXES: Final = (".yaml", ".yml", ".json")
TOML_SUFFIXES: Final = (".toml", ".conf")
PAGE_SUFFIXES: Final = (".md", ".markdown", ".txt")
SUFFIXES: Final = (*YAML_SUFFIXES, *TOML_SUFFIXES, *PAGE_SUFFIXES)

_FENCED: Final = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_BLANK_OR_COMMENT: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


@dataclass
class Material:
    """What rules look at, in the order of files."""

    yaml_texts: list[YamlText] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    texts: list[AgentText] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def add(self, file: SourceFile) -> None:
        """Take one file apart; never raises."""
        passage = whole(file)
        form = _form(file)
        if form == "page":
            page = Page(passage)
            self.pages.append(page)
            for block in page.yaml_blocks:
                self._add_yaml(block)
            for block in page.toml_blocks:
                self._add_toml(block)
        elif form == "toml":
            if is_agent_text(file.text):
                self._add_toml(passage)
        else:
            self._add_yaml(passage)

    def _add_toml(self, passage: Passage) -> None:
        path = guess_path(passage.text)
        first = _BLANK_OR_COMMENT.match(passage.text)
        place = passage.place(first.end() if first is not None else 0)
        self.texts.append(AgentText(passage, path, "TOML", f"TOML {place}"))

    def _add_yaml(self, passage: Passage) -> None:
        for text in read_yaml(_without_mark(passage)):
            self.yaml_texts.append(text)
            for root in text.roots:
                for manifest in manifests_in(root):
                    self.manifests.append(manifest)
                    self.texts += manifest.agent_texts()


def take_apart(files: Iterable[SourceFile]) -> Material:
    """Return everything in the files."""
    material = Material()
    for file in files:
        material.add(file)
    return material


def _form(file: SourceFile) -> str:
    name = file.name.lower()
    if name.endswith(PAGE_SUFFIXES):
        return "page"
    if name.endswith(TOML_SUFFIXES):
        return "toml"
    if name.endswith(YAML_SUFFIXES):
        return "yaml"
    start = _BLANK_OR_COMMENT.match(file.text)
    if start is not None and file.text.startswith("[[", start.end()) and is_agent_text(file.text):
        return "toml"
    return "page" if _FENCED.search(file.text) else "yaml"


def _without_mark(passage: Passage) -> Passage:
    """Leave a byte order mark out; positions in YAML do not count it."""
    if passage.text.startswith("\ufeff"):
        return passage.part(1, len(passage.text))
    return passage
