"""Streamed answers of the `openai-chat` wire, read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.errors import BadRequestError, QuotaError, RateLimitError, StreamInterrupted, WireError
from dragoman.types.events import Finish, ProviderEvent, Start, TextDelta, ToolCallStart, UsageUpdate
from dragoman.types.fold import fold
from dragoman.types.messages import Audio, ToolCall
from dragoman.types.providers import Provider, Quirks
from dragoman.wire.openai_chat import WIRE
from tests.wire.openai_chat_bytes import call, chunk, lines, read, streamed

HELLO = (chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"}))


def calls(*chunks: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Id, name and arguments of the calls that a stream makes."""
    answer = streamed(*chunks, chunk(finish="tool_calls"))
    return [(one.id, one.name, one.arguments_json) for one in answer.tool_calls]


# --- completion -------------------------------------------------------------------------------------------------------


def test_events_come_in_order() -> None:
    """Start is first and once, the finish reason is last although usage came after it."""
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    events = read(lines(*HELLO, chunk(finish="stop"), usage, "[DONE]"))

    assert Start("c1", "m") == events[0]
    assert [TextDelta("Hel"), TextDelta("lo")] == events[1:3]
    assert isinstance(events[3], UsageUpdate)
    assert [Finish("stop", "stop")] == events[4:]


def test_the_price_class_that_served_is_told_at_the_end() -> None:
    """It need not be the one that was asked for, and the cost depends on it; the last chunk that names one counts."""
    first, usage = chunk({"content": "Hi"}) | {"service_tier": "auto"}, {"choices": [], "usage": {"prompt_tokens": 3}}

    answer = streamed(first, chunk(finish="stop"), usage | {"service_tier": "priority"})

    assert {"service_tier": "priority"} == answer.finish_details
    assert streamed(first | {"service_tier": None}, chunk(finish="stop")).finish_details is None


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_cuts_change_nothing(size: int) -> None:
    """The events are the same wherever the bytes are cut, in the middle of a character too."""
    data = lines(*HELLO, chunk({"content": "é😀"}), chunk(call("f", '{"a":1}', index=0, id="x")), chunk(finish="stop"))

    assert read(data) == read(data, size)


def test_a_finish_reason_is_evidence_without_the_end_marker() -> None:
    """A stream that ends after its finish reason is complete."""
    assert "Hello" == streamed(*HELLO, chunk(finish="stop")).text


def test_the_end_marker_after_content_is_evidence_without_a_reason() -> None:
    """`[DONE]` after content completes the answer; why it ended is not made up."""
    answer = streamed(*HELLO, "[DONE]")

    assert ("Hello", "unknown", None) == (answer.text, answer.finish_reason, answer.finish_reason_raw)


def test_a_cut_stream_is_no_answer() -> None:
    """Bytes that end without evidence raise, and what arrived is in `partial`."""
    with pytest.raises(StreamInterrupted) as caught:
        read(lines(*HELLO))

    assert caught.value.partial is not None
    assert "Hello" == caught.value.partial.text


@pytest.mark.parametrize(
    "data", [b"", b"data: [DONE]\n\n", lines(chunk({"role": "assistant"}), "[DONE]"), b": ping\n\n"]
)
def test_a_stream_without_content_is_no_answer(data: bytes) -> None:
    """Nothing, comments, a role or only the end marker are not an answer."""
    with pytest.raises(StreamInterrupted):
        read(data)


def test_an_empty_reason_is_no_evidence() -> None:
    """Servers that write an empty reason into every chunk have not finished by it."""
    with pytest.raises(StreamInterrupted):
        read(lines(chunk({"content": "Hel"}, finish="")))


def test_a_provider_that_omits_the_end_is_complete_at_its_end() -> None:
    """The quirk `omits_finish` takes a clean end as the end, with an unknown reason."""
    row = Provider(name="local", base_url="http://127.0.0.1/v1", quirks=Quirks(omits_finish=True))

    assert Finish("unknown") == read(lines(*HELLO), provider=row)[-1]


def test_bytes_after_the_end_marker_are_ignored() -> None:
    """What follows `[DONE]` is not read."""
    data = lines(*HELLO, chunk(finish="stop"), "[DONE]", chunk({"content": "!"}))

    assert "Hello" == fold(read(data)).text


