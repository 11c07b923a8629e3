"""
What goes over the wire, written down for somebody who looks for a fault: `DRAGOMAN_WIRE=1`, or `DRAGOMAN_WIRE=FILE`.

    12:00:01.204 #3 > POST https://api.openai.com/v1/chat/completions
    12:00:01.204 #3 > authorization: [redacted]
    12:00:01.204 #3 > {"model":"gpt-6-luna", ...
    12:00:01.611 #3 < 200
    12:00:01.633 #3 < data: {"choices":[{"delta":{"content":"Hel ...
    12:00:01.702 #3 ! the end

A transport around a transport: what it shows is what the other was given and gave.

Rule: credentials are masked.  Whole lines are masked and written, not pieces as they come, because a key that a server
echoes may be cut anywhere; of a line that is longer than `LONGEST` so much is held back as a key may be long.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from itertools import count
from typing import Final

from dragoman.errors import ConfigError
from dragoman.redact import redact, redact_headers
from dragoman.transport.base import Exchange, Transport
from dragoman.types.http import HttpRequest

VARIABLE: Final = "DRAGOMAN_WIRE"
LONGEST: Final = 64 * 1024
_KEY: Final = 4 * 1024  # longer than any key
_MOST: Final = 1024 * 1024  # bytes of one body that are shown

Sink = Callable[[str], None]


def dumped(transport: Transport, environ: Mapping[str, str]) -> Transport:
    """
    Return the transport, with its traffic written down where the variable asks for it.

    Raises:
        ConfigError: The file that it names cannot be written.
    """
    where = environ.get(VARIABLE, "").strip()
    if where.lower() in ("", "0", "false"):
        return transport
    return Dump(transport, _to_stderr if where.lower() in ("1", "true") else _to_file(where))


class Dump:
    """
    A transport whose traffic is written down.

    Args:
        inner: Does the work.
        sink: Takes lines.
    """

    def __init__(self, inner: Transport, sink: Sink) -> None:
        self._inner = inner
        self._sink = sink

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> Exchange:
        """As the other does."""
        page = _Page(self._sink)
        page.line(">", f"{request.method} {request.url}")
        page.headers(">", request.headers)
        body = _Lines(page, ">")
        body.feed(request.body)
        body.close()
        try:
            exchange = await self._inner.open(request, connect_until=connect_until, until=until)
        except BaseException as error:
            page.line("!", f"{type(error).__name__}: {error}")
            raise
        page.line("<", str(exchange.status))
        page.headers("<", exchange.headers)
        return _Dumped(exchange, page)

    def close(self) -> None:
        """As the other does."""
        self._inner.close()

    async def aclose(self) -> None:
        """As the other does."""
        await self._inner.aclose()


class _Dumped:
    """An answer that is written down while it is read."""

    def __init__(self, inner: Exchange, page: _Page) -> None:
        self._inner = inner
        self._page = page
        self._lines = _Lines(page, "<")
        self._over = False
        self.status = inner.status
        self.headers = inner.headers

    async def read(self, until: float | None) -> bytes:
        try:
            piece = await self._inner.read(until)
        except BaseException as error:
            self._end(f"{type(error).__name__}: {error}")
            raise
        if piece:
            self._lines.feed(piece)
        else:
            self._end("the end")
        return piece

    def release(self) -> None:
        self._end("done with it")
        self._inner.release()

    def abort(self) -> None:
        self._end("left")
        self._inner.abort()

    def _end(self, how: str) -> None:
        """The last line, the first time."""
        if not self._over:
            self._over = True
            self._lines.close()
            self._page.line("!", how)


_numbers: Final = count(1)


class _Page:
    """The lines of one exchange."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._number = next(_numbers)

    def line(self, way: str, text: str) -> None:
        if not text:
            return
        now = time.time()
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        self._sink(
            f"{clock}.{int(now % 1 * 1000):03d} #{self._number} {way} {redact(text)}\n".encode(
                "utf-8", "replace"
            ).decode()
        )

    def headers(self, way: str, headers: Mapping[str, str]) -> None:
        for name, value in redact_headers(headers).items():
            self.line(way, f"{name}: {value}")


class _Lines:
    """Bytes as lines.  Any thread may close it."""

    def __init__(self, page: _Page, way: str) -> None:
        self._page = page
        self._way = way
        self._rest = b""
        self._size = 0
        self._lock = threading.RLock()  # the garbage collector may abort an exchange while this thread feeds it

    def feed(self, piece: bytes) -> None:
        with self._lock:
            room, self._size = max(0, _MOST - self._size), self._size + len(piece)
            *lines, self._rest = (self._rest + piece[:room]).split(b"\n")
            for line in lines:
                self._page.line(self._way, _text(line))
            if len(self._rest) > LONGEST:
                masked = redact(_text(self._rest))
                self._page.line(self._way, masked[:-_KEY])
                self._rest = masked[-_KEY:].encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """The end, or as far as it came.  Idempotent."""
        with self._lock:
            rest, self._rest = self._rest, b""
            more, self._size = self._size - _MOST, 0
            if more > 0:
                rest = rest[:-_KEY]  # it may end in the middle of a key
            if rest:
                self._page.line(self._way, _text(rest))
            if more > 0:
                self._page.line(self._way, f"... {more} bytes more")


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _to_stderr(text: str) -> None:
    stream = sys.stderr
    if stream is not None:
        # It is closed, its disk is full, or the garbage collector came in the middle of a write: the call goes on.
        with suppress(OSError, ValueError, RuntimeError):
            stream.write(text)
            stream.flush()


@cache
def _to_file(path: str) -> Sink:
    """Lines are appended by one write each, so that several processes may share a file.  It stays open."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{VARIABLE}={path} cannot be written ({error.strerror}): give 1 for standard error, or another file",
            field=VARIABLE,
        ) from error

    def write(text: str) -> None:
        with suppress(OSError):  # the disk is full: the call goes on
            os.write(file, text.encode("utf-8", "replace"))

    return write
