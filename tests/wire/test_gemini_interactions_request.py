"""Neutral requests as a client writes them in the Interactions dialect; Google's SDK must understand each."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.errors import ConfigError
from dragoman.types.messages import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.providers import Quirks
from dragoman.types.requests import OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from tests.strategies import PNG
from tests.wire.interactions_asking import MODEL, NAME, PROVIDER, WEATHER, ask, body, fields, read, steps

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}


def config(**settings: Any) -> Any:
    """The configuration to which settings become."""
    return body(**settings).get("generation_config")


# --- the request ------------------------------------------------------------------------------------------------------


def test_a_question_of_one_text_is_a_text() -> None:
    """The smallest request is the smallest body, with the schema's date in a header."""
    sent = ask()

    assert {"model": MODEL, "input": "Hello"} == read(sent)
    assert "https://api.example.com/v1beta/interactions" == sent.url
    assert ("application/json", "2026-05-20") == (sent.headers["accept"], sent.headers["api-revision"])
    assert () == sent.notices


def test_a_stream_is_asked_for_twice() -> None:
    """In the body, and in the header, as the SDK does."""
    sent = ask(stream=True)

    assert (True, "text/event-stream") == (read(sent)["stream"], sent.headers["accept"])


def test_another_date_of_the_schema_is_a_quirk() -> None:
    """A provider row may name it."""
    provider = msgspec.structs.replace(PROVIDER, quirks=Quirks(api_version="2027-01-01"))

    assert "2027-01-01" == ask(provider=provider).headers["api-revision"]


def test_everything_else_of_the_dialect_goes_through_extra() -> None:
    """`extra` is laid over the body, also inside an object."""
    extra = {"store": False, "previous_interaction_id": "v1_a", "generation_config": {"video_config": {"task": "edit"}}}
    sent = body(temperature=1, extra=extra)

    assert {"temperature": 1, "video_config": {"task": "edit"}} == sent["generation_config"]
    assert (False, "v1_a") == (sent["store"], sent["previous_interaction_id"])


def test_an_agent_in_extra_replaces_the_model() -> None:
    """The API takes one of the two."""
    assert {"agent": "deep-research", "input": "Hello", "background": True} == body(
        extra={"agent": "deep-research", "background": True}
    )


# --- messages ---------------------------------------------------------------------------------------------------------


def test_instructions_are_one_text() -> None:
    """Those at the head are joined in silence; a later one is moved, and that is said."""
    sent = ask(Message.system("a"), Message("developer", "b"), Message.user("c"), Message.system("d"))

    assert {"model": MODEL, "system_instruction": "a\n\nb\n\nd", "input": "c"} == read(sent)
    assert ["messages[3]"] == fields(sent)


def test_pictures_in_instructions_are_left_out() -> None:
    """With a notice that names the part."""
    sent = ask(Message("system", ("a", Image(data=PNG))), Message.user("b"))

    assert "a" == read(sent)["system_instruction"]
    assert ["messages[0].parts[1]"] == fields(sent)


def test_instructions_alone_are_no_question() -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigError) as caught:
        ask(Message.system("a"))

    assert "messages" == caught.value.field


def test_nothing_that_can_be_sent_is_no_question() -> None:
    """A message of which every part is left out is refused."""
    with pytest.raises(ConfigError) as caught:
        ask(Message.assistant(Reasoning("hm")))

    assert "messages" == caught.value.field


