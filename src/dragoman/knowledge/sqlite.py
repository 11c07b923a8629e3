"""
A knowledge base in an SQLite file.

Words are in an FTS5 index without content: it holds the terms of `analysis`, so that Chinese is found by words of any
length, and BM25 is SQLite's.  To remove a piece from it, its terms are given once more, so they must be the same ones:
a file whose index another version of `analysis` made is indexed anew when it is opened.

Source: sqlite.org/fts5.html, sections 4.4.1 (contentless tables) and 6.2 ('delete').
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, TypeVar

from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_schema import Schema
from dragoman.errors import StoreError
from dragoman.knowledge import analysis
from dragoman.knowledge.analysis import terms
from dragoman.knowledge.store import Missing, Put, State, VectorRow
from dragoman.knowledge.values import Document, Hit, embedded
from dragoman.runtime import Runtime

T = TypeVar("T")

_SOME: Final = 500  # values in one statement
_TITLE: Final = 2.0  # what a word in a heading counts beside one in the text

_TABLES: Final = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE document (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL UNIQUE, format TEXT NOT NULL,"
    " digest TEXT NOT NULL, recipe TEXT NOT NULL, tags TEXT NOT NULL, bytes INTEGER NOT NULL, added REAL NOT NULL)",
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES document (id),"
    " number INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, page INTEGER, headings TEXT NOT NULL,"
    " digest BLOB NOT NULL, text TEXT NOT NULL)",
    "CREATE INDEX chunk_document ON chunk (document, number)",
    "CREATE INDEX chunk_digest ON chunk (digest)",
    "CREATE TABLE vector (model TEXT NOT NULL, digest BLOB NOT NULL, point BLOB NOT NULL, UNIQUE (model, digest))",
)
_INDEX: Final = (
    "CREATE VIRTUAL TABLE word USING fts5 (title, body, content='', tokenize='unicode61 remove_diacritics 0')",
    "CREATE VIRTUAL TABLE word_seen USING fts5vocab (word, 'row')",
)
_WORDS: Final = "INSERT INTO word (rowid, title, body) VALUES (?, ?, ?)"
_NO_WORDS: Final = "INSERT INTO word (word, rowid, title, body) VALUES ('delete', ?, ?, ?)"
_HIT: Final = (
    "SELECT c.id, d.source, c.text, c.start, c.stop, c.headings, c.page, d.tags, c.number"
    " FROM chunk c JOIN document d ON d.id = c.document WHERE c.id IN (SELECT value FROM json_each(?))"
)
_UNUSED: Final = (
    "DELETE FROM vector WHERE model <> (SELECT coalesce(max(value), '') FROM about WHERE name = 'embed')"
    " OR digest NOT IN (SELECT digest FROM chunk)"
)


def _first_version(connection: sqlite3.Connection) -> None:
    if not _has_index(connection):
        raise StoreError("this Python's SQLite was built without FTS5, which a knowledge base needs")
    for statement in (*_TABLES, *_INDEX):
        connection.execute(statement)
    _tell(connection, "analysis", analysis.VERSION)


def _has_index(connection: sqlite3.Connection) -> bool:
    return any(row[0] == "ENABLE_FTS5" for row in connection.execute("PRAGMA compile_options"))


_VERSIONS: Final = Schema("knowledge", [_first_version])


def _schema(connection: sqlite3.Connection) -> None:
    _VERSIONS(connection)
    if _asked(connection, "analysis") != str(analysis.VERSION):
        connection.execute("DROP TABLE word_seen")
        connection.execute("DROP TABLE word")
        for statement in _INDEX:
            connection.execute(statement)
        for number, title, body in connection.execute("SELECT id, headings, text FROM chunk"):
            connection.execute(_WORDS, (number, *_terms(json.loads(title), body)))
        _tell(connection, "analysis", analysis.VERSION)


class SqliteStore:
    """One file, one base."""

    def __init__(self, path: str) -> None:
        # What it holds can be read again from the files: a power cut may cost the last second.
        self._db = Sqlite(path, durable=False, schema=_schema)
        self.place = path

    async def state(self, runtime: Runtime, *, sized: bool = False) -> State:
        return await self._read(runtime, _state)

    async def documents(self, runtime: Runtime) -> list[Document]:
        return await self._read(runtime, _documents)

    async def put(
        self, runtime: Runtime, puts: Sequence[Put], model: str, vectors: Sequence[tuple[bytes, bytes]]
    ) -> None:
        def work(connection: sqlite3.Connection) -> None:
            _keep(connection, model, vectors)
            for put in puts:
                _put(connection, put)
            _grow(connection)

        await self._db.run(runtime, work)

    async def rename(self, runtime: Runtime, moves: Sequence[tuple[str, str]]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            # By way of names that nobody has, so that two may change places.
            for number, (old, _) in enumerate(moves):
                connection.execute("UPDATE document SET source = ? WHERE source = ?", (f"\0{number}", old))
            for number, (_, new) in enumerate(moves):
                connection.execute("UPDATE document SET source = ? WHERE source = ?", (new, f"\0{number}"))
            _grow(connection)

        await self._db.run(runtime, work)

    async def tag(self, runtime: Runtime, document: int, tags: Sequence[str]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE document SET tags = ? WHERE id = ?", (json.dumps(list(tags)), document))
            _grow(connection)

        await self._db.run(runtime, work)

    async def remove(self, runtime: Runtime, sources: Sequence[str]) -> int:
        def work(connection: sqlite3.Connection) -> int:
            removed = sum(_remove(connection, source) for source in sources)
            _grow(connection)
            return removed

        return await self._db.run(runtime, work)

    async def known(self, runtime: Runtime, model: str, digests: Collection[bytes]) -> set[bytes]:
        def work(connection: sqlite3.Connection) -> set[bytes]:
            found: set[bytes] = set()
            for some in _pieces(list(digests)):
                marks = ", ".join("?" * len(some))
                sql = f"SELECT digest FROM vector WHERE model = ? AND digest IN ({marks})"
                found.update(row[0] for row in connection.execute(sql, (model, *some)))
            return found

        return await self._read(runtime, work)

    async def keep(self, runtime: Runtime, model: str, vectors: Sequence[tuple[bytes, bytes]]) -> None:
        await self._db.run(runtime, lambda connection: _keep(connection, model, vectors))

    async def missing(self, runtime: Runtime, model: str, limit: int) -> list[Missing]:
        sql = (
            "SELECT c.digest, min(c.headings), min(c.text) FROM chunk c LEFT JOIN vector v ON v.model = ?"
            " AND v.digest = c.digest WHERE v.digest IS NULL GROUP BY c.digest LIMIT ?"
        )

        def work(connection: sqlite3.Connection) -> list[Missing]:
            rows = connection.execute(sql, (model, limit)).fetchall()
            return [Missing(digest, embedded(tuple(json.loads(heads)), text)) for digest, heads, text in rows]

        return await self._read(runtime, work)

    async def adopt(self, runtime: Runtime, model: str, dimensions: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            _tell(connection, "embed", model)
            _tell(connection, "dimensions", dimensions)
            _grow(connection)

        await self._db.run(runtime, work)

    async def sweep(self, runtime: Runtime) -> int:
        return await self._db.run(runtime, lambda connection: connection.execute(_UNUSED).rowcount)

    async def vectors(self, runtime: Runtime, model: str) -> tuple[int, list[VectorRow]]:
        sql = (
            "SELECT c.id, c.document, v.point FROM chunk c CROSS JOIN vector v ON v.model = ?"
            " AND v.digest = c.digest ORDER BY c.id"
        )
        # CROSS JOIN keeps the order of the tables: the vectors were written in that of the pieces, and are read so.
        return await self._read(
            runtime, lambda connection: (_generation(connection), connection.execute(sql, (model,)).fetchall())
        )

    async def nearest(
        self, runtime: Runtime, model: str, question: Sequence[float], count: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]] | None:
        return None

    async def words(
        self, runtime: Runtime, asked: Sequence[str], count: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]]:
        within, values = "", [" OR ".join(f'"{term}"' for term in asked)]
        if documents is not None:
            within = " AND rowid IN (SELECT id FROM chunk WHERE document IN (SELECT value FROM json_each(?)))"
            values.append(json.dumps(list(documents)))
        sql = (
            f"SELECT rowid, -bm25(word, {_TITLE}, 1.0) FROM word WHERE word MATCH ?{within} ORDER BY 2 DESC, 1 LIMIT ?"
        )
        if not asked:
            return []
        return await self._read(runtime, lambda connection: connection.execute(sql, (*values, count)).fetchall())

    async def seen(self, runtime: Runtime, asked: Sequence[str]) -> dict[str, int]:
        sql = "SELECT term, doc FROM word_seen WHERE term = ?"

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            return {row[0]: row[1] for term in asked for row in connection.execute(sql, (term,))}

        return await self._read(runtime, work)

    async def hits(self, runtime: Runtime, chunks: Sequence[int]) -> dict[int, Hit]:
        def work(connection: sqlite3.Connection) -> dict[int, Hit]:
            return {row[0]: _hit(row) for row in connection.execute(_HIT, (json.dumps(list(chunks)),))}

        return await self._read(runtime, work)

    async def text(self, runtime: Runtime, source: str) -> list[tuple[int, str]]:
        sql = (
            "SELECT c.start, c.text FROM chunk c JOIN document d ON d.id = c.document WHERE d.source = ?"
            " ORDER BY c.number"
        )
        return await self._read(runtime, lambda connection: connection.execute(sql, (source,)).fetchall())

    def close(self) -> None:
        self._db.close()

    async def aclose(self) -> None:
        await self._db.aclose()

    async def _read(self, runtime: Runtime, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._db.run(runtime, work, None, write=False)


# --- in a transaction -------------------------------------------------------------------------------------------------


def _put(connection: sqlite3.Connection, put: Put) -> None:
    document = put.document
    _remove(connection, document.source)
    values = (
        document.source,
        document.format,
        document.digest,
        document.recipe,
        json.dumps(list(document.tags)),
        document.bytes,
        time.time(),
    )
    sql = "INSERT INTO document (source, format, digest, recipe, tags, bytes, added) VALUES (?, ?, ?, ?, ?, ?, ?)"
    number = connection.execute(sql, values).lastrowid
    sql = (
        "INSERT INTO chunk (document, number, start, stop, page, headings, digest, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    for chunk in put.chunks:
        heads = json.dumps(list(chunk.headings), ensure_ascii=False)
        row = (number, chunk.number, chunk.start, chunk.end, chunk.page, heads, chunk.digest, chunk.text)
        made = connection.execute(sql, row).lastrowid
        connection.execute(_WORDS, (made, *_terms(chunk.headings, chunk.text)))


def _remove(connection: sqlite3.Connection, source: str) -> int:
    sql = "SELECT c.id, c.headings, c.text FROM chunk c JOIN document d ON d.id = c.document WHERE d.source = ?"
    for number, heads, text in connection.execute(sql, (source,)).fetchall():
        connection.execute(_NO_WORDS, (number, *_terms(json.loads(heads), text)))
    connection.execute("DELETE FROM chunk WHERE document = (SELECT id FROM document WHERE source = ?)", (source,))
    return connection.execute("DELETE FROM document WHERE source = ?", (source,)).rowcount


def _keep(connection: sqlite3.Connection, model: str, vectors: Sequence[tuple[bytes, bytes]]) -> None:
    rows = ((model, digest, point) for digest, point in vectors)
    connection.executemany("INSERT OR IGNORE INTO vector (model, digest, point) VALUES (?, ?, ?)", rows)


def _terms(headings: Sequence[str], text: str) -> tuple[str, str]:
    return " ".join(terms(" ".join(headings))), " ".join(terms(text))


def _tell(connection: sqlite3.Connection, name: str, value: object) -> None:
    connection.execute("INSERT OR REPLACE INTO about (name, value) VALUES (?, ?)", (name, str(value)))


def _asked(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def _generation(connection: sqlite3.Connection) -> int:
    return int(_asked(connection, "generation") or 0)


def _grow(connection: sqlite3.Connection) -> None:
    _tell(connection, "generation", _generation(connection) + 1)


def _state(connection: sqlite3.Connection) -> State:
    def number(sql: str) -> int:
        return int(connection.execute(sql).fetchone()[0])

    return State(
        embed=_asked(connection, "embed"),
        dimensions=int(_asked(connection, "dimensions") or 0),
        generation=_generation(connection),
        documents=number("SELECT count(*) FROM document"),
        chunks=number("SELECT count(*) FROM chunk"),
        bytes=number("PRAGMA page_count") * number("PRAGMA page_size"),
    )


def _documents(connection: sqlite3.Connection) -> list[Document]:
    sql = (
        "SELECT source, format, digest, recipe, tags, bytes, (SELECT count(*) FROM chunk WHERE document = d.id), added,"
        " id FROM document d ORDER BY source"
    )
    names = ("source", "format", "digest", "recipe", "tags", "bytes", "chunks", "added", "id")
    found: list[Document] = []
    for row in connection.execute(sql):
        about: dict[str, Any] = dict(zip(names, row, strict=True))
        about["tags"] = tuple(json.loads(about["tags"]))
        found.append(Document(**about))
    return found


def _hit(row: Sequence[Any]) -> Hit:
    return Hit(
        id=row[0],
        source=row[1],
        text=row[2],
        start=row[3],
        end=row[4],
        headings=tuple(json.loads(row[5])),
        page=row[6],
        tags=tuple(json.loads(row[7])),
        number=row[8],
    )


def _pieces(values: list[bytes]) -> Iterator[list[bytes]]:
    for at in range(0, len(values), _SOME):
        yield values[at : at + _SOME]
