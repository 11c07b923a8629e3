"""Requests of the `gemini-generate` wire, written and read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.errors import ConfigError
from dragoman.types.messages import (
    Audio,
    CacheMark,
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
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.gemini_generate import WIRE
from dragoman.wire.gemini_generate.contents import NO_SIGNATURE, generation
from tests.strategies import PNG
from tests.wire.gemini_generate_bytes import PATH, ROW, again, asking, notices, received, sent

SIGNED = {"gemini-generate": {"thoughtSignature": "c2ln"}}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "stream", "url"),
    [
        ("gemini-3-flash", False, "https://gemini.example/v1beta/models/gemini-3-flash:generateContent"),
        ("gemini-3-flash", True, "https://gemini.example/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", False, "https://gemini.example/v1beta/tunedModels/mine:generateContent"),
        ("odd name?", False, "https://gemini.example/v1beta/models/odd%20name%3F:generateContent"),
    ],
)
def test_the_address_says_model_and_stream(model: str, stream: bool, url: str) -> None:
    """Model and method stand in the path, as the server half reads them back."""
    written = WIRE.encode_request(asking(model=model, stream=stream), ROW)
    request = WIRE.decode_request(written.body, path=written.url.removeprefix("https://gemini.example"))

    assert url == written.url
    assert (model, stream) == (request.model, request.stream)


def test_a_provider_with_an_address_of_its_own() -> None:
    """A row's path holds places for model and method, and its query is joined to the dialect's."""
    path = "v1/projects/p/locations/eu/publishers/google/models/{model}:{method}"
    row = Provider(name="vertex", base_url="https://v.example", quirks=Quirks(path=path, query="x=1"))
    written = WIRE.encode_request(asking(stream=True), row)

    assert (
        "https://v.example/v1/projects/p/locations/eu/publishers/google/models/"
        "gemini-3-flash:streamGenerateContent?alt=sse&x=1"
    ) == written.url
    assert "gemini-3-flash" == WIRE.decode_request(written.body, path=written.url).model


# --- messages ---------------------------------------------------------------------------------------------------------


def test_instructions_and_turns() -> None:
    """Instructions at the head stand apart; the roles are user and model."""
    body = sent(
        Message.system("Be brief."), Message("developer", "And kind."), Message.user("hi"), Message.assistant("yo")
    )

    assert {
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "And kind."}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "yo"}]}],
    } == body


def test_instructions_between_turns() -> None:
    """Later instructions become a turn of the user, which is said."""
    messages = (Message.user("hi"), Message.system("Now in French."))

    assert {"role": "user", "parts": [{"text": "Now in French."}]} == sent(*messages)["contents"][1]
    assert ["messages[1]"] == notices(*messages)


def test_only_instructions() -> None:
    """Without anything to answer nothing is sent."""
    with pytest.raises(ConfigError) as caught:
        sent(Message.system("Be brief."))

    assert "messages" == caught.value.field


def test_media() -> None:
    """Bytes go inline, addresses and ids as file data, with the media type that is known or told by the ending."""
    data = base64.b64encode(PNG).decode()
    body = sent(
        Message.user(
            Image(data=PNG),
            Image(url="https://e.example/a.png"),
            File(file_id="files/7", media_type="video/mp4"),
            Audio(data=b"x", media_type="audio/wav"),
        )
    )

    assert [
        {"inlineData": {"mimeType": "image/png", "data": data}},
        {"fileData": {"fileUri": "https://e.example/a.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "files/7", "mimeType": "video/mp4"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "eA=="}},
    ] == body["contents"][0]["parts"]


def test_results_of_one_turn_stand_together() -> None:
    """Results in messages of their own become one content; the function's name comes from the result or its call."""
    calls = (ToolCall("a", "f"), ToolCall("b", "g", '{"x":1}'))
    body = sent(
        Message.user("hi"),
        Message("assistant", calls, origin="gemini/gemini-3-flash"),
        Message.tool("a", "sunny"),
        Message.tool(calls[1], "broken", is_error=True),
        Message.user("and?"),
    )

    assert {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "f", "response": {"output": "sunny"}}},
            {"functionResponse": {"id": "b", "name": "g", "response": {"error": "broken"}}},
        ],
    } == body["contents"][2]
    assert 4 == len(body["contents"])


