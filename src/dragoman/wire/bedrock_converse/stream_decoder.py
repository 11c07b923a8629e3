"""
Reads a streamed answer.

Every event is decoded once, into one Struct, and goes through a table from its type to a function; starts and deltas of
blocks have tables of their own.  What is in no table passes by as a `ProviderEvent`.

Rule: evidence of completion is `messageStop`.  The usage comes after it, in `metadata`, which ends the answer; where
the bytes end without it, the answer is whole all the same, and what it cost is not known.

Source: service model of `bedrock-runtime` (`ConverseStreamOutput`), and the recordings.
"""

from __future__ import annotations

import base64
import binascii
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
from dragoman.types.messages import Part, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.aws import AwsDecoder
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.bedrock_converse.blocks import decode_citation, decode_part, said
from dragoman.wire.bedrock_converse.dialect import (
    METADATA_FIELDS,
    NAME,
    STOP_FIELDS,
    Block,
    StreamEvent,
    finish_reason,
    told,
)
from dragoman.wire.bedrock_converse.reply import decode_response
from dragoman.wire.bedrock_converse.usage import decode_usage
from dragoman.wire.lenient import list_of, object_of, text_of

_DECODE: Final = msgspec.json.Decoder(StreamEvent).decode


class _Open:
    """A content block that still grows."""

    __slots__ = ("blobs", "block", "call", "content", "kind", "said", "signature")

    def __init__(self, kind: str, block: Block) -> None:
        self.kind = kind
        self.block = block  # what its start said
        self.call = -1  # index among the tool calls
        self.said = False  # arguments came
        self.signature: list[str] = []
        self.blobs: list[bytes] = []
        self.content: list[Block] = []


