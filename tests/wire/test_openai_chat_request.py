"""Requests of the `openai-chat` wire, written and read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.errors import ConfigError
from dragoman.types.http import HttpRequest
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
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.openai_chat import WIRE
from tests.strategies import PNG
from tests.wire.openai_chat_bytes import ROW

PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


def row(**quirks: Any) -> Provider:
    """A provider with these quirks."""
    return Provider(name="acme", base_url="https://acme.example/v1", quirks=Quirks(**quirks))


def sent(*messages: Message, provider: Provider = ROW, **settings: Any) -> HttpRequest:
    """What is sent for these messages."""
    request = ChatRequest(model="m", messages=messages or (Message.user("hi"),), **settings)
    return WIRE.encode_request(request, provider)


def body(*messages: Message, provider: Provider = ROW, **settings: Any) -> dict[str, Any]:
    """Its body."""
    decoded: dict[str, Any] = json.loads(sent(*messages, provider=provider, **settings).body)
    return decoded


def again(asked: dict[str, Any], provider: Provider = ROW) -> dict[str, Any]:
    """A body after it was read and written."""
    request = WIRE.decode_request(json.dumps(asked).encode())
    decoded: dict[str, Any] = json.loads(WIRE.encode_request(request, provider).body)
    return decoded


# --- settings ---------------------------------------------------------------------------------------------------------


def test_the_smallest_request() -> None:
    """An unset setting is not sent; the address and headers are the dialect's."""
    request = sent()

    assert {"model": "m", "messages": [{"role": "user", "content": "hi"}]} == json.loads(request.body)
    assert "https://acme.example/v1/chat/completions" == request.url
    assert {"content-type": "application/json", "accept": "application/json"} == request.headers
    assert () == request.notices


def test_every_setting_has_its_field() -> None:
    """All settings of the dialect are written under its names."""
    fields = body(
        temperature=0.5,
        top_p=0.9,
        max_tokens=9,
        stop="x",
        seed=1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        logit_bias={"5": 1.0},
        logprobs=True,
        top_logprobs=2,
        n=2,
        parallel_tool_calls=False,
        reasoning="low",
        verbosity="high",
        service_tier="flex",
        metadata={"a": "b"},
        user="u",
        extra={"odd": 1},
        native={"openai-chat": {"store": True}, "anthropic-messages": {"never": 1}},
    )

    assert {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 9,
        "stop": ["x"],
        "seed": 1,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "logit_bias": {"5": 1},
        "logprobs": True,
        "top_logprobs": 2,
        "n": 2,
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "verbosity": "high",
        "service_tier": "flex",
        "metadata": {"a": "b"},
        "user": "u",
        "store": True,
        "odd": 1,
    } == {name: value for name, value in fields.items() if name not in ("model", "messages")}


def test_extra_wins() -> None:
    """What the caller puts into `extra` is merged last."""
    assert 5 == body(max_tokens=1, extra={"max_tokens": 5})["max_tokens"]


@pytest.mark.parametrize(
    ("quirk", "asked", "field"),
    [
        (None, {"max_tokens": 9}, "max_tokens"),
        (None, {"max_completion_tokens": 9}, "max_completion_tokens"),
        ("max_completion_tokens", {"max_tokens": 9}, "max_completion_tokens"),
        ("max_tokens", {"max_completion_tokens": 9}, "max_tokens"),
    ],
)
def test_who_names_the_cap(quirk: Any, asked: dict[str, Any], field: str) -> None:
    """The provider's row names the output cap; without it, whoever asked."""
    written = again(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], **asked}, row(max_tokens_field=quirk)
    )

    assert {field: 9} == {name: value for name, value in written.items() if "tokens" in name}


