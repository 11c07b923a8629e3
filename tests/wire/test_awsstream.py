"""AWS event streams: every header type, every cut, every damaged byte; botocore's own parser is the reference."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.wire.awsstream import MAX_MESSAGE, Decoder, Message, encode

EVERY: dict[str, Any] = {
    "yes": True,
    "no": False,
    "small": -7,
    "large": 2**40,
    "bytes": b"\x00\xff",
    "text": "grüße",
    "time": datetime(2026, 11, 2, 3, 4, 5, 678000, tzinfo=UTC),
    "uuid": UUID(int=2**127 + 5),
}

header_values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=20),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
    ),
    st.uuids(),
)
messages = st.builds(
    Message,
    st.dictionaries(st.text("abcdefgh:-", min_size=1, max_size=9), header_values, max_size=4),
    st.binary(max_size=60),
)


def written(*values: Message) -> bytes:
    """These messages, one after the other."""
    return b"".join(encode(value.payload, value.headers) for value in values)


def framed(headers: bytes, payload: bytes = b"") -> bytes:
    """A message with right checksums around any bytes of headers."""
    sizes = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = sizes + struct.pack(">I", zlib.crc32(sizes)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def test_every_type_of_header_is_read_back() -> None:
    """Flags, numbers of both sizes, bytes, texts, times and UUIDs come out as they went in."""
    assert [Message(EVERY, b"{}")] == Decoder().feed(encode(b"{}", EVERY))


def test_botocore_reads_what_is_written() -> None:
    """The parser of AWS's own SDK finds the same headers and payload."""
    buffer = EventStreamBuffer()
    buffer.add_data(encode(b"payload", EVERY))

    [event] = list(buffer)

    expected = EVERY | {"time": int(EVERY["time"].timestamp() * 1000), "uuid": EVERY["uuid"].bytes}
    assert expected == event.headers
    assert b"payload" == event.payload


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"\x02\xf9", -7, id="byte"),
        pytest.param(b"\x03\xff\x00", -256, id="short"),
        pytest.param(b"\x04\x00\x00\x00\x09", 9, id="int"),
        pytest.param(b"\x05" + (2**40).to_bytes(8, "big"), 2**40, id="long"),
    ],
)
def test_numbers_of_every_size_are_read(value: bytes, expected: int) -> None:
    """The four sizes of whole numbers are all numbers."""
    assert [Message({"n": expected})] == Decoder().feed(framed(b"\x01n" + value))


@settings(max_examples=80)
@given(values=st.lists(messages, max_size=4), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_messages_do_not_depend_on_where_the_bytes_are_cut(values: list[Message], sizes: list[int]) -> None:
    """Written, cut anywhere, read: the same messages."""
    data, decoder = written(*values), Decoder()
    found: list[Message] = []
    at = 0
    for size in [*sizes, len(data)]:
        found += decoder.feed(data[at : at + size])
        at += size

    assert values == found


def test_byte_by_byte() -> None:
    """A message that comes one byte at a time is given with its last byte, and not before."""
    data, decoder = written(Message({"a": "b"}, b"xyz")), Decoder()

    counts = [len(decoder.feed(data[i : i + 1])) for i in range(len(data))]

    assert [0] * (len(data) - 1) + [1] == counts


@pytest.mark.parametrize("at", range(len(encode(b'{"text":"x"}', {":event-type": "chunk"}))))
def test_a_damaged_byte_is_found(at: int) -> None:
    """Whichever byte of a message is damaged, it is a WireError; never another message."""
    good = Message({":event-type": "chunk"}, b'{"text":"x"}')
    data = bytearray(written(good))
    data[at] ^= 0x10
    decoder = Decoder()

    with pytest.raises(WireError, match=r"damaged|larger"):
        decoder.feed(bytes(data))
    with pytest.raises(WireError):
        decoder.feed(b"")


def test_messages_before_the_damage_are_given() -> None:
    """Whole messages come out first; the damage behind them is raised by the next call."""
    good = Message({}, b"1")
    decoder = Decoder()

    assert [good] == decoder.feed(written(good) + b"\x00" * 16)
    with pytest.raises(WireError, match="checksum of a message's lengths"):
        decoder.feed(b"")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"\x01n\x0a", id="a type that is none"),
        pytest.param(b"\x01n", id="a name without a value"),
        pytest.param(b"\x09n\x00", id="a name that is longer than the headers"),
        pytest.param(b"\x01n\x07\x00\x09x", id="a text that is longer than the headers"),
        pytest.param(b"\x01n\x07\x00\x01\xff", id="a text that is no UTF-8"),
        pytest.param(b"\x01n\x05\x00", id="a number that is cut"),
        pytest.param(b"\x01n\x09\x00", id="a UUID that is cut"),
        pytest.param(b"\x01n\x08\x7f" + b"\xff" * 7, id="a time after the end of time"),
    ],
)
def test_headers_that_cannot_be_read(headers: bytes) -> None:
    """Headers with right checksums that make no sense are a WireError."""
    with pytest.raises(WireError, match="headers cannot be read"):
        Decoder().feed(framed(headers))


def _prelude(total: int, headers: int) -> bytes:
    sizes = struct.pack(">II", total, headers)
    return sizes + struct.pack(">I", zlib.crc32(sizes))


@pytest.mark.parametrize(
    ("total", "headers", "words"),
    [
        pytest.param(MAX_MESSAGE + 1, 0, "larger than", id="message"),
        pytest.param(1_000_000, 200_000, "larger than", id="headers"),
        pytest.param(16, 1, "longer than the message", id="headers beyond the message"),
        pytest.param(12, 0, "longer than the message", id="shorter than its frame"),
    ],
)
def test_lengths_that_cannot_be(total: int, headers: int, words: str) -> None:
    """A length above the limit, or one that contradicts another, is refused when its twelve bytes are there."""
    with pytest.raises(WireError, match=words):
        Decoder().feed(_prelude(total, headers))


def test_the_limit_can_be_set() -> None:
    """A message of the limit passes, one byte more does not."""
    data = encode(b"x" * 84, {})

    assert 1 == len(Decoder(max_message=100).feed(data))
    with pytest.raises(WireError, match="larger than 99 bytes"):
        Decoder(max_message=99).feed(data)


def test_a_header_of_another_type_has_no_text() -> None:
    """`text` gives a header that is a text, and nothing else."""
    message = Message({"a": "x", "b": 5})

    assert ("x", "", "") == (message.text("a"), message.text("b"), message.text("c"))
