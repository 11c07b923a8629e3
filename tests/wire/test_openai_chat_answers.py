"""Plain answers and errors of the `openai-chat` wire, read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    ModelNotFoundError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ServerError,
    WireError,
)
from dragoman.types.messages import Audio, Image, TokenLogprob, ToolCall
from dragoman.wire.openai_chat import WIRE
from tests.strategies import PNG
from tests.wire.openai_chat_bytes import ROW, chunk, decoded, plain, streamed


def test_a_plain_answer() -> None:
    """Text, finish reason, usage, names and ids are read, and the body is kept."""
    body = {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
    }
    raw = json.dumps(body).encode()
    answer = WIRE.decode_response(200, {"X-Request-Id": "r1"}, raw, ROW)

    assert ("Hello", "stop", "stop") == (answer.text, answer.finish_reason, answer.finish_reason_raw)
    assert ("c1", "m", "acme", "r1") == (answer.id, answer.model, answer.provider, answer.request_id)
    assert (3, 2, 1, None) == (
        answer.usage.input_tokens,
        answer.usage.output_tokens,
        answer.usage.cache_read_tokens,
        answer.usage.reasoning_tokens,
    )
    assert body == answer.raw


def test_plain_and_streamed_answers_are_the_same_value() -> None:
    """The same message gives the same parts, whole or in one delta."""
    message = {
        "reasoning_content": "hm",
        "content": "hi",
        "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}],
    }

    assert streamed(chunk(message, "tool_calls")).message == plain(message).message


@pytest.mark.parametrize(
    "message",
    [
        {"content": "hi", "tool_calls": None, "refusal": None, "reasoning": None, "audio": None, "annotations": None},
        {
            "content": "hi",
            "refusal": "",
            "function_call": {"name": "", "arguments": ""},
            "audio": {"id": "", "data": ""},
        },
        {"content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}], "tool_calls": []},
    ],
)
def test_empty_fields_are_nothing(message: dict[str, Any]) -> None:
    """Nulls and empty fields add no part, state or refusal."""
    answer = plain(message)

    assert ("hi", None, (), None) == (answer.text, answer.refusal, answer.tool_calls, answer.message.native)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{ "x":1}'}},
            ToolCall("a", "f", '{ "x":1}'),
        ),
        ({"id": None, "function": {"name": "f", "arguments": {"x": 1}}}, ToolCall("", "f", '{"x":1}')),
        ({"id": "a", "type": "custom", "custom": {"name": "f", "input": "4"}}, ToolCall("a", "f", "4", "custom")),
    ],
)
def test_forms_of_a_call(call: dict[str, Any], expected: ToolCall) -> None:
    """Arguments are kept exactly as sent; an object is written as JSON; a custom call has free text."""
    assert (expected,) == plain({"content": None, "tool_calls": [call]}).tool_calls


def test_the_legacy_function_call_is_state_not_a_call() -> None:
    """A call without an id cannot be answered as a tool call; it is kept to be sent back."""
    answer = plain(
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}}, choice={"finish_reason": "function_call"}
    )

    assert () == answer.tool_calls
    assert {"openai-chat": {"function_call": {"name": "f", "arguments": "{}"}}} == answer.message.native
    assert ("tool_calls", "function_call") == (answer.finish_reason, answer.finish_reason_raw)


def test_probabilities_of_tokens() -> None:
    """Log-probabilities stand with the text that they belong to."""
    item = {"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": [{"token": "ho", "logprob": -1.5}]}
    part = plain({"content": "hi"}, choice={"logprobs": {"content": [item]}}).message.parts[0]

    assert (TokenLogprob("hi", -0.5, (104, 105), (TokenLogprob("ho", -1.5),)),) == part.logprobs  # type: ignore[union-attr]


def test_probabilities_in_another_form_are_kept_apart() -> None:
    """A vendor's own form of log-probabilities does not spoil the answer."""
    answer = plain({"content": "hi"}, choice={"logprobs": {"content": ["odd"]}})

    assert ("hi", ({"logprobs": {"content": ["odd"]}},)) == (answer.text, answer.extras)


def test_a_picture_and_a_sound_in_the_answer() -> None:
    """Pictures are parts, and a sound file keeps its own type."""
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}}
    sound = {"id": "au1", "data": base64.b64encode(b"OggS....").decode(), "transcript": "beep", "expires_at": 9}
    answer = plain({"content": None, "images": [picture, {"image_url": "?"}], "audio": sound})

    assert (
        Image(data=PNG, media_type="image/png"),
        Image(url="?"),
        Audio(data=b"OggS....", media_type="audio/ogg", file_id="au1", transcript="beep", expires_at=9),
    ) == answer.message.parts


