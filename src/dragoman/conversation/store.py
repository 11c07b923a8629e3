"""
What a store of conversations must do.

Each operation is one transaction: it happens as a whole or not at all, and never waits for another turn.  Whoever waits
asks again (`talk` does).  Times are the store's.

Rule: nothing is written to a branch without its lease.  `begin` gives the lease and a fence, a number that grows with
each; a write with an older fence is refused, however late it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from dragoman.conversation.model import Ask, Busy, Done, Go, Known, Mark, Node, Outcome, Path, Place, Receipt, Ref
from dragoman.errors import ConfigError
from dragoman.runtime import Runtime
from dragoman.types.turns import Turn


class Store(Protocol):
    """
    Conversations, for both faces.

    Every operation raises `StoreError` if the store fails; `until` is when the call is over, on the runtime's clock.
    """

    async def begin(self, runtime: Runtime, ref: Ref, ask: Ask, until: float | None = None) -> Go | Busy | Done:
        """
        Begin a turn: keep what is asked, take the lease, and read the path.

        A turn of the same id that is done gives its answer again; one that failed, or has lost its worker, begins anew.

        Raises:
            TurnIdReusedError: The id was used with other input.
        """
        ...

    async def renew(self, runtime: Runtime, mark: Mark, ttl: float) -> bool:
        """Hold the lease for `ttl` more seconds; False if another has it."""
        ...

    async def emit(self, runtime: Runtime, mark: Mark, seq: int, text: str, ttl: float) -> bool:
        """Keep piece `seq` of the text under way, and renew; False if another has the lease."""
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
        self, runtime: Runtime, ref: Ref, expect: int, parent: Place, nodes: Sequence[Node], until: float | None = None
    ) -> Place | None:
        """
        Hang nodes under `parent` and have the branch end there, without a turn: an import, an undo.

        Args:
            expect: The branch's version; 0 for one that is not there yet.

        Returns:
            The new leaf; None if the branch has another version, or a turn runs.
        """
        ...

    async def fork(self, runtime: Runtime, ref: Ref, name: str, at: Place, until: float | None = None) -> bool:
        """Name a new branch that ends at a place; False if there is one of that name."""
        ...

    async def turn(self, runtime: Runtime, ref: Ref, key: str, until: float | None = None) -> tuple[Turn, Place] | None:
        """Look a turn up, with the place that it hangs under; None if the conversation has none of that id."""
        ...

    async def recover(self, runtime: Runtime, ref: Ref, until: float | None = None) -> list[Turn]:
        """The turns of a conversation that failed, or whose worker is gone, the oldest first."""
        ...

    async def scan(
        self, runtime: Runtime, tenant: str, after: str = "", limit: int = 100, until: float | None = None
    ) -> list[str]:
        """Names of a tenant's conversations, in order, behind `after`."""
        ...

    async def erase(self, runtime: Runtime, ref: Ref, until: float | None = None) -> Receipt:
        """Delete a conversation with all its branches.  What is under way cannot bring it back."""
        ...


def open_store(url: str) -> Store:
    """
    Make the store that a URL names; nothing is opened yet.

    Raises:
        ConfigError: There is no such store; `.field` is `store`.
    """
    scheme = url.partition("://")[0].lower() if isinstance(url, str) else ""
    make = _STORES.get(scheme)
    if make is None:
        known = ", ".join(f"{name}://" for name in _STORES)
        raise ConfigError(f"store is {url!r}: give a URL that begins with {known}", field="store")
    return make(url)


def _sqlite(url: str) -> Store:
    from dragoman.conversation.sqlite import SqliteStore  # each store is loaded by who uses it

    return SqliteStore(url)


_STORES: Final[dict[str, Callable[[str], Store]]] = {"memory": _sqlite, "sqlite": _sqlite}
