"""How streamed answers of the wire `openai-responses` end: well, in an error, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.errors import (
    ContextLengthError,
    DragomanError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamInterrupted,
    WireError,
)
from dragoman.types.events import (
    Finish,
    PartEnd,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from tests.wire.openai_responses_bytes import (
    BEGUN,
    CALL,
    MESSAGE,
    call,
    deltas,
    ended,
    event,
    frames,
    message,
    read,
    streamed,
    text,
    whole,
)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        pytest.param(ended(kind="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length", id="cap"),
        pytest.param(
            ended(kind="incomplete", incomplete_details={"reason": "content_filter"}), "content_filter", id="filter"
        ),
        pytest.param(ended(kind="cancelled"), "unknown", id="cancelled"),
        pytest.param({"type": "response.completed", "response": {"output": None}}, "stop", id="a bare end"),
    ],
)
def test_terminal_events(last: dict[str, Any], reason: str) -> None:
    """Each event that ends a response is evidence; its status says how."""
    answer = streamed(*deltas("Hi"), last)

    assert ("Hi", reason, last["type"].partition(".")[2]) == (
        answer.text,
        answer.finish_reason,
        answer.finish_reason_raw,
    )


def test_a_call_cut_by_the_cap_is_no_call() -> None:
    """Arguments that did not come to their end stay out of the calls."""
    cut = call('{"x"', status="incomplete")
    answer = streamed(
        CALL,
        *deltas('{"x"', kind="function_call_arguments.delta"),
        event("output_item.done", item=cut),
        ended(cut, kind="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    )

    assert ((), "length") == (answer.tool_calls, answer.finish_reason)
    assert any("unfinished_tool_call" in extra for extra in answer.extras)


@pytest.mark.parametrize("cut", [0, 1, 12])
def test_an_end_without_evidence(cut: int) -> None:
    """Bytes that end before a terminal event are a part of an answer, `[DONE]` or not."""
    data = frames(BEGUN, MESSAGE, *deltas("Hel", "lo"), "[DONE]")
    with pytest.raises(StreamInterrupted) as caught:
        read(data[: len(data) - cut])

    assert caught.value.partial is not None
    assert "Hello" == caught.value.partial.text


FAILURES = [
    pytest.param(
        {"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "no money"}},
        QuotaError,
        "insufficient_quota",
        id="as the vendor sends it",
    ),
    pytest.param(
        {"type": "error", "code": "server_error", "message": "no luck", "param": None},
        ServerError,
        "server_error",
        id="as the vendor documents it",
    ),
    pytest.param(
        ended(kind="failed", error={"code": "rate_limit_exceeded", "message": "no hurry"}),
        RateLimitError,
        "rate_limit_exceeded",
        id="a failed response",
    ),
    pytest.param(
        ended(status="failed", error={"code": "server_is_overloaded", "message": "no room"}),
        OverloadedError,
        "server_is_overloaded",
        id="failed, in the event of success",
    ),
    pytest.param(
        {"error": {"code": "context_length_exceeded", "message": "no end"}},
        ContextLengthError,
        "context_length_exceeded",
        id="an error of another dialect",
    ),
]


@pytest.mark.parametrize(("last", "kind", "code"), FAILURES)
@pytest.mark.parametrize("size", [None, 1, 17])
def test_errors_in_the_stream(last: dict[str, Any], kind: type[DragomanError], code: str, size: int | None) -> None:
    """Each is raised as its class, after what came before it, with the part of the answer."""
    with pytest.raises(kind, match="no ") as caught:
        read(frames(BEGUN, *deltas("Hel"), last), size)

    assert (code, "acme") == (caught.value.code, caught.value.provider)
    assert caught.value.partial is not None
    assert "Hel" == caught.value.partial.text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<html>gone</html>", id="a page"),
        pytest.param(b"data: {oops\n\n", id="no JSON"),
        pytest.param(b"data: [1]\n\n", id="no object"),
        pytest.param(frames({"type": "response.completed"}), id="an end of nothing"),
        pytest.param(frames(ended({"type": "function_call"})), id="a call of nothing"),
        pytest.param(frames(event("output_item.done", item=message(content=5))), id="a message of a number"),
    ],
)
def test_what_is_not_the_protocol(data: bytes) -> None:
    """Neither a page nor a wrong field passes for an answer."""
    with pytest.raises(WireError):
        read(data)


def test_a_plain_answer_in_place_of_a_stream() -> None:
    """A server that does not stream is understood all the same."""
    seen = read(json.dumps(whole(message(text("Hi")), call())).encode(), 5)

    assert [Start, TextDelta, PartEnd, ToolCallStart, ToolCallDelta, ToolCallEnd, UsageUpdate, Finish] == [
        type(one) for one in seen
    ]
