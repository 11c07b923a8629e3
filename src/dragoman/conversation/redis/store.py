"""
Conversations in Redis or Valkey, for all hosts.

Each operation is one script in one slot; the clock is the server's.  What is acknowledged is in the server's memory:
how much of it a crash or a failover can lose is decided by `appendonly` and by `?wait=` (docs/conversations.md).

Rule: nothing is decided here.  This file says it to the scripts, and reads what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import randbits
from typing import Any

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
from dragoman.conversation.nodes import Node, Place
from dragoman.conversation.redis import scripts
from dragoman.conversation.redis.answers import began_of, branch_of, node_row, path_of, record_of
from dragoman.conversation.redis.index import Index
from dragoman.conversation.redis.keys import Keys, parse_wish
from dragoman.conversation.redis.rows import Script
from dragoman.conversation.redis.servers import Servers, mark
from dragoman.drivers.base import deadline
from dragoman.errors import LeaseLostError, TurnIdReusedError
from dragoman.runtime import Runtime


class RedisStore:
    """See `Store`."""

    def __init__(self, url: str) -> None:
        """
        Args:
            url: `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS, or `unix:///path/to.sock`;
                `valkey://` and `valkeys://` are the same.  Options of ours: `wait=1` has each turn confirmed by that
                many replicas, `prefix=` begins all keys (`dragoman:talk`).

        Raises:
            ConfigError: It is no such URL, or redis-py is missing.
        """
        wish = parse_wish(url)
        self._servers = Servers(wish)
        self._keys = Keys(wish.prefix)
        self._index = Index(self._servers, self._keys)

    def __repr__(self) -> str:
        return f"<RedisStore {self._servers.place!r}>"

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Began:
        """See `Store.begin`."""
        epoch, place = ask.known or (None, Place(0, 0))
        args = (
            *(ask.key, ask.input, ask.digest, micros(ask.ttl), _text(epoch), *place, *(ask.base or ("", ""))),
            *(int(ask.interrupt), int(ask.wait), _text(ask.ticket), _span(ask.keep), ask.seal, int(ask.retake)),
        )
        answer = await self._making(runtime, scripts.BEGIN, ref, args, until)
        if answer[0] == b"reused":
            raise TurnIdReusedError(
                f"the turn {ask.key!r} of {ref.conversation!r} was begun with other input: give another turn_id",
                field="turn_id",
            )
        return began_of(answer, ref)

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """See `Store.renew`."""
        args = (mark.key, mark.fence, micros(ttl))
        return await self._run(runtime, scripts.RENEW, mark.ref, args) is not None

    async def emit(self, runtime: Runtime, mark: Mark, piece: Piece, ttl: float) -> bool:
        """See `Store.emit`."""
        args = (mark.key, mark.fence, micros(ttl), *piece)
        return await self._run(runtime, scripts.RENEW, mark.ref, args) is not None

    async def commit(self, runtime: Runtime, mark: Mark, outcome: Outcome, until: float | None = None) -> Place:
        """See `Store.commit`."""
        args = (
            *(mark.key, mark.fence, outcome.state, outcome.answer, outcome.error, len(outcome.pieces)),
            *(part for piece in outcome.pieces for part in piece),
            *(node_row(node, mark.key) for node in outcome.nodes),
        )
        answer = await self._run(runtime, scripts.COMMIT, mark.ref, args, until, confirm=True)
        if answer[0] == b"lost":
            raise LeaseLostError(
                f"the turn {mark.key!r} of {mark.ref.conversation!r} has lost its lease: another took over, or the "
                "conversation was erased; nothing was written"
            )
        return Place(answer[1], answer[2])

    async def read(
        self, runtime: Runtime, ref: Ref, known: Known | None = None, until: float | None = None
    ) -> Path | None:
        """See `Store.read`."""
        epoch, place = known or (None, Place(0, 0))
        answer = await self._run(runtime, scripts.READ, ref, (ref.branch, _text(epoch), *place), until)
        return None if answer is None else path_of(answer[1])

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
        args = (expect, *parent, _span(keep), seal, *(node_row(node, None) for node in nodes))
        answer = await self._making(runtime, scripts.APPEND, ref, args, until)
        if answer is None:
            return None
        return Locked(answer[1]) if answer[0] == b"locked" else Place(answer[1], answer[2])

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """See `Store.fork`."""
        return await self._run(runtime, scripts.FORK, ref, (name, *at), until, confirm=True) is not None

    async def branches(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Branch]:
        """See `Store.branches`."""
        rows = await self._run(runtime, scripts.BRANCHES, ref, (), until)
        return sorted((branch_of(row) for row in rows), key=lambda branch: branch.name)

    async def turn(
        self, runtime: Runtime, ref: Ref, key: str, after: int = -1, until: float | None = None
    ) -> Record | None:
        """See `Store.turn`."""
        row = await self._run(runtime, scripts.TURN, ref, (key, after), until)
        return None if row is None else record_of(row)

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Record]:
        """See `Store.recover`."""
        return [record_of(row) for row in await self._run(runtime, scripts.RECOVER, ref, (), until)]

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
        return await self._index.scan(runtime, tenant, user, after, limit, deadline(until))

    async def keep(self, runtime: Runtime, ref: Ref, seconds: float, until: float | None = None) -> bool:
        """See `Store.keep`."""
        return await self._run(runtime, scripts.KEEP, ref, (micros(seconds),), until, confirm=True) is not None

    async def reseal(self, runtime: Runtime, ref: Ref, old: bytes, new: bytes, until: float | None = None) -> bool:
        """See `Store.reseal`."""
        return await self._run(runtime, scripts.RESEAL, ref, (old, new), until, confirm=True) is not None

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """See `Store.erase`."""
        until = deadline(until)
        seen = await self._index.seen(runtime, ref, until)
        _, nodes, turns = await self._run(runtime, scripts.ERASE, ref, (mark(),), until, confirm=True)
        await self._index.unlist(runtime, ref.tenant, [seen], until)
        return Receipt(nodes=nodes, turns=turns)

    async def sweep(self, runtime: Runtime, limit: int = 1000, until: float | None = None) -> Swept:
        """See `Store.sweep`.  The server lets go of what has expired; this takes the names of some off the list."""
        return Swept(conversations=await self._index.sweep(runtime, limit, deadline(until)), turns=0)

    def close(self) -> None:
        """See `Store.close`."""
        self._servers.close()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await self._servers.aclose()

    async def _run(
        self,
        runtime: Runtime,
        script: Script,
        ref: Ref,
        args: Sequence[Any],
        until: float | None = None,
        *,
        confirm: bool = False,
    ) -> Any:
        return await self._servers.run(runtime, script, self._keys.of(ref), args, until, confirm=confirm)

    async def _making(
        self, runtime: Runtime, script: Script, ref: Ref, args: Sequence[Any], until: float | None
    ) -> Any:
        """Run a script that may make the conversation: one that is new is put on the list first."""
        until = deadline(until)
        listed = b""
        while True:
            first = (ref.branch, randbits(52), listed)
            answer = await self._run(runtime, script, ref, (*first, *args), until, confirm=True)
            if answer is None or answer[0] != b"new":
                return answer
            await self._index.enlist(runtime, ref, until)
            listed = b"+" + answer[1]


def micros(seconds: float) -> int:
    """Whole microseconds; 0 only of nothing."""
    return max(1, round(seconds * 1_000_000)) if seconds > 0 else 0


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _span(seconds: float | None) -> str:
    return "" if seconds is None else str(micros(seconds))
