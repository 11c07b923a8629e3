"""
Messages as people and programs write them, to values.

Rule: nothing that is given is lost.  Fields that a `Message` has no place for go to its `native["openai-chat"]` and
are written again; only explicit nulls are dropped.

Source: OpenAI's OpenAPI file (`ChatCompletionRequestMessage`); `reasoning_content`, `reasoning` and `prefix` as
DeepSeek, OpenRouter and Mistral take them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeGuard, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import (
    ROLES,
    Audio,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.openai_chat.blocks import parse_block
from dragoman.wire.openai_chat.dialect import NAME

Fields = dict[str, Any]

REASONING_FIELDS: Final = ("reasoning_content", "reasoning")


def parse_messages(messages: Iterable[Any], field: str = "messages") -> tuple[Message, ...]:
    """
    Read OpenAI-style dicts; a `Message` among them is taken as it is.

    Raises:
        ConfigError: A message or part is not of the dialect; `.field` names it (`"messages[2].role"`).

    >>> parse_messages([{"role": "user", "content": "Hello"}])[0].text
    'Hello'
    """
    if isinstance(messages, str | bytes) or _is_mapping(messages) or not isinstance(cast("Any", messages), Iterable):
        raise ConfigError(f"{field} is {type(messages).__name__}: give a list of messages", field=field)
    return tuple(
        message if isinstance(message, Message) else _message(message, f"{field}[{i}]")
        for i, message in enumerate(messages)
    )


def _message(value: Any, field: str) -> Message:
    if not _is_mapping(value):
        raise ConfigError(f"{field} is {type(value).__name__}: give {{'role': ..., 'content': ...}}", field=field)
    sent: Fields = {str(name): item for name, item in value.items() if item is not None}
    role = sent.pop("role", None)
    if role == "function":  # the legacy result of a call without an id
        sent["role"], role = "function", "tool"
    if role not in ROLES:
        raise ConfigError(f"{field}.role is {role!r}: use one of {', '.join(ROLES)}", field=f"{field}.role")
    parts = _PARTS.get(role, _content)(sent, field)
    name = sent.pop("name") if role != "tool" and isinstance(sent.get("name"), str) else None
    return Message(role, tuple(parts), name, native={NAME: sent} if sent else None)


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _content(sent: Fields, field: str) -> list[Part]:
    """Take `content` out of `sent`, unless it holds nothing: then it stays, to be written again as it was."""
    if "content" not in sent:
        raise ConfigError(f"{field}.content is missing: give a text or a list of parts", field=f"{field}.content")
    return _optional_content(sent, field)


def _optional_content(sent: Fields, field: str) -> list[Part]:
    content = sent.get("content")
    if not content and isinstance(content, str | list | None):
        return []
    del sent["content"]
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, list | tuple):
        where = f"{field}.content"
        raise ConfigError(f"{where} is {type(content).__name__}: give a text or a list of parts", field=where)
    blocks = cast("Iterable[Any]", content)
    return [_part(block, f"{field}.content[{i}]") for i, block in enumerate(blocks)]


def _part(value: Any, field: str) -> Part:
    """A block, or what people put into the same list: a text, a part."""
    if isinstance(value, Part):
        return value
    return Text(value) if isinstance(value, str) else parse_block(value, field)


# --- the model's turns ------------------------------------------------------------------------------------------------


def _answer(sent: Fields, field: str) -> list[Part]:
    parts: list[Part] = []
    thought = next((name for name in REASONING_FIELDS if text_of(sent.get(name))), None)
    if thought:
        parts.append(Reasoning(sent.pop(thought), native={NAME: {"field": thought}}))
    parts += _optional_content(sent, field)
    if text_of(sent.get("refusal")):
        parts.append(Refusal(sent.pop("refusal")))
    audio = sent.get("audio")
    if isinstance(audio, dict) and list(cast("Fields", audio)) == ["id"] and text_of(object_of(audio).get("id")):
        parts.append(Audio(file_id=object_of(sent.pop("audio"))["id"]))
    if sent.get("tool_calls"):
        calls = sent.pop("tool_calls")
        if not isinstance(calls, list | tuple):
            where = f"{field}.tool_calls"
            raise ConfigError(f"{where} is {type(calls).__name__}: give a list of calls", field=where)
        listed = cast("Iterable[Any]", calls)
        parts += [_call(call, f"{field}.tool_calls[{i}]") for i, call in enumerate(listed)]
    return parts


def _call(value: Any, field: str) -> ToolCall:
    if isinstance(value, ToolCall):
        return value
    sent: Fields = {name: item for name, item in object_of(value).items() if item is not None}
    kind = sent.pop("type", "function")
    inner, given = ("custom", "input") if kind == "custom" else ("function", "arguments")
    body = object_of(sent.pop(inner, None))
    name, arguments = body.get("name"), body.get(given, "")
    if not isinstance(name, str):
        where = f"{field}.{inner}.name"
        raise ConfigError(f"{where} is {name!r}: give the name of the tool", field=where)
    if set(body) - {"name", given}:
        sent[inner] = body
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    id_ = sent.pop("id", "")
    if not isinstance(id_, str):
        raise ConfigError(f"{field}.id is {id_!r}: give the id of the call as a text", field=f"{field}.id")
    return ToolCall(
        id_, name, arguments, "custom" if kind == "custom" else "function", native={NAME: sent} if sent else None
    )


def _result(sent: Fields, field: str) -> list[Part]:
    legacy = sent.get("role") == "function"
    call_id = "" if legacy else sent.pop("tool_call_id", None)
    if not isinstance(call_id, str):
        where = f"{field}.tool_call_id"
        raise ConfigError(f"{where} is {call_id!r}: give the id of the call that this answers", field=where)
    parts = _content(sent, field)
    name = sent.get("name")
    result = ToolResult(call_id, cast("Any", tuple(parts)), name if isinstance(name, str) else None)
    return [result]


_PARTS: Final[dict[str, Callable[[Fields, str], list[Part]]]] = {"assistant": _answer, "tool": _result}