def test_closing_twice_adds_nothing() -> None:
    """`Finish` is given once."""
    decoder = WIRE.decoder()
    given = decoder.feed(lines(*HELLO, chunk(finish="stop"), "[DONE]"))

    assert 1 == sum(isinstance(event, Finish) for event in [*given, *decoder.close(), *decoder.close()])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("function_call", "tool_calls"),
        ("sensitive", "content_filter"),
        ("insufficient_system_resource", "error"),
        ("error", "error"),
        ("brand_new", "unknown"),
    ],
)
def test_finish_reasons_of_vendors(raw: str, reason: str) -> None:
    """Known words are mapped, others are unknown, and the word as sent is kept."""
    answer = streamed(*HELLO, chunk(finish=raw))

    assert (reason, raw) == (answer.finish_reason, answer.finish_reason_raw)


def test_what_else_is_said_of_the_end_is_kept() -> None:
    """The upstream's own reason is in `finish_details`."""
    last = chunk(finish="stop")
    last["choices"][0]["native_finish_reason"] = "end_turn"

    assert {"native_finish_reason": "end_turn"} == streamed(*HELLO, last).finish_details


# --- errors -----------------------------------------------------------------------------------------------------------


def test_an_error_after_a_finish_reason_is_an_error() -> None:
    """OpenRouter reports an upstream error after the reason; the whole text is not an answer then."""
    error = {**chunk({"content": ""}), "error": {"code": 429, "message": "slow down"}}

    with pytest.raises(RateLimitError) as caught:
        read(lines(*HELLO, chunk(finish="length"), error, "[DONE]"))

    assert (429, "429") == (caught.value.status, caught.value.code)
    assert caught.value.partial is not None
    assert ("Hello", "unknown") == (caught.value.partial.text, caught.value.partial.finish_reason)


@pytest.mark.parametrize(
    "event",
    [
        'event: error\ndata: {"error":{"message":"no","code":"insufficient_quota"}}\n\n',
        'event: error\ndata: {"message":"no","type":"insufficient_quota"}\n\n',
        'data: {"error":{"message":"no","type":"insufficient_quota","code":null},"choices":5}\n\n',
        'data: {"object":"error","message":"no","type":"insufficient_quota"}\n\n',
        'data: {"choices":[],"x_groq":{"error":{"message":"no","code":"insufficient_quota"}}}\n\n',
        'data: {"choices":[{"delta":{},"finish_reason":"error","error":{"message":"no","code":402}}]}\n\n',
    ],
)
def test_shapes_of_an_error_in_the_stream(event: str) -> None:
    """An error is found as an event of its own, as a field, or at the top level."""
    with pytest.raises(QuotaError, match="no"):
        read(lines(*HELLO) + event.encode())


def test_a_number_in_the_error_is_its_status() -> None:
    """A stream has no status of its own any more, so the error's number chooses the class."""
    with pytest.raises(BadRequestError, match="bad thing"):
        read(lines({"error": {"msg": "bad thing", "code": "400"}}))


def test_events_before_an_error_are_given_first() -> None:
    """What the same bytes held before the error is delivered, and the next call raises."""
    decoder = WIRE.decoder()
    given = decoder.feed(lines(*HELLO, {"error": {"message": "no", "code": "rate_limit_exceeded"}}))

    assert 3 == len(given)
    with pytest.raises(RateLimitError):
        decoder.feed(b"")


@pytest.mark.parametrize("data", ["not json", '{"choices": [{"delta": {"content": 5}}]}', "[1]"])
def test_what_is_not_the_protocol_is_a_wire_error(data: str) -> None:
    """Broken JSON and content of a wrong type are named, not skipped."""
    with pytest.raises(WireError):
        read(lines(*HELLO, data))