def test_a_tool_loop_is_a_list_of_steps() -> None:
    """Each call and each result is a step; ids that nobody gave are made up, alike in both."""
    call, other = ToolCall("c1", "weather", '{"city": "Paris"}'), ToolCall("", "clock", "")
    sent = body(
        Message.user("Hi"),
        Message.assistant("Let me see.", call, other),
        Message.tool(call, "12 C"),
        Message("tool", (ToolResult("", "noon", "clock", is_error=True),)),
    )

    assert [
        {"type": "user_input", "content": [{"type": "text", "text": "Hi"}]},
        {"type": "model_output", "content": [{"type": "text", "text": "Let me see."}]},
        {"type": "function_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}},
        {"type": "function_call", "id": "call_0", "name": "clock", "arguments": {}},
        {"type": "function_result", "call_id": "c1", "result": "12 C", "name": "weather"},
        {"type": "function_result", "call_id": "call_0", "result": "noon", "name": "clock", "is_error": True},
    ] == sent["input"]


def test_a_result_may_hold_pictures() -> None:
    """Then it is a list of blocks."""
    [step] = steps(ToolResult("c", (Text("a"), Image(url="https://e.org/a.png"))), role="tool")

    assert [{"type": "text", "text": "a"}, {"type": "image", "uri": "https://e.org/a.png"}] == step["result"]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        pytest.param(
            Image(data=PNG, detail="high"),
            {"type": "image", "mime_type": "image/png", "resolution": "high"},
            id="image",
        ),
        pytest.param(Image(url="https://e.org/a"), {"type": "image", "uri": "https://e.org/a"}, id="address"),
        pytest.param(
            Audio(data=b"ID3", media_type="audio/mpeg"), {"type": "audio", "mime_type": "audio/mpeg"}, id="sound"
        ),
        pytest.param(File(data=b"%PDF-"), {"type": "document", "mime_type": "application/pdf"}, id="document"),
        pytest.param(
            File(url="https://e.org/v", media_type="video/mp4"),
            {"type": "video", "mime_type": "video/mp4", "uri": "https://e.org/v"},
            id="video",
        ),
        pytest.param(
            File(file_id="gs://b/a", media_type="text/csv"),
            {"type": "document", "uri": "gs://b/a", "mime_type": "text/csv"},
            id="kept",
        ),
    ],
)
def test_media_are_blocks(part: Any, block: dict[str, Any]) -> None:
    """The kind of file decides the type of the block."""
    [step] = body(Message.user(part))["input"]
    [written] = step["content"]

    assert block == {name: value for name, value in written.items() if name != "data"}
    assert (part.data is not None) == ("data" in written)


@pytest.mark.parametrize(
    ("part", "below"),
    [
        pytest.param(Reasoning("hm"), "", id="reasoning of nobody"),
        pytest.param(Reasoning("hm", native={"anthropic-messages": {"signature": "s"}}), "", id="reasoning of another"),
        pytest.param(Opaque("openai-responses", {"type": "x"}), "", id="a block of another dialect"),
        pytest.param(Text("a", (Citation(url="https://e.org"),)), ".citations", id="sources of another"),
        pytest.param(Refusal("no"), "", id="refusal"),
        pytest.param(ToolCall("c", "f", "[1]"), ".arguments_json", id="arguments that are no object"),
    ],
)
def test_what_is_adapted_is_said(part: Any, below: str) -> None:
    """Nothing is left out or changed in silence."""
    sent = ask(Message.user("a"), Message.assistant("b", part))

    assert [f"messages[1].parts[1]{below}"] == fields(sent)


def test_cache_marks_are_noted_once() -> None:
    """The vendor caches of itself."""
    marked = Text("a", cache=CacheMark())

    assert ["messages[0].parts[0].cache"] == fields(ask(Message.user(marked, marked), Message.user(marked)))


def test_words_of_other_parts_are_sent() -> None:
    """A refusal is a text; arguments that are no object, and free text, go inside one."""
    assert [{"type": "model_output", "content": [{"type": "text", "text": "no"}]}] == steps(Refusal("no"))
    [listed, free] = steps(ToolCall("c", "f", "[1]"), ToolCall("d", "g", "a b", "custom"))

    assert ({"arguments_json": "[1]"}, {"input": "a b"}) == (listed["arguments"], free["arguments"])


# --- state ------------------------------------------------------------------------------------------------------------


STATE = (
    Reasoning("hm", native={NAME: {"signature": "c2ln"}}),
    Text("a", (Citation(url="u", native={NAME: {"type": "url_citation", "url": "u"}}),)),
    Opaque(NAME, {"type": "url_context_call", "id": "u", "arguments": {}}),
    ToolCall("c", "f", native={NAME: {"signature": "c2ln"}}),
)


@pytest.mark.parametrize("origin", [None, "google/gemini-3.8-flash", "google/another"])
def test_state_goes_back_to_who_made_it(origin: str | None) -> None:
    """Signatures, sources and steps of Google's own are sent to the provider that wrote them, and by people."""
    sent = ask(Message.user("a"), Message("assistant", STATE, origin=origin))
    thought, output, search, call = read(sent)["input"][1:]

    assert ("c2ln", [{"type": "text", "text": "hm"}]) == (thought["signature"], thought["summary"])
    assert [{"type": "url_citation", "url": "u"}] == output["content"][0]["annotations"]
    assert ("url_context_call", "c2ln") == (search["type"], call["signature"])
    assert () == sent.notices


