"""
Rows that ask the same, paid once.

The first of them asks; those that come while it is under way wait for it, and later ones take its answer, in this run
or in another.  Only answers are shared: when the one that asks fails, the next asks itself.

Rule: nothing here is needed to go on after a crash.  It is made anew from the journal, where each answer says what was
asked.
"""

from __future__ import annotations

import asyncio
import sqlite3

from dragoman.errors import BatchError


class Twins:
    """Where the answers stand in the journal, by what was asked.  For one thread at a time."""

    def __init__(self) -> None:
        self._asked: dict[bytes, asyncio.Event] = {}
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4000", "locking_mode = EXCLUSIVE"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute("CREATE TABLE answers (same BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID")
        self._base.execute("BEGIN")

    def keep(self, same: bytes, at: int) -> None:
        """The answer to this stands there."""
        self._do("INSERT OR IGNORE INTO answers VALUES (?, ?)", same, at)

    def at(self, same: bytes) -> int | None:
        """Where the answer to this stands; None if there is none yet."""
        found = self._do("SELECT at FROM answers WHERE same = ?", same)
        return None if found is None else found[0]

    def _do(self, statement: str, *values: object) -> tuple[int] | None:
        try:
            row: tuple[int] | None = self._base.execute(statement, values).fetchone()
        except sqlite3.OperationalError as error:
            raise BatchError(f"the batch's index cannot be kept in the temporary folder: {error}") from error
        return row

    async def turn(self, same: bytes) -> int | None:
        """Wait while another asks this: where the answer stands, or None for who is to ask, and says `over` then."""
        while True:
            at = self.at(same)
            if at is not None:
                return at
            asked = self._asked.get(same)
            if asked is None:
                self._asked[same] = asyncio.Event()
                return None
            await asked.wait()

    def over(self, same: bytes) -> None:
        """Whoever was to ask this has done so, or has failed."""
        asked = self._asked.pop(same, None)
        if asked is not None:
            asked.set()

    def close(self) -> None:
        """Let it go.  Idempotent."""
        self._base.close()
