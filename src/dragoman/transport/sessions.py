"""
aiohttp sessions of the async face: one for each event loop, made on first use.

A connection belongs to the loop it was opened in, so a client that is used from several loops has several pools.  A
loop that ends takes its pool along: each pool leaves an async generator with its loop, which `asyncio.run` closes at
the end, as it does with all.  After a fork the child starts with nothing, and closes its copies of the descriptors
without a word on them: the connections are its parent's.

What aiohttp is kept from doing by itself: to send a request again (it does, for GET and the like, when a kept
connection turns out to be closed), to follow redirects, to keep cookies, to read `.netrc` and the environment, to
decompress, to resolve names in the loop's executor (which `asyncio.run` waits for at its end).
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Final

import aiohttp

from dragoman.transport.connectors import Connector, Resolver, SocksConnector, UnixConnector
from dragoman.transport.deadlines import Deadlines
from dragoman.transport.dial import unix_socket
from dragoman.transport.pool import IDLE
from dragoman.transport.proxy import Proxy
from dragoman.transport.routes import Route
from dragoman.transport.sockets import tune

# Longest line of the headers, and most lines: what `http.client` allows, too.  The sum is checked when they are whole.
MAX_LINE: Final = 64 * 1024
MAX_LINES: Final = 100
# After so many seconds without a call the loop is let look at its sockets before one is taken for use.
_QUIET: Final = 0.05
_FOREVER: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_read=None, sock_connect=None)
# What aiohttp would add: ours are in the request already, or not wanted.
_NOT_ADDED: Final = ("accept", "accept-encoding", "user-agent", "content-type")


class Broken(Exception):
    """Hides a lost connection from aiohttp, which would else send the request again.  The cause says what it was."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken from error


class LoopPool:
    """
    All sessions of one transport in one loop: the usual one, and one for each SOCKS proxy, each proxy that
    forwards, and each unix socket.

    Attributes:
        loop: Whose connections these are.
        deadlines: Of what is under way in it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.deadlines = Deadlines(loop, loop.time() - time.monotonic())
        self._sessions: dict[Proxy | str | None, aiohttp.ClientSession] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._busy = 0
        self._lingering: set[Callable[[], None]] = set()
        self._retired = False
        self._closing: asyncio.Task[None] | None = None
        self._used = time.monotonic()
        self._keeper = _keep(self)
        # Runs to its `yield` without suspending; from then on the loop knows it.
        with suppress(StopIteration):
            self._keeper.__anext__().send(None)

    def session(self, route: Route) -> aiohttp.ClientSession:
        """The session for a route."""
        origin, proxy = route
        own = proxy is not None and (proxy.socks or route.forwarded)
        way = origin.host if origin.unix else proxy if own else None
        found = self._sessions.get(way)
        if found is None:
            found = self._sessions[way] = self._make_session(self._connector(way))
        return found

    async def settle(self) -> None:
        """After a pause, let the loop see which kept connections their servers have closed meanwhile."""
        now = time.monotonic()
        if now - self._used > _QUIET:
            await asyncio.sleep(0)  # looks at the sockets
            await asyncio.sleep(0)  # acts on what it saw
        self._used = now

    def enter(self) -> None:
        """An exchange begins."""
        self._busy += 1

    def linger(self, abort: Callable[[], None]) -> None:
        """An exchange is over for its reader and waits for the end of its body; `abort` gives that up."""
        self._lingering.add(abort)

    def leave(self, abort: Callable[[], None]) -> None:
        """An exchange has ended; `abort` is its own."""
        self._busy -= 1
        if self._lingering:
            self._lingering.discard(abort)
        self._used = time.monotonic()
        if self._retired:
            self.retire()

    def retire(self) -> None:
        """Close as soon as no exchange is under way.  In the loop's thread."""
        self._give_up()
        if not self._busy and self._closing is None:
            self._closing = self.loop.create_task(self.aclose())

    def _give_up(self) -> None:
        """Take nothing new, and wait no longer for what nobody reads."""
        self._retired = True
        for abort in tuple(self._lingering):
            abort()

    def retire_soon(self) -> None:
        """Retire, from any thread."""
        with suppress(RuntimeError):  # the loop is closed, and with it all its connections
            self.loop.call_soon_threadsafe(self.retire)

    async def retired(self) -> None:
        """Retire, and wait until idle connections are closed."""
        self.retire()
        if self._closing is not None:
            await self._closing

    async def aclose(self) -> None:
        """Close everything now, and wait until it is closed.  Idempotent."""
        self._give_up()
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()
        await asyncio.sleep(0)

    def forget(self) -> None:
        """In a forked child: close the copies of the descriptors."""
        for sock in list(self._sockets):
            sock.close()

    def _connector(self, way: Proxy | str | None) -> aiohttp.BaseConnector:
        settings: dict[str, Any] = {"limit": 0, "keepalive_timeout": IDLE}
        if isinstance(way, str):
            return UnixConnector(way, self._make_unix, **settings)
        if way is not None and way.socks:
            return SocksConnector(way, self._make_socket, resolver=Resolver(way), **settings)
        if way is not None:  # it forwards, and each request has a connection of its own, see `headers.outgoing`
            settings = {"limit": 0, "force_close": True}
        return Connector(socket_factory=self._make_socket, resolver=Resolver(None), **settings)

    def _make_session(self, connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_FOREVER,
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_NOT_ADDED,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_LINES,
            middlewares=[_once],
        )

    def _make_socket(self, info: Any) -> socket.socket:
        family, kind, protocol, _, _ = info
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        tune(sock)
        self._sockets.add(sock)
        return sock

    def _make_unix(self) -> socket.socket:
        sock = unix_socket()
        self._sockets.add(sock)
        return sock


async def _keep(pool: LoopPool) -> AsyncGenerator[None, None]:
    """Close `pool` when its loop closes its async generators, which is what a loop does at its end."""
    try:
        yield None
    finally:
        await pool.aclose()


class LoopPools:
    """The pools of one transport, by loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[asyncio.AbstractEventLoop, LoopPool] = {}
        self._inherited: list[LoopPool] = []
        # A client that is dropped without being closed leaves nothing open.
        weakref.finalize(self, _retire_all, self._pools).atexit = False

    def current(self) -> LoopPool:
        """The pool of the running loop."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            with self._lock:
                for dead in [other for other in self._pools if other.is_closed()]:
                    del self._pools[dead]
                pool = self._pools[loop] = LoopPool(loop)
        return pool

    def take_all(self) -> list[LoopPool]:
        """Hand all pools over to who closes them; the next call makes new ones."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        return pools

    def retire_all(self) -> None:
        """Close all idle connections, soon and in their own loops.  From any thread."""
        for pool in self.take_all():
            pool.retire_soon()

    def forget(self) -> None:
        """In a forked child: start with nothing."""
        self._lock = threading.Lock()
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            pool.forget()
        # Never finalized: their loops do not run here, and would be asked to close what is the parent's.
        self._inherited += pools


def _retire_all(pools: dict[asyncio.AbstractEventLoop, LoopPool]) -> None:
    for pool in pools.values():
        pool.retire_soon()
