"""
Requests, both ways.

Law: `decode_request` and then `encode_request` gives the body back, as JSON; only explicit nulls are dropped.

Source: Cohere SDK 7.3, `v2/client.py`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import encode_json
from dragoman.wire.cohere_chat.dialect import NAME, PATH, Json
from dragoman.wire.cohere_chat.messages import encode_messages
from dragoman.wire.cohere_chat.parse import parse_messages
from dragoman.wire.cohere_chat.settings import decode_settings, encode_settings
from dragoman.wire.native import own
from dragoman.wire.request_body import overlay, read_body


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """Write a request, without credentials.  What it could not carry is in `.notices`."""
    notices: list[Notice] = []
    made: Json = {
        "model": request.model,
        "messages": encode_messages(request.messages, provider, notices),
        **({"stream": True} if request.stream else {}),
        **encode_settings(request, notices),
    }
    body = overlay(own(request.native, NAME), made)
    return HttpRequest(
        url=provider.url(PATH, request.model),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
        },
        body=encode_json(overlay(body, request.extra or {})),
        notices=tuple(notices),
    )


class _Body(msgspec.Struct):
    model: str
    messages: list[Json]
    stream: bool | None = None


_NAMED: Final = ("model", "messages", "stream")


def decode_request(body: bytes) -> ChatRequest:
    """
    Read a request, as a server.

    Raises:
        ConfigError: Not a request of this dialect; `.field` says where.
    """
    raw, told = read_body(body, _Body)
    settings, native = decode_settings({name: value for name, value in raw.items() if name not in _NAMED})
    if told.stream is False:
        native["stream"] = False
    return ChatRequest(
        model=told.model,
        messages=parse_messages(told.messages),
        stream=bool(told.stream),
        native={NAME: native} if native else None,
        **settings,
    )
