"""
Tools, both ways: `{"type": "function", "name", "description", "parameters"}`, and Google's own.

Rule: what is read is written again exactly.  A free-text tool is declared as a function with one text; a declaration of
another type is carried whole and goes to this dialect only.

Source: google-genai SDK 3.4.0 (`Tool`, `Function`, `ToolChoiceConfig`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.tools import Tool
from dragoman.wire.gemini_interactions.dialect import NAME, Json
from dragoman.wire.lenient import known, list_of, object_of
from dragoman.wire.native import difference, is_ours, over, own
from dragoman.wire.request_body import refused
from dragoman.wire.setting_rows import Note
from dragoman.wire.text_forms import FREE_TEXT

_ONE_TEXT: Final[Json] = {"type": "object", "properties": {FREE_TEXT: {"type": "string"}}, "required": [FREE_TEXT]}


class _Function(msgspec.Struct):
    type: str | None = None
    name: str | None = None
    description: str | None = None
    parameters: Json | None = None


def encode_tools(tools: Iterable[Tool], notices: list[Notice]) -> list[Json]:
    """Write the declarations that the dialect can carry."""
    listed: list[Json] = []
    for i, tool in enumerate(tools):
        field = f"tools[{i}]"
        if tool.kind in _WRITE:
            listed.append(over(_WRITE[tool.kind](tool, field, notices), own(tool.native, NAME)))
        elif is_ours(tool.native, NAME):
            listed.append(own(tool.native, NAME))
        else:
            notices.append(Notice(field, f"{tool.name} is another dialect's own tool; left out"))
    return listed


def _function(tool: Tool, field: str, notices: list[Notice]) -> Json:
    return _declared(tool, tool.parameters)


def _custom(tool: Tool, field: str, notices: list[Notice]) -> Json:
    notices.append(Notice(field, f"this dialect has no free-text tools; declared with one text, `{FREE_TEXT}`"))
    return _declared(tool, _ONE_TEXT)


def _declared(tool: Tool, schema: Json | None) -> Json:
    described = known({"description": tool.description, "parameters": schema})
    return {"type": "function", "name": tool.name, **described}


_WRITE: Final[dict[str, Callable[[Tool, str, list[Notice]], Json]]] = {"function": _function, "custom": _custom}


def decode_tools(listed: Any) -> tuple[Tool, ...]:
    """
    Read declarations.

    Raises:
        ConfigError: None of these; `.field` says which.
    """
    try:
        return tuple(_decode(item, f"tools[{i}]") for i, item in enumerate(msgspec.convert(listed, list[Json])))
    except msgspec.ValidationError as error:
        raise refused(error, "tools") from error


def _decode(item: Json, field: str) -> Tool:
    try:
        told = msgspec.convert(item, _Function)
    except msgspec.ValidationError as error:
        if item.get("type") == "function":
            raise refused(error, field) from error
        told = _Function(type=str(item.get("type") or ""))
    if told.type not in ("function", None):
        return Tool(name=told.name or told.type or "tool", kind="native", native={NAME: item})
    if told.name is None:
        raise ConfigError(f"{field} has no name: give {{'type': 'function', 'name': ...}}", field=f"{field}.name")
    try:
        tool = Tool(name=told.name, description=told.description, parameters=told.parameters)
    except ConfigError as error:
        raise ConfigError(f"{field}: {error.message}", field=f"{field}.name") from error
    rest = difference(item, _function(tool, field, []))
    return msgspec.structs.replace(tool, native={NAME: rest}) if rest else tool


# --- which one must be called -----------------------------------------------------------------------------------------

_CHOICES: Final = {"auto": "auto", "none": "none", "any": "required"}
_MODES: Final = {choice: mode for mode, choice in _CHOICES.items()}


def decode_choice(value: Any) -> str | None:
    """A choice as a setting; None for what the setting cannot say: `validated`, and several tools."""
    if isinstance(value, str):
        return _CHOICES.get(value)
    allowed = object_of(object_of(value).get("allowed_tools"))
    names = list_of(allowed.get("tools"))
    if allowed.get("mode") != "any" or len(names) != 1 or not isinstance(names[0], str) or names[0] in _MODES:
        return None
    return names[0]


def encode_choice(choice: str, note: Note) -> Any:
    """A choice as the dialect says it."""
    return _MODES.get(choice) or {"allowed_tools": {"mode": "any", "tools": [choice]}}
