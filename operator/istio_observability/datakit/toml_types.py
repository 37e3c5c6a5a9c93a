"""
Which TOML value fits which setting of the agent.

The agent decodes into Go structures: names are compared without regard to case, unknown ones are
ignored, a number where a text is wanted is an error. Tables of free names are the exception: given
as anything but a table they load silently as empty.

Source: BurntSushi/toml v1.2.1 (decode.go), the library inside GuanceCloud/datakit 1.84.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final

from istio_observability.datakit.durations import parse_duration_ns


class KeyType(Enum):
    """The Go type behind a key, as far as TOML can miss it."""

    TEXT = auto()
    TEXTS = auto()
    FLAG = auto()
    COUNT = auto()
    NUMBER = auto()
    DURATION = auto()
    TEXT_MAP = auto()
    TEXTS_MAP = auto()


Schema = Mapping[str, "KeyType | Schema | tuple[Schema]"]
"""Keys with their types; a nested schema is a table, one in a tuple a list of tables."""


class WrongType(ValueError):  # noqa: N818  names the state
    """A value that the agent cannot decode; the text names the key, not the value."""


def fold(key: str) -> str:
    """Return the key in the case that the agent compares keys in."""
    return key.replace("\u017f", "s").lower()


def decode_struct(raw: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """
    Return the known keys of one table, spelled as in ``schema``; durations in nanoseconds.

    Raises:
        WrongType: A value of the wrong type, or one key in two spellings.
    """
    names = {fold(name): name for name in schema}
    found: dict[str, Any] = {}
    for spelled, value in raw.items():
        name = names.get(fold(spelled))
        if name is None:
            continue
        if name in found:
            raise WrongType(f"{name} stands twice")
        found[name] = _decode(name, schema[name], value)
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_FITS: Final[Mapping[KeyType, Callable[[Any], bool]]] = MappingProxyType(
    {
        KeyType.TEXT: _is_text,
        KeyType.FLAG: lambda value: isinstance(value, bool),
        KeyType.COUNT: _is_count,
        KeyType.NUMBER: lambda value: isinstance(value, float) or _is_count(value),
        KeyType.TEXTS: _is_texts,
    }
)


def _decode(name: str, kind: KeyType | Schema | tuple[Schema], value: Any) -> Any:  # noqa: ANN401
    if isinstance(kind, tuple):
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise WrongType(f"{name} is no list of tables")
        return [decode_struct(item, kind[0]) for item in value]
    if isinstance(kind, Mapping):
        if not isinstance(value, Mapping):
            raise WrongType(f"{name} is no table")
        return decode_struct(value, kind)
    if kind is KeyType.TEXT_MAP or kind is KeyType.TEXTS_MAP:
        return _decode_map(name, kind, value)
    if kind is KeyType.DURATION:
        return _decode_duration(name, value)
    if not _FITS[kind](value):
        raise WrongType(f"{name} has the wrong type")
    return value


def _decode_map(name: str, kind: KeyType, value: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, Mapping):
        return {}
    fits = _is_text if kind is KeyType.TEXT_MAP else _is_texts
    if not all(map(fits, value.values())):
        raise WrongType(f"{name} holds a value of the wrong type")
    return dict(value)


def _decode_duration(name: str, value: Any) -> int:  # noqa: ANN401  TOML values
    if _is_count(value):
        return int(value)
    if not isinstance(value, str):
        raise WrongType(f"{name} has the wrong type")
    try:
        return parse_duration_ns(value)
    except ValueError as error:
        raise WrongType(f"{name} is {error}") from error