def test_server_tools_that_ran_are_extras() -> None:
    """What no field stands for is in `extras`."""
    assert ({"executed_tools": [{"type": "search"}]},) == plain(
        {"content": "x", "executed_tools": [{"type": "search"}]}
    ).extras


def test_several_answers() -> None:
    """The choice with index 0 is the answer, the others are alternatives."""
    choices = [
        {"index": 1, "message": {"content": "b"}, "finish_reason": "length"},
        {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
    ]
    answer = decoded({"choices": choices})

    assert "a" == answer.text
    assert [("b", "length")] == [(one.message.text, one.finish_reason) for one in answer.alternatives]


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 4}, "prompt_cache_hit_tokens": 9}, 4),
        ({"prompt_cache_hit_tokens": 4}, 4),
        ({"cached_tokens": 4}, 4),
        ({"num_cached_tokens": 4, "prompt_tokens_details": None}, 4),
        ({"prompt_tokens_details": {"cached_tokens": None}}, None),
    ],
)
def test_where_the_cached_part_stands(usage: dict[str, Any], cached: int | None) -> None:
    """Vendors report cached input in their own places; unsaid is None, and the object is kept."""
    read = plain({"content": "x"}, usage={"prompt_tokens": 5, **usage}).usage

    assert (5, None, cached) == (read.input_tokens, read.output_tokens, read.cache_read_tokens)
    assert {"prompt_tokens": 5, **usage} == read.details


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": "no", "code": "invalid_api_key", "type": "invalid_request_error"}, AuthenticationError),
        (404, {"message": "no", "code": "model_not_found"}, ModelNotFoundError),
        (429, {"message": "no", "code": "insufficient_quota"}, QuotaError),
        (429, {"message": "no", "code": 429, "metadata": {"raw": "..."}}, RateLimitError),
        (400, {"message": "no", "code": "context_length_exceeded"}, ContextLengthError),
        (
            400,
            {"message": "no", "code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}},
            ContentFilterError,
        ),
        (400, "no", BadRequestError),
        (503, {"message": "no", "code": "odd"}, OverloadedError),
        (200, {"message": "no", "code": "content_filter", "status": 400}, ContentFilterError),
    ],
)
def test_errors_by_code_then_status(status: int, error: Any, kind: type[DragomanError]) -> None:
    """The code chooses the class before the status; an error in a body with status 200 is one too."""
    with pytest.raises(kind, match="no") as caught:
        decoded({"error": error}, status, {"Retry-After": "7", "x-request-id": "r1"})

    assert ("r1", 7.0) == (caught.value.request_id, caught.value.retry_after)
    assert (status if status >= 400 else 400) == caught.value.status


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "message": "no such thing", "type": "x", "code": 3},
        {"detail": "no such thing"},
        {"detail": [{"loc": ["body"], "msg": "no such thing"}]},
        {"errors": [{"message": "no such thing"}]},
    ],
)
def test_words_of_an_error_at_other_places(body: dict[str, Any]) -> None:
    """Servers without an `error` object put the words elsewhere."""
    with pytest.raises(BadRequestError, match="no such thing"):
        decoded(body, 422)


def test_an_error_in_the_choice_is_an_error() -> None:
    """OpenRouter reports what its upstream said inside the choice."""
    with pytest.raises(RateLimitError, match="slow"):
        plain({"content": "Hel"}, choice={"finish_reason": "error", "error": {"message": "slow", "code": 429}})


def test_an_error_page_is_the_status_and_its_words() -> None:
    """A gateway's HTML under 502 is a server error that shows how it begins."""
    with pytest.raises(ServerError, match="Bad Gateway") as caught:
        WIRE.decode_response(502, {}, b"<html>Bad Gateway</html>", ROW)

    assert ("acme", 502, True) == (caught.value.provider, caught.value.status, caught.value.retryable)


def test_an_empty_error_names_the_status() -> None:
    """An error without a body still says what happened."""
    with pytest.raises(OverloadedError, match="503"):
        WIRE.decode_response(503, {}, b"")


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"<html>", b"{}", b'{"choices": []}', b'{"choices": "x"}', b"[]", b'"x"', b"\xff"]
)
def test_what_is_no_answer_is_a_wire_error(body: bytes) -> None:
    """Status 200 with nothing, a page or other JSON is not an answer."""
    with pytest.raises(WireError):
        WIRE.decode_response(200, {}, body, ROW)


def test_a_wire_error_names_the_place() -> None:
    """The path of the first wrong field is in the error."""
    with pytest.raises(WireError) as caught:
        plain({"content": 5})

    assert "$.choices[0].message.content" == caught.value.path


def test_a_redirect_is_not_followed() -> None:
    """A redirect is an error that names the target."""
    with pytest.raises(WireError, match="https://other"):
        WIRE.decode_response(307, {"Location": "https://other"}, b"")
