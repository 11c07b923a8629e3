"""
Settings of a request, both ways.

Each setting has one function that adds its field; a setting that the dialect does not know is left out with a notice.
Decoding reads one Struct; what it does not name, or writes otherwise, stays in `native`.

Source: OpenAI's OpenAPI file (`CreateResponse`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import CacheMark
from dragoman.types.requests import ChatRequest, Effort, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.lenient import known
from dragoman.wire.openai_responses.dialect import Item
from dragoman.wire.openai_responses.tools import decode_choice, decode_tools, encode_choice, encode_tools

LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"

LEAST_TOKENS: Final = 16
_SUMMARIES: Final = ("auto", "concise", "detailed")
# The vendor's lifetimes (its guide to prompt caching; the published schema knows the first).
_LIFETIMES: Final = ("30m", "12h")


class Writing:
    """
    The fields and notices of one request's settings.

    Args:
        request: Whose settings are written.
        native: What came in this dialect and has no neutral form.
    """

    def __init__(self, request: ChatRequest, native: dict[str, Any]) -> None:
        self.request = request
        self.native = native
        self.body: dict[str, Any] = {}
        self.notices: list[Notice] = []

    def note(self, field: str, text: str) -> None:
        """Say that a setting was adapted."""
        self.notices.append(Notice(field, text))

    def into(self, key: str, **fields: Any) -> None:
        """Add fields to an object of the body."""
        self.body[key] = {**self.body.get(key, {}), **known(fields)}

    def include(self, name: str) -> None:
        """Ask for something in the answer, unless the request came with a list of its own."""
        listed = self.body.get("include", [])
        if "include" not in self.native and name not in listed:
            self.body["include"] = [*listed, name]


def encode_settings(request: ChatRequest, native: dict[str, Any]) -> Writing:
    """Write every setting that is set."""
    writing = Writing(request, native)
    if request.stream:
        writing.body["stream"] = True
    for name, write in _SETTINGS.items():
        value = getattr(request, name)
        if value is not None:
            write(writing, value)
    return writing


def _same(key: str) -> Callable[[Writing, Any], None]:
    def write(writing: Writing, value: Any) -> None:
        writing.body[key] = value

    return write


def _unknown(key: str) -> Callable[[Writing, Any], None]:
    def write(writing: Writing, value: Any) -> None:
        writing.note(key, "this dialect has no such setting; left out")

    return write


def _max_tokens(writing: Writing, count: int) -> None:
    if count < LEAST_TOKENS and writing.native.get("max_output_tokens") != count:
        writing.note("max_tokens", f"this dialect's least cap is {LEAST_TOKENS}; sent as that")
        count = LEAST_TOKENS
    writing.body["max_output_tokens"] = count


def _several(writing: Writing, count: int) -> None:
    if count > 1:
        writing.note("n", "this dialect gives one answer to a request; left out")


def _logprobs(writing: Writing, wanted: bool) -> None:
    if wanted:
        writing.include(LOGPROBS)


def _top_logprobs(writing: Writing, count: int) -> None:
    writing.body["top_logprobs"] = count
    if count:
        writing.include(LOGPROBS)


def _tools(writing: Writing, tools: tuple[Tool, ...]) -> None:
    written = encode_tools(tools, writing.notices)
    if written or not tools:
        writing.body["tools"] = written


def _tool_choice(writing: Writing, choice: str) -> None:
    writing.body["tool_choice"] = encode_choice(choice, writing.request.tools or ())


def _reasoning(writing: Writing, reasoning: ReasoningSettings) -> None:
    if reasoning.budget_tokens is not None:
        writing.note("reasoning.budget_tokens", "this dialect has efforts instead of budgets; left out")
    summary = reasoning.summary
    if summary == "summarized":
        summary = "auto"
        writing.note("reasoning.summary", "this dialect calls it 'auto'")
    if summary is not None and summary not in _SUMMARIES:
        if summary != "omitted":  # which is what an unset one means here
            writing.note("reasoning.summary", f"this dialect has no summary called {summary!r}; left out")
        summary = None
    if reasoning.effort is not None or summary is not None:
        writing.into("reasoning", effort=reasoning.effort, summary=summary)


def _verbosity(writing: Writing, verbosity: str) -> None:
    writing.into("text", verbosity=verbosity)


def _output(writing: Writing, output: OutputFormat) -> None:
    if output.kind != "json_schema":
        writing.into("text", format={"type": output.kind})
    elif output.schema is None:
        writing.into("text", format={"type": "json_object"})
        writing.note("output", "there is no schema; any JSON object was asked for")
    else:
        described = known({"description": output.description, "strict": output.strict})
        form = {"type": "json_schema", "name": _name(output.name), "schema": output.schema, **described}
        writing.into("text", format=form)


def _name(name: str | None) -> str:
    """The dialect requires a name of 1 to 64 letters, digits, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name or "output")[:64]


