"""Streams in the Anthropic dialect, as a server writes them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message as SdkMessage
from anthropic.types import RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dragoman.errors import OverloadedError
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
from dragoman.types.fold import fold
from dragoman.types.messages import Citation, Image, Opaque, Text, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import sse
from dragoman.wire.anthropic_messages import WIRE
from tests.strategies import PNG, spoken
from tests.wire.anthropic_answers import streams
from tests.wire.anthropic_asking import NAME


def encode(*events: Event) -> bytes:
    """The bytes of a stream of these events."""
    encoder = WIRE.encoder()
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def framed(data: bytes) -> list[dict[str, Any]]:
    """The events in these bytes; each must be framed under its own type."""
    found = sse.Decoder().feed(data)
    values: list[dict[str, Any]] = [msgspec.json.decode(event.data) for event in found]
    assert [value["type"] for value in values] == [event.event for event in found]
    return values


def types(*events: Event) -> list[str]:
    """The types of the events that are written, with those of blocks and deltas."""
    return [_name(value) for value in framed(encode(*events))]


def _name(value: dict[str, Any]) -> str:
    inner = value.get("content_block") or (value.get("delta") if value["type"] == "content_block_delta" else None)
    index = f" {value['index']}" if "index" in value else ""
    return value["type"].removeprefix("content_block_") + index + (f" {inner['type']}" if inner else "")


# --- laws -------------------------------------------------------------------------------------------------------------


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """The data cut into pieces of these sizes, over and over."""
    found: list[bytes] = []
    while data:
        size = sizes[len(found) % len(sizes)]
        found.append(data[:size])
        data = data[size:]
    return found


@given(streams | spoken(), st.lists(st.integers(1, 64), min_size=1, max_size=4))
def test_what_a_server_streams_is_read_as_the_same_answer(events: list[Event], sizes: list[int]) -> None:
    """Writing, cutting anywhere and reading gives the same message, usage and finish."""
    decoder = WIRE.decoder()
    read = [event for piece in pieces(encode(*events), sizes) for event in decoder.feed(piece)] + decoder.close()
    before, after = fold(events), fold(read)

    assert before.message == after.message
    assert (before.id, before.model, before.finish_reason) == (after.id, after.model, after.finish_reason)
    assert before.finish_reason_raw in (None, after.finish_reason_raw)
    assert before.finish_details == after.finish_details
    assert (before.usage.input_tokens, before.usage.output_tokens) == (
        after.usage.input_tokens,
        after.usage.output_tokens,
    )
    assert isinstance(read[-1], Finish)


@given(streams)
def test_the_vendors_sdk_folds_a_stream_to_the_same_message(events: list[Event]) -> None:
    """What its own accumulator makes of the stream is the message that a plain answer would be."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    adapter: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    for value in framed(encode(*events)):
        snapshot = accumulate_event(event=adapter.validate_python(value), current_snapshot=snapshot, json_bufs=buffers)
    plain = SdkMessage.model_validate_json(WIRE.encode_response(fold(events)))

    assert comparable(plain) == comparable(snapshot)


def comparable(message: Any) -> dict[str, Any]:
    """A message of the SDK without what is null or empty."""
    value: dict[str, Any] = message.to_dict()
    value["content"] = [
        {key: item for key, item in block.items() if item not in (None, [])} for block in value["content"]
    ]
    return {key: item for key, item in value.items() if item is not None}


# --- the form ---------------------------------------------------------------------------------------------------------


def test_a_text_is_framed_as_the_vendor_does() -> None:
    """Event by event, byte for byte."""
    usage = UsageUpdate(Usage(input_tokens=3, output_tokens=1))
    expected = """event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"c","content":[],\
"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hé"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},\
"usage":{"input_tokens":3,"output_tokens":1}}

event: message_stop
data: {"type":"message_stop"}

"""

    assert expected == encode(Start("m", "c"), usage, TextDelta("Hé"), PartEnd(), Finish("stop", "stop")).decode()


def test_the_start_waits_for_the_usage_of_the_prompt() -> None:
    """Nothing is written before the first content."""
    encoder = WIRE.encoder()

    assert b"" == encoder.feed(Start("m", "c")) + encoder.feed(UsageUpdate(Usage(input_tokens=3)))
    assert encoder.feed(TextDelta("x")).startswith(b"event: message_start\n")


