"""
AWS event streams (`application/vnd.amazon.eventstream`), without I/O.

Bytes go in by `feed`, whole messages come out.  A message may arrive cut at any byte; the result must not depend on
where.  This module knows nothing of JSON or of any service.

    total length u32 | headers length u32 | CRC-32 of these 8 bytes
    headers: name length u8, name, type u8, value
    payload
    CRC-32 of everything before

Rules: both checksums are checked, the first before the length that it guards is believed.  Memory is bounded: a message
larger than `max_message` bytes raises `WireError`.  Time is linear in the bytes, however small the pieces.

Source: the Smithy specification, "Event stream encoding" (`amazon.eventstream`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from dragoman.errors import WireError

MAX_MESSAGE: Final = 16 * 1024 * 1024
_MAX_HEADERS: Final = 128 * 1024

_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_SIZES: Final = struct.Struct(">II")
_FRAME: Final = _PRELUDE.size + _CRC.size  # bytes of a message that are neither header nor payload
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

HeaderValue = bool | int | bytes | str | datetime | UUID


class Message(msgspec.Struct, frozen=True):
    """
    One message.

    Attributes:
        headers: By name; a timestamp is a `datetime` in UTC.
        payload: The bytes.
    """

    headers: dict[str, HeaderValue] = {}
    payload: bytes = b""

    def text(self, header: str) -> str:
        """A header's text; empty where it is absent or of another type."""
        value = self.headers.get(header)
        return value if isinstance(value, str) else ""


class Decoder:
    """
    The parser: bytes in, messages out.

    Attributes:
        failure: What ended the stream: a damaged message, or one above the limit.  Every later call raises it.
    """

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self.failure: WireError | None = None
        self._max = max_message
        self._held = bytearray()
        self._needed = _PRELUDE.size  # bytes without which nothing more can be told
        self._total = 0  # length of the message in the making, once its prelude was checked

    def feed(self, chunk: bytes) -> list[Message]:
        """
        Take bytes and return the messages that they complete.

        Raises:
            WireError: A checksum is wrong, a length is impossible or above the limit, or the headers are damaged.  If
                whole messages came before it in `chunk`, they are returned and the next call raises.
        """
        if self.failure is not None:
            raise self.failure
        self._held += chunk
        messages: list[Message] = []
        try:
            self._cut(messages)
        except WireError as error:
            self._held, self.failure = bytearray(), error
            if not messages:
                raise
        return messages

    def _cut(self, messages: list[Message]) -> None:
        at = 0
        while len(self._held) - at >= self._needed:
            data = bytes(memoryview(self._held)[at : at + self._needed])
            if not self._total:
                self._needed = self._total = self._length(data)
            else:
                messages.append(_message(data))
                at += self._total
                self._needed, self._total = _PRELUDE.size, 0
        del self._held[:at]

    def _length(self, prelude: bytes) -> int:
        total, headers, checksum = _PRELUDE.unpack(prelude)
        if zlib.crc32(prelude[: _SIZES.size]) != checksum:
            raise WireError("the event stream is damaged: the checksum of a message's lengths is wrong")
        if total > self._max or headers > _MAX_HEADERS:
            raise WireError(f"a message of the event stream is larger than {self._max} bytes")
        if headers + _FRAME > total:
            raise WireError("the event stream is damaged: a message's headers are longer than the message")
        return int(total)


def _message(data: bytes) -> Message:
    (checksum,) = _CRC.unpack_from(data, len(data) - _CRC.size)
    if zlib.crc32(memoryview(data)[: -_CRC.size]) != checksum:
        raise WireError("the event stream is damaged: the checksum of a message is wrong")
    end = _PRELUDE.size + _SIZES.unpack_from(data)[1]
    try:
        headers = _headers(data[_PRELUDE.size : end])
    except (struct.error, KeyError, ValueError, OverflowError) as error:  # UnicodeDecodeError is a ValueError
        raise WireError(f"the event stream is damaged: a message's headers cannot be read ({error!r})") from error
    return Message(headers, data[end : -_CRC.size])


