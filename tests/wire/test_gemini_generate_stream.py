"""Streamed answers of the `gemini-generate` wire, read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import OverloadedError, StreamInterrupted, WireError
from dragoman.types.events import (
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
from dragoman.types.messages import Text
from dragoman.wire.gemini_generate import WIRE
from tests.wire.gemini_generate_bytes import ROW, array, call, chunk, plain, read, sse, streamed, text

FRAMINGS = pytest.mark.parametrize("framed", [sse, array])
Framed = Callable[..., bytes]


def usage(output: int) -> dict[str, Any]:
    return {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": output}}


ANSWER = (
    chunk(text("Hm", thought=True)) | {"usageMetadata": {"trafficType": "ON_DEMAND"}},
    chunk(text("Hel")) | usage(1),
    chunk(text('lo ] } " \\ é')) | usage(2),
    chunk(call("f", a="x"), finish="STOP") | usage(5),
)


@FRAMINGS
def test_a_stream_in_order(framed: Framed) -> None:
    """Start first, then what is said, usage as it is counted, Finish last."""
    events = read(framed(*ANSWER))

    assert [
        Start("r1", "gemini-3-flash"),
        ReasoningDelta("Hm", {"gemini-generate": {}}),
        TextDelta("Hel"),
        TextDelta('lo ] } " \\ é'),
        ToolCallStart(0, "", "f"),
        ToolCallDelta(0, '{"a":"x"}'),
        ToolCallEnd(0),
        Finish("tool_calls", "STOP"),
    ] == [event for event in events if not isinstance(event, UsageUpdate)]
    assert [1, 2, 5] == [event.usage.output_tokens for event in events if isinstance(event, UsageUpdate)]


@FRAMINGS
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 1000])
def test_the_cuts_do_not_matter(framed: Framed, size: int) -> None:
    """Fed in pieces of any size, both forms give the same events."""
    assert read(sse(*ANSWER)) == read(framed(*ANSWER), size)


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b"\r\n \n", b"\xef\xbb\xbf\n"])
@FRAMINGS
def test_what_comes_before_the_first_byte(framed: Framed, head: bytes) -> None:
    """A byte order mark and blank lines before either form say nothing."""
    assert read(sse(*ANSWER)) == read(head + framed(*ANSWER), 1)


@FRAMINGS
def test_cut_before_the_finish_reason(framed: Framed) -> None:
    """Without a finish reason what arrived is a part, never a whole answer."""
    data = framed(*ANSWER)
    end = data.index(b'"finishReason"')
    for at in range(0, end, 13):
        with pytest.raises(StreamInterrupted) as caught:
            read(data[:at])
        partial = caught.value.partial
        assert partial is None or 'Hello ] } " \\ é'.startswith(partial.text)


def test_an_array_that_is_closed_early() -> None:
    """The end of the array is no evidence."""
    with pytest.raises(StreamInterrupted):
        read(array(chunk(text("a"))))


def test_the_end_of_an_array_is_the_end() -> None:
    """Finish comes with the closing bracket, and nothing after it is looked at."""
    decoder = WIRE.decoder(ROW)
    events = decoder.feed(array(chunk(text("a"), finish="STOP")) + b"garbage")

    assert decoder.done
    assert Finish("stop", "STOP") == events[-1]
    assert [] == decoder.close()


def test_usage_that_never_counted() -> None:
    """A tier without counts is usage only if nothing better came, and then at the end."""
    events = read(sse(chunk(text("a")) | {"usageMetadata": {"trafficType": "X"}}, chunk(finish="STOP")))

    assert [UsageUpdate, Finish] == [type(event) for event in events[-2:]]
    assert [0] == [event.usage.input_tokens for event in events if isinstance(event, UsageUpdate)]


def test_a_refused_prompt() -> None:
    """A block reason is evidence; the answer is filtered and no raw reason made up."""
    answer = streamed({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r1"})

    assert ("", "content_filter", None) == (answer.text, answer.finish_reason, answer.finish_reason_raw)
    assert {"promptFeedback": {"blockReason": "SAFETY"}} == answer.finish_details


def test_signatures_stay_where_they_stood() -> None:
    """A signed part is neither joined with its neighbours nor lost where it has no text."""
    answer = streamed(
        chunk(text("a")),
        chunk(text("b", thoughtSignature="cw==")),
        chunk(text("c")),
        chunk(text("", thoughtSignature="dA=="), finish="STOP"),
    )

    assert "abc" == answer.text
    assert (
        Text("a"),
        Text("b", native={"gemini-generate": {"thoughtSignature": "cw=="}}),
        Text("c"),
        Text("", native={"gemini-generate": {"thoughtSignature": "dA=="}}),
    ) == answer.message.parts


def test_sources_come_with_the_end() -> None:
    """Citations stand at the last text, also where its signature ended it."""
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a"}}],
        "groundingSupports": [{"segment": {"endIndex": 1, "text": "b"}, "groundingChunkIndices": [0]}],
    }
    answer = streamed(
        chunk(text("b", thoughtSignature="cw=="), groundingMetadata={}),
        chunk(finish="STOP", groundingMetadata=metadata),
    )

    [part] = answer.message.parts
    assert isinstance(part, Text)
    assert [("https://a", 0, 1)] == [(citation.url, citation.start, citation.end) for citation in part.citations]
    assert {"gemini-generate": {"thoughtSignature": "cw=="}} == part.native


# --- calls in pieces --------------------------------------------------------------------------------------------------


def piece(*arguments: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A piece of a call that is streamed."""
    going_on = {"willContinue": True} if more else {}
    return {"functionCall": {**({"partialArgs": list(arguments)} if arguments else {}), **going_on}}


