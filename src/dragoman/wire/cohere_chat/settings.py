"""
Settings of a request, both ways: one row for each field of the body.

Thinking: the dialect says on or off, with a cap on tokens.  A plain on is read as the effort `medium`; an effort is
sent as a plain on.

Tools: the dialect can demand a tool, but not name it; where one is named, only that one is declared.

Sources: Cohere SDK 7.3, `v2/client.py`; its page on reasoning.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.cohere_chat.dialect import NAME, Json
from dragoman.wire.function_tools import decode_functions, encode_functions
from dragoman.wire.lenient import object_of, whole
from dragoman.wire.native import own
from dragoman.wire.setting_rows import Note, Row, as_list, decode_rows, encode_rows, note_unsaid, texts

_CHOICES: Final = {"REQUIRED": "required", "NONE": "none"}
_CHOICES_OUT: Final = {"required": "REQUIRED", "none": "NONE", "auto": None}


def _decode_choice(value: Any) -> Any:
    return _CHOICES.get(value) if isinstance(value, str) else None


def _encode_choice(choice: str, note: Note) -> Any:
    if choice in _CHOICES_OUT:
        return _CHOICES_OUT[choice]
    note(f"this dialect cannot name a tool; {choice} alone was declared, and one demanded")
    return "REQUIRED"


def _decode_thinking(value: Any) -> Any:
    sent = object_of(value)
    if sent.get("type") == "disabled":
        return ReasoningSettings(effort="none")
    if sent.get("type") != "enabled":
        return None
    budget = whole(sent.get("token_budget"))
    return ReasoningSettings(effort="medium") if budget is None else ReasoningSettings(budget_tokens=budget)


def _encode_thinking(reasoning: ReasoningSettings, note: Note) -> Any:
    if reasoning.summary is not None:
        note("this dialect always shows the reasoning whole; `summary` was left out")
    if reasoning.effort == "none" or reasoning.budget_tokens == 0:
        return {"type": "disabled"}
    if reasoning.budget_tokens is not None:
        return {"type": "enabled", "token_budget": reasoning.budget_tokens}
    if reasoning.effort is None:
        return None
    note(f"this dialect has no efforts; thinking was switched on for {reasoning.effort!r}")
    return {"type": "enabled"}


def _decode_format(value: Any) -> Any:
    sent = object_of(value)
    schema = sent.get("json_schema")
    if sent.get("type") == "text":
        return OutputFormat(kind="text")
    if sent.get("type") != "json_object":
        return None
    return OutputFormat(schema=object_of(schema)) if isinstance(schema, dict) else OutputFormat(kind="json_object")


def _encode_format(output: OutputFormat, note: Note) -> Any:
    if output.kind == "json_schema" and output.schema is None:
        note("there is no schema; any JSON object was asked for")
    if output.schema is None or output.kind != "json_schema":
        return {"type": "text" if output.kind == "text" else "json_object"}
    return {"type": "json_object", "json_schema": output.schema}


ROWS: Final[dict[str, Row]] = {
    "max_tokens": Row("max_tokens"),
    "stop_sequences": Row("stop", texts, as_list),
    "temperature": Row("temperature"),
    "seed": Row("seed"),
    "frequency_penalty": Row("frequency_penalty"),
    "presence_penalty": Row("presence_penalty"),
    "k": Row("top_k"),
    "p": Row("top_p"),
    "logprobs": Row("logprobs"),
    "tool_choice": Row("tool_choice", _decode_choice, _encode_choice),
    "thinking": Row("reasoning", _decode_thinking, _encode_thinking),
    "response_format": Row("output", _decode_format, _encode_format),
}
_CARRIED: Final = frozenset({"tools", *(row.setting for row in ROWS.values())})


def encode_settings(request: ChatRequest, notices: list[Notice]) -> Json:
    """Write every setting that is set; what the dialect does not know is said in `notices`."""
    body = encode_rows(ROWS, request, own(request.native, NAME), notices) | _tools(request, notices)
    note_unsaid(request, _CARRIED, notices)
    return body


def _tools(request: ChatRequest, notices: list[Notice]) -> Json:
    if request.tools is None:
        return {}
    named = [tool for tool in request.tools if tool.name == request.tool_choice]
    tools = named or request.tools
    body: Json = {"tools": encode_functions(tools, NAME, notices)}
    asked = {bool(tool.strict) for tool in tools if tool.kind != "native"}
    if any(tool.strict is not None for tool in tools):
        body["strict_tools"] = asked == {True}
    if len(asked) > 1:
        notices.append(Notice("tools", "this dialect is strict with all tools or with none; none was asked for"))
    return body


def decode_settings(body: Json) -> tuple[Json, Json]:
    """
    Split a body without model, messages and stream into settings and what stays as it came.

    Raises:
        ConfigError: A tool that is none.
    """
    settings, native = decode_rows(ROWS, {name: value for name, value in body.items() if name != "tools"})
    if body.get("tools") is not None:
        tools = decode_functions(body["tools"], NAME)
        strict = native.get("strict_tools")
        if isinstance(strict, bool) and any(tool.kind == "function" for tool in tools):
            del native["strict_tools"]
            tools = tuple(_strict(tool, strict) for tool in tools)
        settings["tools"] = tools
    return settings, native


def _strict(tool: Tool, strict: bool) -> Tool:
    return msgspec.structs.replace(tool, strict=strict) if tool.kind == "function" else tool
