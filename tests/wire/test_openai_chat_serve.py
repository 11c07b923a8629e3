"""The server half of the `openai-chat` wire: what it writes satisfies the official SDK and its own reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

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
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.types.responses import ChatResponse, Choice
from dragoman.types.usage import Usage
from dragoman.wire.openai_chat import WIRE
from tests.strategies import PNG
from tests.wire.openai_chat_bytes import read

FULL = ChatResponse(
    message=Message(
        "assistant",
        (
            Reasoning("hm"),
            Text("Hello ", logprobs=(TokenLogprob("Hello", -0.5, (72,), (TokenLogprob("Hi", -1.5),)),)),
            Text("you", citations=(Citation(url="https://a", title="A", text="words", start=0, end=3),)),
            ToolCall("c1", "f", '{ "x": 1}'),
            ToolCall("c2", "sh", "ls", "custom"),
        ),
        native={"openai-chat": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]}},
    ),
    finish_reason="tool_calls",
    finish_reason_raw="tool_calls",
    usage=Usage(input_tokens=9, output_tokens=5, cache_read_tokens=4, cache_write_tokens=3, reasoning_tokens=2),
    model="m",
    id="c1",
)


def meaning(response: ChatResponse) -> tuple[Any, ...]:
    """What an answer says; texts that stand side by side are one."""
    texts = [part for part in response.message.parts if isinstance(part, Text)]
    sources = [(one.url, one.title, one.text) for part in texts for one in part.citations]
    odds = [one for part in texts for one in part.logprobs]
    calls = [(one.id, one.name, one.arguments_json, one.kind) for one in response.tool_calls]
    usage = {name: getattr(response.usage, name) for name in Usage.__struct_fields__ if name != "details"}
    said = (response.text, response.reasoning, response.refusal, calls, sources, odds)
    return (*said, response.finish_reason, usage, response.message.native, response.model, response.id)


def frames(data: bytes) -> list[Any]:
    """The JSON of a stream's events, without the end marker."""
    return [json.loads(one[6:]) for one in data.split(b"\n\n") if one and one != b"data: [DONE]"]


def encoded(*events: Event) -> bytes:
    """A stream as the server half writes it."""
    encoder = WIRE.encoder()
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


# --- plain ------------------------------------------------------------------------------------------------------------


def test_a_plain_answer_is_valid_for_the_sdk() -> None:
    """The official SDK's model validates the answer and reads the same from it."""
    answer = ChatCompletion.model_validate_json(WIRE.encode_response(FULL))
    message = answer.choices[0].message

    assert ("c1", "m", 0, "Hello you") == (answer.id, answer.model, answer.created, message.content)
    assert message.tool_calls is not None
    assert ["function", "custom"] == [call.type for call in message.tool_calls]
    assert message.annotations is not None
    assert (6, 9) == (message.annotations[0].url_citation.start_index, message.annotations[0].url_citation.end_index)
    assert answer.usage is not None
    assert (9, 5, 14) == (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)


def test_a_plain_answer_is_read_back() -> None:
    """Everything that the dialect has a place for survives writing and reading."""
    assert meaning(FULL) == meaning(WIRE.decode_response(200, {}, WIRE.encode_response(FULL)))


def test_the_barest_answer_is_valid_for_the_sdk() -> None:
    """Without id, model and usage nothing is made up, and the SDK still reads it."""
    response = ChatResponse(message=Message("assistant", (Refusal("no"),)), finish_reason="stop")
    answer = ChatCompletion.model_validate_json(WIRE.encode_response(response))

    assert (None, "no", None) == (answer.choices[0].message.content, answer.choices[0].message.refusal, answer.usage)


@pytest.mark.parametrize(
    ("reason", "raw", "word", "native"),
    [
        ("stop", "end_turn", "stop", "end_turn"),
        ("length", "length", "length", None),
        ("refusal", "refusal", "content_filter", "refusal"),
        ("pause", "pause_turn", "pause", "pause_turn"),
        ("unknown", None, None, None),
    ],
)
def test_finish_reasons_in_the_words_of_the_dialect(reason: Any, raw: Any, word: Any, native: Any) -> None:
    """Our reason takes the dialect's word, and the provider's own word stands beside it."""
    response = ChatResponse(message=Message.assistant("x"), finish_reason=reason, finish_reason_raw=raw)
    choice = json.loads(WIRE.encode_response(response))["choices"][0]

    assert (word, native) == (choice["finish_reason"], choice.get("native_finish_reason"))


