"""
Where the answers stand in the journal.

A temporary database of the system's own library, which keeps a few megabytes in memory and the rest in a file without a
name: so a run needs the same memory for a hundred rows and for a hundred million.

Rule: nothing here is needed to go on after a crash; it is made anew from the journal.
"""

from __future__ import annotations

import sqlite3
import threading
from hashlib import blake2b
from typing import Final

from dragoman.errors import BatchError

_TABLES = """
    CREATE TABLE settled (key BLOB PRIMARY KEY, at INTEGER NOT NULL, failed INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE sent (key BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE rows (place INTEGER PRIMARY KEY, at INTEGER NOT NULL);
    CREATE TABLE ids (id BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""


# So many outcomes are put away together.
_AT_HAND: Final = 512


class Index:
    """
    What is known of the rows of one run; from any thread.

    What is new is kept at hand and goes into the database some hundreds at a time.

    Attributes:
        recalled: Whether any row has its outcome.
    """

    def __init__(self) -> None:
        self.recalled = False
        self._outcomes: dict[bytes, tuple[int, bool]] = {}
        self._places: dict[int, int] = {}
        self._lock = threading.Lock()
        self._sent = False
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8000", "locking_mode = EXCLUSIVE"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN")

    def _do(self, statement: str, *values: object) -> tuple[int, ...] | None:
        try:
            with self._lock:
                row: tuple[int, ...] | None = self._base.execute(statement, values).fetchone()
        except sqlite3.OperationalError as error:
            raise BatchError(f"the batch's index cannot be kept in the temporary folder: {error}") from error
        return row

    def _put_away(self) -> None:
        """Into the database; what is at hand goes when it is there, so that who looks from another thread finds it."""
        outcomes = [(key, at, failed) for key, (at, failed) in self._outcomes.copy().items()]
        places = list(self._places.copy().items())
        try:
            with self._lock:
                self._base.executemany("INSERT OR REPLACE INTO settled VALUES (?, ?, ?)", outcomes)
                self._base.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", places)
        except sqlite3.OperationalError as error:
            raise BatchError(f"the batch's index cannot be kept in the temporary folder: {error}") from error
        for key, at, _ in outcomes:
            if self._outcomes.get(key, (at, False))[0] == at:
                self._outcomes.pop(key, None)
        for place, at in places:
            if self._places.get(place) == at:
                self._places.pop(place, None)

    def settle(self, key: bytes, at: int, *, failed: bool) -> None:
        """The row of this key has its outcome there."""
        self.recalled = True
        self._outcomes[key] = (at, failed)
        if len(self._outcomes) >= _AT_HAND:
            self._put_away()
        if self._sent:
            self._do("DELETE FROM sent WHERE key = ?", key)

    def settled(self, key: bytes) -> tuple[int, bool] | None:
        """Where the outcome of that key stands, and whether it is a failure; None if there is none."""
        new = self._outcomes.get(key)
        if new is not None:
            return new
        found = self._do("SELECT at, failed FROM settled WHERE key = ?", key)
        return None if found is None else (found[0], bool(found[1]))

    def forget(self, key: bytes) -> None:
        """The outcome of that key does not count."""
        self._outcomes.pop(key, None)
        self._do("DELETE FROM settled WHERE key = ?", key)

    def send(self, key: bytes) -> None:
        """A run before has sent the row of this key."""
        self._sent = True
        self._do("INSERT OR IGNORE INTO sent VALUES (?)", key)

    def was_sent(self, key: bytes) -> bool:
        """Whether a run before has sent it, and nothing came of it."""
        return self._sent and self._do("SELECT 1 FROM sent WHERE key = ?", key) is not None

    def put(self, place: int, at: int) -> None:
        """The outcome that comes at this place of the output stands there."""
        self._places[place] = at
        if len(self._places) >= _AT_HAND:
            self._put_away()

    def at(self, place: int) -> int | None:
        """Where the outcome at this place of the output stands; None if there is none yet."""
        new = self._places.get(place)
        if new is not None:
            return new
        found = self._do("SELECT at FROM rows WHERE place = ?", place)
        return None if found is None else found[0]

    def after(self, place: int) -> int | None:
        """The first place from this on that has an outcome."""
        if place in self._places:
            return place
        self._put_away()
        found = self._do("SELECT place FROM rows WHERE place >= ? ORDER BY place LIMIT 1", place)
        return None if found is None else found[0]

    def claim(self, name: str, number: int) -> int | None:
        """Take an id for a row; the number of the row that has it already, or None."""
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self._do("INSERT OR IGNORE INTO ids VALUES (?, ?) RETURNING number", digest, number)
        if found is not None:
            return None
        taken = self._do("SELECT number FROM ids WHERE id = ?", digest)
        return taken[0] if taken else None

    def close(self) -> None:
        """Let it go.  Idempotent."""
        self._base.close()
