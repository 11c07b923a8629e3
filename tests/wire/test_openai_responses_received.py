"""Requests of the wire `openai-responses`, as a server reads them: what was read is written again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.errors import ConfigError
from dragoman.types.messages import Reasoning, Text, ToolCall
from dragoman.wire.openai_responses import WIRE
from tests.strategies import PNG
from tests.wire.openai_responses_bytes import ROW, again, call, message, reasoning, received, text

PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
USER = {"type": "message", "role": "user", "content": "hi"}

FORMS: list[dict[str, Any]] = [
    {"input": "hi"},
    {"input": "hi", "instructions": "Be kind."},
    {"input": [{"role": "user", "content": "hi"}]},
    {"input": [USER], "instructions": ""},
    {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
    {"input": [{"role": "system", "content": "a"}, {"role": "user", "content": ""}]},
    {"input": [{"role": "user", "content": []}]},
    {"input": [USER, message(text("One"), {"type": "refusal", "refusal": "No."}, phase="final_answer"), USER]},
    {"input": [USER, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b", "phase": "p"}]},
    {"input": [USER, {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]},
    {"input": [USER, message(text("a", {"type": "file_citation", "file_id": "f", "index": 1}))]},
    {"input": [USER, message({"type": "output_text", "text": "a", "annotations": [], "logprobs": [
        {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1.5}]},
    ]})]},
    {"input": [USER, reasoning("hm", encrypted_content="xyz"), call(), {
        "type": "function_call_output", "call_id": "call_1", "output": "fine", "id": "fco_1", "status": "completed",
    }]},
    {"input": [USER, reasoning("hm")], "store": False},
    {"input": [call(), {"type": "function_call_output", "call_id": "call_1", "output": [
        {"type": "input_image", "image_url": PICTURE}, {"type": "input_text", "text": "x"},
    ]}]},
    {"input": [{"type": "function_call_output", "call_id": "c", "output": []}]},
    {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}]},
    {"input": [{"type": "custom_tool_call_output", "call_id": "c", "output": "x"}]},
    {"input": [{"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"}]},
    {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
    {"input": [{"role": "user", "content": [
        {"type": "input_image", "file_id": "f", "detail": "high"},
        {"type": "input_image", "image_url": "https://a/b.png"},
        {"type": "input_file", "file_data": "JVBERi0x", "filename": "bare.pdf"},
        {"type": "input_file", "file_url": "https://a/b.pdf", "detail": "low"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_hologram", "x": {"y": 1}},
    ]}]},
    {"input": [
        {"type": "item_reference", "id": "msg_1"},
        {"type": "compaction", "encrypted_content": "xyz"},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "x"}},
        {"type": "additional_tools", "role": "developer", "tools": []},
    ]},
    {"input": [], "previous_response_id": "resp_1"},
    {"previous_response_id": "resp_1"},
    {"previous_response_id": "resp_1", "instructions": "Be kind."},
    {"conversation": {"id": "conv_1"}, "input": "hi", "truncation": "auto"},
]  # fmt: skip


@pytest.mark.parametrize("body", FORMS, ids=lambda body: json.dumps(body)[:60])
def test_every_form_of_input_is_kept(body: dict[str, Any]) -> None:
    """Decoding and encoding gives the same JSON, and no notice."""
    assert {"model": "m", **body} == again(**body)
    assert () == WIRE.encode_request(received(**body), ROW).notices


def test_a_stored_prompt_names_the_model() -> None:
    """A request without a model is known by its prompt, and goes on without a model."""
    body = {"prompt": {"id": "pmpt_1", "version": "2"}}
    request = WIRE.decode_request(json.dumps(body).encode())

    assert "pmpt_1" == request.model
    assert body == json.loads(WIRE.encode_request(request, ROW).body)


def test_an_answer_of_several_items_is_one_message() -> None:
    """What the model wrote in a row is one turn; what callers wrote is theirs."""
    request = received(
        input=[
            USER,
            reasoning("hm"),
            message(text("One")),
            call(),
            {"type": "function_call_output", "call_id": "call_1", "output": "fine"},
            {"type": "shell_call_output", "call_id": "c", "output": []},
            {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        ]
    )

    assert ["user", "assistant", "tool", "tool", "user"] == [turn.role for turn in request.messages]
    assert [Reasoning, Text, ToolCall] == [type(part) for part in request.messages[1].parts]
    assert "hm" == request.messages[1].reasoning


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "input", id="no input"),
        pytest.param({"input": 5}, "input", id="input of a number"),
        pytest.param({"input": ["hi"]}, "input[0]", id="an item of text"),
        pytest.param({"input": [{"role": "alien", "content": "x"}]}, "input[0].role", id="unknown role"),
        pytest.param({"input": [{"role": "user", "content": 5}]}, "input[0].content", id="content of a number"),
        pytest.param({"input": [{"type": "function_call"}]}, "input[0].name", id="a call of nothing"),
        pytest.param({"input": [{"type": "function_call_output"}]}, "input[0].output", id="a result of nothing"),
        pytest.param(
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,*"}]}]},
            "input[0].content[0]",
            id="damaged picture",
        ),
        pytest.param(
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_audio", "input_audio": {"data": "*", "format": "wav"}}],
                    }
                ]
            },
            "input[0].content[0].input_audio.data",
            id="damaged sound",
        ),
        pytest.param({"input": "hi", "temperature": "hot"}, "temperature", id="a setting of another type"),
        pytest.param({"input": "hi", "tools": [{"type": "function"}]}, "tools[0].name", id="a tool without name"),
        pytest.param({"input": "hi", "tools": [{"name": "f"}]}, "tools[0]", id="a tool without type"),
        pytest.param({"input": "hi", "tools": [{"type": "function", "name": "a b"}]}, "tools[0].name", id="a bad name"),
    ],
)
def test_bad_requests_name_the_field(body: dict[str, Any], field: str) -> None:
    """A request that is not of the dialect is refused with the place of what is wrong."""
    with pytest.raises(ConfigError) as caught:
        received(**body)

    assert field == caught.value.field
