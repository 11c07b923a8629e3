"""
Tool declarations and the choice among them, both ways.

Rule: what is read is written again exactly: a declaration that a `Tool` would write differently is kept whole in its
`native["openai-chat"]`, and goes out as long as it still says the same.

Source: OpenAI's OpenAPI file (`ChatCompletionTool`, `ChatCompletionToolChoiceOption`); tools of other types as Groq,
OpenRouter and others take them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.tools import Tool
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.openai_chat.blocks import Notes, own
from dragoman.wire.openai_chat.dialect import NAME

CHOICES: Final = ("auto", "none", "required")


def encode_tools(tools: Iterable[Tool], notes: Notes) -> list[dict[str, Any]]:
    """Write the declarations that this dialect can carry."""
    listed: list[dict[str, Any]] = []
    for i, tool in enumerate(tools):
        written = _encode(tool)
        if written is None:
            notes.add(f"tools[{i}]", f"{tool.name} is another dialect's own tool and was left out")
        else:
            listed.append(written)
    return listed


def _encode(tool: Tool) -> dict[str, Any] | None:
    sent = own(tool.native)
    if sent and _same(_decode(sent, "tools"), tool):
        return sent
    write = _WRITE.get(tool.kind)
    return {**write(tool), **{name: value for name, value in sent.items() if name not in _SHAPE}} if write else None


def _same(one: Tool, other: Tool) -> bool:
    return msgspec.structs.replace(one, native=None) == msgspec.structs.replace(other, native=None)


_SHAPE: Final = ("type", "function", "custom")


def _function(tool: Tool) -> dict[str, Any]:
    body = {
        "name": tool.name,
        "description": tool.description,
        "parameters": _NO_ARGUMENTS if tool.parameters is None else tool.parameters,  # Mistral requires it
        "strict": tool.strict,
    }
    return {"type": "function", "function": {name: value for name, value in body.items() if value is not None}}


_NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}


def _custom(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description is not None else {}
    return {"type": "custom", "custom": {"name": tool.name, **described}}


_WRITE: Final[dict[str, Callable[[Tool], dict[str, Any]]]] = {"function": _function, "custom": _custom}


def decode_tools(value: Any) -> Any:
    """
    Read a list of declarations.

    Raises:
        ConfigError: Not declarations; `.field` says which.
    """
    if not isinstance(value, list):
        raise ConfigError(f"tools is {type(value).__name__}: give a list", field="tools")
    return tuple(_kept(item, f"tools[{i}]") for i, item in enumerate(list_of(value)))


def _kept(value: Any, field: str) -> Tool:
    tool = _decode(value, field)
    return tool if _encode(tool) == value else msgspec.structs.replace(tool, native={NAME: value})


def _decode(value: Any, field: str) -> Tool:
    sent = object_of(value)
    # Mistral's own SDK leaves the type out.
    kind = sent.get("type") or ("function" if sent.get("function") else None)
    if not isinstance(kind, str):
        raise ConfigError(f"{field} has no type: give {{'type': 'function', 'function': ...}}", field=f"{field}.type")
    if kind not in _WRITE:
        return Tool(name=kind, kind="native", native={NAME: sent})
    body = object_of(sent.get(kind))
    name = body.get("name")
    if not isinstance(name, str):
        where = f"{field}.{kind}.name"
        raise ConfigError(f"{where} is {name!r}: give the name of the tool", field=where)
    try:
        return Tool(
            name=name,
            description=_typed(body, "description", str),
            parameters=_typed(body, "parameters", dict),
            strict=_typed(body, "strict", bool),
            kind=kind,
        )
    except ConfigError as error:
        raise ConfigError(f"{field}.{kind}: {error.message}", field=f"{field}.{kind}") from error


def _typed(body: dict[str, Any], name: str, kind: type[Any]) -> Any:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise ConfigError(f"{name} is {value!r}, which is no {kind.__name__}", field=name)
    return value


def encode_choice(choice: str) -> Any:
    """Write the choice: a word, or the name of a tool."""
    return choice if choice in CHOICES else {"type": "function", "function": {"name": choice}}


def decode_choice(value: Any) -> Any:
    """Read the choice; None for one that a setting cannot say, which then goes on as it came."""
    if isinstance(value, str):
        return "required" if value == "any" else value
    sent = object_of(value)
    name = object_of(sent.get("function")).get("name")
    return name if sent.get("type") == "function" and isinstance(name, str) and name not in CHOICES else None
