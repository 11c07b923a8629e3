"""
Streamed answers: bytes to events.

Every event is decoded once, into one Struct, and goes through a table from its type to a function.  Types that are not
in the table are carried as they came.

Rules: evidence of completion is `message-end`; one that reports an error is an error.  `Finish` comes at `[DONE]`,
which the vendor sends after it, or at the end of the bytes.  A block that ended stays open for the citations that come
after it, until something else begins.

Source: Cohere SDK 7.3, `v2/types/v2chat_stream_response.py`; its page on streaming; the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.events import ProviderEvent, Start
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.cohere_chat.dialect import NAME, Added, Block, Call, Delta, StreamEvent
from dragoman.wire.cohere_chat.failure import reports_error, stream_failure
from dragoman.wire.cohere_chat.reader import Reader, decode_logprobs
from dragoman.wire.cohere_chat.reply import decode_response
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.plain_answer import parse_json

_DONE: Final = b"[DONE]"
_decode: Final = msgspec.json.Decoder(StreamEvent).decode
_NO_DELTA: Final = Delta()
_NOTHING: Final = Added()


class Decoder(SseDecoder):
    """Reads one streamed answer."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._reader = Reader(self.seen)
        self._started = False
        self._raw: str | None = None
        self._ended = False

    def _frame(self, kind: bytes, data: bytes) -> None:
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._no_event(data)
            return
        handle = _EVENTS.get(event.type or kind.decode("utf-8", "replace"))
        if handle is not None:
            delta = event.delta or _NO_DELTA
            handle(self, event, delta, delta.message or _NOTHING, data)
        elif kind == b"error" or event.error or isinstance(event.message, str):
            raise stream_failure(_object(data), data, self.provider)
        else:
            self._carry(data)

    def _no_event(self, data: bytes) -> None:
        """What is not an event: the end marker, an error, or not the protocol."""
        if data.strip() == _DONE:
            if self.complete:
                self.done = True
                self._end()
            return
        if reports_error(sent := parse_json(data)):
            raise stream_failure(object_of(sent), data, self.provider)
        if data.strip():
            decode_json(data, StreamEvent, "an event of the stream")

    def _carry(self, data: bytes) -> None:
        self.seen.append(ProviderEvent(NAME, _object(data)))

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._reader.end(self._raw)

    # --- events -------------------------------------------------------------------------------------------------------

    def on_start(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        if not self._started:
            self._started = True
            self.seen.append(Start(text_of(event.id) or None))
        for block in added.content if isinstance(added.content, list) else ():
            self._reader.block(block)

    def on_content_start(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        block = added.content
        if not isinstance(block, Block):
            self._carry(data)
        elif block.type in ("text", "thinking"):
            self._reader.begin(block.type)
            self._grow(block, event)
        else:
            self._reader.other(object_of(object_of(_object(data)["delta"]).get("message"))["content"])

    def on_content_delta(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        block = added.content
        if isinstance(block, Block) and (block.text is not None or block.thinking is not None):
            self._grow(block, event)
        else:
            self._carry(data)

    def _grow(self, block: Block, event: StreamEvent) -> None:
        if block.thinking:
            self._reader.thought(block.thinking)
        if block.text:
            self._reader.text(block.text, decode_logprobs(event.logprobs) if event.logprobs is not None else ())

    def on_citation(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        given = added.citations
        for citation in list_of(given) or [given]:
            if object_of(citation):
                self._reader.cite(object_of(citation))

    def on_plan(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        """The plan is told as it comes, to those who know the dialect; as state of the message it is told whole."""
        self._carry(data)
        self._reader.plan(added.tool_plan or "")

    def on_call_start(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        for i, call in enumerate(_calls(added)):
            self._reader.call((whole(event.index) or 0) + i, call)

    def on_call_delta(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        for call in _calls(added):
            text = call.function.arguments if call.function else None
            if not self._reader.arguments(whole(event.index) or 0, text or ""):
                self._carry(data)

    def on_call_end(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        self._reader.call_end(whole(event.index) or 0)

    def on_end(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        self._reader.usage(delta.usage)
        if delta.error:
            raise stream_failure(_object(data), data, self.provider)
        self._raw = delta.finish_reason if isinstance(delta.finish_reason, str) else None
        self.complete = True

    def on_nothing(self, event: StreamEvent, delta: Delta, added: Added, data: bytes) -> None:
        """Says that a block or a citation is whole, which is seen when the next thing begins."""


def _calls(added: Added) -> list[Call]:
    given = added.tool_calls
    return [given] if isinstance(given, Call) else given or []


def _object(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = decode_json(data, dict[str, Any], "an event of the stream")
    return value


_EVENTS: Final[dict[str, Callable[[Decoder, StreamEvent, Delta, Added, bytes], None]]] = {
    "message-start": Decoder.on_start,
    "content-start": Decoder.on_content_start,
    "content-delta": Decoder.on_content_delta,
    "content-end": Decoder.on_nothing,
    "citation-start": Decoder.on_citation,
    "citation-end": Decoder.on_nothing,
    "tool-plan-delta": Decoder.on_plan,
    "tool-call-start": Decoder.on_call_start,
    "tool-call-delta": Decoder.on_call_delta,
    "tool-call-end": Decoder.on_call_end,
    "message-end": Decoder.on_end,
}
