"""
Streamed answers as a server writes them.

Each part is a step with an index of its own; tool calls of other dialects may grow side by side, and so do their steps.

Rule: `interaction.completed` and the end mark are written only after a finish reason; an answer that broke off never
looks whole.

Sources: google-genai SDK 3.4.0 (`InteractionSSEEvent`); Google's page on streaming; the recordings.
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
from dragoman.types.messages import Message, Part, Reasoning, Text, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import sse
from dragoman.wire.call_ids import CallIds
from dragoman.wire.gemini_interactions.content import encode_citations
from dragoman.wire.gemini_interactions.dialect import CONTENT, NAME, Json
from dragoman.wire.gemini_interactions.failure import error_fields
from dragoman.wire.gemini_interactions.serve import interaction_end, interaction_head
from dragoman.wire.gemini_interactions.steps import write_call
from dragoman.wire.gemini_interactions.writer import answer_steps, arguments_object
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.native import over, own

_OUTPUT: Final = "model_output"
_THOUGHT: Final = "thought"
_SUMMARY: Final = "thought_summary"
_SIGNATURE: Final = "thought_signature"
_ARGUMENTS: Final = "arguments_delta"


class _Call:
    """A call whose step is open; free text waits, because it goes inside an object."""

    __slots__ = ("free", "index", "pieces")

    def __init__(self, index: int, free: bool) -> None:
        self.index = index
        self.free = free
        self.pieces: list[str] = []


class Encoder:
    """The dialect's encoder; see the text of this module."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._start = Start()
        self._usage = Usage()
        self._begun = False
        self._finished = False
        self._silent = False  # an error or the end was written
        self._next = 0  # index of the next step
        self._open: tuple[str, int] | None = None  # type and index of the output or thought that grows
        self._text: list[str] = []  # of the open output, to count the bytes up to its sources
        self._calls: dict[int, _Call] = {}
        self._ids = CallIds(lambda call_id: call_id)

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if not self._silent and not self._finished:
            _WRITE[type(event)](self, event)
        return self._taken()

    def close(self) -> bytes:
        """Write the end mark, if the answer is whole."""
        if self._finished and not self._silent:
            self._silent = True
            self._out.append(sse.encode(b"[DONE]", "done"))
        return self._taken()

    def error(self, error: DragomanError) -> bytes:
        """
        Close the output or thought that is open and write the error; nothing is written after it.

        A call that is open stays so: its end would say that its arguments are whole.
        """
        if self._silent or self._finished:
            return b""
        self._end_part()
        self._silent = True
        self._emit("error", error=error_fields(error))
        return self._taken()

    def _taken(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def _emit(self, kind: str, **fields: Any) -> None:
        self._out.append(sse.encode(msgspec.json.encode({**fields, "event_type": kind}), kind))

    # --- steps --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        head = interaction_head(self._start.id, self._start.model)
        self._emit("interaction.created", interaction={**head, "status": "in_progress"})
        self._emit("interaction.status_update", interaction_id=head["id"], status="in_progress")

    def _step_start(self, step: Json) -> int:
        self._begin()
        index, self._next = self._next, self._next + 1
        self._emit("step.start", index=index, step=step)
        return index

    def _part(self, kind: str, state: Json | None = None) -> int:
        """Index of the open step of that type, which is begun if it is not open."""
        if self._open is not None and self._open[0] == kind:
            return self._open[1]
        self._end_part()
        self._text = []
        self._open = (kind, self._step_start({"type": kind, **(state or {})}))
        return self._open[1]

    def _end_part(self) -> None:
        if self._open is not None:
            self._emit("step.stop", index=self._open[1])
            self._open = None

    def _delta(self, index: int, delta: Json) -> None:
        self._emit("step.delta", index=index, delta=delta)

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: Start) -> None:
        self._start = event

    def on_usage(self, event: UsageUpdate) -> None:
        self._usage = event.usage

    def on_text(self, event: TextDelta) -> None:
        self._write(event.text)

    def on_refusal(self, event: RefusalDelta) -> None:
        self._write(event.text)

    def on_audio(self, event: AudioDelta) -> None:
        """Sound without a media type cannot be told from another: its words are sent."""
        self._write(event.transcript)

    def _write(self, text: str) -> None:
        if text:
            self._delta(self._part(_OUTPUT), {"type": "text", "text": text})
            self._text.append(text)

    def on_citation(self, event: CitationDelta) -> None:
        annotations = encode_citations((event.citation,), "".join(self._text))
        if annotations:
            self._delta(self._part(_OUTPUT), {"type": "text_annotation_delta", "annotations": annotations})

    def on_reasoning(self, event: ReasoningDelta) -> None:
        state = own(event.native, NAME)
        begin = {name: value for name, value in state.items() if name not in ("signature", "summary")}
        index = self._part(_THOUGHT, begin)
        if event.text:
            self._delta(index, {"type": _SUMMARY, "content": {"type": "text", "text": event.text}})
        for block in map(object_of, list_of(state.get("summary"))):
            if block.get("type") != "text":  # the words came as text
                self._delta(index, {"type": _SUMMARY, "content": block})
        if state.get("signature"):
            self._delta(index, {"type": _SIGNATURE, "signature": state["signature"]})

    def on_part_end(self, event: PartEnd) -> None:
        self._end_part()

    def on_part(self, event: PartAdded) -> None:
        self._end_part()
        part = event.part
        if isinstance(part, Text):
            self._write(part.text)
            for citation in part.citations:
                self.on_citation(CitationDelta(citation))
        elif isinstance(part, Reasoning) and "summary" not in own(part.native, NAME):
            self.on_reasoning(ReasoningDelta(part.text, part.native))
        else:
            self._whole(part)
        self._end_part()

    def _whole(self, part: Part) -> None:
        """A part at once: media as a delta, as the vendor sends it, every other step as it is."""
        for step in answer_steps(Message("assistant", (part,))):
            blocks = [object_of(block) for block in step.get("content") or ()]
            if blocks and all(block.get("type") in CONTENT for block in blocks):
                for block in blocks:
                    self._delta(self._part(_OUTPUT), block)
            else:
                self._emit("step.stop", index=self._step_start(step))

    def on_tool_start(self, event: ToolCallStart) -> None:
        self._end_part()
        call_id = self._ids.call(ToolCall(event.id, event.name))
        step = over(write_call(call_id, event.name, {}), own(event.native, NAME))
        self._calls[event.index] = _Call(self._step_start(step), event.kind == "custom")

    def on_tool_delta(self, event: ToolCallDelta) -> None:
        call = self._calls[event.index]
        if call.free:
            call.pieces.append(event.json)
        elif event.json:
            self._delta(call.index, {"type": _ARGUMENTS, "arguments": event.json})

    def on_tool_end(self, event: ToolCallEnd) -> None:
        call = self._calls.pop(event.index, None)
        if call is None:
            return
        if call.free:
            value = arguments_object(ToolCall("", "f", "".join(call.pieces), "custom"))[0]
            self._delta(call.index, {"type": _ARGUMENTS, "arguments": msgspec.json.encode(value).decode()})
        if signature := own(event.native, NAME).get("signature"):
            self._delta(call.index, {"type": _SIGNATURE, "signature": signature})
        self._emit("step.stop", index=call.index)

    def on_provider(self, event: ProviderEvent) -> None:
        """Pass on what came in this dialect; what belongs to a step has lost its place and is not passed on."""
        data = object_of(event.data) if event.wire == NAME else {}
        kind = data.get("event_type")
        if isinstance(kind, str) and not kind.startswith("step."):
            self._begin()
            self._out.append(sse.encode(msgspec.json.encode(data), kind))

    def on_native(self, event: MessageNative) -> None:
        """This dialect keeps no state of a whole message."""

    def on_finish(self, event: Finish) -> None:
        self._begin()
        self._end_part()
        for index in list(self._calls):
            self.on_tool_end(ToolCallEnd(index))
        head = interaction_head(self._start.id, self._start.model)
        end = interaction_end(event.reason, event.raw, event.details, self._usage)
        self._emit("interaction.completed", interaction={**head, **end})
        self._finished = True


_WRITE: Final[dict[type[Any], Callable[[Encoder, Any], None]]] = {
    Start: Encoder.on_start,
    TextDelta: Encoder.on_text,
    ReasoningDelta: Encoder.on_reasoning,
    RefusalDelta: Encoder.on_refusal,
    AudioDelta: Encoder.on_audio,
    CitationDelta: Encoder.on_citation,
    PartEnd: Encoder.on_part_end,
    PartAdded: Encoder.on_part,
    ToolCallStart: Encoder.on_tool_start,
    ToolCallDelta: Encoder.on_tool_delta,
    ToolCallEnd: Encoder.on_tool_end,
    UsageUpdate: Encoder.on_usage,
    ProviderEvent: Encoder.on_provider,
    MessageNative: Encoder.on_native,
    Finish: Encoder.on_finish,
}
