"""The server half of the `gemini-generate` wire: answers, streams and errors, written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamInterrupted,
)
from dragoman.types.events import (
    AudioDelta,
    CitationDelta,
    Event,
    Finish,
    PartEnd,
    ProviderEvent,
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
from dragoman.types.messages import Audio, Citation, Image, Message, Opaque, Reasoning, Text, TokenLogprob, ToolCall
from dragoman.types.responses import ChatResponse, Choice
from dragoman.types.usage import Usage
from dragoman.wire.gemini_generate import WIRE
from tests.strategies import PNG
from tests.wire.gemini_generate_bytes import ROW, chunk, plain, read, text

SIGNED = {"gemini-generate": {"thoughtSignature": "c2ln"}}


def written(*events: Event) -> bytes:
    """Events, written as a stream."""
    encoder = WIRE.encoder()
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def chunks(data: bytes) -> list[Any]:
    """The JSON of a stream's events."""
    return [json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: ")]


RESPONSE = ChatResponse(
    message=Message(
        "assistant",
        (
            Reasoning("Hm.", native=SIGNED),
            Text("Hello", logprobs=(TokenLogprob("Hello", -0.5, top=(TokenLogprob("Ho", -2.0),)),)),
            ToolCall("c1", "f", '{"a":1}', native=SIGNED),
            ToolCall("", "g", "{}"),
            Image(data=PNG),
            Opaque("gemini-generate", {"executableCode": {"code": "1"}}),
        ),
    ),
    finish_reason="tool_calls",
    finish_reason_raw="STOP",
    finish_details={"finishMessage": "m", "safetyRatings": [{"category": "C"}], "modelStatus": {"modelStage": "X"}},
    usage=Usage(input_tokens=9, output_tokens=5, reasoning_tokens=2, cache_read_tokens=4, input_audio_tokens=1),
    model="m",
    id="r1",
)


def test_a_plain_answer_is_read_back() -> None:
    """Parts, state, end, usage, model and id survive the way there and back."""
    again = WIRE.decode_response(200, {}, WIRE.encode_response(RESPONSE))

    assert RESPONSE.message == Message("assistant", again.message.parts)
    for name in ("finish_reason", "finish_reason_raw", "finish_details", "model", "id"):
        assert getattr(RESPONSE, name) == getattr(again, name)
    assert (9, 5, 2, 4, 1) == (
        again.usage.input_tokens,
        again.usage.output_tokens,
        again.usage.reasoning_tokens,
        again.usage.cache_read_tokens,
        again.usage.input_audio_tokens,
    )


def test_a_stream_is_read_back() -> None:
    """The same answer as a stream folds to the same parts; a signed text may take a part more."""
    again = fold(read(written(*unfold(RESPONSE)), 11))

    assert [(type(part), part.native) for part in RESPONSE.message.parts] == [
        (type(part), part.native) for part in again.message.parts
    ]
    assert (RESPONSE.text, RESPONSE.reasoning, RESPONSE.tool_calls) == (again.text, again.reasoning, again.tool_calls)
    assert (RESPONSE.finish_reason, RESPONSE.finish_details) == (again.finish_reason, again.finish_details)


def test_nothing_is_made_up() -> None:
    """Unknown ids, models and counts are left out."""
    body = json.loads(WIRE.encode_response(ChatResponse(message=Message.assistant("a"), finish_reason="stop")))

    assert {
        "candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0, "finishReason": "STOP"}]
    } == body


@pytest.mark.parametrize(
    ("reason", "raw", "word"),
    [
        ("stop", None, "STOP"),
        ("tool_calls", "tool_use", "STOP"),
        ("length", "max_tokens", "MAX_TOKENS"),
        ("content_filter", "RECITATION", "RECITATION"),
        ("refusal", "refusal", "SAFETY"),
        ("unknown", "NEVER_HEARD", "NEVER_HEARD"),
        ("unknown", None, "FINISH_REASON_UNSPECIFIED"),
        ("error", None, "OTHER"),
        ("pause", "pause_turn", "CONTINUATION"),
    ],
)
def test_finish_reasons(reason: Any, raw: str | None, word: str) -> None:
    """The provider's own word where it is this dialect's, else the nearest; never none, for it proves the end."""
    response = ChatResponse(message=Message.assistant("a"), finish_reason=reason, finish_reason_raw=raw)

    assert word == json.loads(WIRE.encode_response(response))["candidates"][0]["finishReason"]
    assert word == chunks(written(TextDelta("a"), Finish(reason, raw)))[-1]["candidates"][0]["finishReason"]


def test_a_refused_prompt_stays_one() -> None:
    """A block reason goes on without a candidate, plain and streamed."""
    blocked = plain({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}})
    body = json.loads(WIRE.encode_response(blocked))
    [event] = chunks(written(*unfold(blocked)))

    assert body == event == {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}


