"""
A book in the memory of this process.

A stream that nobody holds any more settles in a finalizer, which Python may run anywhere, also in a thread that is in
the middle of this very book.  So `settle_now` never waits for the lock: it puts down what it has to say, and whoever
has the lock, now or next, books it.

A forked child goes on with what its parent had spent; the calls under way are the parent's.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque

from dragoman.policy.budget.book import Ask, Book, Reading
from dragoman.runtime import Runtime


class MemoryLedger:
    """
    Keeps one book for all threads and event loops of this process.

    Args:
        seconds: Length of a window; None for one that never ends.
    """

    place = "memory"
    instant = True

    def __init__(self, seconds: int | None) -> None:
        self._book = Book(seconds)
        self._lock = threading.Lock()
        self._told: deque[tuple[str, int]] = deque()
        _all.add(self)

    async def reserve(self, runtime: Runtime, ask: Ask, until: float | None) -> Reading:
        now = runtime.wall()
        with self._lock:
            self._catch_up()
            return self._book.reserve(ask, now)

    async def settle(self, runtime: Runtime, id: str, cost: int | None, until: float | None) -> None:
        self.settle_now(id, cost)

    def settle_now(self, id: str, cost: int | None) -> None:
        self._told.append((id, cost or 0))  # here no reservation is on its way: there is nothing to void
        if self._lock.acquire(blocking=False):
            try:
                self._catch_up()
            finally:
                self._lock.release()

    async def read(self, runtime: Runtime, until: float | None) -> Reading:
        now = runtime.wall()
        with self._lock:
            self._catch_up()
            return self._book.read(now)

    async def reset(self, runtime: Runtime, until: float | None) -> None:
        now = runtime.wall()
        with self._lock:
            self._catch_up()
            self._book.reset(now)

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""

    def after_fork(self) -> None:
        """In a child: another thread of the parent may have had the lock, and the reservations are the parent's."""
        self._lock = threading.Lock()
        self._catch_up()
        self._book.forget()

    def _catch_up(self) -> None:
        """Book what was told; the lock is held."""
        told = self._told
        while told:
            self._book.settle(*told.popleft())


_all: weakref.WeakSet[MemoryLedger] = weakref.WeakSet()


def _after_fork() -> None:
    for ledger in list(_all):
        ledger.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
