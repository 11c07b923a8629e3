"""The official `openai` SDK as client of the server half of the wire `openai-responses`, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from dragoman.errors import OverloadedError
from dragoman.testing import Server, events, raw, response, says, status
from dragoman.types.events import Event, Finish, PartAdded, PartEnd, ReasoningDelta, Start, TextDelta
from dragoman.types.messages import Citation, Image, Message, Opaque, Refusal, Text, TokenLogprob, ToolCall, ToolResult
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.openai_responses import WIRE
from tests.strategies import PNG

USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, reasoning_tokens=3)
CALLS: list[tuple[str, dict[str, str]]] = [("weather", {"city": "Paris"}), ("clock", {})]


class Invoice(BaseModel):
    vendor: str
    total: float


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=server.base_url("openai-responses"), max_retries=0) as made:
        yield made


def function(name: str) -> Any:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "name": name, "description": "d", "parameters": schema, "strict": False}


def test_a_plain_answer(server: Server, client: openai.OpenAI) -> None:
    """Text, status, usage with its details, id and model; the server read what the SDK sent."""
    server.script(says("hello there", usage=USAGE, id="resp_7"))

    answer = client.responses.create(
        model="gpt-x",
        input="Hi",
        instructions="Be kind.",
        temperature=0.5,
        max_output_tokens=99,
        reasoning={"effort": "low"},
    )

    assert ("resp_7", "gpt-x", "completed", "hello there") == (
        answer.id,
        answer.model,
        answer.status,
        answer.output_text,
    )
    assert answer.usage is not None
    assert (20, 7, 27) == (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens)
    assert 5 == answer.usage.input_tokens_details.cached_tokens
    assert 3 == answer.usage.output_tokens_details.reasoning_tokens
    sent = server.requests[0].chat
    assert sent is not None
    assert ("system", "Be kind.") == (sent.messages[0].role, sent.messages[0].text)
    assert ("user", "Hi") == (sent.messages[1].role, sent.messages[1].text)
    assert (0.5, 99) == (sent.temperature, sent.max_tokens)
    assert sent.reasoning is not None
    assert "low" == sent.reasoning.effort


def test_a_streamed_answer(server: Server, client: openai.OpenAI) -> None:
    """Events are numbered, the text comes in pieces, and the last event has the whole answer."""
    server.script(says("one two three", usage=USAGE))

    seen: list[Any] = list(client.responses.create(model="m", input="Hi", stream=True))

    assert list(range(len(seen))) == [event.sequence_number for event in seen]
    assert ["one ", "two ", "three"] == [event.delta for event in seen if event.type == "response.output_text.delta"]
    assert ["response.created", "response.in_progress"] == [event.type for event in seen[:2]]
    assert ("response.completed", "one two three") == (seen[-1].type, seen[-1].response.output_text)
    assert 27 == seen[-1].response.usage.total_tokens


def test_the_accumulator_of_the_sdk(server: Server, client: openai.OpenAI) -> None:
    """The SDK's own accumulator builds the whole answer, reasoning and parallel tool calls included."""
    server.script(says("so be it", reasoning="hm well", tools=CALLS, usage=USAGE))

    with client.responses.stream(model="m", input="Hi", tools=[function("weather"), function("clock")]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()

    assert 2 == kinds.count("response.function_call_arguments.done")
    assert "so be it" == final.output_text
    assert ["reasoning", "message", "function_call", "function_call"] == [item.type for item in final.output]
    calls: list[Any] = [item for item in final.output if item.type == "function_call"]
    assert CALLS == [(call.name, json.loads(call.arguments)) for call in calls]
    assert ["call_0", "call_1"] == [call.call_id for call in calls]
    thought: Any = final.output[0]
    assert ["hm well"] == [part.text for part in thought.summary]


def test_tool_results_go_back(server: Server, client: openai.OpenAI) -> None:
    """The items of an answer and their results, sent back as the SDK gives them, are read as one conversation."""
    server.script(says("let me see", tools=CALLS), says("done"))
    first = client.responses.create(model="m", input="Hi", tools=[function("weather"), function("clock")])

    turns: list[Any] = [{"role": "user", "content": "Hi"}, *(item.to_dict() for item in first.output)]
    for i, item in enumerate(first.output):
        if item.type == "function_call":
            turns.append({"type": "function_call_output", "call_id": item.call_id, "output": f"result {i}"})
    second = client.responses.create(model="m", input=turns)

    assert "done" == second.output_text
    sent = server.requests[1].chat
    assert sent is not None
    assert ["user", "assistant", "tool", "tool"] == [turn.role for turn in sent.messages]
    assert "let me see" == sent.messages[1].text
    assert ["weather", "clock"] == [call.name for call in sent.messages[1].tool_calls]
    results = [part for turn in sent.messages[2:] for part in turn.parts if isinstance(part, ToolResult)]
    assert [("call_0", "result 1"), ("call_1", "result 2")] == [(result.call_id, result.text) for result in results]


def test_structured_output(server: Server, client: openai.OpenAI) -> None:
    """The schema arrives, the answer becomes the object."""
    server.script(says('{"vendor": "ACME", "total": 7.5}'))

    answer = client.responses.parse(model="m", input="Hi", text_format=Invoice)

    assert Invoice(vendor="ACME", total=7.5) == answer.output_parsed
    sent = server.requests[0].chat
    assert sent is not None
    assert sent.output is not None
    assert sent.output.schema is not None
    assert ("json_schema", {"vendor", "total"}) == (sent.output.kind, set(sent.output.schema["properties"]))


RICH = ChatResponse(
    message=Message(
        "assistant",
        (
            Text(
                "See here",
                citations=(Citation(url="https://a.example", title="A", start=0, end=3),),
                logprobs=(TokenLogprob("See", -0.5, (83, 101, 101), (TokenLogprob("Oh", -1.5, (79, 104)),)),),
            ),
            Image(data=PNG),
            Opaque(
                "openai-responses",
                {
                    "type": "web_search_call",
                    "id": "ws_1",
                    "status": "completed",
                    "action": {"type": "search", "query": "q"},
                },
            ),
            ToolCall("call_9", "shell", "ls -l", "custom"),
            Refusal("I will not."),
        ),
    ),
    finish_reason="tool_calls",
    usage=USAGE,
)


@pytest.mark.parametrize("streamed", [False, True])
def test_every_kind_of_part(server: Server, client: openai.OpenAI, streamed: bool) -> None:
    """Sources, probabilities, a picture, a provider's tool, a free-text call and a refusal are the SDK's own types."""
    server.script(response(RICH))
    if streamed:
        with client.responses.stream(model="m", input="Hi") as stream:
            list(stream)
            output: list[Any] = list(stream.get_final_response().output)
    else:
        output = list(client.responses.create(model="m", input="Hi").output)

    assert ["message", "image_generation_call", "web_search_call", "custom_tool_call", "message"] == [
        item.type for item in output
    ]
    [text] = output[0].content
    assert ("See here", "https://a.example", 3) == (
        text.text,
        text.annotations[0].url,
        text.annotations[0].end_index,
    )
    assert ("See", -0.5, "Oh") == (
        text.logprobs[0].token,
        text.logprobs[0].logprob,
        text.logprobs[0].top_logprobs[0].token,
    )
    assert "search" == output[2].action.type
    assert ("shell", "ls -l") == (output[3].name, output[3].input)
    assert "I will not." == output[4].content[0].refusal


def test_an_answer_cut_by_the_cap(server: Server, client: openai.OpenAI) -> None:
    """The cap is seen as an incomplete response with its reason, plain and streamed."""
    cut = ChatResponse(message=Message.assistant("One two"), finish_reason="length")
    server.script(response(cut), response(cut))

    plain = client.responses.create(model="m", input="Hi")
    last: Any = list(client.responses.create(model="m", input="Hi", stream=True))[-1]

    assert plain.incomplete_details is not None
    assert ("incomplete", "max_output_tokens") == (plain.status, plain.incomplete_details.reason)
    assert ("response.incomplete", "incomplete") == (last.type, last.response.status)


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
def test_errors(server: Server, client: openai.OpenAI, code: int, kind: str, stream: bool) -> None:
    """Each status is the SDK's own class, with message, code and the header that says when to come back."""
    server.script(status(code, "no luck", code="some_code", retry_after=0.5))

    with pytest.raises(openai.APIStatusError, match="no luck") as caught:
        client.responses.create(model="m", input="Hi", stream=stream)

    assert kind == type(caught.value).__name__
    assert ("some_code", "0.5") == (caught.value.code, caught.value.response.headers["retry-after"])


def test_an_error_in_the_stream(server: Server, client: openai.OpenAI) -> None:
    """An error written into the open stream is raised by the SDK, after the text before it."""
    encoder = WIRE.encoder()
    body = encoder.feed(TextDelta("Hel")) + encoder.error(OverloadedError("no capacity"))
    server.script(raw(body, headers={"content-type": "text/event-stream"}))
    seen: list[Any] = []

    with pytest.raises(openai.APIError, match="no capacity"):
        seen.extend(client.responses.create(model="m", input="Hi", stream=True))

    assert ["Hel"] == [event.delta for event in seen if event.type == "response.output_text.delta"]


def test_ids_of_items_last_through_the_stream(server: Server, client: openai.OpenAI) -> None:
    """An item has one id from its announcement to the last event, and reasoning keeps the id that its author gave."""
    native: dict[str, Any] = {
        "openai-responses": {"type": "reasoning", "id": "rs_real", "summary": [], "encrypted_content": "xyz"}
    }
    said: list[Event] = [
        Start("resp_1", "m"),
        ReasoningDelta("", native),
        PartEnd(),
        TextDelta("Hi"),
        PartEnd(),
        PartAdded(ToolCall("call_1", "f", "{}")),
        Finish("tool_calls"),
    ]
    server.script(events(*said))

    with client.responses.stream(model="m", input="Hi") as stream:
        seen: list[Any] = list(stream)
        final = stream.get_final_response()

    ids: dict[int, set[str]] = {}
    for event in seen:
        if hasattr(event, "output_index"):
            given = event.item.id if hasattr(event, "item") else event.item_id
            ids.setdefault(event.output_index, set()).add(given)
    assert [{"rs_real"}, {"msg_1"}, {"fc_2"}] == [ids[place] for place in sorted(ids)]
    thought: Any = final.output[0]
    assert ("rs_real", "xyz") == (thought.id, thought.encrypted_content)
