"""
Streamed answers: events to bytes, as a server, always as server-sent events.

Every chunk is an answer with what is new.  A function call is written when it is whole, because that is how this
dialect sends calls to those who did not ask for pieces.

Rule: a finish reason is the only evidence, so it is written only for `Finish`, in a chunk of its own together with the
usage.  A stream that is closed without it is seen to be incomplete.

Source: google-genai SDK 3.4.0 (`_api_client.py`); the recordings.
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
from dragoman.types.messages import Audio, Citation, Part, Reasoning, Text, ToolCall
from dragoman.wire import sse
from dragoman.wire.gemini_generate.dialect import NAME, Json
from dragoman.wire.gemini_generate.grounding import grounding_metadata
from dragoman.wire.gemini_generate.serve import answer_part, encode_logprobs, end_fields, is_blocked, outer_fields
from dragoman.wire.gemini_generate.usage import encode_usage
from dragoman.wire.google_errors import error_body
from dragoman.wire.lenient import known, list_of, object_of

_json: Final = msgspec.json.encode


class Encoder:
    """Writes one streamed answer."""

    def __init__(self) -> None:
        self._tail: Json = {}  # fields with which every chunk ends
        self._usage: Json | None = None
        self._calls: dict[int, tuple[ToolCallStart, list[str]]] = {}  # that are not whole
        self._text: list[str] = []
        self._sources: list[Citation] = []
        self._closed = False

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        if self._closed:
            return b""
        write = _WRITE.get(type(event))
        return write(self, event) if write is not None else b""

    def close(self) -> bytes:
        """The dialect has no end marker: the finish reason was the last word."""
        self._closed = True
        return b""

    def error(self, error: DragomanError) -> bytes:
        """Write an error; after it nothing more is written."""
        if self._closed:
            return b""
        self._closed = True
        return sse.encode(_json(error_body(error)))

    # --- chunks -------------------------------------------------------------------------------------------------------

    def _chunk(self, candidates: list[Json] | None, **more: Any) -> bytes:
        named = {} if candidates is None else {"candidates": candidates}
        return sse.encode(_json({**named, **known(more), **self._tail}))

    def _part(self, part: Json | None, **more: Any) -> bytes:
        if part is None:
            return b""
        return self._chunk([{"content": {"parts": [part], "role": "model"}, "index": 0, **known(more)}])

    def _whole(self, part: Part) -> bytes:
        return self._part(answer_part(part))

    # --- one kind of event each ---------------------------------------------------------------------------------------

    def begin(self, event: Start) -> bytes:
        self._tail = known({"modelVersion": event.model, "responseId": event.id})
        return b""

    def text(self, event: TextDelta) -> bytes:
        self._text.append(event.text)
        return self._part({"text": event.text}, logprobsResult=encode_logprobs(list(event.logprobs)))

    def thought(self, event: ReasoningDelta) -> bytes:
        own = object_of((event.native or {}).get(NAME))
        return self._whole(Reasoning(event.text, native={NAME: own} if own else None))

    def refusal(self, event: RefusalDelta) -> bytes:
        return self._part({"text": event.text} if event.text else None)

    def sound(self, event: AudioDelta) -> bytes:
        words = self._part({"text": event.transcript} if event.transcript else None)
        return words + (self._whole(Audio(data=event.data, media_type="audio/pcm")) if event.data else b"")

    def source(self, event: CitationDelta) -> bytes:
        self._sources.append(event.citation)
        return b""

    def part_end(self, event: PartEnd) -> bytes:
        """A signature that came with the end of a part goes in an empty one, as Google sends it too."""
        own = object_of((event.native or {}).get(NAME))
        return self._whole(Text("", native={NAME: own})) if own else b""

    def part(self, event: PartAdded) -> bytes:
        part = event.part
        if isinstance(part, Text):
            self._text.append(part.text)
            self._sources += part.citations
            return self._part(answer_part(part), logprobsResult=encode_logprobs(list(part.logprobs)))
        return self._whole(part)

    def call(self, event: ToolCallStart) -> bytes:
        self._calls[event.index] = (event, [])
        return b""

    def arguments(self, event: ToolCallDelta) -> bytes:
        self._calls[event.index][1].append(event.json)
        return b""

    def call_end(self, event: ToolCallEnd) -> bytes:
        start, pieces = self._calls.pop(event.index)
        own = {**object_of((start.native or {}).get(NAME)), **object_of((event.native or {}).get(NAME))}
        call = ToolCall(start.id, start.name, "".join(pieces), start.kind, native={NAME: own} if own else None)
        return self._whole(call)

    def usage(self, event: UsageUpdate) -> bytes:
        self._usage = encode_usage(event.usage) or self._usage
        return b""

    def other(self, event: ProviderEvent) -> bytes:
        """Another of several answers, as the client half of this wire gave it."""
        candidates = list_of(object_of(event.data).get("candidates")) if event.wire == NAME else []
        return self._chunk(candidates) if candidates else b""

    def finish(self, event: Finish) -> bytes:
        self._closed = True
        details = event.details or {}
        outer = outer_fields(details)
        if is_blocked(event.raw, details):
            return self._chunk(None, **outer, usageMetadata=self._usage)
        candidate: Json = {
            "content": {"parts": [], "role": "model"},
            "index": 0,
            **end_fields(event.reason, event.raw, details),
        }
        if self._sources and "groundingMetadata" not in details:
            text = Text("".join(self._text), tuple(self._sources))
            candidate |= known({"groundingMetadata": grounding_metadata((text,))})
        return self._chunk([candidate], **outer, usageMetadata=self._usage)


_WRITE: Final[dict[type[Any], Callable[[Encoder, Any], bytes]]] = {
    Start: Encoder.begin,
    TextDelta: Encoder.text,
    ReasoningDelta: Encoder.thought,
    RefusalDelta: Encoder.refusal,
    AudioDelta: Encoder.sound,
    CitationDelta: Encoder.source,
    PartEnd: Encoder.part_end,
    PartAdded: Encoder.part,
    ToolCallStart: Encoder.call,
    ToolCallDelta: Encoder.arguments,
    ToolCallEnd: Encoder.call_end,
    UsageUpdate: Encoder.usage,
    ProviderEvent: Encoder.other,
    Finish: Encoder.finish,
}
