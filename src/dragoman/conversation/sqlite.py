"""
Conversations in an SQLite file, for all threads and processes of one machine, and in memory for one client.

Each operation is one transaction, so a reader never sees half a turn.  A commit outlives a power cut.  The clock is the
machine's.

Rule: the lease is checked in the transaction that writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from dragoman.conversation.model import (
    ROOT,
    Ask,
    Busy,
    Done,
    Go,
    Known,
    Mark,
    Node,
    Outcome,
    Path,
    Place,
    Receipt,
    Ref,
)
from dragoman.conversation.sqlite_rows import (
    SCHEMA,
    Head,
    TurnRow,
    add_branch,
    hang,
    head_of,
    is_place,
    made,
    number_of,
    open_turns,
    path_of,
    shown,
    turn_at,
    turn_of,
)
from dragoman.drivers.open import sqlite_path
from dragoman.drivers.sqlite import Sqlite
from dragoman.errors import LeaseLostError, TurnIdReusedError
from dragoman.runtime import Runtime
from dragoman.types.turns import Turn

T = TypeVar("T")

# Seconds after which one who does not ask any more has lost its place in the line.
_TICKET: Final = 2.0


class SqliteStore:
    """See `Store`."""

    def __init__(self, url: str) -> None:
        """
        Args:
            url: `sqlite:///path`, or `memory://` for what only this object has.

        Raises:
            ConfigError: It is no such URL.
        """
        self._file = Sqlite(":memory:" if url == "memory://" else sqlite_path(url), schema=SCHEMA)

    def __repr__(self) -> str:
        return f"<SqliteStore {self._file.path!r}>"

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Go | Busy | Done:
        """See `Store.begin`."""
        return await self._run(runtime, partial(_begin, ref=ref, ask=ask, now=runtime.wall()), until)

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """See `Store.renew`."""
        return await self._run(runtime, partial(_renew, mark=mark, until=runtime.wall() + ttl), None)

    async def emit(self, runtime: Runtime, mark: Mark, seq: int, text: str, ttl: float) -> bool:
        """See `Store.emit`."""
        work = partial(_emit, mark=mark, seq=seq, text=text, until=runtime.wall() + ttl)
        return await self._run(runtime, work, None)

    async def commit(self, runtime: Runtime, mark: Mark, outcome: Outcome, until: float | None = None) -> Place:
        """See `Store.commit`."""
        return await self._run(runtime, partial(_commit, mark=mark, outcome=outcome, now=runtime.wall()), until)

    async def read(
        self, runtime: Runtime, ref: Ref, known: Known | None = None, until: float | None = None
    ) -> Path | None:
        """See `Store.read`."""
        return await self._file.run(runtime, partial(_read, ref=ref, known=known), until, False)

    async def append(
        self, runtime: Runtime, ref: Ref, expect: int, parent: Place, nodes: Sequence[Node], until: float | None = None
    ) -> Place | None:
        """See `Store.append`."""
        work = partial(_append, ref=ref, expect=expect, parent=parent, nodes=nodes, now=runtime.wall())
        return await self._run(runtime, work, until)

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """See `Store.fork`."""
        return await self._run(runtime, partial(_fork, ref=ref, name=name, at=at, now=runtime.wall()), until)

    async def turn(self, runtime: Runtime, ref: Ref, key: str, until: float | None = None) -> tuple[Turn, Place] | None:
        """See `Store.turn`."""
        return await self._file.run(runtime, partial(_look, ref=ref, key=key, now=runtime.wall()), until, False)

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Turn]:
        """See `Store.recover`."""
        return await self._file.run(runtime, partial(_recover, ref=ref, now=runtime.wall()), until, False)

    async def scan(
        self, runtime: Runtime, tenant: str, after: str = "", limit: int = 100, until: float | None = None
    ) -> list[str]:
        """See `Store.scan`."""
        return await self._file.run(runtime, partial(_scan, tenant=tenant, after=after, limit=limit), until, False)

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """See `Store.erase`."""
        return await self._run(runtime, partial(_erase, ref=ref), until)

    async def _run(self, runtime: Runtime, work: Callable[[sqlite3.Connection], T], until: float | None) -> T:
        return await self._file.run(runtime, work, until)


# --- beginning --------------------------------------------------------------------------------------------------------


def _begin(db: sqlite3.Connection, ref: Ref, ask: Ask, now: float) -> Go | Busy | Done:
    number = made(db, ref, now)
    turn = turn_of(db, number, ask.key)
    if turn is not None and turn.digest != ask.digest:
        raise TurnIdReusedError(
            f"the turn {ask.key!r} of {ref.conversation!r} was begun with other input: give another turn_id",
            field="turn_id",
        )
    if turn is not None and turn.state == "done" and turn.leaf is not None:
        _leave(db, ask.ticket)
        return Done(turn.answer or b"", path_of(db, number, turn.leaf, 0), turn.base)
    if turn is not None:  # what was begun goes on where it was begun
        ref = ref._replace(branch=turn.branch)
    head = head_of(db, number, ref.branch) or add_branch(db, number, ref.branch, ROOT)
    busy = _busy(db, number, ref, head, ask, now)
    if busy is not None:
        return busy
    _leave(db, ask.ticket)
    _interrupt(db, head, now)
    return _lease(db, number, ref, head, turn, ask, now)


def _busy(db: sqlite3.Connection, number: int, ref: Ref, head: Head, ask: Ask, now: float) -> Busy | None:
    """Whether the turn must wait, and in which place."""
    running = head.turn is not None and head.until > now
    holder = turn_at(db, head.turn) if running and head.turn is not None else None
    itself = holder is not None and holder.key == ask.key
    if ask.interrupt and not itself:
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


def _interrupt(db: sqlite3.Connection, head: Head, now: float) -> None:
    """Whoever had the lease before has it no more."""
    if head.turn is not None:
        db.execute(
            "UPDATE turn SET state = 'interrupted', ended = ? WHERE number = ? AND state = 'running'", (now, head.turn)
        )


def _lease(db: sqlite3.Connection, number: int, ref: Ref, head: Head, turn: TurnRow | None, ask: Ask, now: float) -> Go:
    fence, base = head.fence + 1, ask.base or head.leaf
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
        db.execute("DELETE FROM chunk WHERE turn = ?", (turn.number,))
    db.execute(
        "UPDATE branch SET version = version + 1, fence = ?, turn = ?, until = ? WHERE conversation = ? AND name = ?",
        (fence, row[0], now + ask.ttl, number, ref.branch),
    )
    return Go(ref, fence, base, path_of(db, number, base, head.version + 1, ask.known))


# --- while it runs, and its end ---------------------------------------------------------------------------------------


def _held(db: sqlite3.Connection, mark: Mark) -> tuple[int, TurnRow] | None:
    """The conversation and the turn of a mark, if it has the lease."""
    number = number_of(db, mark.ref)
    turn = turn_of(db, number, mark.key) if number is not None else None
    if number is None or turn is None or turn.state != "running" or turn.fence != mark.fence:
        return None
    head = head_of(db, number, turn.branch)
    return (number, turn) if head is not None and head.turn == turn.number and head.fence == mark.fence else None


def _renew(db: sqlite3.Connection, mark: Mark, until: float) -> bool:
    held = _held(db, mark)
    if held is None:
        return False
    number, turn = held
    db.execute("UPDATE branch SET until = ? WHERE conversation = ? AND name = ?", (until, number, turn.branch))
    return True


def _emit(db: sqlite3.Connection, mark: Mark, seq: int, text: str, until: float) -> bool:
    held = _held(db, mark)
    if held is None:
        return False
    _chunk(db, held[1].number, seq, text)
    return _renew(db, mark, until)


def _chunk(db: sqlite3.Connection, turn: int, seq: int, text: str) -> None:
    db.execute("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?)", (turn, seq, text))


def _commit(db: sqlite3.Connection, mark: Mark, outcome: Outcome, now: float) -> Place:
    held = _held(db, mark)
    if held is None:
        return _committed(db, mark, outcome)
    number, turn = held
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
    if outcome.state == "done" or outcome.text is not None:
        db.execute("DELETE FROM chunk WHERE turn = ?", (turn.number,))
    if outcome.text:
        _chunk(db, turn.number, 0, outcome.text)
    db.execute(
        "UPDATE branch SET version = version + 1, turn = NULL, until = 0 WHERE conversation = ? AND name = ?",
        (number, turn.branch),
    )
    return leaf


def _committed(db: sqlite3.Connection, mark: Mark, outcome: Outcome) -> Place:
    """The same commit again, after one whose outcome was not known; any other is refused."""
    number = number_of(db, mark.ref)
    turn = turn_of(db, number, mark.key) if number is not None else None
    if turn is not None and turn.fence == mark.fence and turn.state == outcome.state:
        return turn.leaf or turn.base
    raise LeaseLostError(
        f"the turn {mark.key!r} of {mark.ref.conversation!r} has lost its lease: another took over, or the "
        "conversation was erased; nothing was written"
    )


# --- reading, and what is no turn -------------------------------------------------------------------------------------


def _read(db: sqlite3.Connection, ref: Ref, known: Known | None) -> Path | None:
    number = number_of(db, ref)
    head = head_of(db, number, ref.branch) if number is not None else None
    if number is None or head is None:
        return None
    return path_of(db, number, head.leaf, head.version, known)


def _append(
    db: sqlite3.Connection, ref: Ref, expect: int, parent: Place, nodes: Sequence[Node], now: float
) -> Place | None:
    number = made(db, ref, now)
    head = head_of(db, number, ref.branch) or add_branch(db, number, ref.branch, ROOT)
    if head.version != expect or (head.turn is not None and head.until > now):
        return None
    _interrupt(db, head, now)
    leaf = hang(db, number, parent, nodes, None)
    db.execute(
        "UPDATE branch SET version = version + 1, fence = fence + 1, turn = NULL, until = 0, segment = ?, depth = ?"
        " WHERE conversation = ? AND name = ?",
        (*leaf, number, ref.branch),
    )
    return leaf


def _fork(db: sqlite3.Connection, ref: Ref, name: str, at: Place, now: float) -> bool:
    number = made(db, ref, now)
    if head_of(db, number, name) is not None or not is_place(db, number, at):
        return False
    add_branch(db, number, name, at)
    return True


def _alive(db: sqlite3.Connection, number: int, turn: TurnRow, now: float) -> bool:
    head = head_of(db, number, turn.branch)
    return head is not None and head.turn == turn.number and head.until > now


def _look(db: sqlite3.Connection, ref: Ref, key: str, now: float) -> tuple[Turn, Place] | None:
    number = number_of(db, ref)
    turn = turn_of(db, number, key) if number is not None else None
    if number is None or turn is None:
        return None
    return shown(db, turn, _alive(db, number, turn, now)), turn.base


def _recover(db: sqlite3.Connection, ref: Ref, now: float) -> list[Turn]:
    number = number_of(db, ref)
    if number is None:
        return []
    return [shown(db, turn, False) for turn in open_turns(db, number) if not _alive(db, number, turn, now)]


def _scan(db: sqlite3.Connection, tenant: str, after: str, limit: int) -> list[str]:
    rows = db.execute(
        "SELECT name FROM conversation WHERE tenant = ? AND name > ? ORDER BY name LIMIT ?", (tenant, after, limit)
    )
    return [row[0] for row in rows.fetchall()]


def _erase(db: sqlite3.Connection, ref: Ref) -> Receipt:
    number = number_of(db, ref)
    if number is None:
        return Receipt(nodes=0, turns=0)
    db.execute("PRAGMA secure_delete = ON")  # the freed pages are overwritten
    nodes = db.execute("SELECT count(*) FROM node WHERE conversation = ?", (number,)).fetchone()[0]
    turns = db.execute("SELECT count(*) FROM turn WHERE conversation = ?", (number,)).fetchone()[0]
    db.execute("DELETE FROM conversation WHERE id = ?", (number,))
    return Receipt(nodes=nodes, turns=turns)
