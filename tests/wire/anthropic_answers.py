"""Answers and streams that the Anthropic dialect carries without loss, drawn at random."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from dragoman.types.events import Event
from dragoman.types.fold import unfold
from dragoman.types.messages import Citation, Message, Opaque, Part, Reasoning, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.wire.anthropic_messages.dialect import FINISH
from dragoman.wire.anthropic_messages.usage import decode_usage
from tests.strategies import names, some_text, whole

NAME = "anthropic-messages"


def _citation(url: str, title: str, text: str) -> Citation:
    raw = {"type": "web_search_result_location", "url": url, "title": title, "cited_text": text, "encrypted_index": "e"}
    return Citation(url=url, title=title, text=text, native={NAME: raw})


def _call(call_id: str, name: str, arguments: dict[str, Any], native: Any) -> ToolCall:
    text = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return ToolCall(call_id, name, text, native=native)


def _signed(text: str, signature: str) -> Reasoning:
    return Reasoning(text, native={NAME: {"signature": signature}})


def _server_call(call_id: str, arguments: dict[str, Any]) -> Opaque:
    return Opaque(NAME, {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": arguments})


# Numbers that every JSON writer prints alike.
_arguments = st.dictionaries(names, names | st.integers(-9, 9) | st.booleans() | st.none(), max_size=2)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, some_text),
    st.builds(Text, some_text, st.lists(st.builds(_citation, some_text, some_text, some_text), max_size=2).map(tuple)),
    st.builds(_signed, some_text | st.just(""), some_text),
    st.just(Reasoning("", native={NAME: {"type": "redacted_thinking", "data": "x"}})),
    st.builds(_call, names, names, _arguments, st.sampled_from((None, {NAME: {"caller": {"type": "direct"}}}))),
    st.builds(_server_call, names, _arguments),
)
usages = st.builds(
    lambda fresh, output, cached: decode_usage({"input_tokens": fresh, "output_tokens": output, **cached}),
    whole,
    whole,
    st.fixed_dictionaries({}, optional={"cache_read_input_tokens": whole, "cache_creation_input_tokens": whole}),
)
responses = st.builds(
    lambda given, reason, usage, answer_id, details: ChatResponse(
        message=Message("assistant", tuple(given)),
        finish_reason=FINISH[reason],
        finish_reason_raw=reason,
        finish_details=details,
        usage=usage,
        id=answer_id,
        model="claude-x",
    ),
    st.lists(parts, max_size=4),
    st.sampled_from(sorted(FINISH.keys() - {"compaction"})),  # a beta, which the SDK's plain types do not have
    usages,
    names,
    st.sampled_from((None, {"stop_sequence": "END"}, {"container": {"id": "c", "expires_at": "2026-11-22T00:00:00Z"}})),
)
streams: st.SearchStrategy[list[Event]] = responses.map(unfold)
