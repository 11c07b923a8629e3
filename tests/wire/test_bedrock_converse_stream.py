"""Reading the streams of the wire `bedrock-converse`."""

from __future__ import annotations

import base64
import json
import random

import pytest

from dragoman import errors
from dragoman.errors import DragomanError, StatusError, StreamInterrupted, WireError
from dragoman.types.events import (
    Finish,
    PartEnd,
    ProviderEvent,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.fold import fold
from dragoman.types.messages import Citation, Image, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.usage import Usage
from dragoman.wire import awsstream
from dragoman.wire.bedrock_converse import WIRE
from tests.fuzz.mutate import mutate
from tests.strategies import PNG
from tests.wire.converse_frames import END, METADATA, ROW, START, answer, delta, event, events_of, exception, stop

NAME = "bedrock-converse"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_text_comes_as_deltas() -> None:
    """Role, texts, the end of the block, usage, and the finish last of all."""
    got = events_of(START, delta(0, text="Hel"), delta(0, text=""), delta(0, text="lo"), stop(0), END, METADATA)

    usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
    assert [
        Start(),
        TextDelta("Hel"),
        TextDelta("lo"),
        PartEnd(),
        UsageUpdate(Usage(input_tokens=3, output_tokens=4, details=usage)),
        Finish("stop", "end_turn", {"metrics": {"latencyMs": 5}}),
    ] == got


def test_a_tool_call_comes_in_pieces() -> None:
    """A start with id and name, pieces of its arguments, an end; blocks may grow side by side."""
    begin = {"toolUse": {"toolUseId": "t1", "name": "f", "type": "tool_use"}}
    got = events_of(
        START,
        event("contentBlockStart", contentBlockIndex=0, start=begin),
        event("contentBlockStart", contentBlockIndex=1, start={"toolUse": {"toolUseId": "t2", "name": "g"}}),
        delta(0, toolUse={"input": ""}),
        delta(0, toolUse={"input": '{"a":'}),
        delta(1, toolUse={"input": "{}"}),
        delta(0, toolUse={"input": " 1}"}),
        stop(0),
        stop(1),
        event("messageStop", stopReason="tool_use"),
    )

    assert [
        Start(),
        ToolCallStart(0, "t1", "f"),
        ToolCallStart(1, "t2", "g"),
        ToolCallDelta(0, '{"a":'),
        ToolCallDelta(1, "{}"),
        ToolCallDelta(0, " 1}"),
        ToolCallEnd(0),
        ToolCallEnd(1),
        Finish("tool_calls", "tool_use"),
    ] == got


def test_a_call_without_arguments_has_an_empty_object() -> None:
    """A tool without parameters is called with `{}`, as in a plain answer."""
    begin = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "f"}})

    assert ({},) == tuple(call.arguments for call in fold(events_of(begin, stop(0), END)).tool_calls)


def test_reasoning_is_signed_at_its_end() -> None:
    """Its text comes at once; pieces of a signature are put together, and mark it as this dialect's own."""
    got = events_of(
        START,
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "si"}),
        delta(0, reasoningContent={"signature": "g"}),
        stop(0),
        delta(1, reasoningContent={"text": "unsigned"}),
        stop(1),
        END,
    )

    assert ReasoningDelta("hm") == got[1]
    state = {NAME: {"reasoningContent": {"reasoningText": {"signature": "sig"}}}}
    assert (Reasoning("hm", native=state), Reasoning("unsigned", native={NAME: {}})) == fold(got).message.parts


def test_hidden_reasoning_is_kept() -> None:
    """What is encrypted comes in pieces of base64 and is one part, the same as of a plain answer."""
    got = events_of(
        START,
        delta(0, reasoningContent={"redactedContent": b64(b"sec")}),
        delta(0, reasoningContent={"redactedContent": b64(b"ret!")}),
        stop(0),
        END,
    )
    plain = WIRE.decode_response(200, {}, answer({"reasoningContent": {"redactedContent": b64(b"secret!")}}))

    assert plain.message == fold(got).message
    assert "" == plain.reasoning
    assert 1 == len(plain.message.parts)


