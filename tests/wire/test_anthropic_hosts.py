"""The wires `bedrock-anthropic` and `vertex-anthropic`; the vendor's own clients for both hosts are the readers."""

from __future__ import annotations

import base64
import json
from typing import Any

import anthropic
import pytest

from dragoman import errors
from dragoman import wire as wires
from dragoman.errors import ConfigError, OverloadedError, StreamInterrupted, WireError
from dragoman.testing import Server, raw, says, status
from dragoman.types.events import Event, Finish, Start, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from dragoman.types.fold import fold
from dragoman.types.messages import Message
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import ChatRequest
from dragoman.types.usage import Usage
from dragoman.wire import awsstream

MODEL = "eu.anthropic.claude-haiku-5-5-v1:0"
BEDROCK = wires.get("bedrock-anthropic")
VERTEX = wires.get("vertex-anthropic")
ROWS = {
    "bedrock-anthropic": Provider(name="b", base_url="https://b.example", wire="bedrock-anthropic"),
    "vertex-anthropic": Provider(
        name="v", base_url="https://v.example/v1", wire="vertex-anthropic", address={"project": "p", "location": "eu"}
    ),
}
PATHS = {
    ("bedrock-anthropic", False): "/model/eu.anthropic.claude-haiku-5-5-v1%3A0/invoke",
    ("bedrock-anthropic", True): "/model/eu.anthropic.claude-haiku-5-5-v1%3A0/invoke-with-response-stream",
    ("vertex-anthropic", False): "/v1/projects/p/locations/eu/publishers/anthropic/models/claude@1:rawPredict",
    ("vertex-anthropic", True): "/v1/projects/p/locations/eu/publishers/anthropic/models/claude@1:streamRawPredict",
}
HI: list[Any] = [{"role": "user", "content": "Hi"}]


def asked(model: str, *, stream: bool = False, **more: Any) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message.user("Hi"),), max_tokens=9, stream=stream, **more)


@pytest.mark.parametrize(("name", "stream"), PATHS)
def test_model_and_form_stand_in_the_path(name: str, stream: bool) -> None:
    """The body has the host's version of the API in place of model and stream, and is read back the same."""
    model = MODEL if name == "bedrock-anthropic" else "claude@1"
    sent = wires.get(name).encode_request(asked(model, stream=stream, temperature=0.5), ROWS[name])

    assert sent.url.endswith(PATHS[name, stream])
    body = json.loads(sent.body)
    assert body.pop("anthropic_version").startswith(name.split("-", maxsplit=1)[0])
    assert {"messages": HI, "max_tokens": 9, "temperature": 0.5} == body
    again = wires.get(name).decode_request(sent.body, path=PATHS[name, stream])
    assert (model, stream, 0.5) == (again.model, again.stream, again.temperature)


def test_another_version_is_kept() -> None:
    """A version that is not the host's usual one goes out as it came; a row may set it."""
    row = Provider(name="b", base_url="https://b.example", quirks=Quirks(api_version="bedrock-2027-01-01"))
    body = {"anthropic_version": "bedrock-2027-01-01", "messages": HI, "max_tokens": 9}

    request = BEDROCK.decode_request(json.dumps(body).encode(), path="/model/m/invoke")

    assert body == json.loads(BEDROCK.encode_request(request, ROWS["bedrock-anthropic"]).body) | {
        "anthropic_version": "bedrock-2027-01-01"
    }
    assert "bedrock-2027-01-01" == json.loads(BEDROCK.encode_request(asked("m"), row).body)["anthropic_version"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/messages", {}, "path"),
        ("/model/m/invoke", {"messages": HI, "max_tokens": 9}, "anthropic_version"),
        ("/model/m/invoke", {"anthropic_version": "x", "messages": 5}, "messages"),
        ("/model/m/invoke", [], "body"),
    ],
)
def test_what_is_no_request_of_the_host(path: str, body: Any, field: str) -> None:
    """The error names what is missing."""
    with pytest.raises(ConfigError) as caught:
        BEDROCK.decode_request(json.dumps(body).encode(), path=path)

    assert field == caught.value.field


