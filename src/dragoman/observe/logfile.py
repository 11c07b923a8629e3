"""
The file of a log store: what is in it, and how it is asked.

One row for each call.  Texts can be searched: by FTS5's trigrams, which need no spaces between words, so that Chinese
is found as well as English; a word of one or two letters is shorter than a trigram and is looked for row by row.

Source: sqlite.org/fts5.html, section 4.3.4.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_schema import Schema
from dragoman.errors import ConfigError
from dragoman.runtime import BlockingRuntime, drive

T = TypeVar("T")
By = Literal["model", "provider", "key", "day", "status", "operation"]

_RUNTIME: Final = BlockingRuntime()
_PAGE: Final = 200  # rows that an export reads at once


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One call, as it is kept.

    Attributes:
        id: ULID: it sorts by time.
        at: When it began, in seconds since 1970.
        operation: `chat`, `embeddings`, `count_tokens`, `models` or `raw`.
        asked: The model that was asked for.
        provider: Who answered, or was asked last.
        model: Model name as sent.
        stream: Whether it was streamed.
        status: How it ended; see `Call.status`.
        finish_reason: Of a complete answer.
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens: As `Usage`.
        cost: US dollars, or None if the price is not known.
        first: Seconds to the first content of a stream.
        seconds: From the beginning to the end.
        paced: Seconds spent in the line of a limit.
        cached: What the client's cache did.
        call: Key of the call, which its requests bear.
        response_id: The provider's id of the answer.
        request_id: The provider's id of the request.
        error: Class of the error.
        error_text: The error in words, where content is kept.
        http_status: HTTP status of the error.
        attempts: Ledger, as JSON.
        prompt: The last turn of the user, where content is kept.
        answer: Text of the answer, likewise.
        messages: All messages, as JSON, likewise.
        output: All answers, as JSON, likewise.
        settings: What else was asked, as JSON, likewise.
        key: Whose call it is, or whose key it used: an id that the store's `key` gave, never a secret.
    """

    id: str
    at: float
    operation: str
    asked: str
    status: str
    seconds: float
    provider: str = ""
    model: str = ""
    stream: bool = False
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    first: float | None = None
    paced: float = 0.0
    cached: str | None = None
    call: str | None = None
    response_id: str | None = None
    request_id: str | None = None
    error: str | None = None
    error_text: str | None = None
    http_status: int | None = None
    attempts: str | None = None
    prompt: str | None = None
    answer: str | None = None
    messages: str | None = None
    output: str | None = None
    settings: str | None = None
    key: str | None = None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What some calls come to together; a sum is None where nobody said anything."""

    name: str
    calls: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float


class Figures(NamedTuple):
    """What one call comes to, with the name of its group."""

    name: str
    at: float
    seconds: float
    failed: bool
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which rows.

    Attributes:
        model: Part of the model's reference.
        status: Exactly this.
        failed: Only calls that ended in an error.
        since: Not before, in seconds since 1970.
        words: All of these in what was asked or answered.
    """

    model: str | None = None
    status: str | None = None
    failed: bool = False
    since: float | None = None
    words: tuple[str, ...] = ()


_ALL: Final = Filter()
_COLUMNS: Final = Row.__struct_fields__
_LATER: Final = ("key",)  # columns that a later version has added
_TYPES: Final = {"at": "REAL NOT NULL", "seconds": "REAL NOT NULL", "id": "TEXT NOT NULL UNIQUE"}
_INSERT: Final = f"INSERT INTO call ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_SELECT: Final = f"SELECT number, {', '.join(_COLUMNS)} FROM call"
_GROUPS: Final[dict[By, str]] = {
    "model": "CASE WHEN provider = '' THEN asked ELSE provider || '/' || model END",
    "provider": "provider",
    "key": "coalesce(key, '')",
    "day": "strftime('%Y-%m-%d', at, 'unixepoch', 'localtime')",
    "status": "status",
    "operation": "operation",
}
# Of SQLite's built-in tokenizers, the one that needs no spaces; since 3.34.  No triggers keep the index: those of a
# file from somewhere else are not trusted (PRAGMA trusted_schema), and FTS5 may not be used in them.
_INDEX: Final = (
    "CREATE VIRTUAL TABLE call_text USING fts5 (prompt, answer, content='call', content_rowid='number', "
    "tokenize='trigram')"
)
_INDEX_ADD: Final = "INSERT INTO call_text (rowid, prompt, answer) VALUES (?, ?, ?)"
_INDEX_REMOVE: Final = (
    "INSERT INTO call_text (call_text, rowid, prompt, answer) SELECT 'delete', number, prompt, answer FROM call "
    "WHERE (prompt IS NOT NULL OR answer IS NOT NULL) AND "
)


