"""
How aiohttp connects for us: our names, our sockets, SOCKS, unix sockets, and a word to the call when its connection is
there.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.sslproto import _SSLProtocolTransport  # pyright: ignore[reportPrivateUsage]
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, Token
from functools import partial
from types import TracebackType
from typing import Any, Final, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from dragoman.transport.base import Clockout
from dragoman.transport.deadlines import Deadlines
from dragoman.transport.dial import AGAIN, connected
from dragoman.transport.names import Lookup, lookup
from dragoman.transport.proxy import Proxy
from dragoman.transport.socks import open_socks, pick_address


class Call:
    """
    How far one request has come.  It is a context: inside, its task is cancelled when its deadline passes.

    That ends as `Clockout`, unless someone else has cancelled the task, too.  (As `asyncio.timeout` does it.)

    Attributes:
        until: Its deadline: first that of the connection, then that of the headers.
        connected: It has a connection; from here on bytes may have left.
        reused: The connection served an earlier request.
        expired: Its deadline has passed.
    """

    __slots__ = ("_cancelling", "_deadlines", "_task", "_then", "_token", "connected", "expired", "reused", "until")

    _task: asyncio.Task[Any]
    _token: Token[Call]

    def __init__(self, deadlines: Deadlines, first: float | None, until: float | None) -> None:
        self.until = first
        self.connected = False
        self.reused = False
        self.expired = False
        self._then = until
        self._deadlines = deadlines

    def on_connection(self, reused: bool) -> None:
        """There is a connection now."""
        self.connected, self.reused = True, reused
        if not self.expired:
            self.until = self._then
            self._deadlines.hold(self)

    def run_out(self) -> None:
        """Too late."""
        self.until, self.expired = None, True
        self._task.cancel()

    def __enter__(self) -> None:
        self._token = CALL.set(self)
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())  # who opens an exchange is in one
        self._cancelling = self._task.cancelling()
        self._deadlines.hold(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.drop(self)
        CALL.reset(self._token)
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise Clockout(sent=self.connected) from None


# The call for which the present task opens a connection: aiohttp hands nothing of ours through to its connector.
CALL: Final[ContextVar[Call]] = ContextVar("dragoman_call")


class Resolver(AbstractResolver):
    """Names by `names`; or, for a proxy that takes names, not at all."""

    def __init__(self, proxy: Proxy | None) -> None:
        self._proxy = proxy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        proxy = self._proxy
        if proxy is not None and proxy.takes_names:
            return [_result(host, host, port, socket.AF_INET)]
        found = await resolve(host, port)
        if proxy is not None:
            address = pick_address(proxy, found)
            return [_result(host, address, port, socket.AF_INET6 if ":" in address else socket.AF_INET)]
        return [_result(host, str(item[4][0]), port, item[0]) for item in found]

    async def close(self) -> None:
        """Nothing is held."""


def _result(name: str, host: str, port: int, family: socket.AddressFamily) -> ResolveResult:
    return ResolveResult(hostname=name, host=host, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


async def resolve(host: str, port: int) -> Any:
    """
    Resolve in a thread that nobody waits for at the end.

    Raises:
        OSError: The name does not resolve.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    def done(_: Lookup) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            loop.call_soon_threadsafe(wake)

    running = lookup(host, port)
    running.on_done(done)
    await future
    return running.result()


class Line(ResponseHandler):
    """
    A connection that knows whether it has served, and tells when it is gone.

    Attributes:
        used: A call has had it.
        lost: Called when it is gone; the exchange's that has it.
    """

    used = False
    lost: Callable[[], None] | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        lost, self.lost = self.lost, None
        if lost is not None:
            lost()


class _Telling(aiohttp.BaseConnector):
    """Tells the call when it has its connection, and whether that one is new."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._factory = cast("Any", partial(Line, loop=self._loop))

    async def connect(self, *args: Any, **settings: Any) -> Connection:
        connection = await super().connect(*args, **settings)
        line = cast("Line", connection.protocol)  # what the factory makes
        CALL.get().on_connection(line.used)
        line.used = True
        return connection


class Connector(_Telling, aiohttp.TCPConnector):
    """Connects to a server or to an HTTP proxy."""

    async def _start_tls_connection(self, underlying_transport: Any, *args: Any, **settings: Any) -> Any:
        if isinstance(underlying_transport, _SSLProtocolTransport):  # uvloop's own does not fail so, and wants itself
            underlying_transport = _Outer(underlying_transport)
        return await super()._start_tls_connection(underlying_transport, *args, **settings)


class _Outer:
    """
    The TLS transport to a proxy, as asyncio's TLS inside it expects a transport to be.

    In Python 3.11, 3.12 and before, one TLS transport cannot close another that failed: it calls a method with one
    argument too many, and hides the failure of the handshake.  (CPython, Lib/asyncio/sslproto.py, `_force_close`)
    """

    _start_tls_compatible = True

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def abort(self) -> None:
        """Close now; also where it is closed already."""
        if not self._transport.is_closing() or self._transport._ssl_protocol is not None:
            self._transport.abort()

    def _force_close(self, _: BaseException | None) -> None:
        self.abort()


class UnixConnector(_Telling, aiohttp.UnixConnector):
    """Connects to a unix socket; ours, so that the child of a fork can close its copy of it."""

    def __init__(self, path: str, make: Callable[[], socket.socket], **settings: Any) -> None:
        super().__init__(path, **settings)
        self._make = make

    async def _create_connection(self, *args: Any, **settings: Any) -> ResponseHandler:
        sock = self._make()
        try:
            while not connected(sock, self.path):  # noqa: ASYNC110 - nothing tells of a place in the server's queue
                await asyncio.sleep(AGAIN)
            _, protocol = await self._loop.create_unix_connection(self._factory, sock=sock)
        except BaseException:
            sock.close()
            raise
        return protocol


class SocksConnector(Connector):
    """Connects through a SOCKS proxy, at the one place that aiohttp has for it (aiohttp-socks hooks in there, too)."""

    def __init__(self, proxy: Proxy, make: Callable[[Any], socket.socket], **settings: Any) -> None:
        super().__init__(**settings)
        self._proxy = proxy
        self._make = make

    async def _wrap_create_connection(self, *args: Any, addr_infos: Any, **settings: Any) -> Any:
        _, _, _, _, (host, port, *_) = addr_infos[0]
        for name in ("req", "timeout", "client_error"):
            settings.pop(name, None)
        sock = await self._dial()
        try:
            await open_socks(self._proxy, host, port, sock)
            return await self._loop.create_connection(*args, sock=sock, **settings)
        except BaseException:
            sock.close()
            raise

    async def _dial(self) -> socket.socket:
        failure: OSError = OSError("the proxy's name has no address")
        for info in await resolve(self._proxy.host, self._proxy.port):
            sock = self._make(info)
            try:
                await self._loop.sock_connect(sock, info[4])
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failure
