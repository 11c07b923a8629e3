"""
Anthropic's Messages: what the form of a request must be.

Sources: the vendor's OpenAPI file (`CreateMessageParams`), its pages on the Messages API, tool use, extended thinking
and API version 2026-10-21, and the error texts of the API, quoted at each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dragoman.wire.lenient import is_array, object_of, text_of, whole
from dragoman.wire.validate.rules import (
    Asked,
    Item,
    Json,
    Named,
    Problem,
    Problems,
    Rule,
    Turn,
    between,
    blank,
    items,
    matches,
    not_empty,
    object_schema,
    only_with,
    repeated,
    role_among,
    unpaired,
)

_ROLES: Final = ("user", "assistant", "system")
_ID: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_LEAST_BUDGET: Final = 1024
_THOUGHTS: Final = ("thinking", "redacted_thinking")

# What a question may not hold, and an answer not; types that only the vendor's own tools have are not looked at.
_NOT_ASKED: Final = ("tool_use", *_THOUGHTS)
_NOT_ANSWERED: Final = ("tool_result", "image", "document")


def _required(asked: Asked) -> Problems:
    # OpenAPI: `model`, `messages` and `max_tokens` are required; 0 warms the cache.
    yield from not_empty(asked, "messages")
    if whole(asked.body.get("max_tokens")) is None:
        yield Problem("$.max_tokens", "give a whole number")
    yield from between(asked.body, "max_tokens", 0, float("inf"))
    if not text_of(asked.body.get("model")) and not asked.model:
        yield Problem("$.model", "give the name of a model")


def _blocks(message: Item) -> Iterator[Item]:
    return items(message.fields, "content", message.path)


def _roles(asked: Asked) -> Problems:
    # "messages: first message must use the \"user\" role"
    listed = list(items(asked.body, "messages"))
    for message in listed:
        yield from role_among(message, _ROLES)
    if listed and listed[0].fields.get("role") == "assistant":
        yield Problem(f"{listed[0].path}.role", "the first turn is the user's")


def _contents(asked: Asked) -> Problems:
    # "all messages must have non-empty content except for the optional final assistant message";
    # "text content blocks must be non-empty"; "text content blocks must contain non-whitespace text"
    listed = list(items(asked.body, "messages"))
    for i, message in enumerate(listed):
        content = message.fields.get("content")
        last = i == len(listed) - 1 and message.fields.get("role") == "assistant"
        if not isinstance(content, str | list):
            yield Problem(f"{message.path}.content", "give a text or a list of blocks")
        elif (not content or (isinstance(content, str) and blank(content))) and not last:
            yield Problem(f"{message.path}.content", "it is empty")
        for block in _blocks(message):
            if block.fields.get("type") == "text" and blank(block.fields.get("text")):
                yield Problem(f"{block.path}.text", "it is blank")


def _system(asked: Asked) -> Problems:
    # "system: text content blocks must be non-empty"; OpenAPI: a text, or a list of text blocks
    system = asked.body.get("system")
    if not isinstance(system, str | list | None):
        yield Problem("$.system", "give a text or a list of text blocks")
    for block in items(asked.body, "system"):
        if block.fields.get("type") != "text":
            yield Problem(f"{block.path}.type", "only text")
        elif blank(block.fields.get("text")):
            yield Problem(f"{block.path}.text", "it is blank")


def _end(asked: Asked) -> Problems:
    # "messages: final assistant content cannot end with trailing whitespace"
    listed = list(items(asked.body, "messages"))
    if not listed or listed[-1].fields.get("role") != "assistant":
        return
    content, blocks = listed[-1].fields.get("content"), list(_blocks(listed[-1]))
    text = text_of(content) if isinstance(content, str) else text_of(blocks[-1].fields.get("text")) if blocks else ""
    if text and text != text.rstrip():
        yield Problem(f"{listed[-1].path}.content", "an answer that is gone on with does not end in white space")


def _places(asked: Asked) -> Problems:
    # The vendor's pages: pictures, documents and results are the user's, calls and thinking the model's.
    for message in items(asked.body, "messages"):
        refused = _NOT_ANSWERED if message.fields.get("role") == "assistant" else _NOT_ASKED
        for block in _blocks(message):
            if block.fields.get("type") in refused:
                yield Problem(block.path, f"no {block.fields['type']} in a turn of {message.fields.get('role')}")


# --- tools ------------------------------------------------------------------------------------------------------------


def _turns(asked: Asked) -> list[Turn]:
    """The turns, those of one role put together, as the API does ("consecutive turns will be combined")."""
    turns: list[Turn] = []
    role = ""
    for message in items(asked.body, "messages"):
        speaker = text_of(message.fields.get("role"))
        if speaker != role:
            turns.append(Turn(message.path))
        role = speaker
        for block in _blocks(message):
            kind = block.fields.get("type")
            if kind == "tool_use":
                turns[-1].calls.append(Named(f"{block.path}.id", text_of(block.fields.get("id"))))
            elif kind == "tool_result":
                named = Named(f"{block.path}.tool_use_id", text_of(block.fields.get("tool_use_id")))
                turns[-1].results.append(named)
    return turns


def _pairs(asked: Asked) -> Problems:
    # "`tool_use` ids were found without `tool_result` blocks immediately after"; "unexpected `tool_use_id` found in
    # `tool_result` blocks"; "each tool_use must have a single result"; "`tool_use` ids must be unique"
    turns = _turns(asked)
    yield from unpaired(turns)
    yield from repeated(call for turn in turns for call in turn.calls)


def _results_first(asked: Asked) -> Problems:
    # "tool_result blocks must come FIRST in the content array. Any text must come AFTER all tool results"
    other: Json | None = None
    role = ""
    for message in items(asked.body, "messages"):
        if message.fields.get("role") != role or isinstance(message.fields.get("content"), str):
            other = None
        role = text_of(message.fields.get("role"))
        for block in _blocks(message):
            if block.fields.get("type") != "tool_result":
                other = block.fields
            elif other is not None:
                yield Problem(block.path, f"a result stands before what else the user says ({other.get('type')})")


def _calls(asked: Asked) -> Problems:
    # "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"; OpenAPI: name of 1 to 200 characters, input an
    # object
    for message in items(asked.body, "messages"):
        for block in _blocks(message):
            if block.fields.get("type") != "tool_use":
                continue
            yield from matches(block.fields.get("id"), _ID, f"{block.path}.id", "an id of letters, digits, '_' and '-'")
            yield from matches(block.fields.get("name"), _NAME, f"{block.path}.name", "a tool's name")
            if not isinstance(block.fields.get("input"), dict):
                yield Problem(f"{block.path}.input", "give an object")


def _results(asked: Asked) -> Problems:
    # "tool_result: all content must be type \"text\" if \"is_error\" is true"; "text content blocks must be non-empty"
    for message in items(asked.body, "messages"):
        for block in _blocks(message):
            if block.fields.get("type") == "tool_result":
                yield from _result(block)


def _result(block: Item) -> Problems:
    for piece in items(block.fields, "content", block.path):
        kind = piece.fields.get("type")
        if kind == "text" and blank(piece.fields.get("text")):
            yield Problem(f"{piece.path}.text", "it is blank")
        if kind != "text" and block.fields.get("is_error"):
            yield Problem(f"{piece.path}.type", "what failed says so in text only")


def _tools(asked: Asked) -> Problems:
    # "tools.0.custom.input_schema.type: Field required"; "input_schema does not support oneOf, allOf, or anyOf at the
    # top level"; "tools: Tool names must be unique."
    declared: list[Named] = []
    for tool in items(asked.body, "tools"):
        if "input_schema" not in tool.fields:
            continue
        yield from matches(tool.fields.get("name"), _NAME, f"{tool.path}.name", "a tool's name")
        declared.append(Named(f"{tool.path}.name", text_of(tool.fields.get("name"))))
        yield from object_schema(tool.fields.get("input_schema"), f"{tool.path}.input_schema")
    yield from repeated(declared)


def _choice(asked: Asked) -> Problems:
    # "tool_choice may only be specified while providing tools."; "Tool 'x' not found in provided tools"
    yield from only_with(asked.body, "tool_choice", "tools")
    choice = object_of(asked.body.get("tool_choice"))
    names = [tool.fields.get("name") for tool in items(asked.body, "tools")]
    if choice.get("type") == "tool" and choice.get("name") not in names:
        yield Problem("$.tool_choice.name", f"no tool is called {choice.get('name')!r}")


# --- thinking ---------------------------------------------------------------------------------------------------------


def _thoughts(asked: Asked) -> Problems:
    # "messages.1.content.0.thinking.signature: Field required"; imitators sign nothing
    for message in items(asked.body, "messages"):
        for block in _blocks(message):
            if "claude" not in asked.model or block.fields.get("type") != "thinking":
                continue
            if not text_of(block.fields.get("signature")):
                yield Problem(f"{block.path}.signature", "thinking goes back with its signature")


def _budget(asked: Asked) -> Problems:
    # "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"; "`max_tokens` must be greater
    # than `thinking.budget_tokens`"; "Thinking may not be enabled when tool_choice forces tool use."
    if not _thinks(asked):
        return
    budget, cap = whole(object_of(asked.body["thinking"]).get("budget_tokens")), whole(asked.body.get("max_tokens"))
    if budget is None or budget < _LEAST_BUDGET:
        yield Problem("$.thinking.budget_tokens", f"give {_LEAST_BUDGET} or more")
    elif cap is not None and cap <= budget:
        yield Problem("$.max_tokens", "it includes the budget of thinking, and must be more")
    if object_of(asked.body.get("tool_choice")).get("type") in ("any", "tool"):
        yield Problem("$.tool_choice", "who thinks cannot be forced to call a tool")


def _thinks(asked: Asked) -> bool:
    return object_of(asked.body.get("thinking")).get("type") == "enabled"


def _thinking_first(asked: Asked) -> Problems:
    # "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant`
    # message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
    if not _thinks(asked):
        return
    answer = _open_answer(list(items(asked.body, "messages")))
    if answer and answer[0].fields.get("type") not in _THOUGHTS:
        yield Problem(answer[0].path, "an answer whose calls are being answered begins with thinking")


def _open_answer(messages: list[Item]) -> list[Item]:
    """The blocks of the last answer, if the turn that ends the conversation answers its calls."""
    last = len(messages) - 1
    if last < 1 or not any(block.fields.get("type") == "tool_result" for block in _blocks(messages[last])):
        return []
    if messages[last - 1].fields.get("role") != "assistant" or not is_array(messages[last - 1].fields.get("content")):
        return []
    return list(_blocks(messages[last - 1]))


# --- media ------------------------------------------------------------------------------------------------------------


def _sources(asked: Asked) -> Problems:
    # "image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'";
    # "document.source.base64.media_type: Input should be 'application/pdf'"
    for message in items(asked.body, "messages"):
        for block in _blocks(message):
            yield from _source(block)
            for piece in (
                items(block.fields, "content", block.path) if block.fields.get("type") == "tool_result" else ()
            ):
                yield from _source(piece)


def _source(block: Item) -> Problems:
    allowed = _BASE64.get(text_of(block.fields.get("type")))
    source = object_of(block.fields.get("source"))
    if allowed is None or source.get("type") != "base64":
        return
    if source.get("media_type") not in allowed:
        yield Problem(
            f"{block.path}.source.media_type", f"{source.get('media_type')!r} is none of {', '.join(allowed)}"
        )
    if not text_of(source.get("data")):
        yield Problem(f"{block.path}.source.data", "there is nothing in it")


_BASE64: Final = {"image": _PICTURES, "document": ("application/pdf",)}

RULES: Final[tuple[Rule, ...]] = (
    _required,
    _roles,
    _contents,
    _system,
    _end,
    _places,
    _pairs,
    _results_first,
    _calls,
    _results,
    _tools,
    _choice,
    _thoughts,
    _budget,
    _thinking_first,
    _sources,
)
