"""
Requests, both ways.  The model and whether the answer is streamed stand in the address.

Law: `decode_request` and then `encode_request` gives the body back, as JSON; only explicit nulls are dropped.  Names in
snake_case, which Google's servers take too, come out as they came in.

Sources: google-genai SDK 3.4.0 (`models.py`); Vertex AI's addresses; the recordings.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import encode_json
from dragoman.wire.gemini_generate.contents import encode_messages
from dragoman.wire.gemini_generate.dialect import GENERATE, NAME, STREAM, WRITTEN, Json, as_it_came, camel_cased
from dragoman.wire.gemini_generate.received import decode_contents, decode_system
from dragoman.wire.gemini_generate.settings import decode_settings, encode_settings
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.request_body import overlay, read_body

_ADDRESS: Final = re.compile(r"(?:(models|tunedModels|endpoints)/)?([^/:?#]+):(generate|streamGenerate)Content\b")
_SYSTEM: Final = "systemInstruction"


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """
    Write a request, without credentials.  What it could not carry is in `.notices`.

    Raises:
        ConfigError: There are only instructions, and no message to answer.
    """
    notices: list[Notice] = []
    messages = encode_messages(request.messages, request.model, provider, notices)
    body = encode_settings(request, notices)
    names = object_of(object_of(body.pop(WRITTEN, None)).get("names"))
    made = {**_spelled(messages, names), **as_it_came(body, names)}
    method, query = (STREAM, "alt=sse") if request.stream else (GENERATE, "")
    return HttpRequest(
        url=_url(request.model, method, query, provider),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
        },
        body=encode_json(overlay(made, request.extra or {})),
        notices=tuple(notices),
    )


def _spelled(messages: Json, names: Json) -> Json:
    """The name of the instructions as it came; what stands below has names of its own."""
    return {text_of(names.get(name)) or name: value for name, value in messages.items()}


def _url(model: str, method: str, query: str, provider: Provider) -> str:
    """A name with a slash says itself what it is: `tunedModels/...`, `publishers/...`."""
    path = "v1beta/{model}:{method}" if "/" in model else "v1beta/models/{model}:{method}"
    return provider.url(path, quote(model, safe="/@"), method=method, query=query)


def decode_request(body: bytes, *, path: str = "") -> ChatRequest:
    """
    Read a request, as a server.

    Args:
        body: The JSON.
        path: Of the address, which names the model and says whether the answer is to be streamed.

    Raises:
        ConfigError: Not a request of this dialect, or no model in the path; `.field` says where.
    """
    raw, _ = read_body(body, dict[str, Any])
    try:
        return _decode(raw, path)
    except RecursionError as error:
        raise ConfigError("the body nests too deeply", field="body") from error


def _decode(raw: Json, path: str) -> ChatRequest:
    names: dict[str, str] = {}
    apart = {name: value for name, value in raw.items() if name in ("contents", _SYSTEM, "system_instruction")}
    sent = object_of(camel_cased({name: value for name, value in raw.items() if name not in apart}, names))
    model, stream = _address(path, sent.pop("model", None))
    messages = decode_contents(apart.pop("contents", None), "contents")
    for name, value in apart.items():
        if value is not None:
            messages = (decode_system(value, name), *messages)
            names |= {_SYSTEM: name} if name != _SYSTEM else {}
    settings, native = decode_settings(sent, model)
    if names:
        native[WRITTEN] = {"names": names}
    if not any(message.role != "system" for message in messages):
        raise ConfigError("contents is empty: give at least one content", field="contents")
    request = ChatRequest(model=model, messages=messages, stream=stream, **settings)
    return msgspec.structs.replace(request, native={NAME: native}) if native else request


def _address(path: str, named: Any) -> tuple[str, bool]:
    found = _ADDRESS.search(path)
    if found:
        kind, model, method = found.groups()
        prefix = f"{kind}/" if kind in ("tunedModels", "endpoints") else ""
        return prefix + unquote(model), f"{method}Content" == STREAM
    if not isinstance(named, str) or not named:
        raise ConfigError("no model: it stands in the path, as in /v1beta/models/NAME:generateContent", field="model")
    return named.removeprefix("models/"), False
