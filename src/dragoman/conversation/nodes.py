"""
The nodes of a conversation's tree, and what they hold.

A body is the JSON of a message (or of a cut, a note ...), packed; to a store it is bytes, which may be sealed.

Rule: a node never changes.  What is decided later is a node of its own.
"""

from __future__ import annotations

import time
import zlib
from typing import Any, Final, Literal, NamedTuple

import msgspec

from dragoman.observe.ulid import ulid
from dragoman.types.messages import Message

NodeKind = Literal["message", "system", "cut", "drop", "note"]


class Place(NamedTuple):
    """A node's place in the tree; depth counts from 1 at the root, and 0 is before everything."""

    segment: int
    depth: int


ROOT = Place(0, 0)


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
