"""
What the agent changes in a point that it cannot hand on as it is.

Values too long are cut, a line break becomes a blank, backslashes at the end are removed, infinite
values become large finite ones, and a text field of a metric is dropped.

Source: GuanceCloud/cliutils/point/check.go and option.go as vendored in GuanceCloud/datakit 1.84.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.points import Point, Value

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_MAX_KEY_BYTES: Final = 256
_MAX_VALUE_BYTES: Final = 1024
_MAX_NAME_BYTES: Final = 1024
_MAX_TAGS: Final = 256
_MAX_UINT: Final = 1.8446744073709552e19
_MIN_INT: Final = -9.223372036854776e18
_NOT_IN_LOG_LINES: Final = frozenset({"source", "date"})


def check_point(point: Point, *, log_line: bool) -> Point:
    """
    Return the point as it is handed on.

    Args:
        point: Its tags and fields have different keys.
        log_line: Whether the rules of log lines count: no dot in a key, text fields allowed.
    """
    tags, fields = point.tags, point.fields
    if log_line or any(map(_has_to_change_tag, tags, tags.values())):
        tags = _check_tags(tags, fields, log_line=log_line)
    if log_line or any(map(_has_to_change_field, fields, fields.values())):
        fields = _check_fields(fields, tags, log_line=log_line)
    name = point.measurement
    if len(name) > _MAX_NAME_BYTES // 4:
        name = _cut(name, _MAX_NAME_BYTES)
    if len(tags) > _MAX_TAGS:
        tags = dict(list(tags.items())[:_MAX_TAGS])
    return Point(name, tags, fields, point.time_ms)


def _has_to_change_tag(key: str, value: str) -> bool:
    return (
        "\n" in value
        or value.endswith("\\")
        or len(value) > _MAX_VALUE_BYTES // 4
        or _has_to_change_key(key)
    )


def _has_to_change_field(key: str, value: Value) -> bool:
    return isinstance(value, str) or math.isinf(value) or _has_to_change_key(key)


def _has_to_change_key(key: str) -> bool:
    return not key or "\n" in key or key.endswith("\\") or len(key) > _MAX_KEY_BYTES // 4


def _check_tags(
    tags: Mapping[str, str], fields: Mapping[str, Value], *, log_line: bool
) -> dict[str, str]:
    taken = {*tags, *fields}
    checked = {}
    for key, value in tags.items():
        name = _checked_key(key, taken, log_line=log_line)
        if name is not None:
            checked[name] = _cut(_adjust(value), _MAX_VALUE_BYTES)
    return checked


def _check_fields(
    fields: Mapping[str, Value], tags: Mapping[str, str], *, log_line: bool
) -> dict[str, Value]:
    taken = {*tags, *fields}
    checked: dict[str, Value] = {}
    for key, value in fields.items():
        name = _checked_key(key, taken, log_line=log_line)
        if name is None or (isinstance(value, str) and not log_line):
            continue
        if isinstance(value, float) and math.isinf(value):
            value = _MAX_UINT if value > 0 else _MIN_INT  # noqa: PLW2901  the point's own value
        checked[name] = value
    if log_line and "status" not in tags:
        checked.setdefault("status", "info")
    return checked


def _checked_key(key: str, taken: Container[str], *, log_line: bool) -> str | None:
    name = _cut(key, _MAX_KEY_BYTES)
    name = _adjust(name)
    if log_line:
        name = name.replace(".", "_")
    if not name or (name != key and name in taken) or (log_line and name in _NOT_IN_LOG_LINES):
        return None
    return name


def _adjust(text: str) -> str:
    return text.rstrip("\\").replace("\n", " ")


def _cut(text: str, most: int) -> str:
    encoded = text.encode("utf-8", "surrogatepass")
    return text if len(encoded) <= most else encoded[:most].decode("utf-8", "replace")
