"""Reads the expositions that a preview is asked about: files, standard input, addresses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from istio_observability.cli.preview_address import shown_url
from istio_observability.cli.usage import UsageError
from istio_observability.preview.body import Gathering, NoExposition
from istio_observability.preview.preview import look_at

if TYPE_CHECKING:
    from istio_observability.istio.catalogue import Target, Version
    from istio_observability.preview.result import Exposition

_PIECE_BYTES: Final = 1024 * 1024
_STDIN: Final = "-"


def read_exposition(
    source: str, timeout_s: float, target: Target | None, version: Version | None
) -> Exposition:
    """
    Read one exposition and recognise it.

    Args:
        source: A path, ``-``, or an address that begins with ``http://`` or ``https://``.
        timeout_s: How long an address may take, as a whole.
        target: Whose it is; ``None`` finds out.
        version: Release of Istio; ``None`` looks for it.

    Raises:
        UsageError: It cannot be read, or is none.
    """
    if source.startswith(("http://", "https://")):
        # Here, for an HTTP library takes longer to load than most answers.
        from istio_observability.cli.preview_http import read_url  # noqa: PLC0415

        name, body = shown_url(source), read_url(source, timeout_s)
    elif source == _STDIN:
        name = "standard input"
        body = _gather(name, sys.stdin.buffer)
    else:
        name = source
        body = _read_file(Path(source))
    return recognised(name, body, target, version)


def recognised(
    name: str, body: bytes, target: Target | None, version: Version | None
) -> Exposition:
    """
    Return an exposition that was read.

    Raises:
        UsageError: It is none.
    """
    try:
        return look_at(name, body, target, version)
    except NoExposition as error:
        raise UsageError(f"{name} {error}") from error


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return _gather(str(path), stream)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error


def _gather(name: str, stream: BinaryIO) -> bytes:
    gathering = Gathering()
    try:
        while piece := stream.read(_PIECE_BYTES):
            gathering.feed(piece)
        return gathering.finish()
    except NoExposition as error:
        raise UsageError(f"{name} {error}") from error
