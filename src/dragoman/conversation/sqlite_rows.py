"""
The rows of conversations in an SQLite file, and how a path is read from them.

`conversation` gives each name a number.  `segment` says where a run of nodes grew from, `node` holds them, `branch` the
leaf, the version and the lease, `turn` what was asked under which id, `chunk` the text of an answer under way, and
`waiter` who is in line for a branch.

Rule: every function here runs inside a transaction that another opened, and opens none.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from dragoman.conversation.model import ROOT, Kept, Known, Node, Path, Place, Ref, value_of
from dragoman.drivers.sqlite_schema import Schema
from dragoman.types.messages import Message
from dragoman.types.turns import Turn

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


def _first(db: sqlite3.Connection) -> None:
    for table in _TABLES:
        db.execute(table)


SCHEMA: Final = Schema("conversations", [_first])


# Shorter bodies gain less than they cost.
_WORTH_PACKING: Final = 256


class Head(NamedTuple):
    """A branch: its version and leaf, its last fence, and the turn that has or had the lease, until when."""

    version: int
    leaf: Place
    fence: int
    turn: int | None
    until: float


class TurnRow(NamedTuple):
    """A turn as it stands in the file."""

    number: int
    key: str
    branch: str
    digest: bytes
    state: str
    fence: int
    base: Place
    leaf: Place | None
    input: bytes | None
    answer: bytes | None
    error: str | None
    begun: float
    ended: float | None


_TURN: Final = (
    "SELECT number, key, branch, digest, state, fence, base_segment, base_depth, leaf_segment, leaf_depth, input,"
    " answer, error, begun, ended FROM turn"
)


def number_of(db: sqlite3.Connection, ref: Ref) -> int | None:
    """The number of a conversation, or None if there is none."""
    row = db.execute(
        "SELECT id FROM conversation WHERE tenant = ? AND name = ?", (ref.tenant, ref.conversation)
    ).fetchone()
    return row[0] if row else None


def made(db: sqlite3.Connection, ref: Ref, now: float) -> int:
    """The number of a conversation, made if there is none."""
    found = number_of(db, ref)
    if found is not None:
        return found
    row = db.execute(
        # By chance, so that one that was erased and begun again is not taken for the old one.
        "INSERT INTO conversation (id, tenant, name, made) VALUES (random() & 9223372036854775807, ?, ?, ?)"
        " RETURNING id",
        (ref.tenant, ref.conversation, now),
    ).fetchone()
    number: int = row[0]
    db.execute("INSERT INTO segment VALUES (?, 0, 0, 0)", (number,))
    return number


def head_of(db: sqlite3.Connection, number: int, branch: str) -> Head | None:
    """A branch, or None."""
    row = db.execute(
        "SELECT version, segment, depth, fence, turn, until FROM branch WHERE conversation = ? AND name = ?",
        (number, branch),
    ).fetchone()
    return Head(row[0], Place(row[1], row[2]), row[3], row[4], row[5]) if row else None


def add_branch(db: sqlite3.Connection, number: int, branch: str, leaf: Place) -> Head:
    """Name a new branch."""
    db.execute("INSERT INTO branch VALUES (?, ?, 0, ?, ?, 0, NULL, 0)", (number, branch, *leaf))
    return Head(0, leaf, 0, None, 0.0)


def turn_of(db: sqlite3.Connection, number: int, key: str) -> TurnRow | None:
    """A turn by its id, or None."""
    return _turn(db.execute(f"{_TURN} WHERE conversation = ? AND key = ?", (number, key)).fetchone())


def turn_at(db: sqlite3.Connection, turn: int) -> TurnRow | None:
    """A turn by its number, or None."""
    return _turn(db.execute(f"{_TURN} WHERE number = ?", (turn,)).fetchone())


def open_turns(db: sqlite3.Connection, number: int) -> list[TurnRow]:
    """The turns of a conversation that are not done, the oldest first."""
    rows = db.execute(f"{_TURN} WHERE conversation = ? AND state <> 'done' ORDER BY number", (number,)).fetchall()
    return [found for row in rows if (found := _turn(row)) is not None]


def _turn(row: Sequence[Any] | None) -> TurnRow | None:
    if row is None:
        return None
    number, key, branch, digest, state, fence, base_segment, base_depth, leaf_segment, leaf_depth = row[:10]
    leaf = Place(leaf_segment, leaf_depth) if leaf_segment is not None else None
    base = Place(base_segment, base_depth)
    return TurnRow(number, key, branch, digest, state, fence, base, leaf, *row[10:15])


def shown(db: sqlite3.Connection, row: TurnRow, alive: bool) -> Turn:
    """A turn as its conversation shows it; one that nobody holds any more is interrupted, whatever its row says."""
    state = "interrupted" if row.state == "running" and not alive else row.state
    pieces = db.execute("SELECT text FROM chunk WHERE turn = ? ORDER BY seq", (row.number,)).fetchall()
    return msgspec.convert(
        {
            "id": row.key,
            "state": state,
            "branch": row.branch,
            "messages": msgspec.json.decode(row.input, type=tuple[Message, ...]) if row.input else (),
            "text": "".join(piece[0] for piece in pieces),
            "error": row.error,
            "begun": row.begun,
            "ended": row.ended,
        },
        Turn,
    )


# --- the tree ---------------------------------------------------------------------------------------------------------


def path_of(db: sqlite3.Connection, number: int, leaf: Place, version: int, known: Known | None = None) -> Path:
    """Read the path to a leaf, or what of it lies behind `known`, if that is on it."""
    runs = _runs(db, number, leaf)
    place = known.place if known is not None and known.epoch == number else None
    at = next((i for i, run in enumerate(runs) if place and run.segment == place.segment), None)
    if place is None or at is None or place.depth > runs[at].depth:
        return Path(number, version, leaf, tuple(_nodes(db, number, runs, 0)))
    return Path(number, version, leaf, tuple(_nodes(db, number, runs[at:], place.depth)), suffix=True)


def _runs(db: sqlite3.Connection, number: int, leaf: Place) -> list[Place]:
    """The segments of a path, from the root, each with the depth up to which it is on it."""
    runs = [leaf]
    while runs[-1].segment:
        segment = runs[-1].segment
        row = db.execute(
            "SELECT parent, depth FROM segment WHERE conversation = ? AND number = ?", (number, segment)
        ).fetchone()
        runs.append(Place(row[0], row[1]))
    return runs[::-1]


def _nodes(db: sqlite3.Connection, number: int, runs: Sequence[Place], after: int) -> Iterator[Kept]:
    for segment, depth in runs:
        rows = db.execute(
            "SELECT depth, key, body, kind, weight FROM node LEFT JOIN turn ON turn.number = node.turn"
            " WHERE node.conversation = ? AND segment = ? AND depth > ? AND depth <= ? ORDER BY depth",
            (number, segment, after, depth),
        )
        for at, turn, body, kind, weight in rows.fetchall():
            yield Kept(Place(segment, at), turn, value_of(kind, _unpacked(body)), kind, weight)


def is_place(db: sqlite3.Connection, number: int, place: Place) -> bool:
    """Whether there is a node at a place, or it is the root."""
    if place == ROOT:
        return True
    found = db.execute(
        "SELECT 1 FROM node WHERE conversation = ? AND segment = ? AND depth = ?", (number, *place)
    ).fetchone()
    return found is not None


def hang(db: sqlite3.Connection, number: int, parent: Place, nodes: Sequence[Node], turn: int | None) -> Place:
    """Hang nodes under a place: in its segment if nothing follows it there, else in a new one.  Returns the last."""
    if not nodes:
        return parent
    segment, depth = parent
    followed = db.execute(
        "SELECT 1 FROM node WHERE conversation = ? AND segment = ? AND depth = ?", (number, segment, depth + 1)
    ).fetchone()
    if followed:
        row = db.execute("SELECT max(number) + 1 FROM segment WHERE conversation = ?", (number,)).fetchone()
        segment = row[0]
        db.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (number, segment, *parent))
    db.executemany(
        "INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (number, segment, depth + 1 + i, node.kind, node.weight, turn, _packed(node.body))
            for i, node in enumerate(nodes)
        ],
    )
    return Place(segment, depth + len(nodes))


def _packed(body: bytes) -> bytes:
    """A body as it stands in the file: JSON, or what zlib made of it, which no JSON begins like."""
    if len(body) < _WORTH_PACKING:
        return body
    smaller = zlib.compress(body, 1)
    return smaller if len(smaller) < len(body) else body


def _unpacked(body: bytes) -> bytes:
    return body if body.startswith(b"{") else zlib.decompress(body)
