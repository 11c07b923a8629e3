"""Google's own SDK as a client of the server half of the `gemini-generate` wire."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own dependencies deprecate is not ours
    from google import genai
    from google.genai import errors as genai_errors
    from google.genai import types

from dragoman.testing import Server, events, response, says, status
from dragoman.types.events import Finish, ReasoningDelta, TextDelta
from dragoman.types.messages import Image, Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from tests.strategies import PNG

USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, reasoning_tokens=3)
MODEL = "gemini-3-flash"


@pytest.fixture
def client(server: Server) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=server.base_url("gemini-generate"), api_version="v1beta")
    with genai.Client(api_key="k", http_options=options) as running:
        yield running


def test_plain(server: Server, client: genai.Client) -> None:
    """Text, reason, usage, id and model; the server read every setting that the SDK sent."""
    server.script(says("hello there", usage=USAGE, id="answer-7"))

    answer = client.models.generate_content(
        model=MODEL,
        contents=["Hi", types.Part.from_bytes(data=PNG, mime_type="image/png")],
        config=types.GenerateContentConfig(
            system_instruction="Be brief.", temperature=0.5, max_output_tokens=9, stop_sequences=["."], seed=3
        ),
    )

    assert ("hello there", "answer-7", MODEL) == (answer.text, answer.response_id, answer.model_version)
    assert answer.candidates is not None
    assert types.FinishReason.STOP == answer.candidates[0].finish_reason
    usage = answer.usage_metadata
    assert usage is not None
    assert (20, 4, 3, 5, 27) == (
        usage.prompt_token_count,
        usage.candidates_token_count,
        usage.thoughts_token_count,
        usage.cached_content_token_count,
        usage.total_token_count,
    )
    sent = server.requests[0].chat
    assert sent is not None
    assert (MODEL, False, 0.5, 9, (".",), 3) == (
        sent.model,
        sent.stream,
        sent.temperature,
        sent.max_tokens,
        sent.stop,
        sent.seed,
    )
    assert ["Be brief.", "Hi"] == [message.text for message in sent.messages]
    assert PNG == next(part.data for part in sent.messages[1].parts if isinstance(part, Image))
    assert "k" == server.requests[0].headers["x-goog-api-key"]


def test_stream(server: Server, client: genai.Client) -> None:
    """Text in pieces, the reason and the usage at the end."""
    server.script(says("one two three", usage=USAGE))

    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Hi"))

    assert "one two three" == "".join(chunk.text or "" for chunk in chunks)
    assert [types.FinishReason.STOP] == [
        chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates and chunk.candidates[0].finish_reason
    ]
    assert chunks[-1].usage_metadata is not None
    assert 27 == chunks[-1].usage_metadata.total_token_count
    assert server.requests[0].chat is not None
    assert server.requests[0].chat.stream


def test_thoughts(server: Server, client: genai.Client) -> None:
    """Thoughts are marked as such, plain and streamed."""
    thought = (
        ReasoningDelta("Hm.", {"gemini-generate": {"thoughtSignature": "c2ln"}}),
        TextDelta("Hi"),
        Finish("stop"),
    )
    server.script(events(*thought), events(*thought))

    answer = client.models.generate_content(model=MODEL, contents="Hi")
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Hi"))

    for one in ([answer], chunks):
        parts = [part for chunk in one for part in chunk.parts or ()]
        assert [("Hm.", True, b"sig"), ("Hi", None, None)] == [
            (part.text, part.thought, part.thought_signature) for part in parts
        ]


def test_tools(server: Server, client: genai.Client) -> None:
    """The SDK's own loop calls the function, sends its result, and gets the answer."""

    def weather(city: str) -> str:
        """Forecast."""
        return f"sunny in {city}"

    call = ToolCall("c1", "weather", '{"city":"Paris"}', native={"gemini-generate": {"thoughtSignature": "c2ln"}})
    server.script(
        response(ChatResponse(message=Message("assistant", (call,)), finish_reason="tool_calls")), says("It is sunny.")
    )

    answer = client.models.generate_content(
        model=MODEL, contents="Weather?", config=types.GenerateContentConfig(tools=[weather])
    )

    assert "It is sunny." == answer.text
    first, second = (request.chat for request in server.requests)
    assert first is not None
    assert second is not None
    assert first.tools is not None
    assert [("weather", {"city": {"type": "string"}})] == [
        (tool.name, (tool.parameters or {})["properties"]) for tool in first.tools
    ]
    assert call == msg_call(second.messages[1])
    [result] = second.messages[2].parts
    assert isinstance(result, ToolResult)
    assert ("weather", '{"result":"sunny in Paris"}') == (result.name, result.text)


def msg_call(message: Message) -> ToolCall:
    """The one call of a message."""
    [call] = message.tool_calls
    return call


def test_chat(server: Server, client: genai.Client) -> None:
    """The SDK's chat sends back what it was given, thought signatures in their places."""
    signed = Message(
        "assistant",
        (Reasoning("Hm.", native={"gemini-generate": {"thoughtSignature": "c2ln"}}), Text("Hi")),
    )
    server.script(response(ChatResponse(message=signed, finish_reason="stop")), says("bye"))

    chat = client.chats.create(model=MODEL)
    chat.send_message("a")
    chat.send_message("b")

    sent = server.requests[1].chat
    assert sent is not None
    assert ["user", "assistant", "user"] == [message.role for message in sent.messages]
    assert signed.parts == sent.messages[1].parts


def test_structured(server: Server, client: genai.Client) -> None:
    """A schema in Google's own form is read as JSON Schema, and the SDK reads the answer."""
    server.script(says('{"total": 5}'))
    schema = types.Schema(type=types.Type.OBJECT, properties={"total": types.Schema(type=types.Type.NUMBER)})

    answer = client.models.generate_content(
        model=MODEL,
        contents="Hi",
        config=types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema),
    )

    assert {"total": 5} == answer.parsed
    sent = server.requests[0].chat
    assert sent is not None
    assert sent.output is not None
    assert {"type": "object", "properties": {"total": {"type": "number"}}} == sent.output.schema


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        (400, genai_errors.ClientError, "INVALID_ARGUMENT"),
        (401, genai_errors.ClientError, "UNAUTHENTICATED"),
        (404, genai_errors.ClientError, "NOT_FOUND"),
        (429, genai_errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, genai_errors.ServerError, "INTERNAL"),
        (503, genai_errors.ServerError, "UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors(server: Server, client: genai.Client, code: int, kind: Any, word: str, stream: bool) -> None:
    """Each status is the SDK's own class, with Google's word and the message."""
    server.script(*[status(code, "no luck")] * 9)  # the SDK asks again by itself
    ask = client.models.generate_content_stream if stream else client.models.generate_content

    with pytest.raises(kind, match="no luck") as caught:
        list(ask(model=MODEL, contents="Hi"))

    assert (code, word, "no luck") == (caught.value.code, caught.value.status, caught.value.message)


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
def test_async(server: Server) -> None:
    """The asynchronous client: plain and streamed."""
    server.script(says("plain"), says("one two"))
    options = types.HttpOptions(base_url=server.base_url("gemini-generate"), api_version="v1beta")

    async def main() -> None:
        async with genai.Client(api_key="k", http_options=options).aio as client:
            assert "plain" == (await client.models.generate_content(model=MODEL, contents="Hi")).text
            stream = await client.models.generate_content_stream(model=MODEL, contents="Hi")
            assert "one two" == "".join([chunk.text or "" async for chunk in stream])

    asyncio.run(main())