def test_alternatives() -> None:
    """Other answers are candidates after the first."""
    other = Choice(message=Message.assistant("b"), finish_reason="length")
    response = ChatResponse(message=Message.assistant("a"), finish_reason="stop", alternatives=(other,))
    again = WIRE.decode_response(200, {}, WIRE.encode_response(response))

    assert ("a", [("b", "length")]) == (
        again.text,
        [(one.message.text, one.finish_reason) for one in again.alternatives],
    )


def test_sources_of_another_provider_become_grounding() -> None:
    """Citations with an address are grounding, their places in bytes, plain and streamed."""
    cited = Text("Grüße. Paris.", (Citation(url="https://a", title="A", start=7, end=13), Citation(text="no address")))
    response = ChatResponse(message=Message("assistant", (cited,)), finish_reason="stop")
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 9, "endIndex": 15, "text": "Paris."}, "groundingChunkIndices": [0]}
        ],
    }
    streamed = written(TextDelta(cited.text), *(CitationDelta(one) for one in cited.citations), Finish("stop"))

    assert grounding == json.loads(WIRE.encode_response(response))["candidates"][0]["groundingMetadata"]
    assert grounding == chunks(streamed)[-1]["candidates"][0]["groundingMetadata"]
    assert cited.citations[:1] == fold(read(streamed)).message.parts[0].citations  # type: ignore[union-attr]


def test_foreign_reasoning_is_shown_as_thought() -> None:
    """Reasoning of any provider is a thought; what hides it has nothing to show."""
    message = Message("assistant", (Reasoning("Hm."), Reasoning("", native={"anthropic-messages": {}}), Text("a")))
    body = json.loads(WIRE.encode_response(ChatResponse(message=message, finish_reason="stop")))

    assert [{"text": "Hm.", "thought": True}, {"text": "a"}] == body["candidates"][0]["content"]["parts"]


def test_a_call_is_written_when_it_is_whole() -> None:
    """Pieces of arguments wait for their end, side by side too; a call that never ends is not written."""
    data = written(
        ToolCallStart(0, "a", "f"),
        ToolCallStart(1, "b", "g"),
        ToolCallDelta(1, "{}"),
        ToolCallDelta(0, '{"x":'),
        ToolCallEnd(1),
        ToolCallDelta(0, "1}"),
        ToolCallEnd(0, SIGNED),
        ToolCallStart(2, "c", "h"),
        Finish("tool_calls"),
    )

    assert [
        {"functionCall": {"id": "b", "name": "g", "args": {}}},
        {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"},
    ] == [part for one in chunks(data) for part in one["candidates"][0]["content"]["parts"]]


def test_what_the_stream_is_made_of() -> None:
    """Every chunk names model and id; the usage stands in the last, with the finish reason."""
    data = written(
        Start("r1", "m"),
        UsageUpdate(Usage(input_tokens=1, output_tokens=0)),
        ReasoningDelta("Hm"),
        TextDelta("a"),
        PartEnd(SIGNED),
        RefusalDelta("no"),
        AudioDelta(b"x", "said"),
        ProviderEvent("gemini-generate", {"candidates": [{"index": 1}]}),
        ProviderEvent("openai-chat", {"choices": []}),
        UsageUpdate(Usage(input_tokens=1, output_tokens=2)),
        Finish("stop"),
    )
    made = chunks(data)

    assert [{("m", "r1")}] * 8 == [{(one["modelVersion"], one["responseId"])} for one in made]
    assert [
        [{"text": "Hm", "thought": True}],
        [{"text": "a"}],
        [{"text": "", "thoughtSignature": "c2ln"}],
        [{"text": "no"}],
        [{"text": "said"}],
        [{"inlineData": {"mimeType": "audio/pcm", "data": "eA=="}}],
        [],
    ] == [one["candidates"][0]["content"]["parts"] for one in made if "content" in one["candidates"][0]]
    assert [{"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}] == [
        one["usageMetadata"] for one in made if "usageMetadata" in one
    ]
    assert Audio(data=b"x", media_type="audio/pcm") in fold(read(data)).message.parts


def test_nothing_is_written_after_the_end() -> None:
    """After Finish or an error the stream is over."""
    for last in (lambda encoder: encoder.feed(Finish("stop")), lambda encoder: encoder.error(ServerError("x"))):
        encoder = WIRE.encoder()
        assert last(encoder)
        assert b"" == encoder.feed(TextDelta("a")) + encoder.close() + encoder.error(ServerError("y"))


def test_a_stream_that_is_closed_early_is_seen_to_be() -> None:
    """Without Finish there is no finish reason, and the reader knows."""
    with pytest.raises(StreamInterrupted):
        read(written(Start("r1", "m"), TextDelta("a")))


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        (BadRequestError, 400, "INVALID_ARGUMENT"),
        (ContextLengthError, 400, "INVALID_ARGUMENT"),
        (ContentFilterError, 400, "INVALID_ARGUMENT"),
        (AuthenticationError, 401, "UNAUTHENTICATED"),
        (PermissionDeniedError, 403, "PERMISSION_DENIED"),
        (ModelNotFoundError, 404, "NOT_FOUND"),
        (RateLimitError, 429, "RESOURCE_EXHAUSTED"),
        (QuotaError, 429, "RESOURCE_EXHAUSTED"),
        (OverloadedError, 503, "UNAVAILABLE"),
        (ServerError, 500, "INTERNAL"),
    ],
)
def test_an_error_keeps_its_class(kind: type[DragomanError], status: int, word: str) -> None:
    """Each class has Google's word, and is the same class when it is read, with its delay and request id."""
    written_status, headers, body = WIRE.encode_error(kind("no", retry_after=1.5, request_id="q1"))

    assert (status, word) == (written_status, json.loads(body)["error"]["status"])
    assert "1.5" == headers["retry-after"]
    with pytest.raises(kind) as caught:
        WIRE.decode_response(written_status, {}, body, ROW)
    assert (kind, 1.5, "q1", word) == (
        type(caught.value),
        caught.value.retry_after,
        caught.value.request_id,
        caught.value.code,
    )


QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.mark.parametrize(
    ("status", "error", "kind", "wait"),
    [
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota"}, RateLimitError, None),
        (
            429,
            {
                "status": "RESOURCE_EXHAUSTED",
                "message": "You exceeded your current quota",
                "details": [{"@type": QUOTA, "violations": [{"quotaId": "RequestsPerMinutePerProject"}]}, RETRY],
            },
            RateLimitError,
            34.4,
        ),
        (
            429,
            {
                "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": QUOTA, "violations": [{"quotaId": "RequestsPerDayPerProject"}]}, RETRY],
            },
            QuotaError,
            34.4,
        ),
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "Your spend limit is reached"}, QuotaError, None),
        (
            400,
            {"status": "INVALID_ARGUMENT", "details": [{"@type": INFO, "reason": "API_KEY_INVALID"}]},
            AuthenticationError,
            None,
        ),
        (
            400,
            {"status": "INVALID_ARGUMENT", "message": "API key not valid. Please pass one."},
            AuthenticationError,
            None,
        ),
        (
            404,
            {"status": "NOT_FOUND", "message": "models/x is not found for API version v1beta"},
            ModelNotFoundError,
            None,
        ),
        (
            400,
            {"status": "INVALID_ARGUMENT", "message": "The input token count (9) exceeds the maximum number"},
            ContextLengthError,
            None,
        ),
        (
            400,
            {"status": "FAILED_PRECONDITION", "message": "User location is not supported"},
            PermissionDeniedError,
            None,
        ),
        (503, {"status": "UNAVAILABLE", "message": "overloaded"}, OverloadedError, None),
        (500, {"status": "INTERNAL"}, ServerError, None),
        (504, {"status": "DEADLINE_EXCEEDED"}, ServerError, None),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_errors_of_the_provider(
    status: int, error: dict[str, Any], kind: type[DragomanError], wait: float | None, listed: bool
) -> None:
    """Details decide before the word, and the word before the status; a body may be a list of one."""
    body: Any = {"error": {"code": status, **error}}
    with pytest.raises(kind) as caught:
        plain([body] if listed else body, status)

    assert (kind, status, error["status"], wait) == (
        type(caught.value),
        caught.value.status,
        caught.value.code,
        caught.value.retry_after,
    )


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b"null", b"[]", b'"no"', b"\xff"])
def test_an_error_status_with_any_body(body: bytes) -> None:
    """Proxies answer with anything: the status decides, and there are words."""
    with pytest.raises(OverloadedError) as caught:
        WIRE.decode_response(503, {}, body, ROW)

    assert caught.value.message


def test_a_gateway_keeps_what_google_said() -> None:
    """An answer decoded and written again is the same JSON, but for what only the transport knew."""
    body = chunk(
        text("Hm", thought=True),
        text("Hi", thoughtSignature="c2ln"),
        finish="STOP",
        groundingMetadata={"webSearchQueries": ["q"]},
        avgLogprobs=-0.5,
    ) | {"usageMetadata": {"promptTokenCount": 3, "trafficType": "X"}}

    assert body == json.loads(WIRE.encode_response(plain(body)))
