"""Secrets of one throw-away plane: tokens, the key of service account tokens, kubeconfigs."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from pathlib import Path

# Order of the group of P-256; a private key is a number from 1 to this minus 1 (FIPS 186-5, D.1.2).
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_OID_P256: Final = bytes.fromhex("06082a8648ce3d030107")


def build_token() -> str:
    """Return a random bearer token."""
    return secrets.token_hex(20)


def build_signing_key() -> str:
    """
    Return a random P-256 private key as PEM.

    The optional public half is left out (RFC 5915, section 3): Go computes it when it reads the
    key, so no cryptography library is needed here.
    """
    number = (secrets.randbelow(_P256_ORDER - 1) + 1).to_bytes(32, "big")
    parts = b"\x02\x01\x01" + _der(0x04, number) + _der(0xA0, _OID_P256)
    text = base64.encodebytes(_der(0x30, parts)).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def write_kubeconfig(path: Path, cluster: dict[str, Any], token: str) -> Path:
    """
    Write a kubeconfig with one user, readable by its owner only.

    Args:
        path: Where to write.
        cluster: The ``cluster`` entry: ``server`` and how to trust it.
        token: Bearer token of the user.
    """
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "plane", "cluster": cluster}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": "user"}}],
        "current-context": "plane",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def build_cluster_entry(url: str, ca_file: Path) -> dict[str, Any]:
    """Return the ``cluster`` entry of a kubeconfig, with the certificate inside."""
    authority = base64.b64encode(ca_file.read_bytes()).decode()
    return {"server": url, "certificate-authority-data": authority}
