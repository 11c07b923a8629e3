"""
Streamed answers: bytes to events.

Every event is decoded once, into one Struct, and goes through a table from its type to a function; items have tables
of their own.  Types that are not in a table pass by as `ProviderEvent`; so does the announcement of an item, from which
the encoder of this dialect learns its id before its content.

Rules: evidence of completion is a terminal event (`response.completed`, `.incomplete`, `.cancelled`).  What was not
streamed is taken from the event that repeats it whole, and nothing twice: servers leave out deltas, items and events.
Items are told apart by their place in the output, because some servers give every event another id.

Source: OpenAI's OpenAPI file (`ResponseStreamEvent`); the recordings (GitHub Copilot's ids, OpenRouter's order).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.errors import ConfigError, StatusError
from dragoman.types.events import (
    CitationDelta,
    Event,
    Finish,
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
from dragoman.types.messages import Opaque, Part, Refusal, Text, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.lenient import object_of, text_of, whole
from dragoman.wire.logprobs import decode_logprobs
from dragoman.wire.openai_errors import failure
from dragoman.wire.openai_responses.blocks import decode_block, decode_citation
from dragoman.wire.openai_responses.dialect import NAME, Answer, Item, StreamEvent, end_details, finish_reason, own
from dragoman.wire.openai_responses.growing import Growing
from dragoman.wire.openai_responses.items import CALLS, decode_item, is_cut_call, is_empty, kind_of, reasoning_text
from dragoman.wire.openai_responses.reply import decode_response, failed, wrong_item
from dragoman.wire.openai_responses.usage import decode_usage

_DECODE: Final = msgspec.json.Decoder(StreamEvent).decode


class Decoder(SseDecoder):
    """The dialect's decoder; see the text of this module."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._start = Start()
        self._items: dict[int, Growing] = {}
        self._ids: set[str] = set()  # of items that are whole
        self._open: Growing | None = None  # the message or reasoning whose part is open
        self._calls = 0
        self._called = self._refused = False

    def _frame(self, kind: bytes, data: bytes) -> None:
        event: StreamEvent
        try:
            event = _DECODE(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip() in (b"", b"[DONE]"):  # a keep-alive; the end mark of another dialect, which proxies add
                return
            event = decode_json(data, StreamEvent, "an event of the stream")
        name = event.type or kind.decode("utf-8", "replace")
        handle = _EVENTS.get(name)
        if handle is None:
            handle = Decoder.on_error if event.error else Decoder.on_other
        try:
            handle(self, event, data)
        except StatusError:  # one of them, of a model that is not there, is a ConfigError too
            raise
        except ConfigError as error:
            raise wrong_item(error, data) from error

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)

    # --- the response -------------------------------------------------------------------------------------------------

    def on_begun(self, event: StreamEvent, data: bytes) -> None:
        if self._start == Start():
            self._name(_answer(event))

    def _name(self, answer: Answer) -> None:
        start = Start(text_of(answer.id) or None, text_of(answer.model) or None)
        if start not in (Start(), self._start):
            self._start = start
            self.seen.append(start)

    def on_terminal(self, event: StreamEvent, data: bytes) -> None:
        answer = _answer(event)
        status = text_of(answer.status) or event.type.removeprefix("response.")
        if answer.error or status == "failed":
            self.on_failed(event, data)
        self._fill(answer.output or [])
        self._leave()
        self._name(answer)
        if answer.usage is not None:
            self.seen.append(UsageUpdate(decode_usage(answer.usage)))
        details = end_details(msgspec.json.decode(event.response))
        reason = finish_reason(status, details, self._called, self._refused)
        self.seen.append(Finish(reason, status, details))
        self.complete = self.done = True

    def _fill(self, output: list[Item]) -> None:
        """Add the items that were not streamed to their end."""
        if sum(item.closed for item in self._items.values()) >= len(output):
            return
        for i, item in enumerate(output):
            growing = self._items.get(i)
            if (growing is not None and growing.closed) or item.get("id") in self._ids:
                continue
            if growing is None or growing.kind != kind_of(item):
                growing = self._begin(i, item)
            self._close(growing, item)

    def on_failed(self, event: StreamEvent, data: bytes) -> None:
        raise failed(msgspec.json.decode(event.response), {}, data, self.provider)

    def on_error(self, event: StreamEvent, data: bytes) -> None:
        """The vendor documents the fields at the top, and sends them under `error`."""
        raw = object_of(msgspec.json.decode(data))
        error = raw.get("error") or {name: value for name, value in raw.items() if name != "type"}
        raise failure(None, {}, error, body=raw, text=data, provider=self.provider)

    def on_other(self, event: StreamEvent, data: bytes) -> None:
        self.seen.append(ProviderEvent(NAME, msgspec.json.decode(data)))

    def on_silent(self, event: StreamEvent, data: bytes) -> None:
        """Says nothing new."""

    # --- items --------------------------------------------------------------------------------------------------------

    def on_item_added(self, event: StreamEvent, data: bytes) -> None:
        growing = self._begin(self._place(event), object_of(event.item))
        if growing.kind not in CALLS:
            self.on_other(event, data)

    def on_item_done(self, event: StreamEvent, data: bytes) -> None:
        place, item = self._place(event), object_of(event.item)
        growing = self._items.get(place)
        if growing is None or growing.kind != kind_of(item):
            growing = self._begin(place, item)
        if not growing.closed:
            self._close(growing, item)

    def _place(self, event: StreamEvent) -> int:
        place = whole(event.output_index)
        return max(self._items, default=0) if place is None else place

    def _begin(self, place: int, item: Item) -> Growing:
        self._leave()
        growing = self._items[place] = Growing(item)
        if growing.kind in CALLS:
            self._begin_call(growing)
        elif growing.kind in _CLOSE:
            self._open = growing
        return growing

    def _begin_call(self, growing: Growing) -> None:
        if not text_of(growing.item.get("name")):
            return  # what is called will be known at its end
        call = decode_item(growing.item, "item")[0]
        if isinstance(call, ToolCall):
            state = {name: value for name, value in own(call.native).items() if name != "status"}
            growing.call, self._calls = self._calls, self._calls + 1
            self.seen.append(ToolCallStart(growing.call, call.id, call.name, call.kind, {NAME: state}))

    def _leave(self) -> None:
        """Another item begins: the open one is whole as far as it came."""
        if self._open is not None:
            self._close(self._open, self._open.assembled())

    def _close(self, growing: Growing, item: Item) -> None:
        growing.closed = True
        if self._open is growing:
            self._open = None
        self._ids.add(text_of(item.get("id")))
        _CLOSE.get(growing.kind, Decoder.close_other)(self, growing, item)

    def close_message(self, growing: Growing, item: Item) -> None:
        parts = decode_item(item, "item") if item.get("content") else ()
        for i, part in enumerate(parts):
            if i >= growing.ended:
                self._end_block(growing, i, part)
        growing.ended = len(parts)

    def close_reasoning(self, growing: Growing, item: Item) -> None:
        text = "" if growing.said else reasoning_text(item)
        self.seen += (ReasoningDelta(text, {NAME: item}), PartEnd())

    def close_call(self, growing: Growing, item: Item) -> None:
        call = decode_item(item, "item")[0]
        if not isinstance(call, ToolCall):
            return
        if growing.call < 0:
            growing.item = item
            self._begin_call(growing)
        self._say(growing, 0, growing.missing(0, call.arguments_json), _arguments)
        if not is_cut_call(item):
            self._called = True
            self.seen.append(ToolCallEnd(growing.call, call.native))

    def close_other(self, growing: Growing, item: Item) -> None:
        self.seen.append(PartAdded(Opaque(NAME, item)))

    # --- what grows ---------------------------------------------------------------------------------------------------

    def _grown(self, event: StreamEvent, kind: str) -> Growing:
        """The item that a delta belongs to; it becomes the open one."""
        place = self._place(event)
        growing = self._items.get(place)
        if growing is None or growing.kind != kind:
            growing = self._begin(place, {"type": kind})
        elif growing is not self._open:
            self._leave()
            self._open, growing.closed = growing, False
        return growing

    def _is_late(self, event: StreamEvent) -> bool:
        """Whether an event that adds nothing new tells of an item that is already whole."""
        growing = self._items.get(self._place(event))
        return growing is not None and growing.closed

    def _say(self, growing: Growing, index: int, text: str, event: Callable[[Growing, str], Event]) -> None:
        if text:
            growing.said.setdefault(index, []).append(text)
            self.seen.append(event(growing, text))

    def _end_block(self, growing: Growing, index: int, part: Part) -> None:
        """End the part of a block of content, after what of it was not streamed."""
        if isinstance(part, Text):
            self._say(growing, index, growing.missing(index, part.text), lambda _, text: TextDelta(text, part.logprobs))
            self.seen += (CitationDelta(source) for source in part.citations[growing.sources.get(index, 0) :])
        elif isinstance(part, Refusal):
            self._refused = self._refused or bool(part.text)
            self._say(growing, index, growing.missing(index, part.text), lambda _, text: RefusalDelta(text))
        else:
            self.seen.append(PartAdded(part))
            return
        if not is_empty(part):
            self.seen.append(PartEnd(part.native))

    def _reach(self, growing: Growing, index: int) -> None:
        """A block begins: those before it are whole."""
        while growing.ended < index:
            block = growing.block(growing.ended)
            self._end_block(growing, growing.ended, decode_block(block, "assistant", "part"))
            growing.ended += 1

    def on_part(self, event: StreamEvent, data: bytes) -> None:
        block, index = object_of(event.part), whole(event.content_index) or 0
        if block.get("type") == "reasoning_text":
            if event.type == "response.content_part.added":
                self.on_other(event, data)
            return
        if self._is_late(event):
            return
        growing = self._grown(event, "message")
        self._reach(growing, index)
        growing.blocks[index] = block

    def on_text(self, event: StreamEvent, data: bytes) -> None:
        growing, index, text = self._grown(event, "message"), whole(event.content_index) or 0, text_of(event.delta)
        if index > growing.ended:
            self._reach(growing, index)
        if text:
            growing.said.setdefault(index, []).append(text)
            self.seen.append(TextDelta(text, decode_logprobs(event.logprobs) if event.logprobs else ()))

    def on_refusal(self, event: StreamEvent, data: bytes) -> None:
        growing, index = self._grown(event, "message"), whole(event.content_index) or 0
        growing.blocks.setdefault(index, {"type": "refusal"})
        self._reach(growing, index)
        self._say(growing, index, text_of(event.delta), lambda _, text: RefusalDelta(text))

    def on_annotation(self, event: StreamEvent, data: bytes) -> None:
        if self._is_late(event):
            return
        growing, index = self._grown(event, "message"), whole(event.content_index) or 0
        growing.sources[index] = growing.sources.get(index, 0) + 1
        self.seen.append(CitationDelta(decode_citation(object_of(event.annotation))))

    def on_thought(self, event: StreamEvent, data: bytes) -> None:
        """Of reasoning and its summary, what came first is shown: the other says the same again."""
        if event.delta is None and self._is_late(event):
            return
        growing = self._grown(event, "reasoning")
        shown = "content" if event.type.startswith("response.reasoning_text") else "summary"
        growing.shown = growing.shown or shown
        if growing.shown == shown:
            index = whole(event.content_index if shown == "content" else event.summary_index) or 0
            text = text_of(event.delta) or growing.missing(index, text_of(event.text))
            self._say(growing, index, text, lambda _, text: ReasoningDelta(text))

    def on_arguments(self, event: StreamEvent, data: bytes) -> None:
        growing = self._items.get(self._place(event))
        if growing is not None and growing.call >= 0 and not growing.closed:
            all_of_it = text_of(event.arguments) or text_of(event.input)
            self._say(growing, 0, text_of(event.delta) or growing.missing(0, all_of_it), _arguments)


