"""The chunked coding, by bytes alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.transport.chunked import MAX_LINE, ChunkError, Dechunker


def encoded(chunks: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    frames = [b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    return b"".join(frames) + b"0" + extension + b"\r\n" + trailers + b"\r\n"


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    extension=st.sampled_from([b"", b" ", b";a=b", b' ; q="x"']),
    trailers=st.sampled_from([b"", b"a: b\r\n", b"a: b\r\nc: d\r\n"]),
    cuts=st.lists(st.integers(1, 30), min_size=1),
)
def test_the_payload_does_not_depend_on_where_the_bytes_are_cut(chunks, extension, trailers, cuts):
    """Encode, cut anywhere, decode: the payload comes back, and the end is seen with the last byte and not before."""
    data = encoded(chunks, extension, trailers)
    dechunker, got, at, turn = Dechunker(), b"", 0, 0
    while at < len(data):
        assert not dechunker.done
        size = cuts[turn % len(cuts)]
        got += dechunker.feed(data[at : at + size])
        at, turn = at + size, turn + 1

    assert (b"".join(chunks), True, False) == (got, dechunker.done, dechunker.extra)


def test_all_that_is_there_comes_at_once():
    """Many small chunks in one piece are one result."""
    chunks = [b"x%d" % i for i in range(1000)]

    assert b"".join(chunks) == Dechunker().feed(encoded(chunks))


def test_bytes_after_the_end_are_noticed():
    """They are not payload, and whoever sends them is not spoken to again on this connection."""
    dechunker = Dechunker()

    assert b"ab" == dechunker.feed(encoded([b"ab"]) + b"more")
    assert dechunker.extra


@pytest.mark.parametrize(
    "data",
    [
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\n",
        b"1_0\r\n",
        b"\r\n",
        b"<html>",
        b"g",
        b"5\r\nhelloX",
        b"5\r\nhello\rX",
        b"ffffffffffffffff\r\n",
        b"5 5\r\n",
        b"5;" + b"e" * (MAX_LINE + 1),
        b"0\r\nt: " + b"e" * (MAX_LINE + 1),
    ],
)
def test_damaged_frames_are_an_error(data):
    """As soon as they can be known to be damaged."""
    with pytest.raises(ChunkError):
        Dechunker().feed(data)
    with pytest.raises(ChunkError):
        _one_by_one(data)


def _one_by_one(data: bytes) -> None:
    dechunker = Dechunker()
    for byte in data:
        dechunker.feed(bytes([byte]))


@given(data=st.binary(max_size=200))
def test_any_bytes_are_payload_or_an_error(data):
    """No other exception, whatever comes."""
    try:
        got = Dechunker().feed(data)
    except ChunkError:
        return
    assert len(got) <= len(data)
