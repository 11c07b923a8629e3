"""
Streamed answers: bytes to events.

Every event is decoded once, into one Struct, and goes through a table from its type to a function; steps and deltas
have tables of their own.  Types that are not in a table pass by: a step becomes an `Opaque` part, an event a
`ProviderEvent`.

Rules: evidence of completion is `interaction.completed` with a status that ends an interaction; that of a status update
is none, because the usage comes after it.  What was not streamed is taken from the steps of that event, if it has any.

Sources: google-genai SDK 3.4.0 (`InteractionSSEEvent`, `StepDeltaData`); Google's page on streaming; the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.events import (
    BEFORE_CONTENT,
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
from dragoman.types.fold import unfold
from dragoman.types.messages import Message, Opaque, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.gemini_interactions.content import decode_block, decode_citations
from dragoman.wire.gemini_interactions.dialect import (
    CONTENT,
    NAME,
    PENDING,
    STEP,
    Answer,
    Delta,
    Json,
    StreamEvent,
    end_details,
    finish_reason,
)
from dragoman.wire.gemini_interactions.failure import failed, failure
from dragoman.wire.gemini_interactions.growing import Growing
from dragoman.wire.gemini_interactions.reply import decode_response, wrong_step
from dragoman.wire.gemini_interactions.steps import arguments_json, decode_answer, decode_step, said, with_native
from dragoman.wire.gemini_interactions.usage import decode_usage
from dragoman.wire.lenient import object_of, text_of, whole
from dragoman.wire.native import own

_DECODE: Final = msgspec.json.Decoder(StreamEvent).decode


class Decoder(SseDecoder):
    """The dialect's decoder; see the text of this module."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._start = Start()
        self._steps: dict[int, Growing] = {}  # those that are not whole
        self._last = 0  # index of the step that began last
        self._before = ""  # and its type
        self._calls = 0

    def _frame(self, kind: bytes, data: bytes) -> None:
        event: StreamEvent
        try:
            event = _DECODE(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip() in (b"", b"[DONE]"):  # the end mark, which is no evidence
                return
            event = decode_json(data, StreamEvent, "an event of the stream")
        handle = _EVENTS.get(event.event_type or kind.decode("utf-8", "replace"))
        if handle is None:
            handle = Decoder.on_error if event.error else Decoder.on_other
        try:
            handle(self, event, data)
        except ConfigError as error:
            raise wrong_step(error, data) from error

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)

    # --- the interaction ----------------------------------------------------------------------------------------------

    def on_created(self, event: StreamEvent, data: bytes) -> None:
        self._name(_answer(event))

    def _name(self, answer: Answer) -> None:
        start = Start(
            text_of(answer.id) or self._start.id,
            text_of(answer.model) or text_of(answer.agent) or self._start.model,
        )
        if start not in (Start(), self._start):
            self._start = start
            self.seen.append(start)

    def on_status(self, event: StreamEvent, data: bytes) -> None:
        """Says that it goes on; a token with which to go on after a cut is the caller's to keep."""
        self._count(event.usage)
        if b'"continuation_token"' in data:
            self.on_other(event, data)

    def on_completed(self, event: StreamEvent, data: bytes) -> None:
        answer, raw = _answer(event), msgspec.json.decode(event.interaction)
        status = text_of(answer.status)
        if status in (*PENDING, ""):
            self.on_other(event, data)
            return
        for index in list(self._steps):
            self._close(index)
        if answer.steps and not any(not isinstance(seen, BEFORE_CONTENT) for seen in self.seen):
            whole_answer = ChatResponse(message=Message("assistant", decode_answer(answer.steps)))
            self.seen.extend(e for e in unfold(whole_answer) if not isinstance(e, (*BEFORE_CONTENT, Finish)))
        self._name(answer)
        self._count(answer.usage)
        if status == "failed":
            raise failed(raw, {}, data, self.provider)
        details = end_details(raw)
        called = any(isinstance(seen, ToolCallStart) for seen in self.seen)
        self.seen.append(Finish(finish_reason(status, details, called), status, details))
        self.complete = self.done = True

    def on_error(self, event: StreamEvent, data: bytes) -> None:
        raise failure(None, {}, msgspec.json.decode(data), data, self.provider)

    def on_other(self, event: StreamEvent, data: bytes) -> None:
        self.seen.append(ProviderEvent(NAME, msgspec.json.decode(data)))

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self.seen.append(UsageUpdate(decode_usage(usage)))

    # --- steps --------------------------------------------------------------------------------------------------------

    def on_step_start(self, event: StreamEvent, data: bytes) -> None:
        self._begin(self._index(event), said(object_of(event.step)))

    def on_step_delta(self, event: StreamEvent, data: bytes) -> None:
        delta, index = event.delta, self._index(event)
        if delta is None:
            return
        step = self._steps.get(index)
        if step is None:
            step = self._begin(index, {"type": _STEP_OF.get(delta.type, delta.type)})
        if step.kind not in _CLOSE:
            step.merge(object_of(msgspec.json.decode(data)["delta"]))
        elif (handle := _DELTAS.get(delta.type)) is not None:
            handle(self, step, delta, data)
        else:
            self.on_other(event, data)
        if event.metadata is not None:
            self._count(object_of(event.metadata).get("total_usage"))

    def on_step_stop(self, event: StreamEvent, data: bytes) -> None:
        self._close(self._index(event))
        self._count(event.usage)

    def _index(self, event: StreamEvent) -> int:
        index = whole(event.index)
        return self._last if index is None else index

    def _begin(self, index: int, step: Json) -> Growing:
        before = self._steps.get(self._last)
        if before is not None and before.call < 0:  # calls may grow side by side, nothing else does
            self._close(self._last)
        self._close(index)
        self._last = index
        growing = self._steps[index] = Growing(step)
        begin = _BEGIN.get(growing.kind)
        if begin is not None:
            begin(self, growing)
        self._before = growing.kind
        return growing

    def begin_output(self, step: Growing) -> None:
        rest = {name: value for name, value in step.step.items() if name not in ("type", "content")}
        if rest or self._before == step.kind:
            step.state = {STEP: rest}
        for i, block in enumerate(step.blocks()):
            self._block(step, block, f"step.content[{i}]")

    def begin_thought(self, step: Growing) -> None:
        for part in decode_step(step.step, "step"):
            self._reason(step, getattr(part, "text", ""), own(part.native, NAME))

    def begin_call(self, step: Growing) -> None:
        call = decode_step(step.step, "step")[0]
        if isinstance(call, ToolCall):
            state = {name: value for name, value in own(call.native, NAME).items() if name != "arguments"}
            step.call, self._calls = self._calls, self._calls + 1
            self.seen.append(ToolCallStart(step.call, call.id, call.name, native={NAME: state} if state else None))

    def _close(self, index: int) -> None:
        step = self._steps.pop(index, None)
        if step is not None:
            _CLOSE.get(step.kind, Decoder.close_other)(self, step)

    def close_output(self, step: Growing) -> None:
        self._sounded(step)
        self._end_text(step)

    def _end_text(self, step: Growing) -> None:
        if step.texting:
            step.texting = False
            state, step.state = step.state, {}
            self.seen.append(PartEnd({NAME: state} if state else None))

    def close_thought(self, step: Growing) -> None:
        if any(block.get("type") != "text" for block in step.pieces):
            self._reason(step, "", {"summary": step.pieces})
        if step.texting:
            self.seen.append(PartEnd())

    def close_call(self, step: Growing) -> None:
        if not step.pieces:
            self.seen.append(ToolCallDelta(step.call, arguments_json(step.step.get("arguments"))))
        self.seen.append(ToolCallEnd(step.call, {NAME: step.state} if step.state else None))

    def close_other(self, step: Growing) -> None:
        self.seen.append(PartAdded(Opaque(NAME, step.step)))

    # --- deltas -------------------------------------------------------------------------------------------------------

    def text_delta(self, step: Growing, delta: Delta, data: bytes) -> None:
        if delta.text:
            self._sounded(step)
            step.add_text(delta.text)
            self.seen.append(TextDelta(delta.text))

    def annotation_delta(self, step: Growing, delta: Delta, data: bytes) -> None:
        self._sounded(step)
        for citation in decode_citations(delta.annotations, step.sure):
            step.texting = True
            self.seen.append(CitationDelta(citation))

    def summary_delta(self, step: Growing, delta: Delta, data: bytes) -> None:
        content = object_of(delta.content)
        if content:
            step.pieces.append(content)
            self._reason(step, text_of(content.get("text")), {})

    def signature_delta(self, step: Growing, delta: Delta, data: bytes) -> None:
        if signature := text_of(delta.signature):
            if step.call >= 0:
                step.state["signature"] = signature
            else:
                self._reason(step, "", {"signature": signature})

    def _reason(self, step: Growing, text: str, state: Json) -> None:
        if not text and not state:
            return
        step.texting = True
        self.seen.append(ReasoningDelta(text, {NAME: state} if state else None))

    def arguments_delta(self, step: Growing, delta: Delta, data: bytes) -> None:
        given = delta.arguments
        text = given if isinstance(given, str) else arguments_json(given) if given else ""
        if text and step.call >= 0:
            step.pieces.append(text)
            self.seen.append(ToolCallDelta(step.call, text))

    def media_delta(self, step: Growing, delta: Delta, data: bytes) -> None:
        block = object_of(msgspec.json.decode(data)["delta"])
        if delta.type == "audio" and "data" in block:
            if not step.continues(block):
                self._sounded(step)
            step.sound.append(block)
        else:
            self._sounded(step)
            self._block(step, block, "delta")

    def _sounded(self, step: Growing) -> None:
        """Sound comes in pieces; add it when it ends."""
        if (block := step.taken_sound()) is not None:
            self._block(step, block, "delta")

    def _block(self, step: Growing, block: Json, field: str) -> None:
        if block.get("type") == "text":
            step.add_text(text_of(block.get("text")))
            self.seen.append(TextDelta(text_of(block.get("text"))))
            self.seen += [CitationDelta(one) for one in decode_citations(block.get("annotations"), step.sure)]
            return
        self._end_text(step)
        step.sure = -1  # offsets count what came before, too
        part = decode_block(block, field)
        state, step.state = step.state, {}
        self.seen.append(PartAdded(with_native(part, state) if state else part))


