"""
The transport of the async face, over aiohttp.

A request is sent at most once for each `open`.  A task that is cancelled in `open` or `read` closes its connection:
bytes of an answer that nobody waits for must never be read by the next request.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, cast

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

from dragoman.errors import ConnectError, WireError
from dragoman.transport.base import Clockout, Disconnected, Limits
from dragoman.transport.decompress import Intake
from dragoman.transport.failures import connect_error
from dragoman.transport.headers import incoming, outgoing, too_large
from dragoman.transport.names import earlier
from dragoman.transport.routes import Route, Routes
from dragoman.transport.sessions import CALL, Broken, Call, LoopPool, LoopPools
from dragoman.transport.tls import TrustStore
from dragoman.types.http import HttpRequest

# How long a whole answer's connection is watched for the end of its body, so that it can be kept.  Nobody waits for it.
_GRACE: Final = 1.0
# aiohttp warns of larger bodies that are bytes, and does not of files: those it sends in pieces.
_LARGE: Final = 512 * 1024
# What aiohttp raises when a connection fails or what comes is not HTTP.
_FAILURES: Final = (aiohttp.ClientError, http_exceptions.HttpProcessingError, Broken, OSError)


class AsyncExchange:
    """
    One answer that is being read.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; repeated ones joined by `, `.
    """

    def __init__(self, pool: LoopPool, response: aiohttp.ClientResponse, limits: tuple[int, int], reused: bool) -> None:
        fields = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
        self.status = response.status
        self.headers = incoming(fields, limits[0])
        self._intake = Intake(self.headers, limits[1])
        self._plain = self._intake.plain
        self._pool = pool
        self._response = response
        self._content = response.content
        self._reused = reused
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._waiting = False
        self._expired = False
        self._failure: BaseException | None = None
        self._lock = threading.Lock()  # held for the handing over of the socket, never over a wait
        self._aborted = False
        self._left = False
        self._lost: asyncio.Future[None] | None = None
        self._socket: socket.socket | None = None
        pool.enter()
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            self._socket = _socket_of(connection)
            self._lost = pool.watch(connection.protocol, self._on_lost)
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
        self._arm(until)
        self._waiting = True
        try:
            return await self._content.readany()
        except asyncio.CancelledError:
            self.abort()
            raise
        except (*_FAILURES, RuntimeError) as error:  # RuntimeError: the stream lost its connection
            return self._salvage(error)
        finally:
            self._waiting = False

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
        reason = "the exchange was aborted" if self._aborted else _reason(error)
        self.abort()
        return Disconnected(reason, answered=True, reused=self._reused)

    def release(self) -> None:
        """
        The answer is whole: keep the connection if its body ends within a second, else close it.

        Never waits; call it in the loop's thread.
        """
        self._disarm()
        if not self._left and not self._aborted:
            self._timer = self._pool.loop.call_later(_GRACE, self.abort)

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
        self._disarm()
        if not self._left:
            self._left = True
            self._pool.leave(self._lost)

    # One timer serves all reads: it is set again only for an earlier deadline, and looks at the present one when it
    # fires.

    def _arm(self, until: float | None) -> None:
        self._until = until
        if until is None or self._left:
            return
        if until <= time.monotonic():
            self.abort()
            raise Clockout(sent=True)
        if self._timer is None or until < self._timer_at:
            self._set_timer(until)

    def _set_timer(self, until: float) -> None:
        self._disarm()
        self._timer_at = until
        self._timer = self._pool.loop.call_at(cast(float, self._pool.when(until)), self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._timer = None
        if not self._waiting or self._until is None:
            return
        if self._until > time.monotonic():
            self._set_timer(self._until)
            return
        self._expired = True
        self.abort()


class AsyncTransport:
    """Opens exchanges; any number of tasks may use one, in any number of loops, and so may the child of a fork."""

    def __init__(
        self,
        *,
        proxy: str | None = None,
        environ: Mapping[str, str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        ca_file: str | None = None,
        max_headers: int = Limits.headers,
        max_body: int = Limits.body,
    ) -> None:
        """
        Args:
            proxy: URL of the proxy for all requests; `""` for none; None lets `environ` decide, see `proxy`.
            environ: Environment variables for proxies and certificates, looked at from the first call on; None for
            none. ssl_context: Used for all TLS connections, instead of one that is made. ca_file: PEM file of the
            authorities to trust, instead of the system's. max_headers: Largest headers of an answer, in bytes.
            max_body: Largest body of an answer, in bytes, after decompression.
        """
        self._routes = Routes(environ, proxy)
        self._trust = TrustStore(environ or {}, ssl_context=ssl_context, ca_file=ca_file)
        self._limits = (max_headers, max_body)
        self._pools = LoopPools()
        _transports.add(self)

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> AsyncExchange:
        """As the seam says."""
        route, target = self._routes.find(request.url)
        arguments = _arguments(request, route)
        pool = self._pools.current()
        first = earlier(connect_until, until)
        if first is not None and first <= time.monotonic():
            raise Clockout(sent=False)
        call = Call(pool.when(first), pool.when(until))
        token = CALL.set(call)
        try:
            async with call.scope:
                if route.origin.scheme == "https":
                    arguments["ssl"] = self._trust.ready or await asyncio.to_thread(self._trust.context)
                await pool.settle()
                session = pool.session(route.proxy if route.proxy is not None and route.proxy.socks else None)
                response = await session.request(request.method, _url(route.origin.url + target), **arguments)
        except _FAILURES as error:
            if call.scope.expired():
                raise Clockout(sent=call.connected) from None
            raise self._failed(error, route, call) from error
        finally:
            CALL.reset(token)
        try:
            return AsyncExchange(pool, response, self._limits, call.reused)
        except WireError:
            response.close()
            raise

    def _failed(self, error: BaseException, route: Route, call: Call) -> Exception:
        if not call.connected:
            return _no_connection(error, route)
        causes = list(_causes(error))
        if any(isinstance(cause, http_exceptions.BadStatusLine) for cause in causes):
            reason = "the server sent something that is not HTTP"
            return Disconnected(reason, answered=False, reused=call.reused)
        if any(isinstance(cause, http_exceptions.LineTooLong) for cause in causes):
            return too_large(self._limits[0])
        for cause in causes:
            if isinstance(cause, http_exceptions.HttpProcessingError):
                return WireError(f"the answer cannot be read: {cause.message.splitlines()[0]}")
        # A message stands here if the connection ended inside the headers.
        answered = any(getattr(getattr(cause, "message", None), "code", 0) >= 100 for cause in causes)
        return Disconnected(_reason(causes[-1]), answered=answered, reused=call.reused)

    def close(self) -> None:
        """
        Close every idle connection; a pool whose loop is busy closes its own when its last exchange ends.

        Idempotent, from any thread; does not wait, see `aclose`.  The transport can be used again.
        """
        self._pools.retire_all()

    async def aclose(self) -> None:
        """Like `close`, and wait until the idle connections of the running loop are closed."""
        running = asyncio.get_running_loop()
        for pool in self._pools.take_all():
            if pool.loop is running:
                await pool.retired()
            else:
                pool.retire_soon()

    def _forget(self) -> None:
        self._trust.reset_lock()
        self._pools.forget()


def _arguments(request: HttpRequest, route: Route) -> dict[str, Any]:
    """Arguments of aiohttp's `request`."""
    headers, body, proxy = outgoing(request), request.body, route.proxy
    arguments: dict[str, Any] = {"headers": headers, "allow_redirects": False}
    if body:
        arguments["data"] = body if len(body) < _LARGE else io.BytesIO(body)
    if proxy is not None and not proxy.socks:
        arguments["proxy"] = _url(f"http://{proxy.netloc}")
        if proxy.authorization is not None:
            # With CONNECT it is for the proxy's eyes; without, the proxy takes it out of the request.
            target = arguments["proxy_headers"] = {} if route.origin.scheme == "https" else headers
            target["proxy-authorization"] = proxy.authorization
    return arguments


@lru_cache(maxsize=256)
def _url(text: str) -> URL:
    return URL(text, encoded=True)


def _no_connection(error: BaseException, route: Route) -> ConnectError:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return connect_error(route.origin, route.proxy, OSError(f"the proxy refused: {error.status} {error.message}"))
    causes = list(_causes(error))
    system = [cause for cause in causes if isinstance(cause, OSError)]  # what others raised it from knows less
    return connect_error(route.origin, route.proxy, (system or causes)[-1])


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what aiohttp wrapped in it, outermost first."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = getattr(inner, "certificate_error", None) or getattr(inner, "os_error", None) or inner.__cause__


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    return str(error) or type(error).__name__


def _socket_of(connection: aiohttp.connector.Connection) -> socket.socket | None:
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


_transports: weakref.WeakSet[AsyncTransport] = weakref.WeakSet()


def _after_fork() -> None:
    for transport in list(_transports):
        transport._forget()  # pyright: ignore[reportPrivateUsage]


os.register_at_fork(after_in_child=_after_fork)
