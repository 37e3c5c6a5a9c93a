"""Bodies are gathered, unpacked and refused, within bounds."""

from __future__ import annotations

import gzip
import os
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.preview.body import (
    MAX_BYTES,
    MAX_LINE_BYTES,
    Gathering,
    NoExposition,
    count_body,
)

GOOD = b'# TYPE a counter\na{x="1"} 1\n'


def gather(pieces) -> bytes:
    """Feed every piece, and finish."""
    gathering = Gathering()
    for piece in pieces:
        gathering.feed(piece)
    return gathering.finish()


def feed_without_end(piece: bytes) -> tuple[int, str]:
    """Feed the same piece until it is refused; return the bytes taken before, and the reason."""
    gathering, taken = Gathering(), 0
    for each in repeat(piece):
        try:
            gathering.feed(each)
        except NoExposition as error:
            return taken, str(error)
        taken += len(each)
    raise AssertionError("repeat has no end")


REFUSED = {
    "nothing": ([b""], "is empty"),
    "only blanks": ([b" \n\n"], "is empty"),
    "one byte of nothing": ([b"\n"], "is empty"),
    "a picture": ([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"], "is binary"),
    "zeros in an archive": ([gzip.compress(bytes(5000))], "is binary"),
    "a page": ([b"<!DOCTYPE html>\n<html></html>\n"], "is HTML or XML"),
    "a page after blanks": ([b"\n  <html>"], "is HTML or XML"),
    "JSON": ([b'{"status": "ok"}\n'], "is JSON"),
    "broken gzip": ([b"\x1f\x8b" + bytes(20)], "is broken gzip"),
    "gzip that ends early": ([gzip.compress(GOOD * 100)[:-9]], "is gzip that ends too early"),
}


@pytest.mark.parametrize(("pieces", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_exposition_is_refused(pieces, sentence):
    """With a clause that says what it is."""
    with pytest.raises(NoExposition, match=f"^{sentence}.*; "):
        gather(pieces)


def test_a_line_without_an_end_stops_early():
    """A gigabyte of one line is not read, let alone kept."""
    taken, sentence = feed_without_end(b"a" * 65536)

    assert "has a line of more than 1 MiB; " in sentence
    assert taken <= MAX_LINE_BYTES


def test_an_endless_stream_stops_at_a_limit():
    """However well it is formed."""
    taken, sentence = feed_without_end(b"a 1\n" * (1 << 20))

    assert "is larger than 256 MiB; " in sentence
    assert taken <= MAX_BYTES


def test_an_archive_that_grows_without_bound_stops_too():
    """A small archive of one long line is unpacked step by step."""
    packed = gzip.compress(b"a" * (64 << 20))

    assert len(packed) < 1 << 20
    with pytest.raises(NoExposition, match="a line of more than 1 MiB"):
        gather([packed])


@given(st.lists(st.binary(max_size=40), max_size=4), st.integers(1, 9))
def test_pieces_make_no_difference(members: list[bytes], size: int):
    """Packed, in several members or plain, cut anywhere: the same body."""
    body = GOOD + b"".join(member.replace(b"\0", b"") for member in members)
    packed = gzip.compress(GOOD) + gzip.compress(body[len(GOOD) :])

    for whole in (body, packed):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert gather(pieces) == body


@given(st.binary(max_size=200))
def test_any_bytes_are_counted_or_refused(data: bytes):
    """In no other way."""
    try:
        series = count_body(gather([data])).series
    except NoExposition:
        series = None

    assert series != 0


def test_random_bytes_are_refused():
    """Also where none of them is a zero."""
    noise = bytes(byte or 1 for byte in os.urandom(100_000))
    with pytest.raises(NoExposition):
        count_body(gather([noise]))


def test_what_stands_before_a_bad_line_is_counted():
    """With the reason why the agent reads no further."""
    counted = count_body(b"# TYPE a gauge\na 1\n# TYPE b gauge\nb x\n")

    assert (counted.series, counted.error) == (1, "a value is no number")
