"""
Requests, both ways.

Law: `decode_request` and then `encode_request` gives the body back, as JSON; only explicit nulls are dropped.

Rule: who says nothing of `stream` gets one, so a plain answer is always asked for in words.

Source: Ollama's OpenAPI file (`ChatRequest`).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import encode_json
from dragoman.wire.native import over, own
from dragoman.wire.ollama_chat.dialect import NAME, PATH, Json
from dragoman.wire.ollama_chat.messages import encode_messages
from dragoman.wire.ollama_chat.parse import parse_messages
from dragoman.wire.ollama_chat.settings import decode_settings, encode_settings
from dragoman.wire.request_body import overlay, read_body


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """Write a request, without credentials.  What it could not carry is in `.notices`."""
    notices: list[Notice] = []
    native = own(request.native, NAME)
    body: Json = {
        "model": request.model,
        "messages": encode_messages(request.messages, provider, notices),
        "stream": request.stream,
        **encode_settings(request, notices),
    }
    if request.stream and "stream" in native:
        del body["stream"]  # it came without
    body = over(overlay(native, body), {})
    return HttpRequest(
        url=provider.url(PATH, request.model),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": "application/x-ndjson" if request.stream else "application/json",
        },
        body=encode_json(overlay(body, request.extra or {})),
        notices=tuple(notices),
    )


class _Body(msgspec.Struct):
    model: str
    messages: list[Json]
    stream: bool | None = None
    options: dict[str, Any] | None = None


def decode_request(body: bytes) -> ChatRequest:
    """
    Read a request, as a server.

    Raises:
        ConfigError: Not a request of this dialect; `.field` says where.
    """
    raw, told = read_body(body, _Body)
    settings, native = decode_settings({name: value for name, value in raw.items() if name not in _NAMED})
    if told.stream is None:
        native["stream"] = None
    return ChatRequest(
        model=told.model,
        messages=parse_messages(told.messages),
        stream=told.stream is not False,
        native={NAME: native} if native else None,
        **settings,
    )


_NAMED: Final = ("model", "messages", "stream")
