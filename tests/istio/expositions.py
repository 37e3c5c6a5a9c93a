"""
Prometheus text as a list of samples, each with the family name and type of its ``# TYPE`` line.

The parser of the client library renames counters to what OpenMetrics calls them; the agent does
not, and filters on the name as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from istio_observability.datakit.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Sample:
    """One line of an exposition."""

    family: str
    type: str
    name: str
    labels: tuple[tuple[str, str], ...]


def read_exposition(text: str) -> list[Sample]:
    """Parse the text; samples before the first type are untyped."""
    samples = []
    # Block by block, without the type line: two counters can have names that the parser of the
    # client library would make one.
    for block in re.split(r"^(?=# TYPE )", text, flags=re.MULTILINE):
        typed = re.match(r"# TYPE (\S+) (\S+)\n", block)
        for metric in text_string_to_metric_families(block[typed.end() :] if typed else block):
            family, kind = typed.groups() if typed else (metric.name, "untyped")
            samples += [
                Sample(family, kind, sample.name, tuple(sorted(sample.labels.items())))
                for sample in metric.samples
            ]
    return samples


def kept(
    samples: Iterable[Sample], metric_types: Iterable[str], patterns: Iterable[str]
) -> list[Sample]:
    """Return what the agent keeps: type first, then a search in the family name."""
    types, compiled = set(metric_types), [compile_pattern(pattern) for pattern in patterns]
    return [
        sample
        for sample in samples
        if sample.type in types and any(pattern.search(sample.family) for pattern in compiled)
    ]


def merged(samples: Iterable[Sample], tags_ignore: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the series that are no longer distinct once the labels are gone."""
    ignored = set(tags_ignore)
    seen: set[tuple[Any, ...]] = set()
    collisions = []
    for sample in samples:
        labels = tuple(pair for pair in sample.labels if pair[0] not in ignored)
        if (sample.name, labels) in seen:
            collisions.append((sample.name, *map(str, labels)))
        seen.add((sample.name, labels))
    return collisions
