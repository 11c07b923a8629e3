"""
From a neutral request to a body of this dialect.

Each setting has one function that adds its field; a setting that the dialect does not know is left out with a notice.
What came in this dialect and has no neutral form lies under the result, and never covers what was set.

Sources: the vendor's OpenAPI file (`CreateMessageParams`) and its pages on effort, extended thinking, structured
outputs, tool choice and API version 2026-10-21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.types.http import HttpRequest, Notice
from dragoman.types.messages import CacheMark
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.anthropic_messages.calls import FREE_TEXT
from dragoman.wire.anthropic_messages.content import ContentWriter, rejects_sampling
from dragoman.wire.anthropic_messages.conversation import encode_conversation
from dragoman.wire.anthropic_messages.dialect import (
    DEFAULT_VERSION,
    PATH,
    cache_control,
    is_ours,
    native_of,
)
from dragoman.wire.base import encode_json
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.request_body import overlay

# The dialect requires a cap; this one is small enough for every model there is.
_DEFAULT_MAX_TOKENS: Final = 4096
_LEAST_BUDGET: Final = 1024
# Under this name the field `context_management` is taken (the vendor's page on context editing).
_EDITING: Final = "context-management-2025-06-27"


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """
    Write a request.

    Raises:
        ConfigError: There are only instructions and no message to answer, or a text that has no bytes.
    """
    version = provider.quirks.api_version or DEFAULT_VERSION
    body, notices = encode_body(request, provider, version)
    headers = {
        **{name.lower(): value for name, value in provider.headers.items()},
        "content-type": "application/json",
        "accept": "text/event-stream" if request.stream else "application/json",
        "anthropic-version": version,
    }
    if "context_management" in body:
        headers["anthropic-beta"] = _with_beta(headers.get("anthropic-beta", ""), _EDITING)
    return HttpRequest(
        url=provider.url(PATH, request.model),
        headers=headers,
        body=encode_json(body),
        notices=tuple(notices),
    )


def _with_beta(named: str, beta: str) -> str:
    """The header that names what is not yet part of the API, with one more."""
    names = [name.strip() for name in named.split(",") if name.strip()]
    return ",".join(names if beta in names else [*names, beta])


def encode_body(request: ChatRequest, provider: Provider, version: str) -> tuple[dict[str, Any], list[Notice]]:
    """
    The body of a request under an API version, and what could not be carried.

    Raises:
        ConfigError: There are only instructions and no message to answer.
    """
    writer = ContentWriter(provider.name, request.model, version)
    native = native_of(request.native)
    settings, notices = encode_settings(request, version)
    checked = "block_binding" not in object_of(native.get("thinking"))
    tools = {**settings, **(request.extra or {})}.get("tools")
    conversation = encode_conversation(request.messages, writer, tools, checked=checked)
    body: dict[str, Any] = overlay(native, {"model": request.model, **conversation, **settings})
    notices += writer.notices + _with_cap(body, request) + _without_thinking(body)
    return (overlay(body, request.extra) if request.extra else body), notices


# --- settings ---------------------------------------------------------------------------------------------------------


class _Writing:
    """The fields and notices of one request's settings."""

    def __init__(self, version: str, native: dict[str, Any]) -> None:
        self.body: dict[str, Any] = {}
        self.native = native
        self.notices: list[Notice] = []
        self.no_sampling = rejects_sampling(version)

    def notice(self, field: str, text: str) -> None:
        self.notices.append(Notice(field, text))

    def into(self, key: str, **fields: Any) -> None:
        """Add fields to an object of the body."""
        self.body[key] = {**self.body.get(key, {}), **fields}


def encode_settings(request: ChatRequest, version: str) -> tuple[dict[str, Any], list[Notice]]:
    """The body's fields for everything but model and messages, and what could not be carried."""
    writing = _Writing(version, native_of(request.native))
    if request.stream:
        writing.body["stream"] = True
    for name, write in _SETTINGS.items():
        value = getattr(request, name)
        if value is not None:
            write(writing, value)
    _tool_choice(writing, request)
    return writing.body, writing.notices


def _same(key: str) -> Callable[[_Writing, Any], None]:
    def write(writing: _Writing, value: Any) -> None:
        writing.body[key] = value

    return write


def _sampling(key: str) -> Callable[[_Writing, Any], None]:
    def write(writing: _Writing, value: Any) -> None:
        if writing.no_sampling:
            writing.notice(key, "this API version takes no sampling parameters; left out")
        else:
            writing.body[key] = value

    return write


def _unknown(key: str) -> Callable[[_Writing, Any], None]:
    def write(writing: _Writing, value: Any) -> None:
        writing.notice(key, "this dialect has no such setting; left out")

    return write


def _several(writing: _Writing, count: int) -> None:
    if count > 1:
        writing.notice("n", "this dialect gives one answer to a request; left out")


def _logprobs(writing: _Writing, wanted: bool) -> None:
    if wanted:
        writing.notice("logprobs", "this dialect has no such setting; left out")


def _metadata(writing: _Writing, metadata: dict[str, Any]) -> None:
    if metadata:
        writing.notice("metadata", "this dialect stores no metadata but `user`; left out")


def _user(writing: _Writing, user: str) -> None:
    writing.into("metadata", user_id=user)


def _cache(writing: _Writing, mark: CacheMark) -> None:
    writing.body |= cache_control(mark)


def _output(writing: _Writing, output: OutputFormat) -> None:
    if output.kind == "text":
        return
    if output.schema is None:
        writing.notice("output", "this dialect needs a JSON Schema to hold an answer to JSON; left out")
        return
    form = {"type": "json_schema", "schema": output.schema}
    if "output_format" in writing.native:  # it came under the name that it had as a beta
        writing.body["output_format"] = form
    else:
        writing.into("output_config", format=form)