def test_results_of_calls_without_ids() -> None:
    """Where nobody gave ids, results without a name answer the calls in order, and no id is made up."""
    body = sent(
        Message.user("hi"),
        Message.assistant(ToolCall("", "f"), ToolCall("", "g")),
        Message.tool("", "1"),
        Message.tool("", "2"),
    )

    assert [{"name": "f", "response": {"output": "1"}}, {"name": "g", "response": {"output": "2"}}] == [
        part["functionResponse"] for part in body["contents"][2]["parts"]
    ]


def test_a_result_without_a_call() -> None:
    """The dialect requires a name: that none is known is said."""
    messages = (Message.user("hi"), Message.tool("lost", "1"))

    assert "unknown" == sent(*messages)["contents"][1]["parts"][0]["functionResponse"]["name"]
    assert ["messages[1].parts[0].name"] == notices(*messages)


@pytest.mark.parametrize("model", ["gemini-3-flash", "gemini-flash-latest"])
def test_media_in_results(model: str) -> None:
    """From generation 3 on a result holds its pictures itself."""
    result = Message("tool", (ToolResult("a", ("see", Image(data=PNG)), "f"),))  # type: ignore[arg-type]
    [part] = sent(Message.user("hi"), result, model=model)["contents"][1]["parts"]

    assert "image/png" == part["functionResponse"]["parts"][0]["inlineData"]["mimeType"]


def test_media_beside_results() -> None:
    """Before that, pictures stand after the result, which is said."""
    result = Message("tool", (ToolResult("a", ("see", Image(data=PNG)), "f"),))  # type: ignore[arg-type]
    response, picture = sent(Message.user("hi"), result, model="gemini-2.5-flash")["contents"][1]["parts"]

    assert ({"output": "see"}, "image/png") == (
        response["functionResponse"]["response"],
        picture["inlineData"]["mimeType"],
    )
    assert ["messages[1].parts[0].parts[1]"] == notices(Message.user("hi"), result, model="gemini-2.5-flash")


@pytest.mark.parametrize(
    ("arguments", "kind", "expected", "said"),
    [
        ('{"a":1}', "function", {"a": 1}, []),
        ("", "function", {}, []),
        ("free", "custom", {"input": "free"}, []),
        ("[1", "function", {"INVALID_JSON": "[1"}, ["messages[1].parts[0].arguments_json"]),
    ],
)
def test_arguments_are_objects(arguments: str, kind: Any, expected: dict[str, Any], said: list[str]) -> None:
    """Arguments go as an object; what is none travels inside one and is never repaired."""
    messages = (Message.user("hi"), Message("assistant", (ToolCall("a", "f", arguments, kind),)))

    assert expected == sent(*messages)["contents"][1]["parts"][0]["functionCall"]["args"]
    assert said == notices(*messages)


# --- whose thoughts and signatures ------------------------------------------------------------------------------------

THOUGHT = (
    Reasoning("Hm.", native={"gemini-generate": {}}),
    ToolCall("", "f", native=SIGNED),
    ToolCall("", "g"),
)


@pytest.mark.parametrize("origin", [None, "gemini/gemini-3-pro"])
def test_own_thoughts_go_back(origin: str | None) -> None:
    """What this provider wrote goes back as it came, signed where it was signed."""
    body = sent(Message.user("hi"), Message("assistant", THOUGHT, origin=origin))

    assert [
        {"text": "Hm.", "thought": True},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "g", "args": {}}},
    ] == body["contents"][1]["parts"]


def test_foreign_thoughts_and_signatures_stay_away() -> None:
    """Of another provider's turn only what everybody reads is sent; its first call gets the documented stand-in."""
    messages = (Message.user("hi"), Message("assistant", THOUGHT, origin="vertex/gemini-3-pro"))

    assert [
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": NO_SIGNATURE},
        {"functionCall": {"name": "g", "args": {}}},
    ] == sent(*messages)["contents"][1]["parts"]
    assert ["messages[1].parts[0]"] == notices(*messages)
    assert b"skip_thought_signature_validator" == base64.b64decode(NO_SIGNATURE)


