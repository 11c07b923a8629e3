"""Requests of Ollama's dialect, both ways."""

from __future__ import annotations

import base64
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
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.ollama_chat import WIRE
from tests.specs.bundle import Specs
from tests.strategies import PNG
from tests.wire.ollama_chat_lines import NAME, ROW, again, ask, body, fields

PICTURE = base64.b64encode(PNG).decode()
WEATHER = Tool(name="weather", description="Forecast", parameters={"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


# --- values to JSON ---------------------------------------------------------------------------------------------------


def test_a_small_request() -> None:
    """A plain answer is asked for in words, because who says nothing gets a stream."""
    request = ask(Message.system("Be brief"), Message.user("Hi"))

    assert "http://127.0.0.1:11434/api/chat" == request.url
    assert {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
        "stream": False,
    } == json.loads(request.body)
    assert ("application/json", "application/x-ndjson") == (
        request.headers["accept"],
        ask(stream=True).headers["accept"],
    )


def test_every_setting_stands_where_the_dialect_has_it() -> None:
    """Sampling goes into `options`, under the dialect's names; the rest of `options` comes from `extra`."""
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
        top_logprobs=2,
        tools=[WEATHER],
        output=OutputFormat(schema=SCHEMA),
        extra={"keep_alive": "5m", "options": {"num_ctx": 8192}},
        stream=True,
    )

    assert {
        "num_predict": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "seed": 3,
        "stop": ["a", "b"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "num_ctx": 8192,
    } == written["options"]
    assert (True, True, 2, "5m", SCHEMA) == tuple(
        written[name] for name in ("stream", "logprobs", "top_logprobs", "keep_alive", "format")
    )
    function = {"name": "weather", "description": "Forecast", "parameters": WEATHER.parameters}
    assert [{"type": "function", "function": function}] == written["tools"]


@pytest.mark.parametrize(
    ("reasoning", "expected", "noted"),
    [
        pytest.param("none", False, 0, id="off"),
        pytest.param("low", "low", 0, id="low"),
        pytest.param("max", "max", 0, id="max"),
        pytest.param("minimal", "low", 1, id="minimal"),
        pytest.param("xhigh", "high", 1, id="xhigh"),
        pytest.param(0, False, 0, id="no budget"),
        pytest.param(500, True, 1, id="a budget"),
        pytest.param(ReasoningSettings(summary="auto"), None, 1, id="only a summary"),
    ],
)
def test_reasoning_is_yes_no_or_a_level(reasoning: Any, expected: Any, noted: int) -> None:
    """Efforts become levels, budgets a plain yes, and what was lost is said."""
    request = ask(reasoning=reasoning)

    assert expected == json.loads(request.body).get("think")
    assert ["reasoning"] * noted == fields(request)


@pytest.mark.parametrize(
    ("settings", "noted"),
    [
        ({"tool_choice": "required", "tools": [WEATHER]}, ["tool_choice"]),
        ({"tool_choice": "auto", "parallel_tool_calls": True, "n": 1, "logprobs": False}, []),
        ({"parallel_tool_calls": False, "n": 2}, ["n", "parallel_tool_calls"]),
        ({"logit_bias": {"1": 1}, "verbosity": "low", "user": "u"}, ["logit_bias", "verbosity", "user"]),
        ({"tools": [Tool(name="f", strict=True)]}, ["tools"]),
        ({"tools": [Tool(name="f", kind="custom")]}, ["tools[0]"]),
        ({"tools": [Tool(name="web_search", kind="native", native={"anthropic-messages": {}})]}, ["tools[0]"]),
        ({"output": OutputFormat(kind="json_schema")}, ["output"]),
        ({"output": OutputFormat(kind="text")}, []),
    ],
)
def test_what_a_request_cannot_say_is_noted(settings: dict[str, Any], noted: list[str]) -> None:
    """A setting without a field is left out with a notice; one that asks for nothing needs none."""
    assert noted == fields(ask(**settings))


def test_forbidden_tools_are_not_sent() -> None:
    """The dialect cannot forbid tools, so none are shown, and that is said."""
    request = ask(tools=[WEATHER], tool_choice="none")

    assert "tools" not in json.loads(request.body)
    assert ["tool_choice"] == fields(request)


def test_a_turn_with_tools() -> None:
    """Calls have their arguments as objects; each result is a message that names its tool, by id or in order."""
    turns = body(
        Message.user("Weather?"),
        Message.assistant(
            Reasoning("Hm"),
            Text("Let me see."),
            ToolCall("", "weather", '{"city": "Paris"}'),
            ToolCall("", "weather", '{"city": "Rome"}'),
            ToolCall("call_9", "clock"),
        ),
        Message("tool", (ToolResult("", "sunny"), ToolResult("call_9", "noon"))),
        Message.tool(ToolCall("", "weather"), Text("rainy"), Image(data=PNG)),
    )["messages"]

    assert {
        "role": "assistant",
        "content": "Let me see.",
        "thinking": "Hm",
        "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Paris"}}},
            {"function": {"name": "weather", "arguments": {"city": "Rome"}}},
            {"id": "call_9", "function": {"name": "clock", "arguments": {}}},
        ],
    } == turns[1]
    assert [
        {"role": "tool", "content": "sunny", "tool_name": "weather"},
        {"role": "tool", "content": "noon", "tool_name": "clock", "tool_call_id": "call_9"},
        {"role": "tool", "content": "rainy", "tool_name": "weather", "images": [PICTURE]},
    ] == turns[2:]


