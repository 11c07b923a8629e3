"""Requests to the Anthropic dialect: headers, settings and tools, and what is reported instead of sent."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.types.messages import Message, ToolCall
from dragoman.types.requests import OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from tests.wire.anthropic_asking import NAME, NEW, WEATHER, ask, body, fields, read

# --- address, headers, cap --------------------------------------------------------------------------------------------


def test_a_plain_question_is_the_smallest_body() -> None:
    """An unset setting is not sent, and one plain text is a string."""
    sent = ask()

    assert "https://api.example.com/v1/messages" == sent.url
    assert {"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]} == read(sent)
    assert () == sent.notices


def test_headers_name_the_version_and_what_is_accepted() -> None:
    """The version is the oldest that holds everywhere unless the provider row names another."""
    assert {
        "content-type": "application/json",
        "accept": "application/json",
        "anthropic-version": "2023-06-01",
    } == ask().headers
    assert "text/event-stream" == ask(stream=True).headers["accept"]
    assert "2026-10-21" == ask(provider=NEW).headers["anthropic-version"]


def test_a_missing_cap_is_filled_and_reported() -> None:
    """The dialect requires `max_tokens`; a default is sent with a notice."""
    sent = ask(max_tokens=None)

    assert 4096 == read(sent)["max_tokens"]
    assert ["max_tokens"] == fields(sent)


def test_a_missing_cap_leaves_room_above_the_thinking_budget() -> None:
    """The cap includes thinking, so the default is added to the budget."""
    assert 14096 == body(max_tokens=None, reasoning=10_000)["max_tokens"]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"extra": {"max_tokens": 7}}, id="extra"),
        pytest.param({"native": {NAME: {"max_tokens": 7}}}, id="native"),
    ],
)
def test_a_cap_given_by_other_ways_is_kept(settings: dict[str, Any]) -> None:
    """No default covers a cap that came as `extra` or `native`."""
    sent = ask(max_tokens=None, **settings)

    assert 7 == read(sent)["max_tokens"]
    assert () == sent.notices


def test_zero_is_a_cap() -> None:
    """`max_tokens=0` warms the prompt cache and is sent as it is."""
    assert 0 == body(max_tokens=0)["max_tokens"]


# --- settings ---------------------------------------------------------------------------------------------------------


def test_every_setting_of_the_dialect_has_its_field() -> None:
    """Settings are renamed where the dialect names them differently."""
    sent = ask(
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop=("END",),
        user="u1",
        cache="1h",
        service_tier="auto",
        stream=True,
        n=1,
        logprobs=False,
    )

    assert {
        "model": "claude-x",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "service_tier": "auto",
        "stream": True,
    } == read(sent)
    assert () == sent.notices


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 1),
        ("frequency_penalty", 0.5),
        ("presence_penalty", 0.5),
        ("logit_bias", {"1": 2.0}),
        ("logprobs", True),
        ("top_logprobs", 2),
        ("n", 2),
        ("verbosity", "low"),
        ("metadata", {"a": "b"}),
        ("output", OutputFormat(kind="json_object")),
    ],
)
def test_a_setting_that_the_dialect_does_not_know_is_reported(name: str, value: Any) -> None:
    """Nothing is dropped in silence."""
    sent = ask(**{name: value})

    assert [name] == fields(sent)
    assert {"model", "max_tokens", "messages"} == read(sent).keys()


def test_the_new_version_takes_no_sampling_parameters() -> None:
    """From 2026-10-21 on they answer 400, so they are left out with a notice each."""
    sent = ask(provider=NEW, temperature=0.5, top_p=0.9, top_k=5)

    assert ["temperature", "top_p", "top_k"] == fields(sent)
    assert not {"temperature", "top_p", "top_k"} & read(sent).keys()


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        pytest.param("high", {"output_config": {"effort": "high"}}, id="effort alone asks for no thinking type"),
        pytest.param("minimal", {"output_config": {"effort": "low"}}, id="least effort"),
        pytest.param("none", {"thinking": {"type": "disabled"}}, id="none"),
        pytest.param(0, {"thinking": {"type": "disabled"}}, id="no budget"),
        pytest.param(2048, {"thinking": {"type": "enabled", "budget_tokens": 2048}}, id="budget"),
        pytest.param(
            ReasoningSettings(effort="low", summary="auto"),
            {"output_config": {"effort": "low"}, "thinking": {"type": "adaptive", "display": "summarized"}},
            id="shown",
        ),
        pytest.param(
            ReasoningSettings(budget_tokens=2048, summary="omitted"),
            {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}},
            id="hidden",
        ),
    ],
)
def test_reasoning_becomes_effort_and_thinking(reasoning: Any, expected: dict[str, Any]) -> None:
    """An effort goes to `output_config`, a budget to `thinking`."""
    sent = body(reasoning=reasoning)

    assert expected == {key: value for key, value in sent.items() if key in ("thinking", "output_config")}


def test_an_effort_that_is_not_known_is_reported() -> None:
    """`minimal` is sent as the dialect's least effort, which the notice says."""
    assert ["reasoning.effort"] == fields(ask(reasoning="minimal"))


