"""
Streamed answers: events of items to events of ours.

Rules: what was not streamed is taken from the event that repeats it whole, and nothing twice: servers leave out deltas,
items and events.  Items are told apart by their place in the output, because some servers give every event another id.

Source: OpenAI's OpenAPI file (`ResponseStreamEvent`); the recordings (GitHub Copilot's ids, OpenRouter's order).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import WireError
from dragoman.types.events import (
    CitationDelta,
    Event,
    PartAdded,
    PartEnd,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from dragoman.types.messages import Opaque, Part, Refusal, Text, ToolCall
from dragoman.wire.lenient import object_of, text_of, whole
from dragoman.wire.logprobs import decode_logprobs
from dragoman.wire.openai_responses.blocks import decode_block, decode_citation
from dragoman.wire.openai_responses.dialect import NAME, Item, StreamEvent, own
from dragoman.wire.openai_responses.growing import Growing
from dragoman.wire.openai_responses.items import CALLS, decode_item, is_cut_call, is_empty, kind_of, reasoning_text

# How many blocks of an item may be passed over without a word on them.  None ever are; this bounds what a damaged index
# costs.
_MOST_BLOCKS: Final = 256

_Make = Callable[[Growing, str], Event]


class ItemReader:
    """
    Reads the items of one answer.

    Args:
        seen: Where events go.

    Attributes:
        called: A call that the caller answers has come to its end.
        refused: So has a refusal.
    """

    def __init__(self, seen: list[Event]) -> None:
        self.called = self.refused = False
        self._seen = seen
        self._items: dict[int, Growing] = {}
        self._ids: set[str] = set()  # of items that are whole
        self._open: Growing | None = None  # the message or reasoning whose part is open
        self._calls = 0

    # --- items --------------------------------------------------------------------------------------------------------

    def added(self, event: StreamEvent, data: bytes) -> None:
        """An item is announced; who writes this dialect learns its id before its content."""
        growing = self._begin(self._place(event), object_of(event.item))
        if growing.kind not in CALLS:
            self._pass_on(data)

    def done(self, event: StreamEvent, data: bytes) -> None:
        """An item is whole."""
        place, item = self._place(event), object_of(event.item)
        growing = self._items.get(place)
        if growing is None or growing.kind != kind_of(item):
            growing = self._begin(place, item)
        if not growing.closed:
            self._close(growing, item)

    def end(self, output: list[Item]) -> None:
        """The answer is whole: add the items that were not streamed to their end."""
        if sum(item.closed for item in self._items.values()) < len(output):
            for place, item in enumerate(output):
                self._fill(place, item)
        self._leave()

    def _fill(self, place: int, item: Item) -> None:
        growing = self._items.get(place)
        if (growing is not None and growing.closed) or item.get("id") in self._ids:
            return
        if growing is None or growing.kind != kind_of(item):
            growing = self._begin(place, item)
        self._close(growing, item)

    def _place(self, event: StreamEvent) -> int:
        place = whole(event.output_index)
        return max(self._items, default=0) if place is None else place

    def _pass_on(self, data: bytes) -> None:
        self._seen.append(ProviderEvent(NAME, msgspec.json.decode(data)))

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
            self._seen.append(ToolCallStart(growing.call, call.id, call.name, call.kind, {NAME: state}))

    def _leave(self) -> None:
        """Another item begins: the open one is whole as far as it came."""
        if self._open is not None:
            self._close(self._open, self._open.assembled())

    def _close(self, growing: Growing, item: Item) -> None:
        growing.closed = True
        if self._open is growing:
            self._open = None
        self._ids.add(text_of(item.get("id")))
        _CLOSE.get(growing.kind, ItemReader.close_other)(self, growing, item)

    def close_message(self, growing: Growing, item: Item) -> None:
        parts = decode_item(item, "item") if item.get("content") else ()
        for i, part in enumerate(parts):
            if i >= growing.ended:
                self._end_block(growing, i, part)
        growing.ended = len(parts)

    def close_reasoning(self, growing: Growing, item: Item) -> None:
        text = "" if growing.said else reasoning_text(item)
        self._seen += (ReasoningDelta(text, {NAME: item}), PartEnd())

    def close_call(self, growing: Growing, item: Item) -> None:
        call = decode_item(item, "item")[0]
        if not isinstance(call, ToolCall):
            return
        if growing.call < 0:
            growing.item = item
            self._begin_call(growing)
        self._say(growing, 0, growing.missing(0, call.arguments_json), _arguments)
        if not is_cut_call(item):
            self.called = True
            self._seen.append(ToolCallEnd(growing.call, call.native))

    def close_other(self, growing: Growing, item: Item) -> None:
        self._seen.append(PartAdded(Opaque(NAME, item)))

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

    def _say(self, growing: Growing, index: int, text: str, make: _Make) -> None:
        if text:
            growing.said.setdefault(index, []).append(text)
            self._seen.append(make(growing, text))

    def _end_block(self, growing: Growing, index: int, part: Part) -> None:
        """End the part of a block of content, after what of it was not streamed."""
        if isinstance(part, Text):
            self._say(growing, index, growing.missing(index, part.text), lambda _, text: TextDelta(text, part.logprobs))
            self._seen += (CitationDelta(source) for source in part.citations[growing.sources.get(index, 0) :])
        elif isinstance(part, Refusal):
            self.refused = self.refused or bool(part.text)
            self._say(growing, index, growing.missing(index, part.text), _refusal)
        else:
            self._seen.append(PartAdded(part))
            return
        if not is_empty(part):
            self._seen.append(PartEnd(part.native))

    def _reach(self, growing: Growing, index: int) -> None:
        """A block begins: those before it are whole."""
        if index - growing.ended > _MOST_BLOCKS:
            raise WireError(f"an event of the stream speaks of block {index} of an item that has {growing.ended}")
        while growing.ended < index:
            block = growing.block(growing.ended)
            self._end_block(growing, growing.ended, decode_block(block, "assistant", "part"))
            growing.ended += 1

    def part(self, event: StreamEvent, data: bytes) -> None:
        """A block of content is announced, or whole."""
        block, index = object_of(event.part), whole(event.content_index) or 0
        if block.get("type") == "reasoning_text":
            if event.type == "response.content_part.added":
                self._pass_on(data)
        elif not self._is_late(event):
            growing = self._grown(event, "message")
            self._reach(growing, index)
            growing.blocks[index] = block

    def text(self, event: StreamEvent, data: bytes) -> None:
        """More text."""
        growing, index, text = self._grown(event, "message"), whole(event.content_index) or 0, text_of(event.delta)
        if index > growing.ended:
            self._reach(growing, index)
        if text:
            growing.said.setdefault(index, []).append(text)
            self._seen.append(TextDelta(text, decode_logprobs(event.logprobs) if event.logprobs else ()))

    def refusal(self, event: StreamEvent, data: bytes) -> None:
        """More of a refusal."""
        growing, index = self._grown(event, "message"), whole(event.content_index) or 0
        growing.blocks.setdefault(index, {"type": "refusal"})
        self._reach(growing, index)
        self._say(growing, index, text_of(event.delta), _refusal)

    def annotation(self, event: StreamEvent, data: bytes) -> None:
        """A source of the text."""
        if self._is_late(event):
            return
        growing, index = self._grown(event, "message"), whole(event.content_index) or 0
        growing.sources[index] = growing.sources.get(index, 0) + 1
        self._seen.append(CitationDelta(decode_citation(object_of(event.annotation))))

    def thought(self, event: StreamEvent, data: bytes) -> None:
        """Of reasoning and its summary, what came first is shown: the other says the same again."""
        if event.delta is None and self._is_late(event):
            return
        growing = self._grown(event, "reasoning")
        shown = "content" if event.type.startswith("response.reasoning_text") else "summary"
        growing.shown = growing.shown or shown
        if growing.shown == shown:
            index = whole(event.content_index if shown == "content" else event.summary_index) or 0
            text = text_of(event.delta) or growing.missing(index, text_of(event.text))
            self._say(growing, index, text, _thought)

    def arguments(self, event: StreamEvent, data: bytes) -> None:
        """More of a call's arguments, or all of them."""
        growing = self._items.get(self._place(event))
        if growing is not None and growing.call >= 0 and not growing.closed:
            all_of_it = text_of(event.arguments) or text_of(event.input)
            self._say(growing, 0, text_of(event.delta) or growing.missing(0, all_of_it), _arguments)


