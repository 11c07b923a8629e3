"""
The ordinary answer, which a fault breaks.

Its bytes are made by the server half of the dialect that is asked, so that what is right about a broken answer is right
in every dialect.

Rule: it holds what readers stumble over even when nothing is broken: letters of two, three and four bytes, and the line
separators of Unicode, which are no line ends here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate
from typing import Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.testing.connection import Received
from dragoman.testing.http1 import chunk, reply_head
from dragoman.testing.pieces import split
from dragoman.testing.routes import route_of
from dragoman.testing.script import says
from dragoman.types.events import Event, TextDelta, UsageUpdate
from dragoman.types.fold import unfold
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.base import Wire

_USAGE: Final = Usage(input_tokens=12, output_tokens=34)

TEXT: Final = says(
    "Good morning, Grüße aus Köln \u2028 und \u0085 世界: this is the whole answer 🌍, and here it ends.",
    usage=_USAGE,
).response
"""The answer in words."""

TOOLS: Final = says(
    tools=[("weather", {"city": "Köln", "unit": "celsius"}), ("local_time", {"zone": "Europe/Berlin"})], usage=_USAGE
).response
"""The answer as two tool calls."""

LAST_CHUNK: Final = chunk(b"")
_SIZE: Final = 8  # characters in a delta


class Ordinary:
    """
    The right answer to one request, in pieces.

    Args:
        request: What is answered.
        wire: The dialect to answer in.
        answer: What the answer is, in words; faults that cut letters look for one that `TEXT` holds.

    Attributes:
        streamed: Whether the request asks for a stream.
    """

    def __init__(self, request: Received, wire: Wire, answer: ChatResponse = TEXT) -> None:
        self.request = request
        self.wire = wire
        self._answer = answer
        self.streamed = request.chat is not None and request.chat.stream

    # --- HTTP -------------------------------------------------------------------------------------------------------

    def head(self, status: int = 200, headers: Mapping[str, str] | None = None, *, stream: bool | None = None) -> bytes:
        """Status line and headers, those that say the length left out; a header whose value is empty is left out."""
        streams = self.streamed if stream is None else stream
        kind = route_of(self.wire.name).stream_type if streams and status == 200 else "application/json"
        always = {
            "date": formatdate(usegmt=True),
            "content-type": kind,
            "x-request-id": f"req-{self.request.number}",
            "request-id": f"req-{self.request.number}",
        }
        return reply_head(status, {name: text for name, text in {**always, **(headers or {})}.items() if text})

    def sized(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> list[bytes]:
        """A whole answer with its length."""
        length = {"content-length": str(len(body))}
        return [self.head(status, {**length, **(headers or {})}), body]

    def opened(self, headers: Mapping[str, str] | None = None, status: int = 200) -> bytes:
        """The head of an answer whose chunks follow."""
        return self.head(status, {"transfer-encoding": "chunked", **(headers or {})})

    def chunked(self, pieces: Iterable[bytes], headers: Mapping[str, str] | None = None) -> list[bytes]:
        """A whole answer in chunks, well ended."""
        return [self.opened(headers), *chunks(pieces), LAST_CHUNK]

    def whole(self, headers: Mapping[str, str] | None = None) -> list[bytes]:
        """The right answer, plain or streamed as it was asked for, with other headers where given."""
        return self.chunked(self.frames(), headers) if self.streamed else self.sized(self.body(), headers=headers)

    # --- the dialect ------------------------------------------------------------------------------------------------

    def body(self, answer: ChatResponse | None = None) -> bytes:
        """The plain answer."""
        return self.wire.encode_response(self._named(answer))

    def error(self, error: DragomanError) -> bytes:
        """The body of an error."""
        return self.wire.encode_error(error)[2]

    def payload(self, answer: ChatResponse | None = None) -> list[bytes]:
        """The right body, in one piece if plain, in frames if streamed."""
        return self.frames(answer) if self.streamed else [self.body(answer)]

    def frames(self, answer: ChatResponse | None = None) -> list[bytes]:
        """The whole stream, one piece for each event that has bytes."""
        encoder = self.wire.encoder()
        pieces = [*map(encoder.feed, self._events(answer)), encoder.close()]
        return [piece for piece in pieces if piece]

    def before_content(self) -> list[bytes]:
        """What a stream sends before its first content; in some dialects that is nothing."""
        encoder = self.wire.encoder()
        pieces = [encoder.feed(event) for event in self._events(None)[:2]]
        return [piece for piece in pieces if piece]

    def until(self, kind: type[Event], count: int = 1, answer: ChatResponse | None = None) -> list[bytes]:
        """The stream up to and with the event that is the `count`-th of its kind."""
        encoder = self.wire.encoder()
        pieces = [encoder.feed(event) for event in _until(self._events(answer), kind, count)]
        return [piece for piece in pieces if piece]

    def half(self) -> list[bytes]:
        """The stream up to the middle of the text."""
        return self.until(TextDelta, 4)

    @property
    def half_way(self) -> int:
        """How many events of the answer `half` holds."""
        return len(list(_until(self._events(None), TextDelta, 4)))

    def error_after(self, error: DragomanError, count: int) -> bytes:
        """What the dialect writes for an error after so many events of the answer."""
        encoder = self.wire.encoder()
        for event in self._events(None)[:count]:
            encoder.feed(event)
        return encoder.error(error)

    def _named(self, answer: ChatResponse | None) -> ChatResponse:
        chat = self.request.chat
        return msgspec.structs.replace(
            answer or self._answer, id=f"answer-{self.request.number}", model=chat.model if chat else "any"
        )

    def _events(self, answer: ChatResponse | None) -> list[Event]:
        start, *rest = split(unfold(self._named(answer)), _SIZE)
        # Anthropic says before the first word what the prompt was; others let the last usage hold.
        return [start, UsageUpdate(Usage(input_tokens=_USAGE.input_tokens, output_tokens=0)), *rest]


def chunks(pieces: Iterable[bytes]) -> list[bytes]:
    """Each piece as one chunk of a chunked body."""
    return [chunk(piece) for piece in pieces if piece]


def _until(sequence: Iterable[Event], kind: type[Event], count: int) -> Iterator[Event]:
    for event in sequence:
        yield event
        count -= isinstance(event, kind)
        if count == 0:
            return
