"""Streams of Ollama's dialect: events as they come, and no whole answer without `done`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.errors import DragomanError, StreamInterrupted, WireError
from dragoman.types.events import (
    Finish,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.providers import Provider
from dragoman.types.usage import Usage
from dragoman.wire.ollama_chat import WIRE
from tests.wire.ollama_chat_lines import LENIENT, call, last, line, lines, read, streamed


def test_lines_become_events_in_their_order() -> None:
    """Thought, text and whole calls, then usage and finish with the last line."""
    data = lines(
        line({"thinking": "Hm"}),
        line({"content": "Hel"}),
        line({"content": "lo", "tool_calls": [call("f", {"a": 1}, id="call_1"), call("g", {})]}),
        last("stop", eval_count=4),
    )

    assert [
        Start(None, "m"),
        ReasoningDelta("Hm"),
        TextDelta("Hel"),
        TextDelta("lo"),
        ToolCallStart(0, "call_1", "f"),
        ToolCallDelta(0, '{"a": 1}'),
        ToolCallEnd(0),
        ToolCallStart(1, "", "g"),
        ToolCallDelta(1, "{}"),
        ToolCallEnd(1),
        UsageUpdate(Usage(output_tokens=4, details={"eval_count": 4})),
        Finish("tool_calls", "stop"),
    ] == read(data)


def test_done_without_a_reason_is_whole() -> None:
    """Seen in the field: `done` alone proves the answer, and no reason is made up."""
    answer = streamed(line({"content": "Hi"}), last(None))

    assert ("Hi", "unknown", None) == (answer.text, answer.finish_reason, answer.finish_reason_raw)


def test_the_last_line_may_lack_its_end() -> None:
    """A JSON object is whole where it closes, so a last line without LF counts."""
    assert Finish("stop", "stop") == read(lines(line({"content": "Hi"}), last())[:-1])[-1]


@pytest.mark.parametrize("provider", [None, LENIENT])
def test_an_answer_that_is_cut_is_a_part(provider: Provider | None) -> None:
    """Cut inside the last line there is no proof, whatever the row says, and what came is kept."""
    with pytest.raises(StreamInterrupted) as caught:
        read(lines(line({"content": "Hi"}), last())[:-5], provider)

    assert caught.value.partial is not None
    assert "Hi" == caught.value.partial.text


@pytest.mark.parametrize("data", [b"", b"\n\n", b'{"model": "m'])
def test_nothing_is_no_answer(data: bytes) -> None:
    """An empty stream, or one that breaks off in its first line, is interrupted."""
    with pytest.raises(StreamInterrupted):
        read(data)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        pytest.param({"error": "an error was encountered: EOF"}, errors.ServerError, None, id="words only"),
        pytest.param({"error": "model 'x' not found"}, errors.ModelNotFoundError, None, id="words that tell"),
        pytest.param({"error": "busy", "status": 503}, errors.OverloadedError, None, id="with a status"),
        pytest.param(
            {"error": {"message": "no money", "code": "insufficient_quota"}},
            errors.QuotaError,
            "insufficient_quota",
            id="an object, as a proxy writes it",
        ),
    ],
)
def test_an_error_in_the_stream_carries_the_part_before_it(
    error: dict[str, Any], kind: type[DragomanError], code: str | None
) -> None:
    """A line with `error` is the typed error, raised after the events before it."""
    decoder = WIRE.decoder()
    events = decoder.feed(lines(line({"content": "Hi"}), error))

    assert TextDelta("Hi") == events[-1]
    with pytest.raises(kind) as caught:
        decoder.feed(b"")
    assert (kind, code) == (type(caught.value), caught.value.code)
    assert caught.value.partial is not None
    assert "Hi" == caught.value.partial.text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<html><body>Bad gateway</body></html>", id="a page without a line's end"),
        pytest.param(b"<html>\n<body>\n", id="a page"),
        pytest.param(b'data: {"choices": []}\n\n', id="server-sent events"),
        pytest.param(b'{"message": {"content": 7}}\n', id="content of a wrong type"),
        pytest.param(b"[1]\n", id="no object"),
    ],
)
def test_what_is_not_the_protocol_is_a_wire_error(data: bytes) -> None:
    """Other bytes are named for what they are."""
    with pytest.raises(WireError):
        read(data)


def test_what_comes_after_the_end_is_passed_over() -> None:
    """The line with `done` is the last."""
    assert "Hi" == streamed(line({"content": "Hi"}), last(), line({"content": "more"})).text


def test_a_plain_answer_in_place_of_a_stream_is_read() -> None:
    """A server that does not stream sends one line with everything."""
    whole = {**last("length", prompt_eval_count=2), "message": {"content": "all of it"}}
    answer = streamed(whole)

    assert ("all of it", "length", 2) == (answer.text, answer.finish_reason, answer.usage.input_tokens)


def test_a_stream_and_a_plain_answer_are_the_same_value() -> None:
    """One line or many, the folded answer does not tell."""
    message = {"content": "Hi", "thinking": "Hm", "tool_calls": [call("f", {"a": 1})]}
    whole = WIRE.decode_response(200, {}, json.dumps({**last(eval_count=1), "message": message}).encode())
    pieces = streamed(
        line({"thinking": "H"}),
        line({"thinking": "m"}),
        line({"content": "Hi"}),
        line(message | {"thinking": "", "content": ""}),
        last(eval_count=1),
    )

    assert (whole.message, whole.usage, whole.finish_reason) == (pieces.message, pieces.usage, pieces.finish_reason)
