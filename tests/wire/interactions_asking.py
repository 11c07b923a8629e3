"""Short ways to encode a request in the Interactions dialect, to look at it, and to show it to Google's SDK."""

from __future__ import annotations

from typing import Any

import msgspec
from google.genai.interactions import CreateAgentInteraction, CreateModelInteraction

from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool
from dragoman.wire.gemini_interactions import WIRE

NAME = "gemini-interactions"
PROVIDER = Provider(name="google", base_url="https://api.example.com", wire=NAME, auth="x-goog-api-key")
MODEL = "gemini-3.8-flash"
WEATHER = Tool(name="weather", description="Forecast", parameters={"type": "object"})


def ask(*messages: Message, provider: Provider = PROVIDER, **settings: Any) -> HttpRequest:
    """Encode a request."""
    turns = messages or (Message.user("Hello"),)
    return WIRE.encode_request(ChatRequest(model=MODEL, messages=turns, **settings), provider)


def body(*messages: Message, **settings: Any) -> dict[str, Any]:
    """The body of such a request, which Google's SDK must understand."""
    return understood(read(ask(*messages, **settings)))


def read(request: HttpRequest) -> dict[str, Any]:
    """The body as JSON."""
    decoded: dict[str, Any] = msgspec.json.decode(request.body)
    return decoded


def understood(value: dict[str, Any]) -> dict[str, Any]:
    """The value, if the SDK's own models hold it without loss."""
    kind = CreateAgentInteraction if "agent" in value else CreateModelInteraction
    assert value == kind.model_validate(value).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return value


def steps(*parts: Any, role: Any = "assistant", origin: str | None = None) -> Any:
    """The steps to which one message with these parts becomes, behind a question."""
    return body(Message("user", "Hi"), Message(role, parts, origin=origin))["input"][1:]


def fields(request: HttpRequest) -> list[str]:
    """Which fields the notices are about."""
    return [notice.field for notice in request.notices]


def again(value: dict[str, Any]) -> Any:
    """A body after it was read and written."""
    request = WIRE.encode_request(WIRE.decode_request(msgspec.json.encode(value)), PROVIDER)
    assert () == request.notices
    return read(request)