@pytest.mark.parametrize(
    ("model", "origin", "signed"),
    [
        ("gemini-3-flash", None, True),
        ("gemini-3-flash", "openai/gpt", True),
        ("gemini-3-flash", "gemini/gemini-2.5-flash", True),
        ("gemini-3-flash", "gemini/gemini-3-pro", True),
        ("gemini-2.5-flash", "openai/gpt", False),
        ("gemma-3-27b-it", "openai/gpt", False),
    ],
)
def test_who_needs_the_stand_in(model: str, origin: str | None, signed: bool) -> None:
    """Only models that check signatures are sent one, for turns that have none."""
    body = sent(Message.user("hi"), Message("assistant", (ToolCall("a", "f"),), origin=origin), model=model)

    assert signed == ("thoughtSignature" in body["contents"][1]["parts"][0])


@pytest.mark.parametrize(
    ("model", "expected"),
    [("gemini-2.5-pro", 2), ("gemini-4-argon", 4), ("models/gemini-3.1-pro", 3), ("gemini-pro-latest", 99), ("x", 0)],
)
def test_generations(model: str, expected: int) -> None:
    """The first number of a name is its generation."""
    assert expected == generation(model)


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (Reasoning("hm"), ["messages[1].parts[0]", "messages[1]"]),
        (Opaque("openai-responses", {"type": "x"}), ["messages[1].parts[0]", "messages[1]"]),
        (Refusal("no"), ["messages[1].parts[0]"]),
        (Text("a", cache=CacheMark()), ["messages[1].parts[0].cache"]),
        (File(data=b"x", media_type="text/plain", name="a.txt"), ["messages[1].parts[0].name"]),
        (Image(data=PNG, detail="low"), ["messages[1].parts[0].detail"]),
    ],
)
def test_what_cannot_be_carried_is_said(part: Any, fields: list[str]) -> None:
    """Each thing that is left out or adapted is named."""
    assert fields == notices(Message.user("hi"), Message("assistant", (part,)))


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings() -> None:
    """Each setting has its field of generationConfig, and is read back as it was."""
    settings: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 100,
        "stop": ("a",),
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "reasoning": ReasoningSettings(budget_tokens=5, summary="auto"),
        "service_tier": "flex",
    }
    body = sent(**settings)

    assert {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "maxOutputTokens": 100,
        "stopSequences": ["a"],
        "seed": 7,
        "frequencyPenalty": 0.1,
        "presencePenalty": 0.2,
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
        "thinkingConfig": {"thinkingBudget": 5, "includeThoughts": True},
    } == body["generationConfig"]
    assert "flex" == body["serviceTier"]
    request = received(body)
    assert settings == {name: getattr(request, name) for name in settings}
    assert request.native is None


@pytest.mark.parametrize(
    ("model", "effort", "expected", "said"),
    [
        ("gemini-3-flash", "low", {"thinkingLevel": "low"}, False),
        ("gemini-3-flash", "none", {"thinkingLevel": "low"}, True),
        ("gemini-3-flash", "max", {"thinkingLevel": "xhigh"}, True),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192}, False),
        ("gemini-2.5-flash", "max", {"thinkingBudget": 24576}, True),
    ],
)
def test_efforts(model: str, effort: Any, expected: dict[str, Any], said: bool) -> None:
    """An effort is a level from generation 3 on and a budget before; the nearest is sent where there is none."""
    assert expected == sent(model=model, reasoning=effort)["generationConfig"]["thinkingConfig"]
    assert (["reasoning"] if said else []) == notices(model=model, reasoning=effort)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (OutputFormat(kind="json_object"), {"responseMimeType": "application/json"}),
        (
            OutputFormat(schema=SCHEMA, name="output"),
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
    ],
)
def test_the_form_of_the_answer(output: OutputFormat, expected: dict[str, Any]) -> None:
    """JSON, and JSON of a schema, both ways."""
    body = sent(output=output)

    assert expected == body["generationConfig"]
    assert output == received(body).output


def test_tools() -> None:
    """Functions are declared together with JSON Schema; Google's own tools stand beside them."""
    tools = (
        Tool(name="f", description="d", parameters=SCHEMA),
        Tool(name="googleSearch", kind="native", native={"gemini-generate": {"googleSearch": {}}}),
        Tool(name="g"),
    )
    body = sent(tools=tools, tool_choice="g")

    assert [
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}, {"name": "g"}]},
        {"googleSearch": {}},
    ] == body["tools"]
    assert {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["g"]}} == body["toolConfig"]
    assert [("f", "function"), ("g", "function"), ("googleSearch", "native")] == [
        (tool.name, tool.kind) for tool in received(body).tools or ()
    ]


