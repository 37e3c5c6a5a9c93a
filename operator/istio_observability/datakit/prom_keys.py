"""
The keys of ``[[inputs.prom]]`` that the agent knows, with the type it demands for each.

A wrong type drops the instance (a conf file) or everything (an annotation), except for the
tables in ``LENIENT``, which then load silently as empty. Unknown keys are ignored.

Source: GuanceCloud/datakit 1.84.1, the structs of internal/plugins/inputs/prom/input.go and
internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go.
"""

from __future__ import annotations

from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.durations import parse_duration_ns
from istio_observability.datakit.layout import ConfigPath

if TYPE_CHECKING:
    from collections.abc import Mapping


class KeyType(Enum):
    """The Go type behind a key, as far as TOML can miss it."""

    TEXT = auto()
    TEXTS = auto()
    FLAG = auto()
    COUNT = auto()
    DURATION = auto()
    TABLE = auto()
    TABLES = auto()


_BOTH: Final[dict[str, KeyType]] = {
    "url": KeyType.TEXT,
    "urls": KeyType.TEXTS,
    "source": KeyType.TEXT,
    "interval": KeyType.DURATION,
    "timeout": KeyType.DURATION,
    "metric_types": KeyType.TEXTS,
    "metric_name_filter": KeyType.TEXTS,
    "metric_name_filter_ignore": KeyType.TEXTS,
    "measurement_name": KeyType.TEXT,
    "measurement_prefix": KeyType.TEXT,
    "measurements": KeyType.TABLES,
    "tags_ignore": KeyType.TEXTS,
    "tags_rename": KeyType.TABLE,
    "ignore_tag_kv_match": KeyType.TABLE,
    "tags": KeyType.TABLE,
    "disable_info_tag": KeyType.FLAG,
    "ignore_req_err": KeyType.FLAG,
    "as_logging": KeyType.TABLE,
    "http_headers": KeyType.TABLE,
    "auth": KeyType.TABLE,
    "insecure_skip_verify": KeyType.FLAG,
    "uds_path": KeyType.TEXT,
    "tls_open": KeyType.FLAG,
    "tls_ca": KeyType.TEXT,
    "tls_cert": KeyType.TEXT,
    "tls_key": KeyType.TEXT,
}
KEYS: Final[Mapping[ConfigPath, Mapping[str, KeyType]]] = MappingProxyType(
    {
        ConfigPath.ANNOTATION: {**_BOTH, "bearer_token_file": KeyType.TEXT},
        ConfigPath.CONF: {
            **_BOTH,
            "election": KeyType.FLAG,
            "stream_size": KeyType.COUNT,
            "keep_exist_metric_name": KeyType.FLAG,
            "honor_timestamps": KeyType.FLAG,
            "disable_instance_tag": KeyType.FLAG,
            "ca_certs": KeyType.TEXTS,
            "cert": KeyType.TEXT,
            "cert_key": KeyType.TEXT,
            "ca_certs_base64": KeyType.TEXTS,
            "cert_base64": KeyType.TEXT,
            "cert_key_base64": KeyType.TEXT,
            "server_name": KeyType.TEXT,
            "output": KeyType.TEXT,
            "max_file_size": KeyType.COUNT,
        },
    }
)

LENIENT: Final = frozenset({"tags", "http_headers", "auth", "ignore_tag_kv_match"})
TRUE_BY_DEFAULT: Final = frozenset({"election", "honor_timestamps"})


class WrongType(ValueError):  # noqa: N818  names the state
    """A value that the agent cannot decode; the text names the key, not the value."""


def decode_keys(raw: Mapping[str, Any], path: ConfigPath) -> dict[str, Any]:
    """
    Return the known keys of one instance with their values; durations in nanoseconds.

    Key names are compared without regard to case, as the agent does.

    Raises:
        WrongType: A value of the wrong type, or one key in two spellings.
    """
    known = KEYS[path]
    found: dict[str, Any] = {}
    for spelled, value in raw.items():
        name = spelled.lower()
        if name not in known:
            continue
        if name in found:
            raise WrongType(f"{name} stands twice")
        found[name] = _decode(name, known[name], value)
    return found


def _decode(name: str, kind: KeyType, value: Any) -> Any:  # noqa: ANN401  TOML values
    if kind is KeyType.TABLE:
        return _decode_table(name, value)
    if kind is KeyType.DURATION:
        return _decode_duration(name, value)
    valid = {
        KeyType.TEXT: isinstance(value, str),
        KeyType.FLAG: isinstance(value, bool),
        KeyType.COUNT: isinstance(value, int) and not isinstance(value, bool),
        KeyType.TEXTS: isinstance(value, list) and all(isinstance(i, str) for i in value),
        KeyType.TABLES: isinstance(value, list) and all(isinstance(i, dict) for i in value),
    }[kind]
    if not valid:
        raise WrongType(f"{name} has the wrong type")
    return value


def _decode_table(name: str, value: Any) -> Any:  # noqa: ANN401  TOML values
    if not isinstance(value, dict):
        if name in LENIENT:
            return {}
        raise WrongType(f"{name} is no table")
    if name in {"tags", "http_headers"} and not all(isinstance(v, str) for v in value.values()):
        raise WrongType(f"{name} holds something that is no text")
    return value


def _decode_duration(name: str, value: Any) -> int:  # noqa: ANN401  TOML values
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise WrongType(f"{name} has the wrong type")
    try:
        return parse_duration_ns(value)
    except ValueError as error:
        raise WrongType(f"{name} is {error}") from error
