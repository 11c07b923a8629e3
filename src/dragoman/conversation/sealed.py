"""
A store whose bodies nobody can read without the user's key.

Encrypted are what was said and answered, inputs, pieces and errors.  Open stay names (of tenants, owners,
conversations, branches and turns), times, kinds, and how much there is: the store needs them.

Rule: what is written is written with the key that the conversation has in that moment.  The store says if it is another
(`Locked`), and then nothing was written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec

from dragoman.conversation.model import (
    Ask,
    Began,
    Branch,
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
from dragoman.conversation.nodes import Kept, Node, Place
from dragoman.conversation.sealing import Keys, Lock, belongs
from dragoman.conversation.store import Store
from dragoman.errors import StoreError
from dragoman.runtime import Runtime

T = TypeVar("T")

# Conversations whose keys are remembered.
_MOST: Final = 10_000


class SealedStore:
    """
    See `Store`.

    Args:
        store: Keeps what is sealed.
        keys: The user's.
    """

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._locks: dict[tuple[str, str, str], Lock] = {}

    def __repr__(self) -> str:
        return f"<SealedStore {self._store!r}>"

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Began:
        """See `Store.begin`."""

        async def begun(lock: Lock) -> Began:
            return await self._store.begin(runtime, ref, _sealed_ask(lock, ask), until)

        lock, got = await self._with_lock(runtime, ref, begun)
        if isinstance(got, Go):
            return got._replace(path=_opened_path(lock, got.path))
        if isinstance(got, Done):
            answer = lock.open(got.answer, belongs("answer", ask.key))
            return got._replace(answer=answer, path=_opened_path(lock, got.path))
        return got

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """See `Store.renew`."""
        return await self._store.renew(runtime, mark, ttl)

    async def emit(self, runtime: Runtime, mark: Mark, piece: Piece, ttl: float) -> bool:
        """See `Store.emit`."""
        lock = await self._lock(runtime, mark.ref)
        return await self._store.emit(runtime, mark, _sealed_piece(lock, mark.key, piece), ttl)

    async def commit(self, runtime: Runtime, mark: Mark, outcome: Outcome, until: float | None = None) -> Place:
        """See `Store.commit`."""
        lock = await self._lock(runtime, mark.ref)
        sealed = msgspec.structs.replace(
            outcome,
            nodes=tuple(_sealed_node(lock, node) for node in outcome.nodes),
            answer=lock.close(outcome.answer, belongs("answer", mark.key)) if outcome.answer else b"",
            error=lock.close(outcome.error, belongs("error", mark.key)) if outcome.error else b"",
            pieces=tuple(_sealed_piece(lock, mark.key, piece) for piece in outcome.pieces),
        )
        return await self._store.commit(runtime, mark, sealed, until)

    async def read(
        self, runtime: Runtime, ref: Ref, known: Known | None = None, until: float | None = None
    ) -> Path | None:
        """See `Store.read`."""
        path = await self._store.read(runtime, ref, known, until)
        return None if path is None else _opened_path(await self._known(runtime, ref, path.seal), path)

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

        async def appended(lock: Lock) -> Place | Locked | None:
            sealed = [_sealed_node(lock, node) for node in nodes]
            return await self._store.append(runtime, ref, expect, parent, sealed, until, keep=keep, seal=lock.sealed)

        return (await self._with_lock(runtime, ref, appended))[1]

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """See `Store.fork`."""
        return await self._store.fork(runtime, ref, name, at, until)

    async def branches(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Branch]:
        """See `Store.branches`."""
        return await self._store.branches(runtime, ref, until)

    async def turn(
        self, runtime: Runtime, ref: Ref, key: str, after: int = -1, until: float | None = None
    ) -> Record | None:
        """See `Store.turn`."""
        record = await self._store.turn(runtime, ref, key, after, until)
        return None if record is None else _opened_record(await self._known(runtime, ref, record.seal), record)

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Record]:
        """See `Store.recover`."""
        records = await self._store.recover(runtime, ref, until)
        return [_opened_record(await self._known(runtime, ref, record.seal), record) for record in records]

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
        return await self._store.scan(runtime, tenant, user=user, after=after, limit=limit, until=until)

    async def keep(self, runtime: Runtime, ref: Ref, seconds: float, until: float | None = None) -> bool:
        """See `Store.keep`."""
        return await self._store.keep(runtime, ref, seconds, until)

    async def reseal(self, runtime: Runtime, ref: Ref, old: bytes, new: bytes, until: float | None = None) -> bool:
        """See `Store.reseal`."""
        return await self._store.reseal(runtime, ref, old, new, until)

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """See `Store.erase`."""
        self._locks.pop(_whose(ref), None)
        return await self._store.erase(runtime, ref, until)

    async def sweep(self, runtime: Runtime, limit: int = 1000, until: float | None = None) -> Swept:
        """See `Store.sweep`."""
        return await self._store.sweep(runtime, limit, until)

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await self._store.aclose()

    async def rotate(self, runtime: Runtime, ref: Ref, until: float | None = None) -> bool:
        """
        Seal a conversation's key with the first of the user's keys.

        Returns:
            Whether it was sealed with another before.
        """
        path = await self._store.read(runtime, ref, None, until)
        if path is None or not path.seal:
            return False
        lock = await self._looked_up(runtime, partial(self._keys.renew, path.seal, _key_belongs(ref)))
        if lock.sealed == path.seal:
            return False
        self._locks.pop(_whose(ref), None)
        return await self._store.reseal(runtime, ref, path.seal, lock.sealed, until)

    # --- keys ---------------------------------------------------------------------------------------------------------

    async def _with_lock(self, runtime: Runtime, ref: Ref, write: Callable[[Lock], Awaitable[T]]) -> tuple[Lock, T]:
        """Write with the key that the conversation has, or gets."""
        lock = self._locks.get(_whose(ref)) or await self._made(runtime, ref)
        got = await write(lock)
        while isinstance(got, Locked):  # it was begun by another, or sealed anew, or erased and begun again
            lock = await self._known(runtime, ref, got.seal)
            got = await write(lock)
        return lock, got

    async def _lock(self, runtime: Runtime, ref: Ref) -> Lock:
        """The key of a conversation that has begun."""
        found = self._locks.get(_whose(ref))
        if found is not None:
            return found
        path = await self._store.read(runtime, ref)
        return await (self._made(runtime, ref) if path is None else self._known(runtime, ref, path.seal))

    async def _known(self, runtime: Runtime, ref: Ref, seal: bytes) -> Lock:
        """The key that a store gave."""
        found = self._locks.get(_whose(ref))
        if found is not None and found.sealed == seal:
            return found
        if not seal:
            raise StoreError(
                f"the conversation {ref.conversation!r} was begun without encryption: read it without, or export it "
                "and import it into another"
            )
        return self._remembered(ref, await self._looked_up(runtime, partial(self._keys.open, seal, _key_belongs(ref))))

    async def _made(self, runtime: Runtime, ref: Ref) -> Lock:
        return self._remembered(ref, await self._looked_up(runtime, partial(self._keys.make, _key_belongs(ref))))

    def _remembered(self, ref: Ref, lock: Lock) -> Lock:
        if len(self._locks) >= _MOST:
            self._locks.clear()
        self._locks[_whose(ref)] = lock
        return lock

    async def _looked_up(self, runtime: Runtime, look: Callable[[], Lock]) -> Lock:
        return await runtime.run_blocking(look, None)


def _whose(ref: Ref) -> tuple[str, str, str]:
    return ref.tenant, ref.user, ref.conversation


def _key_belongs(ref: Ref) -> bytes:
    return belongs(*_whose(ref))


def _sealed_ask(lock: Lock, ask: Ask) -> Ask:
    return msgspec.structs.replace(
        ask,
        input=lock.close(ask.input, belongs("input", ask.key)),
        digest=lock.digest(ask.digest),
        seal=lock.sealed,
    )


def _sealed_node(lock: Lock, node: Node) -> Node:
    return msgspec.structs.replace(node, body=lock.close(node.body, belongs("node", node.id)))


def _sealed_piece(lock: Lock, key: str, piece: Piece) -> Piece:
    return piece._replace(events=lock.close(piece.events, belongs("piece", key, str(piece.seq))))


def _opened_path(lock: Lock, path: Path) -> Path:
    return path._replace(nodes=tuple(_opened_node(lock, kept) for kept in path.nodes), seal=b"")


def _opened_node(lock: Lock, kept: Kept) -> Kept:
    return kept.with_body(lock.open(kept.body, belongs("node", kept.id)))


def _opened_record(lock: Lock, record: Record) -> Record:
    key = record.key
    return record._replace(
        input=lock.open(record.input, belongs("input", key)) if record.input else b"",
        answer=lock.open(record.answer, belongs("answer", key)) if record.answer else b"",
        error=lock.open(record.error, belongs("error", key)) if record.error else b"",
        pieces=tuple(
            piece._replace(events=lock.open(piece.events, belongs("piece", key, str(piece.seq))))
            for piece in record.pieces
        ),
        last=_opened_node(lock, record.last) if record.last is not None else None,
        seal=b"",
    )
