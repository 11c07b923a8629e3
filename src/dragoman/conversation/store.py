"""
What a store of conversations must do.

Each operation is one transaction: it happens as a whole or not at all, and never waits for another turn.  Whoever waits
asks again (`talk` does).  Times are the store's.

Rule: nothing is written to a branch without its lease.  `begin` gives the lease and a fence, a number that grows with
each; a write with an older fence is refused, however late it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

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
from dragoman.errors import ConfigError
from dragoman.plugged import described, entries, load
from dragoman.runtime import Runtime


class Store(Protocol):
    """
    Conversations, for both faces.

    Every operation raises `StoreError` if the store fails; `until` is when the call is over, on the runtime's clock.
    """

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Began:
        """
        Begin a turn: keep what is asked, take the lease, and read the path.

        A conversation that has expired is erased first.  The pieces of the answer before, if it is whole, go.
        A turn of the same id that is done gives its answer again; one that failed, or has lost its worker, begins anew,
        and so does one that runs, if it is to be retaken.

        Raises:
            TurnIdReusedError: The id was used with other input.
        """
        ...

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """Hold the lease for `ttl` more seconds; False if another has it."""
        ...

    async def emit(self, runtime: Runtime, mark: Mark, piece: Piece, ttl: float) -> bool:
        """Keep a piece of the answer under way, and renew; False if another has the lease."""
        ...

    async def commit(self, runtime: Runtime, mark: Mark, outcome: Outcome, until: float | None = None) -> Place:
        """
        End a turn and give back the lease; the same once more changes nothing.

        Returns:
            The leaf of its branch.

        Raises:
            LeaseLostError: Another took the branch over, or the conversation was erased; nothing was written.
        """
        ...

    async def read(
        self, runtime: Runtime, ref: Ref, known: Known | None = None, until: float | None = None
    ) -> Path | None:
        """Read a branch, or what is new of it; None if there is none."""
        ...

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
        """
        Hang nodes under `parent` and have the branch end there, without a turn: an import, an undo.

        Args:
            expect: The branch's version; 0 for one that is not there yet.
            keep: As `Ask.keep`.
            seal: As `Ask.seal`.

        Returns:
            The new leaf; None if the branch has another version, or a turn runs.
        """
        ...

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """Name a new branch that ends at a place; False if there is one of that name, no such place or conversation."""
        ...

    async def branches(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Branch]:
        """The branches of a conversation, by name; none if there is none."""
        ...

    async def turn(
        self, runtime: Runtime, ref: Ref, key: str, after: int = -1, until: float | None = None
    ) -> Record | None:
        """Look a turn up, with the pieces behind `after`; None if the conversation has none of that id."""
        ...

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Record]:
        """The turns of a conversation that failed, or whose worker is gone, the oldest first."""
        ...

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
        """A tenant's conversations, or one user's of them, ordered by user and name, behind `after`."""
        ...

    async def keep(self, runtime: Runtime, ref: Ref, seconds: float, until: float | None = None) -> bool:
        """Have a conversation expire so long after its last change; 0 for never.  False if there is none."""
        ...

    async def reseal(self, runtime: Runtime, ref: Ref, old: bytes, new: bytes, until: float | None = None) -> bool:
        """Put another sealed key in the place of the old one; False if the conversation has another, or is none."""
        ...

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """Delete a conversation with all its branches.  What is under way cannot bring it back."""
        ...

    async def sweep(self, runtime: Runtime, limit: int = 1000, until: float | None = None) -> Swept:
        """Delete at most so many expired conversations, and pieces of answers that ended a minute ago or more."""
        ...

    def close(self) -> None:
        """Close what is idle; a later operation opens it again.  From any thread."""
        ...

    async def aclose(self) -> None:
        """Likewise, and return when what the running loop has is closed."""
        ...


def open_store(url: str) -> Store:
    """
    Make the store that a URL names; nothing is opened yet.

    A scheme that is none of ours is looked for among the entry points of the group `dragoman.stores`: its name is the
    scheme, and it is called with the URL.

    Raises:
        ConfigError: There is no such store; `.field` is `store`.
    """
    scheme = url.partition("://")[0].lower() if isinstance(url, str) and "://" in url else ""
    make = _STORES.get(scheme) or _installed(scheme)
    if make is None:
        known = ", ".join(f"{name}://" for name in _STORES)
        shown = f"a {scheme}:// URL" if scheme else "no URL"  # one that is may hold a password
        raise ConfigError(f"store is {shown}: give a URL that begins with {known}", field="store")
    try:
        return make(url)
    except ConfigError as error:  # what a store calls its URL is `store=` here
        raise ConfigError(error.message, field="store") from error


def _installed(scheme: str) -> Callable[[str], Store] | None:
    point = entries("dragoman.stores").get(scheme) if scheme else None
    if point is None:
        return None
    make = load(point, "store")
    if not callable(make):
        raise ConfigError(
            f"{described(point)} is {type(make).__name__}: it must be a function of a URL that makes a store",
            field="store",
        )
    return cast("Callable[[str], Store]", make)


def _sqlite(url: str) -> Store:
    from dragoman.conversation.sqlite.store import SqliteStore  # each store is loaded by who uses it

    return SqliteStore(url)


def _postgres(url: str) -> Store:
    from dragoman.conversation.postgres.store import PostgresStore

    return PostgresStore(url)


def _redis(url: str) -> Store:
    from dragoman.conversation.redis.store import RedisStore

    return RedisStore(url)


_STORES: Final[dict[str, Callable[[str], Store]]] = {
    "memory": _sqlite,
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "redis": _redis,
    "rediss": _redis,
    "valkey": _redis,
    "valkeys": _redis,
    "unix": _redis,
}
