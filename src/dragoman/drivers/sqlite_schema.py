"""
What is in an SQLite file, and how an older file becomes a newer one.

`PRAGMA application_id` says whose file it is, `PRAGMA user_version` how many migrations it has had.  Migrations only go
forward.  A file of another program, or of a newer version, is refused before anything is written to it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Sequence

from dragoman.errors import StoreError

Migration = Callable[[sqlite3.Connection], None]


class Schema:
    """
    Brings a file to the present version.  Given to `Sqlite` as `schema`, which calls it inside a transaction.

        Schema("conversations", [lambda db: db.execute("CREATE TABLE conv (...)")])

    A migration that was released is never changed: the next change is the next migration.
    """

    def __init__(self, kind: str, migrations: Sequence[Migration]) -> None:
        """
        Args:
            kind: What the file holds; files of one kind are not opened as another.
            migrations: Each makes the next version of the one before.  No `executescript`: it ends the transaction.
        """
        self.kind = kind
        self._migrations = tuple(migrations)
        # Positive, 31 bits: what the file's header holds.
        self._application = zlib.crc32(f"dragoman/{kind}".encode()) & 0x7FFFFFFF

    def __call__(self, connection: sqlite3.Connection) -> None:
        """
        Raises:
            StoreError: The file is another program's, of another kind, or newer than this version of Dragoman.
        """
        application = _pragma(connection, "application_id")
        version = _pragma(connection, "user_version")
        if application != self._application:
            if application or version or connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                raise StoreError(f"the file {_path(connection)!r} does not hold {self.kind}: choose another path")
            connection.execute(f"PRAGMA application_id = {self._application}")
        if version > len(self._migrations):
            raise StoreError(
                f"the file {_path(connection)!r} was written by a newer Dragoman "
                f"(its {self.kind} have version {version}, this knows {len(self._migrations)}): upgrade dragoman"
            )
        for migrate in self._migrations[version:]:
            migrate(connection)
        if version < len(self._migrations):
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _path(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA database_list").fetchone()[2])
