"""
HTTP/1.1 as a server reads it, without I/O.

Bytes go in by `feed`, whole requests come out; `reply_head` and `chunk` write what goes back.

Rules: what is not HTTP raises `BadHttp`, which carries the status to answer before closing.  Memory is bounded by
`MAX_HEAD` and `MAX_BODY`.  Time is linear in the bytes: a body in pieces is joined once.

Source: RFC 9112 (HTTP/1.1), sections 3, 5, 6 and 7.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import msgspec

MAX_HEAD: Final = 256 * 1024
MAX_BODY: Final = 256 * 1024 * 1024

_METHOD: Final = re.compile(r"[A-Z]{1,20}\Z")
_LENGTH: Final = re.compile(r"[0-9]{1,15}\Z")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\Z")


class BadHttp(Exception):
    """
    What came is not a request that can be read; the connection is of no further use.

    Attributes:
        status: HTTP status to answer.
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class HttpHead(msgspec.Struct, frozen=True):
    """
    Request line and headers.

    Attributes:
        method: `GET`, `POST`...
        path: Decoded, without the query.
        query: What stands after `?`, undecoded; may be empty.
        headers: Names in lower case; repeated ones joined by `, `.
        keep_alive: Whether the connection may be used again.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool


class RequestParser:
    """
    Reads the requests of one connection, one after another.

    Attributes:
        wants_continue: The client waits for `100 Continue` before it sends the body; whoever answers it sets this back.
    """

    def __init__(self) -> None:
        self.wants_continue = False
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer that are known not to hold the end of the headers
        self._head: HttpHead | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._missing = 0  # bytes of the body, or of the chunk, that have not come
        self._step: Callable[[], bool] | None = self._read_head

    def feed(self, data: bytes) -> list[tuple[HttpHead, bytes]]:
        """
        Take bytes and return the requests that they complete, as head and body.

        Raises:
            BadHttp: Not HTTP, or larger than the limits.
        """
        self._buffer += data
        whole: list[tuple[HttpHead, bytes]] = []
        while self._step is not None and self._step():
            if self._step is None and self._head is not None:
                whole.append((self._head, b"".join(self._pieces)))
                self._head, self._pieces, self._step = None, [], self._read_head
        return whole

    # Each step takes something from the buffer and sets the next step (None: the request is whole), or returns False
    # because it needs more bytes.

    def _read_head(self) -> bool:
        while self._buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: empty lines before a request are skipped
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadHttp(431, "the headers are too large")
            _refuse_nonsense(self._buffer)
            self._searched = max(0, len(self._buffer) - 3)
            return False
        self._head = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self._searched = 0
        self._begin_body(self._head.headers)
        return True

    def _begin_body(self, headers: Mapping[str, str]) -> None:
        self._size = 0
        self.wants_continue = headers.get("expect", "").lower() == "100-continue"
        coding = headers.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                raise BadHttp(501, f"transfer-encoding {coding} is not known")
            self._step = self._read_chunk_size
            return
        length = headers.get("content-length", "0")
        if not _LENGTH.match(length):
            raise BadHttp(400, f"content-length {length!r} is not a number")
        self._grow(int(length))
        self._step = self._read_body if self._missing else None

    def _grow(self, size: int) -> None:
        self._missing = size
        self._size += size
        if self._size > MAX_BODY:
            raise BadHttp(413, f"the body is larger than {MAX_BODY} bytes")

    def _take(self) -> bool:
        """Take what is there of the bytes that are missing; whether none is missing any more."""
        piece = bytes(self._buffer[: self._missing])
        del self._buffer[: len(piece)]
        self._missing -= len(piece)
        self._pieces.append(piece)
        self.wants_continue = self.wants_continue and not piece
        return not self._missing

    def _read_body(self) -> bool:
        if not self._take():
            return False
        self._step = None
        return True

    def _read_chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        match = _CHUNK_SIZE.match(line)
        if match is None:
            raise BadHttp(400, "a chunk has no size")
        self._grow(int(match[1], 16))
        self._step = self._read_chunk if self._missing else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        if not self._take():
            return False
        self._step = self._read_chunk_end
        return True

    def _read_chunk_end(self) -> bool:
        line = self._line()
        if line:
            raise BadHttp(400, "a chunk is longer than it says")
        if line is None:
            return False
        self._step = self._read_chunk_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        if line == b"":
            self._step = None
        return line is not None

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD:
                raise BadHttp(431, "a line of the chunked body is too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _refuse_nonsense(start: bytearray) -> None:
    """A client that speaks something else (TLS, most often) should hear of it now, not when it gives up waiting."""
    first = bytes(start[:1])
    if first and not first.isupper():
        raise BadHttp(400, "this is not HTTP; was https:// meant to be http://?")


def parse_head(data: bytes) -> HttpHead:
    """
    Read a request line and headers, without the empty line after them.

    Raises:
        BadHttp: Not HTTP/1.0 or HTTP/1.1.
    """
    first, *lines = data.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not _METHOD.match(words[0]) or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadHttp(400, f"this is no HTTP/1.1 request line: {first[:80]!r}")
    method, target, version = words
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadHttp(400, f"this is no header line: {line[:80]!r}")
        key, text = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    path, _, query = target.partition("?")
    connection = headers.get("connection", "").lower()
    keep = connection != "close" if version == "HTTP/1.1" else connection == "keep-alive"
    return HttpHead(method, unquote(path), query, headers, keep)


def reply_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Write a status line and headers, with the empty line after them."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Write one chunk of a chunked body; an empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)
