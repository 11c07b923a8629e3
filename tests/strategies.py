"""
Values for property tests: every part, event, request and answer, drawn from what may really occur.

Texts hold any character that UTF-8 can carry; numbers fit 64 bits; native state is JSON.
"""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from dragoman.types import events as ev
from dragoman.types.attempts import Attempt
from dragoman.types.http import Notice
from dragoman.types.messages import (
    ROLES,
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
)
from dragoman.types.requests import ChatRequest, Effort, OutputFormat, ReasoningSettings, Settings
from dragoman.types.responses import ChatResponse, Choice, FinishReason
from dragoman.types.tools import Tool
from dragoman.types.usage import Usage

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
some_text = texts.filter(bool)
names = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_-", min_size=1, max_size=12)
whole = st.integers(0, 10**9)
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)
native = st.none() | st.dictionaries(
    st.sampled_from(("openai-chat", "anthropic-messages")), json_objects, min_size=1, max_size=2
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None, or one of these."""
    return st.none() | strategy


# --- parts ------------------------------------------------------------------------------------------------------------

cache_marks = maybe(st.builds(CacheMark, maybe(st.sampled_from(("5m", "1h")))))
_every_part: dict[str, st.SearchStrategy[Any]] = {"cache": cache_marks, "native": native}
logprobs = st.builds(
    TokenLogprob,
    texts,
    floats,
    maybe(st.lists(st.integers(0, 255), max_size=3).map(tuple)),
    st.lists(st.builds(TokenLogprob, texts, floats), max_size=2).map(tuple),
)
citations = st.builds(
    Citation,
    url=maybe(texts),
    title=maybe(texts),
    text=maybe(texts),
    start=maybe(whole),
    end=maybe(whole),
    native=native,
)
plain_texts = st.builds(Text, texts)
text_parts = st.builds(
    Text,
    texts,
    st.lists(citations, max_size=2).map(tuple),
    st.lists(logprobs, max_size=2).map(tuple),
    **_every_part,
)


def _media(kind: Any, media_type: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    given = st.builds(kind, data=st.binary(max_size=9), media_type=st.just(media_type), **more, **_every_part)
    return (
        given
        | st.builds(kind, url=texts.map("https://example.org/".__add__), **more, **_every_part)
        | st.builds(kind, file_id=some_text, **more, **_every_part)
    )


images = _media(Image, "image/png", detail=maybe(st.sampled_from(("low", "high", "auto"))))
audios = _media(Audio, "audio/wav", transcript=maybe(texts), expires_at=maybe(whole))
files = _media(File, "application/pdf", name=maybe(texts))
reasonings = st.builds(Reasoning, texts, **_every_part)
arguments = json_objects.map(json.dumps) | texts
tool_calls = st.builds(ToolCall, texts, names, arguments, st.sampled_from(("function", "custom")), **_every_part)
refusals = st.builds(Refusal, texts, **_every_part)
opaques = st.builds(Opaque, names, json_objects, **_every_part)
tool_results = st.builds(
    ToolResult,
    texts,
    st.lists(text_parts | images | audios | files | opaques, max_size=2).map(tuple),
    maybe(names),
    st.booleans(),
    **_every_part,
)
parts: st.SearchStrategy[Part] = st.one_of(
    text_parts, images, audios, files, reasonings, tool_calls, tool_results, refusals, opaques
)


messages = st.builds(
    Message,
    st.sampled_from(ROLES),
    st.lists(parts, max_size=4).map(tuple),
    maybe(names),
    maybe(names),
    native,
)

# --- requests ---------------------------------------------------------------------------------------------------------

tools = st.builds(
    Tool,
    name=names,
    description=maybe(texts),
    parameters=maybe(json_objects),
    strict=maybe(st.booleans()),
    native=maybe(json_objects),
    kind=st.sampled_from(("function", "custom")),
)
_ratio = st.floats(0, 1)
setting_values: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 2),
    "top_p": _ratio,
    "top_k": whole,
    "max_tokens": whole,
    "stop": st.lists(texts, max_size=3).map(tuple),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "frequency_penalty": st.floats(-2, 2),
    "presence_penalty": st.floats(-2, 2),
    "logit_bias": st.dictionaries(whole.map(str), st.floats(-100, 100), max_size=2),
    "logprobs": st.booleans(),
    "top_logprobs": st.integers(0, 20),
    "n": st.integers(1, 8),
    "tools": st.lists(tools, max_size=2).map(tuple),
    "tool_choice": st.sampled_from(("auto", "none", "required")) | names,
    "parallel_tool_calls": st.booleans(),
    "reasoning": st.builds(
        ReasoningSettings,
        effort=maybe(st.sampled_from(get_args(Effort))),
        budget_tokens=maybe(whole),
        summary=maybe(st.sampled_from(("auto", "concise", "detailed"))),
    ),
    "verbosity": st.sampled_from(("low", "medium", "high")),
    "output": st.builds(
        OutputFormat,
        kind=st.sampled_from(("text", "json_object", "json_schema")),
        schema=maybe(json_objects),
        name=maybe(names),
        description=maybe(texts),
        strict=maybe(st.booleans()),
    ),
    "cache": st.builds(CacheMark, maybe(st.sampled_from(("5m", "1h")))),
    "service_tier": names,
    "metadata": json_objects,
    "user": texts,
    "timeout": st.floats(0.001, 10**6),
    # Sent as they are, so that they must not be what a dialect calls a field of its own.
    "extra": json_objects.map(lambda fields: {f"x_{name}": value for name, value in fields.items()}),
    "native": native.filter(lambda value: value is not None),
}
settings = st.fixed_dictionaries({}, optional=setting_values).map(lambda given: Settings(**given))
requests = st.builds(
    lambda model, turns, stream, given: ChatRequest(model=model, messages=turns, stream=stream, **given),
    names,
    st.lists(messages, min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.fixed_dictionaries({}, optional=setting_values),
)


def _without_native(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_native(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_native(inner) for name, inner in value.items() if name != "native"}
    return value


# Native state comes from a wire and goes back to it; nobody else makes any.
fresh_requests = requests.map(
    lambda request: msgspec.json.decode(
        msgspec.json.encode(_without_native(msgspec.json.decode(msgspec.json.encode(request)))), type=ChatRequest
    )
)

# --- answers ----------------------------------------------------------------------------------------------------------

usages = st.builds(
    Usage,
    **{name: maybe(whole) for name in Usage.__struct_fields__ if name != "details"},
    details=maybe(json_objects),
)
finish_reasons = st.sampled_from(get_args(FinishReason))
notices = st.builds(Notice, names, texts)
attempts = st.builds(
    Attempt,
    provider=names,
    model=names,
    outcome=st.sampled_from(("ok", "RateLimitError", "ServerError")),
    status=maybe(st.integers(100, 599)),
    code=maybe(names),
    request_id=maybe(names),
    waited=st.floats(0, 100),
    seconds=st.floats(0, 100),
    maybe_billed=st.booleans(),
)
# What a model may say: no cache marks (those are asked for), no tool results.
answer_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, texts, st.lists(citations, max_size=2).map(tuple), st.lists(logprobs, max_size=2).map(tuple)),
    st.builds(Reasoning, texts, native=native),
    st.builds(Refusal, texts),
    st.builds(ToolCall, texts, names, arguments, native=native),
    st.builds(Opaque, names, json_objects),
    st.builds(Image, data=st.just(PNG)),
    st.builds(
        Audio, data=st.binary(min_size=1, max_size=4), media_type=st.just("audio/pcm"), transcript=maybe(some_text)
    ),
)
answers = st.builds(Message, st.just("assistant"), st.lists(answer_parts, max_size=4).map(tuple), native=native)
responses = st.builds(
    ChatResponse,
    message=answers,
    finish_reason=finish_reasons,
    finish_reason_raw=maybe(texts),
    finish_details=maybe(json_objects),
    usage=usages,
    cost=maybe(st.decimals(0, 10**6, places=6).map(Decimal)),
    model=maybe(names),
    provider=maybe(names),
    id=maybe(names),
    request_id=maybe(names),
    alternatives=st.lists(st.builds(Choice, message=answers, finish_reason=finish_reasons), max_size=2).map(tuple),
    notices=st.lists(notices, max_size=2).map(tuple),
    attempts=st.lists(attempts, max_size=2).map(tuple),
    output=json_values,
    simulated=st.booleans(),
    body=maybe(st.binary(max_size=9)),
    extras=st.lists(json_values, max_size=2).map(tuple),
)

# --- events -----------------------------------------------------------------------------------------------------------

_index = st.integers(0, 5)
events: st.SearchStrategy[ev.Event] = st.one_of(
    st.builds(ev.Start, maybe(names), maybe(names)),
    st.builds(ev.TextDelta, texts, st.lists(logprobs, max_size=2).map(tuple)),
    st.builds(ev.ReasoningDelta, texts, native),
    st.builds(ev.RefusalDelta, texts),
    st.builds(ev.AudioDelta, st.binary(max_size=6), texts, maybe(names), maybe(whole)),
    st.builds(ev.CitationDelta, citations),
    st.just(ev.PartEnd()),
    st.builds(ev.PartAdded, parts),
    st.builds(ev.ToolCallStart, _index, texts, names, st.sampled_from(("function", "custom")), native),
    st.builds(ev.ToolCallDelta, _index, texts),
    st.builds(ev.ToolCallEnd, _index),
    st.builds(ev.UsageUpdate, usages),
    st.builds(ev.ProviderEvent, names, json_values),
    st.builds(ev.MessageNative, native.filter(lambda value: value is not None)),
    st.builds(ev.Finish, finish_reasons, maybe(texts), maybe(json_objects)),
)


@st.composite
def spoken(draw: st.DrawFn) -> list[ev.Event]:
    """A well-formed stream of what every dialect can carry: text, then tool calls, with a fitting finish."""
    pieces = draw(st.lists(some_text, max_size=4))
    calls = draw(st.lists(st.tuples(names, names, json_objects), max_size=2))
    stream: list[ev.Event] = [ev.Start(draw(names), draw(names)), *(ev.TextDelta(text) for text in pieces)]
    for index, (call_id, name, value) in enumerate(calls):
        stream += [
            ev.ToolCallStart(index, f"call_{index}_{call_id}", name),
            ev.ToolCallDelta(index, json.dumps(value)),
            ev.ToolCallEnd(index),
        ]
    usage = Usage(input_tokens=draw(whole), output_tokens=draw(whole))
    reason: FinishReason = "tool_calls" if calls else draw(st.sampled_from(("stop", "length")))
    return [*stream, ev.UsageUpdate(usage), ev.Finish(reason)]
