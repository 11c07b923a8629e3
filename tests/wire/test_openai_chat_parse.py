"""Messages as people write them, read by the `openai-chat` wire."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.errors import ConfigError
from dragoman.types.messages import Image, Message, Opaque, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.openai_chat import parse_messages
from tests.strategies import PNG


def test_the_usual_turns() -> None:
    """Roles, texts, calls and results become messages."""
    parsed = parse_messages(
        [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "hi", "name": "ann"},
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "name": "f", "content": "4"},
        ]
    )

    assert ("system", "be kind") == (parsed[0].role, parsed[0].text)
    assert ("hi", "ann") == (parsed[1].text, parsed[1].name)
    assert (ToolCall("a", "f", "{}"),) == parsed[2].tool_calls
    assert (ToolResult("a", "4", "f"),) == parsed[3].parts  # type: ignore[arg-type]


def test_values_may_stand_among_dicts() -> None:
    """A `Message`, a part and a text are taken where a dict is expected."""
    ready = Message.user("a")
    picture = Image(data=PNG)

    assert (ready, Message("user", (Text("b"), picture))) == parse_messages(
        [ready, {"role": "user", "content": ["b", picture]}]
    )


def test_blocks_that_are_not_known_are_kept() -> None:
    """Thinking is reasoning; a block of another type is carried unread."""
    document = {"type": "document_url", "document_url": "https://a"}
    (turn,) = parse_messages(
        [
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, document],
            }
        ]
    )

    assert isinstance(turn.parts[0], Reasoning)
    assert "hm" == turn.parts[0].text
    assert Opaque("openai-chat", document) == turn.parts[1]


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ("hi", "messages"),
        ({"role": "user"}, "messages"),
        (5, "messages"),
        (["hi"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": "x"}, {"role": "bot", "content": "x"}], "messages[1].role"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": [5]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"text": "x"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text", "text": None}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "messages[0].content[0].image_url"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,?"}}]}],
            "messages[0].content[0].image_url",
        ),
        (
            [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
            "messages[0].content[0].input_audio",
        ),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([{"role": "assistant", "tool_calls": "x"}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": [{"id": "a"}]}], "messages[0].tool_calls[0].function.name"),
        ([{"role": "assistant", "tool_calls": [{"id": 5, "function": {"name": "f"}}]}], "messages[0].tool_calls[0].id"),
    ],
)
def test_bad_messages_name_their_place(messages: Any, field: str) -> None:
    """What is not of the dialect is refused with the path of the first wrong field."""
    with pytest.raises(ConfigError) as caught:
        parse_messages(messages)

    assert field == caught.value.field


def test_the_caller_names_the_list() -> None:
    """The given field name begins every path."""
    with pytest.raises(ConfigError, match=r"history\[0\]\.role"):
        parse_messages([{}], "history")
