"""
Gathers the bytes of an exposition, unpacks them, and refuses what is none, early and bounded.

An endless stream, a line without an end and a small archive that unpacks to gigabytes all stop at
a limit. What is refused has a clause that completes the name of the source.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Final

from istio_observability.preview.counted import count_families

if TYPE_CHECKING:
    from istio_observability.preview.counted import Counted

MAX_BYTES: Final = 256 * 1024 * 1024
"""Ten times what the largest sidecars expose."""

MAX_LINE_BYTES: Final = 1024 * 1024

_GZIP: Final = b"\x1f\x8b"
_ANY_GZIP: Final = 31
_HEAD_BYTES: Final = 4096
_STEP_BYTES: Final = 1024 * 1024


class NoExposition(ValueError):  # noqa: N818  names the state
    """It is no exposition; the text says why and what to do."""


class Gathering:
    """Pieces of a body, in the order in which they arrive."""

    def __init__(self) -> None:
        self._plain = io.BytesIO()
        self._raw = b""
        self._unpack: zlib._Decompress | None = None
        self._decided = False
        self._line_bytes = 0

    def feed(self, piece: bytes) -> None:
        """
        Take a piece.

        Raises:
            NoExposition: It cannot become one any more.
        """
        if not self._decided:
            # One byte is too few to tell an archive from a text.
            self._raw += piece
            if len(self._raw) < len(_GZIP):
                return
            self._begin()
            piece, self._raw = self._raw, b""
        if self._unpack is None:
            self._take(piece)
            return
        try:
            self._inflate(piece)
        except zlib.error as error:
            raise NoExposition("is broken gzip; fetch it again") from error

    def finish(self) -> bytes:
        """
        Return the whole body, unpacked.

        Raises:
            NoExposition: It is none.
        """
        if not self._decided:
            self._begin()
            self._take(self._raw)
        if self._unpack is not None and not self._unpack.eof:
            raise NoExposition("is gzip that ends too early; fetch it again")
        body = self._plain.getvalue()
        if not body or body.isspace():
            raise NoExposition("is empty; give what the port of the metrics answers")
        _check_head(body[:_HEAD_BYTES])
        return body

    def _begin(self) -> None:
        self._decided = True
        if self._raw.startswith(_GZIP):
            self._unpack = zlib.decompressobj(_ANY_GZIP)

    def _inflate(self, piece: bytes) -> None:
        assert self._unpack is not None
        while piece:
            if self._unpack.eof:
                # An archive may have several members.
                self._unpack = zlib.decompressobj(_ANY_GZIP)
            # Bounded, for a kilobyte can hold a megabyte.
            self._take(self._unpack.decompress(piece, _STEP_BYTES))
            piece = self._unpack.unconsumed_tail or self._unpack.unused_data

    def _take(self, piece: bytes) -> None:
        if self._plain.tell() < _HEAD_BYTES:
            _check_head(self._plain.getvalue() + piece[:_HEAD_BYTES])
        self._plain.write(piece)
        if self._plain.tell() > MAX_BYTES:
            raise NoExposition(
                f"is larger than {MAX_BYTES >> 20} MiB; give the metrics of one process"
            )
        last = piece.rfind(b"\n")
        self._line_bytes = self._line_bytes + len(piece) if last < 0 else len(piece) - last - 1
        if self._line_bytes > MAX_LINE_BYTES:
            raise NoExposition(f"has a line of more than {MAX_LINE_BYTES >> 20} MiB; {_GIVE}")


_GIVE: Final = "give the text that the port of the metrics answers"


def count_body(body: bytes) -> Counted:
    """
    Return the families of a body, as the agent reads it.

    Raises:
        NoExposition: The agent reads no sample at all.
    """
    counted = count_families(body)
    if not counted.series:
        why = f" ({counted.error})" if counted.error else ""
        raise NoExposition(f"has no sample that the agent can read{why}; {_GIVE}")
    return counted


def _check_head(head: bytes) -> None:
    if b"\0" in head:
        raise NoExposition(f"is binary; {_GIVE}")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        raise NoExposition(f"is HTML or XML; {_GIVE}, such as /stats/prometheus or /metrics")
    if start.startswith((b"{", b"[")):
        raise NoExposition(f"is JSON; {_GIVE}")
