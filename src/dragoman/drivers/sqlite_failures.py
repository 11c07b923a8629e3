"""
What SQLite's errors mean, and what to do.

Only what the machine or the file is to blame for becomes a `StoreError`.  A wrong statement or a broken constraint is
the business of whoever wrote the work, and comes out as it is.

Source: sqlite.org/rescode.html.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from dragoman.errors import StoreError

BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})

_LOCKED: Final = ("is in use by others and was not free in time; nothing was changed, try again", True)
# Primary result code: what it means and what to do; whether it may go away by itself.
_MEANING: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_FULL: ("does not fit on its disk any more; nothing was changed, free some room", True),
    sqlite3.SQLITE_READONLY: (
        "cannot be written: make the file and its folder writable for this user, or choose another path",
        False,
    ),
    sqlite3.SQLITE_PERM: ("may not be opened: make it readable and writable for this user", False),
    sqlite3.SQLITE_AUTH: ("may not be opened: make it readable and writable for this user", False),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened: its folder must be one in which this user can make files, and descriptors must be left",
        False,
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged: put a backup in its place, or save what is left by sqlite3 FILE .recover",
        False,
    ),
    sqlite3.SQLITE_NOTADB: ("is not an SQLite file, or is encrypted: choose another path", False),
    sqlite3.SQLITE_IOERR: ("could not be read or written: look at its disk, and at the limits of this process", True),
    sqlite3.SQLITE_NOLFS: ("is too large for its file system: move it to another", False),
    sqlite3.SQLITE_NOMEM: ("needs more memory than there is", True),
    sqlite3.SQLITE_INTERRUPT: ("was not done with this in time; nothing was changed", True),
}


def primary(error: sqlite3.Error) -> int:
    """The primary result code, or -1 for what Python itself complains of."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF


def translate(path: str, error: sqlite3.Error, *, outcome_unknown: bool = False) -> StoreError | None:
    """The error for what the machine or the file is to blame for, else None."""
    found = _MEANING.get(primary(error))
    if found is None:
        return None
    meaning, retryable = found
    return StoreError(
        f"the database {path!r} {meaning} ({error})",
        code=error.sqlite_errorname,
        retryable=retryable and not outcome_unknown,
        outcome_unknown=outcome_unknown,
    )


def locked(path: str) -> StoreError:
    """The deadline passed before the work could begin."""
    meaning, retryable = _LOCKED
    return StoreError(f"the database {path!r} {meaning}", code="SQLITE_BUSY", retryable=retryable)
