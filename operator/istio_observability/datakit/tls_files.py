"""
Whether the certificates that an instance names can be loaded; if not, it never starts.

Source: GuanceCloud/datakit 1.84.1, internal/net/tlsconf.go and internal/prom/prom.go
(``loadTLSConfig``).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.layout import ConfigPath

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_CLIENT_KEYS: Final = frozenset(
    {
        "ca_certs",
        "cert",
        "cert_key",
        "ca_certs_base64",
        "cert_base64",
        "cert_key_base64",
        "insecure_skip_verify",
        "server_name",
    }
)


def unreadable_certificate(
    keys: Mapping[str, Any], path: ConfigPath, files: Container[str]
) -> str | None:
    """
    Return the key whose certificate the agent cannot read, or ``None``.

    Args:
        keys: As ``decode_keys`` returns them.
        path: Where they come from; only conf files know the newer keys.
        files: Paths that exist on the agent's disk.
    """
    if path is ConfigPath.CONF and not _CLIENT_KEYS.isdisjoint(keys):
        return next(_unreadable(keys, files), None)
    if not keys.get("tls_open"):
        return None
    named = ("tls_ca", "tls_cert", "tls_key")
    return next((key for key in named if keys.get(key) and keys[key] not in files), None)


def _unreadable(keys: Mapping[str, Any], files: Container[str]) -> Iterator[str]:
    encoded = [("ca_certs_base64", text) for text in keys.get("ca_certs_base64", ())]
    encoded += [(key, keys[key]) for key in ("cert_base64", "cert_key_base64") if keys.get(key)]
    for key, text in encoded:
        try:
            if b"-----BEGIN" not in base64.b64decode(text, validate=True):
                yield key
        except binascii.Error:
            yield key
    if encoded:
        return
    named = [("ca_certs", path) for path in keys.get("ca_certs", ())]
    named += [(key, keys[key]) for key in ("cert", "cert_key") if keys.get(key)]
    yield from (key for key, path in named if path not in files)
