"""Short ways to encode a request in the Anthropic dialect and look at it."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool
from dragoman.wire.anthropic_messages import WIRE

NAME = "anthropic-messages"
PROVIDER = Provider(name="anthropic", base_url="https://api.example.com", wire=NAME)
NEW = msgspec.structs.replace(PROVIDER, quirks=Quirks(api_version="2026-10-21"))


def ask(*messages: Message, provider: Provider = PROVIDER, **settings: Any) -> HttpRequest:
    """Encode a request with a cap, so that only what a test is about makes notices."""
    settings.setdefault("max_tokens", 100)
    turns = messages or (Message.user("Hello"),)
    return WIRE.encode_request(ChatRequest(model="claude-x", messages=turns, **settings), provider)


def body(*messages: Message, **settings: Any) -> dict[str, Any]:
    """The body of such a request."""
    return read(ask(*messages, **settings))


def read(request: HttpRequest) -> dict[str, Any]:
    """The body as JSON."""
    decoded: dict[str, Any] = msgspec.json.decode(request.body)
    return decoded


def content(*parts: Any, role: Any = "assistant", origin: str | None = None, **more: Any) -> Any:
    """The content to which one message with these parts becomes."""
    turns = body(Message("user", "Hi"), Message(role, parts, origin=origin), **more)["messages"]
    return turns[1]["content"] if len(turns) > 1 else None


def fields(request: HttpRequest) -> list[str]:
    """Which fields the notices are about."""
    return [notice.field for notice in request.notices]


WEATHER = Tool(name="weather", description="Forecast", parameters={"type": "object"}, strict=True)
