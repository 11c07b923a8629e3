"""Settings and tools of the wire `openai-responses`, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.types.messages import CacheMark
from dragoman.types.requests import OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.openai_responses.dialect import NAME
from tests.wire.openai_responses_bytes import again, body_of, notes, received

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        pytest.param({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}, id="sampling"),
        pytest.param({"max_tokens": 100}, {"max_output_tokens": 100}, id="cap"),
        pytest.param({"parallel_tool_calls": False}, {"parallel_tool_calls": False}, id="parallel"),
        pytest.param({"verbosity": "low"}, {"text": {"verbosity": "low"}}, id="verbosity"),
        pytest.param(
            {"service_tier": "flex", "metadata": {"a": "b"}},
            {"service_tier": "flex", "metadata": {"a": "b"}},
            id="more",
        ),
        pytest.param({"user": "u1"}, {"safety_identifier": "u1"}, id="user"),
        pytest.param({"reasoning": "high"}, {"reasoning": {"effort": "high"}}, id="effort"),
        pytest.param({"reasoning": {"summary": "auto"}}, {"reasoning": {"summary": "auto"}}, id="summary"),
        pytest.param({"logprobs": True}, {"include": ["message.output_text.logprobs"]}, id="logprobs"),
        pytest.param(
            {"logprobs": True, "top_logprobs": 3},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
            id="top",
        ),
        pytest.param({"logprobs": False, "n": 1}, {}, id="nothing asked"),
        pytest.param({"cache": True}, {}, id="caching is automatic"),
        pytest.param({"cache": CacheMark("30m")}, {"prompt_cache_options": {"ttl": "30m"}}, id="cache lifetime"),
        pytest.param(
            {"output": OutputFormat(kind="json_object")}, {"text": {"format": {"type": "json_object"}}}, id="json"
        ),
        pytest.param(
            {"output": OutputFormat(schema=SCHEMA, name="a b", strict=True), "verbosity": "high"},
            {
                "text": {
                    "verbosity": "high",
                    "format": {"type": "json_schema", "name": "a_b", "schema": SCHEMA, "strict": True},
                }
            },
            id="schema",
        ),
        pytest.param({"extra": {"store": False, "include": ["x"]}}, {"store": False, "include": ["x"]}, id="extra"),
        pytest.param(
            {"native": {NAME: {"truncation": "auto"}, "openai-chat": {"x": 1}}}, {"truncation": "auto"}, id="native"
        ),
        pytest.param(
            {"stream": True, "native": {NAME: {"stream_options": {"a": 1}}}},
            {"stream": True, "stream_options": {"a": 1}},
            id="stream",
        ),
        pytest.param({"native": {NAME: {"stream_options": {"a": 1}}}}, {}, id="stream options without a stream"),
    ],
)
def test_settings(settings: dict[str, Any], fields: dict[str, Any]) -> None:
    """Each setting has its field, and nothing else is sent."""
    assert {"model": "m", "input": "hi", **fields} == body_of(**settings)
    assert [] == notes(**settings)


@pytest.mark.parametrize(
    ("settings", "field", "sent"),
    [
        pytest.param({"stop": "x"}, "stop", {}, id="stop"),
        pytest.param({"seed": 1}, "seed", {}, id="seed"),
        pytest.param({"top_k": 5}, "top_k", {}, id="top_k"),
        pytest.param({"frequency_penalty": 1}, "frequency_penalty", {}, id="frequency"),
        pytest.param({"presence_penalty": 1}, "presence_penalty", {}, id="presence"),
        pytest.param({"logit_bias": {"5": 1}}, "logit_bias", {}, id="bias"),
        pytest.param({"n": 2}, "n", {}, id="n"),
        pytest.param({"max_tokens": 3}, "max_tokens", {"max_output_tokens": 16}, id="a cap below the least"),
        pytest.param({"reasoning": 1000}, "reasoning.budget_tokens", {}, id="budget"),
        pytest.param({"cache": "1h"}, "cache.ttl", {}, id="lifetime"),
        pytest.param(
            {"output": OutputFormat(name="x")}, "output", {"text": {"format": {"type": "json_object"}}}, id="no schema"
        ),
        pytest.param(
            {"tools": [Tool(name="web", kind="native", native={"anthropic-messages": {}})]}, "tools[0]", {}, id="tool"
        ),
        pytest.param(
            {"reasoning": ReasoningSettings(summary="summarized")},
            "reasoning.summary",
            {"reasoning": {"summary": "auto"}},
            id="summary",
        ),
        pytest.param({"reasoning": ReasoningSettings(summary="poem")}, "reasoning.summary", {}, id="unknown summary"),
    ],
)
def test_what_is_adapted_is_said(settings: dict[str, Any], field: str, sent: dict[str, Any]) -> None:
    """What the dialect does not take is left out or changed, with a notice that names it."""
    assert {"model": "m", "input": "hi", **sent} == body_of(**settings)
    assert [field] == notes(**settings)


def test_a_summary_that_is_not_wanted_is_not_asked() -> None:
    """`omitted` is what an unset summary means here."""
    assert {"model": "m", "input": "hi", "reasoning": {"effort": "low"}} == body_of(
        reasoning=ReasoningSettings(effort="low", summary="omitted")
    )


def test_functions_are_not_strict_by_chance() -> None:
    """What is left unsaid of a function is said, because it would mean another thing here than elsewhere."""
    assert [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "function", "name": "g", "description": "d", "parameters": SCHEMA, "strict": True},
        {"type": "custom", "name": "sh"},
    ] == body_of(
        tools=[
            Tool(name="f"),
            Tool(name="g", description="d", parameters=SCHEMA, strict=True),
            Tool(name="sh", kind="custom"),
        ]
    )["tools"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("f", {"type": "function", "name": "f"}),
        ("sh", {"type": "custom", "name": "sh"}),
        ("wiki", {"type": "mcp", "server_label": "wiki"}),
        ("elsewhere", {"type": "function", "name": "elsewhere"}),
    ],
)
def test_the_choice_of_a_tool(choice: str, sent: Any) -> None:
    """A word, or the tool by the kind that it was declared with."""
    server = Tool(name="wiki", kind="native", native={NAME: {"type": "mcp", "server_label": "wiki", "server_url": "u"}})
    tools = [Tool(name="f"), Tool(name="sh", kind="custom"), server]

    assert sent == body_of(tools=tools, tool_choice=choice)["tool_choice"]


FORMS: list[dict[str, Any]] = [
    {"temperature": 0.5, "top_p": 0.9, "max_output_tokens": 100, "parallel_tool_calls": True, "top_logprobs": 0},
    {"max_output_tokens": 3},
    {"stream": True, "stream_options": {"include_obfuscation": False}},
    {"stream": False},
    {"store": False},
    {"store": False, "include": ["reasoning.encrypted_content", "web_search_call.results"]},
    {"include": ["web_search_call.results", "message.output_text.logprobs"], "top_logprobs": 2},
    {"top_logprobs": 2},
    {"include": []},
    {"user": "u"},
    {"safety_identifier": "u"},
    {"user": "u", "safety_identifier": "v"},
    {"reasoning": {"effort": "high", "summary": "detailed", "context": "all_turns"}},
    {"reasoning": {"effort": "gigantic"}},
    {"reasoning": {"generate_summary": "auto"}},
    {"reasoning": {}},
    {"text": {"format": {"type": "text"}, "verbosity": "low"}},
    {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"}}},
    {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
    {"text": {"format": {"type": "grammar", "syntax": "x"}}},
    {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}, "prompt_cache_key": "k"},
    {"prompt_cache_options": {"ttl": "5y"}},
    {"service_tier": "ultrafast", "background": True, "metadata": {}, "moderation": {"model": "omni"}},
    {"tools": []},
    {"tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}], "tool_choice": "required"},
    {"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "function", "name": "f"}},
    {"tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True, "defer_loading": True}]},
    {"tools": [{"type": "custom", "name": "sh", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}]},
    {"tools": [{"type": "custom", "name": "sh"}], "tool_choice": {"type": "custom", "name": "sh"}},
    {"tools": [{"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "function", "name": "f"}]}]},
    {"tools": [{"type": "web_search"}, {"type": "mcp", "server_label": "a"}], "tool_choice": {"type": "web_search"}},
    {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
    {"tool_choice": {"type": "function", "name": "auto"}},
    {"vendor_field": {"a": [1, None, {"b": None}]}},
]


@pytest.mark.parametrize("fields", FORMS, ids=str)
def test_every_form_of_a_setting_is_kept(fields: dict[str, Any]) -> None:
    """Decoding and encoding gives the same JSON."""
    assert {"model": "m", "input": "hi", **fields} == again(input="hi", **fields)


def test_settings_are_read() -> None:
    """What a request says in this dialect is found in the neutral settings."""
    request = received(
        input="hi",
        max_output_tokens=100,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "high"},
        tools=[{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}, {"type": "web_search"}],
        tool_choice={"type": "function", "name": "f"},
        include=["message.output_text.logprobs"],
        user="u",
    )

    assert (100, "high", "f", True, "u") == (
        request.max_tokens,
        request.verbosity,
        request.tool_choice,
        request.logprobs,
        request.user,
    )
    assert ReasoningSettings(effort="low", summary="auto") == request.reasoning
    assert OutputFormat(schema=SCHEMA, name="n") == request.output
    assert [("f", "function"), ("web_search", "native")] == [(tool.name, tool.kind) for tool in request.tools or ()]


def test_a_changed_setting_wins() -> None:
    """What was read is a value like any other: what is changed in it is what is sent."""
    read = received(input="hi", reasoning={"effort": "low", "context": "auto"}, user="u")
    sent = body_of(reasoning="high", user="v", native=read.native)

    assert ({"effort": "high", "context": "auto"}, "v") == (sent["reasoning"], sent["user"])
    assert "safety_identifier" not in sent