def test_results_among_a_users_words_come_first() -> None:
    """Anthropic's form, results and words in one message of the user, becomes a result and then the words."""
    turns = body(
        Message.user("?"),
        Message.assistant(ToolCall("t1", "f")),
        Message("user", (ToolResult("t1", "done"), Text("And now?"))),
    )["messages"]

    assert ["tool", "user"] == [turn["role"] for turn in turns[2:]]
    assert "f" == turns[2]["tool_name"]


@pytest.mark.parametrize(
    ("part", "content", "noted"),
    [
        pytest.param(Image(url="https://example.org/a.png"), "", "", id="picture by address"),
        pytest.param(Image(data=PNG, detail="low"), "", ".detail", id="detail"),
        pytest.param(Audio(data=b"x", media_type="audio/wav", transcript="La"), "La", "", id="sound with words"),
        pytest.param(Audio(data=b"x", media_type="audio/wav"), "", "", id="sound"),
        pytest.param(File(data=b"words", name="a.txt"), "words", "", id="text file"),
        pytest.param(File(data=b"%PDF-", name="a.pdf"), "", "", id="other file"),
        pytest.param(File(url="https://x.org/a", name="a"), "a: https://x.org/a", "", id="file by address"),
        pytest.param(Refusal("No."), "No.", "", id="refusal"),
        pytest.param(Opaque("anthropic-messages", {"type": "x"}), "", "", id="another dialect's block"),
        pytest.param(Text("Hi", cache=CacheMark()), "Hi", ".cache", id="cache mark"),
        pytest.param(Text("Hi", (Citation(url="u"),)), "Hi", ".citations", id="sources"),
    ],
)
def test_what_a_message_cannot_hold_is_said_or_noted(part: Any, content: str, noted: str) -> None:
    """Words are sent in place of a part where there are any; everything that is lost has a notice with its place."""
    request = ask(Message("user", (part,)))

    assert content == json.loads(request.body)["messages"][0]["content"]
    assert [f"messages[0].parts[0]{noted}"] == fields(request)


def test_state_goes_back_to_its_own_provider_only() -> None:
    """Thoughts and unknown fields of an answer are sent to who wrote them."""
    call = ToolCall("", "f", native={NAME: {"function": {"index": 0}}})
    parts = (Reasoning("Hm"), Text("Hi"), call)
    own = ask(Message("assistant", parts, origin="ollama/m", native={NAME: {"mood": "calm"}}))
    foreign = ask(Message("assistant", parts, origin="deepseek/m", native={NAME: {"mood": "calm"}}))

    [turn] = json.loads(own.body)["messages"]
    assert ("Hm", "calm", 0) == (turn["thinking"], turn["mood"], turn["tool_calls"][0]["function"]["index"])
    [turn] = json.loads(foreign.body)["messages"]
    assert {"role", "content", "tool_calls"} == set(turn)
    assert {"name", "arguments"} == set(turn["tool_calls"][0]["function"])
    assert ["messages[0].parts[0]"] == fields(foreign)


@pytest.mark.parametrize("arguments", ["[1]", "not json", '{"a": '])
def test_arguments_that_are_no_object_are_sent_as_one_text(arguments: str) -> None:
    """Nothing is repaired: the text stands in an object, and that is said."""
    request = ask(Message.assistant(ToolCall("", "f", arguments)))

    [turn] = json.loads(request.body)["messages"]
    assert {"input": arguments} == turn["tool_calls"][0]["function"]["arguments"]
    assert ["messages[0].parts[0]"] == fields(request)


@pytest.mark.parametrize("stream", [False, True])
def test_written_requests_satisfy_the_specification(stream: bool) -> None:
    """A request with everything is valid by Ollama's own OpenAPI file."""
    valid = Specs().validator("ollama-native-chat")
    assert valid is not None
    sent = body(
        Message("developer", (Text("Be brief"),)),
        Message.user("What?", Image(data=PNG)),
        Message.assistant(ToolCall("c", "weather", '{"city": "Paris"}')),
        Message.tool("c", "sunny"),
        stream=stream,
        max_tokens=5,
        stop="x",
        reasoning="high",
        output=OutputFormat(kind="json_object"),
        tools=[WEATHER, Tool(name="bare")],
        logprobs=True,
    )

    assert valid(sent) is None


