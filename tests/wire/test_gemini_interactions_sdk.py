"""
Google's own SDK as a client of the Interactions dialect's server half, over real sockets.

It is the strictest reader of the dialect that there is: what it accepts, and turns into the right objects, is the
dialect.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import types

from dragoman.testing import Server, says, status
from dragoman.types.usage import Usage

USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, reasoning_tokens=3)
CALLS = [("weather", {"city": "Paris"}), ("clock", {})]
MODEL = "gemini-3.8-flash"
TOOL: Any = {"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}}


@pytest.fixture
def client(server: Server) -> Iterator[genai.Client]:
    options = types.HttpOptions(
        base_url=server.base_url("gemini-interactions"), retry_options=types.HttpRetryOptions(attempts=1)
    )
    made = genai.Client(api_key="k", http_options=options)
    yield made
    made.close()


def test_a_plain_answer(server: Server, client: genai.Client) -> None:
    """Text, thoughts, status, usage, id and model; the server read what the SDK sent."""
    server.script(says("hello there", reasoning="hm", usage=USAGE, id="v1_7"))

    answer: Any = client.interactions.create(
        model=MODEL,
        input="Hi",
        system_instruction="Be brief.",
        generation_config={"temperature": 0.5, "max_output_tokens": 9, "thinking_level": "low"},
        store=False,
    )

    assert ("v1_7", MODEL, "completed", "hello there") == (answer.id, answer.model, answer.status, answer.output_text)
    assert ["thought", "model_output"] == [step.type for step in answer.steps]
    assert "hm" == answer.steps[0].summary[0].text
    counts = answer.usage
    assert (20, 4, 3, 5, 27) == (
        counts.total_input_tokens,
        counts.total_output_tokens,
        counts.total_thought_tokens,
        counts.total_cached_tokens,
        counts.total_tokens,
    )
    sent = server.requests[0].chat
    assert sent is not None
    assert ["Be brief.", "Hi"] == [message.text for message in sent.messages]
    assert (0.5, 9, False) == (sent.temperature, sent.max_tokens, sent.stream)
    assert {"gemini-interactions": {"store": False}} == sent.native


def test_a_stream(server: Server, client: genai.Client) -> None:
    """Every event is one that the SDK knows; texts, arguments and the end are in their places."""
    server.script(says("one two three", reasoning="hm", tools=CALLS, usage=USAGE, id="v1_7"))

    stream: Any = client.interactions.create(model=MODEL, input="Hi", tools=[TOOL], stream=True)
    events: list[Any] = list(stream)

    assert not [event for event in events if "Unknown" in type(event).__name__]
    deltas = [event for event in events if event.event_type == "step.delta"]
    assert "one two three" == "".join(event.delta.text for event in deltas if event.delta.type == "text")
    assert "hm" == "".join(event.delta.content.text for event in deltas if event.delta.type == "thought_summary")
    begun = {event.index: event.step for event in events if event.event_type == "step.start"}
    calls: dict[int, str] = {}
    for event in deltas:
        if event.delta.type == "arguments_delta":
            calls[event.index] = calls.get(event.index, "") + event.delta.arguments
    assert CALLS == [(begun[index].name, json.loads(text)) for index, text in calls.items()]
    end = events[-1].interaction
    assert ("interaction.completed", "v1_7", "requires_action", 27) == (
        events[-1].event_type,
        end.id,
        end.status,
        end.usage.total_tokens,
    )


def test_a_tool_loop_without_stored_state(server: Server, client: genai.Client) -> None:
    """The steps of an answer go back with the results, and are read as the turns that they are."""
    server.script(says("Let me see.", tools=CALLS), says("done"))
    question: Any = {"type": "user_input", "content": [{"type": "text", "text": "Hi"}]}
    first: Any = client.interactions.create(model=MODEL, input=[question], tools=[TOOL])
    results: list[Any] = [
        {"type": "function_result", "call_id": step.id, "name": step.name, "result": {"n": i}}
        for i, step in enumerate(first.steps)
        if step.type == "function_call"
    ]
    steps: list[Any] = [step.model_dump(exclude_none=True) for step in first.steps]

    second: Any = client.interactions.create(model=MODEL, input=[question, *steps, *results], tools=[TOOL])

    assert "done" == second.output_text
    sent = server.requests[1].chat
    assert sent is not None
    assert ["user", "assistant", "tool"] == [message.role for message in sent.messages]
    assert ["weather", "clock"] == [call.name for call in sent.messages[1].tool_calls]
    assert [('{"n":1}', "weather"), ('{"n":2}', "clock")] == [
        (part.text, part.name)
        for part in sent.messages[2].parts  # type: ignore[union-attr]
    ]


def test_structured_output(server: Server, client: genai.Client) -> None:
    """The schema arrives as the form of the answer."""
    server.script(says('{"total": 7.5}'))
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    form: Any = {"type": "text", "mime_type": "application/json", "schema": schema}

    answer: Any = client.interactions.create(model=MODEL, input="Hi", response_format=form)

    assert {"total": 7.5} == json.loads(answer.output_text)
    sent = server.requests[0].chat
    assert sent is not None
    assert sent.output is not None
    assert ("json_schema", schema) == (sent.output.kind, sent.output.schema)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
    ],
)
def test_errors(server: Server, client: genai.Client, code: int, kind: str, stream: bool) -> None:
    """Each status is the SDK's own class, with the message and the code."""
    server.script(status(code, "no luck", code="some_code"))

    with pytest.raises(Exception, match="no luck") as caught:
        client.interactions.create(model=MODEL, input="Hi", stream=stream)

    assert kind == type(caught.value).__name__
    assert "some_code" in str(caught.value)


def test_the_asynchronous_client(server: Server) -> None:
    """Plain and streamed."""
    server.script(says("plain"), says("one two"))
    options = types.HttpOptions(base_url=server.base_url("gemini-interactions"))

    async def main() -> tuple[str, str]:
        async with genai.Client(api_key="k", http_options=options).aio as client:
            plain: Any = await client.interactions.create(model=MODEL, input="Hi")
            stream: Any = await client.interactions.create(model=MODEL, input="Hi", stream=True)
            deltas = [event.delta async for event in stream if event.event_type == "step.delta"]
            return plain.output_text, "".join(delta.text for delta in deltas)

    assert ("plain", "one two") == asyncio.run(main())
