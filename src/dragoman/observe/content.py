"""
Messages as OpenTelemetry writes them, for those who ask for content: in spans, and in the local store.

    [{"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]}]

Rule: credentials are masked, and the bytes of pictures, sound and files are never written: their size is.

Source: JSON schemas of `gen_ai.input.messages` and `gen_ai.output.messages`, semantic conventions v1.41.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.redact import redact
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
from dragoman.types.responses import ChatResponse
from dragoman.types.tools import Tool

_SYSTEM: Final = ("system", "developer")


def system_json(messages: Iterable[Message]) -> str | None:
    """The instructions, or None if there are none."""
    parts = [_part(part) for message in messages if message.role in _SYSTEM for part in message.parts]
    return _json(parts) if parts else None


def input_json(messages: Iterable[Message]) -> str:
    """The other messages."""
    return _json([_message(message) for message in messages if message.role not in _SYSTEM])


def messages_json(messages: Iterable[Message]) -> str:
    """All messages, instructions among them."""
    return _json([_message(message) for message in messages])


def output_json(response: ChatResponse) -> str:
    """All answers, each with why it ended."""
    answers = [(response.message, response.finish_reason)]
    answers += [(choice.message, choice.finish_reason) for choice in response.alternatives]
    return _json([_message(message) | {"finish_reason": reason} for message, reason in answers])


def tools_json(tools: Iterable[Tool]) -> str:
    """The tools that the model was offered."""
    return _json(
        [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in tools
        ]
    )


def _json(value: Any) -> str:
    return redact(msgspec.json.encode(value).decode())


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "parts": [_part(part) for part in message.parts]}


def _part(part: Part) -> dict[str, Any]:
    return _PARTS[type(part)](part)


def _text(part: Text | Reasoning | Refusal) -> dict[str, Any]:
    return {"type": _KINDS[type(part)], "content": part.text}


def _media(part: Image | Audio | File) -> dict[str, Any]:
    about: dict[str, Any] = {"modality": _KINDS[type(part)], "mime_type": part.media_type}
    if part.url is not None:
        return {"type": "uri", **about, "uri": part.url}
    if part.file_id is not None:
        return {"type": "file", **about, "file_id": part.file_id}
    return {"type": "omitted", **about, "bytes": len(part.data or b"")}


def _call(part: ToolCall) -> dict[str, Any]:
    arguments = part.arguments
    given = part.arguments_json if arguments is None else arguments
    return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": given}


def _result(part: ToolResult) -> dict[str, Any]:
    texts_only = all(isinstance(inner, Text) for inner in part.parts)
    given = part.text if texts_only else [_part(inner) for inner in part.parts]
    return {"type": "tool_call_response", "id": part.call_id, "response": given}


def _opaque(part: Opaque) -> dict[str, Any]:
    return {"type": "opaque", "wire": part.wire, "data": part.data}


_KINDS: Final[dict[type, str]] = {
    Text: "text",
    Reasoning: "reasoning",
    Refusal: "refusal",
    Image: "image",
    Audio: "audio",
    File: "file",
}
_PARTS: Final[dict[type, Callable[..., dict[str, Any]]]] = {
    Text: _text,
    Reasoning: _text,
    Refusal: _text,
    Image: _media,
    Audio: _media,
    File: _media,
    ToolCall: _call,
    ToolResult: _result,
    Opaque: _opaque,
}
