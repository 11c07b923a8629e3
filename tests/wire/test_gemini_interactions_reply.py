"""Plain answers in the Interactions dialect, as a client reads them, and as they go back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.errors import DragomanError, WireError
from dragoman.types.messages import Citation, Message, Opaque, Reasoning, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.wire.gemini_interactions import WIRE
from tests.corpus.recording import SAMPLE, load
from tests.corpus.replies import read_plain, read_stream
from tests.wire.interactions_asking import NAME, PROVIDER, ask, fields, read

THOUGHT = {"type": "thought", "signature": "c2ln"}
OUTPUT = {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]}
CALL = {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}}
SEARCH = {"type": "google_search_call", "id": "s", "arguments": {"queries": ["a"]}, "search_type": "web_search"}
FOUND = {"type": "google_search_result", "call_id": "s", "result": [{"search_suggestions": "<b>"}], "is_error": False}


def decoded(*steps: Any, status: str = "completed", **fields: Any) -> ChatResponse:
    """An answer with these steps."""
    interaction = {"id": "v1_a", "object": "interaction", "model": "g", "status": status, "steps": steps, **fields}
    return WIRE.decode_response(200, {"x-request-id": "r"}, msgspec.json.encode(interaction), PROVIDER)


def refused(status: int, body: Any, headers: dict[str, str] | None = None) -> DragomanError:
    """The error for an answer."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    with pytest.raises(DragomanError) as caught:
        WIRE.decode_response(status, headers or {}, raw, PROVIDER)
    return caught.value


def test_an_answer_is_read() -> None:
    """Who answered, with what, why it ended, and what else was said of it."""
    answer = decoded(
        THOUGHT, OUTPUT, service_tier="standard", usage={"total_input_tokens": 3, "total_output_tokens": 2}
    )

    assert ("Hello", "", "v1_a", "g", "google", "r") == (
        answer.text,
        answer.reasoning,
        answer.id,
        answer.model,
        answer.provider,
        answer.request_id,
    )
    assert ("stop", "completed", {"service_tier": "standard"}) == (
        answer.finish_reason,
        answer.finish_reason_raw,
        answer.finish_details,
    )
    assert (3, 2, None) == (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.reasoning_tokens)
    assert (Reasoning("", native={NAME: {"signature": "c2ln"}}), Text("Hello")) == answer.message.parts


def test_steps_are_parts() -> None:
    """Thoughts, calls and texts are neutral; steps of Google's own are carried whole, and empty ones are dropped."""
    empty = ({"type": "thought", "signature": ""}, {"type": "model_output"}, {"type": "model_output", "content": []})
    answer = decoded(SEARCH, FOUND, *empty, {"type": "model_output", "content": [{"type": "text", "text": ""}]}, CALL)

    assert (Opaque(NAME, SEARCH), Opaque(NAME, FOUND), ToolCall("c", "f", '{"a":1}')) == answer.message.parts


def test_two_outputs_stay_two() -> None:
    """The second says that it begins anew."""
    assert (Text("Hello"), Text("Hello", native={NAME: {"step": {}}})) == decoded(OUTPUT, OUTPUT).message.parts


def test_sources_are_citations() -> None:
    """Their own form is kept."""
    raw = {"type": "url_citation", "url": "https://e.org", "title": "e", "start_index": 0, "end_index": 5}
    answer = decoded({"type": "model_output", "content": [{"type": "text", "text": "Hello", "annotations": [raw]}]})

    assert (Text("Hello", (Citation(url="https://e.org", title="e", start=0, end=5, native={NAME: raw}),)),) == (
        answer.message.parts
    )


def test_an_interaction_that_is_looked_up_has_the_question_too() -> None:
    """What is no answer is carried whole, so that it is not taken for one."""
    question = {"type": "user_input", "content": [{"type": "text", "text": "Hi"}]}
    result = {"type": "function_result", "call_id": "c", "result": "x"}
    answer = decoded(question, CALL, result, OUTPUT)

    assert "Hello" == answer.text
    assert [question, result] == [part.data for part in answer.message.parts if isinstance(part, Opaque)]


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_in_the_background_is_not_there_yet(status: str) -> None:
    """It decodes, with the id to ask for later, and its reason is unknown."""
    answer = decoded(status=status)

    assert ("", "v1_a", "unknown", status) == (
        answer.text,
        answer.id,
        answer.finish_reason,
        answer.finish_reason_raw,
    )


