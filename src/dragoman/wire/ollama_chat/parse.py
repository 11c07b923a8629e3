"""
Messages of a request: JSON to values, as a server.

Rule: what is read is written again exactly.  What a message says and its neutral form does not is kept in the `native`
of the message, of the call or of the result; a name or id that was not given is not added later.

Source: Ollama's OpenAPI file (`ChatMessage`); the official client, which leaves empty fields out.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.lenient import text_of
from dragoman.wire.native import difference
from dragoman.wire.ollama_chat.dialect import NAME, Json
from dragoman.wire.ollama_chat.pictures import decode_picture
from dragoman.wire.ollama_chat.serve import encode_call
from dragoman.wire.request_body import refused


class _Function(msgspec.Struct):
    name: str
    arguments: Any = None


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Turn(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[Json] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


def parse_messages(listed: list[Json]) -> tuple[Message, ...]:
    """
    Read the turns.

    Raises:
        ConfigError: A message is not of the dialect; `.field` names it (`"messages[2].role"`).
    """
    return tuple(_message(item, f"messages[{i}]") for i, item in enumerate(listed))


def _message(item: Json, field: str) -> Message:
    try:
        turn = msgspec.convert(item, _Turn)
    except msgspec.ValidationError as error:
        raise refused(error, field) from error
    content: list[Part] = [_picture(image, f"{field}.images[{i}]") for i, image in enumerate(turn.images or ())]
    if turn.content:
        content.append(Text(turn.content))
    made: Json = {"content": turn.content or "", **({"images": turn.images} if turn.images else {})}
    if turn.role == "tool":
        return Message("tool", (_result(turn, item, content, made),))
    calls = [_call(call, f"{field}.tool_calls[{i}]") for i, call in enumerate(turn.tool_calls or ())]
    thought: list[Part] = [Reasoning(turn.thinking)] if turn.thinking else []
    if thought:
        made["thinking"] = turn.thinking
    if calls:
        made["tool_calls"] = turn.tool_calls
    rest = difference(item, {"role": turn.role, **made})
    return Message(turn.role, (*thought, *content, *calls), native={NAME: rest} if rest else None)


def _result(turn: _Turn, item: Json, content: list[Part], made: Json) -> ToolResult:
    rest: Json = {} if turn.tool_name else {"tool_name": None}  # the name of the call is not added later
    named = {"role": "tool", "tool_name": turn.tool_name or None, "tool_call_id": turn.tool_call_id or None}
    rest |= difference(item, {**named, **made})
    return ToolResult(
        turn.tool_call_id or "",
        tuple(content),  # type: ignore[arg-type]
        turn.tool_name or None,
        native={NAME: rest} if rest else None,
    )


def _call(item: Json, field: str) -> ToolCall:
    try:
        told = msgspec.convert(item, _Call)
    except msgspec.ValidationError as error:
        raise refused(error, field) from error
    given = told.function.arguments
    arguments = "{}" if given is None else text_of(given) or msgspec.json.encode(given).decode()
    call = ToolCall(told.id or "", told.function.name, arguments)
    rest = difference(item, encode_call(call))
    return msgspec.structs.replace(call, native={NAME: rest}) if rest else call


def _picture(image: str, field: str) -> Image:
    try:
        return decode_picture(image)
    except ValueError as error:
        raise ConfigError(f"{field} is damaged or no base64: give the bytes of a picture", field=field) from error
