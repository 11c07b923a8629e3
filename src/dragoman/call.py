"""
One request on the wire: the innermost handler.

    encode -> authorize -> transport.open -> decode until the first content

It makes exactly one request, follows nothing, repeats nothing, and turns whatever the network and the provider do into
an answer or a typed error.  The clocks are kept here, because only the decoder knows what is content and what is a
ping.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from dragoman import wire
from dragoman.catalog.accept import adapt
from dragoman.errors import (
    Clock,
    DragomanError,
    StatusError,
    StreamInterrupted,
    TimeoutError,
    UnsupportedError,
    WireError,
)
from dragoman.policy.base import Context, Ending
from dragoman.routes import Route
from dragoman.transport.base import Clockout, Disconnected, Exchange, Transport
from dragoman.types.attempts import Attempt
from dragoman.types.events import BEFORE_CONTENT, Event
from dragoman.types.fold import fold
from dragoman.types.http import HttpRequest
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import Decoder
from dragoman.wire.status import request_id_of

_PHASE: dict[Clock, str] = {
    "connect": "no connection was made",
    "first_event": "no content came",
    "idle": "nothing more came",
    "total": "the call was not over",
}


class Sender:
    """Opens answers: the handler that every middleware ends in."""

    def __init__(self, resolve: Callable[[str], Route], transport: Callable[[Route], Transport]) -> None:
        self._resolve = resolve
        self._transport = transport

    def prepare(self, request: ChatRequest, context: Context) -> tuple[Route, HttpRequest]:
        """
        Encode a request, without its credential.

        Raises:
            UnsupportedError: Something would have to be adapted, and the context is strict.
        """
        route = self._resolve(request.model)
        adapted = adapt(request.directed(model=route.model), route.provider, route.facts)
        if adapted.wire != route.wire.name:
            route = msgspec.structs.replace(route, wire=wire.get(adapted.wire))
        encoded = route.wire.encode_request(adapted.request, route.provider)
        notices = [*route.notices, *adapted.notices, *encoded.notices]
        changed = next((notice for notice in notices if notice.adapted), None)
        if changed is not None and context.strict:
            raise UnsupportedError(
                f"{changed} (strict=True)", provider=route.provider.name, model=route.model, field=changed.field
            )
        context.notices.extend(notices)
        return route, encoded

    async def __call__(self, request: ChatRequest, context: Context) -> Answer:
        """Send `request` and return when its first content is there."""
        route, encoded = self.prepare(request, context)
        answer = Answer(route, context)
        try:
            await answer.open(self._transport(route), route.authorize(encoded), stream=request.stream)
        except DragomanError as error:
            raise answer.failed(error) from error.__cause__
        except BaseException:
            answer.abandon()
            raise
        return answer


class Answer:
    """
    The answer to one request, from its first content on.

    Attributes:
        response: The whole answer of a plain call; None for a stream.
    """

    def __init__(self, route: Route, context: Context) -> None:
        self.response: ChatResponse | None = None
        self._route = route
        self._context = context
        self._exchange: Exchange | None = None
        self._decoder: Decoder | None = None
        self._held: list[Event] = []
        self._sent_at = context.runtime.now()
        self._data_at = self._sent_at
        self._waiting: Clock = "first_event"
        self._ended = False
        self._slot: int | None = None  # where this request stands in the ledger

    # --- opening ------------------------------------------------------------------------------------------------

    async def open(self, transport: Transport, request: HttpRequest, *, stream: bool) -> None:
        """Send the request and wait for the first content."""
        context, now = self._context, self._sent_at
        connect_until = context.clocks.until("connect", now)
        until = context.clocks.until("first_event", now)
        try:
            exchange = await transport.open(request, connect_until=connect_until, until=until)
        except Clockout as error:
            raise self._clock_error("first_event" if error.sent else "connect") from error
        except Disconnected as error:
            raise StreamInterrupted(f"the connection ended before an answer came: {error.reason}") from error
        self._exchange = exchange
        if exchange.status >= 300 or not (stream or _is_event_stream(exchange)):
            plain = await self._plain(exchange)
            self._record("ok")
            self.response = self._stamped(plain)
            self._end(Ending(finish_reason=self.response.finish_reason, usage=self.response.usage))
            return
        self._decoder = self._route.wire.decoder(self._route.provider)
        await self._first_content()
        self._record("ok")
        if not stream:
            while events := await self.more():
                pass
            del events
            self.response = self.folded()

    async def _plain(self, exchange: Exchange) -> ChatResponse:
        """Read a whole body and decode it; raises what it says if it says no."""
        pieces: list[bytes] = []
        while piece := await self._read(exchange):
            pieces.append(piece)
            self._data_at, self._waiting = self._context.runtime.now(), "idle"
        exchange.release()
        body = b"".join(pieces)
        if 300 <= exchange.status < 400:
            raise self._redirect(exchange)
        route = self._route
        return route.wire.decode_response(exchange.status, exchange.headers, body, route.provider)

    def _redirect(self, exchange: Exchange) -> StatusError:
        target = urlsplit(exchange.headers.get("location", ""))
        return StatusError(
            f"redirected to {target.scheme}://{target.hostname or '?'}; redirects are not followed, "
            f"because the prompt and the key would go with them: set base_url to the right address",
            status=exchange.status,
        )

    async def _first_content(self) -> None:
        held: list[Event] = []
        while events := await self.more():
            held += events
            if any(not isinstance(event, BEFORE_CONTENT) for event in events):
                break
        self._held = held

    # --- reading ------------------------------------------------------------------------------------------------

    async def more(self) -> list[Event]:
        """
        Return the next events; an empty list when the answer is at its end.

        Raises:
            StreamInterrupted: It ended before it was complete.
            TimeoutError: A clock ran out.
            StatusError: The provider reported an error in the stream.
        """
        if self._held:
            held, self._held = self._held, []
            return held
        if self._ended:
            return []
        try:
            return await self._next_events()
        except DragomanError as error:
            raise self.failed(error) from error.__cause__
        except BaseException:
            self.abandon()
            raise

    async def _next_events(self) -> list[Event]:
        decoder, exchange = self._decoder, self._exchange
        assert decoder is not None  # more() is for streams, and a stream has both
        assert exchange is not None
        decoder.feed(b"")  # raises the error that came after the last events
        while True:
            chunk = await self._read(exchange)
            events = decoder.feed(chunk) if chunk else []
            if decoder.done or not chunk:
                return self._whole(exchange, decoder, events)
            if events:
                self._data_at = self._context.runtime.now()
                if self._waiting != "idle" and any(not isinstance(event, BEFORE_CONTENT) for event in events):
                    self._waiting = "idle"
                return events

    def _whole(self, exchange: Exchange, decoder: Decoder, events: list[Event]) -> list[Event]:
        """The bytes have ended, or the end marker came: the last events, and the end."""
        last = decoder.close()
        exchange.release()
        self._end(_ending(decoder))
        return events + last

    async def _read(self, exchange: Exchange) -> bytes:
        """Read the next bytes; a broken or silent end of an answer that is proved complete is a clean end."""
        clock = self._waiting
        since = self._data_at if clock == "idle" else self._sent_at
        complete = self._decoder is not None and self._decoder.complete
        try:
            return await exchange.read(self._context.clocks.until(clock, since))
        except Clockout as error:
            if not complete:
                raise self._clock_error(clock) from error
        except Disconnected as error:
            if not complete:
                raise StreamInterrupted(f"the answer was cut: {error.reason}") from error
        exchange.abort()
        return b""

    def folded(self) -> ChatResponse:
        """Return the answer so far, as one value."""
        if self.response is not None:
            return self.response
        return self._stamped(fold(self._decoder.seen if self._decoder else ()))

    # --- ending -------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Close the upstream now, if it is open, and run the end hooks.  Idempotent, from any thread."""
        if self._exchange is not None and not self._ended:
            self._exchange.abort()
        if not self._ended:
            self._ended = True
            usage = self.response.usage if self.response else fold(self._decoder.seen if self._decoder else ()).usage
            self._context.end(Ending(usage=usage))

    def failed(self, error: DragomanError) -> DragomanError:
        """Close the upstream, complete the error with what is known of the call, and run the end hooks."""
        if self._exchange is not None:
            self._exchange.abort()
        if error.partial is not None or (self._decoder is not None and self._decoder.seen):
            error.partial = self.folded()
        error.provider = error.provider or self._route.provider.name
        error.model = error.model or self._route.model
        if self._exchange is not None and error.request_id is None:
            error.request_id = request_id_of(self._exchange.headers)
        self._record(type(error).__name__, error)
        error.attempts = tuple(self._context.attempts)
        if not self._ended:
            self._ended = True
            self._context.end(Ending(usage=error.partial.usage if error.partial else _NOTHING.usage, error=error))
        return error

    def _end(self, ending: Ending) -> None:
        self._ended = True
        self._context.end(ending)

    def _record(self, outcome: str, error: DragomanError | None = None) -> None:
        """Write this request into the ledger; a failure after the first content replaces what stood there."""
        exchange, ledger = self._exchange, self._context.attempts
        attempt = Attempt(
            provider=self._route.provider.name,
            model=self._route.model,
            outcome=outcome,
            status=exchange.status if exchange else None,
            code=error.code if error else None,
            request_id=request_id_of(exchange.headers) if exchange else None,
            seconds=self._context.runtime.now() - self._sent_at,
            maybe_billed=error is not None and _maybe_billed(error),
        )
        if self._slot is None:
            self._slot = len(ledger)
            ledger.append(attempt)
        else:
            ledger[self._slot] = attempt

    def _clock_error(self, clock: Clock) -> TimeoutError:
        context = self._context
        clock = context.clocks.ran_out(clock, context.runtime.now())
        limit: float | None = getattr(context.clocks.timeouts, clock)
        return TimeoutError(
            f"{_PHASE[clock]} within {limit:g} s (clock: {clock}; raise it with Timeouts({clock}=...))",
            clock=clock,
            limit=limit,
        )

    def _stamped(self, response: ChatResponse) -> ChatResponse:
        """The answer with what only the caller's side knows."""
        route, context = self._route, self._context
        message = msgspec.structs.replace(response.message, origin=f"{route.provider.name}/{route.model}")
        headers = self._exchange.headers if self._exchange else {}
        return msgspec.structs.replace(
            response,
            message=message,
            model=response.model or route.model,
            provider=route.provider.name,
            request_id=response.request_id or request_id_of(headers),
            notices=(*response.notices, *context.notices),
            attempts=tuple(context.attempts),
            simulated=route.provider.base_url.startswith("sim:"),
        )


_NOTHING = fold(())


def _ending(decoder: Decoder) -> Ending:
    response = fold(decoder.seen)
    return Ending(finish_reason=response.finish_reason, usage=response.usage)


def _is_event_stream(exchange: Exchange) -> bool:
    return exchange.headers.get("content-type", "").startswith("text/event-stream")


def _maybe_billed(error: DragomanError) -> bool:
    """Whether the provider may charge: the request left, and nothing says that it was refused."""
    if isinstance(error, TimeoutError):
        return error.clock != "connect"
    return isinstance(error, StreamInterrupted | WireError)
