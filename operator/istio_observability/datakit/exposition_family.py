"""
A family of an exposition as the agent believes it to be, with the samples that were read of it.

Built by ``exposition``, line by line or in bulk.
"""

from __future__ import annotations

from istio_observability.datakit.exposition_lines import Labels


class Composite:
    """One summary or histogram: samples that differ in ``quantile`` or ``le`` only."""

    __slots__ = ("count", "counted", "kind", "labels", "parts", "sum", "time_ms")

    def __init__(self, kind: str, labels: Labels) -> None:
        self.kind = kind
        self.labels = labels
        self.time_ms = 0
        self.count = 0.0
        self.sum = 0.0
        # Parts that were passed over together.
        self.counted = 0
        self.parts: list[tuple[float, float]] = []


Scalar = tuple[str, Labels, float, int]
"""Type at the time it was read, labels, value, timestamp in milliseconds (0: none)."""


class Family:
    """
    A family as the agent believes it to be.

    Attributes:
        name: Name of its TYPE line, or of its samples where there is none.
        type: In lower case; ``""`` before the first sample of a family without TYPE line.
        samples: Lines read, wanted or not.
        label_names: Names of all labels, where samples are only counted.
        finite: Of them, lines with a plain number that were counted but not built.
        wanted: Whether the caller wants it; known once the first sample is read.
    """

    __slots__ = (
        "composites",
        "finite",
        "label_names",
        "name",
        "samples",
        "scalars",
        "type",
        "wanted",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.type = ""
        self.samples = 0
        self.label_names: set[str] = set()
        self.finite = 0
        self.wanted = True
        self.scalars: list[Scalar] = []
        self.composites: dict[frozenset[tuple[str, str]], Composite] = {}
