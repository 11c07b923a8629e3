"""
A chat request of an SDK, through everything that a client's own calls go through.

    bytes -> wire.decode_request -> cache, budget, retry, limit... -> the same bytes -> provider
    provider -> bytes -> wire.decoder, for the policies
                  |
                  +--> the SDK

All policies act until the first content has come, as they do for the client's own calls; after that the bytes are
handed on as they are read, and only the clocks and the proof of completeness still hold.

Rule: the SDK reads the provider's bytes, or, where no provider wrote any in its dialect (a hit of the cache, another
model by a plan, an answer that middleware changed), the server half of its own dialect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from dragoman import wire
from dragoman.bridge.asked import Asked
from dragoman.bridge.reply import Flow, Reply, Whole, passed, refused
from dragoman.errors import ConfigError, DragomanError, StatusError, TransportError, WireError
from dragoman.exact import Exact, Kept
from dragoman.plain import Plain
from dragoman.policy.base import Context, Opened
from dragoman.types.events import Event, UsageUpdate
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.aws import STREAM_TYPE
from dragoman.wire.lenient import object_of

_JSON: Final = "application/json"
_STREAMS: Final = {
    "bedrock-converse": STREAM_TYPE,
    "bedrock-anthropic": STREAM_TYPE,
    "ollama-chat": "application/x-ndjson",
}


def decode(asked: Asked, dialect: str | None) -> ChatRequest | None:
    """What a request means, or None if it is none for chat, or none that can be read: the provider may know better."""
    if dialect is None:
        return None
    try:
        return wire.get(dialect).decode_request(asked.body, path=asked.path)
    except ConfigError:
        return None


async def answer(plain: Plain, row: Provider, asked: Asked, chat: ChatRequest, dialect: str) -> Reply:
    """
    Have it answered.

    Raises:
        TransportError: The network failed, or a clock ran out.
        WireError: What came is not the protocol.
    """
    context = asked.context(plain)
    request = chat.directed(model=f"{row.name}/{chat.model}")
    exact = Exact(request, asked.request(stream=chat.stream), dialect, authorized=not asked.credential.asked)
    context.exact = exact
    try:
        return await say(await plain.answered(request, context), request, dialect, context)
    except (TransportError, WireError):
        raise
    except DragomanError as error:
        return refused(error, exact.kept, dialect)


async def say(
    opened: Opened, request: ChatRequest, dialect: str, context: Context, *, errors_in_band: bool = True
) -> Reply:
    """
    An answer in a dialect: the provider's own bytes, if it wrote any that say it, else the dialect's server half.

    Args:
        opened: The answer.
        request: What was asked.
        dialect: Name of the wire.
        context: The call.
        errors_in_band: Whether an error that ends a stream is written into it, or raised.
    """
    response, exact = opened.response, cast("Exact | None", context.exact)
    kept = exact.kept if exact is not None else None
    if response is not None:
        if exact is not None and kept is not None and _untouched(response, exact) and _plain(kept):
            return passed(kept.status, kept.headers, Whole(kept.take()))
        body = wire.get(dialect).encode_response(response)
        return _written(dialect, context, response.request_id, Whole(body))
    first = await opened.more()
    if exact is not None and kept is not None and _same(first, exact, 0) and _streamed(kept, exact):
        return passed(kept.status, kept.headers, _ExactFlow(opened, exact, kept, len(first)))
    flow = _WrittenFlow(opened, dialect, first, usage=_tells_usage(request, dialect), in_band=errors_in_band)
    return _written(dialect, context, opened.folded().request_id, flow)


def _written(dialect: str, context: Context, request_id: str | None, flow: Flow) -> Reply:
    """An answer in the server half of the dialect."""
    streamed = not isinstance(flow, Whole)
    headers = {"content-type": _STREAMS.get(dialect, "text/event-stream") if streamed else _JSON}
    if request_id:
        headers["x-request-id"] = request_id
    if context.cached:
        headers["x-dragoman-cache"] = context.cached
    return Reply(200, headers, flow)


# --- whether the bytes are the answer ---------------------------------------------------------------------------------


def _untouched(response: ChatResponse, exact: Exact) -> bool:
    """Whether a plain answer is what the provider's bytes say."""
    own = exact.answer.response if exact.answer is not None else None
    return own is not None and (own.message, own.finish_reason) == (response.message, response.finish_reason)


