"""
Text of one ``[[inputs.prom]]`` table: what the agent scrapes and what it keeps of it.

The text lands in pod templates and in files whose change restarts the agents, so equal scrapes
give equal bytes: lists are sorted, no time and no version appear. What the agent would drop
silently or misread is refused before it is written.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/prom/input.go (conf files) and
internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go (annotations).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import tomlkit
import tomlkit.items

from istio_observability.datakit.durations import render_seconds
from istio_observability.datakit.prom_checks import InvalidScrape, check_family, check_scrape

if TYPE_CHECKING:
    from istio_observability.datakit.layout import ConfigPath

__all__ = ["InvalidScrape", "PromScrape", "anchor", "render_prom", "render_whole"]

_LITERAL_SAFE: Final = re.compile(r"[^'\x00-\x1f\x7f]*")
# Nothing in it is quoted, and no check objects to it.
_PLAIN_SOURCE: Final = re.compile(r"[a-zA-Z0-9._-]+")
_SOURCE_LINE: Final = 'source = "{}"\n'
_SOMETHING: Final = "-"


@dataclass(frozen=True, slots=True)
class PromScrape:
    """
    One scrape job.

    Attributes:
        source: Name of the job in the agent's logs and of its ``job`` tag.
        urls: Where to scrape; order is kept, for an annotation stops at its first failing URL.
        interval_s: Seconds between two scrapes, 1 to 300.
        measurement: Name all points get; ``""`` leaves the agent's split at the first ``_``.
        metric_types: Types to keep; none means all.
        name_filter: RE2, searched in the family name; none means all.
        tags_ignore: Labels that are deleted. The agent does not add up what then looks the same.
        tags: Custom tags as pairs, sorted by key.
        election: Whether one agent of the cluster scrapes. ``None`` says nothing about it, and
            is the only choice in an annotation.
    """

    source: str
    urls: tuple[str, ...]
    interval_s: int
    measurement: str
    metric_types: tuple[str, ...] = ()
    name_filter: tuple[str, ...] = ()
    tags_ignore: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    election: bool | None = None


def anchor(family: str) -> str:
    """
    Return the expression that keeps exactly this family.

    The agent searches, so a bare name also keeps every longer one.

    Args:
        family: Name in the ``# TYPE`` line, without ``_bucket``; the agent filters on that name.

    Raises:
        InvalidScrape: No family can have this name.
    """
    check_family(family)
    return f"^{family}$"


def render_prom(scrape: PromScrape, path: ConfigPath) -> str:
    """
    Render the annotation ``datakit/prom.instances`` or one conf file.

    Returns:
        TOML with one ``[[inputs.prom]]`` table; equal scrapes give equal bytes, whatever the
        order of their lists and tags.

    Raises:
        InvalidScrape: The agent would refuse, drop or misread something; see ``prom_checks``.
    """
    if _PLAIN_SOURCE.fullmatch(scrape.source) is None:
        return render_whole(scrape, path)
    # Thousands of workloads differ in their source only, and building a document is dear.
    before, after = _render_around(replace(scrape, source=_SOMETHING), path)
    return f"{before}{_SOURCE_LINE.format(scrape.source)}{after}"


@lru_cache(maxsize=256)
def _render_around(scrape: PromScrape, path: ConfigPath) -> tuple[str, str]:
    # The source is the first key of the only table, so its line is the first of that text.
    before, _, after = render_whole(scrape, path).partition(_SOURCE_LINE.format(scrape.source))
    return before, after


def render_whole(scrape: PromScrape, path: ConfigPath) -> str:
    """
    Render as ``render_prom`` does, without using anything that was rendered before.

    Raises:
        InvalidScrape: As ``render_prom``.
    """
    check_scrape(scrape, path)
    table = tomlkit.table()
    table.add("source", scrape.source)
    table.add("urls", _inline(scrape.urls))
    # With its unit: the agent decodes a bare 60 as 60 nanoseconds.
    table.add("interval", render_seconds(scrape.interval_s))
    if scrape.measurement:
        table.add("measurement_name", scrape.measurement)
    if scrape.election is not None:
        table.add("election", scrape.election)
    if scrape.metric_types:
        table.add("metric_types", _inline(sorted(set(scrape.metric_types))))
    if scrape.name_filter:
        table.add("metric_name_filter", _expressions(sorted(set(scrape.name_filter))))
    if scrape.tags_ignore:
        table.add("tags_ignore", _inline(sorted(set(scrape.tags_ignore))))
    if scrape.tags:
        # Last: a key written after a sub-table belongs to the sub-table.
        tags = tomlkit.table()
        for key, value in sorted(scrape.tags):
            tags.add(tomlkit.key([key]), value)
        table.add("tags", tags)
    instances = tomlkit.aot()
    instances.append(table)
    inputs = tomlkit.table(is_super_table=True)
    inputs.add("prom", instances)
    document = tomlkit.document()
    document.add("inputs", inputs)
    return tomlkit.dumps(document)


def _inline(items: tuple[str, ...] | list[str]) -> tomlkit.items.Array:
    array = tomlkit.array()
    array.extend(items)
    return array


def _expressions(patterns: list[str]) -> tomlkit.items.Array:
    array = tomlkit.array()
    for pattern in patterns:
        # A literal string, as people would write it: "\w" in a basic string is an error in TOML.
        literal = _LITERAL_SAFE.fullmatch(pattern) is not None
        array.add_line(tomlkit.string(pattern, literal=literal), indent="  ")
    array.add_line(indent="")
    return array
