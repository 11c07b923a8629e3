"""
OpenAI's Chat Completions: what the form of a request must be.

Imitators differ in both directions; those that are stricter have rules of their own on top of these.  The limits of
length that only OpenAI has are looked at too, because what fits there fits everywhere.

Sources: OpenAI's OpenAPI file 2.3.0 (`CreateChatCompletionRequest`) and the error texts of its API, quoted at each rule.
"""

from __future__ import annotations

import re
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

_ROLES: Final = ("developer", "system", "user", "assistant", "tool", "function")
_TEXT: Final = ("text",)
# `video_url`, `document_url`...: blocks that imitators take from users, so that the type of a user's block is free.
_BLOCKS: Final = {"system": _TEXT, "developer": _TEXT}
# Blocks that only questions may have; what imitators add to answers and results is theirs.
_ASKED: Final = ("image_url", "input_audio", "file")
_NAME: Final = re.compile(r"[^\s<|\\/>]{1,64}\Z")
_ID: Final = re.compile(r".{1,40}\Z", re.DOTALL)


def _messages(asked: Asked) -> Problems:
    # "Invalid 'messages': empty array. Expected an array with minimum length 1" (recorded)
    yield from not_empty(asked, "messages")
    for message in items(asked.body, "messages"):
        yield from role_among(message, _ROLES)


def _content(asked: Asked) -> Problems:
    # "Content blocks are expected to be either text or image_url type" (recorded); OpenAPI, the messages of each role:
    # a list of blocks is not empty, only an answer that calls, refuses or was spoken may go without content.
    for message in items(asked.body, "messages"):
        role = text_of(message.fields.get("role"))
        if role in _BLOCKS:
            yield from chat_turns.block_types(message, _BLOCKS[role])
        elif message.fields.get("content") == []:
            yield Problem(f"{message.path}.content", "give at least one block")
        elif message.fields.get("content") is None and not _may_be_silent(message):
            yield Problem(f"{message.path}.content", "give a text or a list of blocks")


def _may_be_silent(message: Item) -> bool:
    return message.fields.get("role") == "assistant" and any(
        message.fields.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")
    )


def _media(asked: Asked) -> Problems:
    # OpenAPI: pictures, sound and files are blocks of user messages only; Mistral takes pictures in results.
    for message in items(asked.body, "messages"):
        if message.fields.get("role") not in ("assistant",):
            continue
        for block in items(message.fields, "content", message.path):
            if block.fields.get("type") in _ASKED:
                yield Problem(block.path, f"an answer holds no {block.fields['type']}")


def _pairs(asked: Asked) -> Problems:
    # "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'";
    # "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
    yield from unpaired(chat_turns.turns(asked))


def _calls(asked: Asked) -> Problems:
    # "Invalid 'messages[1].tool_calls': empty array"; "tool_calls[0].id: string too long. Expected a string with maximum
    # length 40"; "tool_calls[0].function.name: string does not match pattern '^[a-zA-Z0-9_-]+$'"
    for message in items(asked.body, "messages"):
        listed = message.fields.get("tool_calls")
        if is_array(listed) and not listed:
            yield Problem(f"{message.path}.tool_calls", "give at least one, or leave it out")
        for call in chat_turns.calls(message):
            yield from matches(call.fields.get("id"), _ID, f"{call.path}.id", "an id of 1 to 40 characters")
            yield from _called(call)


def _called(call: Item) -> Problems:
    kind = "custom" if call.fields.get("type") == "custom" else "function"
    body = object_of(call.fields.get(kind))
    yield from matches(body.get("name"), FUNCTION_NAME, f"{call.path}.{kind}.name", FUNCTION_NAME_IS)
    given = "input" if kind == "custom" else "arguments"
    if not isinstance(body.get(given), str):
        yield Problem(f"{call.path}.{kind}.{given}", "give a text")


def _names(asked: Asked) -> Problems:
    # "Invalid 'messages[0].name': string does not match pattern. Expected a string that matches the pattern
    # '^[^\\s<|\\\\/>]+$'"
    for message in items(asked.body, "messages"):
        if message.fields.get("name") is not None and message.fields.get("role") != "tool":
            wanted = "a name of 1 to 64 characters without spaces and < | \\ / >"
            yield from matches(message.fields["name"], _NAME, f"{message.path}.name", wanted)


def _tools(asked: Asked) -> Problems:
    # "Invalid 'tools': empty array"; "Invalid schema for function 'x': schema must be a JSON Schema of 'type:
    # \"object\"', got 'type: \"None\"'"; "object schema missing properties"; "schema must have type 'object' and not have
    # 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"
    if asked.body.get("tools") == []:
        yield Problem("$.tools", "give at least one, or leave it out")
    for tool in items(asked.body, "tools"):
        function = object_of(tool.fields.get("function"))
        if tool.fields.get("type") not in ("function", None):
            continue
        at = f"{tool.path}.function"
        yield from matches(function.get("name"), FUNCTION_NAME, f"{at}.name", FUNCTION_NAME_IS)
        if function.get("parameters") is not None:
            yield from object_schema(function["parameters"], f"{at}.parameters", properties=True)


def _choice(asked: Asked) -> Problems:
    # "'tool_choice' is only allowed when 'tools' are specified"; the same of 'parallel_tool_calls'
    yield from only_with(asked.body, "tool_choice", "tools", ("none",))
    yield from only_with(asked.body, "parallel_tool_calls", "tools")
    declared = [_declared_name(tool) for tool in items(asked.body, "tools")]
    chosen = object_of(asked.body.get("tool_choice"))
    name = _declared_name(Item("", chosen))
    # "Tool choice 'x' not found in 'tools' parameter"
    if isinstance(name, str) and name not in declared:
        yield Problem("$.tool_choice", f"no tool is called {name!r}")


def _declared_name(tool: Item) -> Any:
    return object_of(tool.fields.get("function") or tool.fields.get("custom")).get("name")


def _numbers(asked: Asked) -> Problems:
    # OpenAPI; "Invalid 'temperature': decimal below minimum value. Expected a value >= 0" (recorded);
    # "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    for name, (low, high) in _RANGES.items():
        yield from between(asked.body, name, low, high)
    if asked.body.get("max_tokens") is not None and asked.body.get("max_completion_tokens") is not None:
        yield Problem("$.max_tokens", "not beside max_completion_tokens")
    if asked.body.get("top_logprobs") is not None and asked.body.get("logprobs") is not True:
        yield Problem("$.top_logprobs", "only together with logprobs")


_RANGES: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "top_logprobs": (0, 20),
    "n": (1, 128),
}

# What every server of the dialect holds to.
SHARED: Final[tuple[Rule, ...]] = (_messages, _content, _media, _pairs, _calls, _names, _tools, _choice)
RULES: Final[tuple[Rule, ...]] = (*SHARED, _numbers)
