"""
What an HTTP answer must be to be looked at.

Stricter than the agent, which takes the body of any answer for metrics, whatever its status and
type: here such an answer is a mistake of the address.
"""

from __future__ import annotations

import http.client
import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from istio_observability.preview.body import Gathering, NoExposition

if TYPE_CHECKING:
    import socket

_TEXTS: Final = frozenset({"", "text/plain", "application/openmetrics-text"})


def check_answer(status: int, content_type: str, encoding: str) -> None:
    """
    Refuse what is no answer with metrics.

    Raises:
        NoExposition: The status, the type or the encoding says so.
    """
    if status != HTTPStatus.OK:
        known = status in HTTPStatus._value2member_map_
        phrase = f" {HTTPStatus(status).phrase}" if known else ""
        raise NoExposition(
            f"answers {status}{phrase}; the agent would take that page for metrics and find"
            " none; correct the address, or try again"
        )
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _TEXTS:
        raise NoExposition(
            f"answers {kind[:60]!r}, not text/plain; give the address of the metrics, or save"
            " what it answers and give the file"
        )
    if encoding.lower() not in {"", "identity", "gzip"}:
        raise NoExposition(
            f"answers in the encoding {encoding[:20]!r}, which nobody asked for; fetch it with"
            " another program and give the file"
        )


def read_answer(raw: bytes) -> bytes:
    """
    Return the body of a whole answer as it came over the wire.

    Raises:
        NoExposition: It is no answer with metrics.
    """
    response = http.client.HTTPResponse(cast("socket.socket", _Recorded(raw)))
    try:
        response.begin()
        kind = response.getheader("Content-Type", "")
        check_answer(response.status, kind, response.getheader("Content-Encoding", ""))
        body = response.read()
    except http.client.HTTPException as error:
        why = type(error).__name__
        raise NoExposition(f"gives no whole answer that is HTTP ({why}); try again") from error
    gathering = Gathering()
    gathering.feed(body)
    return gathering.finish()


class _Recorded:
    """Stands for a connection of which everything was read already."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)
