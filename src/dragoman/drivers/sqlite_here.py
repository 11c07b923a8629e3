"""
What one process has of one SQLite file: its connection, whose turn it is, and a thread for the asyncio face.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from dragoman.drivers.base import left
from dragoman.drivers.gate import Gate
from dragoman.runtime import BlockingRuntime, drive

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

# Seconds after the deadline in which the thread still says by itself how the work ended.
_GRACE: Final = 0.25
_BLOCKING: Final = BlockingRuntime()


class NotBegun(Exception):
    """The deadline passed before the work was begun; it will not be."""


class NotEnded(Exception):
    """The deadline passed while the work was being done, and it is not known how it ends."""


class Here:
    """
    Made anew in a forked child.

    Attributes:
        connection: Open, or None.  Only for whose turn it is.
        user: The thread whose turn it is, or None.
        stopped: Whether a fork is under way, and nothing is done meanwhile.
    """

    connection: sqlite3.Connection | None
    user: int | None
    stopped: bool

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """In a new process: no connection, no thread, nobody's turn."""
        self.connection = None
        self.user = None
        self.stopped = False
        self._gate = Gate(1)
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None

    @property
    def mine(self) -> bool:
        """Whether it is the turn of the thread that asks."""
        return self.user == threading.get_ident()

    def enter(self, until: float | None) -> bool:
        """Wait for one's turn: whether it came before `until`."""
        entered = drive(self._gate.enter(_BLOCKING, until))
        if entered:
            self.user = threading.get_ident()
        return entered

    def leave(self) -> None:
        """The turn is over; a child that was forked in it has none."""
        if not self.mine:
            return
        self.user = None
        self._gate.leave()

    def disconnect(self) -> None:
        """Close the connection, in one's turn."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def end(self, patience: float | None = None) -> None:
        """Close the connection after the work under way, and let the thread go."""
        if self.enter(None if patience is None else time.monotonic() + patience):
            try:
                self.disconnect()
            finally:
                self.leave()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False)

    # --- the asyncio face ---

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have `job` done in the thread, after those before it."""
        with self._lock:
            if self._thread is None:
                from concurrent.futures import ThreadPoolExecutor  # only the asyncio face pays for it

                self._thread = ThreadPoolExecutor(1, thread_name_prefix="dragoman-sqlite")
            return self._thread.submit(job)

    async def in_thread(self, job: Callable[[], T], until: float | None) -> T:
        """
        Wait for `job`, which holds the deadline itself as far as it can.

        A task that is cancelled stops waiting: a job that has begun is done to its end, one that has not is dropped.

        Raises:
            NotBegun: Its turn in the thread has not come in time.
            NotEnded: It goes on after the deadline.
        """
        import asyncio

        future = self.submit(job)
        answer = asyncio.wrap_future(future)
        try:
            await asyncio.wait([answer], timeout=None if until is None else left(until) + _GRACE)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if answer.done():
            return answer.result()
        begun = not future.cancel()
        answer.cancel()
        raise NotEnded if begun else NotBegun
