"""
The keys of ``[[inputs.prom]]`` that the agent knows, with the type it demands for each.

A wrong type drops the instance (a conf file) or everything (an annotation), except for the
tables of free names (``LENIENT``), which then load silently as empty. Unknown keys are ignored.

Source: GuanceCloud/datakit 1.84.1, the structs of internal/plugins/inputs/prom/input.go and
internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.toml_types import (
    KeyType,
    Schema,
    WrongType,
    decode_struct,
    fold,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEYS", "LENIENT", "TRUE_BY_DEFAULT", "KeyType", "WrongType", "decode_keys", "fold"]

_RULE: Final[Schema] = {"pattern": KeyType.TEXT, "prefix": KeyType.TEXT, "name": KeyType.TEXT}
_BOTH: Final[Schema] = {
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
    "measurements": (_RULE,),
    "tags_ignore": KeyType.TEXTS,
    "tags_rename": {"overwrite_exist_tags": KeyType.FLAG, "mapping": KeyType.TEXT_MAP},
    "ignore_tag_kv_match": KeyType.TEXTS_MAP,
    "tags": KeyType.TEXT_MAP,
    "disable_info_tag": KeyType.FLAG,
    "ignore_req_err": KeyType.FLAG,
    "as_logging": {"enable": KeyType.FLAG, "service": KeyType.TEXT},
    "http_headers": KeyType.TEXT_MAP,
    "auth": KeyType.TEXT_MAP,
    "insecure_skip_verify": KeyType.FLAG,
    "uds_path": KeyType.TEXT,
    "tls_open": KeyType.FLAG,
    "tls_ca": KeyType.TEXT,
    "tls_cert": KeyType.TEXT,
    "tls_key": KeyType.TEXT,
}
KEYS: Final[Mapping[ConfigPath, Schema]] = MappingProxyType(
    {
        ConfigPath.ANNOTATION: {**_BOTH, "bearer_token_file": KeyType.TEXT},
        ConfigPath.CONF: {
            **_BOTH,
            "election": KeyType.FLAG,
            "stream_size": KeyType.COUNT,
            "keep_exist_metric_name": KeyType.FLAG,
            "honor_timestamps": KeyType.FLAG,
            "disable_host_tag": KeyType.FLAG,
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

LENIENT: Final = frozenset(
    name
    for keys in KEYS.values()
    for name, kind in keys.items()
    if kind is KeyType.TEXT_MAP or kind is KeyType.TEXTS_MAP
)
TRUE_BY_DEFAULT: Final = frozenset({"election", "honor_timestamps"})
# Parts of the agent's own structure that a conf file reaches by accident; no value fits them.
_UNUSABLE: Final = frozenset({"feeder", "tagger"})


def decode_keys(raw: Mapping[str, Any], path: ConfigPath) -> dict[str, Any]:
    """
    Return the known keys of one instance with their values; durations in nanoseconds.

    Key names are compared without regard to case, as the agent does.

    Raises:
        WrongType: A value of the wrong type, or one key in two spellings.
    """
    if path is ConfigPath.CONF and not _UNUSABLE.isdisjoint(map(fold, raw)):
        raise WrongType("feeder and tagger are no keys")
    return decode_struct(raw, KEYS[path])