def test_state_goes_to_nobody_else() -> None:
    """Another provider is sent words and calls only, and what was left out is said."""
    sent = ask(Message.user("a"), Message("assistant", STATE, origin="vertex/gemini-3.8-flash"))

    assert [
        {"type": "model_output", "content": [{"type": "text", "text": "a"}]},
        {"type": "function_call", "id": "c", "name": "f", "arguments": {}},
    ] == read(sent)["input"][1:]
    assert ["messages[1].parts[0]", "messages[1].parts[1].citations", "messages[1].parts[2]"] == fields(sent)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        pytest.param({"temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 1}, None, id="sampling"),
        pytest.param({"max_tokens": 9}, {"max_output_tokens": 9}, id="cap"),
        pytest.param({"stop": "."}, {"stop_sequences": ["."]}, id="stop"),
        pytest.param({"tool_choice": "auto"}, {"tool_choice": "auto"}, id="auto"),
        pytest.param({"tool_choice": "none"}, {"tool_choice": "none"}, id="none"),
        pytest.param({"tool_choice": "required"}, {"tool_choice": "any"}, id="required"),
        pytest.param(
            {"tool_choice": "weather"},
            {"tool_choice": {"allowed_tools": {"mode": "any", "tools": ["weather"]}}},
            id="one tool",
        ),
        pytest.param({"reasoning": "xhigh"}, {"thinking_level": "xhigh"}, id="effort"),
        pytest.param(
            {"reasoning": ReasoningSettings(effort="low", summary="auto")},
            {"thinking_level": "low", "thinking_summaries": "auto"},
            id="shown",
        ),
        pytest.param({"reasoning": {"summary": "omitted"}}, {"thinking_summaries": "none"}, id="hidden"),
    ],
)
def test_settings_have_fields(settings: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    """Each setting that the dialect knows is a field of the configuration."""
    assert (wanted or settings) == config(**settings)
    assert () == ask(**settings).notices


@pytest.mark.parametrize(
    ("settings", "wanted", "field"),
    [
        pytest.param({"reasoning": "none"}, {"thinking_level": "minimal"}, "reasoning.effort", id="no thinking"),
        pytest.param({"reasoning": "max"}, {"thinking_level": "xhigh"}, "reasoning.effort", id="most thinking"),
        pytest.param({"reasoning": 0}, {"thinking_level": "minimal"}, "reasoning.budget_tokens", id="no budget"),
        pytest.param({"reasoning": 500}, None, "reasoning.budget_tokens", id="budget"),
        pytest.param({"frequency_penalty": 1}, None, "frequency_penalty", id="penalty"),
        pytest.param({"logprobs": True}, None, "logprobs", id="logprobs"),
        pytest.param({"n": 2}, None, "n", id="several answers"),
        pytest.param({"parallel_tool_calls": False}, None, "parallel_tool_calls", id="one call at a time"),
        pytest.param({"verbosity": "low"}, None, "verbosity", id="verbosity"),
        pytest.param({"user": "u"}, None, "user", id="user"),
        pytest.param({"cache": True}, None, "cache", id="cache"),
        pytest.param({"metadata": {"a": 1}}, None, "metadata", id="a label that is no text"),
    ],
)
def test_settings_without_a_field_are_said(settings: dict[str, Any], wanted: Any, field: str) -> None:
    """What the dialect cannot say is adapted or left out, with a notice."""
    assert wanted == config(**settings)
    assert [field] == fields(ask(**settings))


def test_labels_and_tier() -> None:
    """Metadata are labels."""
    sent = body(metadata={"team": "a"}, service_tier="flex")

    assert ({"team": "a"}, "flex") == (sent["labels"], sent["service_tier"])


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        pytest.param(SCHEMA, {"type": "text", "mime_type": "application/json", "schema": SCHEMA}, id="schema"),
        pytest.param(OutputFormat(kind="json_object"), {"type": "text", "mime_type": "application/json"}, id="JSON"),
        pytest.param(OutputFormat(kind="text"), None, id="text"),
    ],
)
def test_the_form_of_the_answer(output: Any, wanted: Any) -> None:
    """It is one entry of `response_format`."""
    assert wanted == body(output=output).get("response_format")


def test_tools_are_declared() -> None:
    """A function without arguments has no parameters; a free-text tool has one; Google's own goes as it is."""
    own = Tool(name="google_search", kind="native", native={NAME: {"type": "google_search"}})
    foreign = Tool(name="web", kind="native", native={"openai-responses": {"type": "web_search"}})
    sent = ask(tools=[WEATHER, Tool(name="now"), Tool(name="sql", kind="custom"), own, foreign])
    weather, now, sql, search = read(sent)["tools"]

    assert {
        "type": "function",
        "name": "weather",
        "description": "Forecast",
        "parameters": {"type": "object"},
    } == weather
    assert ({"type": "function", "name": "now"}, {"type": "google_search"}) == (now, search)
    assert ["input"] == sql["parameters"]["required"]
    assert ["tools[2]", "tools[4]"] == fields(sent)
