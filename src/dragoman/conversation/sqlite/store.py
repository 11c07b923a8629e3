"""
Conversations in an SQLite file, for all threads and processes of one machine, and in memory for one client.

Each operation is one transaction, so a reader never sees half a turn.  A commit outlives a power cut.  The clock is the
machine's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from dragoman.conversation.model import (
    Ask,
    Began,
    Branch,
    Known,
    Listed,
    Locked,
    Mark,
    Outcome,
    Path,
    Piece,
    Receipt,
    Record,
    Ref,
    Swept,
)
from dragoman.conversation.nodes import ROOT, Node, Place
from dragoman.conversation.sqlite.rows import (
    add_branch,
    alive,
    conversation_of,
    delete,
    hang,
    head_of,
    is_place,
    made,
    open_turns,
    path_of,
    record_of,
    touch,
    turn_at,
    turn_of,
)
from dragoman.conversation.sqlite.schema import SCHEMA
from dragoman.conversation.sqlite.turns import begin, commit, emit, interrupt, renew
from dragoman.drivers.open import sqlite_path
from dragoman.drivers.sqlite import Sqlite
from dragoman.runtime import Runtime

T = TypeVar("T")

# Seconds after its end in which whoever follows an answer may still read its pieces.
_FOLLOWED: Final = 60.0


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

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Began:
        """See `Store.begin`."""
        return await self._write(runtime, partial(begin, ref=ref, ask=ask, now=runtime.wall()), until)

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """See `Store.renew`."""
        return await self._write(runtime, partial(renew, mark=mark, ttl=ttl, now=runtime.wall()), None)

    async def emit(self, runtime: Runtime, mark: Mark, piece: Piece, ttl: float) -> bool:
        """See `Store.emit`."""
        return await self._write(runtime, partial(emit, mark=mark, piece=piece, ttl=ttl, now=runtime.wall()), None)

    async def commit(self, runtime: Runtime, mark: Mark, outcome: Outcome, until: float | None = None) -> Place:
        """See `Store.commit`."""
        return await self._write(runtime, partial(commit, mark=mark, outcome=outcome, now=runtime.wall()), until)

    async def read(
        self, runtime: Runtime, ref: Ref, known: Known | None = None, until: float | None = None
    ) -> Path | None:
        """See `Store.read`."""
        return await self._read(runtime, partial(_read, ref=ref, known=known, now=runtime.wall()), until)

    async def append(
        self,
        runtime: Runtime,
        ref: Ref,
        expect: int,
        parent: Place,
        nodes: Sequence[Node],
        until: float | None = None,
        *,
        keep: float | None = None,
        seal: bytes = b"",
    ) -> Place | Locked | None:
        """See `Store.append`."""
        work = partial(
            _append, ref=ref, expect=expect, parent=parent, nodes=nodes, now=runtime.wall(), keep=keep, seal=seal
        )
        return await self._write(runtime, work, until)

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """See `Store.fork`."""
        return await self._write(runtime, partial(_fork, ref=ref, name=name, at=at, now=runtime.wall()), until)

    async def branches(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Branch]:
        """See `Store.branches`."""
        return await self._read(runtime, partial(_branches, ref=ref, now=runtime.wall()), until)

    async def turn(
        self, runtime: Runtime, ref: Ref, key: str, after: int = -1, until: float | None = None
    ) -> Record | None:
        """See `Store.turn`."""
        return await self._read(runtime, partial(_turn, ref=ref, key=key, after=after, now=runtime.wall()), until)

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Record]:
        """See `Store.recover`."""
        return await self._read(runtime, partial(_recover, ref=ref, now=runtime.wall()), until)

    async def scan(
        self,
        runtime: Runtime,
        tenant: str,
        *,
        user: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 100,
        until: float | None = None,
    ) -> list[Listed]:
        """See `Store.scan`."""
        work = partial(_scan, tenant=tenant, user=user, after=after, limit=limit, now=runtime.wall())
        return await self._read(runtime, work, until)

    async def keep(self, runtime: Runtime, ref: Ref, seconds: float, until: float | None = None) -> bool:
        """See `Store.keep`."""
        return await self._write(runtime, partial(_keep, ref=ref, seconds=seconds, now=runtime.wall()), until)

    async def reseal(self, runtime: Runtime, ref: Ref, old: bytes, new: bytes, until: float | None = None) -> bool:
        """See `Store.reseal`."""
        return await self._write(runtime, partial(_reseal, ref=ref, old=old, new=new), until)

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """See `Store.erase`."""
        receipt = await self._write(runtime, partial(_erase, ref=ref), until)
        await self._file.scrub(runtime, until)
        return receipt

    async def sweep(self, runtime: Runtime, limit: int = 1000, until: float | None = None) -> Swept:
        """See `Store.sweep`."""
        swept = await self._write(runtime, partial(_sweep, limit=limit, now=runtime.wall()), until)
        if swept.conversations:
            await self._file.scrub(runtime, until)
        return swept

    def close(self) -> None:
        """See `Store.close`; what is only in memory stays."""
        if not self._file.in_memory:
            self._file.close()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        if not self._file.in_memory:
            await self._file.aclose()

    async def _write(self, runtime: Runtime, work: Callable[[sqlite3.Connection], T], until: float | None) -> T:
        return await self._file.run(runtime, work, until)

    async def _read(self, runtime: Runtime, work: Callable[[sqlite3.Connection], T], until: float | None) -> T:
        return await self._file.run(runtime, work, until, False)


# --- reading, and what is no turn -------------------------------------------------------------------------------------


def _read(db: sqlite3.Connection, ref: Ref, known: Known | None, now: float) -> Path | None:
    of = conversation_of(db, ref, now)
    head = head_of(db, of.number, ref.branch) if of is not None else None
    return path_of(db, of, head.leaf, head.version, known) if of is not None and head is not None else None


def _append(
    db: sqlite3.Connection,
    ref: Ref,
    expect: int,
    parent: Place,
    nodes: Sequence[Node],
    now: float,
    keep: float | None,
    seal: bytes,
) -> Place | Locked | None:
    of = made(db, ref, now, keep=keep, seal=seal)
    if of.seal != seal:
        return Locked(of.seal)
    number = of.number
    head = head_of(db, number, ref.branch) or add_branch(db, number, ref.branch, ROOT)
    if head.version != expect or (head.turn is not None and head.until > now):
        return None
    interrupt(db, head, now)
    leaf = hang(db, number, parent, nodes, None)
    db.execute(
        "UPDATE branch SET version = version + 1, fence = fence + 1, turn = NULL, until = 0, segment = ?, depth = ?"
        " WHERE conversation = ? AND name = ?",
        (*leaf, number, ref.branch),
    )
    touch(db, of, now)
    return leaf


def _fork(db: sqlite3.Connection, ref: Ref, name: str, at: Place, now: float) -> bool:
    of = conversation_of(db, ref, now)
    if of is None or head_of(db, of.number, name) is not None or not is_place(db, of.number, at):
        return False
    add_branch(db, of.number, name, at)
    touch(db, of, now)
    return True


def _branches(db: sqlite3.Connection, ref: Ref, now: float) -> list[Branch]:
    of = conversation_of(db, ref, now)
    if of is None:
        return []
    names = db.execute("SELECT name FROM branch WHERE conversation = ? ORDER BY name", (of.number,)).fetchall()
    found: list[Branch] = []
    for (name,) in names:
        head = head_of(db, of.number, name)
        assert head is not None  # it was listed in this transaction
        holder = turn_at(db, head.turn) if head.turn is not None and head.until > now else None
        found.append(Branch(name=name, leaf=head.leaf, version=head.version, running=holder.key if holder else None))
    return found


def _turn(db: sqlite3.Connection, ref: Ref, key: str, after: int, now: float) -> Record | None:
    of = conversation_of(db, ref, now)
    turn = turn_of(db, of.number, key) if of is not None else None
    return record_of(db, of, turn, now, after) if of is not None and turn is not None else None


def _recover(db: sqlite3.Connection, ref: Ref, now: float) -> list[Record]:
    of = conversation_of(db, ref, now)
    if of is None:
        return []
    return [record_of(db, of, turn, now) for turn in open_turns(db, of.number) if not alive(db, of.number, turn, now)]


def _scan(
    db: sqlite3.Connection, tenant: str, user: str | None, after: tuple[str, str], limit: int, now: float
) -> list[Listed]:
    rows = db.execute(
        "SELECT tenant, user, name, made, changed, expires,"
        " (SELECT count(*) FROM turn WHERE conversation = conversation.id) FROM conversation"
        " WHERE tenant = ? AND (user, name) > (?, ?) AND (? IS NULL OR user = ?) AND (expires IS NULL OR expires > ?)"
        " ORDER BY user, name LIMIT ?",
        (tenant, *after, user, user, now, limit),
    )
    names = Listed.__struct_fields__
    return [Listed(**dict(zip(names, row, strict=True))) for row in rows.fetchall()]


def _keep(db: sqlite3.Connection, ref: Ref, seconds: float, now: float) -> bool:
    of = conversation_of(db, ref, now)
    if of is not None:
        changed = db.execute("SELECT changed FROM conversation WHERE id = ?", (of.number,)).fetchone()[0]
        touch(db, of._replace(keep=seconds), changed)
    return of is not None


def _reseal(db: sqlite3.Connection, ref: Ref, old: bytes, new: bytes) -> bool:
    done = db.execute(
        "UPDATE conversation SET seal = ? WHERE tenant = ? AND user = ? AND name = ? AND seal = ?",
        (new, ref.tenant, ref.user, ref.conversation, old),
    )
    return done.rowcount == 1


def _erase(db: sqlite3.Connection, ref: Ref) -> Receipt:
    row = db.execute(
        "SELECT id FROM conversation WHERE tenant = ? AND user = ? AND name = ?",
        (ref.tenant, ref.user, ref.conversation),
    ).fetchone()
    if row is None:
        return Receipt(nodes=0, turns=0)
    nodes = db.execute("SELECT count(*) FROM node WHERE conversation = ?", row).fetchone()[0]
    turns = db.execute("SELECT count(*) FROM turn WHERE conversation = ?", row).fetchone()[0]
    delete(db, row[0])
    return Receipt(nodes=nodes, turns=turns)


def _sweep(db: sqlite3.Connection, limit: int, now: float) -> Swept:
    expired = db.execute("SELECT id FROM conversation WHERE expires <= ? LIMIT ?", (now, limit)).fetchall()
    for (number,) in expired:
        delete(db, number)
    turns = db.execute(
        "SELECT DISTINCT turn FROM piece JOIN turn ON turn.number = piece.turn"
        " WHERE state = 'done' AND ended <= ? LIMIT ?",
        (now - _FOLLOWED, limit),
    ).fetchall()
    db.executemany("DELETE FROM piece WHERE turn = ?", turns)
    return Swept(conversations=len(expired), turns=len(turns))