def test_a_failed_interaction_is_an_error() -> None:
    """It says why in a list of errors, or in the step that failed; what there is of an answer is in it."""
    error = refused(200, {"status": "failed", "steps": [OUTPUT], "errors": [{"code": "internal", "message": "oh"}]})
    step = refused(200, {"status": "failed", "steps": [OUTPUT | {"error": {"code": 14, "message": "busy"}}]})

    assert (errors.ServerError, "oh", "internal") == (type(error), error.message, error.code)
    assert error.partial is not None
    assert "Hello" == error.partial.text
    assert (errors.OverloadedError, "busy", "UNAVAILABLE") == (type(step), step.message, step.code)
    assert errors.ServerError is type(refused(200, {"status": "failed", "steps": []}))


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "invalid_request", "message": "Invalid input at 'input[0]'."}, errors.BadRequestError),
        (401, {"code": "unauthenticated", "message": "no"}, errors.AuthenticationError),
        (403, {"code": "permission_denied", "message": "no"}, errors.PermissionDeniedError),
        (404, {"code": "not_found", "message": "no such interaction"}, errors.NotFoundError),
        (429, {"code": "too_many_requests", "message": "You exceeded your current quota"}, errors.RateLimitError),
        (429, {"code": "too_many_requests", "message": "your spend limit is reached"}, errors.QuotaError),
        (503, {"code": "service_unavailable", "message": "no"}, errors.OverloadedError),
        (504, {"code": "gateway_timeout", "message": "Deadline expired"}, errors.ServerError),
    ],
)
def test_errors_have_a_class(status: int, error: dict[str, Any], kind: type[DragomanError]) -> None:
    """The short form of Google's errors, whose code is a word."""
    made = refused(status, {"error": error}, {"retry-after": "3"})

    assert (kind, error["code"], error["message"], status, 3.0) == (
        type(made),
        made.code,
        made.message,
        made.status,
        made.retry_after,
    )


def test_errors_of_googles_other_dialects_are_read_too() -> None:
    """A proxy in front of it, or the address of another version, answers in the long form."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]
    fields = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota"}
    made = refused(429, {"error": fields | {"details": details}})

    assert (errors.RateLimitError, "RESOURCE_EXHAUSTED", 34.4) == (type(made), made.code, made.retry_after)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a page"),
        pytest.param({}, id="no status"),
        pytest.param({"status": "completed", "outputs": [{"type": "text", "text": "a"}]}, id="the form before steps"),
        pytest.param({"status": "completed", "steps": 5}, id="no steps"),
        pytest.param({"status": "completed", "steps": [{"type": "function_call"}]}, id="a call of nothing"),
        pytest.param({"status": "completed", "steps": [{"type": "model_output", "content": [5]}]}, id="no block"),
    ],
)
def test_what_is_not_the_dialect_is_refused(body: Any) -> None:
    """A `WireError`, not an empty answer."""
    assert WireError is type(refused(200, body))


def test_an_error_with_a_good_status_is_an_error() -> None:
    """The body counts."""
    assert errors.BadRequestError is type(refused(200, {"error": {"code": "invalid_request", "message": "no"}}))


# --- as they go back --------------------------------------------------------------------------------------------------


def sent_back(answer: ChatResponse) -> list[dict[str, Any]]:
    """The steps that are sent when an answer is part of the next question."""
    request = ask(Message.user("Hi"), msgspec.structs.replace(answer.message, origin="google/g"), Message.user("Go on"))
    assert () == request.notices
    steps: list[dict[str, Any]] = read(request)["input"]
    return steps[1:-1]


def test_an_answer_goes_back_as_it_came() -> None:
    """Every step, with its signature, in its place."""
    steps = [THOUGHT, SEARCH, FOUND, OUTPUT, OUTPUT, CALL | {"signature": "c2ln"}, {"type": "new", "x": [1]}]

    assert steps == sent_back(decoded(*steps))


def test_a_thought_without_a_signature_does_not_go_back() -> None:
    """The API refuses it; it is read, plain and streamed, and left out with a notice."""
    summary = [{"type": "text", "text": "hm"}]
    answer = decoded({"type": "thought", "signature": "", "summary": summary}, OUTPUT)
    request = ask(Message.user("Hi"), answer.message, Message.user("Go on"))

    assert (Reasoning("hm"), Text("Hello")) == answer.message.parts
    assert [OUTPUT] == read(request)["input"][1:-1]
    assert ["messages[1].parts[0]"] == fields(request)


@pytest.mark.parametrize("recording", list(load(SAMPLE, (NAME,))), ids=str)
def test_a_recorded_answer_goes_back_as_it_came(recording: Any) -> None:
    """Plain or streamed, what is sent back is what the vendor sent."""
    if not recording.streamed:
        answer = read_plain(WIRE, recording).response
        assert msgspec.json.decode(recording.body)["steps"] == sent_back(answer)
        return
    answer = read_stream(WIRE, [recording.body]).response
    steps = sent_back(answer)

    assert "thought" == steps[0]["type"]
    assert len(steps[0]["signature"]) > 20
    assert answer.text == "".join(block["text"] for step in steps for block in step.get("content", ()))
