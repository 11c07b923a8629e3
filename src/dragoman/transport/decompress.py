"""
What happens to body bytes between socket and caller: they are counted, and inflated if the server compressed them.

Rule: memory is bounded.  Inflating goes in steps of at most `STEP` bytes, however small the input that asks for them,
and the sum is held against the limit of the body.  A stream that does not end where its format says is damaged, never
short.

Source: RFC 9110 section 8.4.1; RFC 1950 to 1952.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from dragoman.errors import WireError

STEP: Final = 256 * 1024

_WINDOW: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class Inflater:
    """
    Decompresses gzip (of one or more members) and deflate.

    Attributes:
        pending: `feed(b"")` may give more without new input.
    """

    def __init__(self, encoding: str) -> None:
        self.pending = False
        self._encoding = encoding
        self._window = _WINDOW[encoding]
        self._zlib = zlib.decompressobj(self._window)
        self._rest = b""
        self._fresh = True  # no byte of the member was read

    def feed(self, data: bytes) -> bytes:
        """
        Take compressed bytes, return at most `STEP` bytes.

        Raises:
            WireError: Damaged.
        """
        data = self._rest + data
        self._rest = b""
        if self._fresh and not self._opened(data):
            self._rest = data
            return b""
        if self._zlib.eof and not self._next_member(data):
            self.pending = False
            return b""
        if not data and not self.pending:
            return b""
        self._fresh = False
        try:
            out = self._zlib.decompress(data, STEP)
        except zlib.error as error:
            raise self._damaged(str(error)) from None
        self._rest = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
        self.pending = bool(self._rest) or len(out) >= STEP
        return out

    def close(self) -> None:
        """
        Raises:
            WireError: The compressed data ends too early.
        """
        if not self._zlib.eof and (self._rest or not self._fresh):
            raise self._damaged("it ends too early")

    def _opened(self, data: bytes) -> bool:
        """
        Whether enough is there to begin.

        `deflate` means zlib's format, but some servers send it bare (RFC 9110 section 8.4.1.2, note).  Its first two
        bytes tell: RFC 1950 section 2.2.
        """
        if self._encoding != "deflate":
            return True
        if len(data) < 2:
            return False
        if data[0] & 0x0F != 8 or (data[0] << 8 | data[1]) % 31:
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        return True

    def _next_member(self, data: bytes) -> bool:
        if not data.strip(b"\0"):  # padding
            return False
        if self._encoding == "deflate":
            raise self._damaged("bytes follow its end")
        self._zlib = zlib.decompressobj(self._window)
        return True

    def _damaged(self, why: str) -> WireError:
        return WireError(f"the answer's {self._encoding} compression is damaged: {why}")


class Intake:
    """Counts the body, and inflates it if need be.  One for each exchange."""

    __slots__ = ("_inflater", "_left", "_limit")

    def __init__(self, headers: Mapping[str, str], limit: int) -> None:
        """
        Args:
            headers: Of the answer.
            limit: Largest body in bytes, after decompression.

        Raises:
            WireError: A compression that was not asked for and is not known.
        """
        self._left = self._limit = limit
        encoding = headers.get("content-encoding", "identity").strip().lower()
        self._inflater = None if encoding in ("identity", "") else _inflater(encoding)

    @property
    def plain(self) -> bool:
        """Whether bytes pass as they come."""
        return self._inflater is None

    def count(self, data: bytes) -> bytes:
        """Return `data`, or raise WireError if the body is now larger than the limit."""
        self._left -= len(data)
        if self._left < 0:
            raise WireError(f"the answer's body is larger than {self._limit} bytes")
        return data

    def pending(self) -> bytes:
        """Return bytes that are there without new input, or `b""`."""
        inflater = self._inflater
        while inflater is not None and inflater.pending:
            if data := inflater.feed(b""):
                return self.count(data)
        return b""

    def take(self, raw: bytes) -> bytes:
        """Take bytes of the body; return what they give, which may be nothing yet."""
        if self._inflater is None:
            return self.count(raw)
        return self.count(self._inflater.feed(raw)) or self.pending()

    def close(self) -> None:
        """The body has ended; raise WireError if its compression has not."""
        if self._inflater is not None:
            self._inflater.close()


def _inflater(encoding: str) -> Inflater:
    if encoding not in _WINDOW:
        raise WireError(f"the answer is compressed as {encoding!r}, which was not asked for and cannot be read")
    return Inflater(encoding)
