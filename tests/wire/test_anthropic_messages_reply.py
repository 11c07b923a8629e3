"""Plain answers in the Anthropic dialect, read as a client and written as a server."""

from __future__ import annotations

from typing import Any

import anthropic.types
import msgspec
import pytest
from hypothesis import given

from dragoman.types.messages import Audio, Citation, Image, Message, Opaque, Reasoning, Refusal, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.anthropic_messages import WIRE
from tests.strategies import PNG
from tests.wire.anthropic_answers import NAME, responses
from tests.wire.anthropic_asking import PROVIDER


def answer(*blocks: dict[str, Any], **fields: Any) -> ChatResponse:
    """The answer that a message with these blocks and fields stands for."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": list(blocks)}
    body = msgspec.json.encode(message | {"stop_reason": "end_turn", "usage": {}} | fields)
    return WIRE.decode_response(200, {"Request-Id": "req_1"}, body, PROVIDER)


def written(response: ChatResponse) -> dict[str, Any]:
    """The message that a server writes for this answer."""
    decoded: dict[str, Any] = msgspec.json.decode(WIRE.encode_response(response))
    return decoded


def says(*parts: Any, **fields: Any) -> ChatResponse:
    """An answer with these parts."""
    return ChatResponse(message=Message("assistant", parts), **fields)


def test_an_answer_is_read() -> None:
    """Text, names, reason and ids."""
    response = answer({"type": "text", "text": "Hi", "citations": None})

    assert "Hi" == response.text
    assert ("stop", "end_turn") == (response.finish_reason, response.finish_reason_raw)
    assert ("msg_1", "claude-x", "anthropic", "req_1") == (
        response.id,
        response.model,
        response.provider,
        response.request_id,
    )
    assert "message" == response.raw["type"]


def test_blocks_are_chosen_by_type_and_not_by_place() -> None:
    """Text may stand after thinking, server tools and blocks that nobody knows yet."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    response = answer(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "t"},
        {"type": "redacted_thinking", "data": "x"},
        search,
        {"type": "new_block", "x": None},
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"b": 1, "a": [1.5, "é"]}, "caller": {"type": "direct"}},
    )

    assert (
        Reasoning("hm", native={NAME: {"signature": "s"}}),
        Reasoning("", native={NAME: {"signature": "t"}}),
        Reasoning("", native={NAME: {"type": "redacted_thinking", "data": "x"}}),
        Opaque(NAME, search),
        Opaque(NAME, {"type": "new_block", "x": None}),
        Text("so"),
        ToolCall("c", "f", '{"b":1,"a":[1.5,"é"]}', native={NAME: {"caller": {"type": "direct"}}}),
    ) == response.message.parts


def test_parts_that_say_nothing_are_dropped() -> None:
    """The API refuses empty blocks when they are sent back."""
    blocks = ({"type": "text", "text": ""}, {"type": "thinking", "thinking": "", "signature": ""})

    assert () == answer(*blocks).message.parts


@pytest.mark.parametrize("arguments", [None, "", {}])
def test_a_call_without_arguments_has_an_empty_object(arguments: Any) -> None:
    """Whichever way the provider says so."""
    assert "{}" == answer({"type": "tool_use", "id": "c", "name": "f", "input": arguments}).tool_calls[0].arguments_json


