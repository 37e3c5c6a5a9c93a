"""
YAML as a tree whose every value knows its place.

Built from events and without recursion, because depth and aliases are anybody's choice: what
nests too deeply or expands too far is refused with a sentence like any other broken text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.places import Passage, Place

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH: Final = 100
_MAX_SIZE: Final = 2_000_000
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
# Line ends to YAML, but to no editor.
_OTHER_BREAKS: Final = re.compile(r"[\x85\u2028\u2029]|\r(?!\n)")
_ESCAPE: Final = re.compile(r"\\(?:x.{2}|u.{4}|U.{8}|.)|[^\\]", re.DOTALL)


class BrokenYaml(ValueError):  # noqa: N818  names the state
    """No YAML. ``problem`` never repeats the text; ``position`` is where it was noticed."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position


class Node:
    """
    One value.

    Attributes:
        start: Position in ``passage``; of a block text that of its ``|``.
        value: Text of a scalar, ``""`` of anything else.
        style: ``|``, ``>``, ``'``, ``"`` or ``""``.
        pairs: Key and value of a mapping, ``None`` if it is none.
        items: Entries of a list, ``None`` if it is none.
        size: How many values it expands to.
    """

    __slots__ = ("end", "items", "pairs", "passage", "size", "start", "style", "value")

    def __init__(self, passage: Passage, start: int, end: int) -> None:
        self.passage = passage
        self.start = start
        self.end = end
        self.value = ""
        self.style = ""
        self.pairs: list[tuple[Node, Node]] | None = None
        self.items: list[Node] | None = None
        self.size = 1

    @property
    def place(self) -> Place:
        """Return where it stands."""
        return self.passage.place(self.start)

    @property
    def is_null(self) -> bool:
        """Return whether it is null."""
        return self._is_scalar and not self.style and self.value in _NULL

    @property
    def text(self) -> str:
        """Return the text of a scalar, ``""`` of anything else and of null."""
        return "" if self.is_null else self.value

    @property
    def _is_scalar(self) -> bool:
        return self.pairs is None and self.items is None

    def get(self, *path: str) -> Node | None:
        """Return the value under the keys, ``None`` if one is absent or null."""
        node: Node | None = self
        for key in path:
            pairs = node.pairs if node is not None else None
            node = next((value for name, value in pairs or () if name.value == key), None)
        return None if node is None or node.is_null else node

    def text_of(self, *path: str) -> str:
        """Return the text under the keys, ``""`` if there is none."""
        node = self.get(*path)
        return node.text if node is not None else ""

    def entries(self, *path: str) -> list[Node]:
        """Return the entries of the list under the keys."""
        node = self.get(*path)
        return (node.items or []) if node is not None else []

    def keys(self, *path: str) -> list[tuple[Node, Node]]:
        """Return the pairs of the mapping under the keys."""
        node = self.get(*path)
        return (node.pairs or []) if node is not None else []

    def texts(self, *path: str) -> dict[str, str]:
        """Return the pairs of the mapping under the keys as texts."""
        return {key.text: value.text for key, value in self.keys(*path)}

    def inner(self) -> Passage:
        """Return the text of a scalar with the way back to the file."""
        raw = self.passage.text[self.start : self.end]
        if self.style == "|":
            found = _block(self, raw)
        elif self.style == '"':
            found = _quoted(self, raw)
        elif raw.strip("'") == self.value:
            found = [(0, self.start + (raw[:1] == "'"))]
        else:
            found = None
        segments = found if found is not None else [(0, self.start)]
        editable = self.style == "|" and found is not None
        return self.passage.derive(self.value, segments, editable=editable)


def _block(node: Node, raw: str) -> list[tuple[int, int]] | None:
    """Return where each line of a literal block came from."""
    if _OTHER_BREAKS.search(raw):
        return None
    written = raw.split("\n")[1:]
    starts = node.start + len(raw.split("\n", 1)[0]) + 1
    position, segments = 0, []
    for index, line in enumerate(node.value.split("\n")):
        if index >= len(written):
            break
        source = written[index].removesuffix("\r")
        if not source.endswith(line):
            return None
        segments.append((position, starts + len(source) - len(line)))
        position += len(line) + 1
        starts += len(written[index]) + 1
    return segments or None


def _quoted(node: Node, raw: str) -> list[tuple[int, int]] | None:
    """Return where each character of a one-line text in double quotes came from."""
    if "\n" in raw:
        return None
    segments, position, offset = [(0, node.start + 1)], 0, 1
    for unit in _ESCAPE.findall(raw[1:-1]):
        position, offset = position + 1, offset + len(unit)
        if len(unit) > 1:
            segments.append((position, node.start + offset))
    return segments if position == len(node.value) else None


def read_documents(passage: Passage) -> Iterator[Node]:
    """
    Yield the root of every document in the text; empty documents are left out.

    Raises:
        BrokenYaml: It is no YAML, or nests or expands too far.
    """
    try:
        yield from _Builder(passage).roots()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = mark.index if mark is not None else 0
        raise BrokenYaml(error.problem or "it cannot be parsed", position) from error
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        raise BrokenYaml("it holds a control character", position) from error
    except (yaml.YAMLError, ValueError, UnicodeError) as error:
        if isinstance(error, BrokenYaml):
            raise
        raise BrokenYaml("it cannot be parsed", 0) from error


class _Builder:
    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self.anchors: dict[str, Node] = {}
        self.stack: list[tuple[Node, list[Node]]] = []

    def roots(self) -> Iterator[Node]:
        for event in yaml.parse(self.passage.text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                continue
            root = self._take(event)
            if root is not None and not root.is_null:
                yield root

    def _take(self, event: Any) -> Node | None:  # noqa: ANN401  the library's events
        """Return the node of a document that ends with this event."""
        start: int = event.start_mark.index
        if isinstance(event, yaml.ScalarEvent):
            node = self._node(event)
            node.value, node.style = event.value, event.style or ""
        elif isinstance(event, yaml.AliasEvent):
            known = self.anchors.get(event.anchor or "")
            if known is None:
                raise BrokenYaml("an alias has no anchor", start)
            node = known
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.stack.append((self._node(event), []))
            if len(self.stack) > _MAX_DEPTH:
                raise BrokenYaml("it nests too deeply", start)
            return None
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node, children = self.stack.pop()
            self._fill(node, children, isinstance(event, yaml.MappingEndEvent))
            node.end = end.index if (end := event.end_mark) is not None else node.start
        else:
            return None
        if not self.stack:
            return node
        self.stack[-1][1].append(node)
        return None

    def _node(self, event: Any) -> Node:  # noqa: ANN401
        node = Node(self.passage, event.start_mark.index, event.end_mark.index)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _fill(self, node: Node, children: list[Node], is_mapping: bool) -> None:
        if is_mapping:
            node.pairs = list(zip(children[::2], children[1::2], strict=True))
        else:
            node.items = children
        node.size = 1 + sum(child.size for child in children)
        # Aliases of aliases: a few lines can stand for more values than fit into memory.
        if node.size > _MAX_SIZE:
            raise BrokenYaml("its aliases expand too far", node.start)
