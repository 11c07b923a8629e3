"""
What a conversation is made of.

A conversation is a tree of nodes that never change.  A *segment* is a run of nodes without a fork; it knows the place
that it grew from, so a node's parent is the node before it, and a path is read by one range for each fork.  A *branch*
is a name for a leaf; it moves when a turn is committed.  A *turn* is the record of one question and its answer under
the caller's id.

A body is the JSON of a message (or of a cut, a note ...), packed; to a store it is bytes, which may be sealed.

Rule: whatever changes is in a branch or a turn, and changes only for whoever holds the branch's lease.
"""

from __future__ import annotations

import time
import zlib
from typing import Any, Final, Literal, NamedTuple

import msgspec

from dragoman.observe.ulid import ulid
from dragoman.types.events import Event
from dragoman.types.messages import Message
from dragoman.types.turns import TurnState

MAIN = "main"
"""The branch that a conversation begins with."""

NodeKind = Literal["message", "system", "cut", "drop", "note"]


class Ref(NamedTuple):
    """Which branch of which conversation, and whose: users have conversations of their own within a tenant."""

    tenant: str
    conversation: str
    branch: str = MAIN
    user: str = ""


class Place(NamedTuple):
    """A node's place in the tree; depth counts from 1 at the root, and 0 is before everything."""

    segment: int
    depth: int


ROOT = Place(0, 0)


class Known(NamedTuple):
    """Up to where a caller has a branch; the epoch tells a conversation from another that had its name before."""

    epoch: int
    place: Place


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What stands for turns that are not sent.

    Attributes:
        text: The model's words.
        model: `provider/model` that wrote them.
        input_tokens: What that took; None where the provider did not say.
        output_tokens: Likewise.
        cost: US dollars, as text; None if no price is known.
    """

    text: str
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: str | None = None


class Cut(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    From here on nothing before `start` is sent, except turns that are pinned.

    Attributes:
        start: Depth of the first message that is.
        left_out: How many messages of the branch are not.
        by: Name of the window that decided it.
        tokens: About how many fewer are sent.
        summary: What is sent in their place; None leaves the one that there is.
    """

    start: int
    left_out: int
    by: str = ""
    tokens: int = 0
    summary: Summary | None = None


class Drop(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    From here on a word stands in the place of what tools gave back before.

    Attributes:
        before: Depth of the first message whose results are still sent.
        results: How many are not any more.
        by: Name of the window that decided it.
        tokens: About how many fewer are sent.
    """

    before: int
    results: int = 0
    by: str = ""
    tokens: int = 0


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    What somebody, or a window, wants to hold from here on.

    Attributes:
        pin: Depths of the first messages of turns that are always sent.
        unpin: Likewise, of turns that are not any more.
        by: Name of the window that decided it; empty if the caller did.
    """

    pin: tuple[int, ...] = ()
    unpin: tuple[int, ...] = ()
    by: str = ""


Value = Message | Cut | Drop | Note
"""What a node can be."""

_TYPES: Final[dict[str, Any]] = {"cut": Cut, "drop": Drop, "note": Note}


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """
    A node on its way into the tree; `node` makes it.

    Attributes:
        id: A ULID: unique, and it sorts by time.
        kind: `message`, `system` (instructions, which hold until there are others), `cut`, `drop` or `note`.
        body: The message, the cut..., packed.
        weight: About how many tokens it is.
    """

    id: str
    kind: NodeKind
    body: bytes
    weight: int = 0

    def value(self) -> Value:
        """What it is."""
        return value_of(self.kind, self.body)


def first_fence(epoch: int) -> int:
    """
    What the fences of a conversation's branches begin behind.

    It follows from the epoch, which is by chance: so a lease of a conversation that was erased is none of the next of
    its name, though the turn is called the same.
    """
    return epoch % 2**40


def node(kind: NodeKind, value: Value, weight: int = 0) -> Node:
    """Make the node of a value, with an id of its own."""
    return Node(id=ulid(time.time()), kind=kind, body=packed(encoded(value)), weight=weight)


def value_of(kind: str, body: bytes) -> Value:
    """Read the body of a node."""
    value: Value = msgspec.json.decode(unpacked(body), type=_TYPES.get(kind, Message))
    return value


class Kept:
    """
    A node of the tree.

    Attributes:
        place: Where it is.
        turn: Id of its turn; None if it was imported.
        kind: As `Node.kind`.
        weight: About how many tokens it is.
        id: Its ULID; empty for one of the first version, which had none.
        body: What it is, packed.
    """

    __slots__ = ("_value", "body", "id", "kind", "place", "turn", "weight")

    def __init__(self, place: Place, turn: str | None, kind: NodeKind, weight: int, id: str, body: bytes) -> None:
        self.place = place
        self.turn = turn
        self.kind: NodeKind = kind
        self.weight = weight
        self.id = id
        self.body = body
        self._value: Value | None = None

    @property
    def value(self) -> Value:
        """What it is; read from the body when it is first asked for."""
        if self._value is None:
            self._value = value_of(self.kind, self.body)
        return self._value

    def with_body(self, body: bytes) -> Kept:
        """The same node with another body."""
        return Kept(self.place, self.turn, self.kind, self.weight, self.id, body)

    def __repr__(self) -> str:
        return f"<Kept {self.kind} at {tuple(self.place)}>"


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


def encoded(value: Any) -> bytes:
    """The JSON of a value of ours."""
    return msgspec.json.encode(value)


# Shorter bodies do not become smaller.
_WORTH_PACKING: Final = 256


def packed(body: bytes) -> bytes:
    """JSON, or what zlib made of it, which no JSON begins like."""
    if len(body) < _WORTH_PACKING:
        return body
    smaller = zlib.compress(body, 1)
    return smaller if len(smaller) < len(body) else body


def unpacked(body: bytes) -> bytes:
    """Give back what `packed` was given."""
    return body if body.startswith((b"{", b"[")) else zlib.decompress(body)


def write_events(events: list[Event]) -> bytes:
    """The events of a piece."""
    return msgspec.msgpack.encode(events)


def read_events(data: bytes) -> list[Event]:
    """Give back what `write_events` was given."""
    return msgspec.msgpack.decode(data, type=list[Event])
