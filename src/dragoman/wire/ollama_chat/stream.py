"""
Streamed answers: bytes to events.

Rule: evidence of completion is a line with `done: true`, whether or not it gives a reason: older servers, and some that
imitate them, leave `done_reason` out.  `Finish` comes with that line, which is the last.  There is no other evidence:
the quirk `omits_finish` of a row is about OpenAI's dialect, which the same servers speak without a sure end.

Source: Ollama's OpenAPI file (`ChatStreamEvent`) and page on streaming.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.types.events import Start, TextDelta
from dragoman.types.providers import Provider
from dragoman.wire import ndjson
from dragoman.wire.base import StreamDecoder, decode_json, not_protocol
from dragoman.wire.lenient import text_of
from dragoman.wire.ollama_chat.dialect import NAME, Answer
from dragoman.wire.ollama_chat.failure import failure, reports_error
from dragoman.wire.ollama_chat.reader import Reader
from dragoman.wire.plain_answer import parse_json

_decode: Final = msgspec.json.Decoder(Answer).decode


class Decoder(StreamDecoder):
    """Reads one streamed answer."""

    wire = NAME

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._lines = ndjson.Splitter()
        self._reader = Reader(self.seen)
        self._started = False

    def _read(self, chunk: bytes) -> None:
        for line in self._lines.feed(chunk):
            if self.done:
                return
            self._line(line)
        if self._lines.failure is not None:
            raise self._lines.failure

    def _line(self, line: bytes) -> None:
        try:
            answer = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = self._no_answer(line)
        if answer.error:
            raise failure(None, {}, parse_json(line), line, self.provider)
        if not self._started:
            self._started = True
            self.seen.append(Start(None, text_of(answer.model) or None))
        piece = answer.message
        if piece is not None and not (piece.thinking or piece.tool_calls or piece.images or answer.logprobs):
            if piece.content:
                self.seen.append(TextDelta(piece.content))
        else:
            self._reader.read(answer)
        if answer.done is True:
            self.complete = self.done = True
            self._reader.finish(answer)

    def _no_answer(self, line: bytes) -> Answer:
        """What is not a line of an answer: an error, or not the protocol."""
        if reports_error(sent := parse_json(line)):
            raise failure(None, {}, sent, line, self.provider)
        answer: Answer = decode_json(line, Answer, "a line of the stream")
        return answer

    def _ends_without_marker(self) -> bool:
        return False

    def _unfinished(self) -> None:
        self._last_line()
        if not self.complete:
            super()._unfinished()

    def _last_line(self) -> None:
        """Read a last line that came without its end; one that is cut is no line."""
        rest = self._lines.rest()
        if not rest or self.done:
            return
        if parse_json(rest) is not None:
            self._line(rest)
        elif not self.seen and rest[:1] != b"{":
            raise not_protocol(rest, "the answer is no stream of JSON lines")
