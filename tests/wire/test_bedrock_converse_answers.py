"""Plain answers and errors of the wire `bedrock-converse`, and writing both and streams as a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.errors import DragomanError, StatusError, WireError
from dragoman.types.events import (
    AudioDelta,
    CitationDelta,
    Event,
    Finish,
    PartAdded,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.fold import fold, unfold
from dragoman.types.messages import (
    Audio,
    Citation,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.bedrock_converse import WIRE
from tests import strategies
from tests.strategies import PNG
from tests.wire.converse_frames import END, METADATA, ROW, START, answer, delta, events_of, exception, frames, stop

NAME = "bedrock-converse"


# --- plain answers ----------------------------------------------------------------------------------------------------


def test_an_answer_is_read() -> None:
    """Parts, finish, usage, what else was told of the end, and the id of the request."""
    body = answer(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"text": "hello"},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1.5}, "type": "tool_use"}},
        reason="tool_use",
        metrics={"latencyMs": 5},
        trace=None,
    )

    got = WIRE.decode_response(200, {"X-Amzn-RequestId": "r1"}, body, ROW)

    state = {NAME: {"reasoningContent": {"reasoningText": {"signature": "s"}}}}
    assert (Reasoning("hm", native=state), Text("hello"), ToolCall("t", "f", '{"a":1.5}')) == got.message.parts
    assert ("tool_calls", "tool_use") == (got.finish_reason, got.finish_reason_raw)
    assert {"metrics": {"latencyMs": 5}} == got.finish_details
    assert ("r1", "bedrock", None, None) == (got.request_id, got.provider, got.model, got.id)
    assert body == got.body


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "error"),
        ("malformed_tool_use", "error"),
        ("something_new", "unknown"),
        (None, "unknown"),
    ],
)
def test_why_an_answer_ended(raw: str | None, expected: str) -> None:
    """The reason is translated, kept as sent, and goes out as it came; one that is not known is not made up."""
    got = WIRE.decode_response(200, {}, answer({"text": "a"}, reason=raw))

    assert (expected, raw) == (got.finish_reason, got.finish_reason_raw)
    assert raw == json.loads(WIRE.encode_response(got)).get("stopReason")


def test_cached_tokens_are_part_of_the_input() -> None:
    """Bedrock counts them apart; the sum is what the model read.  The provider's own counts go out as they came."""
    counts = {
        "inputTokens": 3,
        "outputTokens": 4,
        "totalTokens": 1019,
        "cacheReadInputTokens": 1000,
        "cacheWriteInputTokens": 12,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 5}, {"ttl": "1h", "inputTokens": 7}],
    }
    got = WIRE.decode_response(200, {}, answer({"text": "a"}, usage=counts))

    usage = got.usage
    assert (1015, 4, 1000, 12, 7) == (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
    )
    assert 3 == usage.fresh_input_tokens
    assert counts == json.loads(WIRE.encode_response(got))["usage"]


def test_usage_of_other_dialects_is_written() -> None:
    """Cached tokens are taken out of the input again, and the total is the sum."""
    usage = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, cache_write_tokens=4, cache_write_1h_tokens=4)
    body = json.loads(WIRE.encode_response(ChatResponse(message=Message.assistant("a"), usage=usage)))

    assert {
        "inputTokens": 11,
        "outputTokens": 7,
        "totalTokens": 27,
        "cacheReadInputTokens": 5,
        "cacheWriteInputTokens": 4,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 4}],
    } == body["usage"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"output": 5}', "$.output"),
        (b'{"output": {"message": {"content": [5]}}}', "$.output.message.content[0]"),
        (answer({"text": 5}), "$.output.message.content[0]"),
        (answer({"text": "a"}, {"toolUse": {"name": "f"}}), "$.output.message.content[1].toolUse"),
        (answer({"image": {"format": "png", "source": {"bytes": "#"}}}), "$.output.message.content[0].image"),
    ],
)
def test_an_answer_with_a_wrong_field(body: bytes, path: str) -> None:
    """The WireError names the place."""
    with pytest.raises(WireError) as caught:
        WIRE.decode_response(200, {}, body, ROW)

    assert str(caught.value.path).startswith(path)


# --- errors -----------------------------------------------------------------------------------------------------------

