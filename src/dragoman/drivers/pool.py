"""
Connections to one server: one pool for the blocking face, and one for each event loop.

A connection is used by one thread or task at a time and comes back only when its last answer was read whole: after
anything else (an error of the line, a deadline, a cancelled task) it is closed, because the answer that nobody waited
for would be read by whoever asks next.

A connection belongs to the loop it was opened in.  A loop that ends takes its pool along: each pool leaves an async
generator with its loop, which `asyncio.run` closes at the end, as it does with all.  After a fork the child starts with
nothing; its copies of the parent's sockets are turned into /dev/null, so that no library can say a word on them.
"""

from __future__ import annotations

import os
import select
import threading
import time
import weakref
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from dragoman.drivers.gate import Gate
from dragoman.runtime import Runtime, drive

if TYPE_CHECKING:
    import asyncio

# Seconds.  What translates addresses on the way forgets an idle connection after minutes, some front ends after one.
IDLE: Final = 50.0


class Link(Protocol):
    """One connection."""

    def fileno(self) -> int:
        """Its descriptor; negative once closed."""
        ...

    async def close(self) -> None:
        """End it now; does not wait for the server.  Idempotent."""
        ...

    def drop(self) -> None:
        """Let go of the socket: the loop it belongs to is closed."""
        ...


L = TypeVar("L", bound=Link)


class Pool(Generic[L]):
    """Connections of the blocking face, or of one loop."""

    def __init__(self, most: int) -> None:
        self._gate = Gate(most)
        self._lock = threading.Lock()
        self._idle: list[tuple[L, float]] = []
        self._links: weakref.WeakSet[Any] = weakref.WeakSet()
        self._retired = False
        self._keeper: AsyncGenerator[None, None] | None = None

    def keep(self) -> None:
        """Have the running loop close this pool at its end."""
        self._keeper = _keep(self)
        with suppress(StopIteration):
            self._keeper.__anext__().send(None)  # runs to its `yield`; from then on the loop knows it

    async def enter(self, runtime: Runtime, until: float) -> bool:
        """Wait for the right to use one connection: whether it was got before `until`.  `leave` gives it back."""
        return await self._gate.enter(runtime, until)

    def leave(self) -> None:
        """Give the right back."""
        self._gate.leave()

    async def take(self) -> L | None:
        """Return the connection used last, if it is still good, or None."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                link, used = self._idle.pop()
            if time.monotonic() - used <= IDLE and not _stale(link):
                return link
            await link.close()

    def track(self, link: L) -> None:
        """A connection was opened."""
        with self._lock:
            self._links.add(link)

    async def give(self, link: L) -> None:
        """Keep a connection whose last answer was read whole."""
        with self._lock:
            if not self._retired:
                self._idle.append((link, time.monotonic()))
                return
        await link.close()

    async def aclose(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        with self._lock:
            self._retired = True
            idle, self._idle = self._idle, []
        for link, _ in idle:
            await link.close()

    def drop(self) -> None:
        """The loop is closed, without closing its async generators: let go of what is open."""
        for link in list(self._links):
            link.drop()

    def forget(self) -> None:
        """In a forked child: let go of the sockets without a word."""
        for link in list(self._links):
            silence(link.fileno())


class Pools(Generic[L]):
    """The pools of one driver in this process."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: Connections in use at once, in each pool.
        """
        self._most = most
        self._lock = threading.Lock()
        self._pools: dict[asyncio.AbstractEventLoop | None, Pool[L]] = {}
        # A driver that is dropped without being closed leaves nothing open.
        weakref.finalize(self, _retire_all, self._pools).atexit = False
        _all.add(self)

    def current(self, runtime: Runtime) -> Pool[L]:
        """The pool of who asks."""
        loop = _running_loop() if runtime.suspends else None
        pool = self._pools.get(loop)
        if pool is None:
            with self._lock:
                self._drop_closed_loops()
                pool = self._pools.get(loop)
                if pool is None:
                    pool = self._pools[loop] = Pool(self._most)
                    if loop is not None:
                        pool.keep()
        return pool

    def close(self) -> None:
        """Close all idle connections, those of loops soon and in their own loops."""
        _retire_all(self._take())

    async def aclose(self) -> None:
        """Close all; those of the running loop before this returns."""
        pools = self._take()
        mine = pools.pop(_running_loop(), None)
        _retire_all(pools)
        if mine is not None:
            await mine.aclose()

    def forget(self) -> None:
        """In a forked child: start with nothing."""
        self._lock = threading.Lock()
        pools = dict(self._pools)
        self._pools.clear()
        for pool in pools.values():
            pool.forget()
        _inherited.extend(pools.values())

    def _take(self) -> dict[asyncio.AbstractEventLoop | None, Pool[L]]:
        with self._lock:
            pools = dict(self._pools)
            self._pools.clear()
        return pools

    def _drop_closed_loops(self) -> None:
        for loop in [loop for loop in self._pools if loop is not None and loop.is_closed()]:
            self._pools.pop(loop).drop()


def _running_loop() -> asyncio.AbstractEventLoop:
    import asyncio  # who blocks need not pay for it

    return asyncio.get_running_loop()


async def _keep(pool: Pool[Any]) -> AsyncGenerator[None, None]:
    """Close `pool` when its loop closes its async generators, which is what a loop does at its end."""
    import asyncio

    try:
        yield None
    finally:
        await pool.aclose()
        await asyncio.sleep(0)  # lets the transports see that they are closed


def _retire_all(pools: dict[asyncio.AbstractEventLoop | None, Pool[Any]]) -> None:
    for loop, pool in pools.items():
        if loop is None:
            drive(pool.aclose())
        elif loop.is_closed():
            pool.drop()
        else:
            with suppress(RuntimeError):  # it was closed this moment
                loop.call_soon_threadsafe(_retire_here, loop, pool)


def _retire_here(loop: asyncio.AbstractEventLoop, pool: Pool[Any]) -> None:
    task = loop.create_task(pool.aclose())
    _retiring.add(task)
    task.add_done_callback(_retiring.discard)


def _stale(link: Link) -> bool:
    """Whether an idle connection is of no use any more: its server has closed it, or says what nobody asked."""
    descriptor = link.fileno()
    if descriptor < 0:
        return True
    poller = select.poll()
    poller.register(descriptor, select.POLLIN | select.POLLPRI)
    return bool(poller.poll(0))


def silence(descriptor: int) -> None:
    """Put /dev/null in the place of a socket: this process' side is closed, and closing it again says nothing."""
    if descriptor < 0:
        return
    with suppress(OSError):  # it was closed this moment
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.dup2(null, descriptor, inheritable=False)
        finally:
            os.close(null)


def _after_fork() -> None:
    for pools in list(_all):
        pools.forget()


_all: weakref.WeakSet[Pools[Any]] = weakref.WeakSet()
_inherited: list[Pool[Any]] = []  # never finalized: what they hold is the parent's
_retiring: set[Any] = set()  # a loop holds its tasks only weakly
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
