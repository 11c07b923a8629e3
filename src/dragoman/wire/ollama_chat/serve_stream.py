"""
Streamed answers: events to bytes, as a server.

Each event that has words in the dialect is one line.  A tool call is a line of its own when it is whole, because the
dialect has no pieces of one.

Rule: `done: true` is evidence, so it is written only for `Finish`.  A stream that is closed without it, or after an
error, ends without it, and its reader sees that it is not complete.

Source: Ollama's OpenAPI file (`ChatStreamEvent`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.events import (
    AudioDelta,
    Event,
    Finish,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.messages import Message, ToolCall
from dragoman.types.usage import Usage
from dragoman.wire import ndjson
from dragoman.wire.logprobs import encode_logprobs
from dragoman.wire.ollama_chat.dialect import Json
from dragoman.wire.ollama_chat.failure import error_fields
from dragoman.wire.ollama_chat.serve import AnswerMessage, answer_end, answer_head

_json: Final = msgspec.json.encode


class Encoder:
    """Writes one streamed answer."""

    def __init__(self) -> None:
        self._head = answer_head(None)
        self._usage = Usage()
        self._calls: dict[int, tuple[ToolCallStart, list[str]]] = {}  # whose arguments still come
        self._closed = False

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if self._closed:
            return b""
        write = _WRITE.get(type(event))
        return write(self, event) if write is not None else b""

    def close(self) -> bytes:
        """The end marker went out with `Finish`; nothing is written after it."""
        self._closed = True
        return b""

    def error(self, error: DragomanError) -> bytes:
        """Write an error; after it nothing more is written."""
        if self._closed:
            return b""
        self._closed = True
        return ndjson.encode(_json(error_fields(error)))

    def _line(self, message: Json, **more: Any) -> bytes:
        fields = {"role": "assistant", "content": "", **message}
        return ndjson.encode(_json({**self._head, "message": fields, "done": False, **more}))

    # --- one kind of event each ---------------------------------------------------------------------------------------

    def begin(self, event: Start) -> bytes:
        self._head = answer_head(event.model)
        return b""

    def text(self, event: TextDelta) -> bytes:
        more = {"logprobs": encode_logprobs(event.logprobs)} if event.logprobs else {}
        return self._line({"content": event.text}, **more) if event.text else b""

    def refusal(self, event: RefusalDelta) -> bytes:
        return self._line({"content": event.text})

    def audio(self, event: AudioDelta) -> bytes:
        return self._line({"content": event.transcript}) if event.transcript else b""

    def thought(self, event: ReasoningDelta) -> bytes:
        return self._line({"thinking": event.text}) if event.text else b""

    def part(self, event: PartAdded) -> bytes:
        message = AnswerMessage(Message("assistant", (event.part,)))
        more = {"logprobs": encode_logprobs(message.logprobs)} if message.logprobs else {}
        fields = message.fields()
        return self._line(fields, **more) if fields != _NOTHING else b""

    def call(self, event: ToolCallStart) -> bytes:
        self._calls[event.index] = (event, [])
        return b""

    def arguments(self, event: ToolCallDelta) -> bytes:
        self._calls[event.index][1].append(event.json)
        return b""

    def call_end(self, event: ToolCallEnd) -> bytes:
        start, pieces = self._calls.pop(event.index)
        return self.part(PartAdded(ToolCall(start.id, start.name, "".join(pieces), start.kind, native=start.native)))

    def usage(self, event: UsageUpdate) -> bytes:
        self._usage = event.usage
        return b""

    def finish(self, event: Finish) -> bytes:
        self._closed = True
        return self._line({}, **answer_end(event.reason, event.raw, self._usage))


_NOTHING: Final = {"role": "assistant", "content": ""}

_WRITE: Final[dict[type[Any], Callable[[Encoder, Any], bytes]]] = {
    Start: Encoder.begin,
    TextDelta: Encoder.text,
    RefusalDelta: Encoder.refusal,
    AudioDelta: Encoder.audio,
    ReasoningDelta: Encoder.thought,
    PartAdded: Encoder.part,
    ToolCallStart: Encoder.call,
    ToolCallDelta: Encoder.arguments,
    ToolCallEnd: Encoder.call_end,
    UsageUpdate: Encoder.usage,
    Finish: Encoder.finish,
}
