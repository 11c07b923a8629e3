"""
Conversations in Postgres, for any number of hosts.

Each operation of a turn is one statement, which calls a function of ours (`turns.sql`, `conversations.sql`): one round
trip and one transaction.  The clock is the server's.  Nothing is prepared or set for the session, so it works behind
pgbouncer in transaction mode.

Rule: a statement that was refused because of another transaction has not happened, and is sent again; one whose outcome
is not known is not: `commit` may be called again, and who began a turn finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dragoman.conversation.model import (
    Ask,
    Began,
    Branch,
    Busy,
    Done,
    Go,
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
from dragoman.conversation.nodes import Node, Place
from dragoman.conversation.postgres.rows import (
    NODES,
    columns_of,
    id_of,
    known_of,
    path_of,
    pieces_of,
    record_of,
)
from dragoman.conversation.postgres.schema import MISSING, prepare
from dragoman.drivers.postgres import Postgres
from dragoman.drivers.postgres_links import Parameters, Rows
from dragoman.errors import LeaseLostError, StoreError, TurnIdReusedError
from dragoman.runtime import Runtime

_BEGIN: Final = f"SELECT * FROM dragoman_turn_begin(%s::uuid{', %s' * 19})"
_RENEW: Final = "SELECT dragoman_turn_renew(%s::uuid, %s, %s, %s)"
_EMIT: Final = "SELECT dragoman_turn_emit(%s::uuid, %s, %s, %s, %s, %s)"
_COMMIT: Final = (
    f"SELECT * FROM dragoman_turn_commit(%s::uuid, %s, %s, %s, %s, %s, {NODES}, %s::integer[], %s::bytea[])"
)
_READ: Final = "SELECT * FROM dragoman_conversation_read(%s::uuid, %s, %s, %s, %s)"
_APPEND: Final = f"SELECT * FROM dragoman_conversation_append(%s::uuid, %s, %s, %s, %s, %s, %s, %s, %s, %s, {NODES})"
_FORK: Final = "SELECT dragoman_conversation_fork(%s::uuid, %s, %s, %s)"
_LIVES: Final = "(expires IS NULL OR expires > dragoman_now())"
_BRANCHES: Final = (
    "SELECT b.name, b.segment, b.depth, b.version, CASE WHEN b.until > dragoman_now() THEN b.turn END"
    " FROM dragoman_conversation c JOIN dragoman_branch b ON b.conversation = c.conversation"
    f" WHERE c.conversation = %s::uuid AND {_LIVES} ORDER BY b.name"
)
_TURNS: Final = "SELECT * FROM dragoman_turns(%s::uuid, %s, %s)"
_SCAN: Final = (
    "SELECT tenant, owner, name, made, changed, expires, turns FROM dragoman_conversation"
    f" WHERE tenant = %(tenant)s AND (owner, name) > (%(owner)s, %(name)s) AND {_LIVES}"
)
_KEEP: Final = (
    "UPDATE dragoman_conversation SET keep = %(keep)s, expires = changed + nullif(%(keep)s::float8, 0)"
    f" WHERE conversation = %(id)s::uuid AND {_LIVES} RETURNING 1"
)
_RESEAL: Final = "UPDATE dragoman_conversation SET seal = %s WHERE conversation = %s::uuid AND seal = %s RETURNING 1"
_ERASE: Final = "SELECT * FROM dragoman_conversation_erase(%s::uuid)"
_SWEEP: Final = "SELECT * FROM dragoman_sweep(%s, %s)"

# Seconds after its end in which whoever follows an answer may still read its pieces.
_FOLLOWED: Final = 60.0
# Serialization failure, deadlock: only where the database's default is a stricter isolation than Postgres' own.
_CONFLICT: Final = ("40001", "40P01")
_TRIES: Final = 10


class PostgresStore:
    """See `Store`."""

    def __init__(self, url: str) -> None:
        """
        Args:
            url: `postgresql://user:password@host:port/database`, as libpq reads it.

        Raises:
            ConfigError: It is no such URL, or psycopg is missing.
        """
        self._db = Postgres(url)
        self._ready = False

    def __repr__(self) -> str:
        return f"<PostgresStore {self._db.place!r}>"

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Began:
        """See `Store.begin`."""
        params = (
            *(id_of(ref), ref.tenant, ref.user, ref.conversation, ref.branch),
            *(ask.key, ask.input, ask.digest, ask.ttl, *known_of(ask.known), *(ask.base or (None, None))),
            *(ask.interrupt, ask.wait, ask.ticket, ask.keep, ask.seal, ask.retake),
        )
        rows = await self._run(runtime, _BEGIN, params, until)
        return _BEGAN[rows[0][0]["outcome"]](ref, ask, rows)

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """See `Store.renew`."""
        rows = await self._run(runtime, _RENEW, (id_of(mark.ref), mark.key, mark.fence, ttl), None)
        return bool(rows[0][0])

    async def emit(self, runtime: Runtime, mark: Mark, piece: Piece, ttl: float) -> bool:
        """See `Store.emit`."""
        params = (id_of(mark.ref), mark.key, mark.fence, *piece, ttl)
        return bool((await self._run(runtime, _EMIT, params, None))[0][0])

    async def commit(self, runtime: Runtime, mark: Mark, outcome: Outcome, until: float | None = None) -> Place:
        """See `Store.commit`."""
        params = (
            *(id_of(mark.ref), mark.key, mark.fence, outcome.state, outcome.answer, outcome.error),
            *columns_of(outcome.nodes),
            *pieces_of(outcome.pieces),
        )
        rows = await self._run(runtime, _COMMIT, params, until)
        if not rows:
            raise LeaseLostError(
                f"the turn {mark.key!r} of {mark.ref.conversation!r} has lost its lease: another took over, or the "
                "conversation was erased; nothing was written"
            )
        return Place(*rows[0])

    async def read(
        self, runtime: Runtime, ref: Ref, known: Known | None = None, until: float | None = None
    ) -> Path | None:
        """See `Store.read`."""
        rows = await self._run(runtime, _READ, (id_of(ref), ref.branch, *known_of(known)), until)
        return path_of(rows) if rows else None

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
        params = (
            *(id_of(ref), ref.tenant, ref.user, ref.conversation, ref.branch, expect, *parent, keep, seal),
            *columns_of(nodes),
        )
        ((outcome, sealed, *place),) = await self._run(runtime, _APPEND, params, until)
        if outcome == "locked":
            return Locked(sealed)
        return Place(*place) if outcome == "done" else None

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """See `Store.fork`."""
        return bool((await self._run(runtime, _FORK, (id_of(ref), name, *at), until))[0][0])

    async def branches(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Branch]:
        """See `Store.branches`."""
        rows = await self._run(runtime, _BRANCHES, (id_of(ref),), until)
        return [
            Branch(name=name, leaf=Place(segment, depth), version=version, running=running)
            for name, segment, depth, version, running in rows
        ]

    async def turn(
        self, runtime: Runtime, ref: Ref, key: str, after: int = -1, until: float | None = None
    ) -> Record | None:
        """See `Store.turn`."""
        rows = await self._run(runtime, _TURNS, (id_of(ref), key, after), until)
        return record_of(rows[0]) if rows else None

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Record]:
        """See `Store.recover`."""
        return [record_of(row) for row in await self._run(runtime, _TURNS, (id_of(ref), None, -1), until)]

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
        sql = f"{_SCAN}{'' if user is None else ' AND owner = %(user)s'} ORDER BY owner, name LIMIT %(limit)s"
        params = {"tenant": tenant, "owner": after[0], "name": after[1], "user": user, "limit": limit}
        names = Listed.__struct_fields__
        return [Listed(**dict(zip(names, row, strict=True))) for row in await self._run(runtime, sql, params, until)]

    async def keep(self, runtime: Runtime, ref: Ref, seconds: float, until: float | None = None) -> bool:
        """See `Store.keep`."""
        return bool(await self._run(runtime, _KEEP, {"keep": float(seconds), "id": id_of(ref)}, until))

    async def reseal(self, runtime: Runtime, ref: Ref, old: bytes, new: bytes, until: float | None = None) -> bool:
        """See `Store.reseal`."""
        return bool(await self._run(runtime, _RESEAL, (new, id_of(ref), old), until))

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """See `Store.erase`."""
        rows = await self._run(runtime, _ERASE, (id_of(ref),), until)
        nodes, turns = rows[0] if rows else (0, 0)
        return Receipt(nodes=nodes, turns=turns)

    async def sweep(self, runtime: Runtime, limit: int = 1000, until: float | None = None) -> Swept:
        """See `Store.sweep`."""
        ((conversations, turns),) = await self._run(runtime, _SWEEP, (limit, _FOLLOWED), until)
        return Swept(conversations=conversations, turns=turns)

    def close(self) -> None:
        """See `Store.close`."""
        self._db.close()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await self._db.aclose()

    # --- one statement ------------------------------------------------------------------------------------------------

    async def _run(self, runtime: Runtime, sql: str, params: Parameters, until: float | None) -> Rows:
        """Do one statement.  The first looks for the tables, and so does one that misses them."""
        await self._prepared(runtime, until)
        for _ in range(_TRIES):
            try:
                return await self._db.run(runtime, sql, params, until)
            except StoreError as error:
                if error.code in MISSING:
                    self._ready = False
                    await self._prepared(runtime, until)
                elif error.code not in _CONFLICT:
                    raise
        return await self._db.run(runtime, sql, params, until)

    async def _prepared(self, runtime: Runtime, until: float | None) -> None:
        if not self._ready:
            await prepare(self._db, runtime, until)
            self._ready = True


# --- what became of a turn that wanted to begin -----------------------------------------------------------------------


def _go(ref: Ref, ask: Ask, rows: Rows) -> Began:
    head, path = rows[0][0], path_of(rows)
    return Go(ref._replace(branch=head["branch"]), head["fence"], path.leaf, path)


def _busy(ref: Ref, ask: Ask, rows: Rows) -> Began:
    head = rows[0][0]
    return Busy(head["key"], head["seconds"], head["ticket"])


def _done(ref: Ref, ask: Ask, rows: Rows) -> Began:
    return Done(rows[0][8] or b"", path_of(rows), Place(*rows[0][0]["base"]))


def _locked(ref: Ref, ask: Ask, rows: Rows) -> Began:
    return Locked(rows[0][1])


def _reused(ref: Ref, ask: Ask, rows: Rows) -> Began:
    raise TurnIdReusedError(
        f"the turn {ask.key!r} of {ref.conversation!r} was begun with other input: give another turn_id",
        field="turn_id",
    )


_BEGAN: Final[dict[str, Callable[[Ref, Ask, Rows], Began]]] = {
    "go": _go,
    "busy": _busy,
    "done": _done,
    "locked": _locked,
    "reused": _reused,
}
