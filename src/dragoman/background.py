"""
Work that nobody waits for: telling a server to give up, writing down what was seen.

One daemon thread for each process, started when it is first needed.  What is submitted is done in order; what fails is
logged and forgotten.  The queue is bounded: when the thread cannot keep up, new work is dropped, and the log says so.
A forked child starts with an empty queue: what the parent submitted, the parent does.

Rule: nothing here may be needed for a right answer, because a process that is killed never does it.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

# Pieces of work that may wait.
MOST: Final = 10_000
# Seconds that the interpreter's end waits for what is left.
LAST: Final = 3.0

_log = logging.getLogger("dragoman.background")


class _Queue:
    """The work of one process, and the thread that does it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._submitted = 0
        self._done = 0
        self._thread: threading.Thread | None = None
        self._full = False

    def submit(self, work: Callable[[], None]) -> bool:
        with self._changed:
            if len(self._waiting) >= MOST:
                self._say_full()
                return False
            self._full = False
            self._submitted += 1
            self._waiting.append(work)
            self._start()
            self._changed.notify_all()
        return True

    def flush(self, timeout: float) -> bool:
        until = time.monotonic() + timeout
        with self._changed:
            goal = self._submitted
            while self._done < goal:
                left = until - time.monotonic()
                if left <= 0 or self._thread is threading.current_thread():
                    return False
                self._changed.wait(left)
        return True

    def _say_full(self) -> None:
        if not self._full:  # once for each time that it fills up
            self._full = True
            _log.warning("%d pieces of work are waiting: new ones are dropped", MOST)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="dragoman-background", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter ends, and starts no thread any more
                self._thread = None
                self._waiting.clear()
                self._done = self._submitted
                _log.warning("the interpreter ends: work for the background is dropped")

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                work = self._waiting.popleft()
            try:
                work()
            except BaseException:  # noqa: BLE001 - whatever it is, it is logged and the thread goes on with the next
                _log.exception("work in the background failed")
            del work  # what it holds is free while the thread waits
            with self._changed:
                self._done += 1
                self._changed.notify_all()


_queue = _Queue()


def submit(work: Callable[[], None]) -> bool:
    """
    Do `work` soon, in the background thread.  From any thread; never waits.

    Returns:
        Whether it was accepted; if not, too much is waiting, and it will not be done.
    """
    return _queue.submit(work)


def flush(timeout: float) -> bool:
    """Wait until all that was submitted before is done, for at most `timeout` seconds: whether it is."""
    return _queue.flush(timeout)


def _after_fork() -> None:
    global _queue
    _queue = _Queue()


def _at_exit() -> None:
    if not flush(LAST):
        _log.warning("the program ends before all work in the background is done")


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
