"""
What one object knows of the branch that it talks on, and how it reads on and changes it.

Rule: what is remembered only saves reading it again; the store's epoch and version tell whether it still holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.conversation.calls import shown
from dragoman.conversation.checks import check_text, locked
from dragoman.conversation.model import Known, Locked, Path, Record, Ref
from dragoman.conversation.nodes import ROOT, Kept, Node, Place
from dragoman.conversation.store import Store
from dragoman.errors import BusyError, ConversationError, StoreError
from dragoman.runtime import Runtime
from dragoman.types.turns import Turn


class Bough:
    """
    A branch, as far as it is known.

    Attributes:
        store: Where it is kept.
        runtime: Of its conversation.
        ref: Which branch it is.
    """

    def __init__(self, store: Store, runtime: Runtime, ref: Ref, ttl: float | None) -> None:
        """
        Args:
            store: Where it is kept.
            runtime: Of its conversation.
            ref: Which branch it is.
            ttl: Seconds that the conversation is kept; None for what holds now.
        """
        self.store = store
        self.runtime = runtime
        self.ref = ref
        self._ttl = ttl
        self._seen: tuple[Known | None, list[Kept]] = (None, [])  # replaced as one: threads share it

    @property
    def seen(self) -> tuple[Known | None, list[Kept]]:
        """The place up to which the branch was read, None for nothing; and the nodes from the root to there."""
        return self._seen

    def grown(self, epoch: int, nodes: list[Kept]) -> None:
        """Remember the whole branch."""
        self._seen = (Known(epoch, nodes[-1].place), nodes)

    def forget(self) -> None:
        """Remember nothing: the branch is gone."""
        self._seen = (None, [])

    async def path(self) -> Path:
        """The whole branch as it is now."""
        seen = self._seen
        path = await self.store.read(self.runtime, self.ref, seen[0])
        if path is None:
            return Path(0, 0, ROOT, ())
        if path.seal:
            raise self.locked()
        whole = [*seen[1], *path.nodes] if path.suffix else list(path.nodes)
        self._seen = (Known(path.epoch, path.leaf), whole)
        return Path(path.epoch, path.version, path.leaf, tuple(whole))

    async def base(self, turn_id: str, instead: str | None = None) -> Place:
        """
        The place that a turn of this branch hangs under.

        Args:
            turn_id: Which.
            instead: The turn that comes in its place.  When it is done, the branch has the other no more; it is asked
                again, and has its place.
        """
        path = await self.path()
        found = await self.store.turn(self.runtime, self.ref, turn_id)
        if found is None or not any(node.turn == turn_id for node in path.nodes):
            done = None if instead is None else await self.store.turn(self.runtime, self.ref, instead)
            if done is None or done.state != "done":
                raise self.no_turn(turn_id, "edits")
            return done.base
        return found.base

    async def has(self, turn_id: str) -> bool:
        """Whether its history has a turn."""
        return any(node.turn == turn_id for node in (await self.path()).nodes)

    async def append(self, path: Path, parent: Place, nodes: Sequence[Node]) -> None:
        """Hang nodes under a place of the branch, which is still as `path` has it."""
        leaf = await self.store.append(self.runtime, self.ref, path.version, parent, nodes, keep=self._ttl)
        if leaf is None:
            raise BusyError(
                f"the conversation {self.ref.conversation!r} was changed meanwhile, or a turn runs: try again",
                retryable=True,
            )
        if isinstance(leaf, Locked):
            raise self.locked()

    async def turn(self, turn_id: str) -> Turn | None:
        """Look a turn up, of any branch of the conversation."""
        found = await self.store.turn(self.runtime, self.ref, check_text(turn_id, "turn_id"))
        return self._shown(found) if found else None

    async def interrupted(self) -> list[Turn]:
        """The turns of the conversation that have no answer."""
        return [self._shown(record) for record in await self.store.recover(self.runtime, self.ref)]

    def _shown(self, record: Record) -> Turn:
        if record.seal:
            raise self.locked()
        return shown(record)

    def no_turn(self, turn_id: str, field: str = "turn_id") -> ConversationError:
        """What is raised for a turn that the history does not have."""
        return ConversationError(f"the history of {self.ref.conversation!r} has no turn {turn_id!r}", field=field)

    def locked(self) -> StoreError:
        """What is raised for a conversation that was sealed with another key."""
        return locked(self.ref.conversation)
