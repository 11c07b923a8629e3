"""
Requests in the Interactions dialect that are read and written again.

The bodies are those of Google's documented examples, as its SDK sends them; what the SDK's own models do not hold is
marked.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, File, Image, Opaque, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.gemini_interactions import WIRE
from tests.strategies import PNG, json_objects, names, some_text
from tests.wire.interactions_asking import MODEL, PROVIDER, again, understood

SMALL: dict[str, Any] = {"model": MODEL, "input": "Hi"}
PICTURE = {"type": "image", "data": base64.b64encode(PNG).decode(), "mime_type": "image/png"}
THOUGHT = {"type": "thought", "signature": "c2ln", "summary": [{"type": "text", "text": "hm"}]}
CALL = {"type": "function_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}}
OUTPUT = {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def asks(*content: Any) -> dict[str, Any]:
    """A question as a step."""
    return {"type": "user_input", "content": list(content)}


def text(words: str, **more: Any) -> dict[str, Any]:
    """A text as a block."""
    return {"type": "text", "text": words, **more}


SEARCH = (
    {"type": "google_search_call", "id": "s", "arguments": {"queries": ["a"]}, "signature": "c2ln"},
    {"type": "google_search_result", "call_id": "s", "result": [{"search_suggestions": "<b>"}], "is_error": False},
)
CODE = (
    {"type": "code_execution_call", "id": "e", "arguments": {"code": "1+1", "language": "python"}},
    {"type": "code_execution_result", "call_id": "e", "result": "2", "signature": "c2ln"},
)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="smallest"),
        pytest.param({"stream": True}, id="stream"),
        pytest.param({"stream": False}, id="explicit false"),
        pytest.param({"system_instruction": "Be brief."}, id="instructions"),
        pytest.param({"system_instruction": ""}, id="empty instructions"),
        pytest.param({"previous_interaction_id": "v1_abc"}, id="stateful"),
        pytest.param({"store": False}, id="stateless"),
        pytest.param({"background": True, "webhook_config": {"uris": ["https://e.org"]}}, id="background"),
        pytest.param({"service_tier": "flex", "labels": {"team": "a"}}, id="tier and labels"),
        pytest.param({"generation_config": {"temperature": 0.7, "top_p": 0.9, "seed": 7}}, id="sampling"),
        pytest.param({"generation_config": {"top_k": 3}}, id="top_k"),
        pytest.param({"generation_config": {"max_output_tokens": 500, "stop_sequences": ["END"]}}, id="limits"),
        pytest.param({"generation_config": {"thinking_level": "low", "thinking_summaries": "auto"}}, id="thinking"),
        pytest.param({"generation_config": {"thinking_level": "new", "thinking_summaries": "none"}}, id="new level"),
        pytest.param({"generation_config": {"thinking_summaries": "new"}}, id="new summaries"),
        pytest.param({"generation_config": {"speech_config": {"speakers": [{"voice": "Kore"}]}}}, id="speech"),
        pytest.param({"generation_config": {}}, id="empty configuration"),
        pytest.param({"generation_config": {"tool_choice": "any"}}, id="any tool"),
        pytest.param({"generation_config": {"tool_choice": "validated"}}, id="validated"),
        pytest.param(
            {"generation_config": {"tool_choice": {"allowed_tools": {"mode": "any", "tools": ["f"]}}}}, id="one tool"
        ),
        pytest.param(
            {"generation_config": {"tool_choice": {"allowed_tools": {"mode": "auto", "tools": ["f", "g"]}}}},
            id="some tools",
        ),
        pytest.param({"tools": [{"type": "function", "name": "f", "parameters": SCHEMA}]}, id="function"),
        pytest.param(
            {"tools": [{"type": "function", "name": "f", "description": "d", "defer_loading": True}]}, id="more in it"
        ),
        pytest.param(
            {
                "tools": [
                    {"type": "google_search"},
                    {"type": "code_execution"},
                    {"type": "url_context"},
                    {"type": "mcp_server", "name": "m", "url": "https://e.org/mcp"},
                ]
            },
            id="tools of Google's own",
        ),
        pytest.param(
            {"response_format": {"type": "text", "mime_type": "application/json", "schema": SCHEMA}}, id="schema"
        ),
        pytest.param({"response_format": {"type": "text", "mime_type": "application/json"}}, id="any JSON"),
        pytest.param({"response_format": {"type": "text"}}, id="text"),
        pytest.param(
            {"response_format": [{"type": "text", "mime_type": "application/json", "schema": SCHEMA}]}, id="one form"
        ),
        pytest.param(
            {"response_format": [{"type": "text"}, {"type": "image", "aspect_ratio": "1:1"}]}, id="several forms"
        ),
        pytest.param({"response_format": {"type": "image", "image_size": "1K"}}, id="picture"),
        pytest.param({"response_format": SCHEMA, "response_mime_type": "application/json"}, id="the older form"),
        pytest.param({"response_modalities": ["text", "image"]}, id="modalities"),
        pytest.param({"safety_settings": [{"type": "harassment", "threshold": "off"}]}, id="safety"),
    ],
)
def test_settings_are_written_as_they_were_read(fields: dict[str, Any]) -> None:
    """Reading and writing a body gives an equal body, down to what has no neutral form."""
    assert SMALL | fields == again(understood(SMALL | fields))


def test_an_agent_is_named_instead_of_a_model() -> None:
    """Its name is the neutral model, and goes back where it stood; another model that is asked later is no agent."""
    value = {
        "agent": "deep-research-preview-04-2026",
        "input": "Go",
        "background": True,
        "agent_config": {"type": "deep-research", "thinking_summaries": "auto"},
    }
    request = WIRE.decode_request(msgspec.json.encode(value))

    assert "deep-research-preview-04-2026" == request.model
    assert value == again(understood(value))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="empty text"),
        pytest.param(text("a"), id="one block"),
        pytest.param([text("a")], id="a list of one block"),
        pytest.param([text("What is it?"), PICTURE], id="blocks"),
        pytest.param([asks(text("a"))], id="one step"),
        pytest.param([asks(text("a")), asks(text("b"))], id="two questions"),
        pytest.param([asks(text("a")), OUTPUT, asks(text("b"))], id="a conversation"),
        pytest.param([asks(text("a")), OUTPUT, OUTPUT, asks(text("b"))], id="two outputs in a row"),
        pytest.param([asks(text("a"), PICTURE)], id="a picture in a step"),
        pytest.param([asks({"type": "image", "uri": "https://e.org/a.png"})], id="an address"),
        pytest.param([asks({"type": "image", "uri": "gs://b/a.png", "mime_type": "image/png"})], id="a kept file"),
        pytest.param([asks(PICTURE | {"resolution": "high"})], id="a resolution"),
        pytest.param([asks(PICTURE | {"resolution": "ultra_high"})], id="a resolution of the dialect's own"),
        pytest.param([asks(PICTURE | {"uri": "https://e.org/a.png"})], id="bytes and address"),
        pytest.param([asks({"type": "image", "data": "-_8=", "mime_type": "image/png"})], id="the other alphabet"),
        pytest.param([asks({"type": "image"})], id="no source"),
        pytest.param(
            [asks({"type": "audio", "data": "AAAA", "mime_type": "audio/l16", "sample_rate": 24000})], id="sound"
        ),
        pytest.param([asks({"type": "document", "data": "JVBERi0=", "mime_type": "application/pdf"})], id="document"),
        pytest.param([asks({"type": "document", "data": "JVBERi0="})], id="document of unsaid type"),
        pytest.param([asks({"type": "document", "uri": "gs://b/a.png", "mime_type": "image/png"})], id="odd type"),
        pytest.param([asks({"type": "video", "uri": "https://youtu.be/a"})], id="video"),
        pytest.param(
            [asks({"type": "video", "uri": "gs://b/a", "mime_type": "video/mp4", "processing": {"type": "static"}})],
            id="video to be cut",
        ),
        pytest.param([asks(text(""))], id="an empty block"),
        pytest.param([asks(text("a")), THOUGHT, CALL], id="thought and call"),
        pytest.param([asks(text("a")), {"type": "thought"}, OUTPUT], id="a thought of nothing"),
        pytest.param(
            [asks(text("a")), {"type": "thought", "summary": [text("a"), text("b")], "signature": "c2ln"}, OUTPUT],
            id="a thought of two texts",
        ),
        pytest.param(
            [asks(text("a")), CALL, {"type": "function_result", "call_id": "c1", "result": "12 C", "name": "weather"}],
            id="result as text",
        ),
        pytest.param(
            [asks(text("a")), CALL, {"type": "function_result", "call_id": "c1", "result": {"temperature": 12}}],
            id="result as JSON",
        ),
        pytest.param(
            [asks(text("a")), CALL, {"type": "function_result", "call_id": "c1", "result": [text("a"), PICTURE]}],
            id="result as blocks",
        ),
        pytest.param(
            [asks(text("a")), CALL, {"type": "function_result", "call_id": "c1", "result": [text("a")]}],
            id="result as one block",
        ),
        pytest.param(
            [
                asks(text("a")),
                CALL,
                CALL | {"id": "c2"},
                {"type": "function_result", "call_id": "c1", "result": "a", "is_error": True},
                {"type": "function_result", "call_id": "c2", "result": "", "is_error": False},
            ],
            id="parallel calls",
        ),
        pytest.param([asks(text("a")), *SEARCH, OUTPUT, asks(text("b"))], id="search"),
        pytest.param([asks(text("a")), *CODE, OUTPUT, asks(text("b"))], id="code"),
        pytest.param(
            [
                asks(text("a")),
                {
                    "type": "model_output",
                    "content": [
                        text("a", annotations=[{"type": "url_citation", "url": "https://e.org", "end_index": 1}])
                    ],
                },
                asks(text("b")),
            ],
            id="cited",
        ),
        pytest.param(
            [asks(text("a")), {"type": "model_output", "content": [text("a"), PICTURE, text("b")]}], id="mixed output"
        ),
    ],
)
def test_input_is_written_as_it_was_read(given: Any) -> None:
    """Texts stay texts, blocks stay blocks, steps stay steps, in their order and with all their fields."""
    value = {"model": MODEL, "input": given}

    assert value == again(understood(value))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([asks(text("a")), {"type": "new_step", "x": 1}], id="step"),
        pytest.param([asks({"type": "new_block", "x": 1})], id="block"),
        pytest.param([asks()], id="a question of nothing"),
        pytest.param(
            [
                asks(text("a")),
                CALL,
                asks({"type": "function_result", "call_id": "c1", "result": {"t": 1}, "signature": "c2ln"}, text("b")),
            ],
            id="result as a block",
        ),
        pytest.param([asks(text("a")), OUTPUT | {"error": {"code": 3}}], id="field of an output"),
        pytest.param([asks(text("a")), CALL | {"signature": "c2ln"}], id="signature of a call"),
    ],
)
def test_what_the_sdk_does_not_know_is_written_as_it_was_read(given: Any) -> None:
    """Unknown steps, blocks and fields are carried where they were."""
    value = {"model": MODEL, "input": given}

    assert value == again(value)


def test_a_long_answer_goes_on_without_a_question() -> None:
    """With the token of an earlier interaction there may be no input."""
    value = {"model": MODEL, "previous_interaction_id": "v1_a", "continuation_token": "t"}

    assert value == again(understood(value))


def test_steps_become_messages() -> None:
    """Questions, what the model did, and what the caller's tools gave back are messages of their own."""
    given = [
        asks(text("a"), {"type": "video", "uri": "https://e.org/v.mp4"}),
        THOUGHT,
        *SEARCH,
        OUTPUT,
        CALL,
        {"type": "function_result", "call_id": "c1", "result": {"t": 1}},
        OUTPUT,
    ]
    request = WIRE.decode_request(msgspec.json.encode({"model": MODEL, "input": given}))
    kinds = [[type(part) for part in message.parts] for message in request.messages]

    assert ["user", "assistant", "tool", "assistant"] == [message.role for message in request.messages]
    assert [[Text, File], [Reasoning, Opaque, Opaque, Text, ToolCall], [ToolResult], [Text]] == kinds
    assert ("hm", "Hello") == (request.messages[1].reasoning, request.messages[1].text)
    assert '{"t":1}' == request.messages[2].parts[0].text  # type: ignore[union-attr]


