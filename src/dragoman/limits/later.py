"""
Small things to do a little later: writing back what came in, seeing whether a store answers again.

One daemon thread for each process; it begins with the first thing to do and ends when nothing is left.  A forked child
begins with nothing: what the parent has to do, the parent does.

Rule: nothing here may be needed for a right answer, because a process that is killed never does it.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable

_log = logging.getLogger("dragoman.limit")


class Later:
    """What is to be done, by time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._thread: threading.Thread | None = None

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do something at a time of the monotonic clock, or soon after it."""
        with self._changed:
            heapq.heappush(self._due, (when, next(self._count), act))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="dragoman-limit", daemon=True)
                self._begin(self._thread)
            elif self._due[0][2] is act:
                self._changed.notify()

    def _begin(self, thread: threading.Thread) -> None:
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends: what is left undone, the others find out by themselves
            self._thread = None
            self._due.clear()

    def _work(self) -> None:
        while (act := self._next()) is not None:
            try:
                act()
            except BaseException:  # noqa: BLE001 - whatever it is, it is logged and the thread goes on with the next
                _log.exception("sharing limits: what was to be done later failed")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while self._due:
                wait = self._due[0][0] - time.monotonic()
                if wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            self._thread = None
            return None


_later = Later()


def at(when: float, act: Callable[[], None]) -> None:
    """Do something at a time of the monotonic clock, or soon after it.  From any thread; never waits."""
    _later.at(when, act)


def _after_fork() -> None:
    global _later
    _later = Later()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