@pytest.mark.parametrize(("choice", "mode"), [("auto", "AUTO"), ("required", "ANY"), ("none", "NONE")])
def test_tool_choices(choice: str, mode: str) -> None:
    """Each word has its mode, both ways."""
    body = sent(tools=(Tool(name="f"),), tool_choice=choice)

    assert {"functionCallingConfig": {"mode": mode}} == body["toolConfig"]
    assert choice == received(body).tool_choice


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"logit_bias": {"1": 2}, "verbosity": "low", "user": "u"}, ["logit_bias", "verbosity", "user"]),
        ({"metadata": {"a": "b"}, "parallel_tool_calls": False}, ["parallel_tool_calls", "metadata"]),
        ({"parallel_tool_calls": True, "cache": True, "metadata": {}}, []),
        ({"tools": (Tool(name="f", strict=True),)}, ["tools[0].strict"]),
        ({"tools": (Tool(name="f", kind="custom"),)}, ["tools[0]"]),
        ({"tools": (Tool(name="web_search", kind="native", native={"openai-responses": {}}),)}, ["tools[0]"]),
        ({"reasoning": ReasoningSettings(effort="low", budget_tokens=9)}, ["reasoning"]),
    ],
)
def test_settings_without_a_field_are_said(settings: dict[str, Any], fields: list[str]) -> None:
    """What the dialect cannot say is named; what asks for nothing new is not."""
    assert fields == notices(**settings)


def test_extra_fields() -> None:
    """Extra fields go into the body, objects joined with what is there."""
    body = sent(max_tokens=5, extra={"generationConfig": {"continuationToken": "t"}, "labels": {"a": "b"}})

    assert {"maxOutputTokens": 5, "continuationToken": "t"} == body["generationConfig"]
    assert {"a": "b"} == body["labels"]


# --- read and written again -------------------------------------------------------------------------------------------


HI: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    "fields",
    [
        {"systemInstruction": {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}},
        {"system_instruction": {"parts": [{"text": "a"}]}},
        {"generation_config": {"max_output_tokens": 5, "thinking_config": {"include_thoughts": True}}},
        {"generationConfig": {}},
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}, "topK": 40.0}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH", "newField": 1}}},
        {"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING"}}},
        {"generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}}},
        {"generationConfig": {"responseModalities": ["TEXT"], "mediaResolution": "X"}},
        {"tools": {"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}},
        {"tools": [{"googleSearch": {}, "functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]},
        {"tools": [{"functionDeclarations": [{"name": "f"}]}, {"functionDeclarations": [{"name": "g"}]}]},
        {"tools": []},
        {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}, "includeServerSideToolInvocations": True}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}}},
        {"safetySettings": [{"category": "C", "threshold": "T"}], "cachedContent": "c", "labels": {"a_b": "c_d"}},
    ],
)
def test_a_body_is_written_as_it_came(fields: dict[str, Any]) -> None:
    """Whatever the settings are and however they are spelled, they go out as they came in."""
    assert HI | fields == again(HI | fields)


@pytest.mark.parametrize(
    "content",
    [
        {"role": "user", "parts": [{"text": ""}]},
        {"parts": [{"text": "no role"}]},
        {
            "role": "user",
            "parts": [{"inline_data": {"mime_type": "image/png", "data": base64.b64encode(PNG).decode()}}],
        },
        {"role": "user", "parts": [{"inlineData": {"mimeType": "x/y", "data": "-_8=", "displayName": "n"}}]},
        {"role": "user", "parts": [{"fileData": {"file_uri": "https://e/v"}, "videoMetadata": {"fps": 0.5}}]},
        {"role": "model", "parts": [{"text": "t", "thought": True, "thoughtSignature": "c2ln"}, {"text": "a"}]},
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g", "args": {"a": None}}}],
        },
        {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"a_b": 1}}, "thought_signature": "c2ln"}]},
        {"role": "model", "parts": [{"toolCall": {"tool_type": "X", "id": "1"}}, {"executableCode": {"code": "1"}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"result": {"a": None}}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}, "willContinue": False}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": [1]}}}, {"text": "and"}]},
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "1",
                        "name": "f",
                        "response": {"output": "see"},
                        "parts": [{"file_data": {"file_uri": "gs://b/a", "mime_type": "image/png"}}],
                    }
                }
            ],
        },
    ],
)
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_a_content_is_written_as_it_came(content: dict[str, Any], model: str) -> None:
    """Whatever a content holds, it goes out as it came in, for every generation."""
    body = {"contents": [*HI["contents"], content, content]}

    assert body == again(body, f"/v1beta/models/{model}:generateContent")