def _same(events: Sequence[Event], exact: Exact, at: int) -> bool:
    """Whether the events of a stream, from that one on, are those that were read from the provider's bytes."""
    own = exact.answer.seen if exact.answer is not None else ()
    return len(own) >= at + len(events) and all(event is own[at + i] for i, event in enumerate(events))


def _plain(kept: Kept) -> bool:
    return not kept.headers.get("content-type", "").startswith("text/event-stream")


def _streamed(kept: Kept, exact: Exact) -> bool:
    """Whether the bytes are a stream, as was asked; Gemini's has a form that is one JSON array."""
    array = exact.wire == "gemini-generate" and "alt=sse" not in exact.request.url
    return array or not kept.headers.get("content-type", "").startswith(_JSON)


# --- streams ----------------------------------------------------------------------------------------------------------


class _ExactFlow:
    """The provider's bytes."""

    def __init__(self, opened: Opened, exact: Exact, kept: Kept, at: int) -> None:
        self.abandon = opened.abandon
        self._opened = opened
        self._exact = exact
        self._kept = kept
        self._at = at
        self._failure: DragomanError | None = None
        self._ended = False

    async def read(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        held = self._kept.take()
        if held:
            return held
        while not self._ended:
            try:
                events = await self._opened.more()
            except DragomanError as error:
                return self._last(error)
            self._check(events)
            piece = self._kept.take()
            if piece or not events:
                return piece
        return b""

    def _last(self, error: DragomanError) -> bytes:
        """
        What came before the failure is handed on first, unless it is no protocol.

        An error that the provider wrote is told by its own bytes; Responses has an event for it that ends the stream.
        """
        self._ended = True
        piece = b"" if isinstance(error, WireError) else self._kept.take()
        if isinstance(error, StatusError) and self._exact.wire == "openai-responses":
            return piece
        self._failure = error
        if not piece:
            raise error
        return piece

    def _check(self, events: Sequence[Event]) -> None:
        if not _same(events, self._exact, self._at):
            self.abandon()
            raise ConfigError(
                "middleware changed the answer after its beginning, and the SDK reads the provider's bytes: change the "
                "first event, too, and the whole stream is written anew",
                field="middleware",
            )
        self._at += len(events)


def _tells_usage(request: ChatRequest, dialect: str) -> bool:
    """
    Whether a stream says what was used.

    In OpenAI's chat dialect only where it was asked for: it comes in a chunk without choices, which old readers
    stumble over.
    """
    if dialect != "openai-chat":
        return True
    options = object_of((request.native or {}).get(dialect, {}).get("stream_options"))
    return bool(options.get("include_usage"))


class _WrittenFlow:
    """The server half of a dialect."""

    def __init__(
        self, opened: Opened, dialect: str, first: Sequence[Event], *, usage: bool = True, in_band: bool = True
    ) -> None:
        self.abandon = opened.abandon
        self._opened = opened
        self._encoder = wire.get(dialect).encoder()
        self._next = list(first)
        self._usage = usage
        self._in_band = in_band
        self._ended = False

    async def read(self) -> bytes:
        while not self._ended:
            events, self._next = self._next, []
            try:
                events = events or await self._opened.more()
            except StatusError as error:
                self._ended = True
                if not self._in_band:
                    raise
                return self._encoder.error(error)
            if not events:
                self._ended = True
                return self._encoder.close()
            told = events if self._usage else [event for event in events if type(event) is not UsageUpdate]
            piece = b"".join(map(self._encoder.feed, told))
            if piece:
                return piece
        return b""
