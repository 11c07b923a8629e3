"""
`langgraph`: the messages in the state of a thread, as LangChain writes them.

Read are the state of a thread (`{"values": {"messages": [...]}}`), its values, a list of messages, and the objects
themselves; each message flat, as `message_to_dict` has it (`{"type": "human", "data": {...}}`), or as `dumps` has it
(`{"lc": 1, "id": [..., "HumanMessage"], "kwargs": {...}}`), of which nothing is constructed.  Checkpoints are not read:
they are msgpack with classes in it.

Source: langchain-core 1.7, `messages/`; langgraph-sdk, `ThreadState`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from dragoman.conversation.transcripts.media import bytes_of, media_part
from dragoman.conversation.transcripts.reading import Given, list_at, object_at, talks, text_at, wrong
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.errors import ConfigError
from dragoman.types.messages import Image, Message, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult
from dragoman.wire.data_urls import data_url
from dragoman.wire.openai_chat.blocks import parse_block

FORM = "langgraph"

_ROLES: Final[dict[str, Role]] = {
    "human": "user",
    "user": "user",
    "ai": "assistant",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
    "tool": "tool",
    "function": "tool",
}
_TYPES: Final = {"user": "human", "assistant": "ai", "system": "system", "developer": "system"}


# --- writing ----------------------------------------------------------------------------------------------------------


def write(tree: Tree) -> str:
    """Write the values of a thread, for `graph.update_state(config, values)`."""
    messages = [written for message in tree.messages() for written in _written(message)]
    return msgspec.json.encode({"messages": messages}).decode()


def _written(message: Message) -> list[dict[str, Any]]:
    """A message; each result of a tool is one of its own."""
    results = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
    content = [block for part in message.parts if (block := _block(part)) is not None]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if message.role == "tool" or not (content or calls):
        return results
    fields: dict[str, Any] = {"type": _TYPES[message.role], "content": _content(content)}
    if message.name:
        fields["name"] = message.name
    if calls:
        fields["tool_calls"] = [_call(part) for part in calls if _is_whole(part)]
        fields["invalid_tool_calls"] = [
            {"type": "invalid_tool_call", "id": part.id, "name": part.name, "args": part.arguments_json, "error": None}
            for part in calls
            if not _is_whole(part)
        ]
    if message.origin:
        fields["response_metadata"] = {"model_name": message.origin}
    return [*results, fields]


def _content(blocks: list[dict[str, Any]]) -> Any:
    if not blocks:
        return ""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks


def _is_whole(part: ToolCall) -> bool:
    return isinstance(part.arguments, dict)


def _call(part: ToolCall) -> dict[str, Any]:
    return {"type": "tool_call", "id": part.id, "name": part.name, "args": part.arguments}


def _result(part: ToolResult) -> dict[str, Any]:
    blocks = [block for inner in part.parts if (block := _block(inner)) is not None]
    named = {"name": part.name} if part.name else {}
    status = "error" if part.is_error else "success"
    return {"type": "tool", "content": _content(blocks), "tool_call_id": part.call_id, "status": status, **named}


def _block(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Reasoning):
        return {"type": "reasoning", "reasoning": part.text} if part.text else None
    if isinstance(part, Image) and (part.url or part.data is not None):
        url = part.url or data_url(part.data or b"", part.media_type)
        return {"type": "image_url", "image_url": {"url": url}}
    return None


# --- reading ----------------------------------------------------------------------------------------------------------


def read(given: Given) -> list[Tree]:
    """Read one thread, or several in a list, also as JSONL."""
    found: list[Tree] = []
    for told, whole in talks(_opened(given), FORM, "messages", "type"):
        values = whole.get("values")
        state = cast("dict[str, Any]", values) if isinstance(values, dict) else whole
        place = told if state is whole else f"{told.removesuffix('messages')}values.messages"
        listed = list_at(state.get("messages"), FORM, place)
        messages = [read_message(value, f"{place}[{i}]") for i, value in enumerate(listed)]
        found.append(line_of((message for message in messages if message is not None), _thread(whole)))
    return found


def _opened(given: Given) -> Given:
    """A `StateSnapshot` is a named tuple: its values are what counts."""
    values = getattr(given, "values", None)
    return given if values is None or callable(values) else cast("Given", values)


def _thread(whole: dict[str, Any]) -> str:
    config = next((whole[key] for key in ("config", "checkpoint") if isinstance(whole.get(key), dict)), whole)
    inner: Any = config.get("configurable", config)
    name: Any = cast("dict[str, Any]", inner).get("thread_id", "") if isinstance(inner, dict) else ""
    return name if isinstance(name, str) else ""


def read_message(value: object, place: str) -> Message | None:
    """Read one message; None for one that only removes another."""
    kind, fields = _taken(object_at(value, FORM, place), place)
    if kind == "remove":
        return None
    role = _ROLES.get(fields.get("role", "") if kind == "chat" else kind)
    if role is None:
        raise wrong(FORM, f"{kind!r} is no message: use one of {', '.join(_ROLES)}", f"{place}.type")
    parts = _parts(fields.get("content", ""), f"{place}.content")
    name = fields.get("name")
    named = name if isinstance(name, str) and name else None
    if role == "tool":
        given = fields.get("tool_call_id") or ""
        call_id = text_at(given, FORM, f"{place}.tool_call_id")
        kept = tuple(part for part in parts if not isinstance(part, Reasoning | ToolCall))
        return Message("tool", (ToolResult(call_id, cast("Any", kept), named, fields.get("status") == "error"),))
    calls = [*_calls(fields, "tool_calls", place), *_calls(fields, "invalid_tool_calls", place)]
    return Message(role, (*parts, *calls), named, _origin(fields) if role == "assistant" else None)


def _taken(fields: dict[str, Any], place: str) -> tuple[str, dict[str, Any]]:
    """The type and the fields of a message in any of its three forms."""
    if "lc" in fields:
        ids = list_at(fields.get("id"), FORM, f"{place}.id")
        kind = str(ids[-1] if ids else "").removesuffix("Chunk").removesuffix("Message").lower()
        return kind, object_at(fields.get("kwargs"), FORM, f"{place}.kwargs")
    kind = text_at(fields.get("type", fields.get("role")), FORM, f"{place}.type")
    kind = kind.removesuffix("Chunk").removesuffix("Message").lower()
    return kind, object_at(fields["data"], FORM, f"{place}.data") if "data" in fields else fields


def _origin(fields: dict[str, Any]) -> str | None:
    metadata = fields.get("response_metadata")
    told = cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {}
    model, provider = told.get("model_name"), told.get("model_provider")
    if not isinstance(model, str):
        return None
    return f"{provider}/{model}" if isinstance(provider, str) else model


def _calls(fields: dict[str, Any], key: str, place: str) -> list[ToolCall]:
    listed = list_at(fields.get(key) or [], FORM, f"{place}.{key}")
    return [_read_call(value, f"{place}.{key}[{i}]") for i, value in enumerate(listed)]


def _read_call(value: object, place: str) -> ToolCall:
    call = object_at(value, FORM, place)
    name = text_at(call.get("name") or "", FORM, f"{place}.name")
    args = call.get("args")
    given = args if isinstance(args, str) else msgspec.json.encode({} if args is None else args).decode()
    return ToolCall(text_at(call.get("id") or "", FORM, f"{place}.id"), name, given)


def _parts(content: object, place: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    listed = list_at(content, FORM, place)
    found = [_part(block, f"{place}[{i}]") for i, block in enumerate(listed)]
    return [part for part in found if part is not None]


def _part(value: object, place: str) -> Part | None:
    if isinstance(value, str):
        return Text(value)
    block = object_at(value, FORM, place)
    read_block = _BLOCKS.get(str(block.get("type")))
    if read_block is not None:
        return read_block(block, place)
    try:
        return parse_block(block, place)
    except ConfigError as error:
        raise wrong(FORM, error.message, error.field or place) from error


def _plain(block: dict[str, Any], place: str) -> Part:
    return Text(text_at(block.get("text"), FORM, f"{place}.text"))


def _thought(block: dict[str, Any], place: str) -> Part:
    text = next((block[key] for key in ("reasoning", "thinking", "text") if isinstance(block.get(key), str)), "")
    return Reasoning(text)


def _media(block: dict[str, Any], place: str) -> Part | None:
    """A picture, sound or file in LangChain's own words; in those of a provider it is kept as it is."""
    data = block.get("base64", block.get("data"))
    kind = block.get("mime_type")
    url = block.get("url")
    if not isinstance(data, str) and not isinstance(url, str):
        return Opaque(FORM, block)
    return media_part(
        FORM,
        place,
        kind=kind if isinstance(kind, str) else None,
        data=bytes_of(data, FORM, place) if isinstance(data, str) else None,
        url=url if isinstance(url, str) and not isinstance(data, str) else None,
    )


_BLOCKS: Final[dict[str, Callable[[dict[str, Any], str], Part | None]]] = {
    "text": _plain,
    "reasoning": _thought,
    "thinking": _thought,
    "image": _media,
    "audio": _media,
    "file": _media,
    "tool_use": lambda block, place: None,  # the same call is among `tool_calls`
    "tool_call": lambda block, place: None,
    "function_call": lambda block, place: None,
}
