"""
Tools, both ways: `toolConfig` and the settings `tools` and `tool_choice`.

Rules: what is read is written again exactly; a tool that only this dialect knows (`systemTool`, a cache point between
tools) is carried whole.  The API refuses a conversation with tool calls in it that declares no tools, so the tools that
were called are then declared, without a schema.

Source: service model of `bedrock-runtime` (`ToolConfiguration`); Bedrock user guide, tool use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool
from dragoman.wire.bedrock_converse.dialect import NAME
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.native import difference, is_ours, over, own
from dragoman.wire.text_forms import FREE_TEXT

Json = dict[str, Any]

_NO_ARGUMENTS: Final[Json] = {"type": "object", "properties": {}}
_ONE_TEXT: Final[Json] = {"type": "object", "properties": {FREE_TEXT: {"type": "string"}}, "required": [FREE_TEXT]}


def encode_tools(request: ChatRequest, turns: list[Json], notices: list[Notice]) -> Json:
    """The `toolConfig`; empty where no tools are declared and none were called."""
    called = _called(turns)
    if request.tool_choice == "none" and not called:
        if request.tools:
            notices.append(Notice("tool_choice", "this dialect has no `none`; no tools were declared instead"))
        return {}
    tools = _declared(request.tools or (), notices)
    if not tools and called:
        notices.append(Notice("tools", f"a conversation with tool calls needs tools; declared {', '.join(called)}"))
        tools = [_spec(Tool(name=name), _NO_ARGUMENTS) for name in called]
    if not tools:
        return {}
    choice = _choice(request.tool_choice, notices)
    return {"tools": tools} | ({"toolChoice": choice} if choice else {})


def _called(turns: list[Json]) -> list[str]:
    """Names of the tools that were called in these turns, in order."""
    blocks = (object_of(block.get("toolUse")) for turn in turns for block in turn["content"])
    return list(dict.fromkeys(str(block["name"]) for block in blocks if block.get("name")))


def _choice(choice: str | None, notices: list[Notice]) -> Json | None:
    if choice == "none":
        notices.append(Notice("tool_choice", "this dialect has no `none`, and calls need their tools; left out"))
        return None
    if choice is None:
        return None
    return {"auto": {}} if choice == "auto" else {"any": {}} if choice == "required" else {"tool": {"name": choice}}


def _declared(tools: tuple[Tool, ...], notices: list[Notice]) -> list[Json]:
    listed: list[Json] = []
    for i, tool in enumerate(tools):
        write = _WRITE.get(tool.kind)
        if write is not None:
            listed.append(over(write(tool, f"tools[{i}]", notices), own(tool.native, NAME)))
        elif is_ours(tool.native, NAME):
            listed.append(own(tool.native, NAME))
        else:
            notices.append(Notice(f"tools[{i}]", f"{tool.name} is another dialect's own tool; left out"))
    return listed


def _function(tool: Tool, field: str, notices: list[Notice]) -> Json:
    return _spec(tool, _NO_ARGUMENTS if tool.parameters is None else tool.parameters)


def _custom(tool: Tool, field: str, notices: list[Notice]) -> Json:
    notices.append(Notice(field, f"this dialect has no free-text tools; declared with one text, `{FREE_TEXT}`"))
    return _spec(tool, _ONE_TEXT)


def _spec(tool: Tool, schema: Json) -> Json:
    spec: Json = {"name": tool.name, "inputSchema": {"json": schema}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return {"toolSpec": spec}


_WRITE: Final[dict[str, Callable[[Tool, str, list[Notice]], Json]]] = {"function": _function, "custom": _custom}


# --- as a server ------------------------------------------------------------------------------------------------------


class _Schema(msgspec.Struct):
    json: Json | None = None


class _Spec(msgspec.Struct):
    name: str
    inputSchema: _Schema
    description: str | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct):
    toolSpec: _Spec | None = None


class ToolConfig(msgspec.Struct):
    """`toolConfig` as it comes."""

    tools: list[_Tool] = []
    toolChoice: Json | None = None


def decode_tools(config: ToolConfig | None, raw: Json) -> tuple[Json, Json]:
    """
    The settings that a `toolConfig` stands for, and what of it they do not say.

    Raises:
        ConfigError: A name that no tool can have; `.field` says where.
    """
    if config is None:
        return {}, {}
    listed = list_of(raw.get("tools"))
    settings: Json = {"tools": tuple(_decode(tool, listed[i], i) for i, tool in enumerate(config.tools))}
    rest = {name: value for name, value in raw.items() if name not in ("tools", "toolChoice")}
    choice = _read_choice(config.toolChoice or {})
    if choice is not None:
        settings["tool_choice"] = choice
    elif config.toolChoice is not None:
        rest["toolChoice"] = config.toolChoice
    return settings, rest


def _read_choice(choice: Json) -> str | None:
    if "tool" in choice:
        name = object_of(choice["tool"]).get("name")
        return name if isinstance(name, str) else None
    return "auto" if "auto" in choice else "required" if "any" in choice else None


def _decode(told: _Tool, raw: Json, index: int) -> Tool:
    spec = told.toolSpec
    if spec is None:
        kind = next(iter(raw), "tool")
        return Tool(name=str(object_of(raw.get(kind)).get("name") or kind), kind="native", native={NAME: raw})
    try:
        tool = Tool(name=spec.name, description=spec.description, parameters=spec.inputSchema.json, strict=spec.strict)
    except ConfigError as error:
        field = f"toolConfig.tools[{index}].toolSpec"
        raise ConfigError(f"{field}: {error.message}", field=f"{field}.name") from error
    rest = difference(raw, _function(tool, "", []))
    return msgspec.structs.replace(tool, native={NAME: rest}) if rest else tool
