"""
Addresses as the agent, a Go program, parses them.

They decide about more than the dial: the ``instance`` and ``host`` tags, and whether an
annotation is dropped or an instance never starts. Python's parser accepts and splits differently.

Source: Go 1.19, src/net/url/url.go, src/net/ipsock.go (``SplitHostPort``) and
src/net/http/transport.go.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HOST: Final = re.compile(
    r"(?:[^\x00-\x7f]|[a-zA-Z0-9!$&'()*+,;=:\[\]<>\"._~-]|%[89a-fA-F][0-9a-fA-F]|%25)*"
)
_USER: Final = re.compile(r"[a-zA-Z0-9._:~!$&'()*+,;=%@-]*")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class InvalidUrl(ValueError):  # noqa: N818  names the state
    """The agent cannot parse the address; the text says why, without the address."""


@dataclass(frozen=True, slots=True)
class GoUrl:
    """
    The parts of an address that count.

    Attributes:
        scheme: In lower case; empty without one.
        host: Host and port as written, without a user; empty where there is no ``//``.
        target: Path and query, as the server sees them.
    """

    scheme: str
    host: str
    target: str

    @property
    def dial(self) -> str:
        """Return what is dialled: ``10.0.0.1:80``, ``[fd00::1]:15020``."""
        name, port = self.host, _DEFAULT_PORTS.get(self.scheme, "")
        head, colon, tail = self.host.rpartition(":")
        if colon and (not tail or tail.isdecimal()):
            name, port = head, tail or port
        if name.startswith("[") and name.endswith("]"):
            name = name[1:-1]
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def parse_url(text: str) -> GoUrl:
    """
    Parse an address as ``url.Parse`` does.

    Raises:
        InvalidUrl: Go refuses the address.
    """
    text, _, fragment = text.partition("#")
    if _CONTROL.search(text):
        raise InvalidUrl("an address holds a control character")
    if _BAD_ESCAPE.search(fragment):
        raise InvalidUrl("an address has a % that is no escape")
    if text.startswith(":"):
        raise InvalidUrl("an address starts with a colon")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    rest, mark, query = (text[found.end() :] if found else text).partition("?")
    if not rest.startswith("/"):
        if scheme:
            return GoUrl(scheme, "", rest + mark + query)
        if ":" in rest.partition("/")[0]:
            raise InvalidUrl("an address has no scheme such as http:// in front")
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        host = _host_of(authority)
    if _BAD_ESCAPE.search(rest):
        raise InvalidUrl("an address has a % that is no escape")
    return GoUrl(scheme, host, (rest or "/") + (mark + query if query else ""))


def split_host_port(text: str) -> tuple[str, str] | None:
    """Return host, without brackets, and port; ``None`` where ``net.SplitHostPort`` refuses."""
    head, colon, port = text.rpartition(":")
    if not colon:
        return None
    if text.startswith("["):
        end = text.find("]")
        if end < 0 or text[end + 1 :] != f":{port}":
            return None
        host, rest = text[1:end], text[end + 1 :]
        return None if "[" in host or "]" in rest or "[" in rest else (host, port)
    if ":" in head or "[" in text or "]" in text:
        return None
    return head, port


def is_loopback(host: str) -> bool:
    """Return whether the text is an IP address of this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if "%" in host:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _host_of(authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if at and (not _USER.fullmatch(user) or _BAD_ESCAPE.search(user)):
        raise InvalidUrl("an address has a user that cannot be parsed")
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise InvalidUrl("an address has a [ without its ]")
        port = host[end + 1 :]
    else:
        colon = host.rfind(":")
        port = host[colon:] if colon >= 0 else ""
    if port and not re.fullmatch(r":[0-9]*", port):
        raise InvalidUrl("an address has a port that is no number")
    if not _HOST.fullmatch(host):
        raise InvalidUrl("an address has a character that no host has")
    return re.sub("%25", "%", host)
