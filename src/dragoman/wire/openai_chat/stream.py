"""
Streamed answers: bytes to events.

Rule: complete is what has a finish reason, or `[DONE]` after content; an error in a chunk is an error even after a
finish reason.  `Finish` comes once, last, at `[DONE]` or at the end of the bytes, because usage comes after the
finish reason.

Sources: OpenAI's streaming reference; the recordings of its imitators (errors after a finish reason: OpenRouter; no
finish reason: Snowflake; usage in `x_groq`: Groq, in the choice: Moonshot).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.events import BEFORE_CONTENT, Finish, ProviderEvent, Start, TextDelta, UsageUpdate
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import SseDecoder, decode_json
from dragoman.wire.lenient import is_object, text_of
from dragoman.wire.openai_chat.dialect import NAME, Answer, Choice, Piece, finish_reason
from dragoman.wire.openai_chat.failure import failure, reported
from dragoman.wire.openai_chat.reader import Reader, plain_text
from dragoman.wire.openai_chat.reply import decode_response, ending
from dragoman.wire.openai_chat.usage import decode_usage

_DONE: Final = b"[DONE]"
_SILENT: Final = Choice(index=0, delta=Piece())
_decode: Final = msgspec.json.Decoder(Answer).decode


class Decoder(SseDecoder):
    """Reads one streamed answer."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._reader = Reader(self.seen)
        self._started = False
        self._ended = False
        self._raw: str | None = None
        self._details: dict[str, Any] = {}
        self._usage: Any = None
        self._sources: Any = None

    def _frame(self, kind: bytes, data: bytes) -> None:
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._no_chunk(kind, data)
            return
        choices = chunk.choices
        if (
            choices
            and len(choices) == 1
            and self._started
            and kind != b"error"
            and not (chunk.usage or chunk.error or chunk.x_groq or chunk.citations)
        ):
            choice = choices[0]
            piece = choice.delta
            # Nearly all chunks say nothing but more text: such a choice is like the empty one but for that.
            if piece is not None and type(content := piece.content) is str:
                piece.content = None
                if choice == _SILENT:
                    if content:
                        self.seen.append(TextDelta(content))
                    return
                piece.content = content
        self._chunk(chunk, kind, data)

    def _chunk(self, chunk: Answer, kind: bytes, data: bytes) -> None:
        choices = chunk.choices
        note = chunk.x_groq
        if chunk.error or kind == b"error" or not choices or (note is not None and note.error):
            self._without_choice(chunk, kind, data)
        # Azure's first chunk holds notes on the prompt and neither id nor model.
        if not self._started and (choices or chunk.id):
            self._start(chunk)
        for choice in choices or ():
            if choice.index:
                self._other(data, choice)
            else:
                self._choice(choice)
        # Usage comes in few chunks; the rest have null or nothing.
        if chunk.usage or chunk.x_groq or chunk.citations:
            self._aside(chunk)

    def _choice(self, choice: Choice) -> None:
        piece = choice.delta
        if piece is None and choice.message is not None and not self._has_content():
            piece = choice.message  # a server that streams in name only; after deltas it would repeat them
        if piece is not None:
            content = piece.content
            if type(content) is str and choice.logprobs is None and plain_text(piece):
                if content:
                    self.seen.append(TextDelta(content))
            else:
                self._reader.read(piece, choice)
        if choice.error:
            raise failure(None, {}, {"error": choice.error}, msgspec.json.encode(choice.error), self.provider)
        if choice.finish_reason is not None:
            self._finish(choice)
        if choice.usage:
            self._count(choice.usage)

    def _finish(self, choice: Choice) -> None:
        self._details.update(ending(choice))
        raw = text_of(choice.finish_reason)
        if raw:
            self._raw = raw
            self.complete = True
        elif self._raw is None:
            # Some servers write an empty reason into every chunk: it is kept, but it is no evidence.
            self._raw = raw

    def _start(self, chunk: Answer) -> None:
        self._started = True
        self._tier(chunk)
        self.seen.append(Start(text_of(chunk.id) or None, text_of(chunk.model) or None))

    def _other(self, data: bytes, choice: Choice) -> None:
        """Another answer of `n`: it goes on as it came."""
        sent = decode_json(data, dict[str, Any], "an event of the stream")
        self.seen += [ProviderEvent(NAME, {"choices": [c]}) for c in sent["choices"] if c.get("index") == choice.index]

    def _tier(self, chunk: Answer) -> None:
        """The price class that serves the answer, which need not be the one that was asked for."""
        if tier := text_of(chunk.service_tier):
            self._details["service_tier"] = tier

    def _aside(self, chunk: Answer) -> None:
        self._tier(chunk)
        self._sources = chunk.citations or self._sources
        self._count(chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None))

    def _count(self, sent: Any) -> None:
        # Several vendors repeat the whole usage in every chunk.
        if sent and sent != self._usage and (usage := decode_usage(sent)):
            self._usage = sent
            self.seen.append(UsageUpdate(usage))

    def _without_choice(self, chunk: Answer, kind: bytes, data: bytes) -> None:
        """A chunk with an error, or with nothing but usage or notes."""
        body = decode_json(data, Any, "an event of the stream")
        if chunk.x_groq is not None and chunk.x_groq.error:
            body = {"error": chunk.x_groq.error}
        if kind == b"error" or reported(body):
            if chunk.usage:
                self._count(chunk.usage)
            raise failure(None, {}, body, data, self.provider)

    def _no_chunk(self, kind: bytes, data: bytes) -> None:
        """What is not a chunk: the end marker, an error, or not the protocol."""
        if data.strip() == _DONE:
            self.done = True
            self.complete = self.complete or self._has_content()
            if self.complete:
                self._end()
            return
        body = _json_or_text(data)
        if kind == b"error" or (is_object(body) and reported(body)):
            raise failure(None, {}, body, data, self.provider)
        if data.strip():
            decode_json(data, Answer, "an event of the stream")

    def _has_content(self) -> bool:
        return any(not isinstance(event, BEFORE_CONTENT) for event in self.seen)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._reader.sources(self._sources)
        self._reader.end()
        self.seen.append(Finish(finish_reason(self._raw), self._raw, self._details or None))

    def _plain(self, body: bytes) -> ChatResponse:
        return decode_response(200, {}, body, self.provider)


def _json_or_text(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data.decode("utf-8", "replace")
