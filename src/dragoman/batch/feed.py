"""
Rows of an iterator that may let wait: a generator that reads from a network, or an async one.

A blocking iterator is read in a thread of its own, an async one in a task; so neither holds up the rows under way.  A
few rows are read ahead, and no more until they are taken.

Rule: what the iterator raises comes out where the row was taken that it should have given.  Who is inside a blocking
iterator when the batch stops is not waited for.  An iterator is closed here if it was made here, of an iterable.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from inspect import isawaitable
from typing import Any, Final

from dragoman.batch.source import Given, Rows, Source

AHEAD: Final = 256
"""Rows that are read before they are taken."""


class Feed:
    """
    Rows of such an iterator, for the tasks of one loop.

    Args:
        values: The rows; they are read from when the first one is asked for.
    """

    def __init__(self, values: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._values = values
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Any] = deque()
        self._room = threading.Semaphore(AHEAD)
        self._line = asyncio.Lock()
        self._come = asyncio.Event()
        self._hungry = False
        self._begun = self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._number = 0
        self._reading: asyncio.Task[None] | None = None
        self._space = asyncio.Event()

    async def take(self) -> Given | None:
        """
        Wait for a row; None when there are no more, or when it was stopped.

        Raises:
            BaseException: What the iterator raised, once.
        """
        self._begin()
        if self._ready and not self._stopped:
            return self._given(self._ready.popleft())
        async with self._line:  # one waits for what comes, and the others for their turn: no row wakes them all
            return await self._wait()

    async def _wait(self) -> Given | None:
        while not self._stopped:
            if self._ready:
                return self._given(self._ready.popleft())
            if self._ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                return None
            self._come.clear()
            self._hungry = True
            if not self._ready and not self._ended:  # it may have come before it was known that somebody waits
                await self._come.wait()
        return None

    @property
    def stopped(self) -> bool:
        """Whether it was stopped: there may be more rows."""
        return self._stopped

    def stop(self) -> None:
        """Give no more rows.  Idempotent."""
        self._stopped = True
        self._room.release()
        self._come.set()
        if self._reading is not None:
            self._reading.cancel()

    async def close(self) -> None:
        """Stop, and wait until an async iterator is closed."""
        self.stop()
        if self._reading is not None:
            await asyncio.wait([self._reading])

    def _given(self, value: Any) -> Given:
        self._room.release()
        self._space.set()
        number, self._number = self._number, self._number + 1
        return Given(number, f"row {number}", value)

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        if isinstance(self._values, AsyncIterable):
            self._reading = self._loop.create_task(self._read(self._values))
        else:
            work: Callable[[Iterable[Any]], None] = self._drain
            context, values = copy_context(), self._values
            # Nobody can end a thread that waits in somebody's iterator, so the process does not wait for it.
            threading.Thread(target=context.run, args=(work, values), name="dragoman-rows", daemon=True).start()

    # --- in a task ----------------------------------------------------------------------------------------------------

    async def _read(self, values: AsyncIterable[Any]) -> None:
        iterator = aiter(values)
        try:
            async for value in iterator:
                self._ready.append(value)
                self._come.set()
                while len(self._ready) >= AHEAD:
                    self._space.clear()
                    await self._space.wait()
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        except BaseException as error:  # noqa: BLE001 - it is raised where the row is taken
            self._error = error
        finally:
            self._end()
            if iterator is not values:
                await _closed(iterator)

    # --- in a thread --------------------------------------------------------------------------------------------------

    def _drain(self, values: Iterable[Any]) -> None:
        try:
            iterator = iter(values)
            try:
                self._pump(iterator)
            finally:
                close = getattr(iterator, "close", None)
                if close is not None and iterator is not values:
                    close()
        except BaseException as error:  # noqa: BLE001 - it is raised where the row is taken
            self._error = error
        self._tell(self._end)

    def _pump(self, iterator: Iterator[Any]) -> None:
        while True:
            self._room.acquire()
            if self._stopped:
                return
            try:
                value = next(iterator)
            except StopIteration:
                return
            self._ready.append(value)
            if self._hungry:
                self._hungry = False
                self._tell(self._come.set)

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(what)

    def _end(self) -> None:
        self._ended = True
        self._come.set()


def opened(source: Source) -> Rows | Feed:
    """Begin to read a source: beside the loop, where it may let wait."""
    if source.path is None and not source.again:
        return Feed(source.values)
    return iter(source)


async def closed(given: Rows | Feed) -> None:
    """Let it go."""
    if isinstance(given, Feed):
        await given.close()
    else:
        given.close()


async def _closed(iterator: object) -> None:
    close = getattr(iterator, "aclose", None)
    waiting = close() if close is not None else None
    if isawaitable(waiting):
        await waiting
