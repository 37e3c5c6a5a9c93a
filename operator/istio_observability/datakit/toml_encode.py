"""
TOML text as the agent writes an instance back before it decodes it.

Source: BurntSushi/toml v1.2.1 (encode.go), the library inside GuanceCloud/datakit 1.84.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED: Final = {
    "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", '"': '\\"', "\\": "\\\\",
}  # fmt: skip
_TO_ESCAPE: Final = re.compile(r'[\x00-\x1f\x7f"\\]')


def encode_toml(table: Mapping[str, Any]) -> str:
    """Return the text of a table: plain values first, then tables, each sorted by key."""
    lines: list[str] = []
    _encode_table(table, (), lines)
    return "".join(f"{line}\n" for line in lines)


def _encode_table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    nested = sorted(key for key in table if _is_nested(table[key]))
    indent = "  " * (len(path) - 1)
    plain = sorted(table.keys() - set(nested))
    lines += [f"{indent}{_key(key)} = {_value(table[key])}" for key in plain]
    for key in nested:
        here, value = (*path, key), table[key]
        name = ".".join(map(_key, here))
        indent = "  " * (len(here) - 1)
        if isinstance(value, Mapping):
            if len(here) == 1 and lines:
                lines.append("")
            lines.append(f"{indent}[{name}]")
            _encode_table(value, here, lines)
            continue
        for item in value:
            if lines:
                lines.append("")
            lines.append(f"{indent}[[{name}]]")
            _encode_table(item, here, lines)


def _is_nested(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    def escape(found: re.Match[str]) -> str:
        return _ESCAPED.get(found[0], f"\\u{ord(found[0]):04x}")

    return f'"{_TO_ESCAPE.sub(escape, text)}"'


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        nested = sorted(key for key in value if _is_nested(value[key]))
        keys = [*sorted(value.keys() - set(nested)), *nested]
        return "{" + ", ".join(f"{_key(key)} = {_value(value[key])}" for key in keys) + "}"
    if isinstance(value, datetime | date | time):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _number(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "+inf" if value > 0 else "-inf"
    digits = format(Decimal(repr(value)), "f")
    return digits if "." in digits else f"{digits}.0"
