"""Plain answers of Ollama's dialect, and what is none."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from dragoman import errors
from dragoman.errors import DragomanError, WireError
from dragoman.types.messages import Image, Reasoning, Text, ToolCall
from tests.strategies import PNG
from tests.wire.ollama_chat_lines import NAME, call, last, plain

COUNTS = {"prompt_eval_count": 7, "eval_count": 3, "total_duration": 12_345, "load_duration": 9}


def test_an_answer_has_its_parts_in_the_order_of_the_dialect() -> None:
    """Thoughts, text, pictures and calls of one message become parts; counts and times become usage."""
    message = {
        "role": "assistant",
        "content": "Hello",
        "thinking": "Hm.",
        "images": [base64.b64encode(PNG).decode()],
        "tool_calls": [call("weather", {"city": "Paris"})],
    }
    answer = plain({"model": "qwen3", "message": message, "done": True, "done_reason": "stop", **COUNTS})

    assert (
        Reasoning("Hm."),
        Text("Hello"),
        Image(data=PNG, media_type="image/png"),
        ToolCall("", "weather", '{"city": "Paris"}'),
    ) == answer.message.parts
    assert ("qwen3", None, 7, 3, COUNTS) == (
        answer.model,
        answer.id,
        answer.usage.input_tokens,
        answer.usage.output_tokens,
        answer.usage.details,
    )
    assert answer.raw["message"] == message


@pytest.mark.parametrize(
    ("raw", "called", "expected"),
    [
        pytest.param("stop", False, "stop", id="stop"),
        pytest.param("stop", True, "tool_calls", id="stop with calls"),
        pytest.param("length", True, "length", id="cut"),
        pytest.param("load", False, "unknown", id="only loaded"),
        pytest.param(None, False, "unknown", id="no reason"),
        pytest.param(None, True, "unknown", id="no reason with calls"),
    ],
)
def test_the_finish_reason(raw: str | None, called: bool, expected: str) -> None:
    """What was sent is kept; `stop` with calls asks for their results; an absent reason is not made up."""
    message = {"tool_calls": [call("f", {})]} if called else {"content": "x"}
    answer = plain({**last(raw), "message": message})

    assert (expected, raw) == (answer.finish_reason, answer.finish_reason_raw)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(call("f", {"b": 1.0, "a": [None]}), ToolCall("", "f", '{"b": 1.0, "a": [None]}'), id="object"),
        pytest.param(call("f"), ToolCall("", "f", "{}"), id="null"),
        pytest.param({"function": {"name": "f"}}, ToolCall("", "f", "{}"), id="absent"),
        pytest.param(call("f", '{"a": 1}'), ToolCall("", "f", '{"a": 1}'), id="quoted"),
        pytest.param(call("f", {}, id="call_x7"), ToolCall("call_x7", "f", "{}"), id="with an id"),
        pytest.param(
            {"function": {"name": "f", "arguments": {}, "index": 2}},
            ToolCall("", "f", "{}", native={NAME: {"function": {"index": 2}}}),
            id="with an index",
        ),
    ],
)
def test_a_call_keeps_what_was_sent(sent: dict[str, Any], expected: ToolCall) -> None:
    """Arguments are the text that came, an id is given only where one was."""
    [got] = plain({**last(), "message": {"tool_calls": [sent]}}).tool_calls

    assert expected.arguments_json.replace("None", "null") == got.arguments_json
    assert (expected.id, expected.name, expected.native) == (got.id, got.name, got.native)


def test_token_probabilities_stand_at_the_text() -> None:
    """`logprobs` of the answer belong to its text."""
    tokens = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Yo", "logprob": -1}]}]
    [part] = plain({**last(), "message": {"content": "Hi"}, "logprobs": tokens}).message.parts

    assert isinstance(part, Text)
    [token] = part.logprobs
    assert ("Hi", -0.5, "Yo") == (token.token, token.logprob, token.top[0].token)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (404, 'model "llama9" not found, try pulling it first', errors.ModelNotFoundError),
        (404, "model 'llama9' not found", errors.ModelNotFoundError),
        (400, "the input length exceeds the context length", errors.ContextLengthError),
        (400, "registry.ollama.ai/library/x does not support tools", errors.BadRequestError),
        (401, "unauthorized", errors.AuthenticationError),
        (429, "too many requests", errors.RateLimitError),
        (500, "llama runner process has terminated: exit status 2", errors.ServerError),
        (503, "server busy, please try again.  maximum pending requests exceeded", errors.OverloadedError),
    ],
)
def test_an_error_has_the_class_of_its_words_and_status(status: int, words: str, kind: type[DragomanError]) -> None:
    """`{"error": "..."}` becomes the typed error, with the words."""
    with pytest.raises(DragomanError) as caught:
        plain({"error": words}, status)

    assert (kind, words, status) == (type(caught.value), caught.value.message, caught.value.status)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        pytest.param({"error": "boom"}, errors.ServerError, "boom", id="an error with status 200"),
        pytest.param({"model": "m", "done": True}, WireError, "no message", id="no message"),
        pytest.param({"message": {"content": 5}}, WireError, "message.content", id="content of a wrong type"),
        pytest.param({"message": {"content": "Hi"}, "done": False}, WireError, "not done", id="not done"),
        pytest.param(last() | {"message": {"images": ["%"]}}, WireError, "picture", id="a damaged picture"),
        pytest.param(b"", WireError, "empty", id="nothing"),
        pytest.param(b"<html>", WireError, "HTML", id="a page"),
    ],
)
def test_what_is_no_answer_is_an_error(body: Any, kind: type[DragomanError], words: str) -> None:
    """A body that is not the protocol, or says no, never becomes an answer."""
    with pytest.raises(kind) as caught:
        plain(body)

    assert words in f"{caught.value.message} {getattr(caught.value, 'path', '')}"


def test_a_redirect_is_not_an_answer() -> None:
    """A redirect names its target and what to do."""
    with pytest.raises(WireError, match=r"elsewhere.*base_url"):
        plain(b"", 307, {"Location": "https://elsewhere.example"})