def _reasoning(writing: _Writing, reasoning: ReasoningSettings) -> None:
    if reasoning.effort == "none" or reasoning.budget_tokens == 0:
        writing.body["thinking"] = {"type": "disabled"}
        return
    if reasoning.effort is not None:
        # Effort alone: the models that know it think adaptively of themselves, and older ones refuse `adaptive`.
        writing.into("output_config", effort=_effort(writing, reasoning.effort))
    if reasoning.budget_tokens is not None:
        writing.body["thinking"] = {"type": "enabled", "budget_tokens": _budget(writing, reasoning.budget_tokens)}
    if reasoning.summary is not None:
        display = "omitted" if reasoning.summary == "omitted" else "summarized"
        writing.body["thinking"] = {"type": "adaptive"} | writing.body.get("thinking", {}) | {"display": display}


def _budget(writing: _Writing, tokens: int) -> int:
    if tokens < _LEAST_BUDGET:
        writing.notice("reasoning.budget_tokens", f"this dialect's least budget is {_LEAST_BUDGET}; sent as that")
    return max(tokens, _LEAST_BUDGET)


def _effort(writing: _Writing, effort: str) -> str:
    if effort == "minimal":
        writing.notice("reasoning.effort", "this dialect's least effort is `low`; sent as that")
        return "low"
    return effort


def _tools(writing: _Writing, tools: tuple[Tool, ...]) -> None:
    declared = [_TOOL_KINDS.get(tool.kind, _server_tool)(writing, tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    writing.body["tools"] = [tool for tool in declared if tool is not None]


def _function(writing: _Writing, tool: Tool, field: str) -> dict[str, Any]:
    return _declared(tool, _NO_ARGUMENTS if tool.parameters is None else tool.parameters)


_NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}


def _custom(writing: _Writing, tool: Tool, field: str) -> dict[str, Any]:
    writing.notice(field, f"this dialect has no free-text tools; declared with one text, `{FREE_TEXT}`")
    properties = {FREE_TEXT: {"type": "string"}}
    return _declared(tool, {"type": "object", "properties": properties, "required": [FREE_TEXT]})


def _declared(tool: Tool, schema: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": tool.name, "input_schema": schema}
    if tool.description is not None:
        fields["description"] = tool.description
    if tool.strict is not None:
        fields["strict"] = tool.strict
    return overlay(native_of(tool.native), fields)


def _server_tool(writing: _Writing, tool: Tool, field: str) -> dict[str, Any] | None:
    if not is_ours(tool.native):
        writing.notice(field, f"{tool.name} is a tool of another provider; left out")
        return None
    return native_of(tool.native)


_TOOL_KINDS: Final[dict[str, Callable[[_Writing, Tool, str], dict[str, Any] | None]]] = {
    "function": _function,
    "custom": _custom,
    "native": _server_tool,
}


def _tool_choice(writing: _Writing, request: ChatRequest) -> None:
    parallel = request.parallel_tool_calls
    choice = request.tool_choice or ("auto" if parallel is False and request.tools else None)
    if choice is None:
        return
    fields: dict[str, Any] = _CHOICES.get(choice) or {"type": "tool", "name": choice}
    if parallel is not None and choice != "none":
        fields = fields | {"disable_parallel_tool_use": not parallel}
    writing.body["tool_choice"] = fields


_CHOICES: Final = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}

_SETTINGS: Final[dict[str, Callable[[_Writing, Any], None]]] = {
    "temperature": _sampling("temperature"),
    "top_p": _sampling("top_p"),
    "top_k": _sampling("top_k"),
    "max_tokens": _same("max_tokens"),
    "stop": _same("stop_sequences"),
    "seed": _unknown("seed"),
    "frequency_penalty": _unknown("frequency_penalty"),
    "presence_penalty": _unknown("presence_penalty"),
    "logit_bias": _unknown("logit_bias"),
    "logprobs": _logprobs,
    "top_logprobs": _unknown("top_logprobs"),
    "n": _several,
    "tools": _tools,
    "reasoning": _reasoning,
    "verbosity": _unknown("verbosity"),
    "output": _output,
    "cache": _cache,
    "service_tier": _same("service_tier"),
    "metadata": _metadata,
    "user": _user,
}


def _without_thinking(body: dict[str, Any]) -> list[Notice]:
    """
    Take thinking by budget away where the answer whose calls are answered does not begin with it: it was another's.

    "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant`
    message must start with a thinking block."
    """
    if object_of(body.get("thinking")).get("type") != "enabled" or not _answers_without_thinking(body["messages"]):
        return []
    del body["thinking"]
    text = "the answer whose calls are answered was not thought by this model, so that it cannot think now; left out"
    return [Notice("reasoning", text)]


def _answers_without_thinking(turns: list[Any]) -> bool:
    """Whether the last turn answers calls of an answer that does not begin with thinking."""
    answer, results = ([], *(list_of(turn["content"]) for turn in turns[-2:]))[-2:]
    first, begins = (next((object_of(block).get("type") for block in blocks), None) for blocks in (answer, results))
    return begins == "tool_result" and first not in ("thinking", "redacted_thinking")


def _with_cap(body: dict[str, Any], request: ChatRequest) -> list[Notice]:
    """Add `max_tokens` where nobody gave it; it must be above the thinking budget, which it includes."""
    if "max_tokens" in body or "max_tokens" in (request.extra or {}):
        return []
    budget = (request.reasoning.budget_tokens if request.reasoning else None) or 0
    body["max_tokens"] = budget + _DEFAULT_MAX_TOKENS
    return [Notice("max_tokens", f"this dialect requires it; {body['max_tokens']} was sent")]
