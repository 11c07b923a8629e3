"""Events can be matched exhaustively: a new kind of event is an error in code that says it handles all."""

from __future__ import annotations

from typing import assert_never, assert_type

from dragoman import (
    AudioDelta,
    CitationDelta,
    Event,
    Finish,
    MessageNative,
    PartAdded,
    PartEnd,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    Usage,
    UsageUpdate,
)


def describe(event: Event) -> str:
    """Say what an event is."""
    match event:
        case Start() | PartEnd() | PartAdded() | MessageNative() | ProviderEvent() | CitationDelta() | AudioDelta():
            return type(event).__name__
        case TextDelta(text) | ReasoningDelta(text) | RefusalDelta(text):
            assert_type(text, str)
            return text
        case ToolCallStart(index, call_id, name):
            assert_type(index, int)
            return f"{call_id} {name}"
        case ToolCallDelta(_, json):
            return json
        case ToolCallEnd(index):
            return str(index)
        case UsageUpdate(usage):
            assert_type(usage, Usage)
            return str(usage.output_tokens)
        case Finish(reason, raw):
            assert_type(raw, str | None)
            return reason
        case _:
            assert_never(event)
