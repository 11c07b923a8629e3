"""
Writes a streamed answer.

`message_start` waits for the first content, because it carries the usage of the prompt, which comes after `Start`.
Each part is a content block with an index of its own; tool calls of other dialects may grow side by side, and so do
their blocks.

Rule: `message_stop` is written only after a finish reason; an answer that broke off never looks whole.

Source: the vendor's page on streaming; SDK 2.12, `lib/streaming`.
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
from dragoman.types.messages import Reasoning, Text, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import sse
from dragoman.wire.anthropic_messages.dialect import NAME, Block, end_fields, native_of, stop_reason
from dragoman.wire.anthropic_messages.failure import error_body
from dragoman.wire.anthropic_messages.reply import AnswerWriter, encode_citations, message_head
from dragoman.wire.anthropic_messages.usage import encode_usage
from dragoman.wire.lenient import object_of
from dragoman.wire.request_body import overlay


class StreamEncoder:
    """The dialect's encoder; see the text of this module."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._parts = AnswerWriter()
        self._start = Start()
        self._usage = Usage()
        self._begun = False
        self._finished = False
        self._silent = False  # an error or the end was written
        self._next = 0  # index of the next block
        self._open: tuple[str, int] | None = None  # kind and index of the text or thinking that grows
        self._calls: dict[int, int] = {}  # of tool calls that grow: their index to that of their block

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if not self._silent and not self._finished:
            _WRITE[type(event)](self, event)
        return self._taken()

    def close(self) -> bytes:
        """Write the end marker, if the answer is whole."""
        if self._finished and not self._silent:
            self._silent = True
            self._emit("message_stop")
        return self._taken()

    def error(self, error: DragomanError) -> bytes:
        """
        Close the text or thinking that is open and write the error; nothing is written after it.

        A tool call that is open stays so: its end would say that its arguments are whole.
        """
        if self._silent or self._finished:
            return b""
        self._end_part()
        self._silent = True
        body = error_body(error)
        self._out.append(sse.encode(msgspec.json.encode(body), "error"))
        return self._taken()

    def _taken(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def _emit(self, kind: str, **fields: Any) -> None:
        self._out.append(sse.encode(msgspec.json.encode({"type": kind, **fields}), kind))

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        message: dict[str, Any] = message_head(self._start.id, self._start.model) | {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(self._usage),
        }
        self._emit("message_start", message=message)

    def _block_start(self, block: Block) -> int:
        self._begin()
        index, self._next = self._next, self._next + 1
        self._emit("content_block_start", index=index, content_block=block)
        return index

    def _part(self, kind: str, block: Block) -> int:
        """Index of the open block of that kind, which is begun if it is not open."""
        if self._open is not None and self._open[0] == kind:
            return self._open[1]
        self._end_part()
        self._open = (kind, self._block_start(block))
        return self._open[1]

    def _end_part(self) -> None:
        if self._open is not None:
            self._emit("content_block_stop", index=self._open[1])
            self._open = None

    def _delta(self, index: int, kind: str, **fields: Any) -> None:
        self._emit("content_block_delta", index=index, delta={"type": kind, **fields})

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: Start) -> None:
        self._start = event

    def on_usage(self, event: UsageUpdate) -> None:
        self._usage = event.usage

    def on_text(self, event: TextDelta) -> None:
        self._text("text", event.text)

    def on_refusal(self, event: RefusalDelta) -> None:
        self._text("refusal", event.text)

    def on_audio(self, event: AudioDelta) -> None:
        self._text("audio", event.transcript)

    def _text(self, kind: str, text: str) -> None:
        if text:
            self._delta(self._part(kind, {"type": "text", "text": ""}), "text_delta", text=text)

    def on_citation(self, event: CitationDelta) -> None:
        for citation in encode_citations((event.citation,)):
            index = self._part("text", {"type": "text", "text": ""})
            self._delta(index, "citations_delta", citation=citation)

    def on_reasoning(self, event: ReasoningDelta) -> None:
        native = dict(native_of(event.native))
        signature = native.pop("signature", None)
        index = self._part("thinking", {"type": "thinking", "thinking": "", "signature": ""} | native)
        if event.text:
            self._delta(index, "thinking_delta", thinking=event.text)
        if signature:
            self._delta(index, "signature_delta", signature=signature)

    def on_part_end(self, event: PartEnd) -> None:
        self._end_part()

    def on_part(self, event: PartAdded) -> None:
        self._end_part()
        part = event.part
        if isinstance(part, Text):
            self.on_text(TextDelta(part.text))
            for citation in part.citations:
                self.on_citation(CitationDelta(citation))
            self._end_part()
        elif isinstance(part, Reasoning) and native_of(part.native).get("type") != "redacted_thinking":
            self.on_reasoning(ReasoningDelta(part.text, part.native))
            self._end_part()
        elif (block := self._parts.block(part)) is not None:
            self._emit("content_block_stop", index=self._block_start(block))

    def on_tool_start(self, event: ToolCallStart) -> None:
        self._end_part()
        call_id = self._parts.ids.call(ToolCall(event.id, event.name))
        block: Block = {"type": "tool_use", "id": call_id, "name": event.name, "input": {}}
        self._calls[event.index] = self._block_start(overlay(native_of(event.native), block))

    def on_tool_delta(self, event: ToolCallDelta) -> None:
        self._delta(self._calls[event.index], "input_json_delta", partial_json=event.json)

    def on_tool_end(self, event: ToolCallEnd) -> None:
        index = self._calls.pop(event.index, None)
        if index is not None:
            self._emit("content_block_stop", index=index)

    def on_provider(self, event: ProviderEvent) -> None:
        """Pass on what came in this dialect; a block's deltas have lost their place and are not passed on."""
        data = object_of(event.data) if event.wire == NAME else {}
        kind = data.get("type")
        if isinstance(kind, str) and not kind.startswith("content_block"):
            self._begin()
            self._out.append(sse.encode(msgspec.json.encode(data), kind))

    def on_native(self, event: MessageNative) -> None:
        """This dialect keeps no state of a whole message."""

    def on_finish(self, event: Finish) -> None:
        self._begin()
        self._end_part()
        for index in self._calls.values():
            self._emit("content_block_stop", index=index)
        ends = end_fields(event.details)
        edits = {"context_management": ends.pop("context_management")} if "context_management" in ends else {}
        delta = {"stop_reason": stop_reason(event.reason, event.raw), "stop_sequence": None, **ends}
        self._emit("message_delta", delta=delta, usage=encode_usage(self._usage), **edits)
        self._finished = True


_WRITE: Final[dict[type[Any], Callable[[StreamEncoder, Any], None]]] = {
    Start: StreamEncoder.on_start,
    TextDelta: StreamEncoder.on_text,
    ReasoningDelta: StreamEncoder.on_reasoning,
    RefusalDelta: StreamEncoder.on_refusal,
    AudioDelta: StreamEncoder.on_audio,
    CitationDelta: StreamEncoder.on_citation,
    PartEnd: StreamEncoder.on_part_end,
    PartAdded: StreamEncoder.on_part,
    ToolCallStart: StreamEncoder.on_tool_start,
    ToolCallDelta: StreamEncoder.on_tool_delta,
    ToolCallEnd: StreamEncoder.on_tool_end,
    UsageUpdate: StreamEncoder.on_usage,
    ProviderEvent: StreamEncoder.on_provider,
    MessageNative: StreamEncoder.on_native,
    Finish: StreamEncoder.on_finish,
}
