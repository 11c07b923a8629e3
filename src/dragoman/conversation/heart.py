"""
What keeps the leases of turns under way, and the text that has come.

One daemon thread for each process, started with the first turn, for both faces.  It renews each lease three times in
its life, and writes new events down 250 ms after they came, or at once when there are 2 KB of text.  A forked child has
none of its parent's turns.

Rule: whoever reads an answer never waits for this.  A process that stops, or is stopped, renews nothing, and after the
lease another may go on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from dragoman.conversation.model import Mark, Piece, write_events
from dragoman.conversation.store import Store
from dragoman.errors import DragomanError
from dragoman.runtime import BlockingRuntime, drive
from dragoman.types.events import Event, TextDelta

# Seconds after which new events are written down.
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
        any: Whether something of the answer has come.
        due: When something is to be done for it, on the monotonic clock.
    """

    def __init__(self, store: Store, mark: Mark, ttl: float, on_lost: Callable[[], None]) -> None:
        self.lost = self.any = False
        self._store = store
        self._mark = mark
        self._ttl = ttl
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._size = 0
        self._seq = 0
        self._sent: Piece | None = None
        self._rest: tuple[Piece, ...] = ()
        self._stopped = False
        self.due = time.monotonic() + ttl / 3

    def heard(self, events: Sequence[Event]) -> None:
        """More of the answer has come."""
        with self._lock:
            self.any = True
            self._events.extend(events)
            self._size += sum(len(event.text) for event in events if type(event) is TextDelta)
            now = time.monotonic()
            due = now if self._size >= MUCH else now + SOON
            sooner = due < self.due
            self.due = min(self.due, due)
        if sooner:
            _heart.look()

    def beat(self) -> None:
        """Renew, with what has come; only in the heart's thread."""
        with self._lock:
            piece = self._next()
            self.due = time.monotonic() + self._ttl / 3
        try:
            held = drive(self._written(piece))
        except DragomanError as error:
            _log.warning("a turn under way could not be kept: %s", error)
            with self._lock:  # the same piece again, so that nothing is kept twice
                self.due = time.monotonic() + min(SOON, self._ttl / 6)
            return
        with self._lock:
            self._sent = None
        if not held and not self._stopped:
            self.stop()
            self.lost = True
            self._on_lost()

    def _next(self) -> Piece | None:
        """The piece to write: one of which it is not known whether it was, or what has come since."""
        if self._sent is None and self._events:
            self._sent = Piece(self._seq, write_events(self._events))
            self._seq += 1
            self._events, self._size = [], 0
        return self._sent

    async def _written(self, piece: Piece | None) -> bool:
        if piece is None:
            return await self._store.renew(_BLOCKING, self._mark, self._ttl)
        return await self._store.emit(_BLOCKING, self._mark, piece, self._ttl)

    def rest(self) -> tuple[Piece, ...]:
        """What is not known to be written, once it is stopped; the same each time."""
        with self._lock:
            while (piece := self._next()) is not None:
                self._rest = (*self._rest, piece)
                self._sent = None
            return self._rest

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