def _answer(event: StreamEvent) -> Answer:
    answer: Answer | None = decode_json(bytes(event.interaction), Answer | None, "an interaction of the stream")
    return answer or Answer()


_Handler = Callable[[Decoder, StreamEvent, bytes], None]

_EVENTS: Final[dict[str, _Handler]] = {
    "interaction.created": Decoder.on_created,
    "interaction.status_update": Decoder.on_status,
    "interaction.completed": Decoder.on_completed,
    "step.start": Decoder.on_step_start,
    "step.delta": Decoder.on_step_delta,
    "step.stop": Decoder.on_step_stop,
    "error": Decoder.on_error,
}
_BEGIN: Final[dict[str, Callable[[Decoder, Growing], None]]] = {
    "model_output": Decoder.begin_output,
    "thought": Decoder.begin_thought,
    "function_call": Decoder.begin_call,
}
_CLOSE: Final[dict[str, Callable[[Decoder, Growing], None]]] = {
    "model_output": Decoder.close_output,
    "thought": Decoder.close_thought,
    "function_call": Decoder.close_call,
}
_DELTAS: Final[dict[str, Callable[[Decoder, Growing, Delta, bytes], None]]] = {
    "text": Decoder.text_delta,
    "text_annotation_delta": Decoder.annotation_delta,
    "thought_summary": Decoder.summary_delta,
    "thought_signature": Decoder.signature_delta,
    "arguments_delta": Decoder.arguments_delta,
    **dict.fromkeys(CONTENT - {"text"}, Decoder.media_delta),
}
# Which step a delta belongs to whose step did not begin.
_STEP_OF: Final = {
    **dict.fromkeys((*CONTENT, "text_annotation_delta"), "model_output"),
    "thought_summary": "thought",
    "thought_signature": "thought",
}
