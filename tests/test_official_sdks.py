"""
The vendors' own SDKs as clients of the test server.

They are the strictest readers of the server half of our wires that there are: what they accept, and turn into the right
objects, is the dialect.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from dragoman.testing import Server, raw, says, status
from dragoman.types.messages import ToolCall
from dragoman.types.usage import Usage

USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, reasoning_tokens=3)
CALLS = [("weather", {"city": "Paris"}), ("clock", {})]
ASK: list[Any] = [{"role": "user", "content": "Hi"}]


class Invoice(BaseModel):
    vendor: str
    total: float


# --- openai -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def chat(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=server.base_url("openai-chat"), max_retries=0) as client:
        yield client


def function(name: str) -> Any:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": schema}}


def test_openai_plain(server: Server, chat: openai.OpenAI) -> None:
    """Text, finish reason, usage with its details, id and model; the server read what the SDK sent."""
    server.script(says("hello there", usage=USAGE, id="chatcmpl-7"))

    answer = chat.chat.completions.create(
        model="gpt-x", messages=ASK, temperature=0.5, max_completion_tokens=9, stop=["."], seed=3
    )

    assert ("chatcmpl-7", "gpt-x", "chat.completion") == (answer.id, answer.model, answer.object)
    [choice] = answer.choices
    assert ("assistant", "hello there", "stop") == (choice.message.role, choice.message.content, choice.finish_reason)
    assert choice.message.tool_calls is None
    assert answer.usage is not None
    assert (20, 7, 27) == (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.completion_tokens_details is not None
    assert 5 == answer.usage.prompt_tokens_details.cached_tokens
    assert 3 == answer.usage.completion_tokens_details.reasoning_tokens
    assert "req-0" == answer._request_id
    sent = server.requests[0].chat
    assert sent is not None
    assert (0.5, 9, (".",), 3) == (sent.temperature, sent.max_tokens, sent.stop, sent.seed)


def test_openai_stream(server: Server, chat: openai.OpenAI) -> None:
    """Role first, text in pieces, one finish reason, then usage in a chunk without choices."""
    server.script(says("one two three", usage=USAGE))

    chunks = list(
        chat.chat.completions.create(model="m", messages=ASK, stream=True, stream_options={"include_usage": True})
    )

    assert "assistant" == chunks[0].choices[0].delta.role
    assert ["one ", "two ", "three"] == [
        c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content
    ]
    assert ["stop"] == [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert [] == chunks[-1].choices
    assert chunks[-1].usage is not None
    assert 27 == chunks[-1].usage.total_tokens
    assert 1 == len({chunk.id for chunk in chunks})


def test_openai_stream_without_usage(server: Server, chat: openai.OpenAI) -> None:
    """Who does not ask for usage in the stream gets none, and no chunk without choices."""
    server.script(says("one"))

    chunks = list(chat.chat.completions.create(model="m", messages=ASK, stream=True))

    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)


def test_openai_stream_helper(server: Server, chat: openai.OpenAI) -> None:
    """The SDK's own accumulator builds the whole answer, parallel tool calls included."""
    server.script(says("so be it", tools=CALLS, usage=USAGE))

    with chat.chat.completions.stream(
        model="m", messages=ASK, tools=[function("weather"), function("clock")], stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()

    assert 2 == kinds.count("tool_calls.function.arguments.done")
    message = final.choices[0].message
    assert "so be it" == message.content
    assert message.tool_calls is not None
    assert CALLS == [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
    assert ["call_0", "call_1"] == [call.id for call in message.tool_calls]
    assert "tool_calls" == final.choices[0].finish_reason
    assert final.usage is not None
    assert 27 == final.usage.total_tokens


def test_openai_parallel_tool_calls(server: Server, chat: openai.OpenAI) -> None:
    """Two calls in one answer; their results go back and are read as such."""
    server.script(says(tools=CALLS), says("done"))
    first = chat.chat.completions.create(model="m", messages=ASK, tools=[function("weather"), function("clock")])
    message = first.choices[0].message
    assert message.tool_calls is not None

    results: list[Any] = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {i}"} for i, call in enumerate(message.tool_calls)
    ]
    turns: Any = [*ASK, message.to_dict(), *results]
    second = chat.chat.completions.create(model="m", messages=turns)

    assert message.content is None
    assert "done" == second.choices[0].message.content
    sent = server.requests[1].chat
    assert sent is not None
    assert ["user", "assistant", "tool", "tool"] == [turn.role for turn in sent.messages]
    assert ["weather", "clock"] == [call.name for call in sent.messages[1].tool_calls]
    assert ["call_0", "call_1"] == [turn.parts[0].call_id for turn in sent.messages[2:]]  # type: ignore[union-attr]


def test_openai_parse(server: Server, chat: openai.OpenAI) -> None:
    """Structured output: the schema arrives, the answer becomes the object."""
    server.script(says('{"vendor": "ACME", "total": 7.5}'))

    answer = chat.chat.completions.parse(model="m", messages=ASK, response_format=Invoice)

    assert Invoice(vendor="ACME", total=7.5) == answer.choices[0].message.parsed
    sent = server.requests[0].chat
    assert sent is not None
    assert sent.output is not None
    assert sent.output.schema is not None
    assert ("json_schema", {"vendor", "total"}) == (sent.output.kind, set(sent.output.schema["properties"]))


def test_openai_reasoning_is_where_its_imitators_put_it(server: Server, chat: openai.OpenAI) -> None:
    """`reasoning_content` comes as an extra field, plain and streamed."""
    server.script(says("x", reasoning="hm well"), says("x", reasoning="hm well"))

    plain = chat.chat.completions.create(model="m", messages=ASK).choices[0].message
    chunks = list(chat.chat.completions.create(model="m", messages=ASK, stream=True))

    assert "hm well" == (plain.model_extra or {})["reasoning_content"]
    deltas = [(chunk.choices[0].delta.model_extra or {}).get("reasoning_content", "") for chunk in chunks]
    assert "hm well" == "".join(deltas)


ERRORS = [
    (400, "BadRequestError"),
    (401, "AuthenticationError"),
    (403, "PermissionDeniedError"),
    (404, "NotFoundError"),
    (429, "RateLimitError"),
    (500, "InternalServerError"),
]


@pytest.mark.parametrize(("code", "kind"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_openai_errors(server: Server, chat: openai.OpenAI, code: int, kind: str, stream: bool) -> None:
    """Each status is the SDK's own class, with message, code and the header that says when to come back."""
    server.script(status(code, "no luck", code="some_code", retry_after=0.5))

    with pytest.raises(openai.APIStatusError, match="no luck") as caught:
        chat.chat.completions.create(model="m", messages=ASK, stream=stream)

    assert kind == type(caught.value).__name__
    assert ("some_code", "0.5") == (caught.value.code, caught.value.response.headers["retry-after"])
    assert "req-0" == caught.value.request_id


def test_openai_model_list(server: Server, chat: openai.OpenAI) -> None:
    """The list of models is one that the SDK reads."""
    assert ["any"] == [model.id for model in chat.models.list()]


def test_openai_retries_as_told(server: Server) -> None:
    """The SDK waits for `retry-after` and then has its answer: the two requests are seen that far apart."""
    server.script(status(429, retry_after=0.05), says("hello"))
    with openai.OpenAI(api_key="k", base_url=server.base_url(), max_retries=1) as client:
        answer = client.chat.completions.create(model="m", messages=ASK)

    assert "hello" == answer.choices[0].message.content
    assert 2 == server.calls
    assert server.gap(0, 1) >= 0.05


def test_openai_async(server: Server) -> None:
    """The asynchronous client: plain, streamed, an error, and leaving in the middle."""
    server.script(says("plain"), says("one two"), status(404, "gone"), says("word " * 500, pace=0.01))

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=server.base_url(), max_retries=0) as client:
            create: Any = client.chat.completions.create
            plain = await create(model="m", messages=ASK)
            assert "plain" == plain.choices[0].message.content
            texts = [
                chunk.choices[0].delta.content async for chunk in await create(model="m", messages=ASK, stream=True)
            ]
            assert "one two" == "".join(text or "" for text in texts)
            with pytest.raises(openai.NotFoundError, match="gone"):
                await create(model="m", messages=ASK)
            async with await create(model="m", messages=ASK, stream=True) as stream:
                await anext(aiter(stream))

    asyncio.run(main())

    assert server.requests[3].wait_closed() is not None


def test_openai_error_in_the_stream(server: Server, chat: openai.OpenAI) -> None:
    """What the dialect sends as an error in an open stream is one for the SDK."""
    data = b'data: {"error":{"message":"overloaded","type":"server_error","code":null,"param":null}}\n\n'
    server.script(raw(data, headers={"content-type": "text/event-stream"}))

    with pytest.raises(openai.APIError, match="overloaded"):
        list(chat.chat.completions.create(model="m", messages=ASK, stream=True))


# --- anthropic --------------------------------------------------------------------------------------------------------


@pytest.fixture
def messages(server: Server) -> Iterator[anthropic.Anthropic]:
    base = server.base_url("anthropic-messages")
    with anthropic.Anthropic(api_key="k", base_url=base, max_retries=0) as client:
        yield client


TOOL: Any = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {}}}


