"""
Bedrock's Converse: what the form of a request must be.

Sources: the service model of `bedrock-runtime` in botocore 1.44 (patterns and lengths), the Bedrock user guide, and the
error texts of the API, quoted at each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.validate.rules import (
    FUNCTION_NAME,
    FUNCTION_NAME_IS,
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
    inner,
    items,
    matches,
    not_empty,
    object_schema,
    repeated,
    role_among,
    unpaired,
)

_ROLES: Final = ("user", "assistant", "system")
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
# "_" is not documented, and taken (recorded).
_DOCUMENT: Final = re.compile(r"(?!.*\s\s)[A-Za-z0-9_\s()\[\]-]{1,200}\Z")
_PICTURES: Final = ("png", "jpeg", "gif", "webp")
_NOT_ANSWERED: Final = ("image", "document", "video")
_NOT_ASKED: Final = ("toolUse", "reasoningContent")
# Takes turns in any order (recorded).
_TITAN: Final = "titan-text"


def _blocks(message: Item) -> Iterator[Item]:
    return items(message.fields, "content", message.path)


def _of(asked: Asked, kind: str) -> Iterator[Item]:
    """All blocks of one kind: what is in them."""
    for message in items(asked.body, "messages"):
        for block in _blocks(message):
            if kind in block.fields:
                yield Item(f"{block.path}.{kind}", object_of(block.fields[kind]))


def _turns(asked: Asked) -> Problems:
    # "A conversation must start with a user message. Try again with a conversation that starts with a user message.";
    # "A conversation must alternate between user and assistant roles."; the service model: content of at least one
    # block
    yield from not_empty(asked, "messages")
    listed = list(items(asked.body, "messages"))
    for message in listed:
        yield from role_among(message, _ROLES)
        if not list(_blocks(message)):
            yield Problem(f"{message.path}.content", "give at least one block")
    if listed and listed[0].fields.get("role") != "user":
        yield Problem(f"{listed[0].path}.role", "the first turn is the user's")
    for before, message in pairwise(listed if _TITAN not in asked.model else ()):
        if before.fields.get("role") == message.fields.get("role"):
            yield Problem(f"{message.path}.role", "turns of the user and of the model alternate")


def _texts(asked: Asked) -> Problems:
    # "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try
    # again."  White space beside other blocks is taken (recorded).
    for message in items(asked.body, "messages"):
        blocks = list(_blocks(message))
        silent = all("text" in block.fields and blank(block.fields["text"]) for block in blocks)
        for block in blocks:
            if block.fields.get("text") == "" or silent:
                yield Problem(f"{block.path}.text", "it is blank")
    for block in items(asked.body, "system"):
        if "text" in block.fields and blank(block.fields["text"]):
            yield Problem(f"{block.path}.text", "it is blank")


def _places(asked: Asked) -> Problems:
    # API reference: "You can only include images and documents if the role is user"; calls and reasoning are the
    # model's
    for message in items(asked.body, "messages"):
        refused = _NOT_ANSWERED if message.fields.get("role") == "assistant" else _NOT_ASKED
        for block in _blocks(message):
            for kind in refused:
                if kind in block.fields:
                    yield Problem(block.path, f"no {kind} in a turn of {message.fields.get('role')}")


def _tool_turns(asked: Asked) -> list[Turn]:
    turns: list[Turn] = []
    for message in items(asked.body, "messages"):
        turn = Turn(message.path)
        for block in _blocks(message):
            for kind, named in (("toolUse", turn.calls), ("toolResult", turn.results)):
                fields = object_of(block.fields.get(kind))
                if (fields and "type" not in fields) or fields.get("type") == "tool_use":
                    named.append(Named(f"{block.path}.{kind}", text_of(fields.get("toolUseId"))))
        turns.append(turn)
    return turns


def _pairs(asked: Asked) -> Problems:
    # "Expected toolResult blocks at messages.2.content for the following Ids: x"; "The number of toolResult blocks at
    # messages.2.content exceeds the number of toolUse blocks of previous turn."; "duplicate Ids".  What the service's
    # own tools were asked and gave back bears a type, and stands in one turn (recorded).
    turns = _tool_turns(asked)
    yield from unpaired(turns)
    yield from repeated(call for turn in turns for call in turn.calls)


def _calls(asked: Asked) -> Problems:
    # Service model: `ToolUseId`, `ToolName`; `input` is an object
    for use in _of(asked, "toolUse"):
        wanted = "an id of 1 to 64 letters, digits, '_', '.', ':' and '-'"
        yield from matches(use.fields.get("toolUseId"), _ID, f"{use.path}.toolUseId", wanted)
        yield from matches(use.fields.get("name"), FUNCTION_NAME, f"{use.path}.name", FUNCTION_NAME_IS)
        if not isinstance(use.fields.get("input"), dict):
            yield Problem(f"{use.path}.input", "give an object")


def _results(asked: Asked) -> Problems:
    # Service model: `content` is required, its blocks are json, text, image, document, video or searchResult
    for result in _of(asked, "toolResult"):
        if not isinstance(result.fields.get("content"), list):
            yield Problem(f"{result.path}.content", "give a list of blocks")
        for piece in items(result.fields, "content", result.path):
            if "cachePoint" in piece.fields or "toolUse" in piece.fields:
                yield Problem(piece.path, "a result holds only what a tool gave back")


def _tools(asked: Asked) -> Problems:
    # "The toolConfig field must be defined when using toolUse and toolResult content blocks."; service model: at least
    # one tool, a description of at least one character
    config = object_of(asked.body.get("toolConfig"))
    used = any(True for kind in ("toolUse", "toolResult") for _ in _of(asked, kind))
    if used and not config.get("tools"):
        yield Problem("$.toolConfig", "a conversation with calls declares its tools")
    if asked.body.get("toolConfig") is not None and not config.get("tools"):
        yield Problem("$.toolConfig.tools", "give at least one")
    for tool in items(config, "tools", "$.toolConfig"):
        if "toolSpec" in tool.fields:
            yield from _spec(object_of(tool.fields["toolSpec"]), f"{tool.path}.toolSpec")
    yield from _choice(config)


def _spec(spec: Json, path: str) -> Problems:
    yield from matches(spec.get("name"), FUNCTION_NAME, f"{path}.name", FUNCTION_NAME_IS)
    if spec.get("description") == "":
        yield Problem(f"{path}.description", "it is empty")
    yield from object_schema(inner(spec, "inputSchema", "json"), f"{path}.inputSchema.json", plain=False)


def _choice(config: Json) -> Problems:
    # Service model: `ToolChoice` is a union of auto, any and tool
    choice = config.get("toolChoice")
    if choice is None:
        return
    kinds = [name for name in ("auto", "any", "tool") if name in object_of(choice)]
    if len(kinds) != 1:
        yield Problem("$.toolConfig.toolChoice", "give auto, any or tool")
    names = [inner(tool.fields, "toolSpec", "name") for tool in items(config, "tools")]
    if kinds == ["tool"] and inner(choice, "tool", "name") not in names:
        yield Problem("$.toolConfig.toolChoice.tool.name", "no tool is called so")


def _media(asked: Asked) -> Problems:
    # Service model: `ImageFormat`, `DocumentBlock.name`; "document names must be unique" (user guide: neutral names)
    for image in _of(asked, "image"):
        if image.fields.get("format") not in _PICTURES:
            yield Problem(f"{image.path}.format", f"use {', '.join(_PICTURES)}")
    names: list[Named] = []
    for document in _of(asked, "document"):
        name = document.fields.get("name")
        yield from matches(name, _DOCUMENT, f"{document.path}.name", "a name of letters, digits and single spaces")
        names.append(Named(f"{document.path}.name", text_of(name)))
    yield from repeated(names)


def _documents_with_text(asked: Asked) -> Problems:
    # "If you include a document, the message must also include a text block" (`DocumentBlock`, user guide)
    for message in items(asked.body, "messages"):
        kinds = {kind for block in _blocks(message) for kind in block.fields}
        if "document" in kinds and "text" not in kinds and "toolResult" not in kinds:
            yield Problem(message.path, "a document goes with a text that says what it is for")


def _numbers(asked: Asked) -> Problems:
    # Service model: `InferenceConfiguration`
    config = object_of(asked.body.get("inferenceConfig"))
    yield from between(config, "maxTokens", 1, float("inf"), "$.inferenceConfig")
    yield from between(config, "temperature", 0, 1, "$.inferenceConfig")
    yield from between(config, "topP", 0, 1, "$.inferenceConfig")


RULES: Final[tuple[Rule, ...]] = (
    _turns,
    _texts,
    _places,
    _pairs,
    _calls,
    _results,
    _tools,
    _media,
    _documents_with_text,
    _numbers,
)
