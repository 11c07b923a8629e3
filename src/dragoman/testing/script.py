"""
The words in which a test says how the provider shall answer.

Each function makes a step, a frozen value that can be used any number of times; `Server` plays them in order.

Rule: what is said of the answer holds for every dialect; the wire of the request's path puts it into bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from dragoman.errors import ConfigError
from dragoman.testing.steps import COUNTED, Answer, Dynamic, Events, ModelList, Raw, Status, Step
from dragoman.types.events import Event
from dragoman.types.messages import Message, Part, Reasoning, Text, ToolCall
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage

ToolSpec = ToolCall | tuple[str, Any]
"""A tool call of an answer: ready, or as name and arguments (JSON text, or a value that has a JSON form)."""


def says(
    text: str = "",
    *,
    reasoning: str | None = None,
    tools: Iterable[ToolSpec] = (),
    finish: FinishReason | None = None,
    usage: Usage | None = None,
    latency: float = 0.0,
    pace: float = 0.0,
    chunk: int | None = None,
    model: str | None = None,
    id: str | None = None,
) -> Answer:
    """
    Answer with a text.

    Args:
        text: What the model says.
        reasoning: What it thought before.
        tools: Calls that it asks for, each a `ToolCall` or a pair of name and arguments.
        finish: Why it ended; `stop`, or `tool_calls` where there are calls, if not given.
        usage: Tokens.  None counts words; `Usage()` is a provider that says nothing.
        latency: Seconds before the first byte.
        pace: Seconds between the events of a stream.
        chunk: Characters in one event of a stream; None for one word each.
        model: Name of the model; the one that was asked if not given.
        id: Id of the answer; counted if not given.

    >>> says("hello").response.text
    'hello'
    """
    _check_seconds(latency=latency, pace=pace)
    if chunk is not None and chunk < 1:
        raise ConfigError(f"chunk is {chunk}: give characters per event, 1 or more", field="chunk")
    called = [_tool_call(spec, number) for number, spec in enumerate(tools)]
    parts: list[Part] = [Reasoning(reasoning)] if reasoning else []
    parts += [Text(text)] if text else []
    made = ChatResponse(
        message=Message("assistant", (*parts, *called)),
        finish_reason=finish or ("tool_calls" if called else "stop"),
        usage=usage if usage is not None else COUNTED,
        model=model,
        id=id,
    )
    return Answer(response=made, latency=latency, pace=pace, chunk=chunk)


def response(value: ChatResponse, *, latency: float = 0.0, pace: float = 0.0, chunk: int | None = None) -> Answer:
    """Answer with a ready `ChatResponse`; id and model are filled in where it has none."""
    _check_seconds(latency=latency, pace=pace)
    return Answer(response=value, latency=latency, pace=pace, chunk=chunk)


def events(*sequence: Event, latency: float = 0.0, pace: float = 0.0) -> Events:
    """Answer with these events, exactly.  An answer without `Finish` is one that is cut, as the dialect shows it."""
    _check_seconds(latency=latency, pace=pace)
    return Events(events=sequence, latency=latency, pace=pace)


def status(
    status: int,
    /,
    message: str = "",
    *,
    code: str | None = None,
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Status:
    """
    Answer with an error.

    Args:
        status: HTTP status, 400 to 599.
        message: The provider's words.
        code: Its error code (`"insufficient_quota"`).
        retry_after: Seconds for the `retry-after` header.
        headers: More headers, or other values for the usual ones.
        body: The body, if it shall not be the dialect's error.
    """
    if not 400 <= status <= 599:
        raise ConfigError(f"status is {status}: an error is 400 to 599; raw() sends others", field="status")
    words = message or f"the script says {status}"
    return Status(
        status=status, message=words, code=code, retry_after=retry_after, headers=dict(headers or {}), body=body
    )


def raw(
    *pieces: bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    latency: float = 0.0,
    pace: float = 0.0,
) -> Raw:
    """
    Answer with bytes as they are.  One piece is sent with its length, several as chunks, `pace` seconds apart.

    The content type, if `headers` has none, is an event stream where the request asks for a stream, else JSON.
    """
    _check_seconds(latency=latency, pace=pace)
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    return Raw(pieces=pieces or (b"",), status=status, headers=lowered, latency=latency, pace=pace)


def echo(*, latency: float = 0.0, pace: float = 0.0, chunk: int | None = None) -> Dynamic:
    """Answer with the text of the last user message."""

    def repeat(chat: ChatRequest) -> Answer:
        texts = [message.text for message in chat.messages if message.role == "user"]
        return says(texts[-1] if texts else "", latency=latency, pace=pace, chunk=chunk)

    _check_seconds(latency=latency, pace=pace)
    return Dynamic(repeat)


def calls(make: Callable[[ChatRequest], Step | Awaitable[Step]]) -> Dynamic:
    """
    Answer with what `make` returns for the request.

    It is called in the server's event loop: a plain function should return at once, an `async def` one may wait.
    """
    return Dynamic(make)


def model_list(*models: str, owner: str = "dragoman-testing") -> ModelList:
    """Answer with a list of models; for `Server.on("/v1/models", ...)`."""
    return ModelList(models=models, owner=owner)


def _tool_call(spec: ToolSpec, number: int) -> ToolCall:
    if isinstance(spec, ToolCall):
        return spec
    name, arguments = spec
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    return ToolCall(f"call_{number}", name, text)


def _check_seconds(**values: float) -> None:
    for name, value in values.items():
        if not value >= 0:
            raise ConfigError(f"{name} is {value}: give seconds, 0 or more", field=name)
