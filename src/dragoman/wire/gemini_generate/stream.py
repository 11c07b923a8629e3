"""
Streamed answers: bytes to events.

The same chunks come as server-sent events (`alt=sse`) or as one JSON array; the first byte tells which.

Rule: complete is what has a finish reason, or a prompt that was refused.  There is no end marker in a stream of events,
and usage may still come, so `Finish` is written when the bytes end, or at the end of the array.

Sources: google-genai SDK 3.4.0 (`_api_client.py`); the recordings.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.events import Finish, ProviderEvent, Start, UsageUpdate
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.gemini_generate.dialect import (
    NAME,
    Answer,
    Json,
    block_reason,
    finish_reason,
    outer_ending,
)
from dragoman.wire.gemini_generate.reader import Reader
from dragoman.wire.gemini_generate.reply import decode_response
from dragoman.wire.gemini_generate.usage import counts, decode_usage
from dragoman.wire.google_errors import failure
from dragoman.wire.json_array import Splitter
from dragoman.wire.lenient import list_of, object_of, text_of, whole

_BOM: Final = b"\xef\xbb\xbf"
_decode: Final = msgspec.json.Decoder(Answer).decode


class Decoder(SseDecoder):
    """Reads one streamed answer."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._reader = Reader(self.seen)
        self._head: bytes = b""  # the start of a byte order mark
        self._known = False  # the first byte has come, which tells the form
        self._array: Splitter | None = None
        self._started = False
        self._ended = False
        self._raw: str | None = None
        self._blocked = False
        self._details: Json = {}
        self._usage: Any = None
        self._counted = False

    def _read(self, chunk: bytes) -> None:
        if not self._known:
            chunk = self._sniff(chunk)
        if self._array is None:
            super()._read(chunk)
        else:
            self._read_array(self._array, chunk)

    def _sniff(self, chunk: bytes) -> bytes:
        """Drop what comes before the first byte, which says nothing in either form, and look at that."""
        chunk = self._head + chunk
        if _BOM.startswith(chunk):
            self._head = chunk
            return b""
        self._head, chunk = b"", chunk.removeprefix(_BOM).lstrip()
        self._known = bool(chunk)
        if chunk[:1] == b"[":
            self._array = Splitter()
        return chunk

    def _read_array(self, array: Splitter, chunk: bytes) -> None:
        self._framed = True
        for item in array.feed(chunk):
            self._frame(b"", item)
        if array.failure is not None:
            raise array.failure
        if array.closed:
            self.done = True
            if self.complete:
                self._end()

    def _frame(self, kind: bytes, data: bytes) -> None:
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip() in (b"", b"[DONE]"):  # proxies add the end mark of another dialect
                return
            chunk = decode_json(data, Answer, "an event of the stream")
        if chunk.error:
            name = self.provider.name if self.provider else None
            raise failure(None, {}, data, decode_json(data, Any, "an event of the stream"), name)
        if not self._started:
            self._started = True
            self.seen.append(Start(text_of(chunk.responseId) or None, text_of(chunk.modelVersion) or None))
        for candidate in chunk.candidates or ():
            if whole(candidate.index):
                self._other(data, candidate.index)
                continue
            self._reader.read(candidate)
            if reason := text_of(candidate.finishReason):
                self._raw, self.complete = reason, True
        if chunk.promptFeedback or chunk.modelStatus:
            self._aside(chunk)
        if chunk.usageMetadata:
            self._count(chunk.usageMetadata)

    def _other(self, data: bytes, index: Any) -> None:
        """Another of several answers: it goes on as it came."""
        sent = [
            object_of(one)
            for one in list_of(object_of(decode_json(data, Any, "an event of the stream")).get("candidates"))
        ]
        self.seen += [ProviderEvent(NAME, {"candidates": [one]}) for one in sent if one.get("index") == index]

    def _aside(self, chunk: Answer) -> None:
        self._details |= outer_ending(chunk)
        if block_reason(chunk):
            self._blocked = self.complete = True

    def _count(self, sent: Any) -> None:
        """Each count replaces the one before, whole; what names only a tier is held until nothing better came."""
        if counts(sent):
            if sent != self._usage:
                self._tell_usage(sent)
        elif not self._counted:
            self._usage = sent

    def _tell_usage(self, sent: Any) -> None:
        self._usage = sent
        if usage := decode_usage(sent):
            self._counted = True
            self.seen.append(UsageUpdate(usage))

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._reader.end()
        if not self._counted:
            self._tell_usage(self._usage)
        details = {**self._reader.details, **self._details}
        reason = finish_reason(self._raw, self._reader.has_calls)
        if self._raw is None and self._blocked:
            reason = "content_filter"
        self.seen.append(Finish(reason, self._raw, details or None))

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)
