"""
The turns of a conversation's branch, as somebody at a terminal counts them: from 1.
"""

from __future__ import annotations

from typing import NamedTuple

from dragoman.cli.conv.place import RUNTIME
from dragoman.conversation.model import Branch, Ref
from dragoman.conversation.store import Store
from dragoman.runtime import drive
from dragoman.types.messages import Message


class Said(NamedTuple):
    """
    A turn that is done.

    Attributes:
        id: Its id.
        messages: What was asked, and all that was answered.
    """

    id: str
    messages: tuple[Message, ...]

    @property
    def question(self) -> tuple[Message, ...]:
        """What was asked."""
        first = next((i for i, one in enumerate(self.messages) if one.role == "assistant"), len(self.messages))
        return self.messages[:first]

    @property
    def text(self) -> str:
        """The text of the question."""
        return "\n".join(message.text for message in self.question)

    @property
    def answer(self) -> str:
        """The text of the last answer."""
        return next((one.text for one in reversed(self.messages) if one.role == "assistant"), "")


def turns(store: Store, ref: Ref) -> list[Said]:
    """The turns of a branch, the oldest first; what was imported without turns is not among them."""
    path = drive(store.read(RUNTIME, ref))
    found: dict[str, list[Message]] = {}
    for node in path.nodes if path is not None else ():
        if node.turn is not None and isinstance(node.value, Message) and node.value.role != "system":
            found.setdefault(node.turn, []).append(node.value)
    return [Said(key, tuple(messages)) for key, messages in found.items()]


def begun(store: Store, ref: Ref, key: str) -> float:
    """When a turn began; 0 if there is none."""
    record = drive(store.turn(RUNTIME, ref, key))
    return record.begun if record is not None else 0.0


def listed(store: Store, ref: Ref) -> list[Branch]:
    """The branches; none if there is no conversation."""
    return drive(store.branches(RUNTIME, ref))


def branches(store: Store, ref: Ref) -> list[str]:
    """Their names."""
    return [branch.name for branch in listed(store, ref)]
