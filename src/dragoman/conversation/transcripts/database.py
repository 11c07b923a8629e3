"""
SQLite files of other programs, opened to read.

Rule: a file from elsewhere may be hostile.  It is opened read-only with its schema distrusted; only plain tables are
read, no view and no virtual table, so nothing that stands in it is run.

Source: sqlite.org/security.html, "Untrusted SQLite Database Files".
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dragoman.conversation.transcripts.reading import Given, wrong

Row = dict[str, Any]


class Tables:
    """The plain tables of a file."""

    def __init__(self, db: sqlite3.Connection, form: str) -> None:
        self._db = db
        self._form = form
        found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'")
        self._names = {row["name"] for row in found.fetchall()}

    def has(self, name: str) -> bool:
        """Whether there is such a table."""
        return name in self._names

    def rows(self, name: str, order: str = "rowid") -> Iterator[Row]:
        """The rows of a table; none if it is not there."""
        if name in self._names:
            quoted = name.replace('"', '""')
            for row in self._db.execute(f'SELECT * FROM "{quoted}" ORDER BY {order}'):
                yield dict(row)

    def need(self, *names: str) -> None:
        """
        Do nothing if all these tables are there.

        Raises:
            ConfigError: One is not.
        """
        missing = [name for name in names if name not in self._names]
        if missing:
            raise wrong(self._form, f"there is no table {missing[0]!r}", f"data.{missing[0]}")


@contextmanager
def opened(given: Given, form: str) -> Generator[Tables]:
    """
    Open a file by its path (a text is one, too), or by its bytes.

    Raises:
        ConfigError: It is no SQLite file, or it is damaged.
    """
    db: sqlite3.Connection | None = None
    try:
        db = _connected(given, form)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA query_only = ON")
        yield Tables(db, form)
    except sqlite3.Error as error:
        raise wrong(form, f"the database cannot be read: {error}") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise wrong(form, f"the database holds what is no text: {error}") from error
    finally:
        if db is not None:
            db.close()


def _connected(given: Given, form: str) -> sqlite3.Connection:
    if isinstance(given, bytes):
        if not given:
            raise wrong(form, "it is empty")
        db = sqlite3.connect(":memory:")
        try:
            db.deserialize(given)
        except BaseException:
            db.close()
            raise
        return db
    if not isinstance(given, str | os.PathLike):
        raise wrong(form, f"it is {type(given).__name__}: give the path of the file, or its bytes")
    path = Path(os.fspath(given))
    if not _is_file(path):
        raise wrong(form, f"there is no file {str(path)!r}")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have: too long, or no text
        return False
