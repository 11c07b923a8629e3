"""Plain answers of the wire `openai-responses`: what they say, and which of them are errors."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.errors import (
    DragomanError,
    ModelNotFoundError,
    QuotaError,
    RateLimitError,
    ServerError,
    WireError,
)
from dragoman.types.messages import Opaque, Reasoning, Text, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire.openai_responses.dialect import NAME
from tests.wire.openai_responses_bytes import call, decoded, message, reasoning, text, whole


def test_text_of_several_messages_is_joined() -> None:
    """Each block is a part; the text is all of them, in order."""
    answer = decoded(whole(message(text("One "), text("two")), message(text(" three"), id="msg_2")))

    assert "One two three" == answer.text
    assert 3 == len(answer.message.parts)
    assert ("resp_1", "m", "acme") == (answer.id, answer.model, answer.provider)


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        pytest.param(reasoning("a", "b"), "ab", id="summary"),
        pytest.param(reasoning(content=[{"type": "reasoning_text", "text": "raw"}]), "raw", id="content"),
        pytest.param(reasoning("s", content=[{"type": "reasoning_text", "text": "raw"}]), "raw", id="both"),
        pytest.param(reasoning(encrypted_content="xyz"), "", id="hidden"),
        pytest.param(reasoning(content=None, encrypted_content=None), "", id="nulls"),
    ],
)
def test_reasoning_is_shown_once_and_kept_whole(item: dict[str, Any], shown: str) -> None:
    """What the model thought is shown, else the summary of it; the item itself is kept for replay."""
    answer = decoded(whole(item, message(text("hi"))))

    assert shown == answer.reasoning
    assert Reasoning(shown, native={NAME: item}) == answer.message.parts[0]


def test_calls_of_both_kinds() -> None:
    """A function call has its arguments as sent, a free-text call its text; ids are those that results repeat."""
    free = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "sh", "input": "ls -l"}
    answer = decoded(whole(call('{ "x": 1}', namespace="n"), free))

    assert "tool_calls" == answer.finish_reason
    assert [("call_1", "f", '{ "x": 1}', "function"), ("call_2", "sh", "ls -l", "custom")] == [
        (one.id, one.name, one.arguments_json, one.kind) for one in answer.tool_calls
    ]
    assert {"id": "fc_1", "status": "completed", "namespace": "n"} == (answer.tool_calls[0].native or {})[NAME]


def test_a_cut_call_is_no_call() -> None:
    """A call that the output limit cut is in `extras`, where nobody executes it."""
    cut = call('{"x": ', status="incomplete")
    answer = decoded(whole(cut, status="incomplete", incomplete_details={"reason": "max_output_tokens"}))

    assert () == answer.tool_calls
    assert (cut,) == answer.extras
    assert "length" == answer.finish_reason


def test_sources_of_a_text() -> None:
    """Web and file sources are citations, with their own form kept."""
    web = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 3}
    file = {"type": "file_citation", "file_id": "f1", "filename": "a.pdf", "index": 2}
    [part] = decoded(whole(message(text("See", web, file)))).message.parts

    assert isinstance(part, Text)
    assert [("https://a", "A", 0, 3), (None, "a.pdf", None, None)] == [
        (one.url, one.title, one.start, one.end) for one in part.citations
    ]
    assert {NAME: file} == part.citations[1].native


def test_a_tool_of_the_provider_is_carried() -> None:
    """Items of types that only this dialect knows are opaque, in their place."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    answer = decoded(whole(search, message(text("found"))))

    assert Opaque(NAME, search) == answer.message.parts[0]
    assert ("stop", "found") == (answer.finish_reason, answer.text)


@pytest.mark.parametrize(
    ("fields", "reason", "raw"),
    [
        pytest.param({"status": "completed"}, "stop", "completed", id="completed"),
        pytest.param({"status": "complete"}, "stop", "complete", id="as imitators write it"),
        pytest.param(
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            "incomplete",
            id="filtered",
        ),
        pytest.param(
            {"status": "incomplete", "incomplete_details": {"reason": "new"}},
            "unknown",
            "incomplete",
            id="other reason",
        ),
        pytest.param({"status": "incomplete"}, "unknown", "incomplete", id="no reason"),
        pytest.param({"status": "queued"}, "unknown", "queued", id="queued"),
        pytest.param({"status": "in_progress"}, "unknown", "in_progress", id="in progress"),
        pytest.param({"status": "cancelled"}, "unknown", "cancelled", id="cancelled"),
        pytest.param({"status": None}, "unknown", None, id="no status"),
    ],
)
def test_status(fields: dict[str, Any], reason: str, raw: str | None) -> None:
    """The status is the raw reason; ours is derived from it and never made up."""
    answer = decoded(whole(message(text("hi")), **fields))

    assert (reason, raw) == (answer.finish_reason, answer.finish_reason_raw)


