"""Requests of Cohere's dialect, both ways."""

from __future__ import annotations

import json
from typing import Any

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
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.requests import OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.cohere_chat import WIRE
from dragoman.wire.cohere_chat.citations import decode_citation
from dragoman.wire.data_urls import data_url
from tests.strategies import PNG
from tests.wire.cohere_chat_events import NAME, Json, again, ask, body, call, citation, fields

PICTURE = data_url(PNG, "image/png")
WEATHER = Tool(name="weather", description="Forecast", parameters={"type": "object", "properties": {}})
CLOCK = Tool(name="clock")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


# --- values to JSON ---------------------------------------------------------------------------------------------------


def test_a_small_request() -> None:
    """A lone text is a text; `stream` is said only for a stream."""
    request = ask(Message("developer", (Text("Be brief"),)), Message.user("Hi"))

    assert "https://api.cohere.com/v2/chat" == request.url
    assert {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
    } == json.loads(request.body)
    assert True is body(stream=True)["stream"]
    assert "text/event-stream" == ask(stream=True).headers["accept"]


def test_every_setting_has_the_name_of_the_dialect() -> None:
    """Settings are fields of the body; others come from `extra`."""
    written = body(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        seed=3,
        stop=["a", "b"],
        frequency_penalty=0.1,
        presence_penalty=0.2,
        logprobs=True,
        tools=[WEATHER],
        tool_choice="required",
        reasoning=500,
        output=OutputFormat(schema=SCHEMA),
        extra={"safety_mode": "STRICT", "documents": ["Tea is good."]},
    )

    function = {"name": "weather", "description": "Forecast", "parameters": WEATHER.parameters}
    assert {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "temperature": 0.5,
        "p": 0.9,
        "k": 5,
        "seed": 3,
        "stop_sequences": ["a", "b"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "logprobs": True,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "REQUIRED",
        "thinking": {"type": "enabled", "token_budget": 500},
        "response_format": {"type": "json_object", "json_schema": SCHEMA},
        "safety_mode": "STRICT",
        "documents": ["Tea is good."],
    } == written


@pytest.mark.parametrize(
    ("settings", "wanted", "noted"),
    [
        ({"reasoning": "none"}, {"thinking": {"type": "disabled"}}, []),
        ({"reasoning": 0}, {"thinking": {"type": "disabled"}}, []),
        ({"reasoning": "high"}, {"thinking": {"type": "enabled"}}, ["reasoning"]),
        ({"reasoning": ReasoningSettings(summary="auto")}, {}, ["reasoning"]),
        ({"tool_choice": "none", "tools": [CLOCK]}, {"tool_choice": "NONE"}, []),
        ({"tool_choice": "auto"}, {}, []),
        ({"output": OutputFormat(kind="json_object")}, {"response_format": {"type": "json_object"}}, []),
        ({"output": OutputFormat(kind="json_schema")}, {"response_format": {"type": "json_object"}}, ["output"]),
        ({"output": OutputFormat(kind="text")}, {"response_format": {"type": "text"}}, []),
        ({"tools": [Tool(name="f", strict=True)]}, {"strict_tools": True}, []),
        ({"tools": [Tool(name="f", strict=False)]}, {"strict_tools": False}, []),
        ({"tools": [Tool(name="f", strict=True), CLOCK]}, {"strict_tools": False}, ["tools"]),
        ({"n": 2, "top_logprobs": 3, "user": "u"}, {}, ["n", "top_logprobs", "user"]),
        ({"parallel_tool_calls": False, "service_tier": "flex"}, {}, ["parallel_tool_calls", "service_tier"]),
    ],
)
def test_what_is_adapted_is_noted(settings: Json, wanted: Json, noted: list[str]) -> None:
    """What the dialect says otherwise is translated, and what it cannot say has a notice."""
    request = ask(**settings)
    written = json.loads(request.body)

    assert wanted == {name: value for name, value in written.items() if name not in ("model", "messages", "tools")}
    assert sorted(noted) == sorted(fields(request))


def test_a_named_tool_is_the_only_one_declared() -> None:
    """The dialect can demand a tool but not name it, so no other is shown."""
    request = ask(tools=[WEATHER, CLOCK], tool_choice="clock")
    written = json.loads(request.body)

    assert ("REQUIRED", ["clock"]) == (written["tool_choice"], [tool["function"]["name"] for tool in written["tools"]])
    assert ["tool_choice"] == fields(request)


def test_a_turn_with_tools() -> None:
    """Calls keep their text and ids; calls without ids get some, and so do their results; pictures go to the user."""
    turns = body(
        Message.user("Weather?", Image(data=PNG, detail="low"), Image(url="https://example.org/a.png")),
        Message.assistant(Reasoning("Hm"), Text("Let me see."), ToolCall("c1", "weather", '{"city":  "Paris"}')),
        Message("tool", (ToolResult("c1", (Text("sunny"), Image(data=PNG))),)),
        Message.assistant(ToolCall("", "clock"), ToolCall("", "clock", "x", "custom")),
        Message("tool", (ToolResult("", "noon", "clock"), ToolResult("", "late"))),
    )["messages"]

    assert [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Weather?"},
                {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Let me see."}],
            "tool_calls": [call("c1", "weather", '{"city":  "Paris"}')],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
        {
            "role": "assistant",
            "tool_calls": [call("call_0", "clock", "{}"), call("call_1", "clock", '{"input":"x"}')],
        },
        {"role": "tool", "tool_call_id": "call_0", "content": "noon"},
        {"role": "tool", "tool_call_id": "call_1", "content": "late"},
    ] == turns


@pytest.mark.parametrize(
    ("role", "part", "content", "noted"),
    [
        pytest.param("user", Image(file_id="f"), "", "", id="picture by id"),
        pytest.param("assistant", Image(data=PNG), "", "", id="picture of the model"),
        pytest.param("user", Audio(data=b"x", media_type="audio/wav", transcript="La"), "La", "", id="sound"),
        pytest.param("user", File(data=b"words", name="a.txt"), "words", "", id="text file"),
        pytest.param("user", File(data=b"%PDF-"), "", "", id="other file"),
        pytest.param("user", Opaque("openai-responses", {"type": "x"}), "", "", id="another dialect's block"),
        pytest.param("user", Text("Hi", cache=CacheMark()), "Hi", ".cache", id="cache mark"),
        pytest.param("assistant", Text("Hi", (Citation(url="u"),)), "Hi", ".citations", id="foreign sources"),
        pytest.param("user", Reasoning("Hm"), "", "", id="a thought of the user"),
    ],
)
def test_what_a_message_cannot_hold_is_said_or_noted(role: Any, part: Any, content: str, noted: str) -> None:
    """Words are sent in place of a part where there are any; everything that is lost has a notice with its place."""
    request = ask(Message(role, (part,)))

    assert content == json.loads(request.body)["messages"][0]["content"]
    assert [f"messages[0].parts[0]{noted}"] == fields(request)


def test_an_answer_goes_back_as_it_came() -> None:
    """Plan, thoughts and sources return to who wrote them, and to nobody else."""
    source = citation(0, 3, "Tea")
    loose = citation(0, 1, "I", type="PLAN")
    parts = (Reasoning("Hm"), Text("Tea", (decode_citation(source),)), ToolCall("c", "f"))
    native = {NAME: {"tool_plan": "I ask.", "citations": [loose]}}
    own = json.loads(ask(Message("assistant", parts, origin="cohere/m", native=native)).body)["messages"]
    request = ask(Message("assistant", parts, origin="other/m", native=native))

    assert [
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Tea"}],
            "tool_calls": [call("c", "f", "{}")],
            "tool_plan": "I ask.",
            "citations": [source, loose],
        }
    ] == own
    assert [{"role": "assistant", "content": "Tea", "tool_calls": [call("c", "f", "{}")]}] == json.loads(request.body)[
        "messages"
    ]
    assert ["messages[0].parts[0]", "messages[0].parts[1].citations"] == fields(request)


# --- JSON to values ---------------------------------------------------------------------------------------------------


def test_a_request_is_read_as_what_it_says() -> None:
    """Blocks, calls, results and settings become a neutral request."""
    document = {"type": "document", "document": {"id": "d", "data": {"text": "sunny"}}}
    sent: Json = {
        "model": "command-a",
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
            {"role": "assistant", "tool_plan": "Ask.", "tool_calls": [call("c", "f", "")]},
            {"role": "tool", "tool_call_id": "c", "content": [document]},
        ],
        "p": 0.5,
        "k": 3,
        "thinking": {"type": "enabled"},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "strict_tools": True,
        "stream": True,
    }
    request = WIRE.decode_request(json.dumps(sent).encode())

    user, answer, result = request.messages
    [picture] = user.parts
    assert isinstance(picture, Image)
    assert (PNG, "image/png") == (picture.data, picture.media_type)
    assert {NAME: {"tool_plan": "Ask."}} == answer.native
    assert {} == answer.tool_calls[0].arguments
    [part] = result.parts
    assert isinstance(part, ToolResult)
    assert ("c", "sunny") == (part.call_id, part.text)
    assert (0.5, 3, True) == (request.top_p, request.top_k, request.stream)
    assert ReasoningSettings(effort="medium") == request.reasoning
    assert request.tools is not None
    assert True is request.tools[0].strict


