"""Requests to the Anthropic dialect: what messages, parts and tool calls become."""

from __future__ import annotations

import base64
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
from tests.strategies import PNG
from tests.wire.anthropic_asking import NAME, ask, body, content, fields, read

# --- instructions -----------------------------------------------------------------------------------------------------


def test_one_plain_instruction_is_a_string() -> None:
    """Instructions at the head leave `messages`, whether of the system or the developer."""
    for role in ("system", "developer"):
        sent = body(Message(role, "Be brief"), Message.user("Hi"))  # type: ignore[arg-type]

        assert ("Be brief", [{"role": "user", "content": "Hi"}]) == (sent["system"], sent["messages"])


def test_several_instructions_are_blocks() -> None:
    """They stay apart, and keep their cache marks."""
    sent = body(Message.system("a"), Message.system(Text("b", cache=CacheMark("1h"))), Message.user("Hi"))

    assert [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ] == sent["system"]


def test_later_instructions_stay_in_their_place() -> None:
    """The API takes system turns in the middle of a conversation."""
    sent = body(Message.user("Hi"), Message("developer", "Now in French"), Message.user("Go"))

    assert "system" not in sent
    assert ["user", "system", "user"] == [turn["role"] for turn in sent["messages"]]


def test_instructions_alone_are_refused() -> None:
    """The API needs a message to answer, and the error says so before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        ask(Message.system("Be brief"))

    assert "messages" == caught.value.field


# --- turns ------------------------------------------------------------------------------------------------------------


def test_results_of_one_turn_share_a_message() -> None:
    """Consecutive tool messages become one user message; nothing else is merged."""
    first, second = ToolCall("c1", "weather", '{"a":1}'), ToolCall("c2", "weather", "{}")
    sent = body(
        Message.user("q"),
        Message.assistant(first, second),
        Message.tool(first, "sunny"),
        Message.tool(second, "rain", is_error=True),
        Message.user("and?"),
        Message.user("well?"),
    )

    assert [
        {"role": "user", "content": "q"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"a": 1}},
                {"type": "tool_use", "id": "c2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "rain", "is_error": True},
            ],
        },
        {"role": "user", "content": "and?"},
        {"role": "user", "content": "well?"},
    ] == sent["messages"]


def test_a_result_may_hold_several_parts() -> None:
    """Texts and pictures of a result are its blocks; a result of nothing has no content."""
    result = ToolResult("c1", (Text("see"), Image(data=PNG)))

    blocks = content(result, ToolResult("c2"), role="user")

    assert [
        {
            "type": "tool_result",
            "tool_use_id": "c1",
            "content": [
                {"type": "text", "text": "see"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
                },
            ],
        },
        {"type": "tool_result", "tool_use_id": "c2"},
    ] == blocks


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param(
            Image(url="https://e.org/a.png"),
            {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
            id="image url",
        ),
        pytest.param(
            Image(file_id="f1"), {"type": "image", "source": {"type": "file", "file_id": "f1"}}, id="image file"
        ),
        pytest.param(
            File(data=b"%PDF-1.4", name="a.pdf"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="},
                "title": "a.pdf",
            },
            id="pdf",
        ),
        pytest.param(
            File(data=b"hello", media_type="text/plain"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}},
            id="text",
        ),
        pytest.param(
            File(url="https://e.org/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://e.org/a.pdf"}},
            id="document url",
        ),
        pytest.param(
            File(file_id="f1", native={NAME: {"citations": {"enabled": True}, "context": "c"}}),
            {
                "type": "document",
                "source": {"type": "file", "file_id": "f1"},
                "citations": {"enabled": True},
                "context": "c",
            },
            id="document file with its configuration",
        ),
        pytest.param(
            File(data=PNG),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
            },
            id="a picture given as a file",
        ),
        pytest.param(
            Text("a", cache=CacheMark()),
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
            id="cache mark",
        ),
        pytest.param(
            Opaque(NAME, {"type": "container_upload", "file_id": "f"}),
            {"type": "container_upload", "file_id": "f"},
            id="block of this dialect",
        ),
    ],
)
def test_each_part_has_its_block(part: Any, expected: dict[str, Any]) -> None:
    """Parts become content blocks."""
    assert [expected] == content(part, role="user")


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(Audio(data=b"ID3", media_type="audio/mpeg"), id="sound"),
        pytest.param(Opaque("openai-chat", {"type": "x"}), id="block of another dialect"),
        pytest.param(Reasoning("hm"), id="unsigned reasoning"),
        pytest.param(Reasoning("hm", native={"openai-chat": {}}), id="reasoning of another dialect"),
    ],
)
def test_what_cannot_be_carried_is_reported(part: Any) -> None:
    """It is left out, the rest of its message is sent, and the notice names its place."""
    sent = ask(Message.user("Hi"), Message.assistant(part, "so"))

    assert [{"type": "text", "text": "so"}] == read(sent)["messages"][1]["content"]
    assert ["messages[1].parts[0]"] == fields(sent)


def test_a_message_of_which_nothing_is_left_is_left_out() -> None:
    """An empty turn would be refused by the API; the notices say why there is none."""
    sent = ask(Message.user("Hi"), Message.assistant(Reasoning("hm")), Message.user("Go"))

    assert ["user", "user"] == [turn["role"] for turn in read(sent)["messages"]]
    assert ["messages[1].parts[0]", "messages[1]"] == fields(sent)


def test_text_of_another_type_is_sent_as_plain_text() -> None:
    """Plain text is the only text type of a document here, and the notice says so."""
    sent = ask(Message.user("q", File(data=b"a,b", media_type="text/csv")))

    assert {"type": "text", "media_type": "text/plain", "data": "a,b"} == read(sent)["messages"][0]["content"][1][
        "source"
    ]
    assert ["messages[0].parts[1].media_type"] == fields(sent)


def test_smaller_adaptations_are_reported() -> None:
    """A level of detail, a speaker's name and a refusal have no form here."""
    sent = ask(
        Message.user("q"),
        Message("user", (Image(url="https://e.org/a.png", detail="low"), Text("x")), name="ann"),
        Message.assistant(Refusal("no")),
    )

    assert ["messages[1].name", "messages[1].parts[0].detail", "messages[2].parts[0]"] == fields(sent)
    assert [{"type": "text", "text": "no"}] == read(sent)["messages"][2]["content"]