_MESSAGES: list[Any] = [
    (400, "ValidationException", "The provided model identifier is invalid.", errors.ModelNotFoundError),
    (400, "ValidationException", "Input is too long for requested model.", errors.ContextLengthError),
    (400, "ValidationException", "messages.0.content.0.text is blank", errors.BadRequestError),
    (400, "ServiceQuotaExceededException", "no", errors.QuotaError),
    (403, "AccessDeniedException", "no", errors.PermissionDeniedError),
    (403, "UnrecognizedClientException", "no", errors.AuthenticationError),
    (403, "ExpiredTokenException", "no", errors.AuthenticationError),
    (403, "InvalidSignatureException", "no", errors.AuthenticationError),
    (403, "", "The security token included in the request is expired", errors.AuthenticationError),
    (403, "", "Authentication failed: Please make sure your API Key is valid.", errors.AuthenticationError),
    (404, "ResourceNotFoundException", "no", errors.NotFoundError),
    (408, "ModelTimeoutException", "no", errors.ServerError),
    (424, "ModelErrorException", "no", errors.ServerError),
    (429, "ThrottlingException", "Too many tokens, please wait before trying again.", errors.RateLimitError),
    (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", errors.QuotaError),
    (429, "ModelNotReadyException", "no", errors.OverloadedError),
    (500, "InternalServerException", "no", errors.ServerError),
    (503, "ServiceUnavailableException", "no", errors.OverloadedError),
]


@pytest.mark.parametrize(("status", "kind", "message", "expected"), _MESSAGES)
@pytest.mark.parametrize("where", ["header", "body", "capital"])
def test_errors_are_typed(status: int, kind: str, message: str, expected: type[StatusError], where: str) -> None:
    """The type stands in a header or in the body, with or without its name space; words decide where it is vague."""
    headers = {"X-Amzn-ErrorType": f"{kind}:http://internal/"} if kind and where == "header" else {}
    told = {"__type": f"com.amazon.coral#{kind}"} if kind and where == "body" else {}
    if where == "capital" and kind:
        headers = {"x-amzn-errortype": kind}
    body = json.dumps({("Message" if where == "capital" else "message"): message, **told}).encode()

    with pytest.raises(expected) as caught:
        WIRE.decode_response(status, {**headers, "x-amzn-requestid": "r"}, body, ROW)

    error = caught.value
    assert expected is type(error)
    assert (message, kind or None, status, "r") == (error.message, error.code, error.status, error.request_id)


def test_an_error_under_status_200_is_an_error() -> None:
    """A proxy that forgets the status does not make an answer of an error."""
    with pytest.raises(errors.RateLimitError):
        WIRE.decode_response(200, {}, b'{"__type": "ThrottlingException", "message": "slow"}')


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (errors.RateLimitError("no"), "ThrottlingException", 429),
        (errors.BudgetError("no"), "ThrottlingException", 429),
        (errors.MissingKeyError("x", "X"), "UnrecognizedClientException", 403),
        (errors.UnknownModelError("no"), "ResourceNotFoundException", 404),
        (errors.ContextLengthError("no"), "ValidationException", 400),
        (errors.TimeoutError("no", clock="idle"), "ModelTimeoutException", 408),
        (errors.WireError("no"), "InternalServerException", 500),
    ],
)
def test_errors_have_names_and_their_status(error: DragomanError, name: str, status: int) -> None:
    """A name is bound to its status, as the service model says; the request's id goes along."""
    error.request_id, error.retry_after = "r", 2.0
    sent, headers, body = WIRE.encode_error(error)

    assert (status, name, "r", "2") == (
        sent,
        headers["x-amzn-errortype"],
        headers["x-amzn-requestid"],
        headers["retry-after"],
    )
    assert {"message": error.message} == json.loads(body)


# --- streams, as a server ---------------------------------------------------------------------------------------------


def written(*events: Event) -> list[tuple[str, dict[str, Any]]]:
    encoder = WIRE.encoder()
    return frames(b"".join(encoder.feed(event) for event in events) + encoder.close())


def test_a_stream_is_written() -> None:
    """A role, texts without a start, calls with one, an end of each block, the reason, the usage."""
    got = written(
        Start("id", "m"),
        UsageUpdate(Usage(input_tokens=3, output_tokens=4)),
        TextDelta("a"),
        ToolCallStart(0, "t", "f"),
        ToolCallDelta(0, '{"x":'),
        ToolCallDelta(0, "1}"),
        ToolCallEnd(0),
        Finish("tool_calls"),
    )

    assert [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "a"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"x":'}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "1}"}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}}),
    ] == got


def test_without_a_finish_there_is_no_end() -> None:
    """An answer that broke off never looks whole."""
    assert ["messageStart", "contentBlockDelta"] == [kind for kind, _ in written(Start(), TextDelta("a"))]


def test_an_error_ends_the_stream() -> None:
    """What is open is closed, the exception is written, and nothing after it."""
    encoder = WIRE.encoder()
    data = encoder.feed(TextDelta("a")) + encoder.error(errors.QuotaError("no")) + encoder.feed(TextDelta("b"))

    assert ["messageStart", "contentBlockDelta", "contentBlockStop", "modelStreamErrorException"] == [
        kind for kind, _ in frames(data + encoder.error(errors.ServerError("x")) + encoder.close())
    ]


def test_an_error_before_anything_else() -> None:
    """An exception may be all that a stream says."""
    assert [("throttlingException", {"message": "slow"})] == frames(WIRE.encoder().error(errors.RateLimitError("slow")))


