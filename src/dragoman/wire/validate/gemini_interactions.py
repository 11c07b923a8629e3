"""
Gemini's Interactions: what the form of a request must be.

Sources: google-genai SDK 3.4.0 (`_gaos/types/interactions`: required fields and types), Google's pages on the
Interactions API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dragoman.wire.gemini_interactions.dialect import CONTENT
from dragoman.wire.lenient import is_object, list_of, object_of, text_of
from dragoman.wire.validate.rules import Asked, Item, Named, Problem, Problems, Rule, items, matches, repeated

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}\Z")
_NAME_IS: Final = "a name that begins with a letter or '_', of letters, digits, '_', '.', ':' and '-'"
_CONTENT_STEPS: Final = ("user_input", "model_output")


def _steps(asked: Asked) -> Iterator[Item]:
    return items(asked.body, "input")


def _given(asked: Asked) -> Problems:
    # SDK: `model` or `agent`, and `input`: a text, a block, or a list that is not empty
    if not asked.body.get("agent") and not asked.model:
        yield Problem("$.model", "give a model or an agent")
    value = asked.body.get("input")
    if not value and not any(asked.body.get(name) for name in ("continuation_token", "previous_interaction_id")):
        yield Problem("$.input", "give a text, or a list of steps")
    for i, step in enumerate(list_of(value)):
        if not is_object(step) or not text_of(step.get("type")):
            yield Problem(f"$.input[{i}].type", "each step has a type")


def _content(asked: Asked) -> Problems:
    # SDK: `UserInputStep`, `ModelOutputStep`: content of blocks; `TextContent.text` is required
    for step in _steps(asked):
        if step.fields.get("type") not in _CONTENT_STEPS:
            continue
        if not list_of(step.fields.get("content")):
            yield Problem(f"{step.path}.content", "give at least one block")
        for block in items(step.fields, "content", step.path):
            yield from _block(block)


def _block(block: Item) -> Problems:
    kind = block.fields.get("type")
    if kind not in CONTENT:
        yield Problem(f"{block.path}.type", f"{kind!r} is no content: use {', '.join(sorted(CONTENT))}")
    elif kind == "text":
        if not isinstance(block.fields.get("text"), str):
            yield Problem(f"{block.path}.text", "give a text")
    elif not block.fields.get("data") and not block.fields.get("uri"):
        yield Problem(block.path, "give data or uri")


def _calls(asked: Asked) -> Problems:
    # SDK: `FunctionCallStep` (id, name, arguments are required), `FunctionResultStep` (call_id, result)
    for step in _steps(asked):
        if step.fields.get("type") == "function_call":
            if not text_of(step.fields.get("id")):
                yield Problem(f"{step.path}.id", "give an id")
            yield from matches(step.fields.get("name"), _NAME, f"{step.path}.name", _NAME_IS)
            if not isinstance(step.fields.get("arguments"), dict):
                yield Problem(f"{step.path}.arguments", "give an object")
        if step.fields.get("type") == "function_result" and "result" not in step.fields:
            yield Problem(f"{step.path}.result", "give a text, blocks or an object")


def _pairs(asked: Asked) -> Problems:
    # Google's page on function calling: each call is answered by a result with its id; what is kept by the vendor
    # (`previous_interaction_id`) holds the calls of earlier turns
    kept = bool(asked.body.get("previous_interaction_id"))
    owed: dict[str, str] = {}
    for step in _steps(asked):
        kind = step.fields.get("type")
        if kind == "function_call":
            owed[text_of(step.fields.get("id"))] = step.path
        elif kind == "function_result":
            call_id = text_of(step.fields.get("call_id"))
            if owed.pop(call_id, None) is None and not kept:
                yield Problem(f"{step.path}.call_id", f"no call {call_id!r} stands before it")
        elif kind == "user_input":
            yield from _unanswered(owed)
            owed = {}
    yield from _unanswered(owed)


def _unanswered(owed: dict[str, str]) -> Problems:
    for call_id, path in owed.items():
        yield Problem(path, f"there is no result of call {call_id!r}")


def _ids(asked: Asked) -> Problems:
    calls = (step for step in _steps(asked) if step.fields.get("type") == "function_call")
    yield from repeated(Named(f"{call.path}.id", text_of(call.fields.get("id"))) for call in calls)


def _thoughts(asked: Asked) -> Problems:
    # Google's page on thought signatures: a thought that goes back bears its signature
    for step in _steps(asked):
        if step.fields.get("type") == "thought" and not text_of(step.fields.get("signature")):
            yield Problem(f"{step.path}.signature", "a thought goes back with its signature")


def _tools(asked: Asked) -> Problems:
    # SDK: `Function`; names as in generateContent
    names: list[str] = []
    for tool in items(asked.body, "tools"):
        if tool.fields.get("type") != "function":
            continue
        names.append(text_of(tool.fields.get("name")))
        yield from matches(tool.fields.get("name"), _NAME, f"{tool.path}.name", _NAME_IS)
        schema = tool.fields.get("parameters")
        if schema is not None and object_of(schema).get("type") != "object":
            yield Problem(f"{tool.path}.parameters.type", "a function's arguments are an object")
    choice = object_of(object_of(asked.body.get("generation_config")).get("tool_choice"))
    for name in list_of(object_of(choice.get("allowed_tools")).get("tools")):
        if name not in names:
            yield Problem("$.generation_config.tool_choice", f"no tool is called {name!r}")


RULES: Final[tuple[Rule, ...]] = (_given, _content, _calls, _pairs, _ids, _thoughts, _tools)