# --- JSON to values ---------------------------------------------------------------------------------------------------


def test_a_request_is_read_as_what_it_says() -> None:
    """Messages, options and the default of `stream` become a neutral request."""
    sent: dict[str, Any] = {
        "model": "qwen3",
        "messages": [
            {"role": "user", "content": "Look", "images": [PICTURE]},
            {"role": "assistant", "content": "", "thinking": "Hm", "tool_calls": [{"function": {"name": "f"}}]},
            {"role": "tool", "content": "done", "tool_name": "f"},
        ],
        "options": {"num_predict": 5, "stop": "x", "num_ctx": 4096},
        "think": True,
        "format": "json",
    }
    request = WIRE.decode_request(json.dumps(sent).encode())

    user, answer, result = request.messages
    assert (Image(data=PNG), Text("Look")) == user.parts
    assert ("Hm", ["f"]) == (answer.reasoning, [call.name for call in answer.tool_calls])
    [part] = result.parts
    assert isinstance(part, ToolResult)
    assert ("", "f", "done") == (part.call_id, part.name, part.text)
    assert (True, 5, ("x",)) == (request.stream, request.max_tokens, request.stop)
    assert (ReasoningSettings(effort="medium"), OutputFormat(kind="json_object")) == (request.reasoning, request.output)
    assert {NAME: {"stream": None, "think": True, "options": {"stop": "x", "num_ctx": 4096}}} == request.native


_TURN: dict[str, Any] = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="nothing said of stream"),
        pytest.param({"stream": False, "options": {}, "tools": [], "format": ""}, id="empty"),
        pytest.param({"stream": True, "options": {"num_predict": -1, "mirostat": 2}, "keep_alive": 0}, id="own fields"),
        pytest.param({"think": True}, id="think"),
        pytest.param(
            {"messages": [{"role": "tool", "content": "a", "tool_name": "", "tool_call_id": ""}]}, id="no name"
        ),
        pytest.param({"think": "max"}, id="think max"),
        pytest.param({"think": "somewhat"}, id="think, unknown"),
        pytest.param({"format": {"type": "object"}}, id="schema"),
        pytest.param({"options": {"stop": "x", "temperature": 1}}, id="lone stop"),
        pytest.param({"tools": [{"type": "function", "function": {"name": "f"}}]}, id="tool without parameters"),
        pytest.param({"tools": [{"function": {"name": "f", "parameters": {}, "x": 1}}]}, id="tool without type"),
        pytest.param({"tools": [{"type": "web_search", "limit": 3}]}, id="own tool"),
        pytest.param({"messages": [_TURN, {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]}, id="c"),
        pytest.param(
            {
                "messages": [
                    {"role": "assistant", "content": "", "tool_calls": [{"id": "x", "function": {"name": "f"}}]},
                    {"role": "tool", "content": "a"},
                    {"role": "tool", "content": "b", "tool_call_id": "x", "images": [PICTURE], "y": 1},
                ]
            },
            id="results without names",
        ),
        pytest.param({"messages": [{**_TURN, "images": [PICTURE], "mood": "calm", "thinking": ""}]}, id="unknown"),
    ],
)
def test_a_request_is_written_as_it_was_read(more: dict[str, Any]) -> None:
    """Reading and writing again gives an equal body."""
    sent = {"model": "m", "messages": [_TURN], **more}

    assert sent == again(sent)


def test_a_setting_that_was_changed_wins_over_what_came() -> None:
    """A gateway that changes a setting is not undone by the body's own form."""
    sent = {"model": "m", "messages": [_TURN], "think": True, "options": {"stop": "x", "num_ctx": 1}}
    request = WIRE.decode_request(json.dumps(sent).encode())
    changed = ChatRequest(
        model="m",
        messages=request.messages,
        reasoning=ReasoningSettings(effort="low"),
        stop=("y",),
        native=request.native,
    )
    written = json.loads(WIRE.encode_request(changed, ROW).body)

    assert ("low", {"stop": ["y"], "num_ctx": 1}) == (written["think"], written["options"])


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "king", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{**_TURN, "images": ["%"]}]}, "messages[0].images[0]"),
        ({"messages": [{**_TURN, "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": []}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"options": 5}, "options"),
        ({"options": {"temperature": "hot"}}, "temperature"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{"function": {"name": "a b"}}]}, "tools[0].function.name"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, Any], field: str) -> None:
    """A body that is no request of the dialect is refused with the place of the mistake."""
    with pytest.raises(ConfigError) as caught:
        WIRE.decode_request(json.dumps({"model": "m", "messages": [_TURN], **more}).encode())

    assert field == caught.value.field
