"""
Streamed answers: events to bytes, as a server.

Rule: the end marker is evidence, so it is written only after `Finish`.  A stream that is closed without it, or after an
error, ends without `[DONE]`, and its reader sees that it is not complete.

Source: OpenAI's streaming reference (role first, finish reason with an empty delta, usage in a chunk without choices).
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
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.messages import Audio, Image, Reasoning, Refusal, Text, ToolCall
from dragoman.wire import sse
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.openai_chat.dialect import NAME
from dragoman.wire.openai_chat.failure import encode_failure
from dragoman.wire.openai_chat.serve import (
    NO_ID,
    encode_call,
    encode_citation,
    encode_logprobs,
    encode_picture,
    encode_sound,
    finish_fields,
)
from dragoman.wire.openai_chat.usage import encode_usage

_json: Final = msgspec.json.encode
_TEXT: Final = b'{"index":0,"delta":{"content":'
_END: Final = b',"logprobs":null,"finish_reason":null}]}\n\n'


class Encoder:
    """Writes one streamed answer."""

    def __init__(self) -> None:
        self._head = b""  # of every chunk, once id and model are known
        self._start = Start()
        self._usage: dict[str, Any] | None = None
        self._finished = False
        self._closed = False
        self._calls = 0
        self._kinds: dict[int, str] = {}  # of each call, by its index
        self._length = 0  # characters of text before the open part

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if self._closed:
            return b""
        if type(event) is TextDelta and self._head and not event.logprobs:
            self._length += len(event.text)
            return self._head + _TEXT + _json(event.text) + b"}" + _END
        write = _WRITE.get(type(event))
        return write(self, event) if write is not None else b""

    def close(self) -> bytes:
        """Write usage and the end marker; nothing if the answer was not finished."""
        if self._closed or not self._finished:
            self._closed = True
            return b""
        self._closed = True
        usage = self._chunk_of([], usage=self._usage) if self._usage else b""
        return usage + sse.encode(b"[DONE]")

    def error(self, error: DragomanError) -> bytes:
        """Write an error; after it nothing more is written."""
        if self._closed:
            return b""
        self._closed = True
        return sse.encode(_json(encode_failure(error)))

    # --- chunks -------------------------------------------------------------------------------------------------------

    def _chunk_of(self, choices: list[Any], **more: Any) -> bytes:
        head = {
            "id": self._start.id or NO_ID,
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self._start.model or "",
        }
        return sse.encode(_json({**head, "choices": choices, **more}))

    def _delta(self, delta: dict[str, Any], logprobs: dict[str, Any] | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None, **more}
        return self._open() + self._chunk_of([choice])

    def _open(self) -> bytes:
        """The chunk with the role, before anything else."""
        if self._head:
            return b""
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        # A chunk without choices ends in `]}` and its blank line: what is before that begins every chunk.
        self._head = self._chunk_of([])[: -len(b"]}\n\n")]
        return self._chunk_of([choice])

    # --- one kind of event each ---------------------------------------------------------------------------------------

    def begin(self, event: Start) -> bytes:
        if self._head:
            return b""
        self._start = event
        return self._open()

    def text(self, event: TextDelta) -> bytes:
        self._length += len(event.text)
        return self._delta({"content": event.text}, encode_logprobs(event.logprobs))

    def thought(self, event: ReasoningDelta) -> bytes:
        own = dict((event.native or {}).get(NAME, {}))
        return self._delta({"reasoning_content": event.text, **own}) if event.text or own else b""

    def refusal(self, event: RefusalDelta) -> bytes:
        return self._delta({"refusal": event.text})

    def sound(self, event: AudioDelta) -> bytes:
        return self._delta({"audio": encode_sound(event.file_id, event.data, event.transcript, event.expires_at)})

    def source(self, event: CitationDelta) -> bytes:
        return self._delta({"annotations": [encode_citation(event.citation)]}) if event.citation.url else b""

    def part(self, event: PartAdded) -> bytes:
        write = _PARTS.get(type(event.part))
        return write(self, event.part) if write is not None else b""

    def call(self, event: ToolCallStart) -> bytes:
        self._calls = max(self._calls, event.index + 1)
        self._kinds[event.index] = event.kind
        call = encode_call(ToolCall(event.id, event.name, "", event.kind, native=event.native))
        return self._delta({"tool_calls": [{"index": event.index, **call}]})

    def arguments(self, event: ToolCallDelta) -> bytes:
        custom = self._kinds.get(event.index) == "custom"
        body = {"custom": {"input": event.json}} if custom else {"function": {"arguments": event.json}}
        return self._delta({"tool_calls": [{"index": event.index, **body}]})

    def usage(self, event: UsageUpdate) -> bytes:
        self._usage = encode_usage(event.usage) or self._usage
        return b""

    def native(self, event: MessageNative) -> bytes:
        own = event.native.get(NAME)
        return self._delta(own) if own else b""

    def other(self, event: ProviderEvent) -> bytes:
        """Another answer of `n`, as the client half of this wire gave it."""
        choices = list_of(object_of(event.data).get("choices")) if event.wire == NAME else []
        return self._open() + self._chunk_of(choices) if choices else b""

    def finish(self, event: Finish) -> bytes:
        self._finished = True
        return self._delta({}, **finish_fields(event.reason, event.raw))

    # --- whole parts --------------------------------------------------------------------------------------------------

    def whole_text(self, part: Text) -> bytes:
        before = self._length
        written = self.text(TextDelta(part.text, part.logprobs))
        sources = [encode_citation(source, before) for source in part.citations if source.url]
        return written + (self._delta({"annotations": sources}) if sources else b"")

    def whole_thought(self, part: Reasoning) -> bytes:
        return self.thought(ReasoningDelta(part.text, part.native))

    def whole_refusal(self, part: Refusal) -> bytes:
        return self.refusal(RefusalDelta(part.text))

    def whole_call(self, part: ToolCall) -> bytes:
        start = ToolCallStart(self._calls, part.id, part.name, part.kind, part.native)
        return self.call(start) + self.arguments(ToolCallDelta(start.index, part.arguments_json))

    def whole_sound(self, part: Audio) -> bytes:
        return self.sound(AudioDelta(part.data or b"", part.transcript or "", part.file_id, part.expires_at))

    def picture(self, part: Image) -> bytes:
        return self._delta({"images": [encode_picture(part)]})


_WRITE: Final[dict[type[Any], Callable[[Encoder, Any], bytes]]] = {
    Start: Encoder.begin,
    TextDelta: Encoder.text,
    ReasoningDelta: Encoder.thought,
    RefusalDelta: Encoder.refusal,
    AudioDelta: Encoder.sound,
    CitationDelta: Encoder.source,
    PartAdded: Encoder.part,
    ToolCallStart: Encoder.call,
    ToolCallDelta: Encoder.arguments,
    UsageUpdate: Encoder.usage,
    MessageNative: Encoder.native,
    ProviderEvent: Encoder.other,
    Finish: Encoder.finish,
}
_PARTS: Final[dict[type[Any], Callable[[Encoder, Any], bytes]]] = {
    Text: Encoder.whole_text,
    Reasoning: Encoder.whole_thought,
    Refusal: Encoder.whole_refusal,
    ToolCall: Encoder.whole_call,
    Audio: Encoder.whole_sound,
    Image: Encoder.picture,
}