def test_a_row_without_its_project_is_refused() -> None:
    """The path of Vertex needs a project: an error names it before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        VERTEX.encode_request(asked("m"), Provider(name="v", base_url="https://v.example/v1"))

    assert "address.project" == caught.value.field


# --- Bedrock's framing ------------------------------------------------------------------------------------------------

SAID: list[Event] = [
    Start("msg_1", "claude"),
    TextDelta("Hel"),
    TextDelta("lo"),
    ToolCallStart(0, "toolu_1", "f"),
    ToolCallDelta(0, '{"a":1}'),
    ToolCallEnd(0),
    Finish("tool_calls"),
]


def stream_of(said: list[Event]) -> bytes:
    encoder = BEDROCK.encoder()
    return b"".join(encoder.feed(event) for event in said) + encoder.close()


def chunk(value: Any) -> bytes:
    payload = {"bytes": base64.b64encode(json.dumps(value).encode()).decode(), "p": "abc"}
    return awsstream.encode(json.dumps(payload).encode(), {":event-type": "chunk", ":message-type": "event"})


def read(*pieces: bytes) -> list[Event]:
    decoder = BEDROCK.decoder()
    found = [event for piece in pieces for event in decoder.feed(piece)]
    return found + decoder.feed(b"") + decoder.close()


@pytest.mark.parametrize("size", [1, 13, 4096])
def test_chunks_hold_the_dialects_events(size: int) -> None:
    """Each is one message with one event in base64; they are read as the same answer, however they are cut."""
    data = stream_of(SAID)

    kinds = [
        json.loads(base64.b64decode(json.loads(message.payload)["bytes"]))["type"]
        for message in awsstream.Decoder().feed(data)
    ]
    assert "message_start" == kinds[0]
    assert "message_stop" == kinds[-1]
    answer = fold(read(*(data[at : at + size] for at in range(0, len(data), size))))
    assert ("Hello", "tool_calls", "msg_1") == (answer.text, answer.finish_reason, answer.id)
    assert [{"a": 1}] == [call.arguments for call in answer.tool_calls]


def test_a_cut_stream_is_a_part() -> None:
    """Without `stop_reason` or `message_stop` the answer is not whole, whatever the framing says."""
    with pytest.raises(StreamInterrupted) as caught:
        read(stream_of(SAID[:3]))

    assert caught.value.partial is not None
    assert "Hello" == caught.value.partial.text


def test_errors_in_the_stream_are_both_kinds() -> None:
    """AWS's exception and the dialect's own event are typed errors with what came before."""
    encoder = BEDROCK.encoder()
    aws = encoder.feed(TextDelta("Hel")) + encoder.error(OverloadedError("out of tea"))
    own = chunk({"type": "error", "error": {"type": "overloaded_error", "message": "out of tea"}})

    for data in (aws, stream_of(SAID[:2]) + own):
        with pytest.raises(OverloadedError, match="out of tea") as caught:
            read(data)
        assert caught.value.partial is not None
        assert "Hel" == caught.value.partial.text
    assert b"" == encoder.error(OverloadedError("again"))


@pytest.mark.parametrize("payload", [b"{}", b'{"bytes": 5}', b'{"bytes": "#"}', b"x"])
def test_a_chunk_that_is_none(payload: bytes) -> None:
    """A chunk without base64 in it is a WireError."""
    with pytest.raises(WireError):
        read(awsstream.encode(payload, {":event-type": "chunk", ":message-type": "event"}))


def test_errors_of_bedrock_are_awss() -> None:
    """Their type stands in a header; the dialect's own form is read too."""
    headers = {"x-amzn-errortype": "ThrottlingException:http://x/", "x-amzn-requestid": "r"}
    with pytest.raises(errors.RateLimitError) as caught:
        BEDROCK.decode_response(429, headers, b'{"message":"slow"}')
    assert ("ThrottlingException", "slow", "r") == (caught.value.code, caught.value.message, caught.value.request_id)

    sent, given, body = BEDROCK.encode_error(errors.RateLimitError("slow"))
    assert (429, "ThrottlingException", {"message": "slow"}) == (sent, given["x-amzn-errortype"], json.loads(body))


# --- the vendor's own clients -----------------------------------------------------------------------------------------


def client_of(server: Server, name: str) -> Any:
    if name == "bedrock-anthropic":
        return anthropic.AnthropicBedrock(
            base_url=server.url,
            aws_access_key="AKIAXXXXXXXXXXXXXXXX",
            aws_secret_key="secret",
            aws_region="eu-west-1",
            max_retries=0,
        )
    return anthropic.AnthropicVertex(
        base_url=server.base_url(name), region="eu", project_id="p", access_token="t", max_retries=0
    )


@pytest.mark.parametrize("name", ROWS)
def test_the_sdk_reads_a_plain_answer(server: Server, name: str) -> None:
    """Text, calls, reason and usage; the server read what the SDK sent."""
    server.script(says("hello", tools=[("f", {"a": 1})], usage=Usage(input_tokens=20, output_tokens=7)))
    with client_of(server, name) as client:
        answer = client.messages.create(model=MODEL, max_tokens=9, messages=HI)

    assert ("hello", "tool_use", {"a": 1}) == (answer.content[0].text, answer.stop_reason, answer.content[1].input)
    assert (20, 7) == (answer.usage.input_tokens, answer.usage.output_tokens)
    chat = server.requests[0].chat
    assert chat is not None
    assert (name, MODEL, False, 9) == (server.requests[0].wire, chat.model, chat.stream, chat.max_tokens)


@pytest.mark.parametrize("name", ROWS)
def test_the_sdk_reads_a_stream(server: Server, name: str) -> None:
    """The SDK's own accumulator puts the same answer together."""
    server.script(says("hello there", tools=[("f", {"a": 1})]))
    with client_of(server, name) as client, client.messages.stream(model=MODEL, max_tokens=9, messages=HI) as stream:
        answer = stream.get_final_message()

    assert ("hello there", {"a": 1}) == (answer.content[0].text, answer.content[1].input)
    assert server.requests[0].chat is not None
    assert server.requests[0].chat.stream


@pytest.mark.parametrize("name", ROWS)
def test_the_sdk_reads_errors(server: Server, name: str) -> None:
    """By status and words."""
    server.script(status(429, "out of tea"))
    with client_of(server, name) as client, pytest.raises(anthropic.RateLimitError, match="out of tea"):
        client.messages.create(model=MODEL, max_tokens=9, messages=HI)


def test_the_sdk_reads_an_error_in_bedrocks_stream(server: Server) -> None:
    """AWS's exception inside the stream is an error for the SDK too."""
    encoder = BEDROCK.encoder()
    data = encoder.feed(Start("m", "x")) + encoder.feed(TextDelta("a")) + encoder.error(OverloadedError("out of tea"))
    server.script(raw(data, headers={"content-type": "application/vnd.amazon.eventstream"}))
    with client_of(server, "bedrock-anthropic") as client:
        stream = client.messages.create(model=MODEL, max_tokens=9, messages=HI, stream=True)
        with pytest.raises(Exception, match=r"out of tea|serviceUnavailable"):
            list(stream)
