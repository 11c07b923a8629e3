"""
At most so many at a time, first come first served.

Each who waits has a waiter of his own and is woken when the place is his.  Who gives up waiting at the moment when the
place becomes his hands it on, so that no place is ever lost.
"""

from __future__ import annotations

import threading
from collections import deque

from dragoman.runtime import Runtime, Waiter


class Gate:
    """Places for the threads, or for the tasks of one event loop."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._waiting: deque[Waiter] = deque()

    async def enter(self, runtime: Runtime, until: float | None) -> bool:
        """Wait for a place: whether one was got before `until`."""
        waiter = self._ask(runtime)
        if waiter is None:
            return True
        entered = False
        try:
            entered = await waiter.wait(until)
        finally:
            if not entered:
                self._give_up(waiter)
        return entered

    def leave(self) -> None:
        """Give the place back.  From any thread."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            heir = self._waiting.popleft()
        heir.set()

    def _ask(self, runtime: Runtime) -> Waiter | None:
        with self._lock:
            if self._free and not self._waiting:
                self._free -= 1
                return None
            waiter = runtime.waiter()
            self._waiting.append(waiter)
            return waiter

    def _give_up(self, waiter: Waiter) -> None:
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                return
        self.leave()  # it was ours already
