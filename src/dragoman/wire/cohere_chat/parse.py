"""
Messages of a request: JSON to values, as a server.

Rule: what is read is written again exactly.  What a message says and its neutral form does not is kept in the `native`
of the message, of the call or of the result.

Source: Cohere SDK 7.3, `types/chat_message_v2.py`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Message, Part, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.wire.cohere_chat.blocks import decode_block
from dragoman.wire.cohere_chat.citations import decode_citation, stands_at
from dragoman.wire.cohere_chat.dialect import NAME, Json
from dragoman.wire.cohere_chat.messages import encode_messages
from dragoman.wire.cohere_chat.serve import encode_call
from dragoman.wire.native import difference
from dragoman.wire.request_body import refused


class _Function(msgspec.Struct):
    name: str
    arguments: str | None = None


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Turn(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Json] | None = None
    tool_calls: list[Json] | None = None
    tool_call_id: str | None = None
    citations: list[Json] | None = None


_NOBODY: Final = Provider(name="anyone", base_url="https://provider.example", wire=NAME)


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
    if turn.content is None and turn.role != "assistant":
        where = f"{field}.content"
        raise ConfigError(f"{where} is missing: give a text or a list of blocks", field=where)
    parts = _content(turn, f"{field}.content")
    if turn.role == "tool":
        result = ToolResult(turn.tool_call_id or "", parts)  # type: ignore[arg-type]
        rest = difference(item, _written(Message("tool", (result,))))
        return Message("tool", (msgspec.structs.replace(result, native={NAME: rest}) if rest else result,))
    placed, loose = _cited(parts, turn)
    calls = (_call(call, f"{field}.tool_calls[{i}]") for i, call in enumerate(turn.tool_calls or ()))
    message = Message(turn.role, (*placed, *calls), native={NAME: {"citations": loose}} if loose else None)
    rest = difference(item, _written(message)) | ({"citations": loose} if loose else {})
    return msgspec.structs.replace(message, native={NAME: rest}) if rest else message


def _written(message: Message) -> Json:
    """The message as it would be written."""
    return encode_messages((message,), _NOBODY, [])[0]


def _content(turn: _Turn, field: str) -> tuple[Part, ...]:
    if isinstance(turn.content, str):
        return (Text(turn.content),) if turn.content else ()
    return tuple(decode_block(block, turn.role, f"{field}[{i}]") for i, block in enumerate(turn.content or ()))


def _cited(parts: tuple[Part, ...], turn: _Turn) -> tuple[tuple[Part, ...], list[Json]]:
    """Parts with the citations that stand at them, and the rest; all are left where their order would change."""
    given = turn.citations or []
    kinds = ["text" if isinstance(part, Text) else None for part in parts]
    here = [[one for one in given if stands_at(one, i, kinds)] for i in range(len(parts))]
    loose = [one for one in given if not any(one in placed for placed in here)]
    if [*(one for placed in here for one in placed), *loose] != given:
        return parts, given
    cited = (_with(part, placed) for part, placed in zip(parts, here, strict=True))
    return tuple(cited), loose


def _with(part: Part, citations: list[Json]) -> Part:
    if not citations or not isinstance(part, Text):
        return part
    return msgspec.structs.replace(part, citations=tuple(decode_citation(one) for one in citations))


def _call(item: Json, field: str) -> ToolCall:
    try:
        told = msgspec.convert(item, _Call)
    except msgspec.ValidationError as error:
        raise refused(error, field) from error
    call = ToolCall(told.id or "", told.function.name, told.function.arguments or "")
    rest: dict[str, Any] = difference(item, encode_call(call, call.id))
    return msgspec.structs.replace(call, native={NAME: rest}) if rest else call
