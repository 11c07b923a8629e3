"""Streams in the Interactions dialect, as a client reads them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from dragoman.errors import DragomanError, OverloadedError, RateLimitError, ServerError, StreamInterrupted, WireError
from dragoman.types.events import (
    CitationDelta,
    Event,
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
from dragoman.types.messages import Audio, Citation, Image, Opaque, Reasoning
from dragoman.wire.gemini_interactions import WIRE
from tests.strategies import PNG
from tests.wire.interactions_asking import NAME, PROVIDER
from tests.wire.interactions_frames import CREATED, DONE, body, completed, frames, output, read, step

THOUGHT = {"type": "thought"}
STATUS = {"event_type": "interaction.status_update", "interaction_id": "v1_a", "status": "in_progress"}

# --- steps ------------------------------------------------------------------------------------------------------------


def test_text_comes_as_deltas() -> None:
    """Each delta is an event, the end of a step that of a part; an output right behind another says that it is one."""
    anew = PartEnd({NAME: {"step": {}}})

    assert [TextDelta("Hel"), TextDelta("lo"), PartEnd(), TextDelta("!"), anew] == body(
        output(0, "Hel", "", "lo"), output(1, "!")
    )


def test_a_step_may_begin_with_its_content() -> None:
    """It is passed on like deltas, and so are fields that only the dialect knows."""
    begin = {"type": "model_output", "content": [{"type": "text", "text": "Hi"}], "x": 1}

    assert [TextDelta("Hi"), PartEnd({NAME: {"step": {"x": 1}}})] == body(step(0, begin))


def test_thoughts_have_words_and_a_signature() -> None:
    """The signature comes as a delta of the thought; one that is hidden has only that."""
    said = {"type": "thought_summary", "content": {"type": "text", "text": "hm"}}
    signed = {"type": "thought_signature", "signature": "c2ln"}

    events = body(step(0, THOUGHT, said, said, signed), step(1, THOUGHT, signed), step(2, THOUGHT))

    assert [
        ReasoningDelta("hm"),
        ReasoningDelta("hm"),
        ReasoningDelta("", {NAME: {"signature": "c2ln"}}),
        PartEnd(),
        ReasoningDelta("", {NAME: {"signature": "c2ln"}}),
        PartEnd(),
    ] == events
    assert (
        Reasoning("hmhm", native={NAME: {"signature": "c2ln"}}),
        Reasoning("", native={NAME: {"signature": "c2ln"}}),
    ) == fold(events).message.parts


def test_a_thought_may_begin_with_all_it_has() -> None:
    """Words and signature in the start are those of the thought."""
    begin = THOUGHT | {"summary": [{"type": "text", "text": "hm"}], "signature": "c2ln"}

    assert [ReasoningDelta("hm", {NAME: {"signature": "c2ln"}}), PartEnd()] == body(step(0, begin))


def test_pictures_of_a_thought_are_kept() -> None:
    """They are state of the dialect."""
    picture = {"type": "image", "uri": "https://e.org/a.png"}
    events = body(step(0, THOUGHT, {"type": "thought_summary", "content": picture}))

    assert (Reasoning("", native={NAME: {"summary": [picture]}}),) == fold(events).message.parts


def test_arguments_are_passed_on_as_sent() -> None:
    """They come as pieces of text, or whole with the start; an empty signature is none."""
    begin = {"type": "function_call", "id": "c", "name": "f", "arguments": {}, "signature": ""}
    pieces = [{"type": "arguments_delta", "arguments": piece} for piece in ('{"a": ', "1}")]
    whole = begin | {"id": "d", "arguments": {"b": 2}, "signature": "c2ln"}

    assert [
        ToolCallStart(0, "c", "f"),
        ToolCallDelta(0, '{"a": '),
        ToolCallDelta(0, "1}"),
        ToolCallEnd(0),
        ToolCallStart(1, "d", "f", native={NAME: {"signature": "c2ln"}}),
        ToolCallDelta(1, '{"b":2}'),
        ToolCallEnd(1),
    ] == body(step(0, begin, *pieces), step(1, whole))


def test_calls_may_grow_side_by_side() -> None:
    """A delta belongs to the step of its index."""
    begin = {"type": "function_call", "id": "c", "name": "f", "arguments": {}}
    first = step(0, begin, {"type": "arguments_delta", "arguments": '{"a":'}, stop=False)
    second = step(1, begin | {"id": "d"}, {"type": "arguments_delta", "arguments": "{}"})
    rest = [
        {"event_type": "step.delta", "index": 0, "delta": {"type": "arguments_delta", "arguments": "1}"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_signature", "signature": "c2ln"}},
        {"event_type": "step.stop", "index": 0},
    ]
    calls = fold(body(first, second, rest)).tool_calls

    assert [("c", '{"a":1}'), ("d", "{}")] == [(call.id, call.arguments_json) for call in calls]
    assert {NAME: {"signature": "c2ln"}} == calls[0].native


def test_steps_of_googles_own_are_put_together() -> None:
    """Deltas add fields, and lists go on; a step that nobody knows is carried too."""
    call = {"type": "google_search_call", "id": "s", "signature": ""}
    result = {"type": "google_search_result", "call_id": "s"}
    asked = {"type": "google_search_call", "arguments": {"queries": ["a"]}}
    found = [{"type": "google_search_result", "result": [name], "is_error": False} for name in ("a", "b")]

    assert [
        PartAdded(Opaque(NAME, {"type": "google_search_call", "id": "s", "arguments": {"queries": ["a"]}})),
        PartAdded(Opaque(NAME, result | {"result": ["a", "b"], "is_error": False})),
        PartAdded(Opaque(NAME, {"type": "new", "x": 1})),
    ] == body(step(0, call, asked), step(1, result, *found), step(2, {"type": "new", "x": 1}))


def test_sources_come_behind_their_text() -> None:
    """Offsets are given where bytes and characters are the same."""
    annotations = [
        {"type": "url_citation", "url": "https://e.org", "title": "e", "end_index": 2},
        {"type": "file_citation", "document_uri": "gs://b/a", "file_name": "a", "start_index": 2, "end_index": 5},
        {"type": "place_citation", "name": "Louvre", "place_id": "p"},
    ]
    deltas = [{"type": "text", "text": "Hé"}, {"type": "text", "text": "llo"}]
    cited = {"type": "text_annotation_delta", "annotations": annotations}

    [one, two, three] = fold(body(step(0, {"type": "model_output"}, *deltas, cited))).message.parts[0].citations  # type: ignore[union-attr]

    assert Citation(url="https://e.org", title="e", native={NAME: annotations[0]}) == one
    assert ("gs://b/a", "a", None) == (two.url, two.title, two.start)
    assert (None, "Louvre") == (three.url, three.title)


def test_sources_of_plain_text_have_places() -> None:
    """Bytes and characters are the same there."""
    raw = {"url": "u", "start_index": 1, "end_index": 2}
    cited = {"type": "text_annotation_delta", "annotations": [raw]}
    events = body(step(0, {"type": "model_output"}, {"type": "text", "text": "ab"}, cited))

    assert CitationDelta(Citation(url="u", start=1, end=2, native={NAME: raw})) == events[1]


def test_pictures_come_whole_and_sound_in_pieces() -> None:
    """Sound that goes on in the same form is one part."""
    picture = {"type": "image", "data": base64.b64encode(PNG).decode(), "mime_type": "image/png"}
    sound = [{"type": "audio", "data": data, "mime_type": "audio/l16"} for data in ("YQ==", "YmM=")]
    begin = {"type": "model_output"}

    assert [
        TextDelta("a"),
        PartEnd(),
        PartAdded(Image(data=PNG, media_type="image/png")),
        PartAdded(Audio(data=b"abc", media_type="audio/l16")),
        TextDelta("b"),
        PartEnd(),
    ] == body(step(0, begin, {"type": "text", "text": "a"}, picture, *sound, {"type": "text", "text": "b"}))


def test_unknown_events_pass_by() -> None:
    """They are carried as they came; a status that it goes on is not even that."""
    weird = {"event_type": "weather.report", "sun": True}
    odd = {"event_type": "step.delta", "index": 0, "delta": {"type": "mood", "mood": "good"}}
    token = STATUS | {"continuation_token": "t"}

    assert [
        ProviderEvent(NAME, weird),
        ProviderEvent(NAME, token),
        TextDelta("x"),
        ProviderEvent(NAME, odd),
        PartEnd(),
    ] == body([STATUS, weird, token], [*output(0, "x", stop=False), odd, {"event_type": "step.stop", "index": 0}])


def test_the_type_may_stand_in_the_frame_only() -> None:
    """As in events of other dialects."""
    data = frames(CREATED, *output(0, "x")) + (
        b'event: interaction.completed\ndata: {"interaction":{"status":"completed"}}\n\n'
    )
    decoder = WIRE.decoder()

    assert Finish("stop", "completed") == decoder.feed(data)[-1]


def test_a_delta_may_come_without_a_start() -> None:
    """It begins the step that it belongs to."""
    delta = {"event_type": "step.delta", "delta": {"type": "text", "text": "x"}}

    assert [TextDelta("x"), PartEnd()] == body([delta])


# --- usage and end ----------------------------------------------------------------------------------------------------


def test_the_last_count_holds() -> None:
    """Counts come with deltas, steps and the end."""
    counted = {"total_input_tokens": 10, "total_tool_use_tokens": 2, "total_cached_tokens": 5}
    counted |= {"total_output_tokens": 3, "total_thought_tokens": 4}
    delta = {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "x"}}
    events = read(
        CREATED,
        *output(0, stop=False),
        delta | {"metadata": {"total_usage": {"total_input_tokens": 1}}},
        {"event_type": "step.stop", "index": 0, "usage": {"total_input_tokens": 2}},
        completed(usage=counted),
    )
    usage = fold(events).usage

    assert [1, 2, 12] == [event.usage.input_tokens for event in events if isinstance(event, UsageUpdate)]
    assert (12, 7, 5, 4) == (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens)
    assert counted == usage.details


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("completed", "stop"),
        ("requires_action", "tool_calls"),
        ("incomplete", "length"),
        ("budget_exceeded", "length"),
        ("requires_continuation", "pause"),
        ("cancelled", "unknown"),
        ("a_new_one", "unknown"),
    ],
)
def test_the_status_is_the_reason(status: str, reason: Any) -> None:
    """It is kept as sent, with what else was said of the end."""
    events = read(CREATED, *output(0, "x"), completed(status, continuation_token="t", service_tier="flex"))

    assert Finish(reason, status, {"continuation_token": "t", "service_tier": "flex"}) == events[-1]


def test_an_answer_with_calls_is_not_stopped() -> None:
    """`completed` with a call to answer is `tool_calls`."""
    call = step(0, {"type": "function_call", "id": "c", "name": "f", "arguments": {}})

    assert Finish("tool_calls", "completed") == read(CREATED, *call, completed())[-1]


def test_what_was_not_streamed_is_taken_from_the_end() -> None:
    """A stream that was joined late may have the whole answer in its last event; what was streamed is not repeated."""
    steps = [{"type": "model_output", "content": [{"type": "text", "text": "all"}]}]
    late = fold(read(CREATED, completed(steps=steps)))
    early = fold(read(CREATED, *output(0, "all"), completed(steps=steps)))

    assert ("all", "v1_a", "all") == (late.text, late.id, early.text)


def test_the_answer_may_have_no_name() -> None:
    """Nothing is stored with `store: false`, so there is no id; an agent stands for the model."""
    created = {"event_type": "interaction.created", "interaction": {"status": "in_progress", "agent": "deep-research"}}
    done = {"event_type": "interaction.completed", "interaction": {"status": "completed"}}

    assert Start(None, "deep-research") == read(created, *output(0, "x"), done)[0]


# --- evidence and errors ----------------------------------------------------------------------------------------------


def cut_short(data: bytes) -> tuple[Any, list[Event]]:
    """The error of a stream that ends behind these bytes, and the events before it."""
    decoder = WIRE.decoder(PROVIDER)
    try:
        decoder.feed(data)
        decoder.feed(b"")
        decoder.close()
    except DragomanError as error:
        return error, decoder.seen
    raise AssertionError("the answer is said to be complete")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(DONE, id="the end mark alone"),
        pytest.param(frames(CREATED), id="the start alone"),
        pytest.param(frames(CREATED, *output(0, "x")) + DONE, id="without its end"),
        pytest.param(frames(CREATED, *output(0, "x"), STATUS | {"status": "completed"}), id="a status update"),
        pytest.param(frames(CREATED, *output(0, "x"), completed("in_progress")), id="an end that is none"),
        pytest.param(frames(CREATED, *output(0, "x"), completed())[:-1], id="the last byte missing"),
    ],
)
def test_without_its_end_an_answer_is_a_part(data: bytes) -> None:
    """Only `interaction.completed` with a status that ends it is evidence."""
    error, _ = cut_short(data)

    assert isinstance(error, StreamInterrupted)
    assert error.partial is None or "x".startswith(error.partial.text)


def test_a_cut_call_is_no_call() -> None:
    """Its pieces are kept where nobody executes them."""
    begin = {"type": "function_call", "id": "c", "name": "f", "arguments": {}}
    error, _ = cut_short(frames(*step(0, begin, {"type": "arguments_delta", "arguments": '{"a"'}, stop=False)))

    assert () == error.partial.tool_calls
    assert "c" == error.partial.extras[0]["unfinished_tool_call"]["id"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("too_many_requests", RateLimitError),
        ("service_unavailable", OverloadedError),
        ("gateway_timeout", ServerError),
        ("something_new", ServerError),
    ],
)
def test_an_error_event_is_an_error(code: str, kind: type[Exception]) -> None:
    """Its class is that of its code, and what came before is in it."""
    broken = {"event_type": "error", "error": {"code": code, "message": "no luck"}}
    error, events = cut_short(frames(CREATED, *output(0, "x"), broken))

    assert kind is type(error)
    assert (code, "google", "x", "no luck") == (error.code, error.provider, error.partial.text, error.message)
    assert TextDelta("x") in events


def test_an_interaction_that_failed_is_an_error() -> None:
    """It says why in a list of errors."""
    errors = [{"code": "resource_exhausted", "message": "You exceeded your current quota"}]
    error, _ = cut_short(frames(CREATED, *output(0, "x"), completed("failed", errors=errors)))

    assert isinstance(error, RateLimitError)
    assert ("resource_exhausted", "g", "x") == (error.code, error.model, error.partial.text)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"data: {\n\n", id="no JSON"),
        pytest.param(b'data: {"event_type":"step.delta","delta":{"type":"text","text":5}}\n\n', id="no text"),
        pytest.param(
            b'data: {"event_type":"step.start","index":0,"step":{"type":"function_call"}}\n\n', id="a call of nothing"
        ),
        pytest.param(b'data: {"event_type":"interaction.created","interaction":5}\n\n', id="no interaction"),
        pytest.param(b"<html>", id="a page"),
    ],
)
def test_what_is_not_the_dialect_is_refused(data: bytes) -> None:
    """A `WireError`, not a guess."""
    assert isinstance(cut_short(data)[0], WireError)


def test_a_plain_answer_may_come_instead() -> None:
    """A server that does not stream is understood."""
    decoder = WIRE.decoder()
    decoder.feed(b'{"status":"completed","steps":[{"type":"model_output","content":[{"type":"text","text":"x"}]}]}')

    assert "x" == fold(decoder.close()).text
