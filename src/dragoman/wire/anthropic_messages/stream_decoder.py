"""
Reads a streamed answer.

Every event is decoded once, into one Struct, and goes through a table from its type to a function; deltas and blocks
have tables of their own.  Types that are not in a table pass by: an unknown block becomes an `Opaque` part, an unknown
event a `ProviderEvent`.

Rule: evidence of completion is a `stop_reason`, or `message_stop`.  A block that begins after the reason takes that
evidence back, until the next.

Source: the vendor's page on streaming; SDK 2.12, `lib/streaming`; the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.events import (
    CitationDelta,
    Finish,
    PartAdded,
    PartEnd,
    ProviderEvent,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.messages import Text, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.anthropic_messages.blocks import arguments_json, decode_citation, decode_part, said
from dragoman.wire.anthropic_messages.calls import INVALID
from dragoman.wire.anthropic_messages.dialect import (
    NAME,
    Block,
    Delta,
    StreamEvent,
    end_details,
    finish_reason,
)
from dragoman.wire.anthropic_messages.failure import error_from
from dragoman.wire.anthropic_messages.reply import decode_response, wrong_field
from dragoman.wire.anthropic_messages.usage import decode_usage
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.lenient import list_of, object_of

_DECODE: Final = msgspec.json.Decoder(StreamEvent).decode


class _Open:
    """A content block that still grows."""

    __slots__ = ("block", "call", "opaque", "pieces", "said", "signed")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.opaque = str(block.get("type")) not in _BEGIN
        self.pieces: list[str] = []
        self.call = -1  # index among the tool calls
        self.said = False  # arguments or thinking were passed on
        self.signed = False


class StreamDecoder(SseDecoder):
    """The dialect's decoder; see the text of this module."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._blocks: dict[int, _Open] = {}
        self._calls = 0
        self._started = False
        self._usage: dict[str, Any] = {}
        self._raw: str | None = None
        self._details: dict[str, Any] = {}
        self._finished = False

    def _frame(self, kind: bytes, data: bytes) -> None:
        event: StreamEvent | None
        try:
            event = _DECODE(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = self._odd(data)
            if event is None:
                return
        handle = _EVENTS.get(event.type or kind.decode("utf-8", "replace"))
        if handle is not None:
            handle(self, event, data)
        elif event.error is not None:
            self.on_error(event, data)
        else:
            self._pass_by(data)

    def _odd(self, data: bytes) -> StreamEvent | None:
        """Bytes that are no event: the end mark of another dialect, which proxies add, or no protocol at all."""
        if data.strip() == b"[DONE]":
            return None
        event: StreamEvent = decode_json(data, StreamEvent, "an event of the stream")
        return event

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)

    def _end(self) -> None:
        """Close what is open and finish; once."""
        if self._finished:
            return
        self._finished = True
        for index in list(self._blocks):
            self._close(index)
        self.seen.append(Finish(finish_reason(self._raw), self._raw, self._details or None))

    def _pass_by(self, data: bytes) -> None:
        self.seen.append(ProviderEvent(NAME, _json(data)))

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: StreamEvent, data: bytes) -> None:
        message = event.message or {}
        if not self._started:
            self._started = True
            self.seen.append(Start(_text(message.get("id")), _text(message.get("model"))))
        self._count(message.get("usage"))
        self._details |= end_details(message)
        # Some answers come whole in this event: code execution that calls a tool resumes that way.
        for index, block in enumerate(map(object_of, list_of(message.get("content")))):
            self._open(index, block)
            self._close(index)
        self._stop(_text(message.get("stop_reason")))

    def on_block_start(self, event: StreamEvent, data: bytes) -> None:
        self.complete = False
        self._open(event.index, event.content_block or {})

    def on_block_delta(self, event: StreamEvent, data: bytes) -> None:
        delta, opened = event.delta, self._blocks.get(event.index)
        if delta is None:
            return
        if opened is not None and opened.opaque:
            self._grow(opened, delta, data)
        elif (handle := _DELTAS.get(delta.type)) is not None:
            handle(self, opened, delta)
        else:
            self._pass_by(data)

    def on_block_stop(self, event: StreamEvent, data: bytes) -> None:
        self._close(event.index)

    def on_message_delta(self, event: StreamEvent, data: bytes) -> None:
        raw = _json(data)
        self._count(event.usage)
        self._details |= end_details(raw, raw.get("delta") or {})
        self._stop(event.delta.stop_reason if event.delta else None)

    def on_message_stop(self, event: StreamEvent, data: bytes) -> None:
        if not self.seen:
            return  # the end of nothing is no answer
        self.complete = self.done = True
        self._end()

    def on_ping(self, event: StreamEvent, data: bytes) -> None:
        """Says only that the connection lives."""

    def on_error(self, event: StreamEvent, data: bytes) -> None:
        raise error_from(_json(data), provider=self.provider.name if self.provider else None)

    def _count(self, usage: Any) -> None:
        """Counts are totals: later ones replace, and what is absent or null keeps its value."""
        if usage is None:
            return
        sent = object_of(usage)
        self._usage |= {key: value for key, value in sent.items() if value is not None or key not in self._usage}
        self.seen.append(UsageUpdate(decode_usage(dict(self._usage))))

    def _stop(self, reason: str | None) -> None:
        if reason:
            self._raw, self.complete = reason, True

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _open(self, index: int, block: Block) -> None:
        if index in self._blocks:
            self._close(index)
        opened = self._blocks[index] = _Open(block)
        begin = _BEGIN.get(str(block.get("type")))
        if begin is not None:
            begin(self, opened)

    def begin_text(self, opened: _Open) -> None:
        part: Text = self._part({"text": ""} | opened.block)
        if part.text:
            self.seen.append(TextDelta(part.text))
        self.seen.extend(CitationDelta(citation) for citation in part.citations)

    def begin_thinking(self, opened: _Open) -> None:
        block = said(opened.block)
        rest = {key: value for key, value in block.items() if key not in ("type", "thinking")}
        opened.signed, opened.said = "signature" in rest, bool(block.get("thinking"))
        if block.get("thinking") or rest:
            self.seen.append(ReasoningDelta(_text(block.get("thinking")) or "", {NAME: rest} if rest else None))

    def begin_tool_use(self, opened: _Open) -> None:
        call = self._part(opened.block)
        if isinstance(call, ToolCall):
            opened.call, self._calls = self._calls, self._calls + 1
            self.seen.append(ToolCallStart(opened.call, call.id, call.name, native=call.native))

    def _close(self, index: int) -> None:
        opened = self._blocks.pop(index, None)
        if opened is not None:
            _FINISH.get(str(opened.block.get("type")), StreamDecoder.finish_other)(self, opened)

    def finish_text(self, opened: _Open) -> None:
        self.seen.append(PartEnd())

    def finish_thinking(self, opened: _Open) -> None:
        if not opened.signed and opened.said:
            self.seen.append(ReasoningDelta("", {NAME: {}}))  # this dialect's own, though unsigned
        self.seen.append(PartEnd())

    def finish_tool_use(self, opened: _Open) -> None:
        if not opened.said:
            self.seen.append(ToolCallDelta(opened.call, arguments_json(opened.block.get("input"))))
        self.seen.append(ToolCallEnd(opened.call))

    def finish_other(self, opened: _Open) -> None:
        block = opened.block
        if text := "".join(opened.pieces):
            block = block | {"input": _input(text)}
        self.seen.append(PartAdded(self._part(block)))

    def _part(self, block: Block) -> Any:
        try:
            return decode_part(said(block))
        except msgspec.ValidationError as error:
            raise wrong_field(error, msgspec.json.encode(block), "$.content_block") from error

    # --- deltas -------------------------------------------------------------------------------------------------------

    def text_delta(self, opened: _Open | None, delta: Delta) -> None:
        if delta.text:
            self.seen.append(TextDelta(delta.text))

    def thinking_delta(self, opened: _Open | None, delta: Delta) -> None:
        if delta.thinking:
            self.seen.append(ReasoningDelta(delta.thinking))
            if opened is not None:
                opened.said = True

    def signature_delta(self, opened: _Open | None, delta: Delta) -> None:
        if delta.signature:
            self.seen.append(ReasoningDelta("", {NAME: {"signature": delta.signature}}))
            if opened is not None:
                opened.signed = True

    def citations_delta(self, opened: _Open | None, delta: Delta) -> None:
        if delta.citation:
            self.seen.append(CitationDelta(decode_citation(delta.citation)))

    def input_delta(self, opened: _Open | None, delta: Delta) -> None:
        if opened is not None and opened.call >= 0 and delta.partial_json:
            opened.said = True
            self.seen.append(ToolCallDelta(opened.call, delta.partial_json))

    def _grow(self, opened: _Open, delta: Delta, data: bytes) -> None:
        """A block that is carried as it is: its input is put together, other fields are replaced by the delta's."""
        if delta.partial_json is not None:
            opened.pieces.append(delta.partial_json)
            return
        fields = {key: value for key, value in object_of(_json(data).get("delta")).items() if key != "type"}
        if delta.type in _DELTAS:  # a kind that adds to what is there
            before = opened.block
            fields = {key: f"{before.get(key) or ''}{value}" for key, value in fields.items()}
        opened.block = opened.block | fields


