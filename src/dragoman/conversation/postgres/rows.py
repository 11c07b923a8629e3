"""
Rows of Postgres as values of a conversation; `schema` says what the tables are.

Rule: pure.  A head is JSON, because its fields differ from one operation to the next; bodies are columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from dragoman.conversation.model import Known, Path, Piece, Record, Ref
from dragoman.conversation.nodes import Kept, Node, Place
from dragoman.drivers.postgres_links import Rows

Head = dict[str, Any]

NODES: Final = "%s::text[], %s::integer[], %s::text[], %s::bytea[]"
"""The parameters that `columns_of` gives."""


def id_of(ref: Ref) -> str:
    """A conversation's id: the first 128 bits of a hash, as hexadecimal digits."""
    names = msgspec.json.encode((ref.tenant, ref.user, ref.conversation))
    return hashlib.sha256(names).hexdigest()[:32]


def columns_of(nodes: Sequence[Node]) -> tuple[list[Any], ...]:
    """Nodes as columns."""
    return (
        [node.kind for node in nodes],
        [node.weight for node in nodes],
        [node.id for node in nodes],
        [node.body for node in nodes],
    )


def pieces_of(pieces: Sequence[Piece]) -> tuple[list[Any], ...]:
    """Pieces as columns, the last of each number."""
    last = {piece.seq: piece.events for piece in pieces}
    return list(last), list(last.values())


def known_of(known: Known | None) -> tuple[int | None, ...]:
    """A place that a caller knows, as parameters."""
    return (known.epoch, *known.place) if known is not None else (None, None, None)


def path_of(rows: Rows) -> Path:
    """A head and the nodes that follow it."""
    head: Head = rows[0][0]
    nodes = tuple(_kept(row[2:]) for row in rows[1:])
    return Path(
        head["epoch"], head["version"], Place(*head["leaf"]), nodes, suffix=head["suffix"], seal=rows[0][1] or b""
    )


def _kept(row: Sequence[Any]) -> Kept:
    segment, depth, turn, kind, weight, id, body = row
    return Kept(Place(segment, depth), turn, kind, weight, id, body)


def record_of(row: Sequence[Any]) -> Record:
    """A turn."""
    head: Head = row[0]
    seal, input, error, answer, seqs, events = row[1:7]
    return Record(
        key=head["key"],
        state=head["state"],
        branch=head["branch"],
        fence=head["fence"],
        base=Place(*head["base"]),
        input=input or b"",
        pieces=tuple(map(Piece, seqs or (), events or ())),
        error=error or b"",
        begun=head["begun"],
        ended=head["ended"],
        answer=answer or b"",
        last=_kept((*head["leaf"], *row[7:])) if head["leaf"] else None,
        seal=seal,
    )
