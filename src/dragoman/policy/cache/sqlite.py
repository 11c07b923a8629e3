"""
Entries in an SQLite file, for all processes of one machine.

What was put there first goes first when there are too many, or too many bytes: to note each use would make every hit a
write.  The clock is SQLite's.  A commit outlives the end of a process, and may be lost with the power.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_schema import Schema
from dragoman.errors import StoreError
from dragoman.policy.cache.store import Found, Limits, Neighbour
from dragoman.runtime import Runtime

T = TypeVar("T")

_NOW: Final = "((julianday('now') - 2440587.5) * 86400.0)"
# Removed at once when there is no room, so that not every answer has to make room for itself.
_SOME: Final = 16


def _first(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE answer (id INTEGER PRIMARY KEY, scope BLOB NOT NULL, key BLOB NOT NULL UNIQUE,"
        " made REAL NOT NULL, until REAL, size INTEGER NOT NULL, entry BLOB NOT NULL)"
    )
    connection.execute("CREATE INDEX answer_scope ON answer (scope)")
    connection.execute("CREATE INDEX answer_until ON answer (until) WHERE until IS NOT NULL")
    connection.execute("CREATE TABLE tally (entries INTEGER NOT NULL, size INTEGER NOT NULL)")
    connection.execute("INSERT INTO tally VALUES (0, 0)")
    connection.execute(
        "CREATE TABLE near (id INTEGER PRIMARY KEY, scope BLOB NOT NULL, frame BLOB NOT NULL, key BLOB NOT NULL,"
        " vector BLOB NOT NULL)"
    )
    connection.execute("CREATE INDEX near_frame ON near (scope, frame)")


SCHEMA: Final = Schema("cached answers", [_first])


class SqliteStore:
    """
    See `Store`.

    Attributes:
        place: The path.
        near: True.
    """

    near = True

    def __init__(self, path: str, limits: Limits) -> None:
        self._file = Sqlite(path, durable=False, schema=SCHEMA)
        self._limits = limits
        self.place = self._file.path

    async def get(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> Found | None:
        """See `Store`."""
        return await self._run(runtime, partial(_get, scope, key), until, write=False)

    async def put(
        self, runtime: Runtime, scope: bytes, key: bytes, entry: bytes, ttl: float | None, until: float | None
    ) -> None:
        """See `Store`."""
        if len(entry) <= self._limits.size:
            await self._run(runtime, partial(_put, scope, key, entry, ttl, self._limits), until)

    async def drop(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> bool:
        """See `Store`."""
        return await self._run(runtime, partial(_remove, "key = ? AND scope = ?", (key, scope)), until) > 0

    async def clear(self, runtime: Runtime, scope: bytes | None, until: float | None) -> None:
        """See `Store`."""
        await self._run(runtime, partial(_clear, scope), until)

    async def neighbours(
        self, runtime: Runtime, scope: bytes, frame: bytes, most: int, until: float | None
    ) -> Sequence[Neighbour]:
        """See `Store`."""
        return await self._run(runtime, partial(_neighbours, scope, frame, most), until, write=False)

    async def place_near(
        self, runtime: Runtime, scope: bytes, frame: bytes, neighbour: Neighbour, most: int, until: float | None
    ) -> None:
        """See `Store`."""
        total = self._limits.entries
        await self._run(runtime, partial(_place_near, scope, frame, neighbour, most, total), until)

    async def _run(
        self, runtime: Runtime, work: Callable[[sqlite3.Connection], T], until: float | None, write: bool = True
    ) -> T:
        try:
            return await self._file.run(runtime, work, until, write)
        except sqlite3.Error as error:  # our statements are right, so the file is not
            raise StoreError(f"the database {self.place!r} is not one of a cache any more: {error}") from error

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        self._file.close()

    async def aclose(self) -> None:
        """Close the file; a later call opens it again."""
        await self._file.aclose()


def _get(scope: bytes, key: bytes, db: sqlite3.Connection) -> Found | None:
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT entry, {_NOW} - made FROM answer WHERE key = ? AND scope = ? AND (until IS NULL OR until > {_NOW})",
        (key, scope),
    ).fetchone()
    return None if row is None else Found(row[0], max(0.0, row[1]))


def _put(scope: bytes, key: bytes, entry: bytes, ttl: float | None, limits: Limits, db: sqlite3.Connection) -> None:
    _remove("key = ?", (key,), db)
    db.execute(
        f"INSERT INTO answer (scope, key, made, until, size, entry) VALUES (?, ?, {_NOW}, {_NOW} + ?, ?, ?)",
        (scope, key, ttl, len(entry), entry),
    )
    db.execute("UPDATE tally SET entries = entries + 1, size = size + ?", (len(entry),))
    if not _fits(limits, db):
        _remove(f"until <= {_NOW}", (), db)
    few = max(1, min(_SOME, limits.entries // 8))
    while not _fits(limits, db):
        if not _remove(f"id IN (SELECT id FROM answer ORDER BY id LIMIT {few})", (), db):
            break  # the tally was wrong, and was counted anew


def _fits(limits: Limits, db: sqlite3.Connection) -> bool:
    entries, size = db.execute("SELECT entries, size FROM tally").fetchone() or (limits.entries + 1, 0)
    return bool(entries <= limits.entries and size <= limits.size)


def _remove(which: str, values: tuple[object, ...], db: sqlite3.Connection) -> int:
    """Remove the answers that a condition names, and count them."""
    entries, size = db.execute(f"SELECT count(*), total(size) FROM answer WHERE {which}", values).fetchone()
    if entries:
        db.execute(f"DELETE FROM answer WHERE {which}", values)
        db.execute("UPDATE tally SET entries = entries - ?, size = size - ?", (entries, int(size)))
    elif not db.execute("SELECT 1 FROM answer LIMIT 1").fetchone():
        db.execute("DELETE FROM tally")
        db.execute("INSERT INTO tally VALUES (0, 0)")
    return int(entries)


def _clear(scope: bytes | None, db: sqlite3.Connection) -> None:
    which, values = ("1", ()) if scope is None else ("scope = ?", (scope,))
    _remove(which, values, db)
    db.execute(f"DELETE FROM near WHERE {which}", values)


def _neighbours(scope: bytes, frame: bytes, most: int, db: sqlite3.Connection) -> list[Neighbour]:
    rows = db.execute(
        "SELECT key, vector FROM near WHERE scope = ? AND frame = ? ORDER BY id DESC LIMIT ?", (scope, frame, most)
    )
    return [Neighbour(key, vector) for key, vector in rows]


def _place_near(
    scope: bytes, frame: bytes, neighbour: Neighbour, most: int, total: int, db: sqlite3.Connection
) -> None:
    here = (scope, frame)
    db.execute("DELETE FROM near WHERE scope = ? AND frame = ? AND key = ?", (*here, neighbour.key))
    db.execute("INSERT INTO near (scope, frame, key, vector) VALUES (?, ?, ?, ?)", (*here, *_columns(neighbour)))
    db.execute(
        "DELETE FROM near WHERE scope = ? AND frame = ? AND id NOT IN"
        " (SELECT id FROM near WHERE scope = ? AND frame = ? ORDER BY id DESC LIMIT ?)",
        (*here, *here, most),
    )
    db.execute("DELETE FROM near WHERE id <= (SELECT max(id) FROM near) - ?", (total,))


def _columns(neighbour: Neighbour) -> tuple[bytes, bytes]:
    return neighbour.key, neighbour.vector
