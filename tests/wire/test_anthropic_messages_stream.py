"""Streams in the Anthropic dialect, as a client reads them."""

from __future__ import annotations

from dragoman.types.events import (
    CitationDelta,
    Finish,
    PartAdded,
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
from dragoman.types.messages import Citation, Opaque, Reasoning
from dragoman.types.usage import Usage
from dragoman.wire.anthropic_messages import WIRE
from tests.wire.anthropic_asking import NAME
from tests.wire.anthropic_frames import STOP, block, body, end, frames, read, start, text

# --- blocks -----------------------------------------------------------------------------------------------------------


def test_text_comes_as_deltas() -> None:
    """Each delta is an event; the end of a block keeps it apart from the next."""
    assert [TextDelta("Hel"), TextDelta("lo"), PartEnd(), TextDelta("!"), PartEnd()] == body(
        text(0, "Hel", "lo"), text(1, "!")
    )


def test_the_start_of_a_block_may_hold_text() -> None:
    """It is passed on like a delta."""
    assert [TextDelta("Hi"), PartEnd()] == body(block(0, {"type": "text", "text": "Hi"}))


def test_thinking_ends_with_its_signature() -> None:
    """The signature is native state of the reasoning; thinking that is hidden has only that."""
    thought = block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "s"},
    )
    hidden = block(1, {"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": "t"})

    events = body(thought, hidden)

    assert [
        ReasoningDelta("hm"),
        ReasoningDelta("", {NAME: {"signature": "s"}}),
        PartEnd(),
        ReasoningDelta("", {NAME: {"signature": "t"}}),
        PartEnd(),
    ] == events
    assert (
        Reasoning("hm", native={NAME: {"signature": "s"}}),
        Reasoning("", native={NAME: {"signature": "t"}}),
    ) == fold(events).message.parts


def test_unsigned_thinking_is_marked_as_this_dialects() -> None:
    """Imitators do not sign; what they thought may still be sent back to them."""
    events = body(block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "hm"}))

    assert (Reasoning("hm", native={NAME: {}}),) == fold(events).message.parts


def test_encrypted_thinking_comes_whole() -> None:
    """The block is kept for replay."""
    raw = {"type": "redacted_thinking", "data": "x"}

    assert [PartAdded(Reasoning("", native={NAME: raw}))] == body(block(0, raw))


def test_tool_calls_are_counted_apart_from_other_blocks() -> None:
    """The dialect's index counts blocks, ours tool calls; arguments are passed on exactly as sent."""
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"a": ', "1}")]
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}, "caller": {"type": "direct"}}

    assert [
        TextDelta("x"),
        PartEnd(),
        ToolCallStart(0, "c", "f", native={NAME: {"caller": {"type": "direct"}}}),
        ToolCallDelta(0, '{"a": '),
        ToolCallDelta(0, "1}"),
        ToolCallEnd(0),
        ToolCallStart(1, "d", "g"),
        ToolCallDelta(1, "{}"),
        ToolCallEnd(1),
    ] == body(
        text(0, "x"), block(1, call, *deltas), block(2, {"type": "tool_use", "id": "d", "name": "g", "input": {}})
    )


def test_arguments_may_come_with_the_start() -> None:
    """Without deltas, the start's input is what was sent."""
    events = body(block(0, {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}))

    assert '{"a":1}' == fold(events).tool_calls[0].arguments_json


def test_citations_belong_to_their_text() -> None:
    """They come as deltas of the block, or with its start."""
    raw = {"type": "char_location", "cited_text": "c"}
    citation = CitationDelta(Citation(text="c", native={NAME: raw}))
    later = block(
        0,
        {"type": "text", "text": ""},
        {"type": "citations_delta", "citation": raw},
        {"type": "text_delta", "text": "x"},
    )
    first = block(1, {"type": "text", "text": "y", "citations": [raw]})

    assert [citation, TextDelta("x"), PartEnd(), TextDelta("y"), citation, PartEnd()] == body(later, first)