def test_a_result_may_be_a_block() -> None:
    """Some clients send it inside a question; it is a result all the same."""
    result = {"type": "function_result", "call_id": "c1", "result": "12 C"}
    request = WIRE.decode_request(msgspec.json.encode({"model": MODEL, "input": [asks(result, text("b"))]}))
    [message] = request.messages

    assert (ToolResult, Text) == tuple(type(part) for part in message.parts)
    assert ("c1", "12 C") == (message.parts[0].call_id, message.parts[0].text)  # type: ignore[union-attr]


def test_settings_become_neutral() -> None:
    """What a setting can say is that setting."""
    config = {"temperature": 1, "max_output_tokens": 9, "stop_sequences": ["."], "tool_choice": "any"}
    config |= {"thinking_level": "high", "thinking_summaries": "none"}
    form = {"type": "text", "mime_type": "application/json", "schema": SCHEMA}
    request = WIRE.decode_request(
        msgspec.json.encode(SMALL | {"generation_config": config, "response_format": form, "labels": {"a": "b"}})
    )

    assert (1, 9, (".",), "required") == (request.temperature, request.max_tokens, request.stop, request.tool_choice)
    assert request.reasoning is not None
    assert ("high", "omitted") == (request.reasoning.effort, request.reasoning.summary)
    assert request.output is not None
    assert ("json_schema", SCHEMA) == (request.output.kind, request.output.schema)
    assert ({"a": "b"}, None) == (request.metadata, request.native)


