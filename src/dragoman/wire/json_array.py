"""
An array of JSON objects that comes in pieces: bytes in, whole objects out.

It finds where objects end and does not look into them: each one is decoded by whoever asked.

Rules: memory is bounded: an object larger than `max_item` bytes raises `WireError`.  Time is linear in the bytes,
however small the pieces.  Commas between objects are not counted.

Source: RFC 8259, section 5.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.errors import WireError
from dragoman.wire.sse import MAX_FRAME

_GAP: Final = re.compile(rb"[\s,]*")
_OUTSIDE: Final = re.compile(rb'["{}\[\]]')
_INSIDE: Final = re.compile(rb'["\\]')


class Splitter:
    """
    The parser.

    Attributes:
        closed: The array's end was read; nothing after it is looked at.
        failure: What ended it: an object above the limit, or something else than objects.
    """

    def __init__(self, max_item: int = MAX_FRAME) -> None:
        self.closed = False
        self.failure: WireError | None = None
        self._max = max_item
        self._opened = False
        self._held: list[bytes] = []  # pieces of the object whose end has not come
        self._size = 0
        self._depth = 0
        self._text = False  # inside a string
        self._escaped = False  # the last byte was a backslash inside a string

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take bytes and return the objects that they complete; what came before a failure is returned too."""
        items: list[bytes] = []
        at = 0
        while at < len(chunk) and not self.closed and self.failure is None:
            if self._depth == 0:
                at = self._between(chunk, at)
                continue
            end = self._within(chunk, at)
            self._hold(chunk[at:end])
            if self._depth == 0 and self.failure is None:
                items.append(b"".join(self._held))
                self._held, self._size = [], 0
            at = end
        return items

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            self.failure = WireError(f"an object of the stream is larger than {self._max} bytes")
            self._held = []
            return
        self._held.append(piece)

    def _between(self, chunk: bytes, at: int) -> int:
        """Go to the next object and give its place, or the end of the array or of the piece."""
        gap = _GAP.match(chunk, at)
        at = gap.end() if gap else at
        if at == len(chunk):
            return at
        byte = chunk[at : at + 1]
        if byte == b"[" and not self._opened:
            self._opened = True
            return at + 1
        if byte == b"{" and self._opened:
            self._depth = 1
            self._hold(byte)
        elif byte == b"]" and self._opened:
            self.closed = True
        else:
            self.failure = WireError(f"the stream is no array of objects: {byte!r} stands where one should begin")
        return at + 1

    def _within(self, chunk: bytes, at: int) -> int:
        """Go on inside an object; give the place behind its end, or the end of the piece."""
        if self._escaped:
            self._escaped = False
            at += 1
        while at < len(chunk):
            found = (_INSIDE if self._text else _OUTSIDE).search(chunk, at)
            if found is None:
                return len(chunk)
            at = found.end()
            byte = found[0]
            if byte == b'"':
                self._text = not self._text
            elif byte == b"\\":
                self._escaped = at == len(chunk)
                at += 1
            else:
                self._depth += 1 if byte in b"{[" else -1
                if self._depth == 0:
                    return at
        return len(chunk)
