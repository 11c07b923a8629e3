"""
What keeps the leases of turns under way, and the text that has come.

One daemon thread for each process, started with the first turn, for both faces.  It renews each lease three times in
its life, and writes new text down 250 ms after it came, or at once when there are 2 KB of it.  A forked child has none
of its parent's turns.

Rule: whoever reads an answer never waits for this.  A process that stops, or is stopped, renews nothing, and after the
lease another may go on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from dragoman.conversation.model import Mark
from dragoman.conversation.store import Store
from dragoman.errors import DragomanError
from dragoman.runtime import BlockingRuntime, drive

# Seconds after which new text is written down.
SOON: Final = 0.25
# Characters of new text that are written down at once.
MUCH: Final = 2048

_log = logging.getLogger("dragoman.conversation")
_BLOCKING: Final = BlockingRuntime()


class Beat:
    """
    One turn under way.

    Attributes:
        lost: Whether another has the lease now.
        due: When something is to be done for it, on the monotonic clock.
    """

    def __init__(self, store: Store, mark: Mark, ttl: float, on_lost: Callable[[], None]) -> None:
        self.lost = False
        self._store = store
        self._mark = mark
        self._ttl = ttl
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._size = 0
        self._seq = 0
        self._stopped = False
        self.due = time.monotonic() + ttl / 3

    def heard(self, text: str) -> None:
        """More of the answer has come."""
        with self._lock:
            self._texts.append(text)
            self._size += len(text)
            now = time.monotonic()
            due = now if self._size >= MUCH else now + SOON
            sooner = due < self.due
            self.due = min(self.due, due)
        if sooner:
            _heart.look()

    def beat(self) -> None:
        """Renew, with the text that has come; only in the heart's thread."""
        with self._lock:
            texts, self._texts, self._size = self._texts, [], 0
            self.due = time.monotonic() + self._ttl / 3
        try:
            held = drive(self._written("".join(texts)))
        except DragomanError as error:
            _log.warning("a turn under way could not be kept: %s", error)
            with self._lock:  # the same number again, so that nothing is kept twice
                self._texts = ["".join(texts), *self._texts] if texts else self._texts
                self.due = time.monotonic() + min(SOON, self._ttl / 6)
            return
        self._seq += bool(texts)
        if not held and not self._stopped:
            self.stop()
            self.lost = True
            self._on_lost()

    async def _written(self, text: str) -> bool:
        if not text:
            return await self._store.renew(_BLOCKING, self._mark, self._ttl)
        return await self._store.emit(_BLOCKING, self._mark, self._seq, text, self._ttl)

    def start(self) -> None:
        """Begin to be kept."""
        _heart.add(self)

    def stop(self) -> None:
        """Be kept no more.  Idempotent."""
        self._stopped = True
        _heart.remove(self)


class _Heart:
    """The turns of one process, and the thread that keeps them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._beats: set[Beat] = set()
        self._thread: threading.Thread | None = None
        self._wake = 0.0

    def add(self, beat: Beat) -> None:
        with self._changed:
            self._beats.add(beat)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="dragoman-leases", daemon=True)
                self._thread.start()
            elif beat.due < self._wake:
                self._changed.notify()

    def remove(self, beat: Beat) -> None:
        with self._changed:
            self._beats.discard(beat)

    def look(self) -> None:
        """Something is due sooner than it was."""
        with self._changed:
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                due = [beat for beat in self._beats if beat.due <= time.monotonic()]
                if not due:
                    self._wake = min((beat.due for beat in self._beats), default=time.monotonic() + 3600.0)
                    self._changed.wait(max(0.0, self._wake - time.monotonic()))
                    continue
            for beat in due:
                try:
                    beat.beat()
                except BaseException:  # noqa: BLE001 - whatever it is, it is logged and the other turns are kept
                    _log.exception("a turn under way could not be kept")


_heart = _Heart()


def _after_fork() -> None:
    global _heart
    _heart = _Heart()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
