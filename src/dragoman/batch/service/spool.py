"""
Rows that are to go to a provider, or are there.

A temporary database of the system's own library: a few megabytes in memory, the rest in a file without a name.

Rule: nothing here is needed to go on after a crash; it is made anew from the input and the journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from dragoman.errors import BatchError

_TABLES: Final = """
    CREATE TABLE rows (
        key BLOB NOT NULL UNIQUE, lot INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL,
        dialect TEXT NOT NULL, same BLOB NOT NULL, place TEXT NOT NULL, given BLOB NOT NULL, line BLOB NOT NULL,
        model TEXT NOT NULL, form INTEGER, most INTEGER, least INTEGER, tries INTEGER NOT NULL DEFAULT 0, tag TEXT,
        at INTEGER
    );
    CREATE TABLE seen (same BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE INDEX free ON rows (lot, number) WHERE tag IS NULL;
    CREATE INDEX away ON rows (tag, at) WHERE tag IS NOT NULL;
"""
LIVE: Final = -1
"""The lot of rows that are to be asked live."""


class Held(NamedTuple):
    """
    One row.

    Attributes:
        key: What it is known by.
        lot: Number of the lot that it belongs to; see `lots`.
        number: Place in the input.
        id: Its own.
        dialect: In which its outcome is written.
        same: What rows that ask the same have in common.
        place: Its place in words.
        given: As it was given, as JSON.
        line: As its service has written it.
        model: The whole reference.
        form: Number of the type of its output, or None.
        most: Nano-dollars that it can cost; None if that is not known.
        least: That it costs if nobody knows more than that it was asked.
        tries: Batches that it was in, in vain.
    """

    key: bytes
    lot: int
    number: int
    id: str
    dialect: str
    same: bytes
    place: str
    given: bytes
    line: bytes
    model: str
    form: int | None = None
    most: int | None = None
    least: int | None = None
    tries: int = 0


_FIELDS: Final = ", ".join(Held._fields)
_PLACES: Final = ", ".join("?" * len(Held._fields))


class Spool:
    """Rows that are not settled.  Closed by `close`."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8000", "locking_mode = EXCLUSIVE"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN")

    def _do(self, statement: str, *values: object) -> sqlite3.Cursor:
        try:
            return self._base.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise BatchError(f"the batch's rows cannot be kept in the temporary folder: {error}") from error

    def add(self, row: Held) -> None:
        """Keep a row that is free."""
        self._do(f"INSERT INTO rows ({_FIELDS}) VALUES ({_PLACES})", *row)

    def first(self, same: bytes) -> bool:
        """Whether this is the first row that asks this."""
        return self._do("INSERT OR IGNORE INTO seen VALUES (?)", same).rowcount == 1

    def row(self, key: bytes, tag: str) -> Held | None:
        """The row of that key, if it is in the batch of that tag and not settled."""
        found = self._do(f"SELECT {_FIELDS} FROM rows WHERE key = ? AND tag = ?", key, tag).fetchone()
        return Held(*found) if found else None

    def free(self, lot: int) -> Iterator[Held]:
        """The free rows of a lot, in order.  Nothing may be changed while they are read."""
        cursor = self._do(f"SELECT {_FIELDS} FROM rows WHERE tag IS NULL AND lot = ? ORDER BY number", lot)
        for found in cursor:
            yield Held(*found)

    def lots(self) -> list[tuple[int, int]]:
        """Lots that have free rows, and how many; rows for the live engine are not among them."""
        counted = self._do("SELECT lot, count(*) FROM rows WHERE tag IS NULL AND lot >= 0 GROUP BY lot ORDER BY lot")
        return [(lot, count) for lot, count in counted]

    def send(self, tag: str, keys: Iterable[bytes]) -> int:
        """Mark rows as being in the batch of that tag, in this order; returns how many are here."""
        sent = 0
        for at, key in enumerate(keys, 1):
            sent += self._do("UPDATE rows SET tag = ?, at = ? WHERE key = ?", tag, at, key).rowcount
        return sent

    def away(self, tag: str) -> list[bytes]:
        """Keys of the rows that are still in the batch of that tag, in order."""
        return [found[0] for found in self._do("SELECT key FROM rows WHERE tag = ? ORDER BY at", tag)]

    def at(self, tag: str, line: int) -> Held | None:
        """The row on that line of a batch's file."""
        found = self._do(f"SELECT {_FIELDS} FROM rows WHERE tag = ? AND at = ?", tag, line).fetchone()
        return Held(*found) if found else None

    def release(self, key: bytes, *, tried: bool, lot: int | None = None) -> None:
        """It is free again; `lot` is where it belongs now, if elsewhere."""
        more = "" if lot is None else ", lot = ?"
        values: tuple[Any, ...] = (tried, key) if lot is None else (tried, lot, key)
        self._do(f"UPDATE rows SET tag = NULL, at = NULL, tries = tries + ?{more} WHERE key = ?", *values)

    def release_all(self, tag: str) -> None:
        """The rows of a batch that was never made are free again."""
        self._do("UPDATE rows SET tag = NULL, at = NULL WHERE tag = ?", tag)

    def tried(self, keys: Iterable[bytes]) -> None:
        """Those of these rows that are here were in a batch before, in vain."""
        for key in keys:
            self._do("UPDATE rows SET tries = tries + 1 WHERE key = ?", key)

    def divert(self, lot: int, *, tries: int = 0) -> int:
        """The free rows of a lot that were tried so often are asked live; returns how many."""
        diverted = self._do(f"UPDATE rows SET lot = {LIVE} WHERE tag IS NULL AND lot = ? AND tries >= ?", lot, tries)
        return diverted.rowcount

    def divert_all(self) -> None:
        """All that is here is asked live."""
        self._do(f"UPDATE rows SET tag = NULL, at = NULL, lot = {LIVE}")

    def settle(self, key: bytes) -> None:
        """It is settled."""
        self._do("DELETE FROM rows WHERE key = ?", key)

    def count(self, *, live: bool = False) -> int:
        """How many rows are here; only those to be asked live."""
        where = f" WHERE lot = {LIVE}" if live else ""
        found: tuple[int] = self._do(f"SELECT count(*) FROM rows{where}").fetchone()
        return found[0]

    def close(self) -> None:
        """Let it go.  Idempotent."""
        self._base.close()
