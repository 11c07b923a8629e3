"""
From events to the answer.

`fold` is the one place where deltas become parts, so a streamed answer and a plain one are the same value.  A tool call
that did not end is not a call: its pieces go to `extras`, where nobody executes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

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
from dragoman.types.messages import (
    Audio,
    Citation,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage


class _Open:
    """A part that still grows."""

    __slots__ = ("citations", "data", "expires_at", "file_id", "kind", "logprobs", "native", "texts")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.texts: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.citations: list[Citation] = []
        self.native: Native = {}
        self.data: list[bytes] = []
        self.file_id: str | None = None
        self.expires_at: int | None = None

    def build(self) -> Part | None:
        return _BUILD[self.kind](self, "".join(self.texts))


def _build_text(part: _Open, text: str) -> Part | None:
    if not text and not part.citations:
        return None
    return Text(text, tuple(part.citations), tuple(part.logprobs), native=part.native or None)


def _build_reasoning(part: _Open, text: str) -> Part | None:
    return Reasoning(text, native=part.native or None) if text or part.native else None


def _build_refusal(part: _Open, text: str) -> Part | None:
    return Refusal(text, native=part.native or None) if text else None


def _build_audio(part: _Open, text: str) -> Part | None:
    data = b"".join(part.data)
    if not data and not part.file_id:
        return Text(text) if text else None
    return Audio(
        data=data or None,
        media_type=None if not data else "audio/pcm",
        file_id=part.file_id,
        transcript=text or None,
        expires_at=part.expires_at,
    )


_BUILD: dict[str, Callable[[_Open, str], Part | None]] = {
    "text": _build_text,
    "reasoning": _build_reasoning,
    "refusal": _build_refusal,
    "audio": _build_audio,
}


class _OpenCall:
    """A tool call whose arguments still come."""

    __slots__ = ("ended", "native", "pieces", "start")

    def __init__(self, start: ToolCallStart) -> None:
        self.start = start
        self.native: Native = dict(start.native or {})
        self.pieces: list[str] = []
        self.ended = False

    def build(self) -> ToolCall:
        start = self.start
        return ToolCall(start.id, start.name, "".join(self.pieces), start.kind, native=self.native or None)


def _merge(native: Native, more: Native | None) -> None:
    for wire, state in (more or {}).items():
        native[wire] = {**native.get(wire, {}), **state}


class Folder:
    """Takes events one by one; `response()` is the answer so far."""

    def __init__(self) -> None:
        self._parts: list[Part | _Open | _OpenCall] = []
        self._open: _Open | None = None
        self._calls: dict[int, _OpenCall] = {}
        self._start = Start()
        self._usage = Usage()
        self._finish: Finish | None = None
        self._extras: list[Any] = []
        self._native: Native = {}

    def add(self, event: Event) -> None:
        """Take one event."""
        _FOLD[type(event)](self, event)

    def _part(self, kind: str) -> _Open:
        if self._open is None or self._open.kind != kind:
            self._open = _Open(kind)
            self._parts.append(self._open)
        return self._open

    def on_start(self, event: Start) -> None:
        self._start = Start(event.id or self._start.id, event.model or self._start.model)

    def on_text(self, event: TextDelta) -> None:
        part = self._part("text")
        part.texts.append(event.text)
        part.logprobs.extend(event.logprobs)

    def on_reasoning(self, event: ReasoningDelta) -> None:
        part = self._part("reasoning")
        part.texts.append(event.text)
        _merge(part.native, event.native)

    def on_refusal(self, event: RefusalDelta) -> None:
        self._part("refusal").texts.append(event.text)

    def on_audio(self, event: AudioDelta) -> None:
        part = self._part("audio")
        part.data.append(event.data)
        part.texts.append(event.transcript)
        part.file_id = event.file_id or part.file_id
        part.expires_at = event.expires_at or part.expires_at

    def on_citation(self, event: CitationDelta) -> None:
        self._part("text").citations.append(event.citation)

    def on_part_end(self, event: PartEnd) -> None:
        if self._open is not None:
            _merge(self._open.native, event.native)
        self._open = None

    def on_part(self, event: PartAdded) -> None:
        self._open = None
        self._parts.append(event.part)

    def on_tool_start(self, event: ToolCallStart) -> None:
        self._open = None
        call = self._calls[event.index] = _OpenCall(event)
        self._parts.append(call)

    def on_tool_delta(self, event: ToolCallDelta) -> None:
        self._calls[event.index].pieces.append(event.json)

    def on_tool_end(self, event: ToolCallEnd) -> None:
        call = self._calls[event.index]
        call.ended = True
        _merge(call.native, event.native)

    def on_usage(self, event: UsageUpdate) -> None:
        self._usage = event.usage

    def on_provider(self, event: ProviderEvent) -> None:
        self._extras.append(event.data)

    def on_native(self, event: MessageNative) -> None:
        _merge(self._native, event.native)

    def on_finish(self, event: Finish) -> None:
        self._finish = event

    def response(self) -> ChatResponse:
        """The answer so far.  Without a `Finish` its finish reason is `unknown`."""
        parts: list[Part] = []
        extras = list(self._extras)
        for piece in self._parts:
            if isinstance(piece, _OpenCall):
                if piece.ended:
                    parts.append(piece.build())
                else:
                    extras.append({"unfinished_tool_call": msgspec.to_builtins(piece.build())})
            else:
                part = piece.build() if isinstance(piece, _Open) else piece
                if part is not None:
                    parts.append(part)
        finish = self._finish or Finish("unknown")
        return ChatResponse(
            message=Message("assistant", tuple(parts), native=self._native or None),
            finish_reason=finish.reason,
            finish_reason_raw=finish.raw,
            finish_details=finish.details,
            usage=self._usage,
            model=self._start.model,
            id=self._start.id,
            extras=tuple(extras),
        )


_FOLD: dict[type[Any], Callable[[Folder, Any], None]] = {
    Start: Folder.on_start,
    TextDelta: Folder.on_text,
    ReasoningDelta: Folder.on_reasoning,
    RefusalDelta: Folder.on_refusal,
    AudioDelta: Folder.on_audio,
    CitationDelta: Folder.on_citation,
    PartEnd: Folder.on_part_end,
    PartAdded: Folder.on_part,
    ToolCallStart: Folder.on_tool_start,
    ToolCallDelta: Folder.on_tool_delta,
    ToolCallEnd: Folder.on_tool_end,
    UsageUpdate: Folder.on_usage,
    ProviderEvent: Folder.on_provider,
    MessageNative: Folder.on_native,
    Finish: Folder.on_finish,
}


def fold(events: Iterable[Event]) -> ChatResponse:
    """
    Put the events of one answer together.

    Events of a cut stream give the part that arrived, with finish reason `unknown`.

    >>> from dragoman.types.events import Finish, TextDelta
    >>> fold([TextDelta("Hel"), TextDelta("lo"), Finish("stop", "stop")]).text
    'Hello'
    """
    folder = Folder()
    for event in events:
        folder.add(event)
    return folder.response()


def unfold(response: ChatResponse) -> list[Event]:
    """
    Give a whole answer as events, for a caller who asked for a stream and got a plain answer.

    `fold(unfold(response))` has the same message, usage and finish as `response`.
    """
    events: list[Event] = [Start(response.id, response.model)]
    calls = 0
    for part in response.message.parts:
        if isinstance(part, ToolCall):
            events += [
                ToolCallStart(calls, part.id, part.name, part.kind, part.native),
                ToolCallDelta(calls, part.arguments_json),
                ToolCallEnd(calls),
            ]
            calls += 1
        elif type(part) is Text and part.text and not part.citations and not part.cache:
            events += [TextDelta(part.text, part.logprobs), PartEnd(part.native)]
        elif isinstance(part, Reasoning) and part.text:
            events += [ReasoningDelta(part.text, part.native), PartEnd()]
        else:
            events.append(PartAdded(part))
    if response.message.native:
        events.append(MessageNative(response.message.native))
    events += [ProviderEvent("", extra) for extra in response.extras]
    events.append(UsageUpdate(response.usage))
    events.append(Finish(response.finish_reason, response.finish_reason_raw, response.finish_details))
    return events
