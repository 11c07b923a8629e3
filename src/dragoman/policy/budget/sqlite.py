"""
A book in an SQLite file, which processes of one machine share.

Rule: each operation is one short transaction, and does what `Book` does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from dragoman.drivers.sqlite import Sqlite
from dragoman.policy.budget.book import KEEP, Ask, Reading
from dragoman.runtime import Runtime

T = TypeVar("T")

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS budget (name TEXT PRIMARY KEY, number INTEGER NOT NULL, spent INTEGER NOT NULL,"
    " reserved INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS budget_hold (name TEXT NOT NULL, id TEXT NOT NULL, held INTEGER NOT NULL,"
    " least INTEGER NOT NULL, charged INTEGER, due REAL NOT NULL, PRIMARY KEY (name, id)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS budget_due ON budget_hold (name, due)",
)


def tables(db: sqlite3.Connection) -> None:
    """Make the tables where they are missing."""
    for table in _TABLES:
        db.execute(table)


class SqliteLedger:
    """
    Keeps one book in a file.

    Args:
        db: The file; what else is in it does not matter.
        name: Of the book.
        seconds: Length of a window; None for one that never ends.
    """

    instant = False

    def __init__(self, db: Sqlite, name: str, seconds: int | None) -> None:
        self.place = db.path
        self._db = db
        self._name = f"{name}/{seconds or 0}"
        self._seconds = seconds

    async def reserve(self, runtime: Runtime, ask: Ask, until: float | None) -> Reading:
        return await self._run(runtime, partial(self._reserve, ask, runtime.wall()), until)

    async def settle(self, runtime: Runtime, id: str, cost: int | None, until: float | None) -> None:
        work = partial(self._void, id, runtime.wall()) if cost is None else partial(self._settle, id, cost)
        await self._run(runtime, work, until)

    def settle_now(self, id: str, cost: int | None) -> None:
        raise NotImplementedError("a file has to be waited for")

    async def read(self, runtime: Runtime, until: float | None) -> Reading:
        return await self._run(runtime, partial(self._read, runtime.wall()), until)

    async def reset(self, runtime: Runtime, until: float | None) -> None:
        await self._run(runtime, partial(self._reset, runtime.wall()), until)

    def close(self) -> None:
        self._db.close()

    async def aclose(self) -> None:
        await self._db.aclose()

    async def _run(self, runtime: Runtime, work: Callable[[sqlite3.Connection], T], until: float | None) -> T:
        return await self._db.run(runtime, work, until)

    # --- transactions ---

    def _reserve(self, ask: Ask, now: float, db: sqlite3.Connection) -> Reading:
        number, spent, reserved = self._turned(now, db)
        found = db.execute("SELECT 1 FROM budget_hold WHERE name = ? AND id = ?", (self._name, ask.id)).fetchone()
        if found:
            return self._reading(True, number, spent, reserved, now)
        if ask.limit is not None and spent + reserved + ask.most > ask.limit:
            return self._reading(False, number, spent, reserved, now)
        row = (self._name, ask.id, ask.most, ask.least, now + ask.ttl)
        db.execute("INSERT INTO budget_hold (name, id, held, least, due) VALUES (?, ?, ?, ?, ?)", row)
        db.execute("UPDATE budget SET reserved = reserved + ? WHERE name = ?", (ask.most, self._name))
        return self._reading(True, number, spent, reserved + ask.most, now)

    def _settle(self, id: str, cost: int, db: sqlite3.Connection) -> None:
        tables(db)
        gone = "DELETE FROM budget_hold WHERE name = ? AND id = ? RETURNING held, coalesce(charged, 0)"
        row = db.execute(gone, (self._name, id)).fetchone()
        if row is not None:
            held, charged = row
            db.execute(
                "UPDATE budget SET reserved = reserved - ?, spent = spent + ? WHERE name = ?",
                (held, cost - charged, self._name),
            )

    def _void(self, id: str, now: float, db: sqlite3.Connection) -> None:
        self._turned(now, db)
        self._settle(id, 0, db)
        db.execute("INSERT INTO budget_hold VALUES (?, ?, 0, 0, 0, ?)", (self._name, id, now + KEEP))

    def _read(self, now: float, db: sqlite3.Connection) -> Reading:
        return self._reading(True, *self._turned(now, db), now)

    def _reset(self, now: float, db: sqlite3.Connection) -> None:
        self._turned(now, db)
        db.execute("UPDATE budget SET spent = 0 WHERE name = ?", (self._name,))
        db.execute("DELETE FROM budget_hold WHERE name = ? AND charged IS NOT NULL", (self._name,))

    def _turned(self, now: float, db: sqlite3.Connection) -> tuple[int, int, int]:
        """Number of the window that it is time for, what is spent and what is reserved in it."""
        tables(db)
        window = int(now // self._seconds) if self._seconds else 0
        find = "SELECT number, spent, reserved FROM budget WHERE name = ?"
        row = db.execute(find, (self._name,)).fetchone()
        if row is None or row[0] < window:
            db.execute("INSERT OR REPLACE INTO budget VALUES (?, ?, 0, 0)", (self._name, window))
            db.execute("DELETE FROM budget_hold WHERE name = ?", (self._name,))
            return window, 0, 0
        if self._run_out(now, db):
            row = db.execute(find, (self._name,)).fetchone()
        number, spent, reserved = row
        return number, spent, reserved

    def _run_out(self, now: float, db: sqlite3.Connection) -> bool:
        """Charge the least of those whose time is over; whether there were any."""
        due = "SELECT id, held, least, charged FROM budget_hold WHERE name = ? AND due <= ?"
        over = db.execute(due, (self._name, now)).fetchall()
        for id, held, least, charged in over:
            if charged is not None:
                db.execute("DELETE FROM budget_hold WHERE name = ? AND id = ?", (self._name, id))
                continue
            db.execute(
                "UPDATE budget_hold SET held = 0, charged = least, due = due + ? WHERE name = ? AND id = ?",
                (KEEP, self._name, id),
            )
            db.execute(
                "UPDATE budget SET reserved = reserved - ?, spent = spent + ? WHERE name = ?",
                (held, least, self._name),
            )
        return bool(over)

    def _reading(self, granted: bool, number: int, spent: int, reserved: int, now: float) -> Reading:
        renews = None if self._seconds is None else (number + 1) * self._seconds - now
        return Reading(granted, spent, reserved, renews)
