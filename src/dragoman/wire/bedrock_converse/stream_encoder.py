"""
Writes a streamed answer.

Each part is a content block with an index of its own; texts and reasoning begin with their first delta, tool calls with
a `contentBlockStart`.  Tool calls of other dialects may grow side by side, and so do their blocks.

Rule: `messageStop` is written only after a finish reason; an answer that broke off never looks whole.

Source: service model of `bedrock-runtime` (`ConverseStreamOutput`), and the recordings.
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
from dragoman.wire.aws import encode_event, encode_exception
from dragoman.wire.bedrock_converse.content import ContentWriter, encode_citation, place_in_answer
from dragoman.wire.bedrock_converse.dialect import METADATA_FIELDS, NAME, STOP_FIELDS, Block, stop_reason, told
from dragoman.wire.bedrock_converse.usage import encode_usage
from dragoman.wire.lenient import object_of
from dragoman.wire.native import own


class StreamEncoder:
    """The dialect's encoder; see the text of this module."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._parts = ContentWriter(answers=True)
        self._usage = Usage()
        self._begun = False
        self._over = False  # the end or an error was written
        self._next = 0  # index of the next block
        self._open: tuple[str, int] | None = None  # kind and index of the text or reasoning that grows
        self._calls: dict[int, int] = {}  # of tool calls that grow: their index to that of their block

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if not self._over:
            _WRITE[type(event)](self, event)
        return self._taken()

    def close(self) -> bytes:
        """The end stands in the last events; there is no marker behind them."""
        return b""

    def error(self, error: DragomanError) -> bytes:
        """
        Close the text or reasoning that is open and write the error; nothing is written after it.

        A tool call that is open stays so: its end would say that its arguments are whole.
        """
        if self._over:
            return b""
        self._end_part()
        self._over = True
        self._out.append(encode_exception(error))
        return self._taken()

    def _taken(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def _emit(self, kind: str, **fields: Any) -> None:
        if not self._begun:
            self._begun = True
            self._out.append(encode_event("messageStart", {"role": "assistant"}))
        self._out.append(encode_event(kind, fields))

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _index(self) -> int:
        index, self._next = self._next, self._next + 1
        return index

    def _part(self, kind: str) -> int:
        """Index of the open block of that kind, which is begun if it is not open."""
        if self._open is None or self._open[0] != kind:
            self._end_part()
            self._open = (kind, self._index())
        return self._open[1]

    def _end_part(self) -> None:
        if self._open is not None:
            self._emit("contentBlockStop", contentBlockIndex=self._open[1])
            self._open = None

    def _start(self, block: Block) -> int:
        index = self._index()
        self._emit("contentBlockStart", contentBlockIndex=index, start=block)
        return index

    def _delta(self, index: int, delta: Block) -> None:
        self._emit("contentBlockDelta", contentBlockIndex=index, delta=delta)

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: Start) -> None:
        """This dialect names neither the answer nor the model."""

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
            self._delta(self._part(kind), {"text": text})

    def on_citation(self, event: CitationDelta) -> None:
        if citation := encode_citation(event.citation):
            self._delta(self._part("text"), {"citation": citation})

    def on_reasoning(self, event: ReasoningDelta) -> None:
        native = object_of(own(event.native, NAME).get("reasoningContent"))
        signature = object_of(native.get("reasoningText")).get("signature")
        index = self._part("reasoning") if event.text or signature else -1
        if event.text:
            self._delta(index, {"reasoningContent": {"text": event.text}})
        if signature:
            self._delta(index, {"reasoningContent": {"signature": signature}})

    def on_part_end(self, event: PartEnd) -> None:
        self._end_part()

    def on_part(self, event: PartAdded) -> None:
        self._end_part()
        part = event.part
        if isinstance(part, Text):
            self.on_text(TextDelta(part.text))
            for citation in part.citations:
                self.on_citation(CitationDelta(citation))
        else:
            block = self._parts.block(part, place_in_answer()) or {}
            for kind, inner in block.items():
                if kind in _WHOLE:
                    _WHOLE[kind](self, inner)
        if isinstance(part, Reasoning):
            self.on_reasoning(ReasoningDelta(part.text, part.native))
        self._end_part()

    def whole_text(self, text: str) -> None:
        self._text("text", text)

    def whole_redacted(self, inner: Block) -> None:
        if blob := inner.get("redactedContent"):
            self._delta(self._part("reasoning"), {"reasoningContent": {"redactedContent": blob}})

    def whole_tool_use(self, inner: Block) -> None:
        index = self._start({"toolUse": {name: value for name, value in inner.items() if name != "input"}})
        self._delta(index, {"toolUse": {"input": msgspec.json.encode(inner.get("input")).decode()}})
        self._emit("contentBlockStop", contentBlockIndex=index)

    def whole_tool_result(self, inner: Block) -> None:
        index = self._start({"toolResult": {name: value for name, value in inner.items() if name != "content"}})
        self._delta(index, {"toolResult": inner.get("content", [])})
        self._emit("contentBlockStop", contentBlockIndex=index)

    def whole_image(self, inner: Block) -> None:
        index = self._start({"image": {"format": inner.get("format")}})
        self._delta(index, {"image": {"source": inner.get("source")}})
        self._emit("contentBlockStop", contentBlockIndex=index)

    def on_tool_start(self, event: ToolCallStart) -> None:
        self._end_part()
        call = ToolCall(event.id, event.name, native=event.native)
        inner = object_of((self._parts.block(call, place_in_answer()) or {}).get("toolUse"))
        block = {"toolUse": {name: value for name, value in inner.items() if name != "input"}}
        self._calls[event.index] = self._start(block)

    def on_tool_delta(self, event: ToolCallDelta) -> None:
        self._delta(self._calls[event.index], {"toolUse": {"input": event.json}})

    def on_tool_end(self, event: ToolCallEnd) -> None:
        index = self._calls.pop(event.index, None)
        if index is not None:
            self._emit("contentBlockStop", contentBlockIndex=index)

    def on_provider(self, event: ProviderEvent) -> None:
        """What passed by has lost its place, and is not passed on."""

    def on_native(self, event: MessageNative) -> None:
        """This dialect keeps no state of a whole message."""

    def on_finish(self, event: Finish) -> None:
        self._end_part()
        for index in self._calls.values():
            self._emit("contentBlockStop", contentBlockIndex=index)
        reason = stop_reason(event.reason, event.raw)
        self._emit("messageStop", **({"stopReason": reason} if reason else {}), **told(event.details, STOP_FIELDS))
        self._emit("metadata", usage=encode_usage(self._usage), **told(event.details, METADATA_FIELDS))
        self._over = True


_WHOLE: Final[dict[str, Callable[[StreamEncoder, Any], None]]] = {
    "text": StreamEncoder.whole_text,
    "toolUse": StreamEncoder.whole_tool_use,
    "reasoningContent": StreamEncoder.whole_redacted,
    "toolResult": StreamEncoder.whole_tool_result,
    "image": StreamEncoder.whole_image,
}
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
