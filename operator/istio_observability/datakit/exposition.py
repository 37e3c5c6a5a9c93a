"""
Reads an exposition as the agent does: batch by batch, and no further than the first bad line.

The agent hands on what it has read whenever a comment follows a line that is none. So a remark
between two samples of a family cuts it in two, and the second part has lost its type; a bad line
loses its own batch and everything behind it, but not what was handed on before. With
``stream_size = 0`` the whole text is one batch. OpenMetrics text is read by the same rules.

One batch is held at a time. Families that the caller does not want are checked, not built.

Source: text_parse.go of prometheus/common as vendored in GuanceCloud/datakit 1.84.1 (it differs
from the public one: batches, repeated TYPE lines, the type ``info``).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.exposition_family import Composite, Family, Scalar
from istio_observability.datakit.exposition_groups import Groups
from istio_observability.datakit.exposition_lines import (
    BLANK,
    COMMENT,
    SAMPLE,
    Labels,
    ParseFailed,
    parse_comment,
    parse_labels,
    parse_time,
    parse_value,
)
from istio_observability.datakit.exposition_runs import Runs
from istio_observability.datakit.go_text import parse_float, to_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Composite", "Family", "ParseFailed", "Scalar", "read_batches", "split_segments"]

WHOLE: Final = 0
"""Batch size that reads everything at once."""

_MARKS: Final = {"summary": "quantile", "histogram": "le"}
_PARTS: Final = ("_bucket", "_sum", "_count")
_INDENTED: Final = re.compile(rb"\n[ \t]+#")
_COMMENT_LINE: Final = re.compile(rb"[ \t]*#[^\n]*\n?")
_PLAIN_COMMENT: Final = re.compile(rb"\n#")
_NEXT_COMMENT: Final = re.compile(rb"\n[ \t]*#")
_RUN_CHARS: Final = 4096


def read_batches(
    source: bytes | Iterable[bytes],
    *,
    batch_size: int = 1,
    wants: Callable[[str, str], bool] | None = None,
    count_only: bool = False,
) -> Iterator[dict[str, Family]]:
    """
    Read an exposition.

    Args:
        source: The body, or pieces of it.
        batch_size: Families that make a batch; ``WHOLE`` or less reads everything at once.
        wants: Whether families of this name and type are to be built. Asked when the type is
            final, so only with a ``batch_size`` of 1; otherwise all are built.
        count_only: Do not build scalar samples, count them in ``Family.finite``, and parts of
            composites in ``Composite.counted`` where that is faster.

    Yields:
        Families with at least one sample, by name.

    Raises:
        ParseFailed: The agent stops here; what was yielded before counts.
    """
    reader = _Reader(wants if batch_size == 1 else None, count_only=count_only and batch_size == 1)
    for segment in split_segments(source):
        if 0 < batch_size <= len(reader.families):
            yield reader.flush()
        reader.read(segment)
    yield reader.flush()


def split_segments(source: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """Cut before every comment that follows a line that is none; a text may have no end."""
    if isinstance(source, bytes):
        yield from _split(source)
        return
    carried = b""
    for piece in source:
        carried += piece
        last = None
        for segment in _split(carried):
            if last is not None:
                yield last
            last = segment
        carried = last or b""
    yield from _split(carried)


def _split(data: bytes) -> Iterator[bytes]:
    # Over a large body an expression takes half as long as looking for two plain bytes.
    comment = _NEXT_COMMENT if _INDENTED.search(data) else _PLAIN_COMMENT
    start, size = 0, len(data)
    while start < size:
        behind = start
        while line := _COMMENT_LINE.match(data, behind):
            behind = line.end()
        found = comment.search(data, behind)
        end = found.start() if found else -1
        end = size if end < 0 or behind >= size else end + 1
        yield data[start:end]
        start = end


class _Reader:
    """The state between two batches."""

    def __init__(self, wants: Callable[[str, str], bool] | None, *, count_only: bool) -> None:
        self.families: dict[str, Family] = {}
        self._wants = wants
        self._last: tuple[Family, Composite] | None = None
        self._count_only = count_only

    def flush(self) -> dict[str, Family]:
        full = {name: family for name, family in self.families.items() if family.samples}
        self.families = {}
        return full

    def read(self, segment: bytes) -> None:
        text = segment.decode("utf-8", "surrogateescape")
        position, size = 0, len(text)
        while position < size and (comment := COMMENT.match(text, position)):
            if not comment[1]:
                raise ParseFailed("the last line has no line break")
            self._read_comment(comment[0])
            position = comment.end()
        runs: Runs | None = None
        groups: Groups | None = None
        while position < size:
            found = SAMPLE.match(text, position)
            if found is None:
                blank = BLANK.match(text, position)
                if blank is None:
                    raise ParseFailed("a line is no sample, or the last has no line break")
                position = blank.end()
                continue
            family, built = self._read_sample(*found.groups())
            position = found.end()
            if size - position < _RUN_CHARS or (built and not self._count_only):
                continue
            if built:
                if groups is None or groups.family is not family:
                    groups = Groups(family)
                groups.learn(found[1], found[2])
                if self._owns_parts(family):
                    position = groups.skip(text, position, self._composite_of)
                continue
            runs = runs if runs is not None and runs.family is family else Runs(family)
            runs.learn(found[1], found[2])
            position = runs.skip(text, position)

    def _read_comment(self, line: str) -> None:
        said = parse_comment(line)
        if said is None:
            return
        family, _ = self._family_of(said[0])
        if said[1]:
            family.type = said[1]
            if family.type == "info" and not family.name.endswith("_info"):
                del self.families[family.name]
                family.name += "_info"
                self.families[family.name] = family

    def _family_of(self, name: str) -> tuple[Family, str]:
        """Return the family that a name belongs to, and the part of it that the name means."""
        family = self.families.get(name)
        if family is not None:
            return family, ""
        for part, kinds in (
            ("_count", ("summary", "histogram")),
            ("_sum", ("summary", "histogram")),
            ("_bucket", ("histogram",)),
        ):
            if name.endswith(part) and len(name) > len(part):
                family = self.families.get(name[: -len(part)])
                if family is not None and family.type in kinds:
                    return family, part
        family = self.families[name] = Family(name)
        return family, ""

    def _owns_parts(self, family: Family) -> bool:
        """Return whether the names of its parts mean this family and no other."""
        return not any(f"{family.name}{part}" in self.families for part in _PARTS)

    def _composite_of(self, family: Family, own: Labels) -> Composite:
        last = self._last
        # The samples of one histogram mostly stand together, their labels in one order.
        if last is not None and last[0] is family and last[1].labels == own:
            composite = last[1]
            if composite.kind == family.type:
                return composite
        key = frozenset((*own, ("__name__", family.type)))
        found = family.composites.get(key)
        if found is None:
            found = family.composites[key] = Composite(family.type, own)
        self._last = (family, found)
        return found

    def _read_sample(
        self, name: str, labels: str | None, value: str, time: str | None
    ) -> tuple[Family, bool]:
        """Take one sample; also return whether samples like it have to be taken one by one."""
        family, part = self._family_of(name)
        family.type = family.type or "untyped"
        if not family.samples and self._wants is not None:
            family.wanted = self._wants(family.name, family.type)
        pairs = parse_labels(labels) if labels else ()
        number = parse_value(value)
        time_ms = parse_time(time) if time else 0
        mark = _MARKS.get(family.type)
        own = _without(pairs, mark) if mark else pairs
        if len(dict(own)) != len(own):
            raise ParseFailed("a label stands twice in one sample")
        # Read even where nothing is built: a bad bound ends the parse.
        bound = _bound(pairs, mark) if mark and len(own) != len(pairs) else None
        family.samples += 1
        if self._count_only:
            family.label_names.update(name for name, _ in pairs)
        if not family.wanted:
            return family, False
        if mark is None:
            if self._count_only:
                family.finite += math.isfinite(number)
                return family, False
            family.scalars.append((family.type, own, number, time_ms))
            return family, True
        composite = self._composite_of(family, own)
        if part == "_count":
            composite.count = to_count(number)
        elif part == "_sum":
            composite.sum = number
        elif bound is not None and not math.isnan(bound):
            composite.parts.append((bound, to_count(number) if mark == "le" else number))
        if time:
            composite.time_ms = time_ms
        return family, True


def _without(pairs: Labels, mark: str) -> Labels:
    if pairs and pairs[-1][0] == mark:
        pairs = pairs[:-1]
    return tuple([pair for pair in pairs if pair[0] != mark]) if mark in dict(pairs) else pairs


def _bound(pairs: Labels, mark: str) -> float:
    bound = 0.0
    for name, value in pairs:
        if name == mark:
            parsed = parse_float(value)
            if parsed is None:
                raise ParseFailed("le or quantile is no number")
            bound = parsed
    return bound
