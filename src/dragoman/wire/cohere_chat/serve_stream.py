"""
Streamed answers: events to bytes, as a server.

Rule: `message-end` is evidence, so it is written only for `Finish`, and `[DONE]` after it.  A stream that is closed
without them, or after an error, ends without them, and its reader sees that it is not complete.

Source: Cohere SDK 7.3, `v2/types/v2chat_stream_response.py`; the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.events import (
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
    UsageUpdate,
)
from dragoman.types.messages import Audio, Opaque, Reasoning, Refusal, Text, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import sse
from dragoman.wire.call_ids import CallIds
from dragoman.wire.cohere_chat.citations import encode_citation
from dragoman.wire.cohere_chat.dialect import NAME, Json, finish_out
from dragoman.wire.cohere_chat.failure import error_event
from dragoman.wire.cohere_chat.serve import arguments_text, encode_call
from dragoman.wire.cohere_chat.usage import encode_usage
from dragoman.wire.lenient import known, list_of, object_of, text_of
from dragoman.wire.native import own
from dragoman.wire.setting_rows import same

_json: Final = msgspec.json.encode


class Encoder:
    """Writes one streamed answer."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._start = Start()
        self._begun = False
        self._finished = False
        self._closed = False
        self._usage = Usage()
        self._ids = CallIds(same)
        self._blocks = 0
        self._open: str | None = None  # kind of the block that grows; its index is the last one
        self._citations = 0
        self._calls: dict[int, tuple[ToolCallStart, list[str]]] = {}  # that are free text, with what came of it
        self._next_call = 0
        self._planned = False

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if not self._closed and not self._finished:
            write = _WRITE.get(type(event))
            if write is not None:
                write(self, event)
        return self._taken()

    def close(self) -> bytes:
        """Write the end marker; nothing if the answer was not finished."""
        if self._closed or not self._finished:
            self._closed = True
            return b""
        self._closed = True
        return sse.encode(b"[DONE]")

    def error(self, error: DragomanError) -> bytes:
        """Close the block that is open and write the error; after it nothing more is written."""
        if self._closed or self._finished:
            return b""
        self._end_block()
        self._closed = True
        self._put(error_event(error))
        return self._taken()

    def _taken(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def _put(self, event: Json) -> None:
        self._out.append(sse.encode(_json(event), event["type"]))

    def _emit(self, kind: str, message: Json | None = None, index: int | None = None) -> None:
        self._begin()
        delta = {"message": message} if message is not None else None
        self._put({"type": kind, **known({"index": index, "delta": delta})})

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        empty: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        self._put({"id": self._start.id or "", "type": "message-start", "delta": {"message": empty}})

    def _grow(self, kind: str, text: str) -> None:
        """More of the block of that kind, which is begun if it is not open."""
        if self._open != kind:
            self._end_block()
            self._open = kind
            self._blocks += 1
            self._emit("content-start", {"content": {"type": kind, kind: ""}}, self._blocks - 1)
        if text:
            self._emit("content-delta", {"content": {kind: text}}, self._blocks - 1)

    def _end_block(self) -> None:
        if self._open is not None:
            self._open = None
            self._emit("content-end", index=self._blocks - 1)

    def _cite(self, citation: Json) -> None:
        index, self._citations = self._citations, self._citations + 1
        self._emit("citation-start", {"citations": citation}, index)
        self._emit("citation-end", index=index)

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: Start) -> None:
        if not self._begun:
            self._start = event
            self._begin()

    def on_text(self, event: TextDelta) -> None:
        if event.text:
            self._grow("text", event.text)

    def on_refusal(self, event: RefusalDelta) -> None:
        self._grow("text", event.text)

    def on_audio(self, event: AudioDelta) -> None:
        if event.transcript:
            self._grow("text", event.transcript)

    def on_reasoning(self, event: ReasoningDelta) -> None:
        if event.text:
            self._grow("thinking", event.text)

    def on_citation(self, event: CitationDelta) -> None:
        self._grow("text", "")
        self._cite(encode_citation(event.citation, self._blocks - 1))

    def on_part_end(self, event: PartEnd) -> None:
        self._end_block()

    def on_part(self, event: PartAdded) -> None:
        self._end_block()
        write = _PARTS.get(type(event.part))
        if write is not None:
            write(self, event.part)
            self._end_block()

    def on_call(self, event: ToolCallStart) -> None:
        self._end_block()
        self._next_call = max(self._next_call, event.index + 1)
        call_id = self._ids.call(ToolCall(event.id, event.name))
        if event.kind == "custom":
            self._calls[event.index] = (event, [])
        call = encode_call(ToolCall(event.id, event.name, ""), call_id)
        self._emit("tool-call-start", {"tool_calls": call}, event.index)

    def on_arguments(self, event: ToolCallDelta) -> None:
        if event.index in self._calls:
            self._calls[event.index][1].append(event.json)
        elif event.json:
            self._arguments(event.index, event.json)

    def _arguments(self, index: int, text: str) -> None:
        self._emit("tool-call-delta", {"tool_calls": {"function": {"arguments": text}}}, index)

    def on_call_end(self, event: ToolCallEnd) -> None:
        custom = self._calls.pop(event.index, None)
        if custom is not None:
            start, pieces = custom
            self._arguments(event.index, arguments_text(ToolCall(start.id, start.name, "".join(pieces), start.kind)))
        self._emit("tool-call-end", index=event.index)

    def on_usage(self, event: UsageUpdate) -> None:
        self._usage = event.usage

    def on_native(self, event: MessageNative) -> None:
        state = own(event.native, NAME)
        plan = text_of(state.get("tool_plan"))
        if plan and not self._planned:
            self._planned = True
            self._end_block()
            self._emit("tool-plan-delta", {"tool_plan": plan})
        for citation in list_of(state.get("citations")):
            self._cite(object_of(citation))

    def on_provider(self, event: ProviderEvent) -> None:
        """Pass on what came in this dialect."""
        data = object_of(event.data) if event.wire == NAME else {}
        if isinstance(data.get("type"), str):
            self._planned = self._planned or data["type"] == "tool-plan-delta"
            self._begin()
            self._put(data)

    def on_finish(self, event: Finish) -> None:
        self._begin()
        self._end_block()
        delta = {"finish_reason": finish_out(event.reason, event.raw), **known({"usage": encode_usage(self._usage)})}
        self._put({"type": "message-end", "delta": delta})
        self._finished = True

    # --- whole parts --------------------------------------------------------------------------------------------------

    def whole_text(self, part: Text) -> None:
        self._grow("text", part.text)
        for citation in part.citations:
            self._cite(encode_citation(citation, self._blocks - 1))

    def whole_refusal(self, part: Refusal) -> None:
        self._grow("text", part.text)

    def whole_audio(self, part: Audio) -> None:
        self.on_audio(AudioDelta(transcript=part.transcript or ""))

    def whole_thought(self, part: Reasoning) -> None:
        self.on_reasoning(ReasoningDelta(part.text))

    def whole_call(self, part: ToolCall) -> None:
        index = self._next_call
        self.on_call(ToolCallStart(index, part.id, part.name, part.kind))
        self.on_arguments(ToolCallDelta(index, part.arguments_json))
        self.on_call_end(ToolCallEnd(index))

    def whole_opaque(self, part: Opaque) -> None:
        if part.wire == NAME:
            self._blocks += 1
            self._emit("content-start", {"content": part.data}, self._blocks - 1)
            self._emit("content-end", index=self._blocks - 1)


_WRITE: Final[dict[type[Any], Callable[[Encoder, Any], None]]] = {
    Start: Encoder.on_start,
    TextDelta: Encoder.on_text,
    RefusalDelta: Encoder.on_refusal,
    AudioDelta: Encoder.on_audio,
    ReasoningDelta: Encoder.on_reasoning,
    CitationDelta: Encoder.on_citation,
    PartEnd: Encoder.on_part_end,
    PartAdded: Encoder.on_part,
    ToolCallStart: Encoder.on_call,
    ToolCallDelta: Encoder.on_arguments,
    ToolCallEnd: Encoder.on_call_end,
    UsageUpdate: Encoder.on_usage,
    MessageNative: Encoder.on_native,
    ProviderEvent: Encoder.on_provider,
    Finish: Encoder.on_finish,
}
_PARTS: Final[dict[type[Any], Callable[[Encoder, Any], None]]] = {
    Text: Encoder.whole_text,
    Refusal: Encoder.whole_refusal,
    Audio: Encoder.whole_audio,
    Reasoning: Encoder.whole_thought,
    ToolCall: Encoder.whole_call,
    Opaque: Encoder.whole_opaque,
}
