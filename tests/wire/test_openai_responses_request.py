"""Requests of the wire `openai-responses`: how values are written, and that what was read is written again."""

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
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import ChatRequest
from dragoman.wire.openai_responses import WIRE
from dragoman.wire.openai_responses.dialect import NAME
from tests.strategies import PNG
from tests.wire.openai_responses_bytes import (
    asked,
    body_of,
    call,
    message,
    notes,
    reasoning,
    text,
)

PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
USER = {"type": "message", "role": "user", "content": "hi"}


def items(*messages: Message, **settings: Any) -> list[dict[str, Any]]:
    """The items of `input`."""
    sent: list[dict[str, Any]] = body_of(Message.user("hi"), *messages, **settings)["input"]
    assert USER == sent[0]
    return sent[1:]


def answered(*parts: Any, origin: str | None = "acme/m") -> Message:
    """A turn of the model."""
    return Message("assistant", parts, origin=origin)


# --- how it is written ------------------------------------------------------------------------------------------------


def test_address_and_headers() -> None:
    """The path below the base URL, and what is accepted."""
    plain, streamed = asked(), asked(stream=True)

    assert ("POST", "https://acme.example/v1/responses") == (plain.method, plain.url)
    assert ("application/json", "text/event-stream") == (plain.headers["accept"], streamed.headers["accept"])
    assert json.loads(streamed.body)["stream"] is True


def test_one_question_is_a_text() -> None:
    """A lone question is sent as a text, and a lone system message before it as instructions."""
    assert {"model": "m", "input": "hi"} == body_of()
    assert {"model": "m", "instructions": "Be kind.", "input": "hi"} == body_of(
        Message.system("Be kind."), Message.user("hi")
    )


def test_other_instructions_stay_where_they_are() -> None:
    """Further instructions, and the developer's, keep role and place."""
    body = body_of(Message.system("a"), Message.system("b"), Message("developer", (Text("c"),)), Message.user("hi"))

    assert "a" == body["instructions"]
    assert [("system", "b"), ("developer", "c"), ("user", "hi")] == [
        (item["role"], item["content"]) for item in body["input"]
    ]


def test_a_role_that_the_provider_wants() -> None:
    """A provider may name the role of instructions."""
    row = Provider(name="acme", base_url="https://a.example", quirks=Quirks(system_role="developer"))
    request = ChatRequest(model="m", messages=(Message.user("hi"), Message.system("a")))
    sent = json.loads(WIRE.encode_request(request, row).body)

    assert "developer" == sent["input"][1]["role"]


def test_pictures_and_files() -> None:
    """Bytes go as data URLs; addresses and ids by their own fields."""
    parts = (
        Text("see"),
        Image(data=PNG),
        Image(url="https://a/b.png", detail="low"),
        Image(file_id="file-1"),
        File(data=b"%PDF-1", name="a.pdf"),
        File(data=b"hello", media_type="text/plain"),
        File(url="https://a/b.pdf"),
        File(file_id="file-2"),
    )
    [item] = items(Message("user", parts))

    assert [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"},
        {"type": "input_file", "filename": "file.txt", "file_data": "data:text/plain;base64,aGVsbG8="},
        {"type": "input_file", "file_url": "https://a/b.pdf"},
        {"type": "input_file", "file_id": "file-2"},
    ] == item["content"]


def test_a_turn_of_another_provider() -> None:
    """Its texts and calls go on without the state that its provider gave them; its reasoning does not."""
    foreign = {NAME: {"id": "fc_1", "status": "completed"}}
    turn = answered(
        Reasoning("hm", native={NAME: reasoning("hm")}),
        Text("One", (Citation(url="https://a"),), native={NAME: {"block": {}, "item": {"id": "msg_1"}}}),
        Refusal("No."),
        ToolCall("call_1", "f", '{"x":1}', native=foreign),
        Opaque("anthropic-messages", {"type": "server_tool_use"}),
        origin="other/m",
    )

    assert [
        {"type": "message", "role": "assistant", "content": "One"},
        {"type": "message", "role": "assistant", "content": "No."},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"x":1}'},
    ] == items(turn)
    assert [
        "messages[1].parts[0]",
        "messages[1].parts[1].citations",
        "messages[1].parts[2]",
        "messages[1].parts[4]",
    ] == (notes(Message.user("hi"), turn))


def test_an_answer_goes_back_as_it_came() -> None:
    """Reasoning with its partner, phase, sources and ids are sent to the provider that gave them."""
    output = [
        reasoning("hm", encrypted_content="xyz"),
        message(text("One", {"type": "url_citation", "url": "https://a"}), phase="commentary"),
        call('{"x":1}', namespace="n"),
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    ]
    turn = WIRE.decode_response(200, {}, json.dumps({"status": "completed", "output": output}).encode()).message

    assert output == items(answered(*turn.parts))


