"""
Tool declarations and the choice among them, both ways.

Rule: what is read is written again exactly.  A declaration that is no function and no free-text tool is carried whole:
the tools that the provider runs.

Source: OpenAI's OpenAPI file (`FunctionTool`, `CustomToolParam`, `ToolChoiceParam`); its guide from Chat Completions to
Responses (functions are strict there unless they say otherwise).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.tools import Tool
from dragoman.wire.lenient import known, object_of, text_of
from dragoman.wire.openai_responses.dialect import NAME, Item, difference, is_ours, over, own

CHOICES: Final = ("auto", "none", "required")


def encode_tools(tools: Iterable[Tool], notices: list[Notice]) -> list[Item]:
    """Write the declarations that this dialect can carry."""
    listed: list[Item] = []
    for i, tool in enumerate(tools):
        write = _WRITE.get(tool.kind)
        if write is not None:
            listed.append(over(write(tool), own(tool.native)))
        elif is_ours(tool.native):
            listed.append(own(tool.native))
        else:
            notices.append(Notice(f"tools[{i}]", f"{tool.name} is another dialect's own tool; left out"))
    return listed


def _function(tool: Tool) -> Item:
    """
    A function.  The dialect requires `strict` and `parameters`.

    Not to say `strict` here means true, which changes what optional parameters mean; everywhere else it means false.
    """
    schema = _NO_ARGUMENTS if tool.parameters is None else tool.parameters
    described = known({"description": tool.description})
    return {"type": "function", "name": tool.name, **described, "parameters": schema, "strict": bool(tool.strict)}


_NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}


def _custom(tool: Tool) -> Item:
    return {"type": "custom", "name": tool.name, **known({"description": tool.description})}


_WRITE: Final[dict[str, Callable[[Tool], Item]]] = {"function": _function, "custom": _custom}


class _Declared(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


def decode_tools(listed: list[Item] | None) -> tuple[Tool, ...] | None:
    """
    Read the declarations.

    Raises:
        ConfigError: Not declarations; `.field` says which.
    """
    return None if listed is None else tuple(_decode(item, f"tools[{i}]") for i, item in enumerate(listed))


def _decode(item: Item, field: str) -> Tool:
    try:
        told = msgspec.convert(item, _Declared)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{field}: {error}", field=field) from error
    write = _WRITE.get(told.type)
    if write is None:
        name = told.name or text_of(item.get("server_label")) or told.type
        return Tool(name=name, kind="native", native={NAME: item})
    if told.name is None:
        raise ConfigError(f"{field}.name is missing: give the name of the tool", field=f"{field}.name")
    try:
        tool = Tool(
            name=told.name,
            description=told.description,
            parameters=told.parameters,
            strict=told.strict,
            kind=told.type,
        )
    except ConfigError as error:
        raise ConfigError(f"{field}: {error.message}", field=f"{field}.name") from error
    rest = difference(item, write(tool))
    return msgspec.structs.replace(tool, native={NAME: rest}) if rest else tool


def encode_choice(choice: str, tools: Iterable[Tool]) -> Any:
    """Write the choice: a word, or the name of a tool."""
    if choice in CHOICES:
        return choice
    tool = next((tool for tool in tools if tool.name == choice), None)
    if tool is not None and tool.kind not in _WRITE and (sent := own(tool.native)):
        return {name: sent[name] for name in ("type", "server_label") if name in sent}
    return {"type": "custom" if tool is not None and tool.kind == "custom" else "function", "name": choice}


def decode_choice(value: Any) -> str | None:
    """Read the choice; None for one that a setting cannot say, which then goes on as it came."""
    if isinstance(value, str):
        return value
    sent = object_of(value)
    name = text_of(sent.get("name"))
    return name if name and sent.get("type") in _WRITE and name not in CHOICES else None
