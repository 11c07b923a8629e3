"""
The tables and functions of conversations in Postgres, and how they get into a database.

Every table begins with the conversation's id, a hash of tenant, user and name, and every key begins with it, so all of
them can be partitioned or distributed by it: no row of one conversation refers to another's, and there is no sequence.
`dragoman_conversation` has the names and the counters, `segment` says where a run of nodes grew from, `node` holds
them, `branch` the leaf, the version and the lease, `turn` what was asked under which id, `piece` the events of an
answer under way, and `waiter` who is in line for a branch.

All tables are logged, also the small ones: an unlogged table is empty after a crash and on a standby that takes over,
and pieces are there to be read after exactly that.

Rule: a migration that was released is never changed, and what is in a database of a later version is not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from dragoman.drivers.postgres import Execute, Postgres
from dragoman.drivers.postgres_links import Rows
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import Runtime

VERSION: Final = 1
"""Of the tables and functions that this code uses."""

# Undefined table, undefined function: nothing is there, or an administrator has taken it away.
MISSING: Final = ("42P01", "42883")
# Not allowed; no schema to create in.
_REFUSED: Final = ("42501", "3F000")
# One process makes the tables at a time; the number is ours alone by chance.
_LOCK: Final = 7_162_538_490_213


class Table(NamedTuple):
    """
    A table.

    Attributes:
        name: Behind `dragoman_`.
        columns: Without the first, which is the conversation.
        key: The primary key, behind the conversation.
        room: Percent of a page that are filled at first; rows that change find room beside them.
        after: Statements for its indexes and the storage of its columns.
    """

    name: str
    columns: str
    key: str
    room: int = 100
    after: tuple[str, ...] = ()


# Names are compared by their bytes: pages of a list are in one order, whatever the database's language.
_NAME: Final = 'text COLLATE "C" NOT NULL'
# What comes packed, or sealed, does not become smaller: it is not tried.
_PACKED: Final = "ALTER TABLE dragoman_{0} ALTER COLUMN {1} SET STORAGE EXTERNAL"

TABLES: Final = (
    Table(
        "conversation",
        f"tenant {_NAME}, owner {_NAME}, name {_NAME}, epoch bigint NOT NULL, made double precision NOT NULL,"
        " changed double precision NOT NULL, keep double precision NOT NULL, expires double precision,"
        " seal bytea NOT NULL, turns bigint NOT NULL, segments integer NOT NULL, tickets bigint NOT NULL",
        "",
        70,
        (
            "CREATE INDEX dragoman_conversation_names ON dragoman_conversation (tenant, owner, name)",
            "CREATE INDEX dragoman_conversation_expires ON dragoman_conversation (expires) WHERE expires IS NOT NULL",
        ),
    ),
    Table("segment", "number integer NOT NULL, parent integer NOT NULL, depth integer NOT NULL", "number"),
    Table(
        "node",
        "segment integer NOT NULL, depth integer NOT NULL, kind text NOT NULL, weight integer NOT NULL,"
        ' turn text COLLATE "C", id text NOT NULL, body bytea NOT NULL',
        "segment, depth",
        100,
        (_PACKED.format("node", "body"),),
    ),
    Table(
        "branch",
        f"name {_NAME}, version bigint NOT NULL, segment integer NOT NULL, depth integer NOT NULL,"
        ' fence bigint NOT NULL, turn text COLLATE "C", until double precision NOT NULL',
        "name",
        50,
    ),
    Table(
        "turn",
        f"key {_NAME}, number bigint NOT NULL, branch {_NAME}, digest bytea NOT NULL, state text NOT NULL,"
        " fence bigint NOT NULL, base_segment integer NOT NULL, base_depth integer NOT NULL, leaf_segment integer,"
        " leaf_depth integer, input bytea, answer bytea, error bytea, begun double precision NOT NULL,"
        " ended double precision, pieces boolean NOT NULL",
        "key",
        80,
        (
            "CREATE INDEX dragoman_turn_open ON dragoman_turn (conversation, number) WHERE state <> 'done'",
            "CREATE INDEX dragoman_turn_pieces ON dragoman_turn (ended) WHERE pieces",
        ),
    ),
    Table(
        "piece",
        f"turn {_NAME}, seq integer NOT NULL, events bytea NOT NULL",
        "turn, seq",
        100,
        (_PACKED.format("piece", "events"),),
    ),
    Table("waiter", f"ticket bigint NOT NULL, branch {_NAME}, until double precision NOT NULL", "ticket", 50),
)

_VERSIONS: Final = "CREATE TABLE IF NOT EXISTS dragoman_schema (part text PRIMARY KEY, version integer NOT NULL)"
_CHECK: Final = (
    "SELECT (SELECT version FROM dragoman_schema WHERE part = 'conversations'), current_setting('server_encoding')"
)
_WROTE: Final = (
    "INSERT INTO dragoman_schema VALUES ('conversations', {0})"
    " ON CONFLICT (part) DO UPDATE SET version = excluded.version"
)
# Who waited for the lock must see what its holder has made, whatever the database's default is.
_ISOLATION: Final = "ISOLATION LEVEL READ COMMITTED"
_HERE: Final = "dragoman.conversation.postgres"
_FILES: Final = ("turns.sql", "conversations.sql")


# --- what an administrator may run ------------------------------------------------------------------------------------


def ddl(*, partitions: int = 0, tenant: str | None = None, role: str | None = None) -> str:
    """
    The statements that make all tables and functions, for `psql`; they go where the `search_path` leads first.

    Args:
        partitions: In how many parts each table is cut, by the hash of the conversation; 0 for whole tables.
        tenant: An SQL expression that says whose rows the session may see, for row-level security, such as
            `current_user` or `current_setting('app.tenant', true)`; None for no such policies.
        role: Who is granted the use of them; None for nobody but their owner.

    Raises:
        ConfigError: A number of partitions below 0.
    """
    if partitions < 0:
        raise ConfigError(f"partitions is {partitions}: give 0 for whole tables, or how many", field="partitions")
    statements = [
        f"BEGIN {_ISOLATION}",
        f"SELECT pg_advisory_xact_lock({_LOCK})",
        _VERSIONS,
        *_first(partitions),
        _WROTE.format(VERSION),
        *(_policies(tenant) if tenant else ()),
        *(_grants(role) if role else ()),
        "COMMIT",
    ]
    return "".join(f"{statement.rstrip().rstrip(';')};\n" for statement in statements)


def _first(partitions: int = 0) -> list[str]:
    """The first version."""
    made = [statement for table in TABLES for statement in _table(table, partitions)]
    return [*made, *(files(_HERE).joinpath(name).read_text("utf-8") for name in _FILES)]


_MIGRATIONS: Final = (_first,)


def _table(table: Table, partitions: int) -> list[str]:
    name = f"dragoman_{table.name}"
    key = ", ".join(filter(None, ("conversation", table.key)))
    whole = f"CREATE TABLE {name} (conversation uuid NOT NULL, {table.columns}, PRIMARY KEY ({key}))"
    room = f" WITH (fillfactor = {table.room})"
    if not partitions:
        return [whole + room, *table.after]
    parts = [
        f"CREATE TABLE {name}_{number} PARTITION OF {name}"
        f" FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number}){room}"
        for number in range(partitions)
    ]
    # What is set before there are parts holds for all of them.
    return [f"{whole} PARTITION BY HASH (conversation)", *table.after, *parts]


def _policies(tenant: str) -> list[str]:
    """Row-level security, also for the tables' owner."""
    mine = f"tenant = ({tenant})"
    of_mine = "EXISTS (SELECT FROM dragoman_conversation c WHERE c.conversation = {0}.conversation)"
    found: list[str] = []
    for table in TABLES:
        name = f"dragoman_{table.name}"
        rule = mine if table.name == "conversation" else of_mine.format(name)
        found += [
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY dragoman_tenant ON {name} USING ({rule}) WITH CHECK ({rule})",
        ]
    return found