def test_a_plain_answer_to_a_streamed_question() -> None:
    """A server that answers with one JSON body has answered."""
    body = {"id": "c1", "model": "m", "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}

    assert "Hello" == fold(read(json.dumps(body).encode(), 5)).text


def test_a_page_instead_of_a_stream() -> None:
    """HTML under status 200 is a wire error that says what to check."""
    with pytest.raises(WireError, match="base URL"):
        read(b"<html><body>login</body></html>")


# --- tool calls -------------------------------------------------------------------------------------------------------


def test_arguments_come_in_pieces() -> None:
    """The usual form: id and name first, then arguments by index, calls interleaved."""
    made = calls(
        chunk(call("f", "", index=0, id="a")),
        chunk(call("g", "", index=1, id="b")),
        chunk(call(None, '{"x"', index=0)),
        chunk(call(None, "{}", index=1)),
        chunk(call(None, ":1}", index=0)),
    )

    assert [("a", "f", '{"x":1}'), ("b", "g", "{}")] == made


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param(
            [call("f", "{}", index=0, id="a"), call("g", "{}", index=0, id="b")],
            [("a", "f", "{}"), ("b", "g", "{}")],
            id="a new id on the same index is a new call",
        ),
        pytest.param(
            [call("f", '{"x"', id="a"), call(None, ":1}"), call("g", "{}", id="b")],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
            id="no index: an id opens, arguments continue",
        ),
        pytest.param(
            [call("f", "", index=0, id="a"), call("f", '{"x":', index=0, id="a"), call("f", "1}", index=0, id="a")],
            [("a", "f", '{"x":1}')],
            id="id and name with every piece",
        ),
        pytest.param(
            [call("f", "", index=0, id="a"), call("", "{}", index=0)],
            [("a", "f", "{}")],
            id="the name again, empty",
        ),
        pytest.param(
            [call("f", '{"x"', index=0, id="r1"), call(None, ":1}", index=0, id="r2")],
            [("r1", "f", '{"x":1}')],
            id="a fresh id with every piece, without a name",
        ),
        pytest.param(
            [call("f", '{"x":1}', index=0, id=""), call("f", '{"x":2}', index=0, id="")],
            [("", "f", '{"x":1}'), ("", "f", '{"x":2}')],
            id="no ids, whole calls on one index",
        ),
        pytest.param(
            [call(None, None, index=0, id="a"), call("f", "{}", index=0)],
            [("a", "f", "{}")],
            id="the name comes after the id",
        ),
        pytest.param(
            [call("f", {"x": 1}, index="0", id="a")],
            [("a", "f", '{"x":1}')],
            id="arguments as an object, index as a text",
        ),
        pytest.param([{"tool_calls": [None, {}]}, call("f", "", index=0, id="a")], [("a", "f", "")], id="nothing"),
    ],
)
def test_which_call_a_piece_belongs_to(chunks: list[dict[str, Any]], expected: list[tuple[str, str, str]]) -> None:
    """Servers number and name calls in their own ways; the calls are the same."""
    assert expected == calls(*(chunk(one) for one in chunks))


def test_a_call_starts_when_its_name_is_known() -> None:
    """The first piece of a call is an event at once."""
    decoder = WIRE.decoder()

    assert ToolCallStart(0, "a", "f") in decoder.feed(lines(chunk(call("f", "", index=0, id="a"))))


def test_a_cut_call_is_no_call() -> None:
    """The pieces of a call in a cut stream are in `extras`, where nobody executes them."""
    with pytest.raises(StreamInterrupted) as caught:
        read(lines(chunk(call("f", '{"x":1}', index=0, id="a"))))

    assert caught.value.partial is not None
    assert () == caught.value.partial.tool_calls
    assert "unfinished_tool_call" in caught.value.partial.extras[0]


def test_a_custom_call_has_free_text() -> None:
    """The input of a custom tool is not JSON and is kept as it is."""
    first = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
    more = {"index": 0, "custom": {"input": " -l"}}
    answer = streamed(chunk({"tool_calls": [first]}), chunk({"tool_calls": [more]}), chunk(finish="tool_calls"))

    assert (ToolCall("a", "sh", "ls -l", "custom"),) == answer.tool_calls


def test_a_signature_stays_with_its_call() -> None:
    """Gemini's thought signature is kept in the call's native state."""
    extra = {"google": {"thought_signature": "s"}}
    answer = streamed(chunk(call("f", "{}", index=0, id="a", extra_content=extra)), chunk(finish="tool_calls"))

    assert {"openai-chat": {"extra_content": extra}} == answer.tool_calls[0].native


# --- other content ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_comes_in_either_field(field: str) -> None:
    """Both names that vendors use give the reasoning."""
    assert "think" == streamed(chunk({field: "thi"}), chunk({field: "nk"}), chunk(finish="stop")).reasoning


def test_reasoning_under_both_names_is_one() -> None:
    """A server that writes both fields writes the same text twice."""
    delta = {"reasoning": "think", "reasoning_content": "think"}

    assert "think" == streamed(chunk(delta), chunk(finish="stop")).reasoning


