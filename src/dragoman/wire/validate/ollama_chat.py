"""
Ollama's own chat: what the form of a request must be.

The server refuses little: what does not fit its Go types, and roles that it does not know.

Sources: Ollama's OpenAPI file (`ChatRequest`) and `api/types.go` of the server.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from dragoman.wire.lenient import is_array, list_of, object_of, text_of
from dragoman.wire.validate.rules import Asked, Item, Problem, Problems, Rule, inner, items, object_schema, role_among

_ROLES: Final = ("system", "user", "assistant", "tool")


def _messages(asked: Asked) -> Problems:
    # `messages` is a list; an empty one only loads the model
    if not is_array(asked.body.get("messages")):
        yield Problem("$.messages", "give a list")
    for message in items(asked.body, "messages"):
        yield from role_among(message, _ROLES)
        for name in ("content", "thinking"):
            if not isinstance(message.fields.get(name), str | None):
                yield Problem(f"{message.path}.{name}", "give a text")
        yield from _pictures(message)
        yield from _calls(message)


def _pictures(message: Item) -> Problems:
    # `api.ImageData` is base64; "illegal base64 data at input byte"
    for i, picture in enumerate(list_of(message.fields.get("images"))):
        try:
            base64.b64decode(text_of(picture), validate=True)
        except (binascii.Error, ValueError):
            yield Problem(f"{message.path}.images[{i}]", "give base64")


def _calls(message: Item) -> Problems:
    # `api.ToolCallFunctionArguments` is a map; "json: cannot unmarshal string into Go struct field"
    for call in items(message.fields, "tool_calls", message.path):
        if not text_of(inner(call.fields, "function", "name")):
            yield Problem(f"{call.path}.function.name", "give the name of a tool")
        if not isinstance(inner(call.fields, "function", "arguments"), dict):
            yield Problem(f"{call.path}.function.arguments", "give an object")


def _pairs(asked: Asked) -> Problems:
    # Not checked by the server, but what templates of models are written for: results stand after calls
    owed = 0
    for message in items(asked.body, "messages"):
        if message.fields.get("role") == "tool":
            if owed == 0:
                yield Problem(message.path, "no call stands before this result")
            owed = max(0, owed - 1)
        else:
            owed = len(list_of(message.fields.get("tool_calls")))


def _tools(asked: Asked) -> Problems:
    for tool in items(asked.body, "tools"):
        function = object_of(tool.fields.get("function"))
        if not text_of(function.get("name")):
            yield Problem(f"{tool.path}.function.name", "give a name")
        yield from object_schema(function.get("parameters"), f"{tool.path}.function.parameters", plain=False)


RULES: Final[tuple[Rule, ...]] = (_messages, _pairs, _tools)
