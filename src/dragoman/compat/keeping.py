"""
One branch in a store, for libraries that have a history of their own and no turns.

Rule: every change is one write that names the version that it follows, so no writer overwrites another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dragoman.conversation.checks import check_text
from dragoman.conversation.model import MAIN, Known, Locked, Path, Ref
from dragoman.conversation.nodes import ROOT, Kept, Node, Place
from dragoman.conversation.store import Store, open_store
from dragoman.errors import BusyError, StoreError
from dragoman.runtime import AsyncRuntime

# Tries to add to a branch that others change at the same time, and the longest pause between two, in seconds.
TRIES: Final = 200
_PAUSE: Final = 0.05


class Branch:
    """
    A branch of a conversation.

    Attributes:
        store: Where it is.
        ref: Which.
    """

    def __init__(self, store: str | Store, ref: Ref) -> None:
        """
        Args:
            store: Its URL, or the store.
            ref: Which branch of which conversation, and whose.

        Raises:
            ConfigError: There is no such store, or a name is empty.
        """
        for field in ("tenant", "conversation", "branch"):
            check_text(getattr(ref, field), field)
        self.store = open_store(store) if isinstance(store, str) else store
        self.ref = ref
        self._runtime = AsyncRuntime()
        self._seen: tuple[Known | None, tuple[Kept, ...]] = (None, ())

    async def path(self) -> Path:
        """All nodes, with the version; only what is new is read."""
        known, seen = self._seen
        path = await self.store.read(self._runtime, self.ref, known)
        if path is None:
            self._seen = (None, ())
            return Path(0, 0, ROOT, ())
        nodes = (*seen, *path.nodes) if path.suffix else path.nodes
        self._seen = (Known(path.epoch, path.leaf), nodes)
        return path._replace(nodes=nodes)

    async def put(self, path: Path, parent: Place, nodes: Sequence[Node]) -> Place | None:
        """Have the branch end with `nodes` under `parent`; None if it is not as in `path` any more."""
        leaf = await self.store.append(self._runtime, self.ref, path.version, parent, nodes)
        if isinstance(leaf, Locked):
            raise StoreError(f"the conversation {self.ref.conversation!r} is encrypted with a key that was not given")
        return leaf

    async def add(self, nodes: Sequence[Node]) -> None:
        """
        Add to the end, whoever else does.

        Raises:
            BusyError: A turn runs on the branch, and does not end.
        """
        for again in range(TRIES):
            path = await self.path()
            if await self.put(path, path.leaf, nodes) is not None:
                return
            await self.pause(again)
        raise self.busy()

    async def pause(self, again: int) -> None:
        """Wait before another try."""
        await self._runtime.sleep(min(_PAUSE, 0.001 * 2**again))

    def busy(self) -> BusyError:
        """The error for a branch that is never free."""
        return BusyError(f"a turn runs on {self.ref.branch!r} of {self.ref.conversation!r}: try again", retryable=True)

    async def erase(self) -> None:
        """Delete the whole conversation."""
        await self.store.erase(self._runtime, self.ref)
        self._seen = (None, ())

    async def aclose(self) -> None:
        """Close the store."""
        await self.store.aclose()


def branch_of(conversation: str, tenant: str, user: str, branch: str = MAIN) -> Ref:
    """The name of a branch."""
    return Ref(tenant, conversation, branch, user)
