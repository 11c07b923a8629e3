"""The server half of the wire `openai-responses`: what it writes satisfies the official SDK and its own reader."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from dragoman.errors import DragomanError, ModelNotFoundError, QuotaError, RateLimitError, StreamInterrupted
from dragoman.types.events import (
    AudioDelta,
    CitationDelta,
    Event,
    Finish,
    MessageNative,
    PartAdded,
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
from dragoman.types.messages import (
    Audio,
    Citation,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage
from dragoman.wire.openai_responses import WIRE
from dragoman.wire.openai_responses.dialect import NAME
from tests.strategies import PNG
from tests.wire.openai_responses_bytes import call, decoded, events_of, message, read, reasoning, text, whole, written

USAGE = Usage(input_tokens=9, output_tokens=5, cache_read_tokens=4, cache_write_tokens=0, reasoning_tokens=3)
FULL = ChatResponse(
    message=Message(
        "assistant",
        (
            Reasoning("hm"),
            Text("Hello ", logprobs=(TokenLogprob("Hello", -0.5, (72,), (TokenLogprob("Hi", -1.5, (72,)),)),)),
            Text("you", citations=(Citation(url="https://a", title="A", start=0, end=3),)),
            Image(data=PNG),
            ToolCall("c1", "f", '{ "x": 1}'),
            ToolCall("c2", "sh", "ls", "custom"),
            Audio(data=b"x", media_type="audio/pcm", transcript="spoken"),
            Opaque("anthropic-messages", {"type": "server_tool_use"}),
        ),
    ),
    finish_reason="tool_calls",
    finish_reason_raw="tool_use",
    usage=USAGE,
    model="m",
    id="msg_upstream",
)  # fmt: skip
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


# --- the official SDK -------------------------------------------------------------------------------------------------


def test_a_plain_answer_is_valid_for_the_sdk() -> None:
    """Every field that the SDK's model requires is there, and of its type."""
    answer = Response.model_validate_json(WIRE.encode_response(FULL), strict=False)

    assert "Hello youspoken" == answer.output_text
    assert [
        "reasoning",
        "message",
        "message",
        "image_generation_call",
        "function_call",
        "custom_tool_call",
        "message",
    ] == [item.type for item in answer.output]
    assert ("msg_upstream", "m", "completed") == (answer.id, answer.model, answer.status)


def test_every_event_is_valid_for_the_sdk() -> None:
    """Each event of a stream is one that the SDK knows, complete and in order."""
    events = events_of(written(*unfold(FULL)))

    for one in events:
        _EVENT.validate_python(one)
    assert list(range(len(events))) == [one["sequence_number"] for one in events]
    assert events[-1]["response"]["output"] == [
        one["item"] for one in events if one["type"] == "response.output_item.done"
    ]


def test_errors_are_what_the_sdk_raises() -> None:
    """An error body has the fields that the SDK reads, and the status of its class."""
    status, headers, body = WIRE.encode_error(RateLimitError("slow down", retry_after=2.0))

    assert (429, "2", "application/json") == (status, headers["retry-after"], headers["content-type"])
    assert {
        "message": "slow down", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded", "status": 429,
    } == json.loads(body)["error"]  # fmt: skip


# --- its own reader ---------------------------------------------------------------------------------------------------

