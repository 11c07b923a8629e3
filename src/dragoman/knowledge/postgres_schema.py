"""
The tables of knowledge bases in Postgres, and how they get into a database.

Where the type `vector` is known (the extension pgvector is in the database), vectors stand in a column of it, too.

Rule: a migration that was released is never changed, and what is in a database of a later version is not touched.
"""

from __future__ import annotations

from typing import Final

from dragoman.drivers.postgres import Execute, Postgres
from dragoman.errors import StoreError
from dragoman.runtime import Runtime

VERSION: Final = 1
_LOCK: Final = 7_162_538_490_214  # ours alone by chance; another one than that of conversations
_MISSING: Final = ("42P01", "42703")

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS dragoman_schema (part text PRIMARY KEY, version integer NOT NULL)",
    'CREATE TABLE dragoman_kb (name text COLLATE "C" PRIMARY KEY, embed text NOT NULL, dimensions integer NOT NULL,'
    " generation bigint NOT NULL, analysis integer NOT NULL)",
    'CREATE TABLE dragoman_kb_document (id bigserial PRIMARY KEY, base text COLLATE "C" NOT NULL,'
    ' source text COLLATE "C" NOT NULL, format text NOT NULL, digest text NOT NULL, recipe text NOT NULL,'
    " tags text NOT NULL, bytes bigint NOT NULL, added double precision NOT NULL, UNIQUE (base, source))",
    'CREATE TABLE dragoman_kb_chunk (id bigserial PRIMARY KEY, base text COLLATE "C" NOT NULL, document bigint NOT NULL'
    " REFERENCES dragoman_kb_document (id) ON DELETE CASCADE, number integer NOT NULL, start integer NOT NULL,"
    " stop integer NOT NULL, page integer, headings text NOT NULL, digest bytea NOT NULL, length integer NOT NULL,"
    " words tsvector NOT NULL, text text NOT NULL)",
    "CREATE INDEX dragoman_kb_chunk_document ON dragoman_kb_chunk (document, number)",
    "CREATE INDEX dragoman_kb_chunk_digest ON dragoman_kb_chunk (base, digest)",
    "CREATE INDEX dragoman_kb_chunk_words ON dragoman_kb_chunk USING gin (words)",
    'CREATE TABLE dragoman_kb_vector (base text COLLATE "C" NOT NULL, model text COLLATE "C" NOT NULL,'
    " digest bytea NOT NULL, point bytea NOT NULL, PRIMARY KEY (base, model, digest))",
    "ALTER TABLE dragoman_kb_vector ALTER COLUMN point SET STORAGE EXTERNAL",
)
_FOUND: Final = "SELECT version FROM dragoman_schema WHERE part = 'knowledge'"
_WROTE: Final = (
    f"INSERT INTO dragoman_schema VALUES ('knowledge', {VERSION})"
    " ON CONFLICT (part) DO UPDATE SET version = excluded.version"
)
_HAS_TYPE: Final = "SELECT to_regtype('vector') IS NOT NULL"
_HAS_NEAR: Final = (
    "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('dragoman_kb_vector') AND attname = 'near'"
    " AND NOT attisdropped"
)
_ADD_NEAR: Final = "ALTER TABLE dragoman_kb_vector ADD COLUMN near vector"


async def prepare(db: Postgres, runtime: Runtime) -> bool:
    """
    Make sure that the tables are there: whether the server can compare vectors.

    Raises:
        StoreError: They cannot be made, or are of a later version.
    """
    if await _version(db, runtime) != VERSION:
        await db.transaction(runtime, _make)
    has_type = bool((await db.run(runtime, _HAS_TYPE))[0][0])
    if has_type and not await db.run(runtime, _HAS_NEAR):
        await db.transaction(runtime, _add_near)
    return has_type


async def _version(db: Postgres, runtime: Runtime) -> int:
    try:
        rows = await db.run(runtime, _FOUND)
    except StoreError as error:
        if error.code in _MISSING:
            return 0
        raise
    version = int(rows[0][0]) if rows else 0
    if version > VERSION:
        raise StoreError(
            f"{db.place} has knowledge of version {version}, and this code knows {VERSION}: update dragoman"
        )
    return version


async def _make(execute: Execute) -> None:
    await execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    await execute(_TABLES[0])
    if await execute(_FOUND):
        return  # another has made them meanwhile
    if (await execute("SELECT current_setting('server_encoding')"))[0][0] != "UTF8":
        raise StoreError("the database does not hold text as UTF-8: make one with ENCODING 'UTF8'")
    for statement in _TABLES[1:]:
        await execute(statement)
    await execute(_WROTE)


async def _add_near(execute: Execute) -> None:
    await execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if not await execute(_HAS_NEAR):
        await execute(_ADD_NEAR)