def test_citations_are_read() -> None:
    """What all dialects have in common, and their own form for replay."""
    web = {
        "type": "web_search_result_location",
        "url": "https://e.org",
        "title": "t",
        "cited_text": "c",
        "encrypted_index": "i",
    }
    page = {"type": "page_location", "document_title": "d", "cited_text": "p"}
    (text,) = answer({"type": "text", "text": "x", "citations": [web, page]}).message.parts

    assert isinstance(text, Text)
    assert (
        Citation(url="https://e.org", title="t", text="c", native={NAME: web}),
        Citation(title="d", text="p", native={NAME: page}),
    ) == text.citations


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("compaction", "pause"),
        ("refusal", "refusal"),
        ("something_new", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_stop_reason_has_its_neutral_form(raw: str | None, expected: str) -> None:
    """One that is not known is `unknown`, and is kept as sent."""
    response = answer(stop_reason=raw)

    assert (expected, raw) == (response.finish_reason, response.finish_reason_raw)
    assert raw == written(response)["stop_reason"]


def test_the_end_is_told_with_its_details() -> None:
    """Nulls say nothing; everything else about the end is kept."""
    details = {
        "stop_sequence": "END",
        "stop_details": {"type": "refusal", "category": "bio"},
        "container": {"id": "c"},
        "context_management": {"applied_edits": []},
    }

    assert details == answer(**details, diagnostics=None).finish_details
    assert answer(stop_sequence=None).finish_details is None


def test_cached_tokens_are_part_of_the_input() -> None:
    """The dialect counts them outside, the neutral form inside."""
    sent = {
        "input_tokens": 10,
        "output_tokens": 7,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "output_tokens_details": {"thinking_tokens": 3},
        "service_tier": "standard",
    }

    assert (
        Usage(
            input_tokens=140,
            output_tokens=7,
            cache_read_tokens=100,
            cache_write_tokens=30,
            cache_write_1h_tokens=20,
            reasoning_tokens=3,
            details=sent,
        )
        == answer(usage=sent).usage
    )
    assert sent == written(answer(usage=sent))["usage"]


@pytest.mark.parametrize("usage", [None, {}, {"service_tier": "standard"}])
def test_usage_that_was_not_told_is_not_made_up(usage: dict[str, Any] | None) -> None:
    """None, not 0."""
    assert (None, None) == (answer(usage=usage).usage.input_tokens, answer(usage=usage).usage.output_tokens)


# --- as a server ------------------------------------------------------------------------------------------------------


def test_usage_of_another_dialect_is_counted_in_this_one() -> None:
    """Its own details, which count otherwise, are not passed on."""
    usage = Usage(
        input_tokens=140,
        output_tokens=7,
        cache_read_tokens=100,
        cache_write_tokens=30,
        cache_write_1h_tokens=20,
        reasoning_tokens=3,
        details={"input_tokens": 140, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 100}},
    )

    assert {
        "input_tokens": 10,
        "output_tokens": 7,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "output_tokens_details": {"thinking_tokens": 3},
    } == written(says("x", usage=usage))["usage"]


@pytest.mark.parametrize(
    ("reason", "raw", "expected"),
    [
        ("stop", "stop", "end_turn"),
        ("length", "length", "max_tokens"),
        ("tool_calls", None, "tool_use"),
        ("content_filter", "content_filter", "refusal"),
        ("pause", None, "pause_turn"),
        ("error", None, None),
        ("unknown", None, None),
        ("unknown", "new", "new"),
        ("stop", "stop_sequence", "stop_sequence"),
    ],
)
def test_a_reason_of_another_dialect_is_translated(reason: Any, raw: str | None, expected: str | None) -> None:
    """A reason that is not known stays unknown: none is made up."""
    assert expected == written(says("x", finish_reason=reason, finish_reason_raw=raw))["stop_reason"]


def test_parts_of_other_dialects_are_written_as_far_as_they_can_be() -> None:
    """A refusal and a transcript become text; an address becomes a web result; the rest has no form here."""
    response = says(
        Refusal("no"),
        Audio(data=b"ID3", media_type="audio/mpeg", transcript="words"),
        Audio(data=b"ID3", media_type="audio/mpeg"),
        Image(data=PNG),
        Opaque("openai-chat", {"type": "x"}),
        Text("a", (Citation(url="https://e.org", title="t"), Citation(title="nowhere"))),
        ToolCall("", "f", "{broken"),
        Reasoning("hm"),
    )

    assert [
        {"type": "text", "text": "no", "citations": None},
        {"type": "text", "text": "words", "citations": None},
        {
            "type": "text",
            "text": "a",
            "citations": [
                {
                    "type": "web_search_result_location",
                    "url": "https://e.org",
                    "title": "t",
                    "cited_text": "",
                    "encrypted_index": "",
                }
            ],
        },
        {"type": "tool_use", "id": "call_0", "name": "f", "input": {"INVALID_JSON": "{broken"}},
        {"signature": "", "type": "thinking", "thinking": "hm"},
    ] == written(response)["content"]


@given(responses)
def test_what_a_server_writes_is_read_as_the_same_answer(response: ChatResponse) -> None:
    """Writing and reading gives the answer back, and the vendor's SDK accepts what is between."""
    body = WIRE.encode_response(response)
    read = WIRE.decode_response(200, {}, body)

    assert response == msgspec.structs.replace(read, body=None)
    anthropic.types.Message.model_validate_json(body)


def test_an_answer_of_nothing_satisfies_the_vendors_sdk() -> None:
    """All that the dialect requires is there, even where nothing is known."""
    message = anthropic.types.Message.model_validate_json(WIRE.encode_response(says()))

    assert ([], None, 0) == (message.content, message.stop_reason, message.usage.input_tokens)
