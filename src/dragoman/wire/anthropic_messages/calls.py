"""
Tool calls across dialects: ids that this one accepts, and arguments as the object that it wants.

Rule: arguments are never repaired.

Sources: the API's error text (`String should match pattern '^[a-zA-Z0-9_-]+$'`); the vendor's page on fine-grained tool
streaming, for how invalid JSON is sent back.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final, cast

from dragoman.types.messages import ToolCall

_VALID: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")

INVALID: Final = "INVALID_JSON"
"""Under this name the vendor wants arguments that are no JSON object."""

FREE_TEXT: Final = "input"
"""Under this name the text of a `custom` tool travels, whose schema here has this one property."""


def valid_id(value: str) -> str:
    """
    The id, or one made of it that the API accepts.

    >>> valid_id("call_1"), valid_id("a.b")
    ('call_1', 'a_b-1eef715d')
    """
    if _VALID.match(value):
        return value
    return f"{_OTHER.sub('_', value)}-{zlib.crc32(value.encode('utf-8', 'surrogatepass')):08x}"


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
