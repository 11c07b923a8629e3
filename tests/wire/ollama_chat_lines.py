"""Short ways to read and write Ollama's dialect, for the tests of that wire."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from dragoman.types.events import Event
from dragoman.types.fold import fold
from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.ollama_chat import WIRE

NAME = "ollama-chat"
ROW = Provider(name="ollama", base_url="http://127.0.0.1:11434", wire=NAME)
LENIENT = msgspec.structs.replace(ROW, quirks=Quirks(omits_finish=True))


def line(message: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """One line of a stream."""
    return {"model": "m", "message": {"role": "assistant", "content": "", **(message or {})}, "done": False, **fields}


def last(reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """The line that ends a stream."""
    return line(done=True, **({"done_reason": reason} if reason else {}), **fields)


def lines(*values: dict[str, Any]) -> bytes:
    """Lines as a stream."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def read(data: bytes, provider: Provider | None = None) -> list[Event]:
    """All events of a stream."""
    decoder = WIRE.decoder(provider)
    return decoder.feed(data) + decoder.feed(b"") + decoder.close()


def streamed(*values: dict[str, Any]) -> ChatResponse:
    """The answer that a stream gives."""
    return fold(read(lines(*values)))


def plain(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> ChatResponse:
    """Decode a plain body."""
    return WIRE.decode_response(
        status, headers or {}, value if isinstance(value, bytes) else json.dumps(value).encode()
    )


def call(name: str, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """A tool call."""
    return {"function": {"name": name, "arguments": arguments}, **fields}


def ask(*messages: Message, provider: Provider = ROW, **settings: Any) -> HttpRequest:
    """Encode a request."""
    return WIRE.encode_request(ChatRequest(model="m", messages=messages or (Message.user("Hi"),), **settings), provider)


def body(*messages: Message, **settings: Any) -> dict[str, Any]:
    """The body of such a request."""
    decoded: dict[str, Any] = msgspec.json.decode(ask(*messages, **settings).body)
    return decoded


def fields(request: HttpRequest) -> list[str]:
    """Which fields the notices are about."""
    return [notice.field for notice in request.notices]


def again(sent: dict[str, Any]) -> dict[str, Any]:
    """A body after it was read by a server and written by a client."""
    request = WIRE.decode_request(json.dumps(sent).encode())
    written = WIRE.encode_request(request, ROW)
    assert () == written.notices
    decoded: dict[str, Any] = msgspec.json.decode(written.body)
    return decoded
