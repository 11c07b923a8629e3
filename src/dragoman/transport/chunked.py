"""
The chunked transfer coding, without I/O.

Bytes go in by `feed`, payload comes out; they may be cut at any place.  Why not the reader of the standard library: it
blocks in the middle of a chunk's frame, so it can neither give out all that is there at once, nor look for the end of a
body without waiting, and it takes `-5` and `1_0` for sizes.

Rule: memory is bounded; what is held back is never more than `MAX_LINE`.

Source: RFC 9112 section 7.1.
"""

from __future__ import annotations

import re
from typing import Final

MAX_LINE: Final = 8 * 1024

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n").match
# What may become one: garbage is known at its first byte, not when a line end comes, which may be never.
_START: Final = re.compile(rb"[0-9A-Fa-f]{0,15}[ \t]*(?:;[^\n]*)?\r?").fullmatch


class ChunkError(Exception):
    """The frames are damaged."""


class Dechunker:
    """
    Reads one body.

    Attributes:
        done: The last chunk and its trailers were read.
        extra: Bytes came after the end, so the connection cannot be used again.
    """

    __slots__ = ("_between", "_held", "_left", "_trailers", "done", "extra")

    def __init__(self) -> None:
        self.done = False
        self.extra = False
        self._held = b""  # a frame that is not whole
        self._left = 0  # payload bytes still to come of the open chunk
        self._between = False  # the line end after a chunk is still to come
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """
        Take bytes, return their payload.

        Raises:
            ChunkError: Not the chunked coding.
        """
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._between = not self._left
                continue
            size = self._frame(data, at)
            if not size:
                self._hold(data, at)
                break
            at += size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, data: bytes, at: int) -> None:
        if len(data) - at > MAX_LINE:
            raise ChunkError("a line between chunks is too long")
        self._held = data[at:]

    def _frame(self, data: bytes, at: int) -> int:
        """Read what stands at `at`, which is no payload.  Return its length, 0 if it is not whole."""
        if self.done:
            self.extra = True
            return len(data) - at
        if self._trailers:
            return self._read_trailers(data, at)
        if self._between:
            return self._read_line_end(data, at)
        return self._read_size(data, at)

    def _read_line_end(self, data: bytes, at: int) -> int:
        size = 2 if data.startswith(b"\r\n", at) else 1 if data.startswith(b"\n", at) else 0
        if size:
            self._between = False
        elif data[at:] != b"\r":
            raise ChunkError("a chunk is longer than its size says")
        return size

    def _read_size(self, data: bytes, at: int) -> int:
        match = _SIZE(data, at)
        if match is None:
            if not _START(data, at):
                raise ChunkError("a chunk's size is not a number")
            return 0
        self._left = int(match[1], 16)
        self._trailers = not self._left
        return match.end() - at

    def _read_trailers(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        if end < 0:
            return 0
        self.done = data[at:end] in (b"", b"\r")
        return end + 1 - at