@pytest.mark.parametrize(
    ("usage", "native", "expected"),
    [
        (True, None, {"include_usage": True}),
        (False, None, None),
        (True, {"openai-chat": {"stream_options": {"include_usage": False}}}, {"include_usage": False}),
    ],
)
def test_usage_is_asked_for_in_streams(usage: bool, native: Any, expected: Any) -> None:
    """A stream asks for usage where the provider takes that, unless the request says something itself."""
    request = sent(provider=row(stream_usage=usage), stream=True, native=native)

    assert expected == json.loads(request.body).get("stream_options")
    assert json.loads(request.body)["stream"] is True
    assert "text/event-stream" == request.headers["accept"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"top_k": 5}, "top_k"),
        ({"reasoning": 100}, "reasoning.budget_tokens"),
        ({"reasoning": ReasoningSettings(effort="low", summary="auto")}, "reasoning.summary"),
        ({"cache": "1h"}, "cache.ttl"),
        ({"tools": [Tool(name="x", kind="native", native={"anthropic-messages": {"type": "x"}})]}, "tools[0]"),
    ],
)
def test_what_cannot_be_carried_is_said(settings: dict[str, Any], field: str) -> None:
    """A setting without a field in this dialect is left out with a notice."""
    assert [field] == [notice.field for notice in sent(**settings).notices]


def test_the_form_of_the_answer() -> None:
    """A schema goes out with a name that the dialect accepts."""
    output = OutputFormat(schema={"type": "object"}, name="My Answer!", strict=True)

    assert {
        "type": "json_schema",
        "json_schema": {"name": "My_Answer_", "schema": {"type": "object"}, "strict": True},
    } == body(output=output)["response_format"]
    assert {"type": "json_object"} == body(output=OutputFormat(kind="json_object"))["response_format"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", "auto"), ("required", "required"), ("f", {"type": "function", "function": {"name": "f"}})],
)
def test_the_choice_of_a_tool(choice: str, expected: Any) -> None:
    """Words go out as they are, a name as the tool that must be called."""
    tool = Tool(name="f", description="does", parameters={"type": "object"}, strict=True)
    fields = body(tools=[tool], tool_choice=choice)

    assert expected == fields["tool_choice"]
    declared = {"name": "f", "description": "does", "parameters": {"type": "object"}, "strict": True}
    assert [{"type": "function", "function": declared}] == fields["tools"]


# --- messages ---------------------------------------------------------------------------------------------------------


def test_content_of_a_user() -> None:
    """One text is a text; several parts are blocks."""
    parts = (
        Text("see"),
        Image(data=PNG),
        Image(url="https://a/b.png", detail="low"),
        Audio(data=b"ID3x"),
        File(data=b"%PDF-1", name="a.pdf"),
        File(file_id="f1"),
    )

    assert [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": PNG_URL}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(b"ID3x").decode(), "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"}},
        {"type": "file", "file": {"file_id": "f1"}},
    ] == body(Message.user(*parts))["messages"][0]["content"]


@pytest.mark.parametrize(
    ("part", "left"),
    [
        (File(url="https://a/b.pdf", name="b"), "b: https://a/b.pdf"),
        (Image(file_id="f1"), ""),
        (Audio(url="https://a/b.wav", transcript="beep"), "beep"),
        (Opaque("anthropic-messages", {"type": "x"}), ""),
        (ToolCall("a", "f"), ""),
    ],
)
def test_parts_without_a_place_are_said(part: Any, left: str) -> None:
    """A part that this dialect cannot carry becomes text or is left out, with a notice."""
    request = sent(Message("user", (part,)))

    assert left == json.loads(request.body)["messages"][0]["content"]
    assert ["messages[0].parts[0]"] == [notice.field for notice in request.notices]


def test_a_turn_of_the_model() -> None:
    """Texts are joined; calls, refusal and sound are fields."""
    turn = Message.assistant(
        "a", Reasoning("hm"), "b", ToolCall("c1", "f", '{"x":1}'), Refusal("no"), Audio(file_id="au")
    )

    assert {
        "role": "assistant",
        "content": "ab",
        "refusal": "no",
        "audio": {"id": "au"},
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
    } == body(turn)["messages"][0]


def test_results_of_tools() -> None:
    """Each result is a message; pictures follow in a user message after the last of them, with a notice."""
    request = sent(
        Message.assistant(ToolCall("a", "f"), ToolCall("b", "g")),
        Message("tool", (ToolResult("a", (Text("x"), Text("y"), Image(data=PNG))), ToolResult("b", ()))),
        Message.tool("c", "z"),
        Message.user("go on"),
    )

    assert [
        {"role": "tool", "tool_call_id": "a", "content": "xy"},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {"role": "tool", "tool_call_id": "c", "content": "z"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG_URL}}]},
        {"role": "user", "content": "go on"},
    ] == json.loads(request.body)["messages"][1:]
    assert ["messages[1].parts[0].parts[2]"] == [notice.field for notice in request.notices]


