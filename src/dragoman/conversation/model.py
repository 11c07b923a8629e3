"""
What a conversation is made of.

A conversation is a tree of nodes that never change.  A *segment* is a run of nodes without a fork; it knows the place
that it grew from, so a node's parent is the node before it, and a path is read by one range for each fork.  A *branch*
is a name for a leaf; it moves when a turn is committed.  A *turn* is the record of one question and its answer under
the caller's id.

Rule: whatever changes is in a branch or a turn, and changes only for whoever holds the branch's lease.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from dragoman.types.messages import Message
from dragoman.types.turns import TurnState

MAIN = "main"
"""The branch that a conversation begins with."""

NodeKind = Literal["message", "system", "cut"]


class Ref(NamedTuple):
    """Which branch of which conversation, and whose."""

    tenant: str
    conversation: str
    branch: str = MAIN


class Place(NamedTuple):
    """A node's place in the tree; depth counts from 1 at the root, and 0 is before everything."""

    segment: int
    depth: int


ROOT = Place(0, 0)


class Known(NamedTuple):
    """Up to where a caller has a branch; the epoch tells a conversation from another that had its name before."""

    epoch: int
    place: Place


class Cut(msgspec.Struct, frozen=True):
    """
    From here on nothing before `start` is sent.

    Attributes:
        start: Depth of the first message that is.
        left_out: How many messages of the branch are not.
    """

    start: int
    left_out: int


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """
    A node on its way into the tree.

    Attributes:
        kind: `message`, `system` (instructions, which hold until there are others), or `cut`.
        body: The message or the cut, as JSON.
        weight: About how many tokens it is.
    """

    kind: NodeKind
    body: bytes
    weight: int = 0

    def value(self) -> Message | Cut:
        """What it is."""
        return value_of(self.kind, self.body)


def value_of(kind: str, body: bytes) -> Message | Cut:
    """Read the body of a node."""
    return msgspec.json.decode(body, type=Cut) if kind == "cut" else msgspec.json.decode(body, type=Message)


class Kept(NamedTuple):
    """A node of the tree: where it is, the id of its turn (None if it was imported), and what it is."""

    place: Place
    turn: str | None
    value: Message | Cut
    kind: NodeKind
    weight: int


class Path(NamedTuple):
    """
    A branch, as far as the caller did not know it.

    Attributes:
        epoch: Of the conversation: one that was erased and begun again has another.
        version: Of the branch; every change of it makes the next.
        leaf: The last node.
        nodes: From the root, or from behind the place that the caller knew.
        suffix: Whether they continue what the caller knew.
    """

    epoch: int
    version: int
    leaf: Place
    nodes: tuple[Kept, ...]
    suffix: bool = False


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


class Mark(NamedTuple):
    """Who writes: the branch, the turn, and its token."""

    ref: Ref
    key: str
    fence: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a turn ends.

    Attributes:
        state: Anything but `running`.
        nodes: What joins the tree; only of a turn that is done.
        answer: The response without its message, as msgpack.
        error: What went wrong.
        text: What had come of the answer; None leaves what was checkpointed.
    """

    state: TurnState
    nodes: tuple[Node, ...] = ()
    answer: bytes = b""
    error: str | None = None
    text: str | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased: numbers of nodes and of turns."""

    nodes: int
    turns: int


def encoded(value: Any) -> bytes:
    """The JSON of a value of ours."""
    return msgspec.json.encode(value)