def test_an_output_schema_shares_its_object_with_the_effort() -> None:
    """Both live in `output_config`."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}

    sent = body(output=schema, reasoning="low")

    assert {"effort": "low", "format": {"type": "json_schema", "schema": schema}} == sent["output_config"]


def test_text_output_asks_for_nothing() -> None:
    """The default form of an answer needs no field."""
    assert "output_config" not in body(output=OutputFormat(kind="text"))


def test_extra_wins_and_is_joined_with_what_is_there() -> None:
    """`extra` is laid on last, object by object."""
    sent = body(reasoning="low", temperature=0.1, extra={"output_config": {"task_budget": 5}, "temperature": 1})

    assert {"effort": "low", "task_budget": 5} == sent["output_config"]
    assert 1 == sent["temperature"]


def test_native_fields_lie_below_what_was_set() -> None:
    """Fields of this dialect are sent, but never cover a setting; those of other dialects are not sent."""
    sent = body(
        temperature=0.1,
        native={NAME: {"temperature": 1, "container": "c1", "stream": False}, "openai-chat": {"store": True}},
    )

    assert (0.1, "c1", False) == (sent["temperature"], sent["container"], sent["stream"])
    assert "store" not in sent


# --- tools ------------------------------------------------------------------------------------------------------------


def test_a_tool_is_declared_with_its_schema() -> None:
    """A tool without arguments still has a schema, since the dialect requires one."""
    tools = body(tools=(WEATHER, Tool(name="now")))["tools"]

    assert [
        {"name": "weather", "description": "Forecast", "input_schema": {"type": "object"}, "strict": True},
        {"name": "now", "input_schema": {"type": "object", "properties": {}}},
    ] == tools


def test_a_server_tool_is_sent_as_it_is() -> None:
    """A native tool is nothing but its own fields."""
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}

    assert [search] == body(tools=(Tool(name="web_search", kind="native", native={NAME: search}),))["tools"]


def test_a_server_tool_of_another_provider_is_reported() -> None:
    """It cannot be declared here."""
    sent = ask(tools=(Tool(name="web_search", kind="native", native={"openai-chat": {}}),))

    assert ([], ["tools[0]"]) == (read(sent)["tools"], fields(sent))


def test_a_free_text_tool_becomes_one_with_a_text() -> None:
    """Its call in the history has the same form as its declaration."""
    tool = Tool(name="sql", kind="custom")
    call = ToolCall("c1", "sql", "SELECT 1", "custom")
    sent = ask(Message.user("q"), Message.assistant(call), Message.tool(call, "1"), tools=(tool,))
    declared = read(sent)["tools"][0]["input_schema"]

    assert ["input"] == declared["required"]
    assert {"input": "SELECT 1"} == read(sent)["messages"][1]["content"][0]["input"]
    assert ["tools[0]"] == fields(sent)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "weather"}, {"type": "tool", "name": "weather"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": True}, None),
        ({"tool_choice": "required", "parallel_tool_calls": True}, {"type": "any", "disable_parallel_tool_use": False}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
    ],
)
def test_tool_choice_and_parallel_calls_share_an_object(settings: dict[str, Any], expected: Any) -> None:
    """The dialect says both in `tool_choice`, and takes no word on parallel calls where none may be made."""
    assert expected == body(tools=(WEATHER,), **settings).get("tool_choice")
