"""
Outcomes as lines, both ways.

A line is that of OpenAI's output files, and `usage`, `cost`, `attempts` and `latency_ms` beside it; one of an errors
file has the row as it was given, too, so that the file can be given again as input.

Rule: what is written is what came.  An answer in the dialect of its row is kept byte for byte; another is written in
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from dragoman import wire
from dragoman.batch import vectors
from dragoman.batch.journal import Kind, Record
from dragoman.batch.rows import Row
from dragoman.batch.vectors import VectorRequest
from dragoman.errors import DragomanError
from dragoman.types.attempts import Attempt
from dragoman.types.batches import BatchFailure, BatchRow
from dragoman.types.cost import Cost
from dragoman.types.embeddings import EmbedResponse
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage


class _Http(msgspec.Struct):
    status_code: int
    request_id: str | None
    body: msgspec.Raw


class Line(msgspec.Struct):
    """
    One line of an output or errors file.

    Attributes:
        asked: What rows that ask the same have in common, in hexadecimal, where such rows are paid once.
        reused: Id of the row whose answer this is, where it was not asked for itself.
    """

    id: str
    custom_id: str
    response: _Http | None = None
    error: BatchFailure | None = None
    provider: str | None = None
    model: str | None = None
    usage: Usage = Usage()
    cost: msgspec.Raw = msgspec.Raw(b"null")
    cost_parts: dict[str, msgspec.Raw] = {}
    attempts: tuple[Attempt, ...] = ()
    latency_ms: float = 0.0
    dialect: str = "openai-chat"
    output: Any = None
    asked: str | UnsetType = UNSET
    reused: str | UnsetType = UNSET


class _Failed(Line):
    """One of the errors file."""

    row: msgspec.Raw = msgspec.Raw(b"null")


_PARTS = tuple(name for name in Cost.__struct_fields__ if name != "total")

_encode = msgspec.json.Encoder(enc_hook=lambda value: _plain(value)).encode
_decode = msgspec.json.Decoder(Line).decode


def answered(
    row: Row,
    response: ChatResponse | EmbedResponse,
    *,
    seconds: float,
    spoken: str | None,
    shared: bool = False,
) -> bytes:
    """
    Write an answer.

    Args:
        row: Whose it is.
        response: The answer.
        seconds: That it took.
        spoken: Dialect in which its bytes came; None if it is not known.
        shared: Whether other rows that ask the same may take it.
    """
    line = Line(
        id=_id_of(row),
        custom_id=row.id,
        response=_Http(200, response.request_id, _one_line(_body(row, response, spoken))),
        provider=response.provider,
        model=response.model,
        usage=msgspec.structs.replace(response.usage, details=None),  # they are in the body
        cost=_dollars(response.cost),
        cost_parts=_parts(response.cost_parts if isinstance(response, ChatResponse) else None),
        attempts=response.attempts,
        latency_ms=round(seconds * 1000, 3),
        dialect=row.dialect,
        output=response.output if isinstance(response, ChatResponse) else None,
        asked=row.same.hex() if shared else UNSET,
    )
    return _encode(line) + b"\n"


def _body(row: Row, response: ChatResponse | EmbedResponse, spoken: str | None) -> bytes:
    if isinstance(response, EmbedResponse):
        assert isinstance(row.request, VectorRequest)  # who asks for vectors is answered by them
        return vectors.body_of(row.request, response)
    if spoken == row.dialect and response.body:
        return response.body
    return wire.get(row.dialect).encode_response(response)


def repeated(row: Row, payload: bytes) -> bytes:
    """Write the answer of another row, which has asked the same, as that of this one: it took and cost nothing."""
    line = _decode(payload)
    line.reused = line.custom_id
    line.id, line.custom_id, line.asked = _id_of(row), row.id, UNSET
    line.usage = Usage(input_tokens=0, output_tokens=0)
    line.cost, line.cost_parts, line.attempts, line.latency_ms = msgspec.Raw(b"0"), {}, (), 0.0
    return _encode(line) + b"\n"


def _id_of(row: Row) -> str:
    return f"batch_req_{row.key.hex()}"


def failed(row: Row, error: DragomanError, *, seconds: float) -> bytes:
    """Write a failure."""
    kind = type(error).__name__
    partial = error.partial
    line = _Failed(
        id=_id_of(row),
        custom_id=row.id,
        error=BatchFailure(
            kind=kind, message=error.message, code=error.code or kind, status=error.status, field=error.field
        ),
        usage=partial.usage if partial else Usage(),
        cost=_dollars(partial.cost if partial else None),
        cost_parts=_parts(partial.cost_parts if partial else None),
        attempts=error.attempts,
        latency_ms=round(seconds * 1000, 3),
        dialect=row.dialect,
        row=msgspec.Raw(row.given.line if row.given.line is not None else _given(row.given.value)),
    )
    return _encode(line) + b"\n"


def _given(value: Any) -> bytes:
    try:
        return _encode(value)
    except (UnicodeEncodeError, TypeError, RecursionError):
        # It is no JSON: half a surrogate pair, a key that is no text.  Its picture says which row it was.
        return _encode(ascii(value))


def read_line(payload: bytes) -> Line:
    """Read a line."""
    return _decode(payload)


def row_of(record: Record, line: Line | None = None) -> BatchRow:
    """The outcome that a record holds, as a value; a typed output is not read yet."""
    line = line or read_line(record.payload)
    response = embedding = None
    if record.kind == Kind.DONE:
        response, embedding = (None, _vectors(line)) if line.dialect == vectors.DIALECT else (_response(line), None)
    return BatchRow(
        id=line.custom_id,
        number=record.number,
        response=response,
        embedding=embedding,
        reused=None if line.reused is UNSET else line.reused,
        error=line.error,
        usage=line.usage,
        cost=cost_of(line),
        attempts=line.attempts,
        latency_ms=line.latency_ms,
    )


def cost_of(line: Line) -> Decimal | None:
    """US dollars, exact."""
    text = bytes(line.cost)
    return None if text == b"null" else Decimal(text.decode())


def parts_of(line: Line) -> Iterator[tuple[str, Decimal]]:
    """What the cost is the sum of, by the names that `Cost` has."""
    for name, part in line.cost_parts.items():
        yield name, Decimal(bytes(part).decode())


def _response(line: Line) -> ChatResponse:
    assert line.response is not None  # it is an answer
    response = wire.get(line.dialect).decode_response(200, {}, bytes(line.response.body))
    facts = _facts(line, response.usage)
    return msgspec.structs.replace(response, output=line.output, simulated=line.provider == "sim", **facts)


def _vectors(line: Line) -> EmbedResponse:
    assert line.response is not None  # it is an answer
    response = vectors.response_of(bytes(line.response.body))
    return msgspec.structs.replace(response, **_facts(line, response.usage))


def _facts(line: Line, said: Usage) -> dict[str, Any]:
    """What a line knows of its answer beside the body, which said `said` of the tokens."""
    assert line.response is not None  # it is an answer
    return {
        "provider": line.provider,
        "model": line.model,
        "usage": msgspec.structs.replace(line.usage, details=said.details),
        "cost": cost_of(line),
        "attempts": line.attempts,
        "request_id": line.response.request_id,
    }


def _one_line(body: bytes) -> msgspec.Raw:
    if b"\n" in body or b"\r" in body:
        body = msgspec.json.encode(msgspec.json.decode(body))
    return msgspec.Raw(body.strip())


def _dollars(cost: Decimal | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if cost is None else format(cost, "f").encode())


def _parts(cost: Cost | None) -> dict[str, msgspec.Raw]:
    if cost is None:
        return {}
    return {name: _dollars(part) for name in _PARTS if (part := getattr(cost, name))}


def _plain(value: Any) -> Any:
    """What a typed output of another library is as JSON: a pydantic model says so itself."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)
