"""
What the scripts answer, as values; and a node as it is kept.

A node is msgpack of [kind, weight, turn, id], its length before it, and the body behind it.  The scripts look at its
turn and at nothing else.  (Redis' own msgpack reads no binary.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Final

import msgspec

from dragoman.conversation.model import Began, Branch, Busy, Done, Go, Locked, Path, Piece, Record, Ref
from dragoman.conversation.nodes import Kept, Node, NodeKind, Place
from dragoman.types.turns import TurnState


class _Row(msgspec.Struct, array_like=True, frozen=True):
    kind: NodeKind
    weight: int
    turn: str | None
    id: str


_read = msgspec.msgpack.Decoder(_Row).decode
_write = msgspec.msgpack.Encoder().encode
_LENGTH: Final = Struct(">I")


def node_row(node: Node, turn: str | None) -> bytes:
    """A node as it is kept."""
    row = _write(_Row(node.kind, node.weight, turn, node.id))
    return _LENGTH.pack(len(row)) + row + node.body


def began_of(answer: Sequence[Any], ref: Ref) -> Began:
    """What became of a turn that wanted to begin."""
    return _BEGAN[answer[0]](answer, ref)


def _go(answer: Sequence[Any], ref: Ref) -> Go:
    _, branch, fence, segment, depth, path = answer
    return Go(ref._replace(branch=branch.decode()), fence, Place(segment, depth), path_of(path))


def _done(answer: Sequence[Any], ref: Ref) -> Done:
    _, said, segment, depth, path = answer
    return Done(said, path_of(path), Place(segment, depth))


def _busy(answer: Sequence[Any], ref: Ref) -> Busy:
    _, holder, micros, ticket = answer
    return Busy(None if holder is None else holder.decode(), micros / 1e6, ticket)


_BEGAN: Final[dict[bytes, Callable[[Sequence[Any], Ref], Began]]] = {
    b"go": _go,
    b"done": _done,
    b"busy": _busy,
    b"locked": lambda answer, ref: Locked(answer[1]),
}


def path_of(answer: Sequence[Any]) -> Path:
    """A path."""
    epoch, version, segment, depth, suffix, seal, runs = answer
    nodes = tuple(_kept(Place(run, first + i), row) for run, first, rows in runs for i, row in enumerate(rows))
    return Path(int(epoch), version, Place(segment, depth), nodes, suffix=bool(suffix), seal=seal)


def _kept(place: Place, row: bytes) -> Kept:
    body = _LENGTH.size + _LENGTH.unpack_from(row)[0]
    kept = _read(row[_LENGTH.size : body])
    return Kept(place, kept.turn, kept.kind, kept.weight, kept.id, row[body:])


def branch_of(answer: Sequence[Any]) -> Branch:
    """A branch in a list."""
    name, segment, depth, version, running = answer
    holder = None if running is None else running.decode()
    return Branch(name=name.decode(), leaf=Place(segment, depth), version=version, running=holder)


def record_of(answer: Sequence[Any]) -> Record:
    """A turn."""
    key, state, branch, fence, base, said, pieces, error, begun, ended, given, last, leaf, seal = answer
    known: TurnState = state.decode()
    return Record(
        key=key.decode(),
        state=known,
        branch=branch.decode(),
        fence=fence,
        base=Place(*base),
        input=said,
        pieces=tuple(Piece(seq, events) for seq, events in pieces),
        error=error,
        begun=begun / 1e6,
        ended=ended / 1e6 if ended else None,
        answer=given,
        last=None if last is None else _kept(Place(*leaf), last),
        seal=seal,
    )
