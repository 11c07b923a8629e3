"""
`json`: everything, one JSON object in each line.

    {"dragoman": "conversation", "version": 2, "name": "ticket-42", "nodes": 4, "turns": 2, "branches": {"main": 4}}
    {"node": 1, "kind": "message", "id": "01K...", "turn": "t1", "value": {"role": "user", ...}}
    {"node": 2, "parent": 1, ...}
    {"turn": "t1", "branch": "main", "base": 0, "last": 2, "answer": {...}}

Nodes count from 1; 0 is the place before the first.  The header says how many lines follow, so a file that was cut is
noticed.  Several conversations stand one behind the other.  Version 1 was one object with the messages of one branch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from dragoman.conversation.model import MAIN
from dragoman.conversation.nodes import Cut, Drop, NodeKind, Note, Value
from dragoman.conversation.transcripts.reading import Given, content_of, decoded_line, lines_of, translated, wrong
from dragoman.conversation.transcripts.tree import Answered, Tree, Twig, line_of
from dragoman.types.messages import Message

FORM = "json"

_TYPES: Final[dict[NodeKind, Any]] = {"cut": Cut, "drop": Drop, "note": Note}
"""What a node is that is no message."""


class _Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    dragoman: Literal["conversation"]
    version: Literal[1, 2]
    name: str
    nodes: int | None = None
    turns: int = 0
    branches: dict[str, int] = {}
    messages: list[Message] | None = None  # of version 1


class _Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    node: int
    parent: int = 0
    kind: NodeKind = "message"
    id: str = ""
    turn: str | None = None
    value: msgspec.Raw


class _Turn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    turn: str
    branch: str = MAIN
    base: int
    last: int
    answer: dict[str, Any]


def write(tree: Tree) -> str:
    """Write a conversation."""
    return "\n".join(line.decode() for line in _lines(tree)) + "\n"


def _lines(tree: Tree) -> Iterator[bytes]:
    encode = msgspec.json.encode
    yield encode(
        _Header(
            dragoman="conversation",
            version=2,
            name=tree.name,
            nodes=len(tree.twigs),
            turns=len(tree.turns),
            branches={name: at + 1 for name, at in tree.branches.items()},
        )
    )
    for number, twig in enumerate(tree.twigs, 1):
        value = msgspec.Raw(encode(twig.value))
        yield encode(
            _Node(node=number, parent=twig.parent + 1, kind=twig.kind, id=twig.id, turn=twig.turn, value=value)
        )
    for turn in tree.turns:
        answer = msgspec.msgpack.decode(turn.answer)
        yield encode(_Turn(turn=turn.id, branch=turn.branch, base=turn.base + 1, last=turn.last + 1, answer=answer))


def read(given: Given) -> list[Tree]:
    """Read conversations, or a list of messages of ours."""
    content = content_of(given, FORM)
    if not isinstance(content, bytes):
        try:
            return [line_of(msgspec.convert(content, list[Message]))]
        except (msgspec.ValidationError, RecursionError) as error:
            raise translated(error, FORM, "data") from error
    lines = lines_of(content)
    trees: list[Tree] = []
    for number, line in lines:
        header = decoded_line(line, _Header, FORM, number)
        if header.nodes is None:
            if header.messages is None:
                raise wrong(FORM, "the field `nodes` is missing", f"line {number}")
            trees.append(line_of(header.messages, header.name))
        else:
            trees.append(_tree(header, lines, number))
    if not trees:
        raise wrong(FORM, "it is empty")
    return trees


def _tree(header: _Header, lines: Iterator[tuple[int, bytes]], at: int) -> Tree:
    nodes = header.nodes or 0
    twigs = [_twig(i, *numbered) for i, numbered in enumerate(_next(lines, nodes, "nodes", at), 1)]
    turns = [_turn(nodes, *numbered) for numbered in _next(lines, header.turns, "turns", at)]
    for name, leaf in header.branches.items():
        if not 0 <= leaf <= nodes:
            raise wrong(FORM, f"there is no node {leaf}", f"line {at}.branches.{name}")
    branches = {name: leaf - 1 for name, leaf in header.branches.items()} or {MAIN: nodes - 1}
    return Tree(name=header.name, twigs=tuple(twigs), branches=branches, turns=tuple(turns))


def _next(lines: Iterator[tuple[int, bytes]], count: int, what: str, at: int) -> Iterable[tuple[int, bytes]]:
    for i in range(count):
        line = next(lines, None)
        if line is None:
            raise wrong(FORM, f"it was cut: {i} of {count} {what} are there", f"line {at}.{what}")
        yield line


def _twig(expected: int, number: int, line: bytes) -> Twig:
    told = decoded_line(line, _Node, FORM, number)
    if told.node != expected or not 0 <= told.parent < expected:
        field = "node" if told.node != expected else "parent"
        raise wrong(FORM, f"nodes are not in order: {expected} is expected", f"line {number}.{field}")
    value: Value = decoded_line(bytes(told.value), _TYPES.get(told.kind, Message), FORM, number)
    return Twig(value=value, parent=told.parent - 1, kind=told.kind, id=told.id, turn=told.turn)


def _turn(nodes: int, number: int, line: bytes) -> Answered:
    told = decoded_line(line, _Turn, FORM, number)
    if not 0 <= told.base < told.last <= nodes:
        raise wrong(FORM, f"there are {nodes} nodes", f"line {number}.last")
    answer = msgspec.msgpack.encode(told.answer)
    return Answered(id=told.turn, branch=told.branch, base=told.base - 1, last=told.last - 1, answer=answer)
