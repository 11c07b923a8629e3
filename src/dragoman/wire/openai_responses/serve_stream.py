"""
Streamed answers: events to bytes, as a server.

Every part is an item of the output with a place of its own, announced, grown and told whole; the terminal event
repeats them all.  The official SDKs want an item to keep its id from its announcement on.  Where the answer comes from
this same dialect, its decoder passes the announcement on as a `ProviderEvent`, so that the id is known before the
content.

Rule: a terminal event is written only for `Finish`; an answer that broke off never looks whole.

Source: OpenAI's OpenAPI file (`ResponseStreamEvent`); SDK 3.54, `lib/streaming/responses`.
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
from dragoman.types.messages import Audio, Image, Opaque, Reasoning, Refusal, Text, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import sse
from dragoman.wire.lenient import object_of, text_of, whole
from dragoman.wire.openai_errors import error_fields
from dragoman.wire.openai_responses.dialect import COMPLETED, NAME, Item, own, status_out
from dragoman.wire.openai_responses.serve import ends, envelope, picture_item
from dragoman.wire.openai_responses.serve_items import GrowingCall, GrowingMessage, GrowingReasoning
from dragoman.wire.openai_responses.usage import encode_usage


class Encoder:
    """The dialect's encoder; see the text of this module."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._start = Start()
        self._usage = Usage()
        self._begun = self._ended = self._refused = False
        self._events = 0
        self._next = 0  # place of the next item
        self._open: GrowingMessage | GrowingReasoning | None = None
        self._calls: dict[int, GrowingCall] = {}
        self._output: dict[int, Item] = {}  # items that are whole, by place
        self._places: dict[int, int] = {}  # of items of this dialect: place there to place here
        self._opaque: dict[str, int] = {}  # announced and not yet whole: id to place

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if not self._ended:
            _WRITE[type(event)](self, event)
        return self._taken()

    def close(self) -> bytes:
        """The terminal event was written with `Finish`; there is no other end marker."""
        self._ended = True
        return self._taken()

    def error(self, error: DragomanError) -> bytes:
        """Write an error, as an event and as the end of the response; nothing is written after it."""
        if self._ended:
            return b""
        self._begin()
        fields = error_fields(error)
        told = {name: fields[name] for name in ("code", "message", "param")}
        self._emit("error", **told, error=fields)
        response = envelope(self._start.id, self._start.model, "failed")
        response["error"] = {"code": fields["code"] or fields["type"], "message": fields["message"]}
        self._emit("response.failed", response=response)
        self._ended = True
        return self._taken()

    def _taken(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def _emit(self, kind: str, /, **fields: Any) -> None:
        event = {"type": kind, "sequence_number": self._events, **fields}
        self._events += 1
        self._out.append(sse.encode(msgspec.json.encode(event), kind))

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        response = envelope(self._start.id, self._start.model, "in_progress")
        self._emit("response.created", response=response)
        self._emit("response.in_progress", response=response)

    # --- items --------------------------------------------------------------------------------------------------------

    def _place(self) -> int:
        self._begin()
        self._leave()
        place, self._next = self._next, self._next + 1
        return place

    def _leave(self) -> None:
        if self._open is not None:
            self._keep(self._open.close())
            self._open = None

    def _keep(self, told: tuple[int, Item]) -> None:
        self._output[told[0]] = told[1]

    def _message(self, announced: Item | None = None) -> GrowingMessage:
        """The message that grows, begun if none does."""
        if not isinstance(self._open, GrowingMessage):
            place = self._place()
            self._open = GrowingMessage(self._emit, place, announced or {})
        return self._open

    def _whole(self, item: Item) -> None:
        """An item that comes at once, or was announced before."""
        place = self._opaque.pop(text_of(item.get("id")), None)
        if place is None:
            place = self._place()
            self._emit("response.output_item.added", output_index=place, item=item)
        self._emit("response.output_item.done", output_index=place, item=item)
        self._keep((place, item))

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: Start) -> None:
        self._start = Start(event.id or self._start.id, event.model or self._start.model)
        self._begin()

    def on_usage(self, event: UsageUpdate) -> None:
        self._usage = event.usage

    def on_text(self, event: TextDelta) -> None:
        if event.text:
            self._message().text(event.text, event.logprobs)

    def on_refusal(self, event: RefusalDelta) -> None:
        if event.text:
            self._refused = True
            self._message().refusal(event.text)

    def on_citation(self, event: CitationDelta) -> None:
        self._message().source(event.citation)

    def on_audio(self, event: AudioDelta) -> None:
        """There is no sound in this dialect's answers; its words go out as text."""
        if event.transcript:
            self._message().text(event.transcript)

    def on_reasoning(self, event: ReasoningDelta) -> None:
        native = own(event.native)
        if not event.text and not native:
            return
        if not isinstance(self._open, GrowingReasoning):
            place = self._place()
            self._open = GrowingReasoning(self._emit, place, native)
        self._open.text(event.text, native)

    def on_part_end(self, event: PartEnd) -> None:
        if not isinstance(self._open, GrowingMessage):
            self._leave()
            return
        state = own(event.native)
        self._open.end_block(state)
        if "block" not in state or "item" in state:
            self._keep(self._open.close(state.get("item")))
            self._open = None

    def on_tool_start(self, event: ToolCallStart) -> None:
        call = ToolCall(event.id, event.name, "", event.kind, native=event.native)
        self._calls[event.index] = GrowingCall(self._emit, self._place(), call)

    def on_tool_delta(self, event: ToolCallDelta) -> None:
        if event.json:
            self._calls[event.index].arguments(event.json)

    def on_tool_end(self, event: ToolCallEnd) -> None:
        call = self._calls.pop(event.index, None)
        if call is not None:
            self._keep(call.close(own(event.native)))

    def on_native(self, event: MessageNative) -> None:
        """This dialect keeps no state of a whole answer."""

    def on_finish(self, event: Finish) -> None:
        self._begin()
        self._leave()
        for call in self._calls.values():
            self._keep(call.close(None))
        status, reason = status_out(event.reason, event.raw, self._refused)
        response = envelope(self._start.id, self._start.model, status)
        response["output"] = [item for _, item in sorted(self._output.items())]
        response["usage"] = encode_usage(self._usage)
        name = "completed" if status is None or status in COMPLETED else _TERMINAL.get(status, "incomplete")
        self._emit(f"response.{name}", response=response | ends(event.details, reason))
        self._ended = True

    # --- events of this dialect ---------------------------------------------------------------------------------------

    def on_provider(self, event: ProviderEvent) -> None:
        data = object_of(event.data)
        kind = data.get("type")
        if event.wire != NAME or not isinstance(kind, str):
            return
        if kind == "response.output_item.added":
            self._announced(whole(data.get("output_index")), object_of(data.get("item")))
        elif kind == "response.content_part.added" and isinstance(self._open, GrowingReasoning):
            self._open.raw = True
        else:
            self._pass_on(kind, data)

    def _announced(self, there: int | None, item: Item) -> None:
        place = self._place()
        if there is not None:
            self._places[there] = place
        if item.get("type") == "message":
            self._open = GrowingMessage(self._emit, place, item)
        elif item.get("type") == "reasoning":
            self._open = GrowingReasoning(self._emit, place, item)
        else:
            self._emit("response.output_item.added", output_index=place, item=item)
            self._opaque[text_of(item.get("id"))] = place

    def _pass_on(self, kind: str, data: dict[str, Any]) -> None:
        """An event of an item goes on under the place that the item has here; others as they came."""
        fields = {name: value for name, value in data.items() if name not in ("type", "sequence_number")}
        if "output_index" in fields:
            place = self._places.get(whole(fields["output_index"]) or 0)
            if place is None:
                return
            fields["output_index"] = place
        self._begin()
        self._emit(kind, **fields)

    # --- whole parts --------------------------------------------------------------------------------------------------

    def on_part(self, event: PartAdded) -> None:
        write = _PARTS.get(type(event.part))
        if write is not None:
            write(self, event.part)

    def whole_text(self, part: Text) -> None:
        self._message(own(part.native).get("item"))
        self.on_text(TextDelta(part.text, part.logprobs))
        for citation in part.citations:
            self.on_citation(CitationDelta(citation))
        self.on_part_end(PartEnd(part.native))

    def whole_refusal(self, part: Refusal) -> None:
        self._message(own(part.native).get("item"))
        self.on_refusal(RefusalDelta(part.text))
        self.on_part_end(PartEnd(part.native))

    def whole_reasoning(self, part: Reasoning) -> None:
        self.on_reasoning(ReasoningDelta(part.text, part.native))
        self.on_part_end(PartEnd())

    def whole_call(self, part: ToolCall) -> None:
        call = GrowingCall(self._emit, self._place(), msgspec.structs.replace(part, arguments_json=""))
        if part.arguments_json:
            call.arguments(part.arguments_json)
        self._keep(call.close({}))

    def whole_sound(self, part: Audio) -> None:
        if part.transcript:
            self.whole_text(Text(part.transcript))

    def picture(self, part: Image) -> None:
        if part.data is not None:
            self._leave()
            self._whole(picture_item(part.data, self._next))

    def whole_other(self, part: Opaque) -> None:
        if part.wire != NAME:
            return
        state = own(part.native)
        if "block" not in state:
            self._whole(part.data)
            return
        self._message(state.get("item")).block(part.data)
        if "item" in state:
            self._leave()


