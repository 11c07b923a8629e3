"""
From items to parts, for answers and for requests alike.

An item is chosen by its type, never by its place.  What is not in the table is carried as `Opaque`: the tools that the
provider runs, their results, compaction, and whatever comes next.

Source: OpenAI's OpenAPI file (`OutputItem`, `InputItem`); the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import ROLES, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.wire.lenient import list_of, object_of, text_of
from dragoman.wire.openai_responses.blocks import decode_block
from dragoman.wire.openai_responses.dialect import NAME, Item, difference, own

_Read = Callable[[Item, str], tuple[Part, ...]]


def decode_item(item: Item, field: str) -> tuple[Part, ...]:
    """
    The parts that an item stands for; a message may have several, every other item has one.

    Raises:
        ConfigError: A field is missing or of the wrong type; `.field` says which.
    """
    return _READ.get(kind_of(item), _other)(item, field)


def kind_of(item: Item) -> str:
    """The type of an item; a message may leave it out."""
    return text_of(item.get("type")) or ("message" if "role" in item else "")


def decode_answer(output: list[Item]) -> tuple[tuple[Part, ...], tuple[Any, ...]]:
    """
    The parts of an answer, and what is no part: calls that were cut, which nobody may execute.

    Text without content is dropped.

    Raises:
        ConfigError: See `decode_item`.
    """
    parts: list[Part] = []
    extras: list[Any] = []
    for i, item in enumerate(output):
        if is_cut_call(item):
            extras.append(item)
        else:
            parts += (part for part in decode_item(item, f"output[{i}]") if not is_empty(part))
    return tuple(parts), tuple(extras)


def is_cut_call(item: Item) -> bool:
    """Whether an item is a call whose arguments did not come to their end."""
    return kind_of(item) in CALLS and item.get("status") == "incomplete"


def is_empty(part: Part) -> bool:
    """Whether a part of an answer says nothing."""
    if isinstance(part, Opaque):
        return kind_of(part.data) == "message"  # one without content
    if isinstance(part, Refusal):
        return not part.text
    return isinstance(part, Text) and not part.text and not part.citations


# --- one function per type --------------------------------------------------------------------------------------------


def _message(item: Item, field: str) -> tuple[Part, ...]:
    role, content = item.get("role", "assistant"), item.get("content")
    if role not in ROLES or role == "tool":
        raise ConfigError(f"{field}.role is {role!r}: use user, assistant, system or developer", field=f"{field}.role")
    rest = difference(item, {"type": "message", "role": role, "content": content})
    if isinstance(content, str):
        return (Text(content, native={NAME: {"item": rest}}),)
    if not isinstance(content, list):
        where = f"{field}.content"
        raise ConfigError(f"{where} is {type(content).__name__}: give a text or a list of blocks", field=where)
    parts = list(_blocks(list_of(content), role, f"{field}.content"))
    if not parts:
        return (Opaque(NAME, item),)
    last = parts[-1]
    parts[-1] = msgspec.structs.replace(last, native={NAME: {**own(last.native), "item": rest}})
    return tuple(parts)


def _blocks(content: list[Any], role: str, field: str) -> tuple[Part, ...]:
    return tuple(decode_block(object_of(block), role, f"{field}[{i}]") for i, block in enumerate(content))


def _reasoning(item: Item, field: str) -> tuple[Part, ...]:
    return (Reasoning(reasoning_text(item), native={NAME: item}),)


def reasoning_text(item: Item) -> str:
    """What a reasoning item shows: the reasoning itself if it is there, else its summary."""
    shown = (_texts(item.get("content")), _texts(item.get("summary")))
    return next((text for text in shown if text), "")


def _texts(value: Any) -> str:
    return "".join(text_of(object_of(piece).get("text")) for piece in list_of(value))


def _call(kind: str) -> _Read:
    given = CALLS_OUT[kind][1]

    def read(item: Item, field: str) -> tuple[Part, ...]:
        name, arguments = item.get("name"), item.get(given)
        if not isinstance(name, str):
            where = f"{field}.name"
            raise ConfigError(f"{where} is {name!r}: give the name of the tool", field=where)
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode() if arguments is not None else ""
        call = ToolCall(text_of(item.get("call_id")), name, arguments, cast("Any", kind))
        rest = difference(item, call_item(call, call.id))
        return (msgspec.structs.replace(call, native={NAME: rest}),)

    return read


def call_item(call: ToolCall, call_id: str) -> Item:
    """A call as this dialect writes it, without what is native."""
    item_type, given = CALLS_OUT[call.kind]
    return {"type": item_type, "call_id": call_id, "name": call.name, given: call.arguments_json}


# Kind of a call to the type of its item and the field of its arguments.
CALLS_OUT: Final = {"function": ("function_call", "arguments"), "custom": ("custom_tool_call", "input")}
CALLS: Final = {item_type: kind for kind, (item_type, _) in CALLS_OUT.items()}


def _result(item: Item, field: str) -> tuple[Part, ...]:
    output, call_id = item.get("output"), text_of(item.get("call_id"))
    if isinstance(output, list):
        parts: tuple[Part, ...] = _blocks(list_of(output), "tool", f"{field}.output")
        made: Any = list_of(output) if parts else ""
    elif isinstance(output, str):
        parts, made = (Text(output),), output
    else:
        where = f"{field}.output"
        raise ConfigError(f"{where} is {type(output).__name__}: give a text or a list of blocks", field=where)
    rest = difference(item, {"type": "function_call_output", "call_id": call_id, "output": made})
    return (ToolResult(call_id, cast("Any", parts), native={NAME: rest} if rest else None),)


def _other(item: Item, field: str) -> tuple[Part, ...]:
    return (Opaque(NAME, item),)


_READ: Final[dict[str, _Read]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _call("function"),
    "custom_tool_call": _call("custom"),
    "function_call_output": _result,
    "custom_tool_call_output": _result,
}
