"""
How many tokens a chat request is.

The texts are counted or estimated; a picture, a sound or a file has a price of its own that no tokenizer knows, so a
request with one is never exact, nor is one with tools or a schema: providers write those into the prompt in words of
their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.tokens.encodings import SURE, Encoding, counter, encoding_of
from dragoman.tokens.estimate import estimate
from dragoman.types.cards import TokenCount
from dragoman.types.messages import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.requests import ChatRequest

# By size and detail a picture is 85 to some 1,600 tokens (OpenAI, Anthropic, Gemini); a second of sound is 10 to 32; a
# page of a PDF 250 to 3,000.
_IMAGE: Final = 1000
_AUDIO: Final = 1000
_FILE: Final = 2000

# What providers write into the prompt and has no name of ours in every dialect.
_WRITTEN: Final = frozenset({"functions", "tools", "response_format", "web_search_options", "messages"})

_UNKNOWN: Final = Encoding(re.compile(""), "", 3, 4)


def count_prompt(request: ChatRequest, provider: str, model: str) -> TokenCount:
    """
    Count a request without asking anyone.

    Args:
        request: What would be asked.
        provider: Name of the provider row.
        model: The bare model name.

    Raises:
        ConfigError: A text has no bytes.
    """
    encoding = encoding_of(model) or _UNKNOWN
    count = counter(encoding.name) if encoding.name else None
    exact = count is not None and encoding.sure and provider in SURE and _is_plain(request)
    return TokenCount(
        tokens=encoding.head + _whole(request, encoding.each, count or estimate),
        exact=exact,
        source=encoding.name if count else "estimate",
    )


def _whole(request: ChatRequest, each: int, count: Callable[[str], int]) -> int:
    tokens = sum(_message(message, i, each, count) for i, message in enumerate(request.messages))
    apart = [msgspec.json.encode(tool).decode() for tool in request.tools or ()]
    if request.output is not None and request.output.schema:
        apart.append(msgspec.json.encode(request.output.schema).decode())
    return tokens + sum(map(count, apart))


def _message(message: Message, at: int, each: int, count: Callable[[str], int]) -> int:
    pieces = [piece for part in message.parts for piece in _PARTS[type(part)](part)]
    if message.name:
        pieces.append(message.name)
    try:
        return each + sum(count(piece) if isinstance(piece, str) else piece for piece in pieces)
    except UnicodeEncodeError as error:
        field = f"messages[{at}]"
        raise ConfigError(f"{field} holds half a surrogate pair: it is no valid text", field=field) from error


def _is_plain(request: ChatRequest) -> bool:
    """Whether it is nothing but messages of one text each."""
    if request.tools or request.output is not None or any(map(_writes, _unnamed(request))):
        return False
    return all(
        len(message.parts) == 1 and isinstance(message.parts[0], Text) and not message.name
        for message in request.messages
    )


def _unnamed(request: ChatRequest) -> Iterator[Mapping[str, Any]]:
    """The fields that the request carries without a name of ours."""
    yield request.extra or {}
    yield from (request.native or {}).values()


def _writes(fields: Mapping[str, Any]) -> bool:
    """Whether a provider writes some of these into the prompt."""
    return not _WRITTEN.isdisjoint(fields)


# --- parts: texts to count, and numbers of tokens ---------------------------------------------------------------------

_Pieces = Iterable[str | int]


def _text(part: Text | Reasoning | Refusal) -> _Pieces:
    return (part.text,)


def _call(part: ToolCall) -> _Pieces:
    return (part.name, part.arguments_json)


def _result(part: ToolResult) -> _Pieces:
    return [piece for inner in part.parts for piece in _PARTS[type(inner)](inner)]


def _opaque(part: Opaque) -> _Pieces:
    return (msgspec.json.encode(part.data).decode(),)


_PARTS: Final[Mapping[type[Part], Callable[[Any], _Pieces]]] = {
    Text: _text,
    Reasoning: _text,
    Refusal: _text,
    ToolCall: _call,
    ToolResult: _result,
    Opaque: _opaque,
    Image: lambda part: (_IMAGE,),
    Audio: lambda part: (_AUDIO,),
    File: lambda part: (_FILE,),
}