def test_anthropic_plain(server: Server, messages: anthropic.Anthropic) -> None:
    """Text block, stop reason, usage (cached tokens apart, as the dialect counts), id and model."""
    server.script(says("hello there", usage=USAGE, id="msg_7"))

    answer = messages.messages.create(
        model="claude-x", max_tokens=9, messages=ASK, system="Be brief.", stop_sequences=["."]
    )

    assert ("msg_7", "claude-x", "message", "assistant") == (answer.id, answer.model, answer.type, answer.role)
    assert [("text", "hello there")] == [(block.type, block.text) for block in answer.content]  # type: ignore[union-attr]
    assert "end_turn" == answer.stop_reason
    usage = answer.usage
    assert (15, 5, 7) == (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens)
    assert "req-0" == answer._request_id
    sent = server.requests[0].chat
    assert sent is not None
    assert (9, (".",)) == (sent.max_tokens, sent.stop)
    assert [("system", "Be brief."), ("user", "Hi")] == [(turn.role, turn.text) for turn in sent.messages]


def test_anthropic_stream(server: Server, messages: anthropic.Anthropic) -> None:
    """The SDK's accumulator builds the same message: text, thinking, tool calls, usage from both ends."""
    server.script(says("so be it", reasoning="hm well", tools=CALLS, usage=USAGE))

    with messages.messages.stream(model="m", max_tokens=9, messages=ASK, tools=[TOOL]) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()

    assert ["so ", "be ", "it"] == texts
    assert ["thinking", "text", "tool_use", "tool_use"] == [block.type for block in final.content]
    thinking, text, first, second = final.content
    assert ("hm well", "so be it") == (thinking.thinking, text.text)  # type: ignore[union-attr]
    assert CALLS == [(call.name, call.input) for call in (first, second)]  # type: ignore[union-attr]
    assert "tool_use" == final.stop_reason
    assert (15, 5, 7) == (final.usage.input_tokens, final.usage.cache_read_input_tokens, final.usage.output_tokens)