# --- headers ----------------------------------------------------------------------------------------------------------


def _headers(data: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    while at < len(data):
        name, at = _sized(data, at, ">B")
        if at == len(data):
            raise ValueError("a name without a value")
        headers[name.decode()], at = _READ[data[at]](data, at + 1)
    return headers


def _sized(data: bytes, at: int, size: str) -> tuple[bytes, int]:
    """Bytes that follow their length, and the place behind them."""
    (length,) = struct.unpack_from(size, data, at)
    start = at + struct.calcsize(size)
    end = start + int(length)
    if end > len(data):
        raise ValueError("a value is longer than the headers")
    return data[start:end], end


_Read = Callable[[bytes, int], tuple[HeaderValue, int]]


def _flag(value: bool) -> _Read:
    return lambda data, at: (value, at)


def _number(form: str) -> _Read:
    def read(data: bytes, at: int) -> tuple[HeaderValue, int]:
        return int(struct.unpack_from(form, data, at)[0]), at + struct.calcsize(form)

    return read


def _bytes(data: bytes, at: int) -> tuple[HeaderValue, int]:
    return _sized(data, at, ">H")


def _text(data: bytes, at: int) -> tuple[HeaderValue, int]:
    value, end = _sized(data, at, ">H")
    return value.decode(), end


def _timestamp(data: bytes, at: int) -> tuple[HeaderValue, int]:
    milliseconds = int(struct.unpack_from(">q", data, at)[0])
    return _EPOCH + timedelta(milliseconds=milliseconds), at + 8


def _uuid(data: bytes, at: int) -> tuple[HeaderValue, int]:
    return UUID(bytes=data[at : at + 16]), at + 16


_READ: Final[dict[int, _Read]] = {
    0: _flag(True),
    1: _flag(False),
    2: _number(">b"),
    3: _number(">h"),
    4: _number(">i"),
    5: _number(">q"),
    6: _bytes,
    7: _text,
    8: _timestamp,
    9: _uuid,
}


# --- as a server ------------------------------------------------------------------------------------------------------


def encode(payload: bytes, headers: Mapping[str, HeaderValue]) -> bytes:
    """
    Write one message.  A number is written in 4 bytes, or in 8 where it does not fit.

    >>> Decoder().feed(encode(b"{}", {":message-type": "event"}))
    [Message(headers={':message-type': 'event'}, payload=b'{}')]
    """
    head = b"".join(_header(name, value) for name, value in headers.items())
    sizes = _SIZES.pack(_FRAME + len(head) + len(payload), len(head))
    message = sizes + _CRC.pack(zlib.crc32(sizes)) + head + payload
    return message + _CRC.pack(zlib.crc32(message))


def _header(name: str, value: HeaderValue) -> bytes:
    encoded = name.encode()
    return struct.pack(">B", len(encoded)) + encoded + _WRITE[type(value)](value)


def _write_number(value: int) -> bytes:
    return struct.pack(">Bi", 4, value) if -(2**31) <= value < 2**31 else struct.pack(">Bq", 5, value)


def _write_sized(kind: int, value: bytes) -> bytes:
    return struct.pack(">BH", kind, len(value)) + value


def _write_timestamp(value: datetime) -> bytes:
    return struct.pack(">Bq", 8, (value - _EPOCH) // timedelta(milliseconds=1))


_WRITE: Final[dict[type[Any], Callable[[Any], bytes]]] = {
    bool: lambda value: b"\x00" if value else b"\x01",
    int: _write_number,
    bytes: lambda value: _write_sized(6, value),
    str: lambda value: _write_sized(7, value.encode()),
    datetime: _write_timestamp,
    UUID: lambda value: b"\x09" + value.bytes,
}
