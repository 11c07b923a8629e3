"""Small answers of the `openai-chat` dialect, as bytes, for the tests of that wire."""

from __future__ import annotations

import json
from typing import Any

from dragoman.types.events import Event
from dragoman.types.fold import fold
from dragoman.types.providers import Provider, Quirks
from dragoman.types.responses import ChatResponse
from dragoman.wire.openai_chat import WIRE

ROW = Provider(name="acme", base_url="https://acme.example/v1", quirks=Quirks(stream_usage=False))


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice], **more}


def lines(*chunks: dict[str, Any] | str) -> bytes:
    """Chunks as a stream; a text stands for itself."""
    texts = (one if isinstance(one, str) else json.dumps(one) for one in chunks)
    return b"".join(b"data: %b\n\n" % text.encode() for text in texts)


def read(data: bytes, size: int | None = None, provider: Provider | None = None) -> list[Event]:
    """All events of a stream, fed in pieces of `size` bytes."""
    decoder = WIRE.decoder(provider)
    size = size or len(data) or 1
    events = [event for i in range(0, len(data), size) for event in decoder.feed(data[i : i + size])]
    return events + decoder.feed(b"") + decoder.close()


def streamed(*chunks: dict[str, Any] | str) -> ChatResponse:
    """The answer that a stream gives."""
    return fold(read(lines(*chunks)))


def plain(message: dict[str, Any] | None = None, **fields: Any) -> ChatResponse:
    """The answer that a plain body with this message gives; `choice` holds more fields of its choice."""
    choice = {"index": 0, "message": message or {}, "finish_reason": "stop", **fields.pop("choice", {})}
    return decoded({"id": "c1", "model": "m", "choices": [choice], **fields})


def decoded(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> ChatResponse:
    """Decode a plain body."""
    return WIRE.decode_response(status, headers or {}, json.dumps(body).encode())


def call(name: str | None = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """A delta with one piece of a tool call."""
    return {"tool_calls": [{**fields, "function": {"name": name, "arguments": arguments}}]}
