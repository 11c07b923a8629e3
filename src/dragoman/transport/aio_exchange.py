"""
One answer of the async face, while it is read.

aiohttp feeds the body into a stream; here are the deadlines, the end, and how it is left.  A deadline that passes,
and a cancel, close the connection: bytes that nobody waits for must never be read by the next request.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress
from typing import Final, cast

import aiohttp
from aiohttp import http_exceptions
from aiohttp.connector import Connection

from dragoman.errors import WireError
from dragoman.transport.base import Clockout, Disconnected
from dragoman.transport.connectors import Line
from dragoman.transport.decompress import Intake
from dragoman.transport.headers import incoming
from dragoman.transport.sessions import Broken, LoopPool

# How long a whole answer's connection is watched for the end of its body, so that it can be kept.  Nobody waits for it.
_GRACE: Final = 1.0
# What aiohttp raises when a connection fails or what comes is not HTTP.
FAILURES: Final = (aiohttp.ClientError, http_exceptions.HttpProcessingError, Broken, OSError)


class AsyncExchange:
    """
    One answer that is being read.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; repeated ones joined by `, `.
        until: When the read that is under way must end; None while there is none, or without such a time.
    """

    def __init__(self, pool: LoopPool, response: aiohttp.ClientResponse, limits: tuple[int, int], reused: bool) -> None:
        self.status = response.status
        self.headers = incoming(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers], limits[0]
        )
        self._intake = Intake(self.headers, limits[1])
        self._plain = self._intake.plain
        self._pool = pool
        self._response = response
        self._content = response.content
        self._reused = reused
        self.until: float | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._expired = False
        self._failure: BaseException | None = None
        self._lock = threading.Lock()  # held for the handing over of the socket, never over a wait
        self._aborted = False
        self._left = False
        self._line: Line | None = None
        self._socket: socket.socket | None = None
        pool.enter()
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            self._socket = _socket_of(connection)
            self._line = cast("Line", connection.protocol)
            self._line.lost = self._on_lost
        # At once, if the body has ended already.  aiohttp's own callback comes first: it puts the connection back.
        self._content.on_eof(self._on_end)

    async def read(self, until: float | None) -> bytes:
        """As the seam says; after `Clockout` or a cancel the connection is closed."""
        try:
            if self._plain:
                return self._intake.count(await self._raw(until))
            return await self._inflated(until)
        except WireError:
            self.abort()
            raise

    async def _inflated(self, until: float | None) -> bytes:
        data = self._intake.pending()
        while not data:
            raw = await self._raw(until)
            if not raw:
                self._intake.close()
                break
            data = self._intake.take(raw)
        return data

    async def _raw(self, until: float | None) -> bytes:
        if self._failure is not None:
            raise self._disconnected(self._failure)
        if until is not None and not self._left and until <= time.monotonic():
            self.abort()
            raise Clockout(sent=True)
        content = self._content
        try:
            data = content.read_nowait()
            if data or content.is_eof():
                return data
            self.until = until
            self._pool.deadlines.hold(self)
            return await content.readany()
        except asyncio.CancelledError:
            self.abort()
            raise
        except (*FAILURES, RuntimeError) as error:  # RuntimeError: the stream lost its connection
            return self._salvage(error)
        finally:
            self.until = None

    def _salvage(self, error: BaseException) -> bytes:
        """What came before a failure is given out first; aiohttp would drop it."""
        if self._expired:
            raise Clockout(sent=True) from None
        self._content.set_exception(cast(BaseException, None))
        rest = self._content.read_nowait()
        self._failure = error
        if not rest:
            raise self._disconnected(error) from error
        return rest

    def _disconnected(self, error: BaseException) -> Disconnected:
        reason = "the exchange was aborted" if self._aborted else reason_of(error)
        self.abort()
        return Disconnected(reason, answered=True, reused=self._reused)

    def release(self) -> None:
        """
        The answer is whole: keep the connection if its body ends within a second, else close it.

        Never waits; call it in the loop's thread.
        """
        if not self._left and not self._aborted:
            self._grace = self._pool.loop.call_later(_GRACE, self.abort)
            self._pool.linger(self.abort)

    def abort(self) -> None:
        """Close the connection now.  Idempotent, from any thread."""
        with self._lock:
            if self._aborted:
                return
            self._aborted = True
            taken, self._socket = self._socket, None
            # Under the lock: once the body has ended, the socket is another exchange's.
            if taken is not None:
                _shutdown(taken)
        loop = self._pool.loop
        if _running_loop() is loop:
            self._finish()
            return
        with suppress(RuntimeError):  # the loop is closed, and with it all its connections
            loop.call_soon_threadsafe(self._finish)

    def _on_end(self) -> None:
        with self._lock:
            self._socket = None
        self._leave()

    def _on_lost(self) -> None:
        """
        The connection is gone.  A reader that waits would not hear of it if that was because the framing is damaged.

        Seen with aiohttp 3.14: its parser gives the body up before it raises, so the body is never told.
        """
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("the framing of the body is damaged"))

    def _finish(self) -> None:
        self._leave()
        self._response.close()

    def _leave(self) -> None:
        if self._left:
            return
        self._left = True
        if self._grace is not None:
            self._grace.cancel()
        if self._line is not None:
            self._line.lost = None
        self._pool.deadlines.drop(self)
        self._pool.leave(self.abort)

    def run_out(self) -> None:
        """The read that is under way has waited too long."""
        self._expired = True
        self.abort()


def reason_of(error: BaseException) -> str:
    """A failure in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    return str(error) or type(error).__name__


def _socket_of(connection: Connection) -> socket.socket | None:
    transport = connection.transport
    return None if transport is None else transport.get_extra_info("socket")


def _shutdown(taken: socket.socket) -> None:
    # Not connected any more; or a loop that does not give its sockets away (uvloop), which closes it soon.
    with suppress(OSError, TypeError):
        taken.shutdown(socket.SHUT_RDWR)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
