"""
What a conversation is made of, and what is said to its store.

A conversation is a tree of `nodes`, which never change.  A *segment* is a run of nodes without a fork; it knows the
place that it grew from, so a node's parent is the node before it, and a path is read by one range for each fork.  A
*branch* is a name for a leaf; it moves when a turn is committed.  A *turn* is the record of one question and its answer
under the caller's id.

Rule: whatever changes is in a branch or a turn, and changes only for whoever holds the branch's lease.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from dragoman.conversation.nodes import Kept, Node, Place
from dragoman.types.events import Event
from dragoman.types.turns import TurnState

MAIN = "main"
"""The branch that a conversation begins with."""


class Ref(NamedTuple):
    """Which branch of which conversation, and whose: users have conversations of their own within a tenant."""

    tenant: str
    conversation: str
    branch: str = MAIN
    user: str = ""


class Known(NamedTuple):
    """Up to where a caller has a branch; the epoch tells a conversation from another that had its name before."""

    epoch: int
    place: Place


def first_fence(epoch: int) -> int:
    """
    What the fences of a conversation's branches begin behind.

    It follows from the epoch, which is by chance: so a lease of a conversation that was erased is none of the next of
    its name, though the turn is called the same.
    """
    return epoch % 2**40


class Path(NamedTuple):
    """
    A branch, as far as the caller did not know it.

    Attributes:
        epoch: Of the conversation: one that was erased and begun again has another.
        version: Of the branch; every change of it makes the next.
        leaf: The last node.
        nodes: From the root, or from behind the place that the caller knew.
        suffix: Whether they continue what the caller knew.
        seal: The conversation's sealed key; empty if its bodies are open.
    """

    epoch: int
    version: int
    leaf: Place
    nodes: tuple[Kept, ...]
    suffix: bool = False
    seal: bytes = b""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """
    A turn that wants to begin.

    Attributes:
        key: Its id.
        input: What is asked: messages as JSON.
        digest: Of the input; the same id with another is refused.
        ttl: Seconds that the lease holds unless it is renewed.
        known: The place up to which the caller has the branch.
        base: The place to go on from; None for the branch's leaf.
        interrupt: Whether a turn that runs is ended for this one.
        wait: Whether the caller will ask again, and wants its place in the line.
        ticket: That place, once it has one.
        keep: Seconds after its last change that the conversation is kept; 0 for ever, None for what holds now.
        seal: The sealed key that the input is written with; it becomes the conversation's if it is a new one.
        retake: Whether the caller sent this before and does not know what came of it.  If a turn of this id runs, it
            is leased anew: whoever holds it, which is most likely the caller, holds it no more.
    """

    key: str
    input: bytes
    digest: bytes
    ttl: float
    known: Known | None = None
    base: Place | None = None
    interrupt: bool = False
    wait: bool = True
    ticket: int | None = None
    keep: float | None = None
    seal: bytes = b""
    retake: bool = False


class Go(NamedTuple):
    """The turn has begun: its branch, the token that its writes must carry, where it hangs, and the path to there."""

    ref: Ref
    fence: int
    base: Place
    path: Path


class Busy(NamedTuple):
    """Another turn runs, or others wait: whose turn it is, seconds until its lease ends, the caller's ticket."""

    key: str | None
    seconds: float
    ticket: int | None


class Done(NamedTuple):
    """The turn was done before: the answer without its message, and the messages of the path up to its end."""

    answer: bytes
    path: Path
    base: Place


class Locked(NamedTuple):
    """The conversation has another sealed key than the one that was given; nothing was written."""

    seal: bytes


Began = Go | Busy | Done | Locked
"""What became of a turn that wanted to begin."""


class Mark(NamedTuple):
    """Who writes: the branch, the turn, and its token."""

    ref: Ref
    key: str
    fence: int


class Piece(NamedTuple):
    """Part of an answer under way: its number, from 0, and its events as `write_events` makes them."""

    seq: int
    events: bytes


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a turn ends.

    Attributes:
        state: Anything but `running`.
        nodes: What joins the tree; only of a turn that is done.
        answer: The response without its message, as msgpack.
        error: What went wrong, UTF-8; empty if nothing did.
        pieces: What of a streamed answer was not yet emitted; one that was, the same again, is one.
    """

    state: TurnState
    nodes: tuple[Node, ...] = ()
    answer: bytes = b""
    error: bytes = b""
    pieces: tuple[Piece, ...] = ()


class Record(NamedTuple):
    """
    A turn as it is kept.

    Attributes:
        key: Its id.
        state: One that nobody holds any more is interrupted.
        branch: Where it was said.
        fence: The token of its last lease: when it is begun again it has another, and its pieces count from 0.
        base: The place that it hangs under.
        input: What was asked, as JSON; empty for a turn that is done.
        pieces: Of its answer, in order, from the one on that was asked for.
        error: What went wrong.
        begun: Unix seconds.
        ended: Likewise; None while it runs.
        answer: As `Outcome.answer`; only of a turn that is done.
        last: The last node of a turn that is done.
        seal: The conversation's sealed key.
    """

    key: str
    state: TurnState
    branch: str
    fence: int
    base: Place
    input: bytes
    pieces: tuple[Piece, ...]
    error: bytes
    begun: float
    ended: float | None
    answer: bytes
    last: Kept | None
    seal: bytes = b""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """
    A conversation in a list.

    Attributes:
        tenant: Whose.
        user: And which user's; empty if it is none's.
        name: Its name.
        made: Unix seconds.
        changed: When a turn last began or ended.
        expires: When it will be gone unless it changes; None for never.
        turns: How many, of all branches and states.
    """

    tenant: str
    user: str
    name: str
    made: float
    changed: float
    expires: float | None
    turns: int


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A branch in a list: its name, its leaf, its version, and the id of the turn that runs on it."""

    name: str
    leaf: Place
    version: int
    running: str | None


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What was swept: conversations whose time was over, and turns whose pieces nobody needs."""

    conversations: int
    turns: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased: numbers of nodes and of turns."""

    nodes: int
    turns: int


def write_events(events: list[Event]) -> bytes:
    """The events of a piece."""
    return msgspec.msgpack.encode(events)


def read_events(data: bytes) -> list[Event]:
    """Give back what `write_events` was given."""
    return msgspec.msgpack.decode(data, type=list[Event])