def opened(name: str) -> dict[str, Any]:
    return {"functionCall": {"name": name, "willContinue": True}, "thoughtSignature": "cw=="}


def test_a_call_in_pieces() -> None:
    """Values at paths become one object; texts grow, the call ends with the piece that does not continue."""
    answer = streamed(
        chunk(opened("f")),
        chunk(piece({"jsonPath": "$.items[0].name", "stringValue": "app"}, more=True)),
        chunk(piece({"jsonPath": "$.items[0].name", "stringValue": "le"}, more=True)),
        chunk(piece({"jsonPath": "$.items[0].price", "numberValue": 0.5}, more=True)),
        chunk(piece({"jsonPath": "$.items[1]['odd.name']", "boolValue": True}, more=True)),
        chunk(piece({"jsonPath": "$.none", "nullValue": "NULL_VALUE"}, more=True)),
        chunk(piece()),
        chunk(call("g"), finish="STOP"),
    )

    assert [
        ("f", {"items": [{"name": "apple", "price": 0.5}, {"odd.name": True}], "none": None}),
        ("g", {}),
    ] == [(made.name, made.arguments) for made in answer.tool_calls]
    assert {"gemini-generate": {"thoughtSignature": "cw=="}} == answer.tool_calls[0].native


def test_a_call_whose_end_never_came_is_no_call() -> None:
    """An open call is not made whole by the end of the answer; its name stands in the extras."""
    answer = streamed(
        chunk(opened("f")), chunk(piece({"jsonPath": "$.a", "stringValue": "x"}, more=True), finish="STOP")
    )

    assert () == answer.tool_calls
    assert "stop" == answer.finish_reason
    assert "f" == answer.extras[0]["unfinished_tool_call"]["name"]


@pytest.mark.parametrize("path", ["", "$", "a", "$.a[5]", "$[0]", "$.a..b", "$.a[99999999999]", "$" + ".a" * 999])
def test_a_path_that_leads_nowhere(path: str) -> None:
    """Paths that cannot be are the protocol broken, and cost no memory."""
    with pytest.raises(WireError) as caught:
        streamed(chunk(opened("f")), chunk(piece({"jsonPath": path, "numberValue": 1}), finish="STOP"))

    assert (caught.value.path or "").endswith("jsonPath")


# --- several answers, errors ------------------------------------------------------------------------------------------


def test_another_candidate_goes_on_as_it_came() -> None:
    """Of several answers the first is read and the others are carried."""
    other = chunk(text("b"), finish="STOP")["candidates"][0] | {"index": 1}
    events = read(sse(chunk(text("a")), {"candidates": [other]}, chunk(finish="STOP")))

    assert ProviderEvent("gemini-generate", {"candidates": [other]}) in events
    assert "a" == fold(events).text


@FRAMINGS
def test_an_error_in_the_stream(framed: Framed) -> None:
    """An error ends the stream with its class, and the part that came is kept."""
    error = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    with pytest.raises(OverloadedError, match="busy") as caught:
        read(framed(chunk(text("Hel")), error), 9)

    assert (503, "UNAVAILABLE") == (caught.value.status, caught.value.code)
    assert caught.value.partial is not None
    assert "Hel" == caught.value.partial.text


def test_a_plain_answer_in_place_of_a_stream() -> None:
    """A proxy that answers a stream request with one JSON body is understood."""
    body = chunk(text("Hello"), finish="STOP")

    assert plain(body).message == fold(read(json.dumps(body).encode(), 10)).message


@pytest.mark.parametrize("data", [b"[1]", b"[{}}", b'["a"]', b"[[{}]]", b"[{},null]", b"<html>", b"[{]"])
def test_what_is_no_stream(data: bytes) -> None:
    """Other arrays, and pages, are refused or incomplete, never an answer."""
    with pytest.raises((WireError, StreamInterrupted)):
        read(data, 1)


def test_the_end_mark_of_another_dialect_is_passed_over() -> None:
    """Proxies add [DONE]; here it says nothing."""
    assert "a" == fold(read(sse(chunk(text("a"), finish="STOP")) + b"data: [DONE]\n\n")).text


@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=5), size=st.integers(1, 40))
def test_any_text_in_either_form(texts: list[str], size: int) -> None:
    """Whatever the texts hold, brackets and quotes too, both forms fold to the same answer."""
    chunks = [*(chunk(text(words)) for words in texts), chunk(finish="STOP")]

    assert "".join(texts) == fold(read(array(*chunks), size)).text == fold(read(sse(*chunks), size)).text


def test_signed_parts_are_events_of_their_own() -> None:
    """The end of a signed part comes before the next part begins."""
    events = read(
        sse(chunk(text("a", thoughtSignature="cw==")), chunk(text("", thoughtSignature="dA=="), finish="STOP"))
    )

    assert [Start, TextDelta, PartEnd, PartAdded, Finish] == [type(event) for event in events]
