"""Code as people write it against the anthropic library; see `pages_openai`."""

from __future__ import annotations

import json
from typing import Any

from dragoman.testing import raw, says, status
from dragoman.types.messages import ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import sse
from tests.bridge.pages_openai import SSE, AsyncPage, Page

ASK: list[Any] = [{"role": "user", "content": "Where is it warm?"}]
COMMON: dict[str, Any] = {"model": "claude-x", "max_tokens": 100, "messages": ASK}
USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5)
TOOL: Any = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def message(client: Any, anthropic: Any) -> Any:
    answer = client.messages.create(**COMMON, system="Be brief.", stop_sequences=["."])
    return {
        "text": answer.content[0].text,
        "role": answer.role,
        "stop": answer.stop_reason,
        "id": answer.id,
        "model": answer.model,
        "tokens": (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens),
        "request": answer._request_id,
    }


MESSAGE = {
    "text": "In the south.",
    "role": "assistant",
    "stop": "end_turn",
    "id": "msg_7",
    "model": "claude-x",
    "tokens": (15, 5, 7),
    "request": "req-0",
}


def stream(client: Any, anthropic: Any) -> Any:
    with client.messages.stream(**COMMON) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    return "".join(texts), final.stop_reason, final.usage.output_tokens


def raw_events(client: Any, anthropic: Any) -> Any:
    kinds = [event.type for event in client.messages.create(**COMMON, stream=True)]
    return kinds[0], kinds[-1], kinds.count("content_block_delta")


def left(client: Any, anthropic: Any) -> Any:
    with client.messages.stream(**COMMON) as stream:
        return next(iter(stream.text_stream))


def tools(client: Any, anthropic: Any) -> Any:
    messages = list(ASK)
    first = client.messages.create(**{**COMMON, "messages": messages}, tools=[TOOL])
    messages.append({"role": "assistant", "content": first.content})
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": f"sunny in {block.input['city']}"}
        for block in first.content
        if block.type == "tool_use"
    ]
    messages.append({"role": "user", "content": results})
    second = client.messages.create(**{**COMMON, "messages": messages}, tools=[TOOL])
    return first.stop_reason, [block.type for block in first.content], second.content[0].text


def thinking(client: Any, anthropic: Any) -> Any:
    answer = client.messages.create(
        **{**COMMON, "max_tokens": 2000}, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    return [(block.type, getattr(block, "thinking", None) or block.text) for block in answer.content]


def count(client: Any, anthropic: Any) -> Any:
    return client.messages.count_tokens(model="claude-x", messages=ASK).input_tokens


def models(client: Any, anthropic: Any) -> Any:
    return [model.id for model in client.models.list()]


def errors(client: Any, anthropic: Any) -> Any:
    seen = []
    for _ in range(7):
        try:
            client.messages.create(**COMMON)
        except anthropic.APIStatusError as error:
            seen.append((type(error).__name__, error.status_code, error.body["error"]["type"]))
    return seen


def rate_limited(client: Any, anthropic: Any) -> Any:
    try:
        client.messages.create(**COMMON)
    except anthropic.RateLimitError as error:
        return error.response.headers["retry-after"], error.request_id
    return None


def reported(client: Any, anthropic: Any) -> Any:
    try:
        with client.messages.stream(**COMMON) as stream:
            list(stream.text_stream)
    except anthropic.APIStatusError as error:
        return error.body["error"]["type"]
    return None


def retried(client: Any, anthropic: Any) -> Any:
    return client.with_options(max_retries=2).messages.create(**COMMON).content[0].text


def slow(client: Any, anthropic: Any) -> Any:
    try:
        client.with_options(timeout=0.2).messages.create(**COMMON)
    except anthropic.APITimeoutError as error:
        return isinstance(error, anthropic.APIConnectionError)
    return None


def _event(kind: str, **fields: Any) -> bytes:
    return sse.encode(json.dumps({"type": kind, **fields}).encode(), kind)


_BEGUN = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m"}
_USED = {"input_tokens": 1, "output_tokens": 1}
REPORTED = (
    _event("message_start", message={**_BEGUN, "stop_reason": None, "stop_sequence": None, "usage": _USED})
    + _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "half"})
    + _event("error", error={"type": "overloaded_error", "message": "Overloaded"})
)
CODES = (400, 401, 403, 404, 413, 500, 529)
KINDS = [
    ("BadRequestError", 400, "invalid_request_error"),
    ("AuthenticationError", 401, "authentication_error"),
    ("PermissionDeniedError", 403, "permission_error"),
    ("NotFoundError", 404, "not_found_error"),
    ("ContentTooLargeError", 413, "invalid_request_error"),
    ("InternalServerError", 500, "api_error"),
    ("OverloadedError", 529, "overloaded_error"),
]

PAGES = {
    "message": Page((says("In the south.", usage=USAGE, id="msg_7"),), message, MESSAGE),
    "stream": Page((says("one two three", usage=USAGE),), stream, ("one two three", "end_turn", 7)),
    "raw_events": Page((says("one two"),), raw_events, ("message_start", "message_stop", 2)),
    "left": Page((says("word " * 500, pace=0.01),), left, "word "),
    "tools": Page(
        (says("hm", tools=[ToolCall("toolu_1", "weather", '{"city":"Paris"}')]), says("Paris.")),
        tools,
        ("tool_use", ["text", "tool_use"], "Paris."),
    ),
    "thinking": Page((says("x", reasoning="hm"),), thinking, [("thinking", "hm"), ("text", "x")]),
    "count": Page((), count, 14),
    "models": Page((), models, ["any"]),
    "errors": Page(tuple(status(code, "no luck") for code in CODES), errors, KINDS),
    "rate_limited": Page((status(429, retry_after=0.5),), rate_limited, ("0.5", "req-0")),
    "reported": Page((raw(REPORTED, headers=SSE),), reported, "overloaded_error"),
    "retried": Page((status(429, retry_after=0.01), status(529), says("hello")), retried, "hello"),
    "slow": Page((says("late", latency=2.0),), slow, True),
}


async def message_async(client: Any, anthropic: Any) -> Any:
    return (await client.messages.create(**COMMON)).content[0].text


async def stream_async(client: Any, anthropic: Any) -> Any:
    async with client.messages.stream(**COMMON) as stream:
        return "".join([text async for text in stream.text_stream])


async def left_async(client: Any, anthropic: Any) -> Any:
    async with client.messages.stream(**COMMON) as stream:
        return await anext(aiter(stream.text_stream))


async def count_async(client: Any, anthropic: Any) -> Any:
    return (await client.messages.count_tokens(model="claude-x", messages=ASK)).input_tokens


async def errors_async(client: Any, anthropic: Any) -> Any:
    try:
        await client.messages.create(**COMMON)
    except anthropic.NotFoundError as error:
        return error.status_code
    return None


ASYNC_PAGES = {
    "message": AsyncPage((says("Hello."),), message_async, "Hello."),
    "stream": AsyncPage((says("one two"),), stream_async, "one two"),
    "left": AsyncPage((says("word " * 500, pace=0.01),), left_async, "word "),
    "count": AsyncPage((), count_async, 14),
    "errors": AsyncPage((status(404, "gone"),), errors_async, 404),
}