_SAID: list[Any] = [
    Text("a"),
    Text("b", (Citation(url="https://x.org", title="t", text="c"),)),
    Reasoning("hm", native={NAME: {"reasoningContent": {"reasoningText": {"signature": "s"}}}}),
    Reasoning("", native={NAME: {"reasoningContent": {"redactedContent": "c2Vj", "reasoningText": None}}}),
    Image(data=PNG, media_type="image/png"),
    ToolCall("t", "f", '{"a":1}', native={NAME: {"toolUse": {"type": "server_tool_use"}}}),
    ToolResult("t", (Text("x"),), native={NAME: {"toolResult": {"status": "success"}}}),
]


def test_everything_said_is_the_same_plain_and_streamed() -> None:
    """Every kind of part that an answer may have comes through both forms as the same part."""
    response = ChatResponse(message=Message("assistant", tuple(_SAID)), finish_reason="stop")
    plain = WIRE.decode_response(200, {}, WIRE.encode_response(response))
    encoder = WIRE.encoder()
    data = b"".join(encoder.feed(event) for event in unfold(response)) + encoder.close()
    streamed = fold(events_of(data))

    assert plain.message == streamed.message
    kinds = [type(part) for part in _SAID]
    assert kinds == [type(part) for part in plain.message.parts]
    cited = plain.message.parts[1]
    assert isinstance(cited, Text)
    assert ("https://x.org", "t", "c") == (cited.citations[0].url, cited.citations[0].title, cited.citations[0].text)
    assert _SAID[2:] == list(plain.message.parts[2:])


def test_words_without_a_form_of_their_own_are_texts() -> None:
    """A refusal and what was spoken are texts here, plain or streamed; a foreign block has no words."""
    parts = (Refusal("no"), Audio(data=b"x", media_type="audio/x", transcript="hi"), Opaque("gemini-generate", {}))
    plain = json.loads(WIRE.encode_response(ChatResponse(message=Message("assistant", parts))))
    streamed = fold(
        events_of(
            b"".join(
                map(
                    WIRE.encoder().feed,
                    [RefusalDelta("no"), PartEnd(), AudioDelta(transcript="hi"), PartAdded(parts[2]), Finish("stop")],
                )
            )
        )
    )

    assert [{"text": "no"}, {"text": "hi"}] == plain["output"]["message"]["content"]
    assert "nohi" == streamed.text


def test_a_foreign_signature_is_not_written() -> None:
    """Another dialect's state of reasoning stays where it is, and its citations without an address are nothing."""
    events = [ReasoningDelta("hm", {"anthropic-messages": {"signature": "s"}}), CitationDelta(Citation(title="t"))]

    assert [{"reasoningContent": {"text": "hm"}}] == [one["delta"] for _, one in written(*events) if "delta" in one]


@settings(max_examples=60)
@given(message=strategies.answers, sizes=st.lists(st.integers(1, 80), max_size=20))
def test_any_answer_is_served_alike_plain_and_streamed(message: Message, sizes: list[int]) -> None:
    """Whatever was answered elsewhere, both forms say the same here, wherever the stream is cut."""
    response = ChatResponse(message=message, finish_reason="stop")
    plain = WIRE.decode_response(200, {}, WIRE.encode_response(response))
    encoder = WIRE.encoder()
    data = b"".join(encoder.feed(event) for event in unfold(response)) + encoder.close()
    starts = [0, *(sum(sizes[: i + 1]) for i in range(len(sizes)))]
    streamed = fold(events_of(*(data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True))))

    assert (plain.text, plain.reasoning) == (streamed.text, streamed.reasoning)
    assert [(call.id, call.name) for call in plain.tool_calls] == [(call.id, call.name) for call in streamed.tool_calls]


@pytest.mark.parametrize("at", range(0, len(START + delta(0, text="Hello") + stop(0) + END + METADATA), 7))
def test_a_cut_is_a_part_until_the_end_is_proved(at: int) -> None:
    """Before the last byte of `messageStop` it is a part; from there on it is whole."""
    head = START + delta(0, text="Hello") + stop(0) + END
    data = (head + METADATA)[:at]
    if at >= len(head):
        assert "Hello" == fold(events_of(data)).text
    else:
        with pytest.raises(errors.StreamInterrupted):
            events_of(data)


def test_an_exception_after_whole_events_is_raised_at_its_place() -> None:
    """The events before it come first, whether the bytes came in one piece or in many."""
    data = START + delta(0, text="a") + exception("throttlingException", "slow")
    for size in (1, 7, len(data)):
        with pytest.raises(errors.RateLimitError) as caught:
            events_of(*(data[at : at + size] for at in range(0, len(data), size)))
        assert caught.value.partial is not None
        assert "a" == caught.value.partial.text
