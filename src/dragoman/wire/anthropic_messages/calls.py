"""
Tool calls across dialects: ids that this one accepts, and arguments as the object that it wants.

Rules: an id is sent as it is if the dialect accepts it; else it is changed the same way in the call and in its result,
and always to the same text, so that the provider's prompt cache still holds.  Arguments are never repaired.

Sources: the API's error text (`String should match pattern '^[a-zA-Z0-9_-]+$'`); the vendor's page on fine-grained tool
streaming, for how invalid JSON is sent back.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final, cast

from dragoman.types.messages import ToolCall, ToolResult

_VALID: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")

INVALID: Final = "INVALID_JSON"
"""Under this name the vendor wants arguments that are no JSON object."""

FREE_TEXT: Final = "input"
"""Under this name the text of a `custom` tool travels, whose schema here has this one property."""


class CallIds:
    """Gives every call of a request an id that is valid, and every result the id of its call."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[tuple[str, str]] = []  # name and given id of calls that came without one

    def call(self, call: ToolCall) -> str:
        """The id of a call."""
        if call.id:
            return valid_id(call.id)
        given = f"call_{self._count}"
        self._count += 1
        self._waiting.append((call.name, given))
        return given

    def result(self, result: ToolResult) -> str:
        """The id of a result: where providers gave none, results answer the calls of their name in order."""
        if result.call_id:
            return valid_id(result.call_id)
        for i, (name, given) in enumerate(self._waiting):
            if result.name in (None, name):
                del self._waiting[i]
                return given
        return "call_unknown"


def valid_id(value: str) -> str:
    """
    The id, or one made of it that the API accepts.

    >>> valid_id("call_1"), valid_id("a.b")
    ('call_1', 'a_b-cab4db7d')
    """
    if _VALID.match(value):
        return value
    return f"{_OTHER.sub('_', value)}-{zlib.crc32(value.encode()):08x}"


def arguments_object(call: ToolCall) -> tuple[dict[str, Any], bool]:
    """
    The arguments as an object, and whether they are what was sent.

    Free text goes under `input`; anything else that is no object goes, as text, under `INVALID_JSON`.
    """
    if call.kind == "custom":
        return {FREE_TEXT: call.arguments_json}, True
    value = call.arguments
    if isinstance(value, dict):
        return cast("dict[str, Any]", value), True
    return {INVALID: call.arguments_json}, False
