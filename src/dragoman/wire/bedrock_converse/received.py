"""
From a body of this dialect to a neutral request, as a server.

Rule: decoding and encoding again gives an equal body.  What has no neutral form is kept in `native`: of the tool, the
part or the message it stands in, or of the request.

Source: service model of `bedrock-runtime` (`ConverseRequest`), and the recordings.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from dragoman.types.messages import Message, Part
from dragoman.types.requests import ChatRequest
from dragoman.wire.bedrock_converse.blocks import decode_parts
from dragoman.wire.bedrock_converse.dialect import NAME, Block, read_path
from dragoman.wire.bedrock_converse.request import ROWS
from dragoman.wire.bedrock_converse.tools import ToolConfig, decode_tools
from dragoman.wire.lenient import object_of
from dragoman.wire.request_body import read_body, refused
from dragoman.wire.setting_rows import decode_rows


class _Turn(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: list[Block]


class _Body(msgspec.Struct):
    messages: list[_Turn]
    system: list[Block] | None = None
    inferenceConfig: dict[str, Any] | None = None
    outputConfig: dict[str, Any] | None = None
    toolConfig: ToolConfig | None = None


def decode_request(body: bytes, path: str) -> ChatRequest:
    """
    Read a request.

    Raises:
        ConfigError: Not a path or a body of this dialect; `.field` says where.
    """
    model, stream = read_path(path)
    raw, told = read_body(body, _Body)
    settings, native = _settings(raw)
    tools, rest = decode_tools(told.toolConfig, object_of(raw.get("toolConfig")))
    if rest:
        native["toolConfig"] = rest
    if told.system == []:
        native["system"] = []
    system = [Message("system", _parts(told.system, "system"))] if told.system else []
    return ChatRequest(
        model=model,
        messages=(*system, *_messages(told.messages)),
        stream=stream,
        native={NAME: native} if native else None,
        **settings,
        **tools,
    )


def _messages(turns: list[_Turn]) -> list[Message]:
    messages: list[Message] = []
    previous = ""
    for i, turn in enumerate(turns):
        # Turns of one role in a row are marked, so that they are not put together, and instructions among the turns,
        # so that they stay apart from `system`.
        apart = turn.role in (previous, "system") or not turn.content
        parts = _parts(turn.content, f"messages[{i}].content")
        messages.append(Message(turn.role, parts, native={NAME: {}} if apart else None))
        previous = turn.role
    return messages


def _parts(content: list[Block], place: str) -> tuple[Part, ...]:
    try:
        return decode_parts(content)
    except msgspec.ValidationError as error:
        raise refused(error, place) from error


_ELSEWHERE: Final = ("messages", "system", "toolConfig", *(name for name in ROWS if name))


def _settings(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that the body's fields stand for, and what is kept as it came."""
    settings, native = decode_rows(ROWS[""], {name: raw[name] for name in raw if name not in _ELSEWHERE})
    for name, rows in ROWS.items():
        if name and isinstance(raw.get(name), dict):
            found, rest = decode_rows(rows, raw[name])
            settings |= found
            if rest or not found:
                native[name] = rest
    return settings, native
