"""Streams of Cohere's dialect: events as they come, and no whole answer without `message-end`."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import errors
from dragoman.errors import DragomanError, StreamInterrupted, WireError
from dragoman.types.events import (
    Finish,
    MessageNative,
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
from dragoman.types.messages import Opaque, Text
from dragoman.types.usage import Usage
from dragoman.wire.cohere_chat import WIRE
from dragoman.wire.cohere_chat.citations import decode_citation
from tests.wire.cohere_chat_events import (
    NAME,
    Json,
    call,
    citation,
    end,
    event,
    plain,
    read,
    start,
    stream,
    streamed,
    text,
)


def test_events_in_their_order() -> None:
    """Blocks, plan and calls become our events; usage and reason come with the end."""
    plan = event("tool-plan-delta", {"tool_plan": "Ask."})
    data = stream(
        start("a7"),
        *text(0, "Hm", kind="thinking"),
        event("content-end", index=0),
        *text(1, "Hel", "lo"),
        event("content-end", index=1),
        plan,
        event("tool-call-start", {"tool_calls": call("c1", "f", "")}, 0),
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"a":1}'}}}, 0),
        event("tool-call-end", index=0),
        event("tool-call-start", {"tool_calls": call("c2", "g", "")}, 1),
        event("tool-call-end", index=1),
        end("TOOL_CALL", usage={"tokens": {"input_tokens": 3, "output_tokens": 2}}),
    )

    assert [
        Start("a7"),
        ReasoningDelta("Hm"),
        PartEnd(),
        TextDelta("Hel"),
        TextDelta("lo"),
        ProviderEvent(NAME, plan),
        MessageNative({NAME: {"tool_plan": "Ask."}}),
        ToolCallStart(0, "c1", "f"),
        ToolCallDelta(0, '{"a":1}'),
        ToolCallEnd(0),
        ToolCallStart(1, "c2", "g"),
        ToolCallEnd(1),
        UsageUpdate(
            Usage(input_tokens=3, output_tokens=2, details={"tokens": {"input_tokens": 3, "output_tokens": 2}})
        ),
        Finish("tool_calls", "TOOL_CALL"),
    ] == read(data)


@pytest.mark.parametrize("before_the_end", [True, False])
def test_citations_belong_to_the_text_before_them(before_the_end: bool) -> None:
    """They come while their block grows or after it ended; either way it is the text that they stand at."""
    sent = citation(0, 3, "Tea")
    cite = [event("citation-start", {"citations": sent}, 0), event("citation-end", index=0)]
    stop = [event("content-end", index=0)]
    answer = streamed(start(), *text(0, "Tea is"), *(cite + stop if before_the_end else stop + cite), end())

    assert (Text("Tea is", (decode_citation(sent),)),) == answer.message.parts


@pytest.mark.parametrize("sent", [citation(0, 3, "Ask", type="PLAN"), citation(0, 2, "Hm", content_index=7)])
def test_citations_of_no_text_stay_with_the_message(sent: Json) -> None:
    """What is cited in the plan or a thought is kept, and not hung on a text."""
    answer = streamed(start(), *text(0, "Tea"), event("citation-start", {"citations": sent}, 0), end())

    assert (Text("Tea"),) == answer.message.parts
    assert {NAME: {"citations": [sent]}} == answer.message.native


def test_a_stream_and_a_plain_answer_are_the_same_value() -> None:
    """However it came, the folded answer does not tell."""
    sent = citation(0, 3, "Tea")
    usage = {"tokens": {"input_tokens": 3, "output_tokens": 2}, "cached_tokens": 1}
    one = plain(
        {
            "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Tea!"}],
            "citations": [sent],
            "tool_plan": "Ask.",
            "tool_calls": [call("c1", "f", "{}")],
        },
        usage=usage,
    )
    many = streamed(
        start(),
        event("tool-plan-delta", {"tool_plan": "As"}),
        event("tool-plan-delta", {"tool_plan": "k."}),
        *text(0, "H", "m", kind="thinking"),
        *text(1, "Tea", "!"),
        event("citation-start", {"citations": sent}, 0),
        event("tool-call-start", {"tool_calls": call("c1", "f", "")}, 0),
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": "{}"}}}, 0),
        end(usage=usage),
    )

    assert (one.message, one.usage, one.finish_reason, one.id) == (
        many.message,
        many.usage,
        many.finish_reason,
        many.id,
    )


def test_what_is_not_known_is_carried() -> None:
    """Debug events, events to come and blocks to come are passed on as they are."""
    debug, new = {"type": "debug", "prompt": "<BOS>"}, {"type": "something-new", "x": 1}
    block = {"type": "chart", "data": [1]}
    data = stream(
        start(), debug, new, event("content-start", {"content": block}, 0), event("content-delta", {"x": 1}, 0), end()
    )
    events = read(data)

    carried = [one.data for one in events if isinstance(one, ProviderEvent)]
    assert [debug, new, event("content-delta", {"x": 1}, 0)] == carried
    assert (Opaque(NAME, block),) == streamed(
        start(), event("content-start", {"content": block}, 0), end()
    ).message.parts


def test_token_probabilities_stand_at_their_text() -> None:
    """An event's `logprobs` of one token belong to its text."""
    token = event("content-delta", {"content": {"text": "Hi"}}, 0) | {
        "logprobs": {"text": "Hi", "token_ids": [1], "logprobs": [-0.5]}
    }
    [part] = streamed(start(), *text(0), token, end()).message.parts

    assert isinstance(part, Text)
    assert [("Hi", -0.5)] == [(one.token, one.logprob) for one in part.logprobs]