def test_nothing_stored_means_no_ids() -> None:
    """With `store: false` ids are left out, and the encrypted form of the reasoning is asked for and sent."""
    output = [reasoning("hm", encrypted_content="xyz"), message(text("One")), call()]
    turn = WIRE.decode_response(200, {}, json.dumps({"status": "completed", "output": output}).encode()).message
    body = body_of(Message.user("hi"), answered(*turn.parts), native={NAME: {"store": False}})

    assert ["reasoning.encrypted_content"] == body["include"]
    assert [{name: value for name, value in item.items() if name != "id"} for item in output] == body["input"][1:]


def test_reasoning_that_cannot_go_back_is_left_out() -> None:
    """Not stored and not encrypted, or with nothing after it: the API refuses both."""
    plain = Reasoning("hm", native={NAME: reasoning("hm")})
    unstored = asked(Message.user("hi"), answered(plain, Text("a")), extra={"store": False})
    orphan = asked(Message.user("hi"), answered(Text("a"), plain))

    for sent in (unstored, orphan):
        assert ["message", "message"] == [item["type"] for item in json.loads(sent.body)["input"]]
        assert 1 == len(sent.notices)


def test_results_of_tools() -> None:
    """A text goes as a text, pictures as blocks; a result has the type of its call."""
    turn = answered(ToolCall("c1", "f"), ToolCall("c2", "sh", "ls", "custom"), ToolCall("c3", "g"))
    results = (
        Message.tool("c1", "fine"),
        Message.tool("c2", "a b", is_error=True),
        Message(
            "tool", (ToolResult("c3", (Text("see"), Image(data=PNG), Audio(data=b"RIFF", media_type="audio/wav"))),)
        ),
    )
    sent = items(turn, *results)[3:]

    assert {"type": "function_call_output", "call_id": "c1", "output": "fine"} == sent[0]
    assert {"type": "custom_tool_call_output", "call_id": "c2", "output": "a b"} == sent[1]
    assert ["input_text", "input_image"] == [block["type"] for block in sent[2]["output"]]
    assert ["messages[3].parts[0].is_error", "messages[4].parts[0].parts[2]"] == notes(
        Message.user("hi"), turn, *results
    )


def test_ids_of_calls_are_made_valid() -> None:
    """A missing id is given, one that is too long shortened, the same way in call and result."""
    turn = answered(ToolCall("", "f"), ToolCall("x" * 80, "g"), origin="other/m")
    sent = items(turn, Message("tool", (ToolResult("", (Text("a"),), "f"), ToolResult("x" * 80, (Text("b"),)))))

    ids = [item["call_id"] for item in sent]
    assert ids[:2] == ids[2:]
    assert all(1 <= len(one) <= 64 for one in ids)


def test_cache_marks() -> None:
    """A mark on what the user says is a breakpoint; elsewhere it is said to be left out."""
    marked = Message("user", (Text("long", cache=CacheMark("1h")), Text("short")))
    [item] = items(marked)

    assert {"mode": "explicit"} == item["content"][0]["prompt_cache_breakpoint"]
    assert ["messages[0].parts[0].cache.ttl"] == notes(marked)
    assert ["messages[1].parts[0].cache"] == notes(
        Message.user("hi"), answered(ToolCall("c", "f", cache=CacheMark())), Message.tool("c", "x")
    )


def test_what_has_no_place_is_said() -> None:
    """Names are left out, transcripts sent for sound, and pictures of answers shown by the user; each has a notice."""
    sound = Audio(data=b"RIFF", media_type="audio/wav", transcript="hello")
    sent = items(Message("user", (sound,), name="Ann"), answered(Image(data=PNG), sound))

    assert ["hello", "hello"] == [item["content"] for item in sent[:2]]
    assert ("user", ["input_image"]) == (sent[2]["role"], [block["type"] for block in sent[2]["content"]])
    assert ["messages[1].name", "messages[1].parts[0]", "messages[2].parts[0]", "messages[2].parts[1]"] == notes(
        Message.user("hi"), Message("user", (sound,), name="Ann"), answered(Image(data=PNG), sound)
    )


@pytest.mark.parametrize("messages", [(Message("user"),), (answered(Reasoning("hm"), origin="other/m"),)])
def test_nothing_to_send_is_refused(messages: tuple[Message, ...]) -> None:
    """A request that would hold no input is a ConfigError, before it is sent."""
    with pytest.raises(ConfigError) as caught:
        asked(*messages)

    assert "messages" == caught.value.field


def test_instructions_alone_are_the_input() -> None:
    """The API wants an input: a system message without a question is one."""
    assert [{"type": "message", "role": "system", "content": "go"}] == body_of(Message.system("go"))["input"]
