"""
A knowledge base in Postgres, for any number of hosts; one database holds several bases by their names.

Words are a `tsvector` of the terms of `analysis`, made here, so that no dictionary of the server decides what is found,
and Chinese is found as in SQLite.  What fits best is found among the pieces that have the rarest terms asked for: the
sum over the terms of idf times `ts_rank`, by the length of the piece.

Vectors are bytes; they are compared in this process, which keeps them while the base does not change.  Where pgvector
is in the database, the server compares them.

Rule: writers of one base take turns by the lock of its row.
"""

from __future__ import annotations

import json
import math
import time
from array import array
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from dragoman.drivers.postgres import Execute, Postgres
from dragoman.drivers.postgres_links import Rows
from dragoman.errors import ConfigError
from dragoman.knowledge import analysis
from dragoman.knowledge.postgres_near import index, nearest
from dragoman.knowledge.postgres_rows import (
    LONGEST,
    columns_of,
    document_of,
    hit_of,
    listed,
    quoted,
    telling,
    tsvector_of,
)
from dragoman.knowledge.postgres_schema import prepare
from dragoman.knowledge.store import Missing, Put, State, VectorRow
from dragoman.knowledge.values import Document, Hit, embedded
from dragoman.runtime import Runtime

T = TypeVar("T")

_GROW: Final = "UPDATE dragoman_kb SET generation = generation + 1 WHERE name = %s"
_WITHIN: Final = "(%s::bigint[] IS NULL OR c.document = ANY (%s::bigint[]))"
_HIT: Final = (
    "SELECT c.id, d.source, c.text, c.start, c.stop, c.headings, c.page, d.tags, c.number FROM dragoman_kb_chunk c"
    " JOIN dragoman_kb_document d ON d.id = c.document WHERE c.base = %s AND c.id = ANY (%s::bigint[])"
)
_RANK: Final = (
    "SELECT c.id, (SELECT sum(q.idf * ts_rank('{0.5, 0.5, 0.5, 1}', c.words, q.term::tsquery))"
    " FROM unnest(%s::text[], %s::float8[]) q (term, idf))"
    " / (0.25 + 0.75 * c.length / greatest(1.0, (SELECT avg(length) FROM dragoman_kb_chunk WHERE base = %s)))"
    f" FROM dragoman_kb_chunk c WHERE c.base = %s AND c.words @@ %s::tsquery AND {_WITHIN}"
    " ORDER BY 2 DESC, 1 LIMIT %s"
)
_CHUNKS: Final = (
    "INSERT INTO dragoman_kb_chunk (base, document, number, start, stop, page, headings, digest, length, words, text)"
    " SELECT %s, %s, u.number, u.start, u.stop, u.page, u.headings, u.digest, u.length, u.words::tsvector, u.text"
    " FROM unnest(%s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::text[], %s::bytea[], %s::integer[],"
    " %s::text[], %s::text[]) u (number, start, stop, page, headings, digest, length, words, text)"
)


