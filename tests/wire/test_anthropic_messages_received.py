"""Requests in the Anthropic dialect, as a server reads them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.errors import ConfigError
from dragoman.types.messages import CacheMark, File, Image, Opaque, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.wire.anthropic_messages import WIRE
from tests.wire.anthropic_asking import NAME

SMALL: dict[str, Any] = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


def decode(**fields: Any) -> ChatRequest:
    """The neutral form of the smallest request with these fields."""
    return WIRE.decode_request(msgspec.json.encode(SMALL | fields))


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    """The parts of one message with these blocks."""
    return decode(messages=[{"role": role, "content": list(blocks)}]).messages[0].parts


# --- meaning ----------------------------------------------------------------------------------------------------------


def test_settings_have_their_neutral_names() -> None:
    """Every field that has a neutral form is read into it."""
    schema = {"type": "object"}
    request = decode(
        system="Be brief",
        stream=True,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stop_sequences=["END"],
        metadata={"user_id": "u"},
        cache_control={"type": "ephemeral", "ttl": "1h"},
        service_tier="auto",
        thinking={"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": schema}},
        tools=[{"name": "f", "description": "d", "input_schema": schema, "strict": True}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    )

    assert ("claude-x", 9, True) == (request.model, request.max_tokens, request.stream)
    assert ["system", "user"] == [message.role for message in request.messages]
    assert (0.5, 0.9, 3) == (request.temperature, request.top_p, request.top_k)
    assert (("END",), "u", "auto") == (request.stop, request.user, request.service_tier)
    assert CacheMark("1h") == request.cache
    assert ReasoningSettings(effort="low", budget_tokens=2048, summary="summarized") == request.reasoning
    assert OutputFormat(schema=schema, name="output") == request.output
    assert ("required", False) == (request.tool_choice, request.parallel_tool_calls)
    assert request.tools is not None
    assert ("f", "d", schema, True) == tuple(
        getattr(request.tools[0], name) for name in ("name", "description", "parameters", "strict")
    )
    assert request.native is None


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "f"}, "f"),
        ({"type": "new"}, None),
    ],
)
def test_a_tool_choice_is_read(choice: dict[str, Any], expected: str | None) -> None:
    """A kind that is not known stays native."""
    request = decode(tool_choice=choice)

    assert expected == request.tool_choice
    assert (request.native is None) == (expected is not None)


def test_disabled_thinking_is_no_effort() -> None:
    """That is what `none` means here."""
    request = decode(thinking={"type": "disabled"})

    assert ReasoningSettings(effort="none") == request.reasoning


def test_blocks_become_parts() -> None:
    """Blocks are told apart by type; those of the dialect's own are carried opaquely."""
    search = {"type": "search_result", "source": "s", "title": "t", "content": []}
    text, image, file, found = parts(
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "t",
        },
        search,
    )

    assert Text("a", cache=CacheMark()) == text
    assert Image(url="https://e.org/a.png") == image
    assert File(data=b"%PDF-", media_type="application/pdf", name="t") == file
    assert Opaque(NAME, search) == found


def test_an_answer_in_the_history_becomes_parts() -> None:
    """Signatures and encrypted thinking are kept as native state; a call's arguments are compact JSON."""
    thinking, hidden, call = parts(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1, 2]}, "caller": {"type": "direct"}},
        role="assistant",
    )

    assert Reasoning("hm", native={NAME: {"signature": "s"}}) == thinking
    assert Reasoning("", native={NAME: {"type": "redacted_thinking", "data": "x"}}) == hidden
    assert ToolCall("c", "f", '{"a":[1,2]}', native={NAME: {"caller": {"type": "direct"}}}) == call


def test_a_result_is_read_with_its_parts() -> None:
    """Content is a text or blocks; whether it failed is kept."""
    one, two = parts(
        {"type": "tool_result", "tool_use_id": "c", "content": "x", "is_error": True},
        {
            "type": "tool_result",
            "tool_use_id": "d",
            "content": [{"type": "text", "text": "a"}, {"type": "tool_reference", "tool_name": "f"}],
        },
    )

    assert ToolResult("c", (Text("x"),), is_error=True) == one
    assert (Text("a"), Opaque(NAME, {"type": "tool_reference", "tool_name": "f"})) == two.parts


def test_a_server_tool_is_kept_whole() -> None:
    """It has no neutral form."""
    raw = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    tools = decode(tools=[raw]).tools

    assert tools is not None
    assert ("native", "web_search", {NAME: raw}) == (tools[0].kind, tools[0].name, tools[0].native)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"messages": ["Hi"]}, "messages[0]", id="a plain string"),
        pytest.param({"messages": None}, "messages", id="null"),
        pytest.param({"messages": []}, "messages", id="nothing asked"),
        pytest.param({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", id="role"),
        pytest.param({"messages": [{"role": "user"}]}, "messages[0].content", id="no content"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text", id="text"
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "é"}}]}]},
            "messages[0].content[0].source.data",
            id="base64",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
            "messages[0].content[0].source",
            id="no source",
        ),
        pytest.param({"system": [{"type": "text", "text": 5}]}, "system[0].text", id="system"),
        pytest.param({"max_tokens": "9"}, "max_tokens", id="cap"),
        pytest.param({"temperature": -1}, "temperature", id="out of range"),
        pytest.param({"tools": [{}]}, "tools[0].name", id="tool"),
        pytest.param({"tool_choice": "auto"}, "tool_choice", id="choice"),
        pytest.param({"model": None}, "model", id="model"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], expected: str) -> None:
    """What is no request of this dialect is refused with the path of the first wrong field."""
    with pytest.raises(ConfigError) as caught:
        decode(**fields)

    assert expected == caught.value.field


@pytest.mark.parametrize(
    ("body", "field"),
    [(b"", "body"), (b"{", "body"), (b"[]", "body"), (b'{"messages": []}', "model"), (b"\xff", "body")],
)
def test_what_is_no_request_at_all_is_refused(body: bytes, field: str) -> None:
    """No JSON object, or one without the required fields."""
    with pytest.raises(ConfigError) as caught:
        WIRE.decode_request(body)

    assert field == caught.value.field