def test_citations_belong_to_their_text() -> None:
    """Citations of a block stay with its text, and their own form is kept."""
    told = {"title": "rules", "sourceContent": [{"text": "20 days"}], "location": {"web": {"url": "https://x.org"}}}
    got = events_of(START, delta(0, text="a"), stop(0), delta(1, text="b"), delta(1, citation=told), stop(1), END)

    cited = Citation(url="https://x.org", title="rules", text="20 days", native={NAME: told})
    assert (Text("a"), Text("b", (cited,))) == fold(got).message.parts


def test_a_server_tool_brings_its_result() -> None:
    """Call and result of a tool that the provider runs are parts of the answer, and keep what marks them."""
    use = {"toolUseId": "t", "name": "run", "type": "server_tool_use"}
    result = {"toolUseId": "t", "type": "run_result", "status": "success"}
    got = events_of(
        START,
        event("contentBlockStart", contentBlockIndex=0, start={"toolUse": use}),
        delta(0, toolUse={"input": '{"code":"1"}'}),
        stop(0),
        event("contentBlockStart", contentBlockIndex=1, start={"toolResult": result}),
        delta(1, toolResult=[{"json": {"out": 1}}]),
        stop(1),
        END,
    )
    plain = WIRE.decode_response(
        200,
        {},
        answer(
            {"toolUse": {**use, "input": {"code": "1"}}},
            {"toolResult": {**result, "content": [{"json": {"out": 1}}]}},
        ),
    )

    assert plain.message == fold(got).message
    call, back = plain.message.parts
    assert isinstance(call, ToolCall)
    assert isinstance(back, ToolResult)
    assert {NAME: {"toolUse": {"type": "server_tool_use"}}} == call.native
    assert ("t", '{"out":1}') == (back.call_id, back.text)


def test_a_picture_comes_in_pieces() -> None:
    """The bytes of a generated picture are put together."""
    got = events_of(
        START,
        event("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}}),
        delta(0, image={"source": {"bytes": b64(PNG[:9])}}),
        delta(0, image={"source": {"bytes": b64(PNG[9:])}}),
        stop(0),
        END,
    )

    assert (Image(data=PNG, media_type="image/png"),) == fold(got).message.parts


def test_what_is_not_known_passes_by() -> None:
    """Unknown events, starts and deltas are carried as they came, and nothing else is lost."""
    got = events_of(
        START,
        event("later", x=1),
        event("contentBlockStart", contentBlockIndex=0, start={"hologram": {}}),
        delta(0, hologram={"x": 2}),
        delta(1, text="a"),
        stop(1),
        END,
    )

    passed = [one.data for one in got if isinstance(one, ProviderEvent)]
    assert ["later", "contentBlockStart", "contentBlockDelta"] == [next(iter(data)) for data in passed]
    assert "a" == fold(got).text


def test_the_end_needs_no_metadata() -> None:
    """`messageStop` proves the answer; without the event behind it the cost is not known."""
    got = events_of(START, delta(0, text="a"), END)

    assert Finish("stop", "end_turn") == got[-1]
    assert None is fold(got).usage.input_tokens


def test_after_the_metadata_nothing_is_read() -> None:
    """The answer is at its end; what follows is not looked at."""
    decoder = WIRE.decoder()
    decoder.feed(START + delta(0, text="a") + END + METADATA)

    assert decoder.done
    assert [] == decoder.feed(delta(0, text="b"))


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((START,), id="only a role"),
        pytest.param((START, delta(0, text="a"), stop(0)), id="no end"),
        pytest.param((START, delta(0, text="a"), END[:-1]), id="the end is cut"),
        pytest.param((START, delta(0, text="a"), METADATA), id="usage alone"),
    ],
)
def test_without_its_end_an_answer_is_a_part(pieces: tuple[bytes, ...]) -> None:
    """Whatever else came, it is the event `messageStop` that makes an answer whole."""
    with pytest.raises(StreamInterrupted) as caught:
        events_of(*pieces)

    assert caught.value.partial is not None
    assert "unknown" == caught.value.partial.finish_reason


def test_an_open_tool_call_of_a_cut_answer_is_no_call() -> None:
    """A call whose end did not come is never handed over as one."""
    begin = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "f"}})
    with pytest.raises(StreamInterrupted) as caught:
        events_of(START, begin, delta(0, toolUse={"input": "{}"}))

    assert caught.value.partial is not None
    assert () == caught.value.partial.tool_calls