RECORDED: list[dict[str, Any]] = [
    whole(message(text("One", {"type": "url_citation", "url": "https://a"}), phase="final_answer")),
    whole(message(text("One"), {"type": "refusal", "refusal": "no"}), message(text("Two"), id="msg_2")),
    whole(message({"type": "output_text", "text": "One", "annotations": []})),
    whole(reasoning("a", "b", encrypted_content="xyz", content=None), call('{"x":1}', namespace="n"), call(id="fc_2")),
    whole({"type": "web_search_call", "id": "ws_1", "status": "completed"}, message(text("found"))),
    whole({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "sh", "input": "ls"}),
    whole(message({"type": "output_hologram", "x": 1}, text("One"))),
    whole(message(text("One")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    whole(message(text("One")), service_tier="flex", usage={"input_tokens": 3, "output_tokens": 2, "vendor": 1}),
    whole(status="queued"),
]


@pytest.mark.parametrize("body", RECORDED, ids=lambda body: json.dumps(body["output"])[:50])
def test_an_answer_of_this_dialect_is_served_as_it_came(body: dict[str, Any]) -> None:
    """What is read from a provider and written to a client is the same output, status and usage."""
    served = json.loads(WIRE.encode_response(decoded(body)))

    for name, value in body.items():
        assert value == served[name]


@pytest.mark.parametrize("body", RECORDED, ids=lambda body: json.dumps(body["output"])[:50])
def test_an_answer_and_its_stream_are_the_same(body: dict[str, Any]) -> None:
    """A plain answer that is written as a stream reads as the same answer."""
    first = decoded(body)
    again = fold(read(written(*unfold(first)), 50))

    assert first.message.parts == _with_ids_of(again.message.parts, first.message.parts)
    assert (first.finish_reason, first.finish_reason_raw, first.finish_details, first.usage) == (
        again.finish_reason,
        again.finish_reason_raw,
        again.finish_details,
        again.usage,
    )


def _with_ids_of(parts: tuple[Part, ...], others: tuple[Part, ...]) -> tuple[Part, ...]:
    """A message must be announced with an id before its state is known: those ids are taken from the others."""
    return tuple(
        msgspec.structs.replace(part, native=other.native) if isinstance(part, Text | Refusal) else part
        for part, other in zip(parts, others, strict=True)
    )


_ENDS: list[tuple[FinishReason, str | None, str | None, FinishReason]] = [
    ("stop", "end_turn", "completed", "stop"),
    ("stop", "complete", "complete", "stop"),
    ("length", "max_tokens", "incomplete", "length"),
    ("content_filter", None, "incomplete", "content_filter"),
    ("refusal", None, "incomplete", "content_filter"),
    ("pause", "pause_turn", "incomplete", "pause"),
    ("error", "network_error", "incomplete", "error"),
    ("unknown", None, None, "unknown"),
    ("unknown", "eos", None, "unknown"),
    ("unknown", "queued", "queued", "unknown"),
    ("unknown", "cancelled", "cancelled", "unknown"),
]


@pytest.mark.parametrize(("reason", "raw", "status", "read_as"), _ENDS)
def test_how_it_ended(reason: FinishReason, raw: str | None, status: str | None, read_as: FinishReason) -> None:
    """The reason in the dialect's words, plain and streamed; what it has no word for is not made up."""
    answer = ChatResponse(message=Message.assistant("Hi"), finish_reason=reason, finish_reason_raw=raw)
    plain = decoded(WIRE.encode_response(answer))
    last = events_of(written(*unfold(answer)))[-1]

    assert (status, read_as) == (plain.finish_reason_raw, plain.finish_reason)
    assert status == last["response"]["status"]


def test_without_a_token_count_there_is_no_usage() -> None:
    """What is not known is null, not nought."""
    known = json.loads(WIRE.encode_response(ChatResponse(message=Message.assistant("a"), usage=Usage(input_tokens=5))))
    nothing = json.loads(WIRE.encode_response(ChatResponse(message=Message.assistant("a"))))

    assert (5, None, None) == tuple(known["usage"][name] for name in ("input_tokens", "output_tokens", "total_tokens"))
    assert nothing["usage"] is None


# --- the encoder ------------------------------------------------------------------------------------------------------


def test_every_event_has_its_place() -> None:
    """Whatever events come, in the order of another dialect, they fold to the same parts."""
    events: list[Event] = [
        Start("resp_9", "m"),
        ReasoningDelta("h", {"anthropic-messages": {"x": 1}}),
        ReasoningDelta("m"),
        PartEnd(),
        TextDelta(""),
        TextDelta("One"),
        CitationDelta(Citation(url="https://a", title="A", start=0, end=1)),
        CitationDelta(Citation(text="of nothing")),
        RefusalDelta("not two"),
        ToolCallStart(0, "c0", "f"),
        ToolCallStart(1, "c1", "g", "custom"),
        ToolCallDelta(1, "l"),
        ToolCallDelta(0, "{}"),
        ToolCallDelta(1, "s"),
        ToolCallEnd(1),
        ToolCallEnd(0),
        AudioDelta(b"x", "spoken"),
        PartAdded(Text("whole")),
        PartAdded(Refusal("no")),
        PartAdded(Reasoning("more")),
        PartAdded(ToolCall("c2", "h", '{"a":1}')),
        PartAdded(Audio(file_id="a1", transcript="said")),
        PartAdded(Image(url="https://a/b.png")),
        MessageNative({"openai-chat": {"x": 1}}),
        ProviderEvent("anthropic-messages", {"type": "ping"}),
        UsageUpdate(USAGE),
        Finish("tool_calls", "tool_use"),
    ]
    answer = fold(read(written(*events), 37))

    assert ("hmmore", "Onespokenwholesaid", "not twono") == (answer.reasoning, answer.text, answer.refusal)
    assert [("c0", "{}"), ("c1", "ls"), ("c2", '{"a":1}')] == [
        (one.id, one.arguments_json) for one in answer.tool_calls
    ]
    assert ("resp_9", "tool_calls", 9) == (answer.id, answer.finish_reason, answer.usage.input_tokens)
    for one in events_of(written(*events)):
        _EVENT.validate_python(one)


def test_events_of_this_dialect_go_through() -> None:
    """Progress of the provider's tools reaches the client under the place that the tool has there."""
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
    announced = {"type": "response.output_item.added", "output_index": 7, "item": {**item, "status": "in_progress"}}
    progress = {
        "type": "response.web_search_call.searching",
        "output_index": 7,
        "item_id": "ws_1",
        "sequence_number": 40,
    }
    lost = {**progress, "output_index": 3}
    events = events_of(
        written(
            TextDelta("a"),
            PartEnd(),
            *(ProviderEvent(NAME, data) for data in (announced, progress, lost, {"type": "response.news", "x": 1})),
            PartAdded(Opaque(NAME, item)),
            Finish("stop"),
        )
    )

    assert [
        ("response.output_item.added", 1),
        ("response.web_search_call.searching", 1),
        ("response.news", None),
        ("response.output_item.done", 1),
    ] == [(one["type"], one.get("output_index")) for one in events[-5:-1]]
    assert [None, item] == [None, events[-1]["response"]["output"][1]]


def test_a_call_that_did_not_end_is_told_so() -> None:
    """An unfinished call is written as incomplete, and read as no call."""
    answer = fold(read(written(ToolCallStart(0, "c", "f"), ToolCallDelta(0, '{"x'), Finish("length"))))

    assert ((), "length") == (answer.tool_calls, answer.finish_reason)


def test_an_answer_without_finish_never_looks_whole() -> None:
    """A stream that is closed without a finish reason is cut for its reader."""
    with pytest.raises(StreamInterrupted):
        read(written(Start("r", "m"), TextDelta("Hi")))


@pytest.mark.parametrize(
    "error",
    [QuotaError("no money", code="insufficient_quota"), ModelNotFoundError("no such model"), RateLimitError("no")],
)
def test_an_error_in_the_stream(error: DragomanError) -> None:
    """It is read as its class, and nothing is written after it."""
    encoder = WIRE.encoder()
    data = encoder.feed(TextDelta("Hi")) + encoder.error(error)

    assert b"" == encoder.feed(TextDelta("more")) + encoder.error(error) + encoder.close()
    assert ["error", "response.failed"] == [one["type"] for one in events_of(data)[-2:]]
    with pytest.raises(type(error), match=error.message):
        read(data)
