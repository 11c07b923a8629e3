"""
The nearest vectors by pgvector, and its index.

A base of few vectors is compared whole, which is exact.  From `INDEXED` vectors on it has an HNSW index of its own, and
the planner decides which of the two costs less.  An index is an approximation, so more candidates are fetched than are
wanted.  A question to some documents only is always exact: an index cannot know them.

Rule: the index never hides anything.  If it gives fewer than were wanted (vectors of removed pieces were in the way),
all are compared.

Source: pgvector 0.8, README, "Indexing" and "Filtering".
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Final

from dragoman.drivers.postgres import Execute, Postgres
from dragoman.knowledge.postgres_rows import listed
from dragoman.runtime import Runtime

Found = list[tuple[int, float]]

INDEXED: Final = 10_000
"""Vectors of a base from which it has an index; fewer are compared in some milliseconds."""

_WIDEST: Final = 2000  # numbers that the index takes in a vector of `real`
_PATIENCE: Final = 3600.0  # seconds that the making of an index may take

_LOCK: Final = 7_162_538_490_215  # ours alone by chance; the next after that of the tables
_CAN: Final = "SELECT 1 FROM pg_am WHERE amname = 'hnsw'"  # pgvector has it from 0.5 on
_OLD: Final = "SELECT 1 FROM dragoman_kb_vector WHERE base = %s AND model = %s AND near IS NULL LIMIT 1"
_EXACT: Final = (
    "SELECT c.id, 1 - (v.near <=> %s::text::real[]::vector) FROM dragoman_kb_chunk c JOIN dragoman_kb_vector v"
    " ON v.base = c.base AND v.model = %s AND v.digest = c.digest"
    " WHERE c.base = %s AND (%s::bigint[] IS NULL OR c.document = ANY (%s::bigint[])) ORDER BY 2 DESC, 1 LIMIT %s"
)
_BY_INDEX: Final = (
    "WITH n AS MATERIALIZED (SELECT digest, near::vector({width}) <=> %s::text::real[]::vector({width}) AS far"
    " FROM dragoman_kb_vector WHERE {rows} ORDER BY 2 LIMIT %s)"
    " SELECT c.id, 1 - n.far FROM n JOIN dragoman_kb_chunk c ON c.base = {base} AND c.digest = n.digest"
    " ORDER BY 2 DESC, 1 LIMIT %s"
)
_MAKE: Final = (
    "CREATE INDEX IF NOT EXISTS {name} ON dragoman_kb_vector USING hnsw ((near::vector({width})) vector_cosine_ops)"
    " WHERE {rows}"
)
_ROWS: Final = "base = {base} AND model = {model} AND vector_dims(near) = {width}"


def _name(base: str, model: str, width: int) -> str:
    return "dragoman_kb_near_" + hashlib.sha256(f"{base}\0{model}\0{width}".encode()).hexdigest()[:24]


def _text(value: str) -> str:
    """A constant of SQL.  The planner takes a partial index only where its condition is written out."""
    return "E'" + value.replace("\\", "\\\\").replace("'", "''").replace("%", "%%") + "'"


def _rows(base: str, model: str, width: int) -> str:
    return _ROWS.format(base=_text(base), model=_text(model), width=width)


async def nearest(
    db: Postgres,
    runtime: Runtime,
    base: str,
    model: str,
    question: Sequence[float],
    count: int,
    documents: Collection[int] | None,
) -> Found | None:
    """The pieces whose vectors are nearest, with their cosines; None where the server cannot compare them."""
    if await db.run(runtime, _OLD, (base, model)):
        return None  # vectors from before pgvector was there
    if documents is None and await _has_index(db, runtime, base, model, len(question)):
        found = await db.transaction(runtime, lambda execute: _by_index(execute, base, model, question, count))
        if len(found) == count:
            return _near(found)
    within = None if documents is None else list(documents)
    return _near(await db.run(runtime, _EXACT, (listed(question), model, base, within, within, count)))


def _near(rows: Sequence[Sequence[object]]) -> Found:
    return [(int(str(row[0])), float(str(row[1]))) for row in rows if row[1] is not None and float(str(row[1])) > 0]


async def _has_index(db: Postgres, runtime: Runtime, base: str, model: str, width: int) -> bool:
    return bool((await db.run(runtime, "SELECT to_regclass(%s) IS NOT NULL", (_name(base, model, width),)))[0][0])


async def _by_index(
    execute: Execute, base: str, model: str, question: Sequence[float], count: int
) -> Sequence[Sequence[object]]:
    """Four times as many candidates as are wanted, and no fewer than 200; the index looks at 1000 at most."""
    candidates = min(1000, max(4 * count, 200))
    await execute("SELECT set_config('hnsw.ef_search', %s, true)", (str(candidates),))
    rows = _rows(base, model, len(question))
    sql = _BY_INDEX.format(width=len(question), base=_text(base), rows=rows)
    return await execute(sql, (listed(question), candidates, count))


async def index(db: Postgres, runtime: Runtime, base: str) -> bool:
    """
    Give a base that has grown large its index: whether it has one now.

    While it is made, vectors of all bases are read and none are written.
    """
    rows = await db.run(runtime, "SELECT embed, dimensions FROM dragoman_kb WHERE name = %s", (base,))
    if not rows or not 0 < rows[0][1] <= _WIDEST or not await db.run(runtime, _CAN):
        return False
    model, width = rows[0]
    if await _has_index(db, runtime, base, model, width):
        return True
    sql = "SELECT count(*) FROM dragoman_kb_vector WHERE base = %s AND model = %s AND near IS NOT NULL"
    if (await db.run(runtime, sql, (base, model)))[0][0] < INDEXED:
        return False
    made = _MAKE.format(name=_name(base, model, width), width=width, rows=_rows(base, model, width)).replace("%%", "%")

    async def make(execute: Execute) -> None:
        await execute(f"SELECT pg_advisory_xact_lock({_LOCK})")  # two writers of one base: the second finds it made
        await execute(made)

    await db.transaction(runtime, make, runtime.now() + _PATIENCE)
    return True