_TURN: Json = {"role": "user", "content": "Hi"}
_LOOSE = citation(0, 1, "I", type="PLAN")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="nothing more"),
        pytest.param({"stream": False, "tools": [], "stop_sequences": []}, id="empty"),
        pytest.param(
            {"documents": [{"data": {"a": 1}, "id": "x"}], "citation_options": {"mode": "FAST"}, "priority": 3},
            id="own",
        ),
        pytest.param({"thinking": {"type": "enabled"}, "tool_choice": "SOME"}, id="thinking"),
        pytest.param({"thinking": {"type": "enabled", "token_budget": 9}, "tool_choice": "NONE"}, id="budget"),
        pytest.param({"response_format": {"type": "json_object", "schema": {}}}, id="an older name"),
        pytest.param({"response_format": {"type": "json_object", "json_schema": {"type": "object"}}}, id="schema"),
        pytest.param({"stop_sequences": "x"}, id="lone stop"),
        pytest.param({"strict_tools": True}, id="strict without tools"),
        pytest.param({"messages": [{"role": "assistant", "content": "a", "citations": []}]}, id="no citations"),
        pytest.param({"messages": [{"role": "assistant", "content": "a", "citations": [{}]}]}, id="an empty citation"),
        pytest.param(
            {"strict_tools": False, "tools": [{"type": "function", "function": {"name": "f"}}]}, id="not strict"
        ),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}, id="lone block"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "", "x": 1}, {"type": "new"}]}]}, id="b"
        ),
        pytest.param({"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": []}]}, id="none"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE, "x": 1}}]}]},
            id="picture",
        ),
        pytest.param(
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Tea"}],
                        "citations": [citation(0, 3, "Tea", content_index=1), _LOOSE],
                        "tool_plan": "I ask.",
                        "tool_calls": [call("c", "f", "")],
                        "mood": "calm",
                    },
                    {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}], "x": 1},
                ]
            },
            id="an answer with everything",
        ),
        pytest.param(
            {
                "messages": [
                    {"role": "assistant", "content": "Tea", "citations": [_LOOSE, citation(0, 3, "Tea")]},
                    {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
                    {"role": "tool", "content": [{"type": "document", "document": {"data": {"t": 1, "u": "2"}}}]},
                ]
            },
            id="citations in another order, a call without id",
        ),
    ],
)
def test_a_request_is_written_as_it_was_read(more: Json) -> None:
    """Reading and writing again gives an equal body."""
    sent = {"model": "m", "messages": [_TURN], **more}

    assert sent == again(sent)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "king", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{**_TURN, "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
        (
            {
                "messages": [
                    {**_TURN, "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%"}}]}
                ]
            },
            "messages[0].content[0]",
        ),
        ({"messages": []}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ],
)
def test_what_is_wrong_is_named(more: Json, field: str) -> None:
    """A body that is no request of the dialect is refused with the place of the mistake."""
    with pytest.raises(ConfigError) as caught:
        WIRE.decode_request(json.dumps({"model": "m", "messages": [_TURN], **more}).encode())

    assert field == caught.value.field
