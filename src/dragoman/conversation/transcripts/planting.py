"""
A whole conversation out of a store, and into one.

A conversation is read branch by branch; what no branch leads to (the turns that an edit or an undo left) is not read.
It is planted by the store's own operations, a turn under its id with its answer, so that a retry finds it.

Rule: it is planted where nothing is.  If it cannot be planted whole, what was planted is erased.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Final

from dragoman.conversation.model import MAIN, Ask, Go, Locked, Mark, Outcome, Path, Ref
from dragoman.conversation.nodes import ROOT, Kept, Node, Place, encoded, packed
from dragoman.conversation.store import Store
from dragoman.conversation.transcripts.tree import NOWHERE, Answered, Tree, Twig
from dragoman.conversation.windows.outline import weight_of
from dragoman.errors import ConversationError, StoreError
from dragoman.observe.ulid import ulid
from dragoman.runtime import Runtime
from dragoman.types.messages import Message

# Seconds that the lease of a turn that is planted holds; nothing waits while it does.
_LEASE: Final = 30.0


async def harvest(store: Store, runtime: Runtime, ref: Ref) -> Tree:
    """Read a conversation; one that is not there is empty."""
    twigs: list[Twig] = []
    at: dict[Place, int] = {ROOT: NOWHERE}
    branches: dict[str, int] = {}
    for branch in await store.branches(runtime, ref):
        path = opened(ref, await store.read(runtime, ref._replace(branch=branch.name)))
        parent = NOWHERE
        for kept in path.nodes if path is not None else ():
            if kept.place not in at:
                twigs.append(_twig(kept, parent))
                at[kept.place] = len(twigs) - 1
            parent = at[kept.place]
        branches[branch.name] = parent
    turns: list[Answered] = []
    for key in dict.fromkeys(twig.turn for twig in twigs if twig.turn is not None):
        found = await store.turn(runtime, ref, key)
        if found is not None and found.state == "done" and found.last is not None and found.last.place in at:
            base, last = at[found.base], at[found.last.place]
            turns.append(Answered(id=key, branch=found.branch, base=base, last=last, answer=found.answer))
    return Tree(name=ref.conversation, twigs=tuple(twigs), branches=branches, turns=tuple(turns))


def _twig(kept: Kept, parent: int) -> Twig:
    return Twig(value=kept.value, parent=parent, kind=kept.kind, id=kept.id, turn=kept.turn)


async def plant(store: Store, runtime: Runtime, ref: Ref, tree: Tree, keep: float | None = None) -> None:
    """
    Begin a conversation with a tree.

    Args:
        store: Where.
        runtime: Of the call.
        ref: Whose, and its name.
        tree: The tree.
        keep: Seconds that it is kept, as `Ask.keep`.

    Raises:
        ConversationError: There is such a conversation, or somebody else began it meanwhile.
    """
    if await store.branches(runtime, ref):
        raise taken(ref)
    planter = _Planter(store, runtime, ref, tree, keep)
    try:
        for branch in sorted(tree.branches, key=lambda name: name != MAIN):
            await planter.branch(branch)
    except BaseException:
        if planter.begun:
            await store.erase(runtime, ref)
        raise


def opened(ref: Ref, path: Path | None) -> Path | None:
    """
    The same path, if its bodies can be read.

    Raises:
        StoreError: They are encrypted, and the store has no key.
    """
    if path is not None and path.seal:
        raise encrypted(ref)
    return path


def encrypted(ref: Ref) -> StoreError:
    """The error for a conversation whose key is not there."""
    return StoreError(f"the conversation {ref.conversation!r} is encrypted with a key that was not given")


def taken(ref: Ref) -> ConversationError:
    """The error for a name that is there already."""
    return ConversationError(f"there is a conversation {ref.conversation!r} already: give another name", field="name")


class _Planter:
    """
    Plants one tree.

    Attributes:
        begun: Whether something of it is in the store.
    """

    def __init__(self, store: Store, runtime: Runtime, ref: Ref, tree: Tree, keep: float | None) -> None:
        self.begun = False
        self._store = store
        self._runtime = runtime
        self._ref = ref
        self._tree = tree
        self._keep = keep
        self._places: dict[int, Place] = {NOWHERE: ROOT}
        self._turns = {turn.id: turn for turn in tree.turns}

    async def branch(self, name: str) -> None:
        """Plant what of a branch is not there yet."""
        ref = self._ref._replace(branch=name)
        at, missing = self._tree.branches[name], list[int]()
        while at not in self._places:
            missing.append(at)
            at = self._tree.twigs[at].parent
        base = self._places[at]
        if self.begun and not await self._store.fork(self._runtime, self._ref, name, base):
            raise taken(self._ref)
        if not self.begun and not missing:
            await self._append(ref, base, [])
        for run in self._runs(missing[::-1]):
            turn = self._whole(run)
            base = await (self._turn(ref, base, run, turn) if turn else self._append(ref, base, run))

    def _runs(self, missing: Sequence[int]) -> list[list[int]]:
        """Nodes that follow each other and belong to the same turn, or to none."""
        runs: list[list[int]] = []
        for at in missing:
            same = runs and self._tree.twigs[runs[-1][-1]].turn == self._tree.twigs[at].turn
            runs[-1].append(at) if same else runs.append([at])
        return runs

    def _whole(self, run: Sequence[int]) -> Answered | None:
        """The turn that a run is, all of it."""
        turn = self._turns.get(self._tree.twigs[run[0]].turn or "")
        base = self._tree.twigs[run[0]].parent
        return turn if turn is not None and (turn.base, turn.last) == (base, run[-1]) else None

    async def _append(self, ref: Ref, base: Place, run: Sequence[int]) -> Place:
        path = await self._store.read(self._runtime, ref)
        version = path.version if path is not None else 0
        nodes = self._nodes(run)
        leaf = await self._store.append(self._runtime, ref, version, base, nodes, keep=self._keep)
        if isinstance(leaf, Locked):
            raise encrypted(self._ref)
        if leaf is None:
            raise taken(self._ref)
        return self._placed(leaf, run)

    async def _turn(self, ref: Ref, base: Place, run: Sequence[int], turn: Answered) -> Place:
        asked = encoded(tuple(self._asked(run)))
        ask = Ask(
            key=turn.id,
            input=asked,
            digest=hashlib.sha256(asked).digest(),
            ttl=_LEASE,
            base=base,
            wait=False,
            keep=self._keep,
        )
        go = await self._store.begin(self._runtime, ref, ask)
        if isinstance(go, Locked):
            raise encrypted(self._ref)
        if not isinstance(go, Go):
            raise taken(self._ref)
        self.begun = True
        outcome = Outcome(state="done", nodes=self._nodes(run), answer=turn.answer)
        leaf = await self._store.commit(self._runtime, Mark(go.ref, turn.id, go.fence), outcome)
        return self._placed(leaf, run)

    def _asked(self, run: Sequence[int]) -> list[Message]:
        """What a turn said: its messages up to the model's first."""
        asked: list[Message] = []
        for twig in (self._tree.twigs[at] for at in run):
            if twig.kind == "message" and isinstance(twig.value, Message):
                if twig.value.role == "assistant":
                    break
                asked.append(twig.value)
        return asked

    def _nodes(self, run: Sequence[int]) -> tuple[Node, ...]:
        return tuple(_node(self._tree.twigs[at]) for at in run)

    def _placed(self, leaf: Place, run: Sequence[int]) -> Place:
        self.begun = True
        first = leaf.depth - len(run) + 1
        self._places |= {at: Place(leaf.segment, first + i) for i, at in enumerate(run)}
        return leaf


def _node(twig: Twig) -> Node:
    weight = weight_of(twig.value) if isinstance(twig.value, Message) else 0
    return Node(id=twig.id or ulid(time.time()), kind=twig.kind, body=packed(encoded(twig.value)), weight=weight)
