"""
What the test server can do with a request.

A step is a frozen value; its `play` writes one answer, and decides how the bytes are written.  Anything that has a
`play` is a step.  The functions of `script` make those of this module.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, Protocol

import msgspec

from dragoman.errors import ConfigError
from dragoman.testing.connection import Reply
from dragoman.testing.pieces import split
from dragoman.testing.routes import route_of
from dragoman.types.events import Event, UsageUpdate
from dragoman.types.fold import fold, unfold
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.base import Encoder
from dragoman.wire.status import status_error

JSON: Final = {"content-type": "application/json"}


class Step(Protocol):
    """Anything that can answer one request."""

    async def play(self, reply: Reply) -> None:
        """Write the answer."""
        ...


# --- answers ----------------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole answer, sent plain or as a stream, as the request asks.

    Attributes:
        response: What is answered.  Its id, model and usage are filled in where they are not set.
        latency: Seconds before the first byte.
        pace: Seconds between the events of a stream.
        chunk: Characters of text in one event of a stream; None for one word each.
    """

    response: ChatResponse
    latency: float = 0.0
    pace: float = 0.0
    chunk: int | None = None

    async def play(self, reply: Reply) -> None:
        response = _completed(self.response, reply)
        await reply.sleep(self.latency)
        if _streamed(reply):
            await write_events(reply, _written(response, reply, self.chunk), self.pace)
        else:
            await reply.send(200, JSON, reply.wire.encode_response(response))


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """
    An answer given as events, sent as they are, or folded where the request asks for a plain answer.

    Attributes:
        events: In order.
        latency: Seconds before the first byte.
        pace: Seconds between two events.
    """

    events: tuple[Event, ...]
    latency: float = 0.0
    pace: float = 0.0

    async def play(self, reply: Reply) -> None:
        await reply.sleep(self.latency)
        if _streamed(reply):
            await write_events(reply, self.events, self.pace)
        else:
            await reply.send(200, JSON, reply.wire.encode_response(_completed(fold(self.events), reply)))


class Dynamic(msgspec.Struct, frozen=True):
    """A step that is made when the request is there."""

    make: Callable[[ChatRequest], Step | Awaitable[Step]]

    async def play(self, reply: Reply) -> None:
        if reply.request.chat is None:
            raise ConfigError(f"calls() answers chat requests, and {reply.request.path} is none", field="script")
        made = self.make(reply.request.chat)
        step = await made if inspect.isawaitable(made) else made
        await step.play(reply)


# --- other bodies -----------------------------------------------------------------------------------------------------


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """An error, in the form of the dialect that the request speaks.  See `status`."""

    status: int
    message: str
    code: str | None = None
    retry_after: float | None = None
    headers: dict[str, str] = {}
    body: bytes | None = None

    async def play(self, reply: Reply) -> None:
        error = status_error(self.status, {}, message=self.message, code=self.code)
        error.retry_after = self.retry_after
        _, headers, body = reply.wire.encode_error(error)
        await reply.send(self.status, {**headers, **self.headers}, body if self.body is None else self.body)


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as they are.  See `raw`."""

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: dict[str, str] = {}
    latency: float = 0.0
    pace: float = 0.0

    async def play(self, reply: Reply) -> None:
        await reply.sleep(self.latency)
        headers = {**(_stream_headers(reply) if _streamed(reply) and self.status < 400 else JSON), **self.headers}
        if len(self.pieces) == 1:
            await reply.send(self.status, headers, self.pieces[0])
            return
        await reply.start(self.status, headers)
        for number, piece in enumerate(self.pieces):
            await reply.sleep(self.pace if number else 0)
            await reply.write(piece)
        await reply.end()


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The list that OpenAI's and Anthropic's `/v1/models` give; one body that clients of either can read."""

    models: tuple[str, ...]
    owner: str = "dragoman-testing"

    async def play(self, reply: Reply) -> None:
        rows = [
            {
                "id": name,
                "object": "model",
                "type": "model",
                "display_name": name,
                "created": 0,
                "created_at": "1970-01-01T00:00:00Z",
                "owned_by": self.owner,
            }
            for name in self.models
        ]
        ends = {"first_id": self.models[0], "last_id": self.models[-1]} if self.models else {}
        await reply.send(200, JSON, msgspec.json.encode({"object": "list", "data": rows, "has_more": False, **ends}))


# --- what they share --------------------------------------------------------------------------------------------------


async def write_events(reply: Reply, sequence: Iterable[Event], pace: float) -> None:
    """
    Write a stream: each event that has bytes in this dialect is one piece.

    Without `Finish` there is no end marker either: HTTP's framing ends well, the dialect's answer is cut.
    """
    await reply.start(200, _stream_headers(reply))
    waits = False
    for data in _encoded(reply.wire.encoder(), sequence):
        if data:
            await reply.sleep(pace if waits else 0)
            await reply.write(data)
            waits = True
    await reply.end()


def _encoded(encoder: Encoder, sequence: Iterable[Event]) -> Iterator[bytes]:
    yield from map(encoder.feed, sequence)
    yield encoder.close()


COUNTED: Final = Usage(details={"counted": "words"})


def _completed(answer: ChatResponse, reply: Reply) -> ChatResponse:
    """Fill in what a provider always says."""
    chat = reply.request.chat
    usage = answer.usage if answer.usage is not COUNTED else _count(answer, chat)
    model = answer.model or (chat.model if chat else None)
    return msgspec.structs.replace(answer, id=answer.id or f"answer-{reply.request.number}", model=model, usage=usage)


def _count(answer: ChatResponse, chat: ChatRequest | None) -> Usage:
    asked = sum(len(message.text.split()) for message in chat.messages) if chat else 0
    called = sum(len(call.arguments_json.split()) for call in answer.tool_calls)
    said = len(answer.text.split()) + called
    thought = len(answer.reasoning.split())
    return Usage(input_tokens=asked, output_tokens=said + thought, reasoning_tokens=thought or None)


def _written(response: ChatResponse, reply: Reply, size: int | None) -> list[Event]:
    """An answer as the events in which a provider of this dialect streams it."""
    start, *rest = split(unfold(response), size)
    chat, name = reply.request.chat, reply.request.wire
    if chat is not None and name is not None and not route_of(name).counts(chat):
        return [start, *(event for event in rest if not isinstance(event, UsageUpdate))]
    if response.usage.input_tokens is None:
        return [start, *rest]
    # Anthropic says before the first word what the prompt was; others let the last usage hold.
    return [start, UsageUpdate(msgspec.structs.replace(response.usage, output_tokens=0, reasoning_tokens=None)), *rest]


def _stream_headers(reply: Reply) -> dict[str, str]:
    return {"content-type": route_of(reply.wire.name).stream_type, "cache-control": "no-cache"}


def _streamed(reply: Reply) -> bool:
    return reply.request.chat is not None and reply.request.chat.stream
