"""
The transport of the async face, over aiohttp.

A request is sent at most once for each `open`.  A task that is cancelled in `open` or `read` closes its connection:
bytes of an answer that nobody waits for must never be read by the next request.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import time
import weakref
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

from dragoman.errors import ConnectError, WireError
from dragoman.transport.aio_exchange import FAILURES, AsyncExchange, reason_of
from dragoman.transport.base import Clockout, Disconnected, Limits
from dragoman.transport.connectors import Call
from dragoman.transport.failures import connect_error, refusal, wants_certificate
from dragoman.transport.headers import outgoing, too_large
from dragoman.transport.names import earlier
from dragoman.transport.proxy import Proxies
from dragoman.transport.routes import Route, Routes
from dragoman.transport.sessions import LoopPools
from dragoman.transport.tls import TrustStore
from dragoman.transport.tls_value import TLS
from dragoman.transport.upload import Pieces, size_of
from dragoman.types.http import HttpRequest

# aiohttp warns of larger bodies that are bytes, and does not of files: those it sends in pieces.
_LARGE: Final = 512 * 1024


class AsyncTransport:
    """Opens exchanges; any number of tasks may use one, in any number of loops, and so may the child of a fork."""

    def __init__(
        self,
        *,
        proxy: Proxies | None = None,
        environ: Mapping[str, str] | None = None,
        tls: TLS | None = None,
        max_headers: int = Limits.headers,
        max_body: int = Limits.body,
    ) -> None:
        """
        Args:
            proxy: URL of the proxy for all requests, or one for each scheme; `""` for none; None lets `environ` decide,
                see `proxy`.
            environ: Environment variables for proxies and certificates, looked at from the first call on; None for
                none.
            tls: Whom to trust and who to be; None for the defaults.
            max_headers: Largest headers of an answer, in bytes.
            max_body: Largest body of an answer, in bytes, after decompression.

        Raises:
            ConfigError: `proxy` has not the form of proxies.
        """
        self._routes = Routes(environ, proxy)
        self._trust = TrustStore(environ or {}, tls)
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
        call = Call(pool.deadlines, first, until)
        try:
            with call:
                if route.encrypted:
                    arguments["ssl"] = self._trust.ready or await asyncio.to_thread(self._trust.context)
                await pool.settle()
                response = await pool.session(route).request(
                    request.method, _url(route.origin.url + target), **arguments
                )
        except FAILURES as error:
            if call.expired:
                raise Clockout(sent=call.connected) from None
            raise self._failed(error, route, call) from error
        if response.status == 407 and route.forwarded:
            response.close()
            raise connect_error(route, refusal(407, response.reason or ""))
        try:
            limits = (self._limits[0], sys.maxsize) if request.large else self._limits
            return AsyncExchange(pool, response, limits, call.reused)
        except WireError:
            response.close()
            raise

    def _failed(self, error: BaseException, route: Route, call: Call) -> Exception:
        if not call.connected:
            return _no_connection(error, route)
        causes = list(_causes(error))
        if not call.reused and any(map(wants_certificate, causes)):
            return connect_error(route, next(filter(wants_certificate, causes)))
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
        return Disconnected(reason_of(causes[-1]), answered=answered, reused=call.reused)

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
    headers, body, proxy = outgoing(request, alone=route.forwarded), request.body, route.proxy
    arguments: dict[str, Any] = {"headers": headers, "allow_redirects": False}
    if request.upload is not None:
        headers["content-length"] = str(size_of(request.upload))  # else aiohttp would send it chunked
        arguments["data"] = Pieces(request.upload)
    elif body:
        arguments["data"] = aiohttp.BytesPayload(body) if len(body) < _LARGE else io.BytesIO(body)
    if request.method == "POST":
        arguments["middlewares"] = ()  # aiohttp sends it once by itself
    if proxy is not None and not proxy.socks:
        arguments["proxy"] = _url(f"{proxy.scheme}://{proxy.netloc}")
        if proxy.authorization is not None:
            # With CONNECT it is for the proxy's eyes; without, the proxy takes it out of the request.  Never one dict
            # for both: of an `authorization` among the proxy's headers aiohttp makes the one for the proxy.
            target = headers if route.forwarded else arguments.setdefault("proxy_headers", {})
            target["proxy-authorization"] = proxy.authorization
    return arguments


@lru_cache(maxsize=256)
def _url(text: str) -> URL:
    return URL(text, encoded=True)


def _no_connection(error: BaseException, route: Route) -> ConnectError:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return connect_error(route, refusal(error.status, error.message))
    causes = list(_causes(error))
    system = [cause for cause in causes if isinstance(cause, OSError)]  # what others raised it from knows less
    return connect_error(route, (system or causes)[-1], at_proxy=_at_proxy(causes, route))


def _at_proxy(causes: list[BaseException], route: Route) -> bool:
    """Whether the connection to the proxy failed, not the one behind it."""
    where = [(cause.host, cause.port) for cause in causes if isinstance(cause, aiohttp.ClientConnectorError)]
    return route.proxy is not None and (route.proxy.host, route.proxy.port) in where


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what aiohttp wrapped in it, outermost first."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = getattr(inner, "certificate_error", None) or getattr(inner, "os_error", None) or inner.__cause__


_transports: weakref.WeakSet[AsyncTransport] = weakref.WeakSet()


def _after_fork() -> None:
    for transport in list(_transports):
        transport._forget()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
