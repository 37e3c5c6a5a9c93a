"""
The bounded strings, lists and maps that the spec is made of.

Everything a user writes has a limit: the API server can only estimate the cost of a rule over
bounded values, and the rendered text lands in annotations (256 KiB per object) and in one
ConfigMap (1 MiB). The control characters are refused everywhere because no agent syntax needs
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

import re2
from pydantic import Field, StringConstraints

from istio_observability.model.durations import (
    DURATION_MAX_LENGTH,
    DURATION_PATTERN,
    parse_duration_s,
)
from istio_observability.model.schema_markers import ListSet, Rule

DNS_LABEL_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
IDENTIFIER_PATTERN: Final = "^[a-zA-Z_][a-zA-Z0-9_]*$"
SOURCE_PATTERN: Final = "^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$"
PRINTABLE_PATTERN: Final = "^[^\\x00-\\x1f\\x7f]*$"

MAX_NAMESPACES: Final = 512
MAX_TAGS: Final = 32
MAX_FAMILIES: Final = 64
MAX_FAMILY_LENGTH: Final = 256

DnsLabel = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL_PATTERN)]
DnsSubdomain = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN_PATTERN)
]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=IDENTIFIER_PATTERN)
]
Source = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=SOURCE_PATTERN)]
Namespaces = Annotated[tuple[DnsLabel, ...], Field(max_length=MAX_NAMESPACES), ListSet()]


def duration_rule(least: str, most: str, example: str) -> Rule:
    """Return the rule that a duration lies between two others, both included."""
    least_s, most_s = parse_duration_s(least), parse_duration_s(most)
    return Rule(
        cel=f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')",
        found=f"is not between {least} and {most}",
        remedy=f"use a duration such as {example}",
        holds=lambda text: least_s <= parse_duration_s(text) <= most_s,
    )


Duration = Annotated[
    str,
    StringConstraints(min_length=2, max_length=DURATION_MAX_LENGTH, pattern=DURATION_PATTERN),
]
# The agent silently clamps to these limits, so a value outside would not do what it says.
# Source: `Init` in GuanceCloud/datakit 1.84.1, internal/plugins/inputs/prom/input.go.
Interval = Annotated[Duration, duration_rule("1s", "5m", "60s")]

# What the agent replaces in its texts: `$WORD` and `${WORD}` by its environment or by facts of
# the pod, `{{...}}` by its key-value store, `ENC[...]` by a secret.
# Source: GuanceCloud/datakit 1.84.1, internal/config/load.go.
_SUBSTITUTED: Final = re.compile(r"[$][A-Za-z0-9_{]|[{][{]|ENC\[", re.ASCII)
_SUBSTITUTED_CEL: Final = "'[$][A-Za-z0-9_{]|[{][{]|ENC[\\\\[]'"
_SUBSTITUTED_FOUND: Final = "has text that the agent would replace"
_SUBSTITUTED_REMEDY: Final = "remove `$NAME`, `{{` and `ENC[`"

_TAG_KEY: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]{0,63}", re.ASCII)
# `le` and `quantile` are what histograms and summaries are made of; the agent sets `instance`.
_RESERVED_TAGS: Final = frozenset({"le", "quantile", "instance"})


def _compiles_as_re2(pattern: str) -> bool:
    # RE2 in C++ knows `\C`, the Go dialect of the agent and of the API server does not.
    if re.search(r"(?<!\\)(?:\\\\)*\\C", pattern):
        return False
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


FamilyPattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_FAMILY_LENGTH, pattern=PRINTABLE_PATTERN),
    Rule(
        # Evaluating an invalid pattern is an error, and an error refuses the object. Not with
        # `|| true`: that is true even if its left side is an error.
        cel="''.matches(self) in [true, false]",
        found="is not a valid RE2 expression",
        remedy="correct it, or quote special characters with a backslash",
        holds=_compiles_as_re2,
    ),
    Rule(
        cel=f"!self.matches({_SUBSTITUTED_CEL})",
        found=_SUBSTITUTED_FOUND,
        remedy=_SUBSTITUTED_REMEDY,
        holds=lambda text: not _SUBSTITUTED.search(text),
    ),
]
Families = Annotated[tuple[FamilyPattern, ...], Field(max_length=MAX_FAMILIES), ListSet()]

TagValue = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=PRINTABLE_PATTERN)
]
Tags = Annotated[
    Mapping[str, TagValue],
    Field(max_length=MAX_TAGS),
    Rule(
        cel="self.all(k, k.matches('^[a-zA-Z_][a-zA-Z0-9_]{0,63}$'))",
        found="has a key that is not an identifier of at most 64 characters",
        remedy="use letters, digits and '_', not starting with a digit",
        holds=lambda tags: all(_TAG_KEY.fullmatch(key) for key in tags),
    ),
    Rule(
        cel="!('le' in self || 'quantile' in self || 'instance' in self)",
        found="has a key that belongs to the metrics (le, quantile, instance)",
        remedy="rename it",
        holds=_RESERVED_TAGS.isdisjoint,
    ),
    Rule(
        cel=f"self.all(k, !self[k].matches({_SUBSTITUTED_CEL}))",
        found=_SUBSTITUTED_FOUND,
        remedy=_SUBSTITUTED_REMEDY,
        holds=lambda tags: not any(_SUBSTITUTED.search(value) for value in tags.values()),
    ),
]