def test_blocks_of_the_dialects_own_are_put_together() -> None:
    """Their input is assembled, other deltas replace fields, and those that add text add it."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"q":', '"x"}')]
    compaction = {"type": "compaction", "content": None, "encrypted_content": None}

    assert [
        PartAdded(Opaque(NAME, search | {"input": {"q": "x"}})),
        PartAdded(Opaque(NAME, search)),
        PartAdded(Opaque(NAME, {"type": "compaction", "content": "a", "encrypted_content": "b"})),
        PartAdded(Opaque(NAME, {"type": "new", "text": "ab"})),
    ] == body(
        block(0, search, *pieces),
        block(1, search, {"type": "input_json_delta", "partial_json": ""}),
        block(2, compaction, {"type": "compaction_delta", "content": "a", "encrypted_content": "b"}),
        block(3, {"type": "new", "text": "a"}, {"type": "text_delta", "text": "b"}),
    )


def test_unknown_events_pass_by() -> None:
    """They are carried as they came; pings are not even that."""
    weird = {"type": "weather_report", "sun": True}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": "good"}}
    stop = {"type": "content_block_stop", "index": 0}

    assert [ProviderEvent(NAME, weird), TextDelta("x"), ProviderEvent(NAME, delta), PartEnd()] == body(
        [weird, {"type": "ping"}], [*text(0, "x", stop=False), delta, stop]
    )


def test_the_type_may_stand_in_the_frame_only() -> None:
    """Some imitators leave it out of the data."""
    data = frames(start(), *text(0, "x")) + b'event: message_delta\ndata: {"delta":{"stop_reason":"end_turn"}}\n\n'

    decoder = WIRE.decoder()
    decoder.feed(data)

    assert Finish("stop", "end_turn") == decoder.close()[-1]


# --- usage and end ----------------------------------------------------------------------------------------------------


def test_later_counts_replace_earlier_ones() -> None:
    """Counts are totals; what is absent or null keeps its value."""
    events = read(
        start(usage={"input_tokens": 10, "output_tokens": 1, "service_tier": "standard"}),
        *text(0, "x"),
        end(usage={"input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 3, "service_tier": None}),
        STOP,
    )
    details = {"input_tokens": 12, "output_tokens": 5, "service_tier": "standard", "cache_read_input_tokens": 3}

    assert isinstance(events[1], UsageUpdate)
    assert (10, 1) == (events[1].usage.input_tokens, events[1].usage.output_tokens)
    assert Usage(input_tokens=15, output_tokens=5, cache_read_tokens=3, details=details) == fold(events).usage


def test_the_finish_is_told_once_and_last() -> None:
    """With the reason as sent, and what else was said of the end."""
    delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": {"type": "refusal"}}
    edits = {"applied_edits": []}
    events = read(
        start(container={"id": "c"}),
        *text(0, "no"),
        {"type": "message_delta", "delta": delta, "context_management": edits},
        STOP,
    )

    assert [
        Finish(
            "refusal",
            "refusal",
            {"container": {"id": "c"}, "stop_details": {"type": "refusal"}, "context_management": edits},
        )
    ] == [event for event in events if isinstance(event, Finish)]
    assert isinstance(events[-1], Finish)


def test_a_whole_answer_may_come_with_the_start() -> None:
    """Code execution that calls a tool resumes that way; its reason is evidence."""
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}
    events = read(start(content=[call], stop_reason="tool_use"), STOP)

    assert ("tool_calls", {"a": 1}) == (fold(events).finish_reason, fold(events).tool_calls[0].arguments)


def test_a_second_start_is_no_second_answer() -> None:
    """Seen in recordings: the same message begins twice."""
    events = read(start(), start(), *text(0, "x"), end(), STOP)

    assert 1 == sum(isinstance(event, Start) for event in events)