def test_thinking_blocks() -> None:
    """Mistral's content is a list of thinking and text."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    answer = streamed(
        chunk({"content": [thought]}), chunk({"content": [{"type": "text", "text": "4"}]}), chunk(finish="stop")
    )

    assert ("hm", "4") == (answer.reasoning, answer.text)


def test_reasoning_state_is_joined_and_kept() -> None:
    """Pieces of one reasoning detail are joined, so that it can be sent back."""
    answer = streamed(
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "a", "format": "x"}]}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "b", "signature": "s"}]}),
        chunk({"reasoning_details": [{"type": "reasoning.encrypted", "index": 1, "data": "d"}]}),
        chunk({"content": "hi"}, finish="stop"),
    )

    assert answer.message.native is not None
    assert [
        {"type": "reasoning.text", "index": 0, "text": "ab", "format": "x", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "d"},
    ] == answer.message.native["openai-chat"]["reasoning_details"]


def test_a_refusal_is_not_text() -> None:
    """Refusal deltas are their own part; an empty one is none."""
    refused = streamed(chunk({"refusal": "I ca"}), chunk({"refusal": "n't"}), chunk(finish="stop"))

    assert ("I can't", "") == (refused.refusal, refused.text)
    assert streamed(chunk({"content": "hi", "refusal": ""}), chunk(finish="stop")).refusal is None


def test_sound_comes_in_pieces() -> None:
    """Sound and transcript are joined, and the id is kept for the next turn."""
    answer = streamed(
        chunk({"audio": {"id": "au1", "transcript": "be"}}),
        chunk({"audio": {"data": base64.b64encode(b"\xff\xfb").decode()}}),
        chunk({"audio": {"data": base64.b64encode(b"\x02\x03").decode(), "transcript": "ep", "expires_at": 9}}),
        chunk(finish="stop"),
    )
    (sound,) = answer.message.parts

    assert isinstance(sound, Audio)
    assert (b"\xff\xfb\x02\x03", "beep", "au1", 9) == (sound.data, sound.transcript, sound.file_id, sound.expires_at)


def test_sources_are_citations() -> None:
    """Annotations belong to the text; offsets of 0 and 0 mean that they are not known."""
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 0},
    }
    answer = streamed(chunk({"content": "hi"}), chunk({"annotations": [note]}), chunk(finish="stop"))
    (source,) = answer.message.parts[0].citations  # type: ignore[union-attr]

    assert ("https://a", "A", None, None) == (source.url, source.title, source.start, source.end)


def test_addresses_beside_the_choices_are_citations() -> None:
    """Perplexity repeats its list of sources in every chunk; each is a citation once."""
    answer = streamed(
        chunk({"content": "a"}, citations=["https://a"]), chunk({"content": "b"}, "stop", citations=["https://a"])
    )

    assert ["https://a"] == [one.url for one in answer.message.parts[0].citations]  # type: ignore[union-attr]


def test_other_choices_go_on_as_they_came() -> None:
    """With `n`, the first choice is the answer and the others are provider events."""
    other = {"index": 1, "delta": {"content": "no"}, "finish_reason": None}
    both = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "yes"}}, other]}
    events = read(lines(both, chunk(finish="stop")))

    assert "yes" == fold(events).text
    assert ProviderEvent("openai-chat", {"choices": [other]}) in events


def test_the_end_of_another_choice_is_no_evidence() -> None:
    """Only the finish reason of the first choice completes the answer."""
    with pytest.raises(StreamInterrupted):
        read(lines(*HELLO, {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}))


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        {"choices": [], "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}},
        {"choices": [{"index": 0, "delta": {}, "usage": {"prompt_tokens": 3, "completion_tokens": 2}}]},
    ],
)
def test_where_usage_may_stand(last: dict[str, Any]) -> None:
    """Usage is found beside the choices, in Groq's own field and in the choice."""
    usage = streamed(*HELLO, chunk(finish="stop"), last).usage

    assert (3, 2) == (usage.input_tokens, usage.output_tokens)


def test_usage_that_repeats_is_told_once() -> None:
    """The same usage in every chunk gives one event."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    events = read(lines(chunk({"content": "a"}, usage=usage), chunk({"content": "b"}, "stop", usage=usage)))

    assert 1 == sum(isinstance(event, UsageUpdate) for event in events)


def test_id_and_model_of_a_later_chunk() -> None:
    """Azure's first chunk has neither; the first that has them starts the answer."""
    notes = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}

    assert Start("c1", "m") == read(lines(notes, *HELLO, chunk(finish="stop")))[0]


def test_unknown_and_null_fields_are_no_matter() -> None:
    """Padding, nulls and fields of tomorrow do not disturb the answer."""
    odd = {"id": None, "choices": [{"delta": None, "index": None}], "usage": None, "p": "abc", "obfuscation": "x"}

    assert "Hello" == streamed(odd, *HELLO, {"choices": None}, chunk(finish="stop")).text
