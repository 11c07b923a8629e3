"""Answers, streams and errors in the Interactions dialect, as a server writes them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from google.genai.interactions import Interaction
from hypothesis import given
from hypothesis import strategies as st

from dragoman import errors
from dragoman.errors import DragomanError
from dragoman.types.events import (
    AudioDelta,
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
from dragoman.types.messages import Audio, Citation, Image, Message, Opaque, Part, Reasoning, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.gemini_interactions import WIRE
from dragoman.wire.gemini_interactions.usage import decode_usage
from tests.strategies import PNG, names, some_text, whole
from tests.wire.interactions_asking import NAME
from tests.wire.interactions_frames import DONE, cut


def written(*events: Event, close: bool = True) -> bytes:
    """A stream of these events."""
    encoder = WIRE.encoder()
    data = b"".join(encoder.feed(event) for event in events)
    return data + (encoder.close() if close else b"")


def frames(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream as JSON; each is named in its frame as in its data."""
    found: list[dict[str, Any]] = []
    for frame in data.removesuffix(DONE).decode().split("\n\n")[:-1]:
        head, _, value = frame.partition("\ndata: ")
        found.append(json.loads(value))
        assert head == f"event: {found[-1]['event_type']}"
    return found


def kinds(data: bytes) -> list[str]:
    """The types of the events of a stream, and of what they add."""
    return [
        " ".join(
            (event["event_type"].rpartition(".")[2], (event.get("delta") or event.get("step") or {}).get("type", ""))
        )
        for event in frames(data)
    ]


def answer(*parts: Part, **fields: Any) -> dict[str, Any]:
    """A plain answer as JSON, which Google's SDK understands."""
    response = ChatResponse(message=Message("assistant", parts), **fields)
    value: dict[str, Any] = msgspec.json.decode(WIRE.encode_response(response))
    Interaction.model_validate(value)
    return value


# --- plain ------------------------------------------------------------------------------------------------------------


def test_an_answer_is_an_interaction() -> None:
    """Id, model, status, usage and steps."""
    value = answer(
        Reasoning("hm"),
        Text("a"),
        ToolCall("c", "f", '{"a":1}'),
        id="v1_a",
        model="g",
        finish_reason="tool_calls",
        usage=Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, reasoning_tokens=3),
    )

    assert ("v1_a", "interaction", "g", "requires_action") == tuple(
        value[name] for name in ("id", "object", "model", "status")
    )
    assert {
        "total_input_tokens": 20,
        "total_output_tokens": 4,
        "total_thought_tokens": 3,
        "total_cached_tokens": 5,
        "total_tokens": 27,
    } == value["usage"]
    assert [
        {"type": "thought", "summary": [{"type": "text", "text": "hm"}]},
        {"type": "model_output", "content": [{"type": "text", "text": "a"}]},
        {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}},
    ] == value["steps"]


@pytest.mark.parametrize(
    ("reason", "raw", "status"),
    [
        ("stop", "end_turn", "completed"),
        ("stop", None, "completed"),
        ("length", "max_tokens", "incomplete"),
        ("pause", None, "requires_continuation"),
        ("content_filter", None, "incomplete"),
        ("refusal", None, "incomplete"),
        ("error", None, "incomplete"),
        ("unknown", None, "unknown"),
        ("unknown", "cancelled", "cancelled"),
        ("length", "budget_exceeded", "budget_exceeded"),
    ],
)
def test_a_reason_is_a_status(reason: Any, raw: str | None, status: str) -> None:
    """Its own where it is this dialect's; what the dialect has no status for is told as an error of the answer."""
    value = answer(Text("a"), finish_reason=reason, finish_reason_raw=raw)
    again = WIRE.decode_response(200, {}, msgspec.json.encode(value))

    assert (status, reason) == (value["status"], again.finish_reason)


def test_sources_of_other_providers_are_addresses() -> None:
    """With their places in bytes; a source without an address has no form here."""
    cited = Text("é a", (Citation(url="https://e.org", title="e", start=2, end=3), Citation(text="words")))
    [step] = answer(cited)["steps"]

    assert [{"type": "url_citation", "url": "https://e.org", "title": "e", "start_index": 3, "end_index": 4}] == step[
        "content"
    ][0]["annotations"]


