"""
Requests, both ways.

Law: `decode_request` and then `encode_request` gives the body back, as JSON, for a provider without quirks; only
explicit nulls are dropped.  So a gateway in front of a server of this dialect changes nothing that it does not mean
to change.

Source: OpenAI's OpenAPI file (`CreateChatCompletionRequest`); Azure's addresses, which name the model.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast
from urllib.parse import unquote

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import encode_json
from dragoman.wire.lenient import list_of
from dragoman.wire.openai_chat.blocks import Notes, own
from dragoman.wire.openai_chat.dialect import NAME
from dragoman.wire.openai_chat.messages import encode_messages
from dragoman.wire.openai_chat.parse import parse_messages
from dragoman.wire.openai_chat.settings import decode_settings, encode_settings

PATH: Final = "chat/completions"

_DEPLOYMENT: Final = re.compile(r"/deployments/([^/?#]+)/")


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """Write a request, without credentials.  What it could not carry is in `.notices`."""
    notes = Notes()
    native = own(request.native)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": encode_messages(request.messages, provider, notes),
    }
    if request.stream or native:
        body |= _stream(request, provider, native)
    body |= encode_settings(request, provider, notes)
    if request.extra:
        body |= request.extra
    return HttpRequest(
        url=provider.url(PATH, request.model),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
        },
        body=encode_json(body),
        notices=tuple(notes.all),
    )


def _stream(request: ChatRequest, provider: Provider, native: dict[str, Any]) -> dict[str, Any]:
    if not request.stream:
        return {"stream": False} if native.get("stream") is False else {}
    asked = provider.quirks.stream_usage and "stream_options" not in native
    return {"stream": True} | ({"stream_options": {"include_usage": True}} if asked else {})


def decode_request(body: bytes, *, path: str = "") -> ChatRequest:
    """
    Read a request, as a server.

    Args:
        body: The JSON.
        path: Of the address; Azure's names the model, which a body may then leave out.

    Raises:
        ConfigError: Not a request of this dialect; `.field` says where.
    """
    sent = _object(body)
    rest = {name: value for name, value in sent.items() if value is not None}
    model, stream, messages = (rest.pop(name, None) for name in ("model", "stream", "messages"))
    if not isinstance(stream, bool | None):
        raise ConfigError(f"stream is {stream!r}: give true or false", field="stream")
    if not isinstance(messages, list):
        raise ConfigError("messages is missing: give a list of messages", field="messages")
    settings, native = decode_settings(rest)
    named = _DEPLOYMENT.search(path)
    if model is None and named:
        model = unquote(named[1])
    if not isinstance(model, str):
        raise ConfigError(f"model is {model!r}: give the name of a model", field="model")
    if stream is False:
        native["stream"] = False
    return ChatRequest(
        model=model,
        messages=parse_messages(list_of(messages)),
        stream=stream is True,
        native={NAME: native} if native else None,
        **settings,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the body is not JSON ({error})", field="body") from error
    if not isinstance(sent, dict):
        raise ConfigError("the body is no JSON object: give {'model': ..., 'messages': [...]}", field="body")
    return cast("dict[str, Any]", sent)