def _cache(writing: Writing, mark: CacheMark) -> None:
    if mark.ttl in _LIFETIMES:
        writing.into("prompt_cache_options", ttl=mark.ttl)
    elif mark.ttl:
        writing.note("cache.ttl", f"this dialect's lifetimes are {' and '.join(_LIFETIMES)}; left out")


def _user(writing: Writing, user: str) -> None:
    """`safety_identifier` is what replaced `user`; who came with the old name keeps it."""
    writing.body["user" if "user" in writing.native else "safety_identifier"] = user


_SETTINGS: Final[dict[str, Callable[[Writing, Any], None]]] = {
    "temperature": _same("temperature"),
    "top_p": _same("top_p"),
    "top_k": _unknown("top_k"),
    "max_tokens": _max_tokens,
    "stop": _unknown("stop"),
    "seed": _unknown("seed"),
    "frequency_penalty": _unknown("frequency_penalty"),
    "presence_penalty": _unknown("presence_penalty"),
    "logit_bias": _unknown("logit_bias"),
    "logprobs": _logprobs,
    "top_logprobs": _top_logprobs,
    "n": _several,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _same("parallel_tool_calls"),
    "reasoning": _reasoning,
    "verbosity": _verbosity,
    "output": _output,
    "cache": _cache,
    "service_tier": _same("service_tier"),
    "metadata": _same("metadata"),
    "user": _user,
}


# --- as a server ------------------------------------------------------------------------------------------------------


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Format(msgspec.Struct):
    type: str
    name: str | None = None
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None
    verbosity: Any = None


class _CacheOptions(msgspec.Struct):
    ttl: str | None = None


class Body(msgspec.Struct):
    """A request; what it does not name goes on as it came."""

    model: str | None = None
    input: str | list[Item] | None = None
    instructions: str | None = None
    stream: bool | None = None
    include: list[str] | None = None
    store: bool | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    max_output_tokens: int | None = None
    top_logprobs: int | None = None
    tools: list[Item] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    reasoning: _Reasoning | None = None
    text: _Text | None = None
    prompt_cache_options: _CacheOptions | None = None
    service_tier: str | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None
    safety_identifier: str | None = None


def decode_settings(told: Body) -> dict[str, Any]:
    """
    The settings of a request as keywords of `ChatRequest`.

    Raises:
        ConfigError: A tool that is none; `.field` says which.
    """
    return {
        "temperature": told.temperature,
        "top_p": told.top_p,
        "max_tokens": told.max_output_tokens,
        "logprobs": True if LOGPROBS in (told.include or ()) else None,
        "top_logprobs": told.top_logprobs,
        "tools": decode_tools(told.tools),
        "tool_choice": decode_choice(told.tool_choice),
        "parallel_tool_calls": told.parallel_tool_calls,
        "reasoning": _decode_reasoning(told.reasoning),
        "verbosity": told.text.verbosity if told.text else None,
        "output": _decode_output(told.text.format if told.text else None),
        "cache": _decode_cache(told.prompt_cache_options),
        "service_tier": told.service_tier,
        "metadata": told.metadata,
        "user": told.user if told.user is not None else told.safety_identifier,
    }


def _decode_reasoning(told: _Reasoning | None) -> ReasoningSettings | None:
    if told is None:
        return None
    reasoning = ReasoningSettings(
        effort=told.effort if told.effort in get_args(Effort) else None,  # type: ignore[arg-type]
        summary=told.summary if told.summary in _SUMMARIES else None,
    )
    return reasoning if reasoning != ReasoningSettings() else None


def _decode_output(told: _Format | None) -> OutputFormat | None:
    if told is None or told.type not in ("text", "json_object", "json_schema"):
        return None
    return OutputFormat(
        kind=told.type,  # type: ignore[arg-type]
        schema=told.schema,
        name=told.name,
        description=told.description,
        strict=told.strict,
    )


def _decode_cache(told: _CacheOptions | None) -> CacheMark | None:
    return CacheMark(told.ttl) if told is not None and told.ttl in _LIFETIMES else None