def _refusal(growing: Growing, text: str) -> Event:
    return RefusalDelta(text)


def _thought(growing: Growing, text: str) -> Event:
    return ReasoningDelta(text)


def _arguments(growing: Growing, text: str) -> Event:
    return ToolCallDelta(growing.call, text)


_CLOSE: Final[dict[str, Callable[[ItemReader, Growing, Item], None]]] = {
    "message": ItemReader.close_message,
    "reasoning": ItemReader.close_reasoning,
    "function_call": ItemReader.close_call,
    "custom_tool_call": ItemReader.close_call,
}

ITEM_EVENTS: Final[dict[str, Callable[[ItemReader, StreamEvent, bytes], Any]]] = {
    "response.output_item.added": ItemReader.added,
    "response.output_item.done": ItemReader.done,
    "response.content_part.added": ItemReader.part,
    "response.content_part.done": ItemReader.part,
    "response.output_text.delta": ItemReader.text,
    "response.output_text.annotation.added": ItemReader.annotation,
    "response.refusal.delta": ItemReader.refusal,
    "response.reasoning_text.delta": ItemReader.thought,
    "response.reasoning_text.done": ItemReader.thought,
    "response.reasoning_summary_text.delta": ItemReader.thought,
    "response.reasoning_summary_text.done": ItemReader.thought,
    "response.function_call_arguments.delta": ItemReader.arguments,
    "response.function_call_arguments.done": ItemReader.arguments,
    "response.custom_tool_call_input.delta": ItemReader.arguments,
    "response.custom_tool_call_input.done": ItemReader.arguments,
}
