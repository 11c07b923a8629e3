"""Requests in the Anthropic dialect that are read and written again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.anthropic_messages import WIRE
from tests.strategies import json_objects, names, some_text
from tests.wire.anthropic_asking import PROVIDER

SMALL: dict[str, Any] = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


def again(value: dict[str, Any]) -> Any:
    """A body after it was read and written."""
    return msgspec.json.decode(WIRE.encode_request(WIRE.decode_request(msgspec.json.encode(value)), PROVIDER).body)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="smallest"),
        pytest.param({"stream": False}, id="explicit false"),
        pytest.param({"stream": True}, id="stream"),
        pytest.param({"system": "a"}, id="system as text"),
        pytest.param({"system": [{"type": "text", "text": "a"}]}, id="system as one block"),
        pytest.param({"system": []}, id="no system"),
        pytest.param(
            {
                "system": [
                    {"type": "text", "text": "a"},
                    {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
                ]
            },
            id="system as blocks",
        ),
        pytest.param({"thinking": {"type": "adaptive"}}, id="adaptive"),
        pytest.param({"thinking": {"type": "adaptive", "display": "omitted"}}, id="adaptive, hidden"),
        pytest.param({"thinking": {"type": "between_tools"}}, id="between tools"),
        pytest.param({"thinking": {"type": "future", "budget_tokens": 5, "display": "some"}}, id="unknown thinking"),
        pytest.param({"thinking": {"type": "disabled"}}, id="disabled"),
        pytest.param({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, id="disabled with effort"),
        pytest.param({"output_config": {"effort": "ultra", "task_budget": {"total": 5}}}, id="unknown effort"),
        pytest.param({"output_config": {"format": {"type": "json_schema", "schema": {}, "x": 1}}}, id="more in format"),
        pytest.param({"output_format": {"type": "json_schema", "schema": {"type": "object"}}}, id="format as a beta"),
        pytest.param({"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}}, id="parallel calls"),
        pytest.param({"tool_choice": {"type": "none", "disable_parallel_tool_use": True}}, id="no calls"),
        pytest.param({"tool_choice": {"type": "new", "x": 1}}, id="unknown choice"),
        pytest.param({"metadata": {"user_id": "u", "team": "t"}}, id="more metadata"),
        pytest.param({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, id="automatic cache"),
        pytest.param({"container": "c", "mcp_servers": [{"type": "url"}], "speed": "fast"}, id="unknown fields"),
        pytest.param(
            {
                "tools": [
                    {"type": "custom", "name": "f", "input_schema": {}, "description": None, "defer_loading": True}
                ]
            },
            id="more in a tool",
        ),
        pytest.param({"tools": [{"type": "mcp_toolset", "mcp_server_name": "m"}]}, id="tool without a name"),
    ],
)
def test_settings_are_written_as_they_were_read(fields: dict[str, Any]) -> None:
    """Reading and writing a body gives an equal body, down to what has no neutral form."""
    assert SMALL | fields == again(SMALL | fields)


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param({"role": "user", "content": "a"}, id="text"),
        pytest.param({"role": "user", "content": []}, id="no blocks"),
        pytest.param({"role": "user", "content": [{"type": "text", "text": "a"}]}, id="one block"),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]}, id="empty"
        ),
        pytest.param({"role": "assistant", "content": "a", "output_config": {"effort": "low"}}, id="fields of a turn"),
        pytest.param({"role": "system", "content": [{"type": "tool_addition", "tool": {}}]}, id="instruction"),
        pytest.param({"role": "system", "content": "a"}, id="instruction as text"),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": "a", "citations": None, "cache_control": None}]},
            id="nulls",
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": "a", "citations": [{"type": "char_location"}]}]},
            id="cited",
        ),
        pytest.param(
            {
                "role": "user",
                "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "x"}}],
            },
            id="unknown field of a cache mark",
        ),
        pytest.param({"role": "assistant", "content": [{"type": "thinking", "thinking": "a"}]}, id="unsigned thinking"),
        pytest.param(
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": ""}]},
            id="hidden thinking",
        ),
        pytest.param({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}, id="no result"),
        pytest.param(
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c", "content": [], "is_error": False}],
            },
            id="empty result",
        ),
        pytest.param(
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "a"},
                    {"type": "tool_result", "tool_use_id": "d", "content": [{"type": "text", "text": "a"}]},
                ],
            },
            id="results in both forms",
        ),
        pytest.param(
            {
                "role": "user",
                "content": [{"type": "document", "source": {"type": "content", "content": "x"}, "title": None}],
            },
            id="document of blocks",
        ),
        pytest.param(
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                        "title": None,
                        "context": "c",
                        "citations": {"enabled": True},
                    }
                ],
            },
            id="document with its configuration",
        ),
        pytest.param({"role": "user", "content": [{"type": "new_block", "x": 1}]}, id="unknown block"),
    ],
)
def test_turns_are_written_as_they_were_read(turn: dict[str, Any]) -> None:
    """Strings stay strings, lists stay lists, and unknown fields stay where they were."""
    # Of another model than Claude, whose thinking bears no signature.
    value = SMALL | {"model": "m", "messages": [{"role": "user", "content": "Hi"}, turn]}

    assert value == again(value)


def test_instructions_keep_their_place_at_the_head() -> None:
    """A system turn at the very start is not joined with the `system` field."""
    value = SMALL | {"system": "a", "messages": [{"role": "system", "content": "b"}, *SMALL["messages"]]}

    assert value == again(value)


_cache = st.sampled_from(
    ({}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": {"type": "ephemeral", "ttl": "5m"}})
)


def _block(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    made = st.fixed_dictionaries({"type": st.just(kind), **fields})
    return st.builds(lambda block, cache: block | cache, made, _cache)


def _sources(media_type: str, data: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("file"), "file_id": names}),
        st.fixed_dictionaries({"type": st.just("url"), "url": names.map("https://e.org/".__add__)}),
        st.fixed_dictionaries(
            {"type": st.just("base64"), "media_type": st.just(media_type), "data": st.just(data)},
        ),
    )


_words = some_text.filter(lambda text: text == text.strip())
_asked = st.one_of(
    _block("text", text=_words),
    _block("image", source=_sources("image/gif", "R0lGODlh")),
    _block("document", source=_sources("application/pdf", "JVBERi0="), title=some_text | st.none()),
    _block("tool_result", tool_use_id=names, content=_words | st.lists(_block("text", text=_words), min_size=1)),
)
_answered = st.one_of(
    _block("text", text=_words),
    _block("tool_use", id=names, name=names, input=json_objects),
    _block("server_tool_use", id=names, name=names, input=json_objects),
)


def _turn(role: str, blocks: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    content = _words | st.lists(blocks, min_size=1, max_size=3)
    return st.fixed_dictionaries({"role": st.just(role), "content": content})


_questions = _turn("user", _asked)
_turns = st.lists(_questions | _turn("assistant", _answered), max_size=2)


@given(first=_questions, turns=_turns)
def test_any_conversation_is_written_as_it_was_read(first: dict[str, Any], turns: list[dict[str, Any]]) -> None:
    """The same for turns drawn at random, of the form that the API takes."""
    turns = [first, *turns]
    assert SMALL | {"messages": turns} == again(SMALL | {"messages": turns})
