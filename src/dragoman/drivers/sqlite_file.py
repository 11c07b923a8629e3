"""
Opening an SQLite file: where it may be, who may read it, and its journal.

**Journal.**  A write-ahead log (WAL) is faster, and readers do not block the writer.  But in SQLite before 3.51.3 two
connections that checkpoint and write at the same moment can lose commits or damage the file ("WAL-reset bug"); the fix
is also in 3.50.7 and 3.44.6.  So WAL is chosen only when a file is made, and only by an SQLite that has the fix; an
older one that opens such a file turns it back, and nobody turns it on again, so that processes with different SQLites
cannot undo each other's choice.

Else the journal stays, and its head is overwritten at the end: SQLite syncs that, so that a commit that was
acknowledged outlives a power cut (a deleted journal may come back), and it costs a sixth of deleting or truncating,
which the file system has to write down.  What stands in it are pages as they were before: whoever deletes a secret
deletes it, too (`Sqlite.scrub`).

Source: sqlite.org/wal.html#walresetbug; sqlite.org/pragma.html#pragma_journal_mode and #pragma_synchronous;
`pager_end_transaction` and `zeroJournalHdr` in SQLite's pager.c.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.drivers.mounts import network_filesystem
from dragoman.drivers.sqlite_transaction import patiently
from dragoman.errors import StoreError

MEMORY: Final = ":memory:"
# Seconds that SQLite itself waits for a lock; then we look at the deadline, and Python at Ctrl-C.
SLICE: Final = 0.1


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has the fix of the WAL-reset bug."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def prepare(path: str) -> bool:
    """
    Make the file, readable for this user only, and its folder if there is none: whether the file is empty.

    Raises:
        StoreError: The folder cannot be made, is on another machine, or the path is no file.
    """
    folder = Path(path).parent
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        kind = network_filesystem(folder)
        if kind is not None:
            raise StoreError(
                f"the database {path!r} is on a network file system ({kind}), where SQLite's locks do not hold: "
                "choose a path on a disk of this machine, or a postgresql:// or redis:// URL"
            )
        # Not by open and close: closing any descriptor of a file drops the locks that this process has on it.
        os.mknod(path, 0o600 | stat.S_IFREG)
    except FileExistsError:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"the database {path!r} is not a file: choose another path") from None
        return found.st_size == 0
    except OSError as error:
        raise StoreError(f"the database {path!r} cannot be made: {error.strerror}; choose another path") from error
    return True


def identity(path: str) -> tuple[int, int] | None:
    """Which file is at a path now; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: str) -> sqlite3.Connection:
    """Open a connection that any thread may use, one at a time, and that leaves transactions to us."""
    connection = sqlite3.connect(path, timeout=SLICE, isolation_level=None, check_same_thread=False)
    try:
        # What the file says is data: its views and triggers may not call functions with side effects.
        connection.execute("PRAGMA trusted_schema = OFF")
        # A large transaction stays in memory until its commit; to write some of it earlier takes the lock that
        # readers hold, in the middle of the work.
        connection.execute("PRAGMA cache_spill = OFF")
        # A mapped file turns a passing trouble with the log into damage.  (sqlite.org/mmap.html)
        connection.execute("PRAGMA mmap_size = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def set_journal(
    connection: sqlite3.Connection,
    *,
    empty: bool,
    durable: bool,
    version: tuple[int, int, int] = sqlite3.sqlite_version_info,
) -> None:
    """
    Choose the journal, as the head of this file says, and what is synced.

    Args:
        connection: Of a file, with no transaction open.
        empty: Whether the file is new.
        durable: Whether a commit outlives a power cut; if not, it outlives the end of the process only.
        version: SQLite's.
    """
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    safe = wal_is_safe(version)
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "wal" and safe:
        return
    connection.execute(f"PRAGMA journal_mode = {'WAL' if empty and safe else 'PERSIST'}")


def scrub(connection: sqlite3.Connection, until: float) -> None:
    """Delete what the journal has of earlier pages; it goes on as it was."""
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "persist":
        patiently(lambda: connection.execute("PRAGMA journal_mode = DELETE").fetchone(), until)
        patiently(lambda: connection.execute("PRAGMA journal_mode = PERSIST").fetchone(), until)
    elif mode == "wal":
        patiently(lambda: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone(), until)