def _first_version(connection: sqlite3.Connection) -> None:
    columns = ", ".join(f"{name} {_TYPES.get(name, '')}".strip() for name in _COLUMNS if name not in _LATER)
    connection.execute(f"CREATE TABLE call (number INTEGER PRIMARY KEY, {columns})")
    connection.execute("CREATE INDEX call_at ON call (at)")
    if _has_trigrams():
        connection.execute(_INDEX)


def _second_version(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE call ADD COLUMN key")


@cache
def _has_trigrams() -> bool:
    """Whether the SQLite of this process has FTS5 with trigrams."""
    with closing(sqlite3.connect(":memory:")) as connection:
        options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    return "ENABLE_FTS5" in options and sqlite3.sqlite_version_info >= (3, 34)


_SCHEMA: Final = Schema("logs", [_first_version, _second_version])


class LogFile:
    """
    The file.

    Args:
        path: Of the file; it is made when it is first written.

    All methods raise `StoreError` if the file cannot be used.  Those that read make no file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = Sqlite(path, durable=False, schema=_SCHEMA)

    def add(self, rows: Sequence[Row], patience: float = 5.0) -> None:
        """Write some rows; wait at most `patience` seconds for other processes."""
        self._do(lambda connection: _add(connection, rows), write=True, until=_RUNTIME.now() + patience)

    def last(self, count: int, chosen: Filter = _ALL, *, after: int = 0) -> list[tuple[int, Row]]:
        """The last rows, oldest first, with their numbers; only those behind number `after`."""
        where, values = _where(chosen)
        sql = f"{_SELECT} WHERE number > ?{where} ORDER BY number DESC LIMIT ?"
        return self._page(sql, (after, *values, count))[::-1]

    def find(self, name: str) -> list[Row]:
        """The rows whose id begins so, two at the most."""
        escaped = _like(name.upper())[1:]
        sql = f"{_SELECT} WHERE id LIKE ? ESCAPE '\\' ORDER BY id LIMIT 2"
        return [row for _, row in self._page(sql, (escaped,))]

    def each(self, chosen: Filter = _ALL) -> Iterator[Row]:
        """All rows, oldest first, read page by page."""
        where, values = _where(chosen)
        sql = f"{_SELECT} WHERE number > ?{where} ORDER BY number LIMIT ?"
        after = 0
        while True:
            page = self._page(sql, (after, *values, _PAGE))
            for number, row in page:
                after = number
                yield row
            if len(page) < _PAGE:
                return

    def totals(self, by: By, chosen: Filter = _ALL) -> list[Totals]:
        """Sums, the most calls first; days in order."""
        if by not in _GROUPS:
            raise ConfigError(f"by is {by!r}: there are {', '.join(_GROUPS)}", field="by")
        where, values = _where(chosen)
        order = "1" if by == "day" else "2 DESC, 1"
        sql = (
            f"SELECT {_GROUPS[by]}, count(*), count(error), sum(input_tokens), sum(output_tokens), sum(cost), "
            f"avg(seconds) FROM call WHERE 1{where} GROUP BY 1 ORDER BY {order}"
        )
        found: list[Any] = self._read(lambda connection: connection.execute(sql, values).fetchall(), [])
        return [Totals(**dict(zip(Totals.__struct_fields__, row, strict=True))) for row in found]

    def figures(self, by: By, chosen: Filter = _ALL) -> list[Figures]:
        """
        What each call comes to, the oldest first.

        Raises:
            ConfigError: There is no such group.
        """
        if by not in _GROUPS:
            raise ConfigError(f"by is {by!r}: there are {', '.join(_GROUPS)}", field="by")
        where, values = _where(chosen)
        sql = (
            f"SELECT {_GROUPS[by]}, at, seconds, error IS NOT NULL, input_tokens, output_tokens, cost FROM call "
            f"WHERE 1{where} ORDER BY at"
        )
        found: list[Any] = self._read(lambda connection: connection.execute(sql, values).fetchall(), [])
        return [Figures(*row) for row in found]

    def prune(self, *, before: float | None = None, most_bytes: int | None = None) -> int:
        """
        Remove old rows.

        Args:
            before: Those that began earlier, in seconds since 1970.
            most_bytes: The oldest, until the rest takes no more.  The file itself does not shrink: its room is used
                again.

        Returns:
            How many were removed.
        """
        if not self.path.exists():
            return 0
        return self._do(lambda connection: _prune(connection, before, most_bytes), write=True)

    def size(self) -> tuple[int, int]:
        """Number of rows, and bytes that they take."""
        return self._read(
            lambda connection: (connection.execute("SELECT count(*) FROM call").fetchone()[0], _used(connection)),
            (0, 0),
        )

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        self._db.close()

    def _page(self, sql: str, values: Sequence[Any]) -> list[tuple[int, Row]]:
        nothing: list[tuple[int, Row]] = []
        return self._read(lambda connection: _rows(connection.execute(sql, values)), nothing)

    def _read(self, work: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        return self._do(work) if self.path.exists() else nothing

    def _do(self, work: Callable[[sqlite3.Connection], T], *, write: bool = False, until: float | None = None) -> T:
        return drive(self._db.run(_RUNTIME, work, until, write))


def _add(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    for row in rows:
        number = connection.execute(_INSERT, msgspec.structs.astuple(row)).lastrowid
        if _has_trigrams() and (row.prompt is not None or row.answer is not None):
            connection.execute(_INDEX_ADD, (number, row.prompt, row.answer))


def _rows(found: sqlite3.Cursor) -> list[tuple[int, Row]]:
    return [(line[0], _row(line[1:])) for line in found]


def _row(values: Sequence[Any]) -> Row:
    named = dict(zip(_COLUMNS, values, strict=True))
    named["stream"] = bool(named["stream"])
    return Row(**named)


def _where(chosen: Filter) -> tuple[str, tuple[Any, ...]]:
    parts: list[str] = []
    values: list[Any] = []
    if chosen.model is not None:
        parts.append("(asked LIKE ? ESCAPE '\\' OR provider || '/' || model LIKE ? ESCAPE '\\')")
        values += [_like(chosen.model)] * 2
    if chosen.status is not None:
        parts.append("status = ?")
        values.append(chosen.status)
    if chosen.failed:
        parts.append("error IS NOT NULL")
    if chosen.since is not None:
        parts.append("at >= ?")
        values.append(chosen.since)
    for word in chosen.words:
        part, given = _word(word)
        parts.append(part)
        values += given
    return "".join(f" AND {part}" for part in parts), tuple(values)


def _word(word: str) -> tuple[str, list[str]]:
    if len(word) >= 3 and _has_trigrams():
        quoted = '"' + word.replace('"', '""') + '"'
        return "number IN (SELECT rowid FROM call_text WHERE call_text MATCH ?)", [quoted]
    return "(prompt LIKE ? ESCAPE '\\' OR answer LIKE ? ESCAPE '\\')", [_like(word)] * 2


def _like(text: str) -> str:
    """A pattern for any text that holds this one."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _prune(connection: sqlite3.Connection, before: float | None, most_bytes: int | None) -> int:
    removed = 0 if before is None else _remove(connection, "at < ?", before)
    used = _used(connection)
    if most_bytes is not None and used > most_bytes:
        rows = connection.execute("SELECT count(*) FROM call").fetchone()[0]
        # A little more than is too much, so that it is not done for every row that is added.
        surplus = min(rows, math.ceil(rows * (1 - 0.9 * most_bytes / used)))
        removed += _remove(connection, "number IN (SELECT number FROM call ORDER BY number LIMIT ?)", surplus)
    if removed and _has_trigrams():
        # The index marks what is gone, and makes room of it only when its parts are merged.
        connection.execute("INSERT INTO call_text (call_text, rank) VALUES ('merge', -1000)")
    return removed


def _remove(connection: sqlite3.Connection, where: str, value: float) -> int:
    if _has_trigrams():
        connection.execute(_INDEX_REMOVE + where, (value,))
    return connection.execute(f"DELETE FROM call WHERE {where}", (value,)).rowcount


def _used(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