@pytest.mark.parametrize(
    ("kind", "expected", "retryable"),
    [
        ("throttlingException", errors.RateLimitError, True),
        ("validationException", errors.BadRequestError, False),
        ("internalServerException", errors.ServerError, True),
        ("modelStreamErrorException", errors.ServerError, True),
        ("serviceUnavailableException", errors.OverloadedError, True),
        ("modelTimeoutException", errors.ServerError, True),
        ("accessDeniedException", errors.PermissionDeniedError, False),
    ],
)
def test_an_exception_in_the_stream(kind: str, expected: type[StatusError], retryable: bool) -> None:
    """It is the typed error, with the words, the code and what had come before it."""
    decoder = WIRE.decoder(ROW)

    assert [Start(), TextDelta("Hel")] == decoder.feed(START + delta(0, text="Hel") + exception(kind, "slow down"))
    with pytest.raises(expected, match="slow down") as caught:
        decoder.feed(b"")
    error = caught.value
    assert expected is type(error)
    assert (kind, "bedrock", retryable) == (error.code, error.provider, error.retryable)
    assert error.partial is not None
    assert "Hel" == error.partial.text


def test_an_unmodelled_error_in_the_stream() -> None:
    """A message of type `error` says its code and words in headers."""
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "out of tea"}
    with pytest.raises(StatusError, match="out of tea") as caught:
        events_of(START, awsstream.encode(b"", headers))

    assert "InternalFailure" == caught.value.code


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'{"delta": 5}', b'"\xff"', b"{"])
def test_an_event_that_is_no_event(payload: bytes) -> None:
    """A payload that is not what the dialect says is a WireError."""
    with pytest.raises(WireError):
        events_of(awsstream.encode(payload, {":event-type": "contentBlockDelta", ":message-type": "event"}))


@pytest.mark.parametrize(
    "piece",
    [
        delta(0, reasoningContent={"redactedContent": "###"}),
        event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"name": 5}}),
        delta(0, toolUse={"input": "{}"}),
    ],
)
def test_a_block_that_is_no_block(piece: bytes) -> None:
    """Damaged base64, a call without an id and arguments of no call are a WireError that says where."""
    with pytest.raises(WireError) as caught:
        events_of(START, piece)

    assert caught.value.path is not None


def test_a_damaged_stream() -> None:
    """A wrong checksum is a WireError; what came before it is the part."""
    damaged = bytearray(delta(0, text="lo"))
    damaged[-6] ^= 1
    with pytest.raises(WireError, match="damaged") as caught:
        events_of(START, delta(0, text="Hel"), bytes(damaged))

    assert caught.value.partial is not None
    assert "Hel" == caught.value.partial.text


@pytest.mark.parametrize("seed", range(40))
def test_damaged_payloads_in_sound_frames(seed: int) -> None:
    """Whatever the events say, the answer has a finish as its last event, or one of our errors is raised."""
    rng = random.Random(seed)
    begin = event("contentBlockStart", contentBlockIndex=1, start={"toolUse": {"toolUseId": "t", "name": "f"}})
    reasoning = delta(2, reasoningContent={"text": "a", "signature": "b"})
    sound = [START, delta(0, text="a"), stop(0), begin, delta(1, toolUse={"input": "{}"}), stop(1), reasoning, END]
    messages = awsstream.Decoder().feed(b"".join([*sound, METADATA]))
    for _ in range(25):
        damaged = [
            awsstream.encode(mutate(one.payload, one.payload, rng) if rng.random() < 0.2 else one.payload, one.headers)
            for one in messages
            if rng.random() < 0.9
        ]
        try:
            got = events_of(*damaged)
        except DragomanError:
            continue
        assert isinstance(got[-1], Finish)
        fold(got)


def test_a_plain_answer_in_place_of_a_stream() -> None:
    """A server that does not stream is read all the same, and its error is an error."""
    assert "hello" == fold(events_of(answer({"text": "hello"}))).text
    with pytest.raises(errors.RateLimitError):
        events_of(json.dumps({"__type": "com.amazon#ThrottlingException", "message": "slow"}).encode())
    with pytest.raises(WireError, match="HTML"):
        events_of(b"<html>Bad Gateway</html>")
