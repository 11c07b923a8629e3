"""Small answers and requests of the `gemini-generate` dialect, for the tests of that wire."""

from __future__ import annotations

import json
from typing import Any

from dragoman.types.events import Event
from dragoman.types.fold import fold
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.gemini_generate import WIRE

ROW = Provider(name="gemini", base_url="https://gemini.example", wire="gemini-generate", auth="x-goog-api-key")
PATH = "/v1beta/models/gemini-3-flash:generateContent"


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """An answer, or a chunk of one; `more` goes to its candidate."""
    ended = {"finishReason": finish} if finish else {}
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **ended, **more}
    return {"candidates": [candidate], "modelVersion": "gemini-3-flash", "responseId": "r1"}


def text(words: str, **more: Any) -> dict[str, Any]:
    """A part with text."""
    return {"text": words, **more}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A part that calls a function."""
    return {"functionCall": {"name": name, "args": arguments}}


def plain(body: Any, status: int = 200) -> ChatResponse:
    """A plain answer, read."""
    return WIRE.decode_response(status, {}, json.dumps(body).encode(), ROW)


def sse(*chunks: dict[str, Any]) -> bytes:
    """Chunks as a stream of events."""
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(one).encode() for one in chunks)


def array(*chunks: dict[str, Any]) -> bytes:
    """Chunks as one array, indented as Google does it."""
    return b"[" + b"\n,\r\n".join(json.dumps(one, indent=2).encode() for one in chunks) + b"\n]\n"


def read(data: bytes, size: int | None = None) -> list[Event]:
    """All events of a stream, fed in pieces of `size` bytes."""
    decoder = WIRE.decoder(ROW)
    step = size or len(data) or 1
    events = [event for at in range(0, len(data), step) for event in decoder.feed(data[at : at + step])]
    return events + decoder.feed(b"") + decoder.close()


def streamed(*chunks: dict[str, Any]) -> ChatResponse:
    """A streamed answer, folded."""
    return fold(read(sse(*chunks)))


def sent(*messages: Message, model: str = "gemini-3-flash", **settings: Any) -> dict[str, Any]:
    """The body that is written for a request."""
    body: dict[str, Any] = json.loads(WIRE.encode_request(asking(*messages, model=model, **settings), ROW).body)
    return body


def notices(*messages: Message, model: str = "gemini-3-flash", **settings: Any) -> list[str]:
    """The fields that were adapted in writing a request."""
    written = WIRE.encode_request(asking(*messages, model=model, **settings), ROW)
    return [notice.field for notice in written.notices]


def asking(*messages: Message, model: str = "gemini-3-flash", **settings: Any) -> ChatRequest:
    """A request; of a user who says hi if nothing else is given."""
    return ChatRequest(model=model, messages=messages or (Message.user("hi"),), **settings)


def received(body: Any, path: str = PATH) -> ChatRequest:
    """A request, read."""
    return WIRE.decode_request(json.dumps(body).encode(), path=path)


def again(body: Any, path: str = PATH) -> Any:
    """A body, read and written again."""
    return json.loads(WIRE.encode_request(received(body, path), ROW).body)
