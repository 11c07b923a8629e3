"""Laws of the wire `openai-responses` beyond those of every wire: parts of every kind come back as they were."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.types.fold import fold, unfold
from dragoman.types.messages import Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage
from dragoman.wire.openai_responses import WIRE
from dragoman.wire.openai_responses.dialect import NAME
from tests.strategies import names, some_text
from tests.wire.openai_responses_bytes import decoded, read, written

USAGE = Usage(input_tokens=9, output_tokens=5, cache_read_tokens=4, cache_write_tokens=0, reasoning_tokens=3)

_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, some_text),
    st.builds(Reasoning, some_text),
    st.builds(Refusal, some_text),
    st.builds(ToolCall, names, names, st.just("{}"), st.sampled_from(("function", "custom"))),
    st.builds(Opaque, st.just(NAME), st.fixed_dictionaries({"type": st.just("web_search_call"), "id": names})),
)


def shape(parts: tuple[Part, ...]) -> list[Part]:
    """Parts without the state that this dialect adds."""
    return [msgspec.structs.replace(part, native=None) for part in parts]


@settings(max_examples=80)
@given(parts=st.lists(_parts, max_size=5), size=st.integers(1, 90), plain=st.booleans())
def test_any_answer_comes_back(parts: list[Part], size: int, plain: bool) -> None:
    """Parts of every kind, written plain or as a stream that is cut anywhere, are read as the same parts in order."""
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    reason: FinishReason = "tool_calls" if called else "refusal" if refused else "stop"
    answer = ChatResponse(
        message=Message("assistant", tuple(parts)), finish_reason=reason, usage=USAGE, id="r", model="m"
    )
    again = decoded(WIRE.encode_response(answer)) if plain else fold(read(written(*unfold(answer)), size))

    assert shape(answer.message.parts) == shape(again.message.parts)
    assert (reason, "r", "m") == (again.finish_reason, again.id, again.model)
    assert USAGE == msgspec.structs.replace(again.usage, details=None)