@pytest.mark.parametrize("done", [True, False])
def test_the_end_of_the_message_is_evidence(done: bool) -> None:
    """`message-end` proves the answer, with and without `[DONE]`; without a reason none is made up."""
    events = read(stream(start(), *text(0, "Hi"), end(None), done=done))

    assert Finish("unknown", None) == events[-1]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="only the end marker"),
        pytest.param([start()], id="only the beginning"),
        pytest.param([start(), *text(0, "Hi"), event("content-end", index=0)], id="no end of the message"),
    ],
)
def test_without_it_the_answer_is_a_part(events: list[Json]) -> None:
    """`[DONE]` alone proves nothing here, because the end of the message always comes before it."""
    with pytest.raises(StreamInterrupted):
        read(stream(*events))


def test_a_call_that_is_cut_is_no_call() -> None:
    """Its pieces are in the extras of the part, where nobody runs them."""
    opened = event("tool-call-start", {"tool_calls": call("c1", "f", '{"a"')}, 0)
    with pytest.raises(StreamInterrupted) as caught:
        read(stream(start(), opened, done=False))

    assert caught.value.partial is not None
    assert () == caught.value.partial.tool_calls
    assert [{"unfinished_tool_call"}] == [set(extra) for extra in caught.value.partial.extras]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        pytest.param(end("ERROR", error="boom"), errors.ServerError, "boom", id="the end reports it"),
        pytest.param(end("ERROR", error="busy", status=503), errors.OverloadedError, "busy", id="with a status"),
        pytest.param({"type": "error", "message": "bad"}, errors.ServerError, "bad", id="an event of its own"),
        pytest.param(
            {"type": "", "message": "model 'x' not found"}, errors.ModelNotFoundError, "not found", id="a bare body"
        ),
    ],
)
def test_an_error_in_the_stream_carries_the_part_before_it(error: Json, kind: type[DragomanError], words: str) -> None:
    """The typed error comes after the events before it."""
    decoder = WIRE.decoder()
    events = decoder.feed(stream(start(), *text(0, "Hi"), error))

    assert TextDelta("Hi") in events
    with pytest.raises(kind, match=words) as caught:
        decoder.feed(b"")
    assert caught.value.partial is not None
    assert "Hi" == caught.value.partial.text


def test_an_end_that_says_error_without_words_is_an_answer_that_failed() -> None:
    """The reason says so; there is nothing to raise."""
    answer = streamed(start(), *text(0, "Hi"), end("ERROR"))

    assert ("Hi", "error", "ERROR") == (answer.text, answer.finish_reason, answer.finish_reason_raw)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b'{"message": "invalid api token"}', errors.ServerError, id="an error in place of a stream"),
        pytest.param(b"<html>Bad gateway</html>", WireError, id="a page"),
        pytest.param(b"data: {not json}\n\n", WireError, id="no JSON"),
        pytest.param(
            b'data: {"type":"content-delta","delta":{"message":{"content":{"text":5}}}}\n\n', WireError, id="5"
        ),
        pytest.param(b"data: [1]\n\n", WireError, id="no object"),
    ],
)
def test_what_is_not_the_protocol_is_an_error(data: bytes, kind: type[DragomanError]) -> None:
    """Other bytes are named for what they are."""
    with pytest.raises(kind):
        read(data)


def test_a_plain_answer_in_place_of_a_stream_is_read() -> None:
    """A server that does not stream sends the whole answer."""
    body: Any = b'{"id":"a","finish_reason":"COMPLETE","message":{"content":[{"type":"text","text":"all"}]}}'

    assert [TextDelta("all"), Finish("stop", "COMPLETE")] == [
        one for one in read(body) if isinstance(one, TextDelta | Finish)
    ]