def _json(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = decode_json(data, dict[str, Any], "an event of the stream")
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _input(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {INVALID: text}


_Handler = Callable[[StreamDecoder, StreamEvent, bytes], None]

_EVENTS: Final[dict[str, _Handler]] = {
    "message_start": StreamDecoder.on_start,
    "content_block_start": StreamDecoder.on_block_start,
    "content_block_delta": StreamDecoder.on_block_delta,
    "content_block_stop": StreamDecoder.on_block_stop,
    "message_delta": StreamDecoder.on_message_delta,
    "message_stop": StreamDecoder.on_message_stop,
    "ping": StreamDecoder.on_ping,
    "error": StreamDecoder.on_error,
}
_DELTAS: Final[dict[str, Callable[[StreamDecoder, _Open | None, Delta], None]]] = {
    "text_delta": StreamDecoder.text_delta,
    "thinking_delta": StreamDecoder.thinking_delta,
    "signature_delta": StreamDecoder.signature_delta,
    "citations_delta": StreamDecoder.citations_delta,
    "input_json_delta": StreamDecoder.input_delta,
}
_BEGIN: Final[dict[str, Callable[[StreamDecoder, _Open], None]]] = {
    "text": StreamDecoder.begin_text,
    "thinking": StreamDecoder.begin_thinking,
    "tool_use": StreamDecoder.begin_tool_use,
}
_FINISH: Final[dict[str, Callable[[StreamDecoder, _Open], None]]] = {
    "text": StreamDecoder.finish_text,
    "thinking": StreamDecoder.finish_thinking,
    "tool_use": StreamDecoder.finish_tool_use,
}