def test_media_become_parts() -> None:
    """The type of a block decides; an address that only Google can read is an id."""
    blocks = [
        PICTURE,
        {"type": "audio", "uri": "https://generativelanguage.googleapis.com/v1beta/files/a"},
        {"type": "document", "data": "JVBERi0="},
    ]
    message = WIRE.decode_request(msgspec.json.encode(SMALL | {"input": blocks})).messages[0]
    image, sound, document = message.parts

    assert isinstance(image, Image)
    assert (PNG, "image/png") == (image.data, image.media_type)
    assert isinstance(sound, Audio)
    assert "https://generativelanguage.googleapis.com/v1beta/files/a" == sound.file_id
    assert isinstance(document, File)
    assert "application/pdf" == document.media_type


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param({"input": "a"}, "model", id="no model"),
        pytest.param({"model": MODEL}, "input", id="no input"),
        pytest.param({"model": MODEL, "input": []}, "input", id="empty input"),
        pytest.param({"model": MODEL, "input": 5}, "input", id="a number"),
        pytest.param({"model": MODEL, "input": [{"content": []}]}, "input[0].type", id="no type"),
        pytest.param({"model": MODEL, "input": [asks({"type": "text"})]}, "input[0].content[0].text", id="no text"),
        pytest.param({"model": MODEL, "input": [asks(5)]}, "input[0].content[0]", id="no block"),
        pytest.param({"model": MODEL, "input": [CALL | {"name": ""}]}, "input[0].name", id="a call of nothing"),
        pytest.param(
            {"model": MODEL, "input": [{"type": "function_result", "result": ""}]}, "input[0].call_id", id="of no call"
        ),
        pytest.param(SMALL | {"system_instruction": 5}, "system_instruction", id="instructions"),
        pytest.param(SMALL | {"generation_config": {"temperature": "warm"}}, "temperature", id="a wrong setting"),
        pytest.param(SMALL | {"tools": [{"type": "function"}]}, "tools[0].name", id="a tool without a name"),
        pytest.param(SMALL | {"tools": 5}, "tools", id="no tools"),
    ],
)
def test_a_wrong_field_is_named(value: dict[str, Any], field: str) -> None:
    """Bad input is refused with the path of what is wrong."""
    with pytest.raises(ConfigError) as caught:
        WIRE.decode_request(msgspec.json.encode(value))

    assert field == caught.value.field


