"""
Outcomes as lines, both ways.

A line is that of OpenAI's output files, and `usage`, `cost`, `attempts` and `latency_ms` beside it; one of an errors
file has the row as it was given, too, so that the file can be given again as input.

Rule: what is written is what came.  An answer in the dialect of its row is kept byte for byte; another is written in
it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from dragoman import wire
from dragoman.batch.journal import Kind, Record
from dragoman.batch.rows import Row
from dragoman.errors import DragomanError
from dragoman.types.attempts import Attempt
from dragoman.types.batches import BatchFailure, BatchRow
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage


class _Http(msgspec.Struct):
    status_code: int
    request_id: str | None
    body: msgspec.Raw


class Line(msgspec.Struct):
    """One line of an output or errors file."""

    id: str
    custom_id: str
    response: _Http | None = None
    error: BatchFailure | None = None
    provider: str | None = None
    model: str | None = None
    usage: Usage = Usage()
    cost: msgspec.Raw = msgspec.Raw(b"null")
    attempts: tuple[Attempt, ...] = ()
    latency_ms: float = 0.0
    dialect: str = "openai-chat"
    output: Any = None


class _Failed(Line):
    """One of the errors file."""

    row: msgspec.Raw = msgspec.Raw(b"null")


_encode = msgspec.json.Encoder(enc_hook=lambda value: _plain(value)).encode
_decode = msgspec.json.Decoder(Line).decode


def answered(row: Row, response: ChatResponse, *, seconds: float, spoken: str | None) -> bytes:
    """
    Write an answer.

    Args:
        row: Whose it is.
        response: The answer.
        seconds: That it took.
        spoken: Dialect in which its bytes came; None if it is not known.
    """
    body = response.body if spoken == row.dialect and response.body else wire.get(row.dialect).encode_response(response)
    line = Line(
        id=f"batch_req_{row.key.hex()}",
        custom_id=row.id,
        response=_Http(200, response.request_id, _one_line(body)),
        provider=response.provider,
        model=response.model,
        usage=msgspec.structs.replace(response.usage, details=None),  # they are in the body
        cost=_dollars(response.cost),
        attempts=response.attempts,
        latency_ms=round(seconds * 1000, 3),
        dialect=row.dialect,
        output=response.output,
    )
    return _encode(line) + b"\n"


def failed(row: Row, error: DragomanError, *, seconds: float) -> bytes:
    """Write a failure."""
    kind = type(error).__name__
    partial = error.partial
    line = _Failed(
        id=f"batch_req_{row.key.hex()}",
        custom_id=row.id,
        error=BatchFailure(
            kind=kind, message=error.message, code=error.code or kind, status=error.status, field=error.field
        ),
        usage=partial.usage if partial else Usage(),
        cost=_dollars(partial.cost if partial else None),
        attempts=error.attempts,
        latency_ms=round(seconds * 1000, 3),
        dialect=row.dialect,
        row=msgspec.Raw(row.given.line) if row.given.line is not None else msgspec.Raw(_encode(row.given.value)),
    )
    return _encode(line) + b"\n"


def read_line(payload: bytes) -> Line:
    """Read a line."""
    return _decode(payload)


def row_of(record: Record, line: Line | None = None) -> BatchRow:
    """The outcome that a record holds, as a value; a typed output is not read yet."""
    line = line or read_line(record.payload)
    response = _response(line) if record.kind == Kind.DONE else None
    return BatchRow(
        id=line.custom_id,
        number=record.number,
        response=response,
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


def _response(line: Line) -> ChatResponse:
    assert line.response is not None  # it is an answer
    response = wire.get(line.dialect).decode_response(200, {}, bytes(line.response.body))
    return msgspec.structs.replace(
        response,
        provider=line.provider,
        model=line.model,
        usage=msgspec.structs.replace(line.usage, details=response.usage.details),
        cost=cost_of(line),
        attempts=line.attempts,
        request_id=line.response.request_id,
        output=line.output,
        simulated=line.provider == "sim",
    )


def _one_line(body: bytes) -> msgspec.Raw:
    if b"\n" in body or b"\r" in body:
        body = msgspec.json.encode(msgspec.json.decode(body))
    return msgspec.Raw(body.strip())


def _dollars(cost: Decimal | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if cost is None else format(cost, "f").encode())


def _plain(value: Any) -> Any:
    """What a typed output of another library is as JSON: a pydantic model says so itself."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)