def _grants(role: str) -> list[str]:
    quoted = '"' + role.replace('"', '""') + '"'
    tables = ", ".join(f"dragoman_{table.name}" for table in TABLES)
    return [
        f"GRANT SELECT ON dragoman_schema TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {quoted}",
    ]


# --- what a store does when it is first used --------------------------------------------------------------------------


async def prepare(db: Postgres, runtime: Runtime, until: float | None) -> None:
    """
    Make sure that the tables are there, and of this version.

    Raises:
        StoreError: They cannot be made, or are of a later version.
    """
    found = await _version(db, runtime, until)
    if found == VERSION:
        return
    try:
        await db.transaction(runtime, _bring_up, until)
    except StoreError as error:
        if error.code not in _REFUSED:
            raise
        raise StoreError(
            f"{db.place} has no tables for conversations, and the user of the URL may not make any ({error.message}): "
            'have an administrator run  python -c "from dragoman.conversation.postgres.schema import ddl; '
            "print(ddl(role='USER'))\" | psql ...  in the schema that the user's search_path names first",
            code=error.code,
        ) from error


async def _version(db: Postgres, runtime: Runtime, until: float | None) -> int:
    try:
        return _known(await db.run(runtime, _CHECK, (), until), db.place)
    except StoreError as error:
        if error.code in MISSING:
            return 0
        raise


def _known(rows: Rows, place: str) -> int:
    ((version, encoding),) = rows
    if encoding != "UTF8":
        raise StoreError(f"{place} holds text as {encoding}: conversations need one made with ENCODING 'UTF8'")
    if version is not None and version > VERSION:
        raise StoreError(
            f"{place} has conversations of version {version}, and this code knows {VERSION}: update dragoman"
        )
    return version or 0


async def _bring_up(execute: Execute) -> None:
    """In a transaction: bring the tables up to this version, unless another has done so meanwhile."""
    await execute(f"SET TRANSACTION {_ISOLATION}")
    await execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    await execute(_VERSIONS)
    version = _known(await execute(_CHECK), "the database")
    for migrate in _MIGRATIONS[version:]:
        statements: Sequence[str] = migrate()
        for statement in statements:
            await execute(statement)
    await execute(_WROTE.format(VERSION))
