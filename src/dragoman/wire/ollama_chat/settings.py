"""
Settings of a request, both ways: one row for each field of the body, and one for each of its `options`.

Efforts: the dialect says yes, no, or one of four words.  A plain yes is read as `medium`, which is what it means to
models that know levels; a budget is sent as a plain yes.

Sources: Ollama's OpenAPI file (`ChatRequest`, `ModelOptions`); the server's `api/types.go` (`stop` must be a list); its
page on thinking.
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.wire.function_tools import decode_functions, encode_functions
from dragoman.wire.lenient import object_of, whole
from dragoman.wire.native import own
from dragoman.wire.ollama_chat.dialect import NAME, Json
from dragoman.wire.setting_rows import Note, Row, as_list, decode_rows, encode_rows, note_unsaid, texts

_LEVELS: Final = ("low", "medium", "high", "max")


def _decode_think(value: Any) -> Any:
    if isinstance(value, bool):
        return ReasoningSettings(effort="medium" if value else "none")
    return ReasoningSettings(effort=value) if value in _LEVELS else None


def _encode_think(reasoning: ReasoningSettings, note: Note) -> Any:
    if reasoning.summary is not None:
        note("this dialect always shows the reasoning whole; `summary` was left out")
    if reasoning.effort == "none" or reasoning.budget_tokens == 0:
        return False
    if reasoning.budget_tokens is not None:
        note("this dialect has no budget for reasoning; `budget_tokens` was left out")
    if reasoning.effort is None:
        return True if reasoning.budget_tokens is not None else None
    if reasoning.effort in _LEVELS:
        return reasoning.effort
    nearest = "low" if reasoning.effort == "minimal" else "high"
    note(f"this dialect has no effort called {reasoning.effort!r}; {nearest!r} was sent")
    return nearest


def _decode_format(value: Any) -> Any:
    if value == "json":
        return OutputFormat(kind="json_object")
    return OutputFormat(schema=object_of(value)) if isinstance(value, dict) and value else None


def _encode_format(output: OutputFormat, note: Note) -> Any:
    if output.kind == "text":
        return None
    if output.kind == "json_schema" and output.schema is None:
        note("there is no schema; any JSON was asked for")
    return output.schema or "json"


def _decode_cap(value: Any) -> Any:
    """-1 and -2 ask for no limit and for all that fits; they go on as they came."""
    count = whole(value)
    return None if count is not None and count < 0 else value


ROWS: Final[dict[str, Row]] = {
    "think": Row("reasoning", _decode_think, _encode_think),
    "format": Row("output", _decode_format, _encode_format),
    "logprobs": Row("logprobs"),
    "top_logprobs": Row("top_logprobs"),
}
OPTIONS: Final[dict[str, Row]] = {
    "num_predict": Row("max_tokens", _decode_cap),
    "temperature": Row("temperature"),
    "top_p": Row("top_p"),
    "top_k": Row("top_k"),
    "seed": Row("seed"),
    "stop": Row("stop", texts, as_list),
    "frequency_penalty": Row("frequency_penalty"),
    "presence_penalty": Row("presence_penalty"),
}
_CARRIED: Final = frozenset({"tools", "tool_choice", *(row.setting for row in (*ROWS.values(), *OPTIONS.values()))})


def encode_settings(request: ChatRequest, notices: list[Notice]) -> Json:
    """Write every setting that is set; what the dialect does not know is said in `notices`."""
    native = own(request.native, NAME)
    body = encode_rows(ROWS, request, native, notices)
    options = encode_rows(OPTIONS, request, object_of(native.get("options")), notices)
    if options:
        body["options"] = options
    body |= _tools(request, notices)
    note_unsaid(request, _CARRIED, notices)
    return body


def _tools(request: ChatRequest, notices: list[Notice]) -> Json:
    tools, choice = request.tools, request.tool_choice
    if choice == "none" and tools:
        notices.append(Notice("tool_choice", "this dialect cannot forbid tools; they were not sent"))
        return {}
    if choice not in (None, "auto", "none"):
        notices.append(Notice("tool_choice", "this dialect cannot demand a tool; left out"))
    if any(tool.strict for tool in tools or ()):
        notices.append(Notice("tools", "this dialect holds no model to a tool's schema; `strict` was left out"))
    return {} if tools is None else {"tools": encode_functions(tools, NAME, notices)}


def decode_settings(body: Json) -> tuple[Json, Json]:
    """
    Split a body without model, messages and stream into settings and what stays as it came.

    Raises:
        ConfigError: A tool that is none.
    """
    options = body.get("options")
    settings, native = decode_rows(ROWS, {name: value for name, value in body.items() if name not in _APART})
    if isinstance(options, dict):
        more, rest = decode_rows(OPTIONS, object_of(options))
        settings |= more
        if rest or not more:
            native["options"] = rest
    elif options is not None:
        native["options"] = options
    if body.get("tools") is not None:
        settings["tools"] = decode_functions(body["tools"], NAME)
    return settings, native


_APART: Final = ("options", "tools")
