"""Counting and inflating of bodies, by bytes alone."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.transport.decompress import STEP, Intake


def intake(coding: str, limit: int = 100_000_000) -> Intake:
    return Intake({"content-encoding": coding}, limit)


def inflate(taker: Intake, data: bytes, cut: int) -> tuple[bytes, int]:
    """The whole and its largest piece."""
    pieces = []
    for at in range(0, len(data), cut):
        pieces.append(taker.take(data[at : at + cut]))
        while piece := taker.pending():
            pieces.append(piece)
    taker.close()
    return b"".join(pieces), max(map(len, pieces), default=0)


def _bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@given(
    data=st.binary(max_size=5000),
    pack=st.sampled_from([("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", _bare)]),
    cut=st.integers(1, 300),
)
def test_what_was_packed_comes_out(data, pack, cut):
    """However it is cut."""
    coding, function = pack

    assert data == inflate(intake(coding), function(data), cut)[0]


def test_steps_are_bounded():
    """20 MB of zeros come in pieces, though their compressed form is one."""
    data = bytes(20_000_000)
    got, largest = inflate(intake("gzip"), gzip.compress(data), 1_000_000)

    assert data == got
    assert largest <= STEP


def test_the_limit_is_of_what_comes_out():
    """1 MB is refused where 999,999 bytes are allowed."""
    with pytest.raises(WireError, match="999999 bytes"):
        inflate(intake("gzip", 999_999), gzip.compress(bytes(1_000_000)), 100)

    assert 1_000_000 == len(inflate(intake("gzip", 1_000_000), gzip.compress(bytes(1_000_000)), 100)[0])


def test_an_empty_body_is_not_damaged():
    """A server may name a coding and then send nothing."""
    taker = intake("gzip")
    taker.close()

    assert b"" == taker.pending()


@given(data=st.binary(max_size=300), coding=st.sampled_from(["gzip", "deflate", "x-gzip"]))
def test_any_bytes_are_data_or_an_error(data, coding):
    """No other exception, whatever comes."""
    with suppress(WireError):
        inflate(intake(coding), data, 50)
