"""
Says what is wrong with a resource in our words: path, what was found, what to do.

The library's own errors repeat the value that they refuse. A value may be a token somebody put
into a tag, and the sentence lands in a status and in events, so none is ever repeated here; only
limits, allowed values and names of fields are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from istio_observability.model import durations, field_types, label_selector, rollout_spec
from istio_observability.model.conditions import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic_core import ErrorDetails

MAX_ERRORS: Final = 20
_MAX_PATH: Final = 200
_MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class FieldError:
    """
    One field that cannot stay as it is.

    Attributes:
        field_path: Such as ``spec.workloads.overrides[0].interval``.
        found: A clause that completes the path; never contains the value.
        remedy: What to do, an imperative clause.
    """

    field_path: str
    found: str
    remedy: str


PATTERN_WORDS: Final[dict[str, tuple[str, str]]] = {
    field_types.DNS_LABEL_PATTERN: (
        "is not a DNS label",
        "use lower-case letters, digits and '-' between them",
    ),
    field_types.DNS_SUBDOMAIN_PATTERN: (
        "is not a DNS name",
        "use lower-case letters, digits, and '-' and '.' between them",
    ),
    field_types.IDENTIFIER_PATTERN: (
        "is not an identifier",
        "use letters, digits and '_', not starting with a digit",
    ),
    field_types.SOURCE_PATTERN: (
        "has characters that a source cannot have",
        "use letters, digits, '_', '.' and '-', with a letter or digit at both ends",
    ),
    field_types.PRINTABLE_PATTERN: ("has control characters", "remove them"),
    durations.DURATION_PATTERN: ("is not a duration", "use a form such as 90s, 10m or 1h30m"),
    label_selector.LABEL_KEY_PATTERN: (
        "is not a label key",
        "use a label key such as app.kubernetes.io/name",
    ),
    label_selector.LABEL_VALUE_PATTERN: (
        "is not a label value",
        "use letters, digits, '_', '.' and '-', with a letter or digit at both ends",
    ),
    rollout_spec.TIME_ZONE_PATTERN: (
        "is not a known time zone",
        "use a name of the IANA data base such as Europe/Berlin",
    ),
    rollout_spec.REVISION_PATTERN: (
        "is not a revision",
        "use what status.revision or `render --revision` prints",
    ),
}
"""What each pattern of the spec means, for people: found and remedy."""

_OBJECT: Final = ("is not an object", "use a map of fields")
_LIST: Final = ("is not a list", "use a list")
_NUMBER: Final = ("is not a whole number", "use a number, without quotes")

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("is missing", "set it"),
    "extra_forbidden": ("is not a field of this resource", "remove it or correct its spelling"),
    "string_type": ("is not a string", "use a string, in quotes if it looks like a number"),
    "string_unicode": ("is not valid text", "correct its encoding"),
    "int_type": _NUMBER,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "mapping_type": _OBJECT,
    "dict_type": _OBJECT,
    "tuple_type": _LIST,
    "list_type": _LIST,
}

_WORDS_WITH_LIMIT: Final[dict[str, Callable[[Mapping[str, Any]], tuple[str, str]]]] = {
    "enum": lambda limit: ("has an unknown value", f"use {limit['expected']}"),
    "string_too_long": lambda limit: (
        f"is longer than {limit['max_length']} characters",
        "shorten it",
    ),
    "string_too_short": lambda limit: (
        f"has fewer than {limit['min_length']} characters",
        "set a value or leave the field out",
    ),
    "too_long": lambda limit: (
        f"has more than {limit['max_length']} entries",
        "remove some",
    ),
    "too_short": lambda limit: (
        f"has fewer than {limit['min_length']} entries",
        "add one or leave the field out",
    ),
    "greater_than_equal": lambda limit: (f"is below {limit['ge']}", "use a larger number"),
    "less_than_equal": lambda limit: (f"is above {limit['le']}", "use a smaller number"),
    "string_pattern_mismatch": lambda limit: PATTERN_WORDS.get(
        limit["pattern"], ("has another form than allowed", f"match {limit['pattern']}")
    ),
    "rule": lambda limit: (limit["found"], limit["remedy"]),
}


def describe_errors(root: str, details: Iterable[ErrorDetails]) -> tuple[FieldError, ...]:
    """
    Return one entry per error, without repetitions, in the order of the model.

    Args:
        root: Path of the validated object, such as ``spec``.
        details: The library's errors; their ``input`` and ``msg`` are not used.
    """
    found = list(details)
    # A refused entry is also missing from the list's length, which is not what the user did.
    lists_with_errors = {detail["loc"][:-1] for detail in found}
    errors = dict.fromkeys(
        _describe(root, detail)
        for detail in found
        if detail["type"] != "too_short" or detail["loc"] not in lists_with_errors
    )
    return tuple(errors)[:MAX_ERRORS]


def _describe(root: str, detail: ErrorDetails) -> FieldError:
    kind, context = detail["type"], detail.get("ctx", {})
    path = field_path(root, detail["loc"])
    if kind in _WORDS_WITH_LIMIT:
        found, remedy = _WORDS_WITH_LIMIT[kind](context)
    else:
        fallback = ("is not valid", f"see `kubectl explain` for {path}")
        found, remedy = _WORDS.get(kind, fallback)
    return FieldError(path + str(context.get("field_path", "")), found, remedy)


def field_path(root: str, steps: Iterable[int | str]) -> str:
    """Return the path as Kubernetes writes it, printable and of bounded length."""
    path = root
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{printable_name(step)}"
    return clip(path, _MAX_PATH)


def printable_name(name: str) -> str:
    """Return ``name`` fit for a message: ASCII, no control characters, bounded."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in name[:_MAX_NAME])
    return plain if len(name) <= _MAX_NAME else plain + "..."
