"""
Tool declarations and the choice among them, both ways.

Functions are declared together in one entry of the list, with their arguments as JSON Schema; every other entry is a
tool of Google's own and is carried whole.

Rule: what is read is written again exactly.  A list that would be written differently (older schemas, other groups) is
kept in the request's `native` and goes out as it came, as long as it still says the same.

Source: google-genai SDK 3.4.0 (`Tool`, `FunctionDeclaration`, `ToolConfig`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.tools import Tool
from dragoman.wire.gemini_generate.dialect import NAME, Json, camel_cased
from dragoman.wire.gemini_generate.schemas import json_schema
from dragoman.wire.lenient import is_array, is_object, known, list_of, object_of, text_of
from dragoman.wire.native import is_ours, own
from dragoman.wire.text_forms import FREE_TEXT

_FUNCTIONS: Final = "functionDeclarations"
_ONE_TEXT: Final[Json] = {"type": "object", "properties": {FREE_TEXT: {"type": "string"}}, "required": [FREE_TEXT]}


def encode_tools(tools: tuple[Tool, ...], notices: list[Notice]) -> list[Json]:
    """Write the declarations that the dialect can carry."""
    functions: list[Json] = []
    others: list[Json] = []
    for i, tool in enumerate(tools):
        field = f"tools[{i}]"
        if (declare := _DECLARE.get(tool.kind)) is not None:
            functions.append(declare(tool, field, notices))
        elif is_ours(tool.native, NAME):
            others.append(own(tool.native, NAME))
        else:
            notices.append(Notice(field, f"{tool.name} is another dialect's own tool; left out"))
    return [*([{_FUNCTIONS: functions}] if functions else []), *others]


def _function(tool: Tool, field: str, notices: list[Notice]) -> Json:
    if tool.strict:
        notices.append(Notice(f"{field}.strict", "this dialect holds no single tool to its schema; left out"))
    declared = known({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})
    return {**own(tool.native, NAME), **declared}


def _custom(tool: Tool, field: str, notices: list[Notice]) -> Json:
    notices.append(Notice(field, f"this dialect has no free-text tools; declared with one text, `{FREE_TEXT}`"))
    return known({"name": tool.name, "description": tool.description, "parametersJsonSchema": _ONE_TEXT})


_DECLARE: Final[dict[str, Callable[[Tool, str, list[Notice]], Json]]] = {"function": _function, "custom": _custom}


def decode_tools(value: Any) -> tuple[Tool, ...]:
    """
    Read a list of tools; one tool may stand without a list.

    Raises:
        ConfigError: Not tools; `.field` says which.
    """
    listed = [value] if is_object(value) else value
    if not is_array(listed):
        raise ConfigError(f"tools is {type(value).__name__}: give a list", field="tools")
    return tuple(tool for i, entry in enumerate(listed) for tool in _entry(entry, f"tools[{i}]"))


def _entry(value: Any, field: str) -> list[Tool]:
    if not is_object(value):
        raise ConfigError(f"{field} is {value!r}: give {{'functionDeclarations': [...]}}", field=field)
    sent = object_of(camel_cased(value, {}))
    tools = [
        _declaration(object_of(declared), f"{field}.{_FUNCTIONS}[{i}]")
        for i, declared in enumerate(list_of(sent.get(_FUNCTIONS)))
    ]
    others = {name: item for name, item in sent.items() if name != _FUNCTIONS}
    return [*tools, *(Tool(name=name, kind="native", native={NAME: {name: item}}) for name, item in others.items())]


_SAID: Final = ("name", "description", "parameters", "parametersJsonSchema")


def _declaration(sent: Json, field: str) -> Tool:
    schema = sent.get("parametersJsonSchema", json_schema(sent.get("parameters")))
    if schema is not None and not is_object(schema):
        raise ConfigError(f"{field}.parameters is no object", field=f"{field}.parameters")
    rest = {name: value for name, value in sent.items() if name not in _SAID}
    try:
        return Tool(
            name=text_of(sent.get("name")),
            description=text_of(sent.get("description")) if "description" in sent else None,
            parameters=schema,
            native={NAME: rest} if rest else None,
        )
    except ConfigError as error:
        raise ConfigError(f"{field}: {error.message}", field=f"{field}.name") from error


# --- the choice among them --------------------------------------------------------------------------------------------

# VALIDATED leaves the choice to the model, as AUTO does.
_CHOICES: Final = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
_MODES: Final = {"auto": "AUTO", "required": "ANY", "none": "NONE"}


def encode_choice(choice: str) -> Json:
    """Write `functionCallingConfig`."""
    mode = _MODES.get(choice)
    return {"mode": mode} if mode else {"mode": "ANY", "allowedFunctionNames": [choice]}


def decode_choice(value: Any) -> str | None:
    """Read `functionCallingConfig`; of several functions that may be called only that one must be is kept."""
    sent = object_of(value)
    choice = _CHOICES.get(text_of(sent.get("mode")).upper())
    names = list_of(sent.get("allowedFunctionNames"))
    if choice == "required" and len(names) == 1 and isinstance(names[0], str) and names[0] not in _MODES:
        return names[0]
    return choice
