"""
Arguments of tool calls for dialects in which they are JSON objects and not text.

Rule: arguments are never repaired; what is no object travels, as text, inside one.
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.types.messages import ToolCall
from dragoman.wire.lenient import object_of

INVALID: Final = "INVALID_JSON"
"""Under this name go arguments that are no JSON object."""

FREE_TEXT: Final = "input"
"""Under this name goes the text of a `custom` tool, whose schema has this one property."""


def arguments_object(call: ToolCall) -> tuple[dict[str, Any], bool]:
    """
    The arguments as an object, and whether they are what was sent.

    >>> arguments_object(ToolCall("1", "f", '{"a":1}')), arguments_object(ToolCall("1", "f", "[1"))
    (({'a': 1}, True), ({'INVALID_JSON': '[1'}, False))
    """
    if call.kind == "custom":
        return {FREE_TEXT: call.arguments_json}, True
    value = call.arguments
    if isinstance(value, dict):
        return object_of(value), True  # pyright: ignore[reportUnknownArgumentType]
    return {INVALID: call.arguments_json}, False