def test_blocks_of_other_dialects_are_left_out() -> None:
    """A reader of this dialect could not take them."""
    assert [] == answer(Opaque("openai-responses", {"type": "x"}))["steps"]


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_is_a_list_of_steps() -> None:
    """Each part is a step with an index; the end mark follows the last event."""
    data = written(
        Start("v1_a", "g"),
        ReasoningDelta("hm", {NAME: {"signature": "c2ln"}}),
        TextDelta("a"),
        TextDelta("b"),
        PartEnd(),
        RefusalDelta("no"),
        ToolCallStart(0, "c", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallEnd(0),
        UsageUpdate(Usage(input_tokens=1, output_tokens=2)),
        Finish("tool_calls"),
    )

    assert data.endswith(DONE)
    assert [
        "created ",
        "status_update ",
        "start thought",
        "delta thought_summary",
        "delta thought_signature",
        "stop ",
        "start model_output",
        "delta text",
        "delta text",
        "stop ",
        "start model_output",
        "delta text",
        "stop ",
        "start function_call",
        "delta arguments_delta",
        "stop ",
        "completed ",
    ] == kinds(data)
    assert [0, 1, 2, 3] == [event["index"] for event in frames(data) if event["event_type"] == "step.start"]
    end = frames(data)[-1]["interaction"]
    assert ("v1_a", "requires_action", 3) == (end["id"], end["status"], end["usage"]["total_tokens"])


def test_calls_may_grow_side_by_side() -> None:
    """Their deltas keep the index of their step; free text goes inside an object, at the end."""
    data = written(
        ToolCallStart(0, "c", "f"),
        ToolCallStart(1, "d", "g", "custom"),
        ToolCallDelta(0, '{"a"'),
        ToolCallDelta(1, "x "),
        ToolCallDelta(0, ":1}"),
        ToolCallDelta(1, "y"),
        ToolCallEnd(1),
        ToolCallEnd(0, {NAME: {"signature": "c2ln"}}),
        Finish("tool_calls"),
    )
    calls = fold(cut(data, 5)).tool_calls

    assert [("c", {"a": 1}), ("d", {"input": "x y"})] == [(call.id, call.arguments) for call in calls]
    assert {NAME: {"signature": "c2ln"}} == calls[0].native


def test_whole_parts_are_steps() -> None:
    """Media go as deltas, as the vendor sends them; Google's own steps as they are; sound without a type as words."""
    search = Opaque(NAME, {"type": "google_search_call", "id": "s", "arguments": {"queries": ["a"]}})
    pictured = Reasoning("", native={NAME: {"summary": [{"type": "image", "uri": "https://e.org/a"}]}})
    parts: tuple[Part, ...] = (
        search,
        Image(data=PNG),
        pictured,
        Audio(data=b"a", media_type="audio/l16"),
        Opaque("other", {"type": "x"}),
        Text("", (Citation(url="u", native={NAME: {"type": "url_citation", "url": "u"}}),)),
    )
    data = written(*(PartAdded(part) for part in parts), AudioDelta(b"x", "words"), Finish("stop"))
    again = fold(cut(data, 9)).message.parts

    assert (*parts[:4], parts[5], Text("words")) == (*again[:4], *joined(Message("assistant", again[4:])))


def test_a_block_that_no_part_stands_for_is_carried() -> None:
    """As it came, whatever its fields are called; what is written stays untouched."""
    block = {"type": "image", "data": "AA==", "uri": "https://e.org/a", "index": 5, "kind": "x"}
    part = Opaque(NAME, dict(block), native={NAME: {"block": True}})

    assert (part,) == fold(cut(written(PartAdded(part), Finish("stop")), 3)).message.parts
    assert block == part.data


def test_only_what_is_whole_looks_whole() -> None:
    """Without a finish there is no end, and no end mark."""
    data = written(Start("a", "g"), TextDelta("x"))

    assert b"completed" not in data
    assert b"DONE" not in data


def test_an_error_closes_what_is_open() -> None:
    """But a call: its end would say that its arguments are whole.  Nothing comes after it."""
    encoder = WIRE.encoder()
    encoder.feed(TextDelta("x"))
    data = encoder.error(errors.OverloadedError("busy"))

    assert ["stop ", "error "] == kinds(data)
    assert {"code": "unavailable", "message": "busy"} == frames(data)[-1]["error"]
    assert b"" == encoder.feed(TextDelta("y")) + encoder.feed(Finish("stop")) + encoder.close() + encoder.error(
        errors.ServerError("z")
    )
    encoder = WIRE.encoder()
    encoder.feed(ToolCallStart(0, "c", "f"))
    assert ["error "] == kinds(encoder.error(errors.OverloadedError("busy")))


def test_events_of_this_dialect_are_passed_on() -> None:
    """But those of a step, which have lost their place, and those of others."""
    weird = {"event_type": "weather.report", "sun": True}
    data = written(
        ProviderEvent(NAME, weird),
        ProviderEvent(NAME, {"event_type": "step.delta", "index": 0}),
        ProviderEvent("openai-chat", weird),
        MessageNative({NAME: {"a": 1}}),
        Finish("stop"),
    )

    assert ["created ", "status_update ", "report ", "completed "] == kinds(data)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.BadRequestError("no"), 400, "invalid_request"),
        (errors.BadRequestError("no", code="own_code"), 400, "own_code"),
        (errors.ContextLengthError("no"), 400, "invalid_request"),
        (errors.AuthenticationError("no"), 401, "unauthenticated"),
        (errors.ModelNotFoundError("no"), 404, "model_not_found"),
        (errors.RateLimitError("no", code="429"), 429, "resource_exhausted"),
        (errors.QuotaError("no"), 429, "quota_exceeded"),
        (errors.TimeoutError("no", clock="idle"), 504, "deadline_exceeded"),
        (errors.WireError("no"), 502, "internal"),
    ],
)
def test_errors_have_a_code_in_words(error: DragomanError, status: int, code: str) -> None:
    """The SDK takes no number for it."""
    error.retry_after = 2
    got, headers, body = WIRE.encode_error(error)

    assert (status, "2", {"error": {"code": code, "message": "no"}}) == (
        got,
        headers["retry-after"],
        msgspec.json.decode(body),
    )


