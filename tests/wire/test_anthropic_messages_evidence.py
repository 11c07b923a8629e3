"""When a stream in the Anthropic dialect is whole, and how it fails."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.errors import OverloadedError, ServerError, StreamInterrupted, WireError
from dragoman.types.events import Finish, TextDelta
from dragoman.types.fold import fold
from dragoman.wire.anthropic_messages import WIRE
from tests.wire.anthropic_asking import PROVIDER
from tests.wire.anthropic_frames import STOP, block, end, frames, read, start, text

# --- evidence ---------------------------------------------------------------------------------------------------------


def interrupted(*events: dict[str, Any]) -> StreamInterrupted:
    """The error with which a stream of these events ends."""
    decoder = WIRE.decoder(PROVIDER)
    decoder.feed(frames(*events))
    assert not decoder.complete
    with pytest.raises(StreamInterrupted) as caught:
        decoder.close()
    return caught.value


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="nothing"),
        pytest.param([start()], id="start"),
        pytest.param([start(), *text(0, "x")], id="a whole block"),
        pytest.param([start(), *text(0, "x"), end(None)], id="a reason of null"),
        pytest.param([start(stop_reason="end_turn"), *text(0, "x", stop=False)], id="content after the reason"),
        pytest.param([STOP], id="the end of nothing"),
    ],
)
def test_without_evidence_no_answer_is_complete(events: list[dict[str, Any]]) -> None:
    """A clean end of the bytes proves nothing."""
    assert "anthropic" == interrupted(*events).provider


def test_what_arrived_is_kept() -> None:
    """The partial answer has the text, and never a call whose end did not come."""
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    partial = interrupted(
        start(), *text(0, "x"), *block(1, call, {"type": "input_json_delta", "partial_json": "{}"}, stop=False)
    ).partial

    assert partial is not None
    assert ("x", (), "unknown") == (partial.text, partial.tool_calls, partial.finish_reason)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param([end("max_tokens")], id="a reason"),
        pytest.param([end("max_tokens"), STOP], id="a reason and the mark"),
    ],
)
def test_a_reason_is_evidence(last: list[dict[str, Any]]) -> None:
    """Also without `message_stop`; a call that the cap cut is closed, and its arguments stay as they are."""
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    cut_call = block(0, call, {"type": "input_json_delta", "partial_json": '{"a'}, stop=False)
    decoder = WIRE.decoder()
    answer = fold(decoder.feed(frames(start(), *cut_call, *last)) + decoder.close())

    assert ("length", '{"a', None) == (
        answer.finish_reason,
        answer.tool_calls[0].arguments_json,
        answer.tool_calls[0].arguments,
    )


def test_the_mark_alone_is_evidence() -> None:
    """`message_stop` without a reason: complete, and the reason is not made up."""
    assert Finish("unknown") == read(start(), *text(0, "x"), STOP)[-1]


def test_nothing_is_read_after_the_end() -> None:
    """Bytes after `message_stop` belong to nobody, and closing again gives nothing."""
    decoder = WIRE.decoder()
    decoder.feed(frames(start(), *text(0, "x"), end(), STOP))

    assert ([], [], []) == (decoder.feed(frames(*text(1, "y"))), decoder.close(), decoder.close())


def test_the_end_mark_of_another_dialect_means_nothing() -> None:
    """Proxies add `[DONE]`: it neither harms nor proves."""
    decoder = WIRE.decoder()
    decoder.feed(frames(start(), *text(0, "x")) + b"data: [DONE]\n\n")

    with pytest.raises(StreamInterrupted):
        decoder.close()


# --- errors -----------------------------------------------------------------------------------------------------------


def test_an_error_event_ends_the_stream() -> None:
    """It has the class of its type, no status that was not sent, and the part of the answer that came."""
    failure = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    decoder = WIRE.decoder(PROVIDER)

    assert TextDelta("Hel") == decoder.feed(frames(start(), *text(0, "Hel", stop=False), failure))[-1]
    with pytest.raises(OverloadedError) as caught:
        decoder.feed(b"")
    error = caught.value
    assert (None, "overloaded_error", "req_1", "anthropic", True) == (
        error.status,
        error.code,
        error.request_id,
        error.provider,
        error.retryable,
    )
    assert error.partial is not None
    assert "Hel" == error.partial.text


@pytest.mark.parametrize(
    "frame",
    [
        b'event: error\ndata: {"error": {"type": "api_error", "message": "m"}}\n\n',
        b'data: {"error": {"type": "api_error", "message": "m"}}\n\n',
        b'data: {"type": "error", "error": "boom"}\n\n',
    ],
)
def test_other_forms_of_errors_are_errors(frame: bytes) -> None:
    """Imitators leave out one thing or another."""
    with pytest.raises(ServerError):
        WIRE.decoder().feed(frame)


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"[]",
        b'{"type": 5}',
        b'{"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use"}}',
    ],
)
def test_what_is_no_event_is_not_the_protocol(data: bytes) -> None:
    """A typed error, with what came before."""
    decoder = WIRE.decoder()
    decoder.feed(frames(start(), *text(0, "x", stop=False)))

    with pytest.raises(WireError) as caught:
        decoder.feed(b"data: " + data + b"\n\n")
    assert caught.value.partial is not None


def test_a_plain_answer_in_place_of_a_stream_is_read() -> None:
    """Some servers ignore `stream`; the answer is given as events."""
    message = {
        "id": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"output_tokens": 2},
    }
    decoder = WIRE.decoder()
    decoder.feed(msgspec.json.encode(message))

    assert ("Hi", "stop", 2) == (
        (answer := fold(decoder.close())).text,
        answer.finish_reason,
        answer.usage.output_tokens,
    )


def test_a_plain_error_in_place_of_a_stream_is_an_error() -> None:
    """So is an error body under status 200."""
    decoder = WIRE.decoder()
    decoder.feed(b'{"type": "error", "error": {"type": "overloaded_error", "message": "m"}}')

    with pytest.raises(OverloadedError):
        decoder.close()