def test_anthropic_raw_events(server: Server, messages: anthropic.Anthropic) -> None:
    """The order of the stream's events is the dialect's."""
    server.script(says("one two"))

    kinds = [event.type for event in messages.messages.create(model="m", max_tokens=9, messages=ASK, stream=True)]

    assert [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ] == kinds


def test_anthropic_tools(server: Server, messages: anthropic.Anthropic) -> None:
    """Calls go out, results come back and are read as such."""
    server.script(says("let me see", tools=[ToolCall("toolu_1", "weather", '{"city":"Paris"}')]), says("done"))
    first = messages.messages.create(model="m", max_tokens=9, messages=ASK, tools=[TOOL])
    content: Any = [block.to_dict() for block in first.content]
    result: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}

    second = messages.messages.create(
        model="m",
        max_tokens=9,
        tools=[TOOL],
        messages=[*ASK, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}],
    )

    assert "tool_use" == first.stop_reason
    assert {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}}.items() <= content[
        1
    ].items()
    assert "done" == second.content[0].text  # type: ignore[union-attr]
    sent = server.requests[1].chat
    assert sent is not None
    assert ["weather"] == [tool.name for tool in sent.tools or ()]
    assert ("toolu_1", "sunny") == (sent.messages[2].parts[0].call_id, sent.messages[2].parts[0].text)  # type: ignore[union-attr]