# Statuses that have a terminal event of their own; for others `incomplete` is the nearest.
_TERMINAL: Final = {"cancelled": "cancelled"}

_WRITE: Final[dict[type[Any], Callable[[Encoder, Any], None]]] = {
    Start: Encoder.on_start,
    TextDelta: Encoder.on_text,
    ReasoningDelta: Encoder.on_reasoning,
    RefusalDelta: Encoder.on_refusal,
    AudioDelta: Encoder.on_audio,
    CitationDelta: Encoder.on_citation,
    PartAdded: Encoder.on_part,
    PartEnd: Encoder.on_part_end,
    ToolCallStart: Encoder.on_tool_start,
    ToolCallDelta: Encoder.on_tool_delta,
    ToolCallEnd: Encoder.on_tool_end,
    UsageUpdate: Encoder.on_usage,
    ProviderEvent: Encoder.on_provider,
    MessageNative: Encoder.on_native,
    Finish: Encoder.on_finish,
}
_PARTS: Final[dict[type[Any], Callable[[Encoder, Any], None]]] = {
    Text: Encoder.whole_text,
    Refusal: Encoder.whole_refusal,
    Reasoning: Encoder.whole_reasoning,
    ToolCall: Encoder.whole_call,
    Audio: Encoder.whole_sound,
    Image: Encoder.picture,
    Opaque: Encoder.whole_other,
}