class PostgresStore:
    """One base of a database."""

    def __init__(self, db: Postgres, name: str) -> None:
        """
        Raises:
            ConfigError: The name is empty.
        """
        if not isinstance(name, str) or not name or "\0" in name:
            raise ConfigError(f"name is {name!r}: give the base a name", field="name")
        self._db = db
        self._name = name
        self._ready = False
        self._has_near = False
        self.place = f"{db.place}, base {name}"

    async def state(self, runtime: Runtime, *, sized: bool = False) -> State:
        sql = (
            "SELECT embed, dimensions, generation, (SELECT count(*) FROM dragoman_kb_document WHERE base = %(b)s),"
            " (SELECT count(*) FROM dragoman_kb_chunk WHERE base = %(b)s) FROM dragoman_kb WHERE name = %(b)s"
        )
        rows = await self._run(runtime, sql, {"b": self._name})
        if not rows:
            return State()
        embed, dimensions, generation, documents, chunks = rows[0]
        size = await self._size(runtime) if sized else 0
        return State(
            embed=embed, dimensions=dimensions, generation=generation, documents=documents, chunks=chunks, bytes=size
        )

    async def documents(self, runtime: Runtime) -> list[Document]:
        sql = (
            "SELECT source, format, digest, recipe, tags, bytes, (SELECT count(*) FROM dragoman_kb_chunk c WHERE"
            " c.document = d.id), added, id FROM dragoman_kb_document d WHERE base = %s ORDER BY source"
        )
        return [document_of(row) for row in await self._run(runtime, sql, (self._name,))]

    async def put(
        self, runtime: Runtime, puts: Sequence[Put], model: str, vectors: Sequence[tuple[bytes, bytes]]
    ) -> None:
        async def work(execute: Execute) -> None:
            await self._keep(execute, model, vectors)
            for put in puts:
                await self._put(execute, put)

        await self._write(runtime, work)

    async def rename(self, runtime: Runtime, moves: Sequence[tuple[str, str]]) -> None:
        sql = "UPDATE dragoman_kb_document SET source = %s WHERE base = %s AND source = %s"

        async def work(execute: Execute) -> None:
            # By way of names that nobody has, so that two may change places.
            for number, (old, _) in enumerate(moves):
                await execute(sql, (f"\x01{number}", self._name, old))
            for number, (_, new) in enumerate(moves):
                await execute(sql, (new, self._name, f"\x01{number}"))

        await self._write(runtime, work)

    async def tag(self, runtime: Runtime, document: int, tags: Sequence[str]) -> None:
        async def work(execute: Execute) -> None:
            sql = "UPDATE dragoman_kb_document SET tags = %s WHERE base = %s AND id = %s"
            await execute(sql, (json.dumps(list(tags)), self._name, document))

        await self._write(runtime, work)

    async def remove(self, runtime: Runtime, sources: Sequence[str]) -> int:
        async def work(execute: Execute) -> int:
            sql = "DELETE FROM dragoman_kb_document WHERE base = %s AND source = ANY (%s::text[]) RETURNING 1"
            return len(await execute(sql, (self._name, list(sources))))

        return await self._write(runtime, work)

    async def known(self, runtime: Runtime, model: str, digests: Collection[bytes]) -> set[bytes]:
        sql = "SELECT digest FROM dragoman_kb_vector WHERE base = %s AND model = %s AND digest = ANY (%s::bytea[])"
        return {bytes(row[0]) for row in await self._run(runtime, sql, (self._name, model, list(digests)))}

    async def keep(self, runtime: Runtime, model: str, vectors: Sequence[tuple[bytes, bytes]]) -> None:
        await self._write(runtime, partial(self._keep, model=model, vectors=vectors))

    async def missing(self, runtime: Runtime, model: str, limit: int) -> list[Missing]:
        sql = (
            "SELECT DISTINCT ON (c.digest) c.digest, c.headings, c.text FROM dragoman_kb_chunk c LEFT JOIN"
            " dragoman_kb_vector v ON v.base = c.base AND v.model = %s AND v.digest = c.digest"
            " WHERE c.base = %s AND v.digest IS NULL ORDER BY c.digest LIMIT %s"
        )
        rows = await self._run(runtime, sql, (model, self._name, limit))
        return [Missing(bytes(digest), embedded(tuple(json.loads(heads)), text)) for digest, heads, text in rows]

    async def adopt(self, runtime: Runtime, model: str, dimensions: int) -> None:
        async def work(execute: Execute) -> None:
            sql = "UPDATE dragoman_kb SET embed = %s, dimensions = %s WHERE name = %s"
            await execute(sql, (model, dimensions, self._name))

        await self._write(runtime, work)

    async def sweep(self, runtime: Runtime) -> int:
        async def work(execute: Execute) -> int:
            sql = (
                "DELETE FROM dragoman_kb_vector v WHERE base = %(b)s AND (model <> (SELECT embed FROM dragoman_kb WHERE"
                " name = %(b)s) OR NOT EXISTS (SELECT 1 FROM dragoman_kb_chunk c WHERE c.base = v.base AND"
                " c.digest = v.digest)) RETURNING 1"
            )
            return len(await execute(sql, {"b": self._name}))

        swept = await self._write(runtime, work, grows=False)
        if self._has_near:
            await index(self._db, runtime, self._name)
        return swept

    async def vectors(self, runtime: Runtime, model: str) -> tuple[int, list[VectorRow]]:
        sql = (
            "SELECT c.id, c.document, v.point, b.generation FROM dragoman_kb b JOIN dragoman_kb_chunk c ON c.base ="
            " b.name JOIN dragoman_kb_vector v ON v.base = c.base AND v.model = %s AND v.digest = c.digest"
            " WHERE b.name = %s ORDER BY c.id"
        )
        rows = await self._run(runtime, sql, (model, self._name))
        return (rows[0][3] if rows else 0), [(chunk, document, bytes(point)) for chunk, document, point, _ in rows]

    async def nearest(
        self, runtime: Runtime, model: str, question: Sequence[float], count: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]] | None:
        await self._prepare(runtime)
        if not self._has_near or not any(question):
            return None
        return await nearest(self._db, runtime, self._name, model, question, count, documents)

    async def words(
        self, runtime: Runtime, asked: Sequence[str], count: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]]:
        seen = await self.seen(runtime, asked)
        if not seen:
            return []
        state = await self.state(runtime)
        idf = {term: math.log(1 + (state.chunks - df + 0.5) / (df + 0.5)) for term, df in seen.items()}
        within = None if documents is None else list(documents)
        values = (
            [quoted(term) for term in idf],
            list(idf.values()),
            self._name,
            self._name,
            " | ".join(quoted(term) for term in telling(seen)),
            within,
            within,
            count,
        )
        return [(chunk, float(score)) for chunk, score in await self._run(runtime, _RANK, values)]

    async def seen(self, runtime: Runtime, asked: Sequence[str]) -> dict[str, int]:
        sql = (
            "SELECT q.number, (SELECT count(*) FROM dragoman_kb_chunk c WHERE c.base = %s AND c.words @@"
            " q.term::tsquery) FROM unnest(%s::text[]) WITH ORDINALITY q (term, number)"
        )
        some = [term for term in asked if len(term) <= LONGEST]
        rows = await self._run(runtime, sql, (self._name, [quoted(term) for term in some]))
        return {some[number - 1]: count for number, count in rows if count}

    async def hits(self, runtime: Runtime, chunks: Sequence[int]) -> dict[int, Hit]:
        return {row[0]: hit_of(row) for row in await self._run(runtime, _HIT, (self._name, list(chunks)))}

    async def text(self, runtime: Runtime, source: str) -> list[tuple[int, str]]:
        sql = (
            "SELECT c.start, c.text FROM dragoman_kb_chunk c JOIN dragoman_kb_document d ON d.id = c.document"
            " WHERE d.base = %s AND d.source = %s ORDER BY c.number"
        )
        return [(start, text) for start, text in await self._run(runtime, sql, (self._name, source))]

    def close(self) -> None:
        self._db.close()

    async def aclose(self) -> None:
        await self._db.aclose()

    # --- in a transaction ---

    async def _put(self, execute: Execute, put: Put) -> None:
        document = put.document
        sql = "DELETE FROM dragoman_kb_document WHERE base = %s AND source = %s"
        await execute(sql, (self._name, document.source))
        sql = (
            "INSERT INTO dragoman_kb_document (base, source, format, digest, recipe, tags, bytes, added)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
        )
        values = (
            self._name,
            document.source,
            document.format,
            document.digest,
            document.recipe,
            json.dumps(list(document.tags)),
            document.bytes,
            time.time(),
        )
        ((number,),) = await execute(sql, values)
        if put.chunks:
            await execute(_CHUNKS, (self._name, number, *columns_of(put.chunks)))

    async def _keep(self, execute: Execute, model: str, vectors: Sequence[tuple[bytes, bytes]]) -> None:
        if not vectors:
            return
        near, cast = (", near", ", u.near::real[]::vector") if self._has_near else ("", "")
        sql = (
            f"INSERT INTO dragoman_kb_vector (base, model, digest, point{near}) SELECT %s, %s, u.digest, u.point{cast}"
            " FROM unnest(%s::bytea[], %s::bytea[], %s::text[]) u (digest, point, near) ON CONFLICT DO NOTHING"
        )
        written = [listed(array("f", point)) if self._has_near else None for _, point in vectors]
        digests, points = [digest for digest, _ in vectors], [point for _, point in vectors]
        await execute(sql, (self._name, model, digests, points, written))

    async def _write(self, runtime: Runtime, work: Callable[[Execute], Awaitable[T]], *, grows: bool = True) -> T:
        await self._prepare(runtime)

        async def locked(execute: Execute) -> T:
            sql = "INSERT INTO dragoman_kb VALUES (%s, '', 0, 0, %s) ON CONFLICT DO NOTHING"
            await execute(sql, (self._name, analysis.VERSION))
            await execute("SELECT 1 FROM dragoman_kb WHERE name = %s FOR UPDATE", (self._name,))
            result = await work(execute)
            if grows:
                await execute(_GROW, (self._name,))
            return result

        return await self._db.transaction(runtime, locked)

    async def _run(self, runtime: Runtime, sql: str, values: Any) -> Rows:
        await self._prepare(runtime)
        return await self._db.run(runtime, sql, values)

    async def _size(self, runtime: Runtime) -> int:
        sql = (
            "SELECT sum(pg_total_relation_size(to_regclass(t)))::bigint FROM unnest(ARRAY['dragoman_kb_document',"
            " 'dragoman_kb_chunk', 'dragoman_kb_vector']) t"
        )
        return int((await self._run(runtime, sql, ()))[0][0] or 0)

    # --- the tables ---

    async def _prepare(self, runtime: Runtime) -> None:
        if not self._ready:
            self._has_near = await prepare(self._db, runtime)
            await self._index_anew(runtime)
            self._ready = True

    async def _index_anew(self, runtime: Runtime) -> None:
        """Make the words of a base anew that another version of the analysis made."""
        rows = await self._db.run(runtime, "SELECT analysis FROM dragoman_kb WHERE name = %s", (self._name,))
        if not rows or rows[0][0] == analysis.VERSION:
            return

        async def work(execute: Execute) -> None:
            await execute("SELECT 1 FROM dragoman_kb WHERE name = %s FOR UPDATE", (self._name,))
            sql = "SELECT id, headings, text FROM dragoman_kb_chunk WHERE base = %s"
            for number, heads, text in await execute(sql, (self._name,)):
                words, length = tsvector_of(json.loads(heads), text)
                sql = "UPDATE dragoman_kb_chunk SET words = %s::tsvector, length = %s WHERE id = %s"
                await execute(sql, (words, length, number))
            sql = "UPDATE dragoman_kb SET analysis = %s, generation = generation + 1 WHERE name = %s"
            await execute(sql, (analysis.VERSION, self._name))

        await self._db.transaction(runtime, work)
