"""
Cohere's Chat (v2): what the form of a request must be.

Sources: Cohere SDK 7.3 (`types/chat_message_v2.py` and what it names: required fields and types), Cohere's pages on
tool use and its error texts.
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.wire.lenient import is_array, object_of, text_of
from dragoman.wire.validate import chat_turns
from dragoman.wire.validate.rules import (
    FUNCTION_NAME,
    FUNCTION_NAME_IS,
    Asked,
    Item,
    Problem,
    Problems,
    Rule,
    between,
    items,
    matches,
    not_empty,
    object_schema,
    only_with,
    role_among,
    unpaired,
)

_ROLES: Final = ("system", "user", "assistant", "tool")
# Types of the blocks of each role (`SystemMessageV2ContentItem`, `Content`, `AssistantMessageV2ContentItem`,
# `ToolContent`).
_BLOCKS: Final = {
    "system": ("text",),
    "user": ("text", "image_url"),
    "assistant": ("text", "thinking"),
    "tool": ("text", "document"),
}


def _messages(asked: Asked) -> Problems:
    yield from not_empty(asked, "messages")
    for message in items(asked.body, "messages"):
        yield from role_among(message, _ROLES)
        yield from _content(message)


def _content(message: Item) -> Problems:
    # SDK: `content` is required, but of answers
    role = text_of(message.fields.get("role"))
    if message.fields.get("content") is None and role == "assistant":
        if not message.fields.get("tool_calls"):
            yield Problem(f"{message.path}.content", "an answer has content or calls")
    elif role in _BLOCKS:
        yield from chat_turns.block_types(message, _BLOCKS[role])


def _pairs(asked: Asked) -> Problems:
    # "invalid request: each tool call must have a corresponding tool message" (page on tool use: results follow the
    # calls)
    yield from unpaired(chat_turns.turns(asked))


def _calls(asked: Asked) -> Problems:
    # SDK: `ToolCallV2`: an id, and a function with a name and arguments as a text
    for message in items(asked.body, "messages"):
        listed: Any = message.fields.get("tool_calls")
        if is_array(listed) and not listed:
            yield Problem(f"{message.path}.tool_calls", "give at least one, or leave it out")
        for call in chat_turns.calls(message):
            function = object_of(call.fields.get("function"))
            if not text_of(call.fields.get("id")):
                yield Problem(f"{call.path}.id", "give an id")
            yield from matches(function.get("name"), FUNCTION_NAME, f"{call.path}.function.name", FUNCTION_NAME_IS)
            if not isinstance(function.get("arguments"), str):
                yield Problem(f"{call.path}.function.arguments", "give a text")


def _tools(asked: Asked) -> Problems:
    # SDK: `ToolV2Function`: name and parameters; "tool_choice: tools must be provided"
    for tool in items(asked.body, "tools"):
        function = object_of(tool.fields.get("function"))
        at = f"{tool.path}.function"
        yield from matches(function.get("name"), FUNCTION_NAME, f"{at}.name", FUNCTION_NAME_IS)
        yield from object_schema(function.get("parameters"), f"{at}.parameters", plain=False)
    yield from only_with(asked.body, "tool_choice", "tools")


def _numbers(asked: Asked) -> Problems:
    # SDK, `chat`: "Must be between 0.01 and 0.99", "Ensures that only the top k... between 0 and 500"
    for name, (low, high) in _RANGES.items():
        yield from between(asked.body, name, low, high)


_RANGES: Final = {"p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}

RULES: Final[tuple[Rule, ...]] = (_messages, _pairs, _calls, _tools, _numbers)
