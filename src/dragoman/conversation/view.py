"""
From a path of the tree to what a model is sent, and what a turn adds to the tree.

Rule: what is sent follows from the path alone, so every process that reads the same path sends the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dragoman.conversation.nodes import Drop, Kept, Node, NodeKind, Note, node
from dragoman.conversation.windows.deciding import Decided, Policy, Room, decided, view_of
from dragoman.conversation.windows.outline import Decision, outline
from dragoman.conversation.windows.outline import weight_of as weight_of
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest


class Plan(NamedTuple):
    """What a turn sends, the nodes that it adds before its messages, and what was decided."""

    messages: tuple[Message, ...]
    nodes: tuple[Node, ...]
    done: Decided


def history(path: Iterable[Kept]) -> list[Message]:
    """All messages of a path: the instructions that hold now, then what was said."""
    found = outline(path)
    said = [kept.value for kept in found.said]
    return [*([found.system] if found.system else []), *(value for value in said if isinstance(value, Message))]


def planned(
    path: Sequence[Kept],
    asked: tuple[Message, ...],
    *,
    system: Message | None,
    policies: Sequence[Policy],
    room: Room,
    depth: int,
    request: ChatRequest | None = None,
) -> Plan:
    """
    Say what is sent, and what is written down before it.

    Args:
        path: From the root to where the turn hangs.
        asked: What the turn says.
        system: The instructions that the caller wants to hold; None for those that do.
        policies: What decides how much is sent; none for everything after the last cut.
        room: What is known of the model.
        depth: Of the place where the turn hangs.
        request: Has tools and the answer's form, which take room, too.
    """
    nodes: list[Node] = []
    found = outline(path)
    if system is not None and system != found.system:
        nodes.append(node_of(system, "system"))
    done = decided(view_of(found, asked, system=system, depth=depth, request=request), policies, room)
    nodes += map(node_of_decision, done.decisions)
    return Plan(done.view.messages(), tuple(nodes), done)


def node_of_decision(decision: Decision) -> Node:
    """The node of what was decided."""
    kind: NodeKind = "drop" if isinstance(decision, Drop) else "note" if isinstance(decision, Note) else "cut"
    return node(kind, decision)


def node_of(message: Message, kind: str = "message") -> Node:
    """The node of a message."""
    return node("system" if kind == "system" else "message", message, weight_of(message))


def nodes_of(messages: Iterable[Message]) -> list[Node]:
    """The nodes of messages from elsewhere: the first ones, if they are instructions, hold from there on."""
    nodes: list[Node] = []
    for message in messages:
        leading = not nodes and message.role in ("system", "developer")
        nodes.append(node_of(message, "system" if leading else "message"))
    return nodes