def _arguments(growing: Growing, text: str) -> Event:
    return ToolCallDelta(growing.call, text)


def _answer(event: StreamEvent) -> Answer:
    answer: Answer = decode_json(bytes(event.response), Answer, "a response in the stream")
    return answer


# They repeat what was said, or say only that the connection lives.
_SILENT: Final = (
    "response.output_text.done",
    "response.refusal.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "keepalive",
)
_Handler = Callable[[Decoder, StreamEvent, bytes], None]

_EVENTS: Final[dict[str, _Handler]] = {
    "response.created": Decoder.on_begun,
    "response.queued": Decoder.on_begun,
    "response.in_progress": Decoder.on_begun,
    "response.output_item.added": Decoder.on_item_added,
    "response.output_item.done": Decoder.on_item_done,
    "response.content_part.added": Decoder.on_part,
    "response.content_part.done": Decoder.on_part,
    "response.output_text.delta": Decoder.on_text,
    "response.output_text.annotation.added": Decoder.on_annotation,
    "response.refusal.delta": Decoder.on_refusal,
    "response.reasoning_text.delta": Decoder.on_thought,
    "response.reasoning_text.done": Decoder.on_thought,
    "response.reasoning_summary_text.delta": Decoder.on_thought,
    "response.reasoning_summary_text.done": Decoder.on_thought,
    "response.function_call_arguments.delta": Decoder.on_arguments,
    "response.function_call_arguments.done": Decoder.on_arguments,
    "response.custom_tool_call_input.delta": Decoder.on_arguments,
    "response.custom_tool_call_input.done": Decoder.on_arguments,
    "response.completed": Decoder.on_terminal,
    "response.incomplete": Decoder.on_terminal,
    "response.cancelled": Decoder.on_terminal,
    "response.failed": Decoder.on_failed,
    "error": Decoder.on_error,
    **dict.fromkeys(_SILENT, Decoder.on_silent),
}
_CLOSE: Final[dict[str, Callable[[Decoder, Growing, Item], None]]] = {
    "message": Decoder.close_message,
    "reasoning": Decoder.close_reasoning,
    "function_call": Decoder.close_call,
    "custom_tool_call": Decoder.close_call,
}
