"""
From a body of this dialect to a neutral request, as a server.

Rule: decoding and encoding again gives an equal body.  What has no neutral form is kept in `native`: of the tool, the
part or the message it stands in, or of the request.

Source: the vendor's OpenAPI file (`CreateMessageParams`), and the recordings.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Message, Part, Text
from dragoman.types.requests import ChatRequest, Effort, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.anthropic_messages.blocks import as_blocks, decode_part
from dragoman.wire.anthropic_messages.dialect import DEFAULT_VERSION, NAME, Block, CacheControl, cache_mark
from dragoman.wire.anthropic_messages.request import encode_settings
from dragoman.wire.request_body import read_body, refused, unsaid


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: dict[str, Any] | None = None


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Turn(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class _Tool(msgspec.Struct):
    type: str | None = None
    name: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[_Turn]
    system: str | list[Block] | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None  # where `output_config.format` was while it was a beta
    metadata: _Metadata | None = None
    cache_control: CacheControl | None = None
    service_tier: str | None = None


def decode_request(body: bytes) -> ChatRequest:
    """
    Read a request.

    Raises:
        ConfigError: Not JSON, or not a request of this dialect; `.field` says where.
    """
    raw, told = read_body(body, _Body)
    system, native = _system(told.system, raw)
    messages = (*system, *(_turn(turn, raw["messages"][i], i) for i, turn in enumerate(told.messages)))
    request = ChatRequest(
        model=told.model,
        messages=messages,
        stream=bool(told.stream),
        max_tokens=told.max_tokens,
        temperature=told.temperature,
        top_p=told.top_p,
        top_k=told.top_k,
        stop=tuple(told.stop_sequences) if told.stop_sequences is not None else None,
        tools=_tools(told, raw),
        tool_choice=_choice(told.tool_choice),
        parallel_tool_calls=_parallel(told.tool_choice),
        reasoning=_reasoning(told),
        output=_output(told),
        user=told.metadata.user_id if told.metadata else None,
        cache=cache_mark(told.cache_control),
        service_tier=told.service_tier,
    )
    native |= unsaid(raw, encode_settings(request, DEFAULT_VERSION)[0], _ELSEWHERE)
    return msgspec.structs.replace(request, native={NAME: native}) if native else request


_ELSEWHERE: Final = ("model", "messages", "system", "tools")


# --- messages ---------------------------------------------------------------------------------------------------------


def _system(system: str | list[Block] | None, raw: dict[str, Any]) -> tuple[list[Message], dict[str, Any]]:
    """The message of the instructions, if there are any; an empty list of them is kept as it is."""
    if system is None:
        return [], {}
    if not system and isinstance(system, list):
        return [], {"system": system}
    return [Message("system", _parts(system, "system"))], {}


def _turn(turn: _Turn, raw: dict[str, Any], index: int) -> Message:
    rest: dict[str, Any] = {key: value for key, value in raw.items() if key not in ("role", "content")}
    # Instructions between turns are marked, so that those at the very start stay apart from `system`.
    native = {NAME: rest} if rest or turn.role == "system" else None
    return Message(turn.role, _parts(turn.content, f"messages[{index}].content"), native=native)


def _parts(content: str | list[Block], place: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    return as_blocks(_part(block, f"{place}[{i}]") for i, block in enumerate(content))


def _part(block: Block, place: str) -> Part:
    try:
        return decode_part(block)
    except msgspec.ValidationError as error:
        raise refused(error, place) from error


# --- settings ---------------------------------------------------------------------------------------------------------


def _tools(told: _Body, raw: dict[str, Any]) -> tuple[Tool, ...] | None:
    if told.tools is None:
        return None
    return tuple(_tool(tool, raw["tools"][i], i) for i, tool in enumerate(told.tools))


def _tool(tool: _Tool, raw: dict[str, Any], index: int) -> Tool:
    if tool.input_schema is None or tool.type not in (None, "custom"):
        name = tool.name or tool.type
        if not name:
            raise ConfigError(f"tools[{index}] has neither a name nor a type", field=f"tools[{index}].name")
        return Tool(name=name, kind="native", native={NAME: raw})
    if tool.name is None:
        raise ConfigError(f"tools[{index}] has no name", field=f"tools[{index}].name")
    known = ("name", "description", "input_schema", "strict")
    rest = {key: value for key, value in raw.items() if key not in known or value is None}
    return Tool(
        name=tool.name,
        description=tool.description,
        parameters=tool.input_schema,
        strict=tool.strict,
        native={NAME: rest} if rest else None,
    )


def _choice(choice: _ToolChoice | None) -> str | None:
    if choice is None:
        return None
    return choice.name if choice.type == "tool" else _CHOICES.get(choice.type)


_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}


def _parallel(choice: _ToolChoice | None) -> bool | None:
    if choice is None or choice.disable_parallel_tool_use is None:
        return None
    return not choice.disable_parallel_tool_use


def _reasoning(told: _Body) -> ReasoningSettings | None:
    thinking, effort = told.thinking, told.output_config.effort if told.output_config else None
    if effort is None and thinking is not None and thinking.type == "disabled":
        return ReasoningSettings(effort="none")
    shows = thinking is not None and thinking.type in ("enabled", "adaptive") and thinking.display in _DISPLAYS
    reasoning = ReasoningSettings(
        effort=effort if effort in _EFFORTS else None,  # type: ignore[arg-type]
        budget_tokens=thinking.budget_tokens if thinking and thinking.type == "enabled" else None,
        summary=thinking.display if thinking and shows else None,
    )
    return reasoning if reasoning != ReasoningSettings() else None


_DISPLAYS: Final = ("summarized", "omitted")


_EFFORTS: Final = tuple(effort for effort in get_args(Effort) if effort not in ("none", "minimal"))


def _output(told: _Body) -> OutputFormat | None:
    form = told.output_format or (told.output_config.format if told.output_config else None)
    if form is None or form.type != "json_schema":
        return None
    return OutputFormat(kind="json_schema", schema=form.schema, name="output")
