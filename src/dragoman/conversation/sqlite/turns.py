"""
Turns in an SQLite file: how they begin, hold their lease, and end.

Rule: every function here runs inside a transaction that `store` opened; the lease is checked in the one that writes.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from dragoman.conversation.model import Ask, Began, Busy, Done, Go, Locked, Mark, Outcome, Piece, Ref
from dragoman.conversation.nodes import ROOT, Place
from dragoman.conversation.sqlite.rows import (
    Head,
    Row,
    TurnRow,
    add_branch,
    conversation_of,
    hang,
    head_of,
    made,
    path_of,
    touch,
    turn_at,
    turn_of,
)
from dragoman.errors import LeaseLostError, TurnIdReusedError

# Seconds after which one who does not ask any more has lost its place in the line.
_TICKET: Final = 2.0


# --- beginning --------------------------------------------------------------------------------------------------------


def begin(db: sqlite3.Connection, ref: Ref, ask: Ask, now: float) -> Began:
    """See `Store.begin`."""
    of = made(db, ref, now, keep=ask.keep, seal=ask.seal)
    if of.seal != ask.seal:
        return Locked(of.seal)
    number = of.number
    turn = turn_of(db, number, ask.key)
    if turn is not None and turn.digest != ask.digest:
        raise TurnIdReusedError(
            f"the turn {ask.key!r} of {ref.conversation!r} was begun with other input: give another turn_id",
            field="turn_id",
        )
    if turn is not None and turn.state == "done" and turn.leaf is not None:
        _leave(db, ask.ticket)
        return Done(turn.answer or b"", path_of(db, of, turn.leaf, 0), turn.base)
    if turn is not None:  # what was begun goes on where it was begun
        ref = ref._replace(branch=turn.branch)
    head = head_of(db, number, ref.branch) or add_branch(db, number, ref.branch, ROOT)
    busy = _busy(db, number, ref, head, ask, now)
    if busy is not None:
        return busy
    _leave(db, ask.ticket)
    interrupt(db, head, now)
    return _lease(db, of, ref, head, turn, ask, now)


def _busy(db: sqlite3.Connection, number: int, ref: Ref, head: Head, ask: Ask, now: float) -> Busy | None:
    """Whether the turn must wait, and in which place."""
    running = head.turn is not None and head.until > now
    holder = turn_at(db, head.turn) if running and head.turn is not None else None
    itself = holder is not None and holder.key == ask.key
    if ask.retake if itself else ask.interrupt:
        return None
    first = db.execute(
        "SELECT min(ticket) FROM waiter WHERE conversation = ? AND branch = ? AND until > ?", (number, ref.branch, now)
    ).fetchone()[0]
    if not running and first in (None, ask.ticket):
        return None
    ticket = _ticket(db, number, ref, ask, now) if ask.wait else None
    return Busy(holder.key if holder else None, max(0.0, head.until - now) if running else 0.0, ticket)


def _ticket(db: sqlite3.Connection, number: int, ref: Ref, ask: Ask, now: float) -> int:
    """Keep a place in the line, or take the last."""
    until = now + _TICKET
    if ask.ticket is not None:
        row = db.execute("SELECT until FROM waiter WHERE ticket = ?", (ask.ticket,)).fetchone()
        if row and row[0] < now + _TICKET / 2:  # not each time: what writes nothing need not be synced
            db.execute("UPDATE waiter SET until = ? WHERE ticket = ?", (until, ask.ticket))
        if row:
            return ask.ticket
    db.execute("DELETE FROM waiter WHERE conversation = ? AND branch = ? AND until <= ?", (number, ref.branch, now))
    row = db.execute(
        "INSERT INTO waiter (conversation, branch, until) VALUES (?, ?, ?) RETURNING ticket",
        (number, ref.branch, until),
    ).fetchone()
    ticket: int = row[0]
    return ticket


def _leave(db: sqlite3.Connection, ticket: int | None) -> None:
    if ticket is not None:
        db.execute("DELETE FROM waiter WHERE ticket = ?", (ticket,))


def interrupt(db: sqlite3.Connection, head: Head, now: float) -> None:
    """Whoever had the lease before has it no more."""
    if head.turn is not None:
        db.execute(
            "UPDATE turn SET state = 'interrupted', ended = ? WHERE number = ? AND state = 'running'", (now, head.turn)
        )


def _let_go(db: sqlite3.Connection, number: int, leaf: Place) -> None:
    """The pieces of the answer before are not needed any more: whoever followed it reads the whole."""
    db.execute(
        "DELETE FROM piece WHERE turn = (SELECT turn FROM node WHERE conversation = ? AND segment = ? AND depth = ?)",
        (number, *leaf),
    )


def _lease(db: sqlite3.Connection, of: Row, ref: Ref, head: Head, turn: TurnRow | None, ask: Ask, now: float) -> Go:
    number, fence, base = of.number, head.fence + 1, ask.base or head.leaf
    touch(db, of, now)
    _let_go(db, number, head.leaf)
    values = (ref.branch, ask.digest, fence, *base, ask.input, now, number, ask.key)
    if turn is None:
        row = db.execute(
            "INSERT INTO turn (branch, digest, fence, base_segment, base_depth, input, begun, conversation, key, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running') RETURNING number",
            values,
        ).fetchone()
    else:
        row = db.execute(
            "UPDATE turn SET branch = ?, digest = ?, fence = ?, base_segment = ?, base_depth = ?, input = ?, begun = ?,"
            " state = 'running', error = NULL, ended = NULL WHERE conversation = ? AND key = ? RETURNING number",
            values,
        ).fetchone()
        db.execute("DELETE FROM piece WHERE turn = ?", (turn.number,))
    db.execute(
        "UPDATE branch SET version = version + 1, fence = ?, turn = ?, until = ? WHERE conversation = ? AND name = ?",
        (fence, row[0], now + ask.ttl, number, ref.branch),
    )
    return Go(ref, fence, base, path_of(db, of, base, head.version + 1, ask.known))


# --- while it runs, and its end ---------------------------------------------------------------------------------------


def _held(db: sqlite3.Connection, mark: Mark, now: float) -> tuple[Row, TurnRow] | None:
    """The conversation and the turn of a mark, if it has the lease."""
    of = conversation_of(db, mark.ref, now)
    turn = turn_of(db, of.number, mark.key) if of is not None else None
    if of is None or turn is None or turn.state != "running" or turn.fence != mark.fence:
        return None
    head = head_of(db, of.number, turn.branch)
    return (of, turn) if head is not None and head.turn == turn.number and head.fence == mark.fence else None


def renew(db: sqlite3.Connection, mark: Mark, ttl: float, now: float) -> bool:
    """See `Store.renew`."""
    held = _held(db, mark, now)
    if held is None:
        return False
    of, turn = held
    db.execute("UPDATE branch SET until = ? WHERE conversation = ? AND name = ?", (now + ttl, of.number, turn.branch))
    return True


def emit(db: sqlite3.Connection, mark: Mark, piece: Piece, ttl: float, now: float) -> bool:
    """See `Store.emit`."""
    held = _held(db, mark, now)
    if held is None:
        return False
    _keep(db, held[1].number, piece)
    return renew(db, mark, ttl, now)


def _keep(db: sqlite3.Connection, turn: int, piece: Piece) -> None:
    db.execute("INSERT OR REPLACE INTO piece VALUES (?, ?, ?)", (turn, *piece))


def commit(db: sqlite3.Connection, mark: Mark, outcome: Outcome, now: float) -> Place:
    """See `Store.commit`."""
    held = _held(db, mark, now)
    if held is None:
        return _committed(db, mark, outcome, now)
    of, turn = held
    number = of.number
    leaf = hang(db, number, turn.base, outcome.nodes, turn.number)
    if outcome.state == "done":
        db.execute(
            "UPDATE turn SET state = 'done', leaf_segment = ?, leaf_depth = ?, input = NULL, answer = ?, ended = ?"
            " WHERE number = ?",
            (*leaf, outcome.answer, now, turn.number),
        )
        db.execute(
            "UPDATE branch SET segment = ?, depth = ? WHERE conversation = ? AND name = ?", (*leaf, number, turn.branch)
        )
    else:
        db.execute(
            "UPDATE turn SET state = ?, error = ?, ended = ? WHERE number = ?",
            (outcome.state, outcome.error, now, turn.number),
        )
    for piece in outcome.pieces:
        _keep(db, turn.number, piece)
    db.execute(
        "UPDATE branch SET version = version + 1, turn = NULL, until = 0 WHERE conversation = ? AND name = ?",
        (number, turn.branch),
    )
    touch(db, of, now)
    return leaf


def _committed(db: sqlite3.Connection, mark: Mark, outcome: Outcome, now: float) -> Place:
    """The same commit again, after one whose outcome was not known; any other is refused."""
    of = conversation_of(db, mark.ref, now)
    turn = turn_of(db, of.number, mark.key) if of is not None else None
    if turn is not None and turn.fence == mark.fence and turn.state == outcome.state:
        return turn.leaf or turn.base
    raise LeaseLostError(
        f"the turn {mark.key!r} of {mark.ref.conversation!r} has lost its lease: another took over, or the "
        "conversation was erased; nothing was written"
    )
