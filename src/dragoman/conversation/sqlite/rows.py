"""
Reading and hanging rows of a conversation in an SQLite file; `schema` says what they are.

Rule: every function here runs inside a transaction that another opened, and opens none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from dragoman.conversation.model import Known, Path, Piece, Record, Ref, first_fence
from dragoman.conversation.nodes import ROOT, Kept, Node, Place


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
    error: bytes | None
    begun: float
    ended: float | None


class Row(NamedTuple):
    """A conversation: its number, its sealed key, and seconds that it is kept after a change (0 for ever)."""

    number: int
    seal: bytes
    keep: float


_TURN: Final = (
    "SELECT number, key, branch, digest, state, fence, base_segment, base_depth, leaf_segment, leaf_depth, input,"
    " answer, error, begun, ended FROM turn"
)


def conversation_of(db: sqlite3.Connection, ref: Ref, now: float) -> Row | None:
    """A conversation, or None if there is none, or its time is over."""
    row = db.execute(
        "SELECT id, seal, keep FROM conversation WHERE tenant = ? AND user = ? AND name = ?"
        " AND (expires IS NULL OR expires > ?)",
        (ref.tenant, ref.user, ref.conversation, now),
    ).fetchone()
    return Row(*row) if row else None


def made(db: sqlite3.Connection, ref: Ref, now: float, *, keep: float | None, seal: bytes) -> Row:
    """A conversation, made if there is none.  Writes nothing if there is: who waits asks for it many times."""
    found = conversation_of(db, ref, now)
    if found is not None:
        return found if keep is None else found._replace(keep=keep)
    expired = db.execute(
        "SELECT id FROM conversation WHERE tenant = ? AND user = ? AND name = ?",
        (ref.tenant, ref.user, ref.conversation),
    ).fetchone()
    if expired:
        delete(db, expired[0])
    row = db.execute(
        # By chance, so that one that was erased and begun again is not taken for the old one.
        "INSERT INTO conversation VALUES (random() & 9223372036854775807, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (ref.tenant, ref.user, ref.conversation, now, now, keep or 0, now + keep if keep else None, seal),
    ).fetchone()
    db.execute("INSERT INTO segment VALUES (?, 0, 0, 0)", (row[0],))
    return Row(row[0], seal, keep or 0)


def touch(db: sqlite3.Connection, conversation: Row, now: float) -> None:
    """It has changed, and is kept from now on as long as it is."""
    number, _, keep = conversation
    db.execute(
        "UPDATE conversation SET changed = ?, keep = ?, expires = ? WHERE id = ?",
        (now, keep, now + keep if keep else None, number),
    )


def delete(db: sqlite3.Connection, number: int) -> None:
    """Delete a conversation with everything that it has; the freed pages are overwritten."""
    db.execute("PRAGMA secure_delete = ON")
    db.execute("DELETE FROM conversation WHERE id = ?", (number,))


def head_of(db: sqlite3.Connection, number: int, branch: str) -> Head | None:
    """A branch, or None."""
    row = db.execute(
        "SELECT version, segment, depth, fence, turn, until FROM branch WHERE conversation = ? AND name = ?",
        (number, branch),
    ).fetchone()
    return Head(row[0], Place(row[1], row[2]), row[3], row[4], row[5]) if row else None


def add_branch(db: sqlite3.Connection, number: int, branch: str, leaf: Place) -> Head:
    """Name a new branch."""
    fence = first_fence(number)
    db.execute("INSERT INTO branch VALUES (?, ?, 0, ?, ?, ?, NULL, 0)", (number, branch, *leaf, fence))
    return Head(0, leaf, fence, None, 0.0)


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


def alive(db: sqlite3.Connection, number: int, turn: TurnRow, now: float) -> bool:
    """Whether a turn has its lease."""
    head = head_of(db, number, turn.branch)
    return head is not None and head.turn == turn.number and head.until > now


def record_of(db: sqlite3.Connection, of: Row, row: TurnRow, now: float, after: int = -1) -> Record:
    """A turn as its store gives it, with its pieces behind one."""
    running = row.state == "running"
    state: Any = "interrupted" if running and not alive(db, of.number, row, now) else row.state
    found = db.execute("SELECT seq, events FROM piece WHERE turn = ? AND seq > ? ORDER BY seq", (row.number, after))
    pieces = tuple(Piece(*piece) for piece in found.fetchall())
    last = None
    if row.state == "done" and row.leaf is not None:
        last = next(_nodes(db, of.number, [row.leaf], row.leaf.depth - 1), None)
    return Record(
        row.key,
        state,
        row.branch,
        row.fence,
        row.base,
        row.input or b"",
        pieces,
        row.error or b"",
        row.begun,
        row.ended,
        row.answer or b"",
        last,
        of.seal,
    )


# --- the tree ---------------------------------------------------------------------------------------------------------


def path_of(db: sqlite3.Connection, of: Row, leaf: Place, version: int, known: Known | None = None) -> Path:
    """Read the path to a leaf, or what of it lies behind `known`, if that is on it."""
    number = of.number
    runs = _runs(db, number, leaf)
    place = known.place if known is not None and known.epoch == number else None
    at = next((i for i, run in enumerate(runs) if place and run.segment == place.segment), None)
    if place is None or at is None or place.depth > runs[at].depth:
        return Path(number, version, leaf, tuple(_nodes(db, number, runs, 0)), seal=of.seal)
    return Path(number, version, leaf, tuple(_nodes(db, number, runs[at:], place.depth)), suffix=True, seal=of.seal)


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
            "SELECT depth, key, kind, weight, node.id, body FROM node LEFT JOIN turn ON turn.number = node.turn"
            " WHERE node.conversation = ? AND segment = ? AND depth > ? AND depth <= ? ORDER BY depth",
            (number, segment, after, depth),
        )
        for at, *rest in rows.fetchall():
            yield Kept(Place(segment, at), *rest)


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
        "INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, segment, depth + 1 + i, node.kind, node.weight, turn, node.body, node.id)
            for i, node in enumerate(nodes)
        ],
    )
    return Place(segment, depth + len(nodes))
