"""
What is done to the tree, and looked up in it, without asking a model.

Rule: a branch changes by one compare-and-swap on the path that was read; if it changed meanwhile, `BusyError` says so.
"""

from __future__ import annotations

from dragoman.conversation.bough import Bough
from dragoman.conversation.checks import check_text, check_wait
from dragoman.conversation.following import Followed
from dragoman.conversation.nodes import ROOT, Note
from dragoman.conversation.view import node_of_decision
from dragoman.conversation.windows.outline import outline
from dragoman.errors import ConfigError, ConversationError
from dragoman.types.turns import Turn


async def pin(bough: Bough, turn_id: str, pinned: bool) -> None:
    """See `Conversation.pin` and `unpin`."""
    path = await bough.path()
    found = outline(path.nodes)
    depth = found.begin_of(turn_id)
    if depth is None:
        raise bough.no_turn(turn_id)
    if found.pins.get(depth, False) is not pinned:
        note = Note(pin=(depth,)) if pinned else Note(unpin=(depth,))
        await bough.append(path, path.leaf, (node_of_decision(note),))


async def undo(bough: Bough) -> None:
    """See `Conversation.undo`."""
    path = await bough.path()
    # What came behind it without a turn, a summary or a pin, hangs on it, and goes with it.
    last = next((node.turn for node in reversed(path.nodes) if node.kind == "message"), None)
    if last is None:
        raise ConversationError(f"the history of {bough.ref.conversation!r} does not end with a turn", field="turn_id")
    base = await bough.base(last)
    await bough.append(path, base, ())


async def fork(bough: Bough, name: str, at: str | None) -> None:
    """Make the branch `name`, from the leaf or from the end of the turn `at`."""
    path = await bough.path()
    leaf = path.leaf if at is None else next((node.place for node in reversed(path.nodes) if node.turn == at), None)
    if leaf is None:
        raise bough.no_turn(str(at), "at")
    if not path.epoch:
        await bough.append(path, ROOT, ())
    if not await bough.store.fork(bough.runtime, bough.ref, name, leaf):
        raise ConversationError(
            f"the conversation {bough.ref.conversation!r} has a branch {name!r} already", field="name"
        )


async def lacking(bough: Bough, turn_id: str | None, how: object) -> Turn:
    """The turn that `Conversation.resume` means: one that has no whole answer."""
    if how not in ("again", "continue"):
        raise ConfigError(f"how is {how!r}: give 'again' or 'continue'", field="how")
    found = [turn for turn in await bough.interrupted() if turn_id in (None, turn.id)]
    if not found:
        which = f"turn {turn_id!r}" if turn_id else "turn"
        raise ConversationError(
            f"the conversation {bough.ref.conversation!r} has no {which} that lacks an answer", field="turn_id"
        )
    return found[-1]


async def watched(bough: Bough, turn_id: str | None, within: float | None) -> Followed:
    """See `Conversation.watch`."""
    if turn_id is None:
        branches = await bough.store.branches(bough.runtime, bough.ref)
        turn_id = next((branch.running for branch in branches if branch.name == bough.ref.branch), None)
    if turn_id is None:
        raise ConversationError(f"no turn runs on {bough.ref.branch!r} of {bough.ref.conversation!r}", field="turn_id")
    until = check_wait(within, bough.runtime)
    return Followed(bough.store, bough.runtime, bough.ref, check_text(turn_id, "turn_id"), until)
