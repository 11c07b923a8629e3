"""
Idle connections of the blocking face, by route.

Any number may be in use; of those that come back, some are kept for the next call, the freshest is taken first.  One
that its server has closed meanwhile is noticed before it is used.  After a fork, the child closes its copies of all
descriptors, in use or not, and says nothing on them: the connections are its parent's.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Final

from dragoman.transport.connection import Connection
from dragoman.transport.line import Line
from dragoman.transport.routes import Route

# Seconds.  The usual front ends close an idle connection after 60 or more; a request that crosses that close is lost.
IDLE: Final = 50.0
# Idle connections kept for each route.
KEPT: Final = 100


class Pool:
    """Thread-safe; a connection is either in here or used by one exchange."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Route, list[Connection]] = {}
        self._lines: weakref.WeakSet[Line] = weakref.WeakSet()
        # A client that is dropped without being closed leaves nothing open; nor does one that the program's end drops.
        weakref.finalize(self, _end_all, self._idle)

    def take(self, route: Route) -> Connection | None:
        """Return an idle connection that still works, or None."""
        while True:
            with self._lock:
                kept = self._idle.get(route)
                if not kept:
                    return None
                connection = kept.pop()
            if self._usable(connection):
                return connection
            connection.end()

    def give(self, route: Route, connection: Connection) -> None:
        """Keep a connection whose answer was read."""
        connection.used = time.monotonic()
        with self._lock:
            kept = self._idle.setdefault(route, [])
            kept.append(connection)
            expired = self._expired(connection.used)
            if len(kept) > KEPT:
                expired.append(kept.pop(0))
        for old in expired:
            old.end()

    def track(self, line: Line) -> None:
        """Remember a connection that is in use, for the child of a fork."""
        with self._lock:
            self._lines.add(line)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle = dict(self._idle)
            self._idle.clear()
        _end_all(idle)

    def forget(self) -> None:
        """In a forked child: drop everything without a word to the servers."""
        self._lock = threading.Lock()
        lines, self._lines = list(self._lines), weakref.WeakSet()
        self._idle.clear()
        for line in lines:
            line.forget()

    def _usable(self, connection: Connection) -> bool:
        line = connection.line
        if line is None or time.monotonic() - connection.used > IDLE:
            return False
        return connection.drained() and not line.stale()

    def _expired(self, now: float) -> list[Connection]:
        """Take out what has been idle for too long; the oldest are at the front."""
        expired: list[Connection] = []
        for route in [route for route, kept in self._idle.items() if not kept or now - kept[0].used > IDLE]:
            kept = self._idle[route]
            expired += [old for old in kept if now - old.used > IDLE]
            kept[:] = [young for young in kept if now - young.used <= IDLE]
            if not kept:
                del self._idle[route]
        return expired


def _end_all(idle: dict[Route, list[Connection]]) -> None:
    for kept in idle.values():
        for connection in kept:
            connection.end()
