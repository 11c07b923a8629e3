"""Plain answers of Cohere's dialect, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.errors import DragomanError, WireError
from dragoman.types.messages import Citation, Opaque, Reasoning, Text, ToolCall
from dragoman.wire.cohere_chat import WIRE
from tests.wire.cohere_chat_events import NAME, Json, call, citation, plain

USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 3},
    "tokens": {"input_tokens": 70.0, "output_tokens": 4},
    "cached_tokens": 64,
}


def test_an_answer_with_everything() -> None:
    """Thought, text with its source, calls and plan each have their place; usage is in tokens, not in billed units."""
    source = citation(0, 3, "Tea")
    answer = plain(
        {
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Tea is good."}],
            "tool_plan": "I will ask.",
            "tool_calls": [call("c1", "weather", '{"city":  "Paris"}')],
            "citations": [source],
        },
        usage=USAGE,
        finish_reason="TOOL_CALL",
    )

    cited = Citation(url="https://example.org/tea", title="Tea", text="Tea", start=0, end=3, native={NAME: source})
    assert (
        Reasoning("Hm."),
        Text("Tea is good.", (cited,)),
        ToolCall("c1", "weather", '{"city":  "Paris"}'),
    ) == answer.message.parts
    assert {NAME: {"tool_plan": "I will ask."}} == answer.message.native
    assert ("tool_calls", "TOOL_CALL", "a1", None) == (
        answer.finish_reason,
        answer.finish_reason_raw,
        answer.id,
        answer.model,
    )
    usage = answer.usage
    assert (70, 4, 64, USAGE) == (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.details)


def test_billed_units_never_stand_in_for_tokens() -> None:
    """What was billed is another measure: without `tokens` the counts are not known."""
    usage = plain({"content": []}, usage={"billed_units": USAGE["billed_units"]}).usage

    assert (None, None) == (usage.input_tokens, usage.output_tokens)


@pytest.mark.parametrize(
    ("given", "placed", "loose"),
    [
        pytest.param({}, [1], 0, id="the first text"),
        pytest.param({"content_index": 2}, [2], 0, id="the text named"),
        pytest.param({"type": None}, [1], 0, id="no type"),
        pytest.param({"content_index": 0}, [], 1, id="a thought"),
        pytest.param({"content_index": 9}, [], 1, id="no block"),
        pytest.param({"type": "PLAN"}, [], 1, id="the plan"),
    ],
)
def test_a_citation_stands_at_its_text(given: Json, placed: list[int], loose: int) -> None:
    """A citation is with the block that it names; one of no text stays with the message."""
    blocks = [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    message = plain({"content": blocks, "citations": [citation(0, 1, "a", **given)]}).message

    assert placed == [i for i, part in enumerate(message.parts) if isinstance(part, Text) and part.citations]
    assert loose == len((message.native or {}).get(NAME, {}).get("citations", []))


def test_a_tools_result_is_a_source_without_address() -> None:
    """Sources of any kind are kept as they came."""
    sent = citation(0, 1, "a", sources=[{"type": "tool", "id": "t:0", "tool_output": {"content": "sunny"}}])
    [part] = plain({"content": [{"type": "text", "text": "a"}], "citations": [sent]}).message.parts

    assert isinstance(part, Text)
    [source] = part.citations
    assert (None, None, "a", {NAME: sent}) == (source.url, source.title, source.text, source.native)


@pytest.mark.parametrize(
    ("arguments", "parsed"), [("", {}), ("null", None), ("{}", {}), ('{"a": 1}', {"a": 1}), ('{"a', None)]
)
def test_arguments_are_the_text_that_was_sent(arguments: str, parsed: Any) -> None:
    """Nothing is repaired; an empty text means no arguments."""
    [got] = plain({"tool_calls": [call("c", "f", arguments)]}).tool_calls

    assert (arguments, parsed) == (got.arguments_json, got.arguments)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"),
        ("TIMEOUT", "error"),
        ("ERROR_TOXIC", "content_filter"),
        ("SOMETHING_NEW", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_finish_reason(raw: str | None, expected: str) -> None:
    """Every word of the vendor has its meaning, and one that is not known is not made up."""
    answer = plain({"content": []}, finish_reason=raw)

    assert (expected, raw) == (answer.finish_reason, answer.finish_reason_raw)


def test_a_block_of_another_type_is_carried() -> None:
    """What comes next is not lost."""
    block = {"type": "chart", "data": [1]}

    assert (Opaque(NAME, block), Text("Hi")) == plain(
        {"content": [block, {"type": "text", "text": "Hi"}]}
    ).message.parts


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([("Hi", [-0.5]), ("!", [-1])], [("Hi", -0.5), ("!", -1.0)], id="token by token"),
        pytest.param([("Hi!", [-0.5, -1])], [], id="several in one text"),
    ],
)
def test_token_probabilities(items: list[Any], expected: list[Any]) -> None:
    """They are given where it is known which token is which; they are always in `raw`."""
    sent = [{"text": token, "token_ids": [1], "logprobs": numbers} for token, numbers in items]
    answer = plain({"content": [{"type": "text", "text": "Hi!"}]}, logprobs=sent)

    [part] = answer.message.parts
    assert isinstance(part, Text)
    assert expected == [(token.token, token.logprob) for token in part.logprobs]
    assert sent == answer.raw["logprobs"]


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (404, "model 'nope' not found, make sure the correct model ID was used", errors.ModelNotFoundError),
        (404, "model 'command-r' was removed on September 15, 2025.", errors.ModelNotFoundError),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081", errors.ContextLengthError),
        (400, "too many tokens: max tokens must be less than or equal to 4096", errors.BadRequestError),
        (400, "invalid request: message must not be empty", errors.BadRequestError),
        (401, "invalid api token", errors.AuthenticationError),
        (402, "Please add or update your payment method", errors.QuotaError),
        (429, "You are past the per minute request limit, please wait and try again later.", errors.RateLimitError),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", errors.QuotaError),
        (500, "internal server error", errors.ServerError),
        (503, "service unavailable", errors.OverloadedError),
    ],
)
def test_an_error_has_the_class_of_its_words_and_status(status: int, words: str, kind: type[DragomanError]) -> None:
    """`{"message": ...}` becomes the typed error; its id is that of the request, if no header has one."""
    body = json.dumps({"id": "e1", "message": words}).encode()
    with pytest.raises(DragomanError) as caught:
        WIRE.decode_response(status, {}, body)
    with pytest.raises(DragomanError) as traced:
        WIRE.decode_response(status, {"X-Debug-Trace-Id": "t1"}, body)

    assert (kind, words, status, "e1") == (
        type(caught.value),
        caught.value.message,
        caught.value.status,
        caught.value.request_id,
    )
    assert "t1" == traced.value.request_id


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        pytest.param(b'{"message": "no such thing"}', errors.ServerError, "no such thing", id="an error, status 200"),
        pytest.param(b'{"error": {"message": "no"}}', errors.ServerError, "no", id="another shape"),
        pytest.param(b'{"id": "a"}', WireError, "$.message", id="no message"),
        pytest.param(b'{"message": {"content": 5}}', WireError, "$.message.content", id="content of a wrong type"),
        pytest.param(b'{"message": {"tool_calls": [5]}}', WireError, "$.message.tool_calls", id="a call that is none"),
        pytest.param(b"", WireError, "empty", id="nothing"),
        pytest.param(b"<html>", WireError, "HTML", id="a page"),
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes, kind: type[DragomanError], words: str) -> None:
    """A body that is not the protocol, or says no, never becomes an answer."""
    with pytest.raises(kind) as caught:
        WIRE.decode_response(200, {}, body)

    assert words in f"{caught.value.message} {getattr(caught.value, 'path', '')}"