def test_a_background_answer_is_read_before_it_is_there() -> None:
    """A queued answer has an id and no parts; it is no error."""
    answer = decoded(whole(status="queued", error=None, usage=None, background=True))

    assert ("resp_1", "queued", (), Usage()) == (
        answer.id,
        answer.finish_reason_raw,
        answer.message.parts,
        answer.usage,
    )


def test_a_refusal_is_not_text() -> None:
    """Words of refusal are apart from the text, and the reason is `refusal`."""
    answer = decoded(whole(message({"type": "refusal", "refusal": "No."})))

    assert ("", "No.", "refusal") == (answer.text, answer.refusal, answer.finish_reason)


def test_what_is_said_of_the_end() -> None:
    """The reason of incompleteness and the service tier are in `finish_details`."""
    answer = decoded(whole(message(text("x")), service_tier="flex", incomplete_details=None))

    assert {"service_tier": "flex"} == answer.finish_details


def test_usage() -> None:
    """Counts and their parts; the object as sent is kept."""
    sent = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 27,
    }

    assert Usage(
        input_tokens=20,
        output_tokens=7,
        cache_read_tokens=5,
        cache_write_tokens=2,
        reasoning_tokens=3,
        details=sent,
    ) == (decoded(whole(message(text("x")), usage=sent)).usage)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        pytest.param(
            whole(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"}),
            RateLimitError,
            "rate_limit_exceeded",
            id="failed",
        ),
        pytest.param(whole(status="failed", error=None), ServerError, "server_error", id="failed without words"),
        pytest.param(
            {"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "slow"}},
            QuotaError,
            "insufficient_quota",
            id="an error body",
        ),
        pytest.param({"detail": "slow"}, ServerError, None, id="words at the top"),
    ],
)
def test_an_error_with_status_200(body: Any, kind: type[DragomanError], code: str | None) -> None:
    """What failed is an error, whatever the HTTP status says."""
    with pytest.raises(kind) as caught:
        decoded(body, headers={"x-request-id": "req_1"})

    assert (code, "req_1", "acme") == (caught.value.code, caught.value.request_id, caught.value.provider)


def test_an_error_status() -> None:
    """Code, words and request id of an error body, typed by the code before the status."""
    body = {"error": {"type": "invalid_request_error", "code": "model_not_found", "message": "no such model"}}
    with pytest.raises(ModelNotFoundError, match="no such model") as caught:
        decoded(body, 400, {"X-Request-Id": "req_1"})

    assert (400, "model_not_found", "req_1") == (caught.value.status, caught.value.code, caught.value.request_id)


def test_an_error_page_of_a_proxy() -> None:
    """A body that is no JSON is shown as it begins."""
    with pytest.raises(ServerError, match="<html>gone"):
        decoded(b"<html>gone</html>", 502)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param(b"<html>", None, id="a page"),
        pytest.param(b"", None, id="nothing"),
        pytest.param({"id": "x"}, "$.output", id="no output"),
        pytest.param({"output": "x"}, "$.output", id="output of another type"),
        pytest.param({"output": [5]}, "$.output[0]", id="an item of another type"),
        pytest.param(whole({"type": "function_call", "call_id": "c"}), "$.output[0].name", id="a call of nothing"),
        pytest.param(whole(message(content=5)), "$.output[0].content", id="a message of a number"),
        pytest.param(whole(message(text("x"), role="alien")), "$.output[0].role", id="an unknown speaker"),
    ],
)
def test_what_is_not_the_protocol(body: Any, path: str | None) -> None:
    """The error names the first wrong field."""
    with pytest.raises(WireError) as caught:
        decoded(body)

    assert path == caught.value.path


def test_nothing_is_repaired_in_arguments() -> None:
    """Arguments that came as an object, as some servers send them, become text; missing ones are empty."""
    answer = decoded(whole(call(arguments={"x": 1}), call(arguments=None)))  # type: ignore[arg-type]

    assert ['{"x":1}', ""] == [one.arguments_json for one in answer.tool_calls]


def test_an_empty_message_says_nothing() -> None:
    """A message without content, or with an empty text, gives no part."""
    answer = decoded(whole(message(), message(text("")), call()))

    assert [ToolCall] == [type(part) for part in answer.message.parts]