class StreamDecoder(AwsDecoder):
    """The dialect's decoder; see the text of this module."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._blocks: dict[int, _Open] = {}
        self._calls = 0
        self._raw: str | None = None
        self._details: dict[str, Any] = {}

    def _event(self, kind: str, payload: bytes) -> None:
        handle = _EVENTS.get(kind)
        if handle is None:
            self.seen.append(ProviderEvent(NAME, {kind: _json(payload)}))
            return
        try:
            event = _DECODE(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = decode_json(payload, StreamEvent, "an event of the stream")
        handle(self, event, payload)

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)

    def _end(self) -> None:
        """Close what is open and finish."""
        if self.seen and isinstance(self.seen[-1], Finish):
            return
        for index in list(self._blocks):
            self._close(index)
        self.seen.append(Finish(finish_reason(self._raw), self._raw, self._details or None))

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: StreamEvent, payload: bytes) -> None:
        self.seen.append(Start())

    def on_block_start(self, event: StreamEvent, payload: bytes) -> None:
        for kind, block in (event.start or {}).items():
            begin = _BEGIN.get(kind)
            if begin is None:
                self._pass_by("contentBlockStart", payload)
            elif block is not None:
                begin(self, self._open(event.contentBlockIndex, kind, object_of(block)))

    def on_block_delta(self, event: StreamEvent, payload: bytes) -> None:
        for kind, value in (event.delta or {}).items():
            grow = _GROW.get(kind)
            if grow is None:
                self._pass_by("contentBlockDelta", payload)
            elif value is not None:
                grow(
                    self, self._blocks.get(event.contentBlockIndex) or self._open(event.contentBlockIndex, kind), value
                )

    def on_block_stop(self, event: StreamEvent, payload: bytes) -> None:
        self._close(event.contentBlockIndex)

    def on_stop(self, event: StreamEvent, payload: bytes) -> None:
        self._raw, self.complete = event.stopReason, True
        self._details |= told(_json(payload), STOP_FIELDS)

    def on_metadata(self, event: StreamEvent, payload: bytes) -> None:
        self._details |= told(_json(payload), METADATA_FIELDS)
        if event.usage:
            self.seen.append(UsageUpdate(decode_usage(event.usage)))
        if self.complete:
            self.done = True
            self._end()

    def _pass_by(self, kind: str, payload: bytes) -> None:
        self.seen.append(ProviderEvent(NAME, {kind: _json(payload)}))

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _open(self, index: int, kind: str, block: Block | None = None) -> _Open:
        self._close(index)
        opened = self._blocks[index] = _Open(kind, block or {})
        return opened

    def begin_tool_use(self, opened: _Open) -> None:
        call = self._part({"toolUse": {**opened.block, "input": {}}})
        if isinstance(call, ToolCall):
            opened.call, self._calls = self._calls, self._calls + 1
            self.seen.append(ToolCallStart(opened.call, call.id, call.name, native=call.native))

    def begin_whole(self, opened: _Open) -> None:
        """A block that is added when it is whole."""

    def grow_text(self, opened: _Open, value: Any) -> None:
        if text := text_of(value):
            self.seen.append(TextDelta(text))

    def grow_citation(self, opened: _Open, value: Any) -> None:
        self.seen.append(CitationDelta(decode_citation(object_of(value))))

    def grow_reasoning(self, opened: _Open, value: Any) -> None:
        delta = object_of(value)
        if text := text_of(delta.get("text")):
            opened.said = True
            self.seen.append(ReasoningDelta(text))
        if signature := text_of(delta.get("signature")):
            opened.signature.append(signature)
        if blob := text_of(delta.get("redactedContent")):
            opened.blobs.append(_blob(blob))

    def grow_tool_use(self, opened: _Open, value: Any) -> None:
        if opened.call < 0:
            shown = msgspec.json.encode(value)
            raise not_protocol(shown, "arguments came of a tool call that did not begin", "$.delta")
        if text := text_of(object_of(value).get("input")):
            opened.said = True
            self.seen.append(ToolCallDelta(opened.call, text))

    def grow_tool_result(self, opened: _Open, value: Any) -> None:
        opened.content += map(object_of, list_of(value))

    def grow_image(self, opened: _Open, value: Any) -> None:
        opened.blobs.append(_blob(text_of(object_of(object_of(value).get("source")).get("bytes"))))

    def _close(self, index: int) -> None:
        opened = self._blocks.pop(index, None)
        if opened is not None:
            _FINISH[opened.kind](self, opened)

    def finish_text(self, opened: _Open) -> None:
        self.seen.append(PartEnd())

    def finish_reasoning(self, opened: _Open) -> None:
        """Signature and mark come when the block is whole; what is encrypted is a part of its own."""
        if opened.blobs:
            self.seen.append(PartAdded(self._part({"reasoningContent": {"redactedContent": _text(opened.blobs)}})))
        signed = {"signature": "".join(opened.signature)} if opened.signature else {}
        if signed or opened.said:
            state = {"reasoningContent": {"reasoningText": signed}} if signed else {}
            self.seen.append(ReasoningDelta("", {NAME: state}))
            self.seen.append(PartEnd())

    def finish_tool_use(self, opened: _Open) -> None:
        if not opened.said:
            self.seen.append(ToolCallDelta(opened.call, "{}"))
        self.seen.append(ToolCallEnd(opened.call))

    def finish_tool_result(self, opened: _Open) -> None:
        self.seen.append(PartAdded(self._part({"toolResult": {**opened.block, "content": opened.content}})))

    def finish_image(self, opened: _Open) -> None:
        block = {"image": {**opened.block, "source": {"bytes": _text(opened.blobs)}}}
        self.seen.append(PartAdded(self._part(block)))

    def _part(self, block: Block) -> Part:
        try:
            return decode_part(said(block))
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at `")
            place = "$.start" + path.rstrip("`").removeprefix("$")
            raise not_protocol(msgspec.json.encode(block), f"not what the dialect says: {text}", place) from error


def _json(payload: bytes) -> dict[str, Any]:
    value: dict[str, Any] = decode_json(payload, dict[str, Any], "an event of the stream")
    return value


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise not_protocol(text.encode(), "the base64 of a block is damaged", "$.delta") from error


def _text(blobs: list[bytes]) -> str:
    return base64.b64encode(b"".join(blobs)).decode()


_EVENTS: Final[dict[str, Callable[[StreamDecoder, StreamEvent, bytes], None]]] = {
    "messageStart": StreamDecoder.on_start,
    "contentBlockStart": StreamDecoder.on_block_start,
    "contentBlockDelta": StreamDecoder.on_block_delta,
    "contentBlockStop": StreamDecoder.on_block_stop,
    "messageStop": StreamDecoder.on_stop,
    "metadata": StreamDecoder.on_metadata,
}
_BEGIN: Final[dict[str, Callable[[StreamDecoder, _Open], None]]] = {
    "toolUse": StreamDecoder.begin_tool_use,
    "toolResult": StreamDecoder.begin_whole,
    "image": StreamDecoder.begin_whole,
}
_GROW: Final[dict[str, Callable[[StreamDecoder, _Open, Any], None]]] = {
    "text": StreamDecoder.grow_text,
    "citation": StreamDecoder.grow_citation,
    "reasoningContent": StreamDecoder.grow_reasoning,
    "toolUse": StreamDecoder.grow_tool_use,
    "toolResult": StreamDecoder.grow_tool_result,
    "image": StreamDecoder.grow_image,
}
_FINISH: Final[dict[str, Callable[[StreamDecoder, _Open], None]]] = {
    "text": StreamDecoder.finish_text,
    "citation": StreamDecoder.finish_text,
    "reasoningContent": StreamDecoder.finish_reasoning,
    "toolUse": StreamDecoder.finish_tool_use,
    "toolResult": StreamDecoder.finish_tool_result,
    "image": StreamDecoder.finish_image,
}
