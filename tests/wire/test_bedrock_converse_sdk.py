"""The official `boto3` client with the server half of the wire `bedrock-converse`, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from dragoman.errors import OverloadedError
from dragoman.testing import Server, events, raw, says, status
from dragoman.types.events import Event, Finish, ReasoningDelta, Start, TextDelta
from dragoman.types.messages import Image, Text, ToolCall, ToolResult
from dragoman.types.usage import Usage
from dragoman.wire.bedrock_converse import WIRE
from tests.strategies import PNG

MODEL = "eu.amazon.nova-lite-v1:0"
USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5)
ASK: list[Any] = [{"role": "user", "content": [{"text": "Hi"}]}]
SPEC = {"name": "weather", "description": "d", "inputSchema": {"json": {"type": "object"}}}


def client_of(server: Server, **more: Any) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=5)
    session = boto3.Session(
        aws_access_key_id="AKIAXXXXXXXXXXXXXXXX", aws_secret_access_key="secret", region_name="eu-west-1"
    )
    return session.client("bedrock-runtime", endpoint_url=server.url, config=config, **more)


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    made = client_of(server)
    yield made
    made.close()


def test_a_plain_answer(server: Server, client: Any) -> None:
    """Text, reason, usage and the id of the request; the server read what the SDK sent."""
    server.script(says("hello there", usage=USAGE))

    answer = client.converse(
        modelId=MODEL,
        messages=ASK,
        system=[{"text": "Be kind."}],
        inferenceConfig={"maxTokens": 9, "temperature": 0.5, "topP": 0.25, "stopSequences": ["."]},
        additionalModelRequestFields={"top_k": 5},
    )

    assert {"role": "assistant", "content": [{"text": "hello there"}]} == answer["output"]["message"]
    assert "end_turn" == answer["stopReason"]
    assert {"inputTokens": 15, "outputTokens": 7, "totalTokens": 27, "cacheReadInputTokens": 5} == answer["usage"]
    assert "req-0" == answer["ResponseMetadata"]["RequestId"]
    [received] = server.requests
    chat = received.chat
    assert chat is not None
    assert (MODEL, False, 9, 0.5, 0.25, (".",)) == (
        chat.model,
        chat.stream,
        chat.max_tokens,
        chat.temperature,
        chat.top_p,
        chat.stop,
    )
    assert ["Be kind.", "Hi"] == [message.text for message in chat.messages]
    assert {WIRE.name: {"additionalModelRequestFields": {"top_k": 5}}} == chat.native


def test_a_streamed_answer(server: Server, client: Any) -> None:
    """The SDK reads framing and events: role, reasoning, texts, reason, usage."""
    server.script(says("hello there", reasoning="hm", usage=USAGE))

    answer = client.converse_stream(modelId=MODEL, messages=ASK)
    got = list(answer["stream"])

    deltas = [one["contentBlockDelta"]["delta"] for one in got if "contentBlockDelta" in one]
    assert "hello there" == "".join(one.get("text", "") for one in deltas)
    assert "hm" == "".join(one["reasoningContent"]["text"] for one in deltas if "reasoningContent" in one)
    assert {"messageStart": {"role": "assistant"}} == got[0]
    assert {"messageStop": {"stopReason": "end_turn"}} == got[-2]
    assert 27 == got[-1]["metadata"]["usage"]["totalTokens"]
    assert server.requests[0].chat is not None
    assert server.requests[0].chat.stream


def test_tools(server: Server, client: Any) -> None:
    """A call comes out with its arguments, plain and in pieces, and its result is read with the picture in it."""
    call = says("", tools=[("weather", {"city": "Paris"})])
    server.script(call, call, says("sunny"))
    tools = {"tools": [{"toolSpec": SPEC}], "toolChoice": {"tool": {"name": "weather"}}}

    answer = client.converse(modelId=MODEL, messages=ASK, toolConfig=tools)
    use = next(block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block)
    streamed = list(client.converse_stream(modelId=MODEL, messages=ASK, toolConfig=tools)["stream"])
    result = {
        "toolUseId": use["toolUseId"],
        "content": [{"json": {"sun": True}}, {"image": {"format": "png", "source": {"bytes": PNG}}}],
        "status": "success",
    }
    turns = [*ASK, answer["output"]["message"], {"role": "user", "content": [{"toolResult": result}]}]
    client.converse(modelId=MODEL, messages=turns, toolConfig=tools)

    assert ("tool_use", "weather", {"city": "Paris"}) == (answer["stopReason"], use["name"], use["input"])
    starts = [one["contentBlockStart"]["start"] for one in streamed if "contentBlockStart" in one]
    assert "weather" == starts[0]["toolUse"]["name"]
    chat = server.requests[-1].chat
    assert chat is not None
    assert "weather" == chat.tool_choice
    [declared] = chat.tools or ()
    assert ("weather", "d", {"type": "object"}) == (declared.name, declared.description, declared.parameters)
    [said] = chat.messages[1].parts
    [back] = chat.messages[2].parts
    assert isinstance(said, ToolCall)
    assert isinstance(back, ToolResult)
    assert (said.id, "weather", {"city": "Paris"}) == (back.call_id, said.name, said.arguments)
    assert [Text, Image] == [type(part) for part in back.parts]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_errors(server: Server, client: Any, code: int, name: str) -> None:
    """The SDK finds type, words and status, and raises the class that its model of the service has for it."""
    server.script(status(code, "out of tea"))

    with pytest.raises(ClientError, match="out of tea") as caught:
        client.converse(modelId=MODEL, messages=ASK)

    assert name == caught.value.response["Error"]["Code"]
    assert code == caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert isinstance(caught.value, getattr(client.exceptions, name))


def test_an_error_in_the_stream(server: Server, client: Any) -> None:
    """The SDK raises it after what was said, with its name."""
    said: list[Event] = [Start(), TextDelta("Hel")]
    encoder = WIRE.encoder()
    data = b"".join(map(encoder.feed, said)) + encoder.error(OverloadedError("out of tea"))
    server.script(raw(data, headers={"content-type": "application/vnd.amazon.eventstream"}))

    stream = iter(client.converse_stream(modelId=MODEL, messages=ASK)["stream"])

    assert ["messageStart", "contentBlockDelta", "contentBlockStop"] == [next(iter(next(stream))) for _ in range(3)]
    with pytest.raises(EventStreamError, match="out of tea") as caught:
        next(stream)
    assert "serviceUnavailableException" == caught.value.response["Error"]["Code"]


def test_a_signature_comes_through(server: Server, client: Any) -> None:
    """Reasoning that is signed or hidden is given as such, and comes back as it went out."""
    state = {WIRE.name: {"reasoningContent": {"reasoningText": {"signature": "sig"}}}}
    server.script(
        events(Start(), ReasoningDelta("hm", state), TextDelta("a"), Finish("stop", "end_turn")), says("again")
    )

    answer = client.converse(modelId=MODEL, messages=ASK)
    client.converse(modelId=MODEL, messages=[*ASK, answer["output"]["message"], *ASK])

    thought = {"reasoningText": {"text": "hm", "signature": "sig"}}
    assert {"reasoningContent": thought} == answer["output"]["message"]["content"][0]
    chat = server.requests[-1].chat
    assert chat is not None
    assert state == chat.messages[1].parts[0].native
