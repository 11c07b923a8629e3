"""
What every known server of OpenAI's chat dialect holds to: the structure of its messages, calls before results.

OpenAI's own limits are in `openai_chat`.  A message that calls may be without content, or with an empty list of it.

Sources: OpenAI's OpenAPI file 2.3.0 (`CreateChatCompletionRequest`), the error texts of its API, quoted at each rule,
and the recordings of its imitators.
"""

from __future__ import annotations

from typing import Final

from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.validate import chat_turns
from dragoman.wire.validate.rules import (
    FUNCTION_NAME,
    FUNCTION_NAME_IS,
    Asked,
    Item,
    Problem,
    Problems,
    Rule,
    items,
    matches,
    not_empty,
    object_schema,
    only_with,
    role_among,
    unpaired,
)

_ROLES: Final = ("developer", "system", "user", "assistant", "tool", "function")
_INSTRUCTIONS: Final = ("developer", "system")
# Blocks of questions.  Imitators add others, so that their types are not looked at elsewhere.
_ASKED: Final = ("image_url", "input_audio", "file")


def _messages(asked: Asked) -> Problems:
    # "Invalid 'messages': empty array. Expected an array with minimum length 1" (recorded)
    yield from not_empty(asked, "messages")
    for message in items(asked.body, "messages"):
        yield from role_among(message, _ROLES)


def _content(asked: Asked) -> Problems:
    # OpenAPI, the messages of each role: only an answer that calls, refuses or was spoken may go without content
    for message in items(asked.body, "messages"):
        if message.fields.get("role") in _INSTRUCTIONS:
            yield from chat_turns.block_types(message, ("text",))
        elif not isinstance(message.fields.get("content"), str | list) and not may_be_silent(message):
            yield Problem(f"{message.path}.content", "give a text or a list of blocks")


def may_be_silent(message: Item) -> bool:
    """Whether a message needs no content."""
    fields = message.fields
    return fields.get("role") == "assistant" and any(
        fields.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")
    )


def _places(asked: Asked) -> Problems:
    # OpenAPI: pictures, sound and files are blocks of the user's messages; imitators take them in results too
    for message in items(asked.body, "messages"):
        for block in items(message.fields, "content", message.path):
            if message.fields.get("role") == "assistant" and block.fields.get("type") in _ASKED:
                yield Problem(block.path, f"an answer holds no {block.fields['type']}")


def _pairs(asked: Asked) -> Problems:
    # "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'";
    # "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
    yield from unpaired(chat_turns.turns(asked))


def _calls(asked: Asked) -> Problems:
    # OpenAPI: `ChatCompletionMessageToolCall`; "tool_calls[0].function.name: string does not match pattern
    # '^[a-zA-Z0-9_-]+$'"
    for message in items(asked.body, "messages"):
        for call in chat_turns.calls(message):
            kind = "custom" if call.fields.get("type") == "custom" else "function"
            body = object_of(call.fields.get(kind))
            given = "input" if kind == "custom" else "arguments"
            if not text_of(call.fields.get("id")):
                yield Problem(f"{call.path}.id", "give an id")
            yield from matches(body.get("name"), FUNCTION_NAME, f"{call.path}.{kind}.name", FUNCTION_NAME_IS)
            if not isinstance(body.get(given), str):
                yield Problem(f"{call.path}.{kind}.{given}", "give a text")


def _tools(asked: Asked) -> Problems:
    # "Invalid schema for function 'x': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'"
    for tool in items(asked.body, "tools"):
        function = object_of(tool.fields.get("function"))
        if tool.fields.get("type") not in ("function", None):
            continue
        at = f"{tool.path}.function"
        yield from matches(function.get("name"), FUNCTION_NAME, f"{at}.name", FUNCTION_NAME_IS)
        if function.get("parameters") is not None:
            yield from object_schema(function["parameters"], f"{at}.parameters", plain=False)


def _choice(asked: Asked) -> Problems:
    # "'tool_choice' is only allowed when 'tools' are specified"; "Tool choice 'x' not found in 'tools' parameter"
    if "tools" not in asked.body:
        yield from only_with(asked.body, "tool_choice", "tools", ("none", "auto"))
    declared = [declared_name(tool) for tool in items(asked.body, "tools")]
    name = declared_name(Item("", object_of(asked.body.get("tool_choice"))))
    if isinstance(name, str) and name not in declared:
        yield Problem("$.tool_choice", f"no tool is called {name!r}")


def declared_name(tool: Item) -> object:
    """The name in a declaration, or in a choice of one tool."""
    return object_of(tool.fields.get("function") or tool.fields.get("custom")).get("name")


RULES: Final[tuple[Rule, ...]] = (_messages, _content, _places, _pairs, _calls, _tools, _choice)
