"""
Server-sent events, without I/O.

Bytes go in by `feed`, whole events come out.  An event may arrive cut at any byte; the result must not depend on where.
This module knows nothing of JSON or of any provider.

Rules: lines end at CR, LF or CRLF and nowhere else (not at U+0085 or U+2028, as `str.splitlines` would); one byte order
mark at the very start is dropped; an event without its blank line when the bytes end is not an event.  Memory is
bounded: an event larger than `max_frame` bytes raises `WireError`.  Time is linear in the bytes, however small the
pieces.

Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from typing import Final

import msgspec

from dragoman.errors import WireError

_BOM: Final = b"\xef\xbb\xbf"
MAX_FRAME: Final = 16 * 1024 * 1024


class ServerSentEvent(msgspec.Struct, frozen=True):
    """
    One dispatched event.

    Attributes:
        event: Its type; `message` where the stream names none.
        data: Its data lines, joined by LF.
        id: The last event id that the stream had set when it was dispatched.
    """

    event: str
    data: str
    id: str


Frame = tuple[bytes, bytes]
"""Event type (empty where none was named) and data, as bytes."""


class Decoder:
    """
    The parser: bytes in, events out.

    `feed` gives decoded events; `frames` and `each` give the same as bytes, for a reader that decodes JSON itself.  Use
    one of them for a stream.

    Attributes:
        retry: Reconnection time that the stream asked for, in milliseconds, or None.
        last_id: The last event id that was set.
        failure: What ended the stream: an event above the limit.  Every later call raises it.
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self.retry: int | None = None
        self.last_id = ""
        self.failure: WireError | None = None
        self._max = max_frame
        self._started = False
        self._head = b""  # up to three bytes, while a byte order mark is possible
        self._line: list[bytes] = []  # pieces of a line whose end has not come
        self._size = 0  # bytes held for the event in the making
        self._data: list[bytes] = []
        self._type = b""
        self._skip_lf = False  # the last piece ended in CR: an LF that comes next belongs to it

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """
        Take bytes and return the events that they complete.  Invalid UTF-8 becomes U+FFFD, as the standard says.

        Raises:
            WireError: An event is larger than `max_frame`.  If whole events came before it in `chunk`, they are
                returned and the next call raises.
        """
        events: list[ServerSentEvent] = []
        for frame in self._frames(chunk):
            kind, data, last_id = frame
            events.append(
                ServerSentEvent(kind.decode("utf-8", "replace") or "message", data.decode("utf-8", "replace"), last_id)
            )
        return events

    def frames(self, chunk: bytes) -> list[Frame]:
        """Like `feed`, as (type, data) in bytes, undecoded."""
        return list(self.each(chunk))

    def each(self, chunk: bytes) -> Iterable[Frame]:
        """Like `frames`, for one look at each; the bytes are taken in at once."""
        if not self._started and not self._head and chunk and not _BOM.startswith(chunk[:1]):
            self._started = True
        if not self._started or self._skip_lf or self.failure is not None or b"\r" in chunk:
            return self._slowly(chunk)
        frames: list[Frame] = []
        if self._size or self._line:
            # Up to the end of the event that is in the making; behind it nothing is pending.
            end = chunk.find(b"\n\n") + 2
            if end < 2:
                return self._slowly(chunk)
            frames = self._slowly(chunk[:end])
            if self.failure is not None:
                return frames
            chunk = chunk[end:]
        whole, found, rest = chunk.rpartition(b"\n\n")
        if found:
            quick = self._quickly(whole)
            if quick is None:
                return frames + self._slowly(chunk)
            last = self._slowly(rest) if rest else []
            return chain(frames, quick, last) if frames or last else quick
        return frames + self._slowly(rest) if rest else frames

    def _quickly(self, events: bytes) -> Iterable[Frame] | None:
        """
        Cut whole events by a few C calls, if each is what live streams consist of: one data line, or a type and one
        data line.  None if any is not.
        """
        if events[:6] == b"data: " and len(events) <= self._max:
            lines = events[6:].split(b"\n\ndata: ")
            if len([data for data in lines if b"\n" not in data]) == len(lines):
                return zip(repeat(b""), lines)  # makes no tuples: thousands would wake the garbage collector
        frames: list[Frame] = []
        for block in events.split(b"\n\n"):
            head, typed, line = block.partition(b"\n")
            kind = head[7:] if typed else b""
            data = line if typed else head
            if (typed and head[:7] != b"event: ") or data[:6] != b"data: " or b"\n" in data or len(block) > self._max:
                return None
            frames.append((kind, data[6:]))
        return frames

    def _slowly(self, chunk: bytes) -> list[Frame]:
        return [(kind, data) for kind, data, _ in self._frames(chunk)]

    def _frames(self, chunk: bytes) -> list[tuple[bytes, bytes, str]]:
        if self.failure is not None:
            raise self.failure
        if not self._started:
            chunk = self._drop_bom(chunk)
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        if not chunk:
            return []
        if chunk[-1:] == b"\r":
            self._skip_lf = True
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        dispatched: list[tuple[bytes, bytes, str]] = []
        try:
            self._lines(chunk, dispatched)
        except WireError as error:
            # The events before it are whole; what a reader gets must not depend on how the bytes were cut.
            self.failure = error
            if not dispatched:
                raise
        return dispatched

    def _lines(self, chunk: bytes, dispatched: list[tuple[bytes, bytes, str]]) -> None:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._grow(len(line))
            if self._line:
                self._line.append(line)
                line = b"".join(self._line)
                self._line = []
            if line:
                self._field(line)
            else:
                self._dispatch(dispatched)
        if rest:
            self._grow(len(rest))
            self._line.append(rest)

    def _drop_bom(self, chunk: bytes) -> bytes:
        head = self._head + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._started, self._head = True, b""
        return head[len(_BOM) :] if head.startswith(_BOM) else head

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._max:
            raise WireError(f"an event of the stream is larger than {self._max} bytes")

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
        elif name == b"id":
            if b"\x00" not in value:
                self.last_id = value.decode("utf-8", "replace")
        elif name == b"retry":
            if value.isdigit() and value.isascii():
                self.retry = int(value[:18])
        elif not name:
            # A comment is whole now; an endless run of keep-alives must not count as one growing event.
            self._size -= len(line)

    def _dispatch(self, dispatched: list[tuple[bytes, bytes, str]]) -> None:
        if self._data:
            dispatched.append((self._type, b"\n".join(self._data), self.last_id))
        self._data, self._type, self._size = [], b"", 0


def encode(data: bytes, event: str | None = None) -> bytes:
    """
    Write one event.

    >>> encode(b"{}", "ping")
    b'event: ping\\ndata: {}\\n\\n'
    """
    head = b"" if event is None else f"event: {event}\n".encode()
    return head + b"".join(b"data: %b\n" % line for line in data.split(b"\n")) + b"\n"


def comment(text: str) -> bytes:
    """Write a keep-alive comment, which readers ignore."""
    return f": {text}\n\n".encode()