def test_alternatives_are_choices() -> None:
    """The answer is choice 0, its alternatives follow."""
    other = Choice(message=Message.assistant("b"), finish_reason="length", finish_reason_raw="length")
    response = ChatResponse(message=Message.assistant("a"), finish_reason="stop", alternatives=(other,))
    again = WIRE.decode_response(200, {}, WIRE.encode_response(response))

    assert ("a", ["b"]) == (again.text, [one.message.text for one in again.alternatives])


def test_pictures_and_sound_are_read_back() -> None:
    """Media in an answer are written where readers of the dialect look for them."""
    sound = Audio(data=b"OggS..", media_type="audio/ogg", file_id="au1", transcript="beep", expires_at=9)
    response = ChatResponse(message=Message("assistant", (Image(data=PNG), sound)), finish_reason="stop")

    assert response.message.parts == WIRE.decode_response(200, {}, WIRE.encode_response(response)).message.parts


# --- streams ----------------------------------------------------------------------------------------------------------

SPOKEN: tuple[Event, ...] = (
    Start("c1", "m"),
    ReasoningDelta("hm"),
    TextDelta("Hel", (TokenLogprob("Hel", -0.5),)),
    TextDelta("lo"),
    CitationDelta(Citation(url="https://a")),
    ToolCallStart(0, "a", "f"),
    ToolCallDelta(0, "{}"),
    ToolCallEnd(0),
    UsageUpdate(Usage(input_tokens=9, output_tokens=5)),
    Finish("tool_calls", "tool_calls"),
)


def test_every_chunk_is_valid_for_the_sdk() -> None:
    """The official SDK's model validates each chunk; role comes first, usage last, then the end marker."""
    data = encoded(*SPOKEN)
    chunks = [ChatCompletionChunk.model_validate(one) for one in frames(data)]

    assert data.endswith(b"\n\ndata: [DONE]\n\n")
    assert "assistant" == chunks[0].choices[0].delta.role
    assert "tool_calls" == chunks[-2].choices[0].finish_reason
    assert [] == chunks[-1].choices
    assert chunks[-1].usage is not None
    assert 14 == chunks[-1].usage.total_tokens
    assert {("c1", "m", 0)} == {(chunk.id, chunk.model, chunk.created) for chunk in chunks}


def test_a_stream_without_its_finish_has_no_end_marker() -> None:
    """Closing an answer that was not finished writes no evidence that it was."""
    data = encoded(*SPOKEN[:-1])

    assert b"[DONE]" not in data
    with pytest.raises(StreamInterrupted):
        read(data)


def test_events_without_a_start() -> None:
    """An answer may begin with content; the role goes out before it all the same."""
    first, second = frames(encoded(TextDelta("hi")))

    assert "assistant" == first["choices"][0]["delta"]["role"]
    assert "hi" == second["choices"][0]["delta"]["content"]


def test_an_error_ends_the_stream() -> None:
    """After an error nothing is written any more, and the reader raises it with what came before."""
    encoder = WIRE.encoder()
    data = encoder.feed(Start("c1", "m")) + encoder.feed(TextDelta("Hel")) + encoder.error(RateLimitError("slow"))
    rest = (
        encoder.feed(TextDelta("lo"))
        + encoder.feed(Finish("stop", "stop"))
        + encoder.close()
        + encoder.error(QuotaError("x"))
    )

    assert b"" == rest
    with pytest.raises(RateLimitError, match="slow") as caught:
        read(data)
    assert caught.value.partial is not None
    assert "Hel" == caught.value.partial.text