def test_results_inside_a_user_turn() -> None:
    """Results that another dialect put into a user turn come before its text."""
    turn = Message("user", (ToolResult("a", ("x",)), Text("and?")))  # type: ignore[arg-type]

    assert ["tool", "user"] == [one["role"] for one in body(turn)["messages"]]


def test_a_tool_turn_without_results_is_refused() -> None:
    """A message of role `tool` that holds no result cannot be sent."""
    with pytest.raises(ConfigError) as caught:
        sent(Message("tool", (Text("x"),)))

    assert "messages[0].parts[0]" == caught.value.field


def test_instructions_take_the_role_of_the_provider() -> None:
    """The quirk `system_role` renames system and developer turns."""
    turns = (Message.system("a"), Message("developer", "b"), Message.user("c"))  # type: ignore[arg-type]

    assert ["developer", "developer", "user"] == [
        one["role"] for one in body(*turns, provider=row(system_role="developer"))["messages"]
    ]


def test_cache_marks() -> None:
    """A mark makes its part a block that bears it, and is read back."""
    marked = Message.system(Text("long", cache=CacheMark("1h")))
    written = body(marked)
    block = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}

    assert [block] == written["messages"][0]["content"]
    part = WIRE.decode_request(json.dumps(written).encode()).messages[0].parts[0]
    assert CacheMark("1h") == part.cache


# --- what an author wants back ----------------------------------------------------------------------------------------

DETAILS = {"openai-chat": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]}}
SIGNED = ToolCall("a", "f", native={"openai-chat": {"extra_content": {"google": {"thought_signature": "s"}}}})


@pytest.mark.parametrize(
    ("origin", "goes"), [("acme/m", True), (None, True), ("other/m", False), ("anthropic/claude", False)]
)
def test_state_goes_back_only_to_its_author(origin: str | None, goes: bool) -> None:
    """Signatures and encrypted reasoning are sent to the provider that wrote them, and to no other."""
    turn = body(Message("assistant", (SIGNED,), origin=origin, native=DETAILS))["messages"][0]

    assert goes == ("reasoning_details" in turn)
    assert goes == ("extra_content" in turn["tool_calls"][0])


@pytest.mark.parametrize(
    ("origin", "field", "goes", "said"),
    [
        ("acme/m", "reasoning_content", True, []),
        (None, "reasoning_content", True, []),
        ("acme/m", None, False, [("messages[0].parts[0]", False)]),
        (None, None, False, [("messages[0].parts[0]", True)]),
        ("anthropic/claude", "reasoning_content", False, [("messages[0].parts[0]", True)]),
    ],
)
def test_reasoning_goes_back_where_its_author_takes_it(
    origin: str | None, field: str | None, goes: bool, said: list[tuple[str, bool]]
) -> None:
    """The row names the field for earlier reasoning; another provider's never goes, and what does not go is said."""
    turn = Message("assistant", (Reasoning("hm"), Text("hi")), origin=origin)
    request = sent(turn, provider=row(reasoning_field=field))

    assert goes == (json.loads(request.body)["messages"][0].get("reasoning_content") == "hm")
    assert said == [(notice.field, notice.adapted) for notice in request.notices]


def test_reasoning_that_a_client_sends_is_passed_on() -> None:
    """What came in a request goes out in the field in which it came."""
    turn = {"role": "assistant", "content": "hi", "reasoning": "hm"}

    assert turn == again({"model": "m", "messages": [turn]})["messages"][0]


# --- read and written -------------------------------------------------------------------------------------------------