def test_what_was_changed_meanwhile_wins() -> None:
    """State that was kept from the body never covers what was set since."""
    body = HI | {
        "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": -1}},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
    }
    request = received(body)
    fields = {name: getattr(request, name) for name in ("model", "messages", "native")}
    changed = type(request)(**fields, max_tokens=9, reasoning=7, tools=(Tool(name="g"),), tool_choice="none")  # type: ignore[arg-type]
    written = json.loads(WIRE.encode_request(changed, ROW).body)

    assert {"max_output_tokens": 9, "thinking_config": {"thinking_budget": 7}} == written["generation_config"]
    assert [{"functionDeclarations": [{"name": "g"}]}] == written["tools"]
    assert {"functionCallingConfig": {"mode": "NONE"}} == written["toolConfig"]


def test_tools_that_were_taken_away_stay_away() -> None:
    """An empty list of tools covers the one that came."""
    request = received(HI | {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}]})
    fields = {name: getattr(request, name) for name in ("model", "messages", "native")}

    assert "tools" not in json.loads(WIRE.encode_request(type(request)(**fields, tools=()), ROW).body)


def test_what_a_request_means() -> None:
    """Neutral values stand where every other wire finds them."""
    request = received(
        {
            "system_instruction": {"parts": {"text": "sys"}},
            "contents": [
                {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo="}}]},
                {"role": "model", "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "f"}}]},
                {"parts": [{"functionResponse": {"name": "f", "response": {"error": "bad"}}}]},
            ],
            "tools": [
                {
                    "function_declarations": [
                        {
                            "name": "f",
                            "parameters": {
                                "type": "OBJECT",
                                "properties": {"a": {"type": "STRING", "nullable": True, "max_length": "3"}},
                                "propertyOrdering": ["a"],
                            },
                        }
                    ]
                },
                {"google_search": {}},
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "any", "allowedFunctionNames": ["f"]}},
        },
        PATH.replace("generateContent", "streamGenerateContent"),
    )

    assert (True, "f") == (request.stream, request.tool_choice)
    assert ["system", "user", "assistant", "tool"] == [message.role for message in request.messages]
    assert isinstance(request.messages[1].parts[0], Image)
    assert ("hm", ["f"]) == (request.messages[2].reasoning, [made.name for made in request.messages[2].tool_calls])
    [result] = request.messages[3].parts
    assert isinstance(result, ToolResult)
    assert ("f", "bad", True) == (result.name, result.text, result.is_error)
    assert request.tools is not None
    assert {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"], "maxLength": 3}},
    } == request.tools[0].parameters
    assert ("googleSearch", "native") == (request.tools[1].name, request.tools[1].kind)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": 5}, "contents"),
        ({"contents": ["hi"]}, "contents[0]"),
        ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": 5}]}, "contents[0].parts"),
        ({"contents": [{"parts": [5]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"contents": [{"parts": [{"inlineData": {"data": "?"}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"contents": [{"parts": [{"fileData": {}}]}]}, "contents[0].parts[0].fileData.fileUri"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ({"contents": [{"parts": [{"functionResponse": {}}]}]}, "contents[0].parts[0].functionResponse.name"),
        (HI | {"tools": 5}, "tools"),
        (HI | {"tools": [5]}, "tools[0]"),
        (HI | {"tools": [{"functionDeclarations": [{"name": "a b"}]}]}, "tools[0].functionDeclarations[0].name"),
        (HI | {"generationConfig": {"temperature": "hot"}}, "temperature"),
        (HI | {"generationConfig": {"maxOutputTokens": "many"}}, "max_tokens"),
    ],
)
def test_what_is_no_request(body: Any, field: str) -> None:
    """What is wrong in a body is named by its path."""
    with pytest.raises(ConfigError) as caught:
        received(body)

    assert field == caught.value.field


def test_a_request_without_a_model() -> None:
    """The model stands in the path; without it the error says so."""
    with pytest.raises(ConfigError) as caught:
        received(HI, path="")

    assert "model" == caught.value.field