def test_another_choice_is_passed_on() -> None:
    """What the reader gives for other choices is written as it came."""
    other = {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": None}]}
    events = read(
        encoded(Start("c1", "m"), TextDelta("a"), ProviderEvent("openai-chat", other), Finish("stop", "stop"))
    )

    assert ProviderEvent("openai-chat", other) in events
    assert "a" == fold(events).text


@pytest.mark.parametrize(
    "event",
    [PartEnd(), ProviderEvent("", {"x": 1}), MessageNative({"anthropic-messages": {"x": 1}}), ReasoningDelta("")],
)
def test_what_has_no_place_writes_nothing(event: Event) -> None:
    """Events that another dialect or only the fold knows give no bytes."""
    encoder = WIRE.encoder()
    encoder.feed(Start("c1", "m"))

    assert b"" == encoder.feed(event)


@pytest.mark.parametrize(
    "part",
    [
        Text("hi", citations=(Citation(url="https://a", start=0, end=2),)),
        Reasoning("hm"),
        Refusal("no"),
        ToolCall("a", "f", '{"x": 1}'),
        ToolCall("a", "sh", "ls", "custom"),
        Image(data=PNG),
        Audio(data=b"\x01\x02", media_type="audio/pcm", file_id="au1", transcript="beep"),
    ],
)
def test_whole_parts_can_be_streamed(part: Any) -> None:
    """A part that comes as one event is read back as that part."""
    events = (Start("c1", "m"), PartAdded(part), Finish("stop", "stop"))

    assert (part,) == fold(read(encoded(*events))).message.parts


def test_a_plain_answer_can_be_streamed() -> None:
    """Unfolded, written, read and folded, the answer is the same."""
    assert meaning(FULL) == meaning(fold(read(encoded(*unfold(FULL)))))


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (RateLimitError("slow", retry_after=2.0), 429, "rate_limit_error", "rate_limit_exceeded"),
        (QuotaError("empty"), 429, "insufficient_quota", "insufficient_quota"),
        (ModelNotFoundError("no", status=404), 404, "invalid_request_error", "model_not_found"),
        (RateLimitError("slow", status=429, code="429"), 429, "rate_limit_error", "rate_limit_exceeded"),
    ],
)
def test_errors_in_the_words_of_the_dialect(error: DragomanError, status: int, kind: str, code: str) -> None:
    """Type and code are those that clients of the dialect know."""
    sent, headers, body = WIRE.encode_error(error)
    fields = json.loads(body)["error"]

    assert (status, kind, code, error.message) == (sent, fields["type"], fields["code"], fields["message"])
    assert ("2" if error.retry_after else None) == headers.get("retry-after")


# --- law --------------------------------------------------------------------------------------------------------------

_words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
_odds = st.lists(st.builds(TokenLogprob, _words, st.floats(-9, 0)), max_size=2).map(tuple)
_said = st.one_of(
    st.builds(TextDelta, _words, _odds),
    st.builds(ReasoningDelta, _words),
    st.builds(RefusalDelta, _words),
    st.builds(AudioDelta, st.binary(max_size=4), _words, st.just("au1")),
    st.just(PartEnd()),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """Events of a complete answer."""
    events: list[Event] = [Start("c1", "m"), *draw(st.lists(_said, max_size=6))]
    for index in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(("function", "custom")))
        pieces = [ToolCallDelta(index, text) for text in draw(st.lists(_words, max_size=3))]
        events += [ToolCallStart(index, f"call{index}", draw(_words), kind), *pieces, ToolCallEnd(index)]
    usage = draw(st.none() | st.builds(Usage, input_tokens=st.integers(0, 99), output_tokens=st.integers(0, 99)))
    events += [UsageUpdate(usage)] if usage is not None else []
    reason = draw(st.sampled_from(("stop", "length", "tool_calls", "content_filter", "error", "pause")))
    return [*events, Finish(reason, reason)]


@settings(max_examples=150, deadline=None)
@given(events=answers(), size=st.integers(1, 80))
def test_what_is_written_is_read_back(events: list[Event], size: int) -> None:
    """Events written by the server half and cut anywhere give the same answer."""
    assert meaning(fold(events)) == meaning(fold(read(encoded(*events), size)))
