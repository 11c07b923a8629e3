"""
A whole conversation as a value: its nodes, its branches, its turns.

Rule: a parent stands before its children, so that a tree is written and planted in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dragoman.conversation.model import MAIN
from dragoman.conversation.nodes import NodeKind, Value
from dragoman.types.messages import Message

NOWHERE: Final = -1
"""The place before the first node."""


class Twig(msgspec.Struct, frozen=True, kw_only=True):
    """
    A node.

    Attributes:
        value: The message, the cut ...
        parent: Its parent's number in the tree; -1 for a root.
        kind: As `Node.kind`.
        id: Its ULID, if it comes from a store of ours.
        turn: Id of its turn, if it has one.
    """

    value: Value
    parent: int = NOWHERE
    kind: NodeKind = "message"
    id: str = ""
    turn: str | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """
    A turn that is done.

    Attributes:
        id: The caller's.
        branch: Where it was said.
        base: Number of the node that it hangs under; -1 for none.
        last: Number of its last node.
        answer: The response without its message, as `turns.encode_answer` makes it.
    """

    id: str
    branch: str
    base: int
    last: int
    answer: bytes


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """
    A conversation.

    Attributes:
        name: Its name where it came from; may be empty.
        twigs: Its nodes.
        branches: Names of branches and the number of the last node of each; -1 for one without nodes.
        turns: Those that are done, each before those that go on from it.
    """

    name: str = ""
    twigs: tuple[Twig, ...] = ()
    branches: dict[str, int] = {}
    turns: tuple[Answered, ...] = ()

    def path(self, branch: str = MAIN) -> list[Twig]:
        """The nodes of a branch, from the root."""
        found: list[Twig] = []
        at = self.branches.get(branch, NOWHERE)
        while at != NOWHERE:
            found.append(self.twigs[at])
            at = self.twigs[at].parent
        return found[::-1]

    def messages(self, branch: str = MAIN) -> list[Message]:
        """What was said on a branch: the instructions that hold at its end, then the rest."""
        path = self.path(branch)
        system = next((twig.value for twig in reversed(path) if twig.kind == "system"), None)
        said = [twig.value for twig in path if twig.kind == "message"]
        return [value for value in (system, *said) if isinstance(value, Message)]


def line_of(messages: Iterable[Message], name: str = "") -> Tree:
    """The tree of a conversation without branches."""
    twigs: list[Twig] = []
    for message in messages:
        at = len(twigs) - 1
        twigs.append(Twig(value=message, parent=at, kind=kind_of(message, at)))
    return Tree(name=name, twigs=tuple(twigs), branches={MAIN: len(twigs) - 1})


def kind_of(message: Message, parent: int) -> NodeKind:
    """The kind of a message's node: instructions that come first hold from there on."""
    leads = parent == NOWHERE and message.role in ("system", "developer")
    return "system" if leads else "message"


def named(leaves: Sequence[int], main: int) -> dict[str, int]:
    """Names for branches of a tree that has none: `main`, then `branch-2` and so on; each leaf once."""
    rest = [leaf for leaf in dict.fromkeys(leaves) if leaf != main]
    return {MAIN: main, **{f"branch-{number}": leaf for number, leaf in enumerate(rest, 2)}}
