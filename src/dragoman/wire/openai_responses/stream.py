"""
Streamed answers: bytes to events.

Every event is decoded once, into one Struct, and goes through a table from its type to a function: here those of the
response, in `stream_items` those of its items.  Types that are in neither pass by as `ProviderEvent`.

Rule: evidence of completion is a terminal event (`response.completed`, `.incomplete`, `.cancelled`); `[DONE]` is none,
it is the end mark of another dialect.

Source: OpenAI's OpenAPI file (`ResponseStreamEvent`); the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.errors import ConfigError, StatusError
from dragoman.types.events import Finish, ProviderEvent, Start, UsageUpdate
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.openai_errors import failure
from dragoman.wire.openai_responses.dialect import NAME, Answer, StreamEvent, end_details, finish_reason
from dragoman.wire.openai_responses.reply import decode_response, failed, wrong_item
from dragoman.wire.openai_responses.stream_items import ITEM_EVENTS, ItemReader
from dragoman.wire.openai_responses.usage import decode_usage

_DECODE: Final = msgspec.json.Decoder(StreamEvent).decode


class Decoder(SseDecoder):
    """The dialect's decoder; see the text of this module."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._start = Start()
        self._items = ItemReader(self.seen)

    def _frame(self, kind: bytes, data: bytes) -> None:
        event: StreamEvent
        try:
            event = _DECODE(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip() in (b"", b"[DONE]"):
                return
            event = decode_json(data, StreamEvent, "an event of the stream")
        name = event.type or kind.decode("utf-8", "replace")
        read = ITEM_EVENTS.get(name)
        try:
            if read is not None:
                read(self._items, event, data)
            else:
                _EVENTS.get(name, Decoder.on_other)(self, event, data)
        except StatusError:  # one of them, of a model that is not there, is a ConfigError too
            raise
        except ConfigError as error:
            raise wrong_item(error, data) from error

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)

    def _name(self, answer: Answer) -> None:
        start = Start(text_of(answer.id) or None, text_of(answer.model) or None)
        if start not in (Start(), self._start):
            self._start = start
            self.seen.append(start)

    # --- events -------------------------------------------------------------------------------------------------------

    def on_begun(self, event: StreamEvent, data: bytes) -> None:
        if self._start == Start():
            self._name(_answer(event))

    def on_terminal(self, event: StreamEvent, data: bytes) -> None:
        answer = _answer(event)
        status = text_of(answer.status) or event.type.removeprefix("response.")
        if answer.error or status == "failed":
            self.on_failed(event, data)
        self._items.end(answer.output or [])
        self._name(answer)
        if answer.usage is not None:
            self.seen.append(UsageUpdate(decode_usage(answer.usage)))
        details = end_details(msgspec.json.decode(event.response))
        reason = finish_reason(status, details, self._items.called, self._items.refused)
        self.seen.append(Finish(reason, status, details))
        self.complete = self.done = True

    def on_failed(self, event: StreamEvent, data: bytes) -> None:
        raise failed(msgspec.json.decode(event.response), {}, data, self.provider)

    def on_error(self, event: StreamEvent, data: bytes) -> None:
        """The vendor documents the fields at the top, and sends them under `error`."""
        raw = object_of(msgspec.json.decode(data))
        error = raw.get("error") or {name: value for name, value in raw.items() if name != "type"}
        raise failure(None, {}, error, body=raw, text=data, provider=self.provider)

    def on_other(self, event: StreamEvent, data: bytes) -> None:
        if event.error:
            self.on_error(event, data)
        self.seen.append(ProviderEvent(NAME, msgspec.json.decode(data)))

    def on_silent(self, event: StreamEvent, data: bytes) -> None:
        """Repeats what was said, or says only that the connection lives."""


def _answer(event: StreamEvent) -> Answer:
    answer: Answer = decode_json(bytes(event.response), Answer, "a response in the stream")
    return answer


_EVENTS: Final[dict[str, Callable[[Decoder, StreamEvent, bytes], None]]] = {
    "response.created": Decoder.on_begun,
    "response.queued": Decoder.on_begun,
    "response.in_progress": Decoder.on_begun,
    "response.completed": Decoder.on_terminal,
    "response.incomplete": Decoder.on_terminal,
    "response.cancelled": Decoder.on_terminal,
    "response.failed": Decoder.on_failed,
    "error": Decoder.on_error,
    "response.output_text.done": Decoder.on_silent,
    "response.refusal.done": Decoder.on_silent,
    "response.reasoning_summary_part.added": Decoder.on_silent,
    "response.reasoning_summary_part.done": Decoder.on_silent,
    "keepalive": Decoder.on_silent,
}
