"""
Tools as `{"type": "function", "function": {"name", "description", "parameters"}}`, for dialects that hold a model to
this one shape and require `parameters`.

Rule: what is read is written again exactly.  A free-text tool is declared as a function with one text; a declaration of
another type is carried whole and goes to its own dialect only.

Sources: Ollama's OpenAPI file (`ToolDefinition`); Cohere SDK 7.3, `types/tool_v2.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.tools import Tool
from dragoman.wire.lenient import known
from dragoman.wire.native import difference, is_ours, over, own
from dragoman.wire.request_body import refused
from dragoman.wire.text_forms import FREE_TEXT

Json = dict[str, Any]

_NO_ARGUMENTS: Final[Json] = {"type": "object", "properties": {}}
_ONE_TEXT: Final[Json] = {"type": "object", "properties": {FREE_TEXT: {"type": "string"}}, "required": [FREE_TEXT]}


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: Json | None = None


class _Declared(msgspec.Struct):
    type: str | None = None
    function: _Function | None = None


def encode_functions(tools: Iterable[Tool], wire: str, notices: list[Notice]) -> list[Json]:
    """Write the declarations that the dialect can carry."""
    listed: list[Json] = []
    for i, tool in enumerate(tools):
        field = f"tools[{i}]"
        if tool.kind in _WRITE:
            listed.append(over(_WRITE[tool.kind](tool, field, notices), own(tool.native, wire)))
        elif is_ours(tool.native, wire):
            listed.append(own(tool.native, wire))
        else:
            notices.append(Notice(field, f"{tool.name} is another dialect's own tool; left out"))
    return listed


def _function(tool: Tool, field: str, notices: list[Notice]) -> Json:
    return _declared(tool, _NO_ARGUMENTS if tool.parameters is None else tool.parameters)


def _custom(tool: Tool, field: str, notices: list[Notice]) -> Json:
    notices.append(Notice(field, f"this dialect has no free-text tools; declared with one text, `{FREE_TEXT}`"))
    return _declared(tool, _ONE_TEXT)


def _declared(tool: Tool, schema: Json) -> Json:
    described = known({"description": tool.description})
    return {"type": "function", "function": {"name": tool.name, **described, "parameters": schema}}


_WRITE: Final[dict[str, Callable[[Tool, str, list[Notice]], Json]]] = {"function": _function, "custom": _custom}


def decode_functions(listed: Any, wire: str) -> tuple[Tool, ...]:
    """
    Read declarations.

    Raises:
        ConfigError: None of these; `.field` says which.
    """
    try:
        return tuple(_decode(item, f"tools[{i}]", wire) for i, item in enumerate(msgspec.convert(listed, list[Json])))
    except msgspec.ValidationError as error:
        raise refused(error, "tools") from error


def _decode(item: Json, field: str, wire: str) -> Tool:
    try:
        told = msgspec.convert(item, _Declared)
    except msgspec.ValidationError as error:
        raise refused(error, field) from error
    function = told.function
    if function is None or told.type not in ("function", None):
        return Tool(name=_name_of(told, field), kind="native", native={wire: item})
    try:
        tool = Tool(name=function.name, description=function.description, parameters=function.parameters)
    except ConfigError as error:
        raise ConfigError(f"{field}.function: {error.message}", field=f"{field}.function.name") from error
    rest = difference(item, _function(tool, field, []))
    return msgspec.structs.replace(tool, native={wire: rest}) if rest else tool


def _name_of(told: _Declared, field: str) -> str:
    if told.type is None or (told.type == "function" and told.function is None):
        raise ConfigError(f"{field} has no function: give {{'type': 'function', 'function': ...}}", field=field)
    return told.type