def test_anthropic_thinking(server: Server, messages: anthropic.Anthropic) -> None:
    """Thinking comes before the text, in a block of its own, with a signature field."""
    server.script(says("x", reasoning="hm"))

    answer = messages.messages.create(
        model="m", max_tokens=2000, messages=ASK, thinking={"type": "enabled", "budget_tokens": 1024}
    )

    block = answer.content[0]
    assert isinstance(block, anthropic.types.ThinkingBlock)
    assert ("hm", "") == (block.thinking, block.signature)
    sent = server.requests[0].chat
    assert sent is not None
    assert sent.reasoning is not None
    assert 1024 == sent.reasoning.budget_tokens


@pytest.mark.parametrize(
    ("finish", "expected"), [("length", "max_tokens"), ("refusal", "refusal"), ("pause", "pause_turn")]
)
def test_anthropic_stop_reasons(server: Server, messages: anthropic.Anthropic, finish: Any, expected: str) -> None:
    """Our words for the end become the dialect's, streamed and plain."""
    server.script(*[says("x", finish=finish)] * 2)

    plain = messages.messages.create(model="m", max_tokens=9, messages=ASK)
    with messages.messages.stream(model="m", max_tokens=9, messages=ASK) as stream:
        streamed = stream.get_final_message()

    assert [expected, expected] == [plain.stop_reason, streamed.stop_reason]


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        (400, "BadRequestError", "invalid_request_error"),
        (401, "AuthenticationError", "authentication_error"),
        (403, "PermissionDeniedError", "permission_error"),
        (404, "NotFoundError", "not_found_error"),
        (429, "RateLimitError", "rate_limit_error"),
        (500, "InternalServerError", "api_error"),
        (529, "OverloadedError", "overloaded_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_errors(
    server: Server, messages: anthropic.Anthropic, code: int, kind: str, word: str, stream: bool
) -> None:
    """Each status is the SDK's own class, with the dialect's error type, message and `retry-after`."""
    server.script(status(code, "no luck", retry_after=0.5))

    with pytest.raises(anthropic.APIStatusError, match="no luck") as caught:
        messages.messages.create(model="m", max_tokens=9, messages=ASK, stream=stream)

    assert kind == type(caught.value).__name__
    body: Any = caught.value.body
    assert ("error", word) == (body["type"], body["error"]["type"])
    assert "0.5" == caught.value.response.headers["retry-after"]
    assert "req-0" == caught.value.request_id


def test_anthropic_model_list(server: Server, messages: anthropic.Anthropic) -> None:
    """The list of models is one that this SDK reads too."""
    assert ["any"] == [model.id for model in messages.models.list()]


def test_anthropic_async(server: Server) -> None:
    """The asynchronous client: plain, streamed, an error, and leaving in the middle."""
    server.script(says("plain"), says("one two"), status(404, "gone"), says("word " * 500, pace=0.01))

    async def main() -> None:
        base = server.base_url("anthropic-messages")
        ask: Any = {"model": "m", "max_tokens": 9, "messages": ASK}
        async with anthropic.AsyncAnthropic(api_key="k", base_url=base, max_retries=0) as client:
            plain = await client.messages.create(**ask)
            assert "plain" == plain.content[0].text
            async with client.messages.stream(**ask) as stream:
                assert "one two" == "".join([text async for text in stream.text_stream])
            with pytest.raises(anthropic.NotFoundError, match="gone"):
                await client.messages.create(**ask)
            async with client.messages.stream(**ask) as stream:
                await anext(aiter(stream))

    asyncio.run(main())

    assert server.requests[3].wait_closed() is not None
