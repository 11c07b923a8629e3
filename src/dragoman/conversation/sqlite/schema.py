"""
The tables of conversations in an SQLite file, and how a file of an earlier version becomes one of this.

`conversation` gives each name a number.  `segment` says where a run of nodes grew from, `node` holds them, `branch` the
leaf, the version and the lease, `turn` what was asked under which id, `piece` the events of an answer under way, and
`waiter` who is in line for a branch.

Rule: a migration that was released is never changed.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from dragoman.conversation.model import write_events
from dragoman.drivers.sqlite_schema import Schema
from dragoman.types.events import TextDelta

_TABLES: Final = (
    "CREATE TABLE conversation (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, made REAL NOT NULL,"
    " UNIQUE (tenant, name))",
    "CREATE TABLE segment (conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,"
    " number INTEGER NOT NULL, parent INTEGER NOT NULL, depth INTEGER NOT NULL, PRIMARY KEY (conversation, number))"
    " WITHOUT ROWID",
    "CREATE TABLE node (conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,"
    " segment INTEGER NOT NULL, depth INTEGER NOT NULL, kind TEXT NOT NULL, weight INTEGER NOT NULL, turn INTEGER,"
    " body BLOB NOT NULL)",  # with a rowid: without one, a row of a quarter page and more takes a page of its own
    "CREATE UNIQUE INDEX node_place ON node (conversation, segment, depth)",
    "CREATE TABLE turn (number INTEGER PRIMARY KEY,"
    " conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE, key TEXT NOT NULL, branch TEXT NOT NULL,"
    " digest BLOB NOT NULL, state TEXT NOT NULL, fence INTEGER NOT NULL, base_segment INTEGER NOT NULL,"
    " base_depth INTEGER NOT NULL, leaf_segment INTEGER, leaf_depth INTEGER, input BLOB, answer BLOB, error TEXT,"
    " begun REAL NOT NULL, ended REAL, UNIQUE (conversation, key))",
    "CREATE INDEX turn_open ON turn (conversation) WHERE state <> 'done'",
    "CREATE TABLE branch (conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE, name TEXT NOT NULL,"
    " version INTEGER NOT NULL, segment INTEGER NOT NULL, depth INTEGER NOT NULL, fence INTEGER NOT NULL, turn INTEGER,"
    " until REAL NOT NULL, PRIMARY KEY (conversation, name)) WITHOUT ROWID",
    "CREATE TABLE chunk (turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY (turn, seq)) WITHOUT ROWID",
    "CREATE TABLE waiter (ticket INTEGER PRIMARY KEY AUTOINCREMENT,"
    " conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE, branch TEXT NOT NULL,"
    " until REAL NOT NULL)",
    "CREATE INDEX waiter_line ON waiter (conversation, branch, ticket)",
)

# The driver checks no foreign key while a schema is brought up to date, so a table may be dropped and made again.
_SECOND: Final = (
    "CREATE TABLE remade (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL,"
    " made REAL NOT NULL, changed REAL NOT NULL, keep REAL NOT NULL, expires REAL, seal BLOB NOT NULL,"
    " UNIQUE (tenant, user, name))",
    "INSERT INTO remade SELECT id, tenant, '', name, made,"
    " coalesce((SELECT max(max(begun, coalesce(ended, 0))) FROM turn WHERE conversation = conversation.id), made),"
    " 0, NULL, x'' FROM conversation",
    "DROP TABLE conversation",
    "ALTER TABLE remade RENAME TO conversation",
    "CREATE INDEX conversation_expires ON conversation (expires) WHERE expires IS NOT NULL",
    "ALTER TABLE node ADD COLUMN id TEXT NOT NULL DEFAULT ''",
    "UPDATE turn SET error = CAST(error AS BLOB)",
    "CREATE TABLE piece (turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " events BLOB NOT NULL, PRIMARY KEY (turn, seq))",
    "INSERT INTO piece SELECT turn, seq, events_of(text) FROM chunk",
    "DROP TABLE chunk",
)


def _first(db: sqlite3.Connection) -> None:
    for statement in _TABLES:
        db.execute(statement)


def _events_of(text: str) -> bytes:
    return write_events([TextDelta(text)])


def _second(db: sqlite3.Connection) -> None:
    db.create_function("events_of", 1, _events_of, deterministic=True)
    for statement in _SECOND:
        db.execute(statement)


SCHEMA: Final = Schema("conversations", [_first, _second])
