"""
OpenAI's Responses: what the form of a request must be.

Sources: OpenAI's OpenAPI file 2.3.0 (`CreateResponse`, `InputItem`), its guide to reasoning models, and the error texts
of the API, quoted at each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from dragoman.wire.lenient import is_array, is_object, list_of, object_of, text_of
from dragoman.wire.validate.rules import (
    Asked,
    Item,
    Named,
    Problem,
    Problems,
    Rule,
    between,
    items,
    matches,
    object_schema,
    repeated,
)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_NAME_IS: Final = "a name of 1 to 128 letters, digits, '_' and '-'"
_ID: Final = re.compile(r".{1,64}\Z", re.DOTALL)
CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
RESULTS: Final = ("function_call_output", "custom_tool_call_output")
_ASKED: Final = ("input_text", "input_image", "input_file", "input_audio")
_ANSWERED: Final = ("output_text", "refusal")
_ROLES: Final = ("user", "assistant", "system", "developer")
# Words that the API takes for the type of a message's blocks whoever speaks.
_BLOCKS: Final = {"assistant": _ANSWERED, "user": _ASKED, "system": _ASKED, "developer": _ASKED}


def listed_items(asked: Asked) -> Iterator[Item]:
    """The items of the input."""
    return items(asked.body, "input")


def kind_of(item: Item) -> str:
    """The type of an item; a message may leave it out."""
    return text_of(item.fields.get("type")) or ("message" if "role" in item.fields else "")


def _goes_on(asked: Asked) -> bool:
    return any(asked.body.get(name) for name in ("previous_response_id", "conversation", "prompt"))


def _given(asked: Asked) -> Problems:
    # "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."
    value = asked.body.get("input")
    if _goes_on(asked) and value in (None, []):
        return
    if not isinstance(value, str | list) or value == []:
        yield Problem("$.input", "give a text or a list of items")
    for i, item in enumerate(list_of(value)):
        if not is_object(item):
            yield Problem(f"$.input[{i}]", "give an object")


def _messages(asked: Asked) -> Problems:
    # "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'."; OpenAPI: `EasyInputMessage`
    for item in listed_items(asked):
        if kind_of(item) != "message":
            continue
        role, content = item.fields.get("role"), item.fields.get("content")
        if role not in _ROLES:
            yield Problem(f"{item.path}.role", f"{role!r} is no role: use {', '.join(_ROLES)}")
        if not isinstance(content, str | list):
            yield Problem(f"{item.path}.content", "give a text or a list of blocks")
        yield from _blocks(item, "content", _BLOCKS.get(text_of(role), ()))


def _blocks(item: Item, name: str, allowed: tuple[str, ...]) -> Problems:
    for block in items(item.fields, name, item.path):
        kind = block.fields.get("type")
        if (kind in _ASKED or kind in _ANSWERED) and kind not in allowed:
            yield Problem(f"{block.path}.type", f"{kind!r} is none of {', '.join(allowed)}")


def _calls(asked: Asked) -> Problems:
    # "Invalid 'input[2].name': string does not match pattern '^[a-zA-Z0-9_-]+$'"; "Invalid 'input[2].call_id': string
    # too long. Expected a string with maximum length 64"; "empty string"
    for item in listed_items(asked):
        kind = kind_of(item)
        if kind in CALLS:
            yield from matches(item.fields.get("name"), _NAME, f"{item.path}.name", _NAME_IS)
            if not isinstance(item.fields.get(CALLS[kind]), str):
                yield Problem(f"{item.path}.{CALLS[kind]}", "give a text")
        if kind in CALLS or kind in RESULTS:
            yield from matches(item.fields.get("call_id"), _ID, f"{item.path}.call_id", "an id of 1 to 64 characters")
        if kind in RESULTS:
            if not isinstance(item.fields.get("output"), str | list):
                yield Problem(f"{item.path}.output", "give a text or a list of blocks")
            yield from _blocks(item, "output", _ASKED)


def _pairs(asked: Asked) -> Problems:
    # "No tool output found for function call x."; "No tool call found for function call output with call_id x."
    open_calls: dict[str, str] = {}
    for item in listed_items(asked):
        call_id = text_of(item.fields.get("call_id"))
        if kind_of(item) in CALLS:
            if call_id in open_calls:
                yield Problem(f"{item.path}.call_id", f"call {call_id!r} has no output yet")
            open_calls[call_id] = item.path
        elif kind_of(item) in RESULTS and open_calls.pop(call_id, None) is None and not _goes_on(asked):
            yield Problem(f"{item.path}.call_id", f"no call {call_id!r} stands before it")
    for call_id, path in open_calls.items():
        yield Problem(path, f"there is no output of call {call_id!r}")


def _reasoning(asked: Asked) -> Problems:
    # "Item 'rs_x' of type 'reasoning' was provided without its required following item." (recorded); OpenAPI:
    # `summary` is required
    listed = list(listed_items(asked))
    for i, item in enumerate(listed):
        if kind_of(item) != "reasoning":
            continue
        after = listed[i + 1] if i + 1 < len(listed) else None
        if after is None or _is_asked(after) or _is_other(item, after):
            yield Problem(item.path, "reasoning goes back with the item that followed it")
        if not is_array(item.fields.get("summary")) and not item.fields.get("content"):
            yield Problem(f"{item.path}.summary", "give a list")


def _is_asked(item: Item) -> bool:
    return kind_of(item) in RESULTS or (kind_of(item) == "message" and item.fields.get("role") != "assistant")


def _is_other(item: Item, after: Item) -> bool:
    """Whether an answer is not the one that followed the reasoning: the one has an id and the other none."""
    return kind_of(after) == "message" and "id" in item.fields and "id" not in after.fields


def _stored(asked: Asked) -> Problems:
    # "Item with id 'rs_x' not found. Items are not persisted when `store` is set to false."; "Duplicate item found
    # with id"
    named: list[Named] = []
    for item in listed_items(asked):
        item_id = item.fields.get("id")
        if not isinstance(item_id, str):
            continue
        named.append(Named(f"{item.path}.id", item_id))
        kept = asked.body.get("store") is not False or item.fields.get("encrypted_content")
        if kind_of(item) in ("reasoning", "item_reference") and not kept:
            yield Problem(f"{item.path}.id", "nothing is stored, so that an id leads nowhere")
    yield from repeated(named)


def _tools(asked: Asked) -> Problems:
    # "Missing required parameter: 'tools[0].name'."; "Invalid schema for function 'x': schema must be a JSON Schema of
    # 'type: \"object\"'"; "In context=(), object schema missing properties" of strict ones
    for tool in items(asked.body, "tools"):
        if tool.fields.get("type") != "function":
            continue
        yield from matches(tool.fields.get("name"), _NAME, f"{tool.path}.name", _NAME_IS)
        if tool.fields.get("parameters") is not None:
            yield from object_schema(tool.fields["parameters"], f"{tool.path}.parameters", properties=True)


def _choice(asked: Asked) -> Problems:
    # "Tool choice 'required' must be specified with 'tools' parameter."; "Tool choice 'function' not found in 'tools'
    # parameter."
    choice: Any = asked.body.get("tool_choice")
    if choice == "required" and not asked.body.get("tools"):
        yield Problem("$.tool_choice", "only together with tools")
    named = object_of(choice)
    names = [tool.fields.get("name") for tool in items(asked.body, "tools")]
    if named.get("type") in ("function", "custom") and named.get("name") not in names:
        yield Problem("$.tool_choice", f"no tool is called {named.get('name')!r}")


def _numbers(asked: Asked) -> Problems:
    # "Invalid 'temperature': decimal below minimum value. Expected a value >= 0" (recorded); "Invalid
    # 'max_output_tokens': integer below minimum value. Expected a value >= 16"; OpenAPI
    for name, (low, high) in _RANGES.items():
        yield from between(asked.body, name, low, high)


_RANGES: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
    "max_output_tokens": (16, float("inf")),
}

# MIME types that are certainly no file that the API reads; which it does read is long and grows.
_NO_FILES: Final = ("audio/", "video/")


def _files(asked: Asked) -> Problems:
    # "Invalid file data: ... got unsupported MIME type 'audio/mpeg'" (recorded)
    for item in listed_items(asked):
        for name in ("content", "output"):
            for block in items(item.fields, name, item.path):
                data = text_of(block.fields.get("file_data")).removeprefix("data:")
                if block.fields.get("type") == "input_file" and data.startswith(_NO_FILES):
                    yield Problem(f"{block.path}.file_data", "neither sound nor video")


RULES: Final[tuple[Rule, ...]] = (
    _given,
    _messages,
    _calls,
    _pairs,
    _reasoning,
    _stored,
    _tools,
    _choice,
    _numbers,
    _files,
)
