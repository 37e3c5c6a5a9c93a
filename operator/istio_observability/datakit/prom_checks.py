"""
What must not stand in a scrape because the agent would refuse, drop or misread it.

DataKit reports none of this back: a bad annotation is one warning in a log, a bad expression is
left out, and a ``$`` in a conf file is replaced by the agent's own environment. Messages name
the field and the rule, never the configured value.

Source: GuanceCloud/datakit 1.84.1, internal/config/load.go (environment, ``ENC[]``, templates),
internal/prom/options.go and util.go (expressions and tags).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.patterns import InvalidPattern, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.datakit.prom import PromScrape

MIN_INTERVAL_S: Final = 1
MAX_INTERVAL_S: Final = 300
METRIC_TYPES: Final = frozenset({"counter", "gauge", "histogram", "summary", "untyped", "info"})
"""The types that the agent knows; any other word in ``metric_types`` matches nothing."""

RESERVED_TAGS: Final = frozenset({"le", "quantile", "instance"})
"""Tags that the agent sets itself; a custom one would replace buckets, quantiles or targets."""

PLACEHOLDERS: Final = ("$IP", "$NAMESPACE", "$PODNAME", "$NODENAME")
"""What the agent replaces in an annotation, in this order and as plain text."""

_FAMILY: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff\ufeff]")
_ENVIRONMENT: Final = re.compile(r"\$(?:\w|\{)")
_MANGLED: Final = re.compile(r"\$(?:IP|NAMESPACE|PODNAME|NODENAME)\w")
_HOST: Final = re.compile(r"[A-Za-z0-9.:_\[\]-]+")


class InvalidScrape(ValueError):  # noqa: N818  names the state
    """
    A scrape that the agent would refuse, drop or misread.

    Attributes:
        field: The field of ``PromScrape``.
        problem: What is wrong with it, without the value.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


def fill_placeholders(url: str) -> str:
    """Return the address as it looks for some pod, to see whether it can be parsed."""
    # In brackets the pod's address is one of IPv6.
    filled = url.replace("[$IP]", "[fd00::1]").replace("$IP", "10.0.0.1")
    for placeholder in PLACEHOLDERS:
        filled = filled.replace(placeholder, "a")
    return filled


def check_family(family: str) -> None:
    """
    Refuse a name that no metric family can have.

    Raises:
        InvalidScrape: Not a metric name, or the name of a histogram's bucket samples.
    """
    if not _FAMILY.fullmatch(family):
        raise InvalidScrape("family", "is not a metric name")
    if family.endswith("_bucket"):
        raise InvalidScrape("family", "ends in _bucket; the agent filters on the histogram's name")


def check_scrape(scrape: PromScrape, path: ConfigPath) -> None:
    """
    Refuse a scrape that would not reach the agent as it is meant.

    Raises:
        InvalidScrape: The first problem found, in the order of the fields.
    """
    for field, problem in _problems(scrape, path):
        raise InvalidScrape(field, problem)


def _problems(scrape: PromScrape, path: ConfigPath) -> Iterator[tuple[str, str]]:
    if not scrape.source.strip():
        yield "source", "is empty"
    if not MIN_INTERVAL_S <= scrape.interval_s <= MAX_INTERVAL_S:
        yield "interval_s", f"is not between {MIN_INTERVAL_S} and {MAX_INTERVAL_S} seconds"
    if scrape.election is not None and path is ConfigPath.ANNOTATION:
        yield "election", "has no meaning in an annotation"
    yield from _url_problems(scrape.urls, path)
    yield from _list_problems(scrape)
    yield from _filter_problems(scrape.name_filter)
    yield from _tag_problems(scrape.tags)
    if path is ConfigPath.ANNOTATION and {key for key, _ in scrape.tags} & set(scrape.tags_ignore):
        yield "tags", "holds a key of tags_ignore, which in an annotation deletes custom tags too"
    for field, text in _texts(scrape):
        for problem in _text_problems(text, path):
            yield field, problem


def _url_problems(urls: tuple[str, ...], path: ConfigPath) -> Iterator[tuple[str, str]]:
    if not urls:
        yield "urls", "is empty; the agent would scrape nothing"
    for url in urls:
        filled = fill_placeholders(url) if path is ConfigPath.ANNOTATION else url
        try:
            parts = urlsplit(filled)
            valid = bool(parts.hostname and _HOST.fullmatch(parts.netloc)) and parts.port != 0
        except ValueError:
            valid = False
        # Without a scheme a host name is read as one, and the instance never scrapes.
        if not valid or parts.scheme not in {"http", "https"} or any(c.isspace() for c in url):
            yield "urls", "holds an address that is not http://host or https://host"


def _list_problems(scrape: PromScrape) -> Iterator[tuple[str, str]]:
    if not METRIC_TYPES.issuperset(scrape.metric_types):
        yield "metric_types", "holds a word that is no metric type; it would match nothing"
    if "" in scrape.tags_ignore:
        yield "tags_ignore", "holds an empty label name"
    if "le" in scrape.tags_ignore or "quantile" in scrape.tags_ignore:
        yield "tags_ignore", "holds le or quantile; all buckets would become one series"


def _filter_problems(patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        if not pattern:
            yield "name_filter", "holds an empty expression; it would keep everything"
        try:
            compile_pattern(pattern)
        except InvalidPattern as error:
            yield "name_filter", f"holds an expression that is no RE2 ({error})"
        if any(placeholder in pattern for placeholder in PLACEHOLDERS):
            yield "name_filter", "holds a placeholder"


def _tag_problems(tags: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    keys = [key for key, _ in tags]
    if len(keys) != len(set(keys)):
        yield "tags", "holds a key twice"
    for key, value in tags:
        if not key.strip():
            yield "tags", "holds an empty key"
        if key in RESERVED_TAGS:
            yield "tags", f"holds {key}, which the agent sets itself"
        if "$" in key:
            yield "tags", "holds a key with a $"
        # The agent's point format ends a value at a trailing backslash.
        if key.endswith("\\") or value.endswith("\\"):
            yield "tags", "holds a key or value that ends in a backslash"


def _texts(scrape: PromScrape) -> Iterator[tuple[str, str]]:
    yield "source", scrape.source
    yield "measurement", scrape.measurement
    for field in ("urls", "metric_types", "name_filter", "tags_ignore"):
        for item in getattr(scrape, field):
            yield field, item
    for key, value in scrape.tags:
        yield "tags", key
        yield "tags", value


def _text_problems(text: str, path: ConfigPath) -> Iterator[str]:
    if _CONTROL.search(text):
        yield "holds a control character"
    if path is ConfigPath.ANNOTATION:
        if _MANGLED.search(text):
            yield "continues a placeholder with more letters; the agent replaces only its beginning"
        return
    if _ENVIRONMENT.search(text):
        yield "holds a $ before a word or brace; the agent puts its own environment there"
    if "{{" in text:
        yield "holds {{, which the agent evaluates as a template"
    if "ENC[" in text:
        yield "holds ENC[, which the agent reads as a secret"
