"""
Where the body of an answer ends, on the blocking face.

Rule: an end is proved, by the last chunk or by the length that was announced.  Without either (HTTP/1.0) the
connection's end is the body's.  A connection that ends sooner is an error, never an end.

Source: RFC 9112 section 6.3.
"""

from __future__ import annotations

from dragoman.transport.chunked import ChunkError, Dechunker
from dragoman.transport.line import Line, NotYet

# Bytes asked for at once.  One event has some hundred; a larger buffer costs more to make than it saves.
_SIZE = 32 * 1024
# What may still come after an answer that is whole, so that its connection is worth keeping.
_TAIL = 64 * 1024


class Cut(Exception):
    """The connection ended before the body."""


class Body:
    """
    Reads one body from a line.

    Attributes:
        ended: Its end was read.
        broken: It cannot be read any further.
    """

    def __init__(self, line: Line, rest: bytes, *, chunked: bool, length: int | None) -> None:
        """
        Args:
            rest: What was received after the headers.
            chunked: Whether it comes in chunks.
            length: Its size in bytes if announced, and not chunked.
        """
        self.ended = length == 0 and not chunked
        self.broken = False
        self._line = line
        self._rest = rest
        self._chunks = Dechunker() if chunked else None
        self._length = None if chunked else length
        self._extra = self.ended and bool(rest)

    @property
    def clean(self) -> bool:
        """Whether the connection can carry another exchange: the end is proved, and nothing follows it."""
        framed = self._chunks is not None or self._length is not None
        return self.ended and framed and not self._extra

    def read(self) -> bytes:
        """
        Return the next bytes, as soon as there are any; `b""` at the end.

        Raises:
            Cut, ChunkError: The body is not whole.
            OSError, Clockout, NotYet: From the line.
        """
        while not self.ended:
            raw = self._rest
            if raw:
                self._rest = b""
            else:
                raw = self._line.recv(_SIZE)
                if not raw:
                    self._end_of_line()
                    break
            data = self._framed(raw)
            if data:
                return data
        return b""

    def drain(self) -> bool:
        """Look for the end without waiting; whether it was found."""
        line, patient = self._line, self._line.patient
        line.patient = False
        left = _TAIL
        try:
            while not self.ended and left > 0:
                left -= len(self.read())
        except NotYet:
            return False
        except (OSError, Cut, ChunkError):
            self.broken = True
            return False
        finally:
            line.patient = patient
        self.broken = not self.ended
        return self.ended

    def _framed(self, raw: bytes) -> bytes:
        chunks = self._chunks
        if chunks is not None:
            data = chunks.feed(raw)
            if chunks.done:
                self.ended, self._extra = True, chunks.extra
            return data
        if self._length is None:
            return raw
        data = raw[: self._length]
        self._extra = len(raw) > self._length
        self._length -= len(data)
        self.ended = not self._length
        return data

    def _end_of_line(self) -> None:
        if self._chunks is not None:
            raise Cut("the connection ended in the middle of the body")
        if self._length is not None:
            raise Cut(f"the connection ended {self._length} bytes before the end of the body")
        self.ended = True