def test_empty_text_is_not_sent_beside_other_parts() -> None:
    """The API refuses empty blocks, and nothing is lost."""
    assert [{"type": "tool_use", "id": "c", "name": "f", "input": {}}] == content(Text(""), ToolCall("c", "f"))


# --- calls ------------------------------------------------------------------------------------------------------------


def test_ids_are_made_valid_in_call_and_result_alike() -> None:
    """An id that the API would refuse is changed the same way at both ends, and always to the same."""
    call = ToolCall("call.1/ü", "f")
    sent = body(Message.user("q"), Message.assistant(call), Message.tool(call, "x"))
    made = sent["messages"][1]["content"][0]["id"]

    assert made == sent["messages"][2]["content"][0]["tool_use_id"]
    assert made.replace("_", "").replace("-", "").isalnum()
    assert made == content(call)[0]["id"]
    assert "call_1" == content(ToolCall("call_1", "f"))[0]["id"]


def test_calls_without_an_id_are_matched_with_their_results() -> None:
    """Some providers give none: results answer the calls of their name in order."""
    one, other, third = ToolCall("", "f"), ToolCall("", "g"), ToolCall("", "f")
    sent = body(
        Message.user("q"),
        Message.assistant(one, other, third),
        Message.tool(other, "g"),
        Message.tool(one, "f1"),
        Message.tool(third, "f2"),
    )
    calls = {block["id"]: block["name"] for block in sent["messages"][1]["content"]}

    assert ["call_0", "call_1", "call_2"] == list(calls)
    assert ["call_1", "call_0", "call_2"] == [block["tool_use_id"] for block in sent["messages"][2]["content"]]


@pytest.mark.parametrize("arguments", ['{"a": 1', "[1]", '"text"', "null"])
def test_arguments_that_are_no_object_are_sent_inside_one(arguments: str) -> None:
    """They are neither repaired nor dropped: the vendor's own way is a field `INVALID_JSON`."""
    sent = ask(Message.user("q"), Message.assistant(ToolCall("c", "f", arguments)))

    assert {"INVALID_JSON": arguments} == read(sent)["messages"][1]["content"][0]["input"]
    assert ["messages[1].parts[0].arguments_json"] == fields(sent)
