"""
From a path of the tree to what a model is sent, and what a turn adds to the tree.

Rule: what is sent follows from the path alone, so every process that reads the same path sends the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dragoman.conversation.model import Cut, Kept, Node, node
from dragoman.tokens.prompt import count_prompt
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest
from dragoman.verbs.conversations import Window
from dragoman.wire.turns import has_results


class Plan(NamedTuple):
    """What a turn sends, and the nodes that it adds before its messages."""

    messages: tuple[Message, ...]
    nodes: tuple[Node, ...]


def history(path: Iterable[Kept]) -> list[Message]:
    """All messages of a path: the instructions that hold now, then what was said."""
    kept = list(path)
    return [
        *_instructions(kept),
        *(node.value for node in kept if _is_message(node) and isinstance(node.value, Message)),
    ]


def planned(
    path: Sequence[Kept],
    asked: tuple[Message, ...],
    *,
    system: Message | None,
    window: Window | None,
    context: int | None,
    depth: int,
) -> Plan:
    """
    Say what is sent, and what is written down before it.

    Args:
        path: From the root to where the turn hangs.
        asked: What the turn says.
        system: The instructions that the caller wants to hold; None for those that do.
        window: What decides how much is sent; None for everything after the last cut.
        context: Tokens that the model can read, if that is known.
        depth: Of the place where the turn hangs.
    """
    nodes: list[Node] = []
    instructions = _instructions(path)
    if system is not None and [system] != instructions:
        instructions = [system]
        nodes.append(node_of(system, "system"))
    sent = _sent(path)
    if window is not None and sent:
        out = _left_out(sent, asked, instructions, window, context)
        if out:
            start = sent[out].place.depth if out < len(sent) else depth + 1
            before = sum(1 for node in path if _is_message(node)) - len(sent) + out
            nodes.append(node("cut", Cut(start, before)))
            sent = sent[out:]
    messages = [node.value for node in sent if isinstance(node.value, Message)]
    return Plan((*instructions, *messages, *asked), tuple(nodes))


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


def weight_of(message: Message) -> int:
    """About how many tokens a message is."""
    return count_prompt(ChatRequest("model", (message,)), "", "").tokens


def _is_message(node: Kept) -> bool:
    return node.kind == "message"


def _instructions(path: Sequence[Kept]) -> list[Message]:
    found = next((node.value for node in reversed(path) if node.kind == "system"), None)
    return [found] if isinstance(found, Message) else []


def _sent(path: Sequence[Kept]) -> list[Kept]:
    """The messages from the last cut on."""
    cut = next((node.value for node in reversed(path) if node.kind == "cut"), None)
    start = cut.start if isinstance(cut, Cut) else 0
    return [node for node in path if _is_message(node) and node.place.depth >= start]


def _left_out(
    sent: Sequence[Kept], asked: Sequence[Message], instructions: Sequence[Message], window: Window, context: int | None
) -> int:
    """How many of the messages are not sent: those of whole turns."""
    begins = [i for i, node in enumerate(sent) if i == 0 or _begins(node.value)]
    ends = [*begins[1:], len(sent)]
    turns = [sum(node.weight for node in sent[start:end]) for start, end in zip(begins, ends, strict=True)]
    now = sum(map(weight_of, asked))
    if asked and _begins(asked[0]):
        turns.append(now)
        ends.append(len(sent))
        begins.append(len(sent))
    else:  # results of the last turn's calls belong to it
        turns[-1] += now
    out = window.leave_out(turns, sum(map(weight_of, instructions)), context)
    return begins[max(0, min(out, len(turns) - 1))]


def _begins(value: object) -> bool:
    """Whether a turn begins here: somebody speaks who is neither the model nor a tool."""
    return isinstance(value, Message) and value.role == "user" and not has_results(value)
