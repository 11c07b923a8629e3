"""
OpenAI's Chat Completions, where OpenAI is stricter than those that speak its dialect.

Sources: OpenAI's OpenAPI file 2.3.0 (`CreateChatCompletionRequest`) and the error texts of its API, quoted at each
rule.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.wire.lenient import is_array, object_of
from dragoman.wire.validate import chat_turns, compatible_chat
from dragoman.wire.validate.rules import (
    Asked,
    Problem,
    Problems,
    Rule,
    between,
    inner,
    items,
    matches,
    object_schema,
    only_with,
)

_NAME: Final = re.compile(r"[^\s<|\\/>]{1,64}\Z")
_ID: Final = re.compile(r".{1,40}\Z", re.DOTALL)


def _blocks(asked: Asked) -> Problems:
    # OpenAPI: a list of blocks is not empty; `input_audio.data` is "Base64 encoded audio data"
    for message in items(asked.body, "messages"):
        if message.fields.get("content") == []:
            yield Problem(f"{message.path}.content", "give at least one block")
        for block in items(message.fields, "content", message.path):
            data = inner(block.fields, "input_audio", "data")
            if isinstance(data, str) and data.startswith(("http://", "https://")):
                yield Problem(f"{block.path}.input_audio.data", "sound goes as bytes")


def _calls(asked: Asked) -> Problems:
    # "Invalid 'messages[1].tool_calls': empty array"; "tool_calls[0].id: string too long. Expected a string with
    # maximum length 40"
    for message in items(asked.body, "messages"):
        listed = message.fields.get("tool_calls")
        if is_array(listed) and not listed:
            yield Problem(f"{message.path}.tool_calls", "give at least one, or leave it out")
        for call in chat_turns.calls(message):
            yield from matches(call.fields.get("id"), _ID, f"{call.path}.id", "an id of 1 to 40 characters")


def _names(asked: Asked) -> Problems:
    # "Invalid 'messages[0].name': string does not match pattern. Expected a string that matches the pattern
    # '^[^\\s<|\\\\/>]+$'"
    for message in items(asked.body, "messages"):
        if message.fields.get("name") is not None and message.fields.get("role") != "tool":
            wanted = "a name of 1 to 64 characters without spaces and < | \\ / >"
            yield from matches(message.fields["name"], _NAME, f"{message.path}.name", wanted)


def _tools(asked: Asked) -> Problems:
    # "Invalid 'tools': empty array"; "object schema missing properties"; "schema must have type 'object' and not have
    # 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"
    if asked.body.get("tools") == []:
        yield Problem("$.tools", "give at least one, or leave it out")
    for tool in items(asked.body, "tools"):
        schema = object_of(tool.fields.get("function")).get("parameters")
        if schema is not None:
            yield from object_schema(schema, f"{tool.path}.function.parameters", properties=True)


def _only_with_tools(asked: Asked) -> Problems:
    # "'tool_choice' is only allowed when 'tools' are specified"; the same of 'parallel_tool_calls'
    yield from only_with(asked.body, "tool_choice", "tools", ("none",))
    yield from only_with(asked.body, "parallel_tool_calls", "tools")


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
    "max_tokens": (1, float("inf")),
    "max_completion_tokens": (1, float("inf")),
}

RULES: Final[tuple[Rule, ...]] = (*compatible_chat.RULES, _blocks, _calls, _names, _tools, _only_with_tools, _numbers)