USER = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    "fields",
    [
        {"stop": "x"},
        {"stop": ["x"]},
        {"stream": False},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"tools": []},
        {"tools": [{"function": {"name": "f", "parameters": {}}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "x": 1}, "cache_control": {"type": "ephemeral"}}]},
        {
            "tools": [
                {"type": "browser_search"},
                {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
            ]
        },
        {"tool_choice": "any"},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
        {"reasoning": {"effort": "low", "exclude": True}},
        {"reasoning": {"enabled": True}},
        {"reasoning": {"max_tokens": 100}},
        {"reasoning_effort": "new"},
        {"verbosity": "enormous"},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {}, "strict": False, "x": 1},
            }
        },
        {"response_format": {"type": "grammar", "value": "x"}},
        {"random_seed": 4, "top_k": -1, "max_tokens": -1, "logprobs": 2},
        {"functions": [{"name": "f"}], "function_call": "auto"},
        {"store": True, "provider": {"only": ["x"]}, "prompt_cache_key": "k"},
    ],
)
def test_settings_are_written_as_they_were_read(fields: dict[str, Any]) -> None:
    """Reading and writing a request changes nothing in its fields."""
    asked = {"model": "m", "messages": [USER], **fields}

    assert asked == again(asked)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "text", "text": "lone"}]},
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [{"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": "https://a/b.png"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG_URL, "detail": "high", "x": 1}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "https://a/b.mp3"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "https://a/b.pdf", "filename": "b"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0x"}}]},
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://a/b.webm"}}]},
        {"role": "user", "content": "x", "name": "ann"},
        {"role": "user", "content": ""},
        {"role": "assistant", "content": "", "prefix": True},
        {
            "role": "assistant",
            "content": [],
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"role": "assistant", "content": "x", "refusal": "no", "annotations": []},
        {"role": "assistant", "audio": {"id": "au1"}},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {
            "role": "assistant",
            "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "4"}, "index": 0}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "x", "name": "f"},
        {"role": "tool", "tool_call_id": "", "content": [{"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "image_url", "image_url": {"url": PNG_URL}}]},
        {"role": "function", "name": "f", "content": "x"},
        {"role": "developer", "content": "x"},
    ],
)
def test_messages_are_written_as_they_were_read(message: dict[str, Any]) -> None:
    """Reading and writing a request changes nothing in its messages; only a null may come or go."""
    written = again({"model": "m", "messages": [message]})["messages"]

    assert [message] == [{name: value for name, value in one.items() if value is not None} for one in written]


def test_a_changed_setting_wins_over_how_it_came() -> None:
    """What came under another vendor's name is not sent when the setting was changed meanwhile."""
    asked = {"model": "m", "messages": [USER], "stop": "x", "random_seed": 4, "reasoning": {"effort": "low"}}
    request = WIRE.decode_request(json.dumps(asked).encode())
    changed = json.loads(
        WIRE.encode_request(
            ChatRequest(
                model=request.model,
                messages=request.messages,
                native=request.native,
                stop=("y",),
                seed=5,
                reasoning="high",  # type: ignore[arg-type]
            ),
            ROW,
        ).body
    )

    assert {"stop": ["y"], "seed": 5, "reasoning_effort": "high"} == {
        name: value for name, value in changed.items() if name not in ("model", "messages")
    }


def test_the_values_of_a_request_that_was_read() -> None:
    """A server sees settings and messages, not the dialect."""
    asked = {
        "model": "m",
        "stream": True,
        "messages": [USER],
        "max_completion_tokens": 9,
        "stop": "x",
        "reasoning": {"effort": "low"},
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_object"},
    }
    request = WIRE.decode_request(json.dumps(asked).encode())

    assert ("m", True, 9, ("x",), "f") == (
        request.model,
        request.stream,
        request.max_tokens,
        request.stop,
        request.tool_choice,
    )
    assert ReasoningSettings(effort="low") == request.reasoning
    assert OutputFormat(kind="json_object") == request.output


def test_azure_names_the_model_in_the_address() -> None:
    """A body without a model takes the deployment's name."""
    asked = json.dumps({"messages": [USER]}).encode()

    assert "gpt x" == WIRE.decode_request(asked, path="/openai/deployments/gpt%20x/chat/completions?a=b").model


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"model": None}, "model"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function"),
        ({"tools": [5]}, "tools[0].type"),
    ],
)
def test_bad_requests_name_their_field(wrong: dict[str, Any], field: str) -> None:
    """A request that is not of the dialect is refused with the field."""
    with pytest.raises(ConfigError) as caught:
        WIRE.decode_request(json.dumps({"model": "m", "messages": [USER], **wrong}).encode())

    assert field == caught.value.field