def test_a_changed_setting_wins_over_what_came() -> None:
    """What is set anew is sent, although the field came in a form that the setting does not say."""
    value = SMALL | {"response_format": [{"type": "text", "mime_type": "application/json", "schema": SCHEMA}]}
    request = WIRE.decode_request(msgspec.json.encode(value))
    assert request.output is not None
    changed = msgspec.structs.replace(request, output=msgspec.structs.replace(request.output, schema={"type": "array"}))
    written = msgspec.json.decode(WIRE.encode_request(changed, PROVIDER).body)

    assert {"type": "text", "mime_type": "application/json", "schema": {"type": "array"}} == written["response_format"]


_functions = names.map("f".__add__)  # whose names begin with a letter
_texts = st.builds(text, some_text)
_blocks = st.one_of(_texts, st.just(PICTURE), st.just({"type": "video", "uri": "https://e.org/v.mp4"}))
_content = st.lists(_blocks, min_size=1, max_size=3)
_steps = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(("user_input", "model_output")), "content": _content}),
    st.fixed_dictionaries(
        {"type": st.just("thought")}, optional={"signature": names, "summary": st.lists(_texts, max_size=2)}
    ),
    st.fixed_dictionaries(
        {"type": st.just("function_call"), "id": names, "name": _functions, "arguments": json_objects},
        optional={"signature": names},
    ),
    st.fixed_dictionaries(
        {"type": st.just("function_result"), "call_id": names, "result": some_text | json_objects | _content},
        optional={"name": _functions, "is_error": st.booleans()},
    ),
    st.fixed_dictionaries({"type": st.just("url_context_call"), "id": names, "arguments": json_objects}),
)


@given(st.lists(_steps, min_size=1, max_size=5))
def test_any_conversation_is_written_as_it_was_read(given: list[dict[str, Any]]) -> None:
    """The same for steps drawn at random."""
    value = {"model": MODEL, "input": given}

    assert value == again(value)