def test_each_part_is_a_block() -> None:
    """A part of another kind closes the one that is open; empty text opens none."""
    events = (
        ReasoningDelta("hm"),
        ReasoningDelta("", {NAME: {"signature": "s"}}),
        TextDelta(""),
        TextDelta("a"),
        RefusalDelta("no"),
        AudioDelta(transcript="words"),
        AudioDelta(data=b"x"),
        ToolCallStart(0, "c", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallEnd(0),
        MessageNative({"openai-chat": {}}),
        Finish("tool_calls"),
    )

    assert [
        "message_start",
        "start 0 thinking",
        "delta 0 thinking_delta",
        "delta 0 signature_delta",
        "stop 0",
        "start 1 text",
        "delta 1 text_delta",
        "stop 1",
        "start 2 text",
        "delta 2 text_delta",
        "stop 2",
        "start 3 text",
        "delta 3 text_delta",
        "stop 3",
        "start 4 tool_use",
        "delta 4 input_json_delta",
        "stop 4",
        "message_delta",
        "message_stop",
    ] == types(*events)


def test_calls_may_grow_side_by_side() -> None:
    """Each keeps the index of its block, as the dialect allows."""
    events = (
        ToolCallStart(0, "c", "f"),
        ToolCallStart(1, "d", "g"),
        ToolCallDelta(0, "{}"),
        ToolCallDelta(1, "{}"),
        ToolCallEnd(0),
        Finish("length"),
    )

    assert [
        "message_start",
        "start 0 tool_use",
        "start 1 tool_use",
        "delta 0 input_json_delta",
        "delta 1 input_json_delta",
        "stop 0",
        "stop 1",
        "message_delta",
        "message_stop",
    ] == types(*events)


def test_whole_parts_are_written_as_streams_of_them() -> None:
    """A cited text has deltas, which the SDK's text stream needs; what the dialect has no form for is not written."""
    citation = Citation(url="https://e.org")
    events = (
        PartAdded(Text("a", (citation,))),
        PartAdded(Opaque(NAME, {"type": "server_tool_use", "id": "s", "name": "n", "input": {"q": 1}})),
        PartAdded(Opaque("openai-chat", {"type": "x"})),
        PartAdded(Image(data=PNG)),
        PartAdded(ToolCall("c", "f", '{"a":1}')),
        CitationDelta(citation),
    )

    assert [
        "message_start",
        "start 0 text",
        "delta 0 text_delta",
        "delta 0 citations_delta",
        "stop 0",
        "start 1 server_tool_use",
        "stop 1",
        "start 2 tool_use",
        "stop 2",
        "start 3 text",
        "delta 3 citations_delta",
    ] == types(*events)


def test_events_of_the_dialects_own_are_passed_on() -> None:
    """Those of other dialects are not, nor are deltas that have lost their block."""
    weird = {"type": "weather_report", "sun": True}
    lost = {"type": "content_block_delta", "index": 9, "delta": {"type": "mood_delta"}}
    events = (
        ProviderEvent(NAME, weird),
        ProviderEvent(NAME, lost),
        ProviderEvent("openai-chat", weird),
        ProviderEvent(NAME, 5),
    )

    assert ["message_start", "weather_report"] == types(*events)


def test_the_end_carries_what_is_known_of_it() -> None:
    """In the fields that the dialect has for it, and no others."""
    details = {"stop_sequence": "END", "context_management": {"applied_edits": []}, "foreign": 1}
    last = framed(encode(TextDelta("x"), Finish("stop", "stop_sequence", details)))[-2]

    assert {"stop_reason": "stop_sequence", "stop_sequence": "END"} == last["delta"]
    assert {"applied_edits": []} == last["context_management"]


@pytest.mark.parametrize("event", [TextDelta("x"), ToolCallStart(0, "c", "f")])
def test_an_answer_that_broke_off_never_looks_whole(event: Event) -> None:
    """Without a finish there is no end mark."""
    assert b"message_stop" not in encode(Start("m"), event)
    assert b"" == encode(Start("m"))


# --- errors -----------------------------------------------------------------------------------------------------------


def test_an_error_closes_the_open_block_and_ends_the_stream() -> None:
    """Nothing is written after it, and a client reads the same error with what came before."""
    encoder = WIRE.encoder()
    error = OverloadedError("busy", request_id="req_1")
    data = encoder.feed(Start("m")) + encoder.feed(TextDelta("Hel")) + encoder.error(error)

    assert b"" == encoder.feed(TextDelta("lo")) + encoder.error(error) + encoder.close()
    assert ["message_start", "start 0 text", "delta 0 text_delta", "stop 0", "error"] == [
        _name(v) for v in framed(data)
    ]
    decoder = WIRE.decoder()
    decoder.feed(data)
    with pytest.raises(OverloadedError) as caught:
        decoder.close()
    assert ("busy", "req_1") == (caught.value.message, caught.value.request_id)
    assert caught.value.partial is not None
    assert "Hel" == caught.value.partial.text


def test_an_error_does_not_complete_a_call() -> None:
    """An open call stays open: its end would say that its arguments are whole."""
    encoder = WIRE.encoder()
    data = encoder.feed(ToolCallStart(0, "c", "f")) + encoder.feed(ToolCallDelta(0, "{}"))

    assert b"content_block_stop" not in data + encoder.error(OverloadedError("busy"))


def test_an_error_may_come_first() -> None:
    """Then it is all there is."""
    assert ["error"] == [_name(value) for value in framed(WIRE.encoder().error(OverloadedError("busy")))]