# --- any answer -------------------------------------------------------------------------------------------------------


def compact(value: Any) -> str:
    """JSON as the wire writes it."""
    return json.dumps(value, separators=(",", ":"))


_arguments = st.dictionaries(names, names | st.integers(-9, 9) | st.booleans() | st.none(), max_size=2)
_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, some_text),
    st.builds(lambda text, signature: Reasoning(text, native={NAME: {"signature": signature}}), some_text, names),
    st.builds(lambda signature: Reasoning("", native={NAME: {"signature": signature}}), names),
    st.builds(
        lambda call_id, name, value, native: ToolCall(
            call_id, name, json.dumps(value, separators=(",", ":")), native=native
        ),
        names,
        names,
        _arguments,
        st.sampled_from((None, {NAME: {"signature": "c2ln"}})),
    ),
    st.builds(lambda name: Opaque(NAME, {"type": "url_context_call", "id": name, "arguments": {"urls": []}}), names),
    st.just(Image(data=PNG, media_type="image/png")),
)
_answers = st.builds(
    lambda parts, status, counts: ChatResponse(
        message=Message("assistant", tuple(parts)),
        finish_reason=status[1],
        finish_reason_raw=status[0],
        usage=decode_usage({"total_input_tokens": counts[0], "total_output_tokens": counts[1]}),
        id="v1_a",
        model="g",
    ),
    st.lists(_parts, max_size=4),
    st.sampled_from((("requires_action", "tool_calls"), ("incomplete", "length"), ("cancelled", "unknown"))),
    st.tuples(whole, whole),
)


def joined(message: Message) -> list[Part]:
    """The parts without what says only where a step of output begins."""
    return [
        msgspec.structs.replace(part, native=None) if isinstance(part, Text | Image) else part for part in message.parts
    ]


@given(_answers)
def test_any_answer_is_read_as_it_was_written(response: ChatResponse) -> None:
    """Plain, and as a stream: every part, and how it ended."""
    plain = WIRE.decode_response(200, {}, WIRE.encode_response(response))
    streamed = fold(cut(written(*unfold(response)), 11))

    for again in (plain, streamed):
        assert (response.finish_reason, response.finish_reason_raw, response.usage, response.id, response.model) == (
            again.finish_reason,
            again.finish_reason_raw,
            again.usage,
            again.id,
            again.model,
        )
        assert joined(response.message) == joined(again.message)
