"""Short ways to read and write Cohere's dialect, for the tests of that wire."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from dragoman.types.events import Event
from dragoman.types.fold import fold
from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.cohere_chat import WIRE

NAME = "cohere-chat"
ROW = Provider(name="cohere", base_url="https://api.cohere.com", wire=NAME)

Json = dict[str, Any]


def event(kind: str, message: Json | None = None, index: int | None = None, **delta: Any) -> Json:
    """One event of a stream."""
    body: Json = {"type": kind} | ({} if index is None else {"index": index})
    added = ({"message": message} if message is not None else {}) | delta
    return body | ({"delta": added} if added else {})


def start(answer_id: str = "a1") -> Json:
    """The event that begins a stream."""
    return {"id": answer_id, **event("message-start", {"role": "assistant", "content": [], "tool_calls": []})}


def text(index: int, *pieces: str, kind: str = "text") -> list[Json]:
    """The events of a block."""
    begin = event("content-start", {"content": {"type": kind, kind: ""}}, index)
    return [begin, *(event("content-delta", {"content": {kind: piece}}, index) for piece in pieces)]


def end(reason: str | None = "COMPLETE", **delta: Any) -> Json:
    """The event that ends a stream."""
    return event("message-end", **({"finish_reason": reason} if reason else {}), **delta)


def stream(*events: Json, done: bool = True) -> bytes:
    """Events as a stream."""
    frames = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return ("".join(frames) + ("data: [DONE]\n\n" if done else "")).encode()


def read(data: bytes) -> list[Event]:
    """All events of a stream."""
    decoder = WIRE.decoder()
    return decoder.feed(data) + decoder.feed(b"") + decoder.close()


def streamed(*events: Json) -> ChatResponse:
    """The answer that a stream gives."""
    return fold(read(stream(*events)))


def plain(message: Json, **fields: Any) -> ChatResponse:
    """The answer that a plain body with this message gives."""
    body = {"id": "a1", "finish_reason": "COMPLETE", "message": {"role": "assistant", **message}, **fields}
    return WIRE.decode_response(200, {}, json.dumps(body).encode())


def call(call_id: str, name: str, arguments: str) -> Json:
    """A tool call."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def citation(start: int, end: int, words: str, **more: Any) -> Json:
    """A citation of a document."""
    document = {"id": "doc:0", "title": "Tea", "url": "https://example.org/tea", "snippet": words}
    source = {"type": "document", "id": "doc:0", "document": document}
    return {"start": start, "end": end, "text": words, "sources": [source], "type": "TEXT_CONTENT", **more}


def ask(*messages: Message, **settings: Any) -> HttpRequest:
    """Encode a request."""
    return WIRE.encode_request(ChatRequest(model="m", messages=messages or (Message.user("Hi"),), **settings), ROW)


def body(*messages: Message, **settings: Any) -> Json:
    """The body of such a request."""
    decoded: Json = msgspec.json.decode(ask(*messages, **settings).body)
    return decoded


def fields(request: HttpRequest) -> list[str]:
    """Which fields the notices are about."""
    return [notice.field for notice in request.notices]


def again(sent: Json) -> Json:
    """A body after it was read by a server and written by a client."""
    written = WIRE.encode_request(WIRE.decode_request(json.dumps(sent).encode()), ROW)
    assert () == written.notices
    decoded: Json = msgspec.json.decode(written.body)
    return decoded
