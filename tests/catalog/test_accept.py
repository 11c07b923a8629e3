"""What a model accepts decides before anything is sent: each statement of the vendors is one test."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Audio, ChatRequest, File, Image, Message, Tool, ToolCall, catalog
from dragoman.catalog.accept import Adapted, adapt
from dragoman.catalog.models import find_model

PNG = b"\x89PNG\r\n\x1a\n0000"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def adapted(provider: str, model: str, messages: Any = "Hi", **settings: Any) -> Adapted:
    request = ChatRequest(model, messages, **settings)
    return adapt(request, catalog.builtin()[provider], find_model(provider, model))


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        pytest.param("openai", "gpt-6-luna", id="OpenAI while it reasons"),
        pytest.param("anthropic", "claude-opus-5-5", id="Claude 5.5"),
        pytest.param("anthropic", "claude-haiku-5-5", id="Haiku 5.5"),
        pytest.param("gemini", "gemini-4-argon", id="Gemini 4 ignores them"),
        pytest.param("gemini", "gemini-3.8-flash", id="Gemini 3.8 ignores them"),
    ],
)
def test_sampling_is_left_out_where_it_is_not_taken(provider: str, model: str, name: str) -> None:
    """Sampling parameters go to no model that refuses or ignores them."""
    made = adapted(provider, model, **{name: 0.5})

    assert getattr(made.request, name) is None
    assert name in [notice.field for notice in made.notices]


@pytest.mark.parametrize(
    ("provider", "model", "settings"),
    [
        pytest.param("openai", "gpt-6-luna", {"reasoning": "none"}, id="no reasoning"),
        pytest.param("openai", "gpt-4o", {}, id="a model that does not reason"),
        pytest.param("anthropic", "claude-opus-4-5", {}, id="Claude 4.5"),
        pytest.param("openai", "brand-new", {}, id="nothing is known"),
    ],
)
def test_sampling_is_sent_where_it_is_taken(provider: str, model: str, settings: dict[str, Any]) -> None:
    """What is not known to be refused is sent as it was asked."""
    assert 0.5 == adapted(provider, model, temperature=0.5, **settings).request.temperature


def test_logprobs_are_not_asked_of_a_model_that_reasons() -> None:
    """OpenAI refuses logprobs with an effort other than none."""
    made = adapted("openai", "gpt-6-sol", logprobs=True, top_logprobs=3)

    assert (None, None) == (made.request.logprobs, made.request.top_logprobs)


@pytest.mark.parametrize(
    ("provider", "model", "asked", "sent"),
    [
        pytest.param("openai", "gpt-6.1-sol", "none", "low", id="6.1 Sol rejects none"),
        pytest.param("openai", "gpt-6.2-sol", "minimal", "low", id="6.2 Sol rejects minimal"),
        pytest.param("openai", "gpt-6-luna", "none", "none", id="Luna takes none"),
        pytest.param("anthropic", "claude-opus-5-5", "none", "low", id="Opus 5.5 cannot stop thinking"),
        pytest.param("anthropic", "claude-opus-5-5", "max", "max", id="Opus 5.5 takes max"),
        pytest.param("gemini", "gemini-4-argon", "xhigh", "high", id="Gemini's highest is high"),
    ],
)
def test_effort_is_mapped_to_the_nearest_level(provider: str, model: str, asked: str, sent: str) -> None:
    """Effort levels differ between models: the nearest that a model takes is sent, and said."""
    made = adapted(provider, model, reasoning=asked)

    assert made.request.reasoning is not None
    assert sent == made.request.reasoning.effort
    assert (asked != sent) == ("reasoning" in [notice.field for notice in made.notices])


def test_a_budget_becomes_an_effort_where_thinking_is_adaptive() -> None:
    """Claude 5.5 takes no budget of thinking tokens."""
    made = adapted("anthropic", "claude-opus-5-5", reasoning=4000)

    assert made.request.reasoning is not None
    assert (None, "medium") == (made.request.reasoning.budget_tokens, made.request.reasoning.effort)


def test_reasoning_is_not_asked_of_a_model_that_does_not() -> None:
    """An effort for a model that does not reason is left out."""
    model = find_model("openai", "gpt-4o")
    assert model is not None
    if model.can("reasoning") is False:
        assert adapted("openai", "gpt-4o", reasoning="high").request.reasoning is None


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("claude-opus-5-5", "auto"),
        ("claude-sonnet-5-5", "auto"),
        ("claude-haiku-5-5", "look"),
        ("claude-opus-4-5", "look"),
    ],
)
def test_a_forced_tool_is_refused_by_claude_5_5_but_haiku(model: str, sent: str) -> None:
    """Forced tool choice becomes `auto` where the model answers it with 400."""
    assert sent == adapted("anthropic", model, tools=[TOOL], tool_choice="look").request.tool_choice


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-2"])
def test_no_prefill(model: str) -> None:
    """Claude 5.5 refuses an assistant turn at the end: a turn of the user asks it to go on."""
    made = adapted("anthropic", model, [Message.user("Count."), Message.assistant("1, 2,")])

    assert ["user", "assistant", "user"] == [message.role for message in made.request.messages]
    assert ["messages[1]"] == [notice.field for notice in made.notices if notice.field != "max_tokens"]


def test_a_turn_that_calls_a_tool_is_no_prefill() -> None:
    """Only a begun text is gone on with; a history that ends in a tool call is left as it is."""
    turns = [Message.user("Look."), Message.assistant(ToolCall("c", "look"))]

    assert 2 == len(adapted("anthropic", "claude-opus-5-5", turns).request.messages)


@pytest.mark.parametrize(
    ("model", "settings", "wire"),
    [
        pytest.param("gpt-6-astra", {"tools": [TOOL]}, "openai-responses", id="Astra with tools"),
        pytest.param("gpt-6.1-sol", {"tools": [TOOL]}, "openai-responses", id="6.1 Sol with tools"),
        pytest.param("gpt-6-sol", {"tools": [TOOL]}, "openai-responses", id="6 Sol with tools and reasoning"),
        pytest.param("gpt-6-luna", {"tools": [TOOL], "reasoning": "none"}, "openai-chat", id="Luna without reasoning"),
        pytest.param("gpt-6-astra", {}, "openai-chat", id="Astra without tools"),
        pytest.param("gpt-5.5", {"tools": [TOOL]}, "openai-chat", id="an older model"),
    ],
)
def test_tools_that_need_the_responses_api_go_there(model: str, settings: dict[str, Any], wire: str) -> None:
    """A request that Chat Completions would refuse takes the Responses API by itself."""
    assert wire == adapted("openai", model, **settings).wire


@pytest.mark.parametrize(
    ("provider", "model", "settings", "sent"),
    [
        pytest.param("openai", "gpt-6-luna", {"max_tokens": 999_999}, 128_000, id="above the cap"),
        pytest.param("openai", "gpt-6-luna", {"max_tokens": 10}, 10, id="below the cap"),
        pytest.param("openai", "gpt-6-luna", {}, None, id="unset stays unset"),
        pytest.param("anthropic", "claude-opus-5-5", {}, 128_000, id="Anthropic requires one"),
        pytest.param("gemini", "gemini-4-argon", {"max_tokens": 100_000}, 32_768, id="Argon, not streamed"),
        pytest.param(
            "gemini", "gemini-4-argon", {"max_tokens": 100_000, "stream": True}, 100_000, id="Argon, streamed"
        ),
    ],
)
def test_the_output_cap(provider: str, model: str, settings: dict[str, Any], sent: int | None) -> None:
    """`max_tokens` is cut to what the model can write, and filled in only where the dialect requires it."""
    assert sent == adapted(provider, model, **settings).request.max_tokens


@pytest.mark.parametrize(
    ("part", "ability"),
    [
        (Image(data=PNG), "images"),
        (Audio(data=b"ID3xxxx"), "audio"),
        (File(data=b"%PDF-1.4"), "pdf"),
    ],
)
def test_media_that_a_model_cannot_read_is_replaced_and_said(part: Any, ability: str) -> None:
    """A part that the model cannot read becomes a word in its place, with a notice that names it."""
    from dragoman.types.models import Model

    blind = Model(no=("images", "audio", "pdf"))
    request = ChatRequest("m", [Message.user("See: ", part)])

    made = adapt(request, catalog.builtin()["openai"], blind)

    assert f"See: [{ability} left out]" == made.request.messages[0].text
    assert ["messages[0].parts[1]"] == [notice.field for notice in made.notices]


def test_later_instructions_for_an_older_claude() -> None:
    """Instructions in the middle become a turn of the user where the model does not take them."""
    turns = [Message.system("a"), Message.user("b"), Message.system("c"), Message.user("d")]

    old = adapted("anthropic", "claude-opus-4-5", turns, max_tokens=5)
    new = adapted("anthropic", "claude-opus-5-5", turns, max_tokens=5)

    assert ["system", "user", "user", "user"] == [message.role for message in old.request.messages]
    assert ["system", "user", "system", "user"] == [message.role for message in new.request.messages]


def test_nothing_known_changes_nothing() -> None:
    """Without facts the request goes as it is: the provider decides."""
    request = ChatRequest("m", "Hi", temperature=2, max_tokens=10**9, reasoning="max", tools=[TOOL])

    assert Adapted(request, "openai-chat") == adapt(request, catalog.builtin()["openai"], None)


# --- rules of form: for every model, known or not ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"tool_choice": "auto"}, [], id="the default"),
        pytest.param({"tool_choice": "none"}, [], id="none of none"),
        pytest.param({"parallel_tool_calls": False}, [], id="not in parallel"),
        pytest.param({"tools": []}, [], id="an empty list"),
        pytest.param({"tool_choice": "required"}, ["tool_choice"], id="one that is not there"),
    ],
)
def test_without_tools_nothing_is_said_of_them(settings: dict[str, Any], said: list[str]) -> None:
    """Providers refuse a choice among no tools; only what cannot be done is worth a notice."""
    made = adapted("openai", "brand-new", **settings)

    assert (None, None, None) == (made.request.tools, made.request.tool_choice, made.request.parallel_tool_calls)
    assert said == [notice.field for notice in made.notices]


@pytest.mark.parametrize(
    "fields", [{"extra": {"tools": [TOOL]}}, {"native": {"openai-chat": {"tools": [TOOL]}}}, {"tools": [TOOL]}]
)
def test_tools_by_any_way_may_be_chosen_among(fields: dict[str, Any]) -> None:
    """A choice stays where tools are declared in other fields of the body."""
    assert "required" == adapted("openai", "brand-new", tool_choice="required", **fields).request.tool_choice


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"anyOf": [{}]}, {"anyOf": [{}]}),
        ({"type": "string"}, {"type": "string"}),
        (None, None),
    ],
)
def test_a_schema_says_that_it_is_an_object(parameters: Any, expected: Any) -> None:
    """Every provider wants it said; what says something else is the caller's own."""
    made = adapted("openai", "brand-new", tools=[Tool(name="f", parameters=parameters)])

    assert expected == (made.request.tools or ())[0].parameters
    assert () == made.notices
