"""
Newline-delimited JSON, without I/O.

Bytes go in by `feed`, whole lines come out.  A line may arrive cut at any byte; the result must not depend on where.
This module knows nothing of JSON or of any provider.

Rules: a line ends at LF and nowhere else (not at U+0085 or U+2028, which JSON texts may hold), a CR before it belongs
to the end; lines are bytes, so that no character is ever cut; blank lines are keep-alives; one byte order mark at the
very start is dropped.  Memory is bounded: a line larger than `max_line` bytes is refused.  Time is linear in the bytes,
however small the pieces.

Source: the NDJSON specification 1.0; RFC 8259 for what a JSON text may hold.
"""

from __future__ import annotations

from typing import Final

from dragoman.errors import WireError

MAX_LINE: Final = 16 * 1024 * 1024

_BOM: Final = b"\xef\xbb\xbf"


class Splitter:
    """
    Bytes in, lines out.

    Attributes:
        failure: What ended the stream: a line above the limit.  The caller raises it after the lines that came before
            it; every later `feed` raises it itself.
    """

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self.failure: WireError | None = None
        self._max = max_line
        self._pieces: list[bytes] = []  # of the line whose end has not come
        self._size = 0
        self._started = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take bytes and return the lines that they complete, without their ends; blank lines are left out."""
        if self.failure is not None:
            raise self.failure
        head, newline, rest = chunk.partition(b"\n")
        if not newline:
            self._hold(chunk)
            return []
        self._hold(head)
        lines: list[bytes] = []
        if self.failure is None:
            lines.append(self.rest())
            *whole, last = rest.split(b"\n")
            self._add(whole, lines)
            self._hold(last)
        return [line for line in lines if line]

    def rest(self) -> bytes:
        """Take what came after the last line's end: the last line, if the bytes have ended without one."""
        line = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        if not self._started and line:
            self._started = True
            line = line.removeprefix(_BOM)
        return line.strip(b" \t\r")

    def _add(self, whole: list[bytes], lines: list[bytes]) -> None:
        for line in whole:
            if len(line) > self._max:
                self._refuse()
                return
            lines.append(line.strip(b" \t\r"))

    def _hold(self, piece: bytes) -> None:
        if not piece or self.failure is not None:
            return
        self._size += len(piece)
        if self._size > self._max:
            self._refuse()
        else:
            self._pieces.append(piece)

    def _refuse(self) -> None:
        self._pieces = []
        self.failure = WireError(f"a line of the stream is larger than {self._max} bytes")


def encode(line: bytes) -> bytes:
    """
    Write one line; it must hold no LF, as JSON without indentation does not.

    >>> encode(b"{}")
    b'{}\\n'
    """
    return line + b"\n"
