"""
One request on the wire: the innermost handler.

    encode -> authorize -> transport.open -> decode until the first content

It makes exactly one request, follows nothing, repeats nothing, and turns whatever the network and the provider do into
an answer or a typed error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import msgspec

from dragoman import wire
from dragoman.catalog.accept import adapt
from dragoman.catalog.cost import cost_of, is_free
from dragoman.errors import DragomanError, UnsupportedError
from dragoman.exact import Exact
from dragoman.ledger import Entry
from dragoman.policy.base import Context, Ending
from dragoman.policy.credentials import in_time
from dragoman.routes import Route
from dragoman.secrets import Secret
from dragoman.transfer import Transfer
from dragoman.transport.base import Transport
from dragoman.types.cost import FREE, Cost
from dragoman.types.events import BEFORE_CONTENT, Event, Finish, UsageUpdate
from dragoman.types.fold import fold
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.base import Decoder, Wire
from dragoman.wire.bound import binds, stamped
from dragoman.wire.turns import settle


class Encoded(NamedTuple):
    """A request, for whom and in which dialect it was encoded, and what came of it."""

    request: ChatRequest
    provider: Provider
    wire: Wire
    http: HttpRequest
    notices: list[Notice]


class Sender:
    """Opens answers: the handler that every middleware ends in."""

    def __init__(self, resolve: Callable[[str, Secret | None], Route], transport: Callable[[Route], Transport]) -> None:
        self._resolve = resolve
        self._transport = transport

    def prepare(self, request: ChatRequest, context: Context) -> tuple[Route, HttpRequest]:
        """
        Encode a request, without its credential.

        Raises:
            UnsupportedError: Something would have to be adapted, and the context is strict.
        """
        route = self._resolve(request.model, context.credential)
        exact = exact_of(request, context)
        if exact is not None:
            return msgspec.structs.replace(route, wire=wire.get(exact.wire)), exact.request
        known = context.encoded
        if type(known) is Encoded and known.request is request and known.provider is route.provider:
            context.notices[:] = known.notices
            return (route if known.wire is route.wire else msgspec.structs.replace(route, wire=known.wire)), known.http
        messages, mended = settle(request.messages)
        settled = request.directed(model=route.model, messages=messages)
        adapted = adapt(settled, route.provider, route.facts)
        if adapted.wire != route.wire.name:
            route = msgspec.structs.replace(route, wire=wire.get(adapted.wire))
        asked, formed = _formed(adapted.request, route)
        encoded = route.wire.encode_request(asked, route.provider)
        notices = [*route.notices, *mended, *adapted.notices, *formed, *encoded.notices]
        if notices and context.strict:
            _hold_to(notices, route)
        context.notices[:] = notices  # those of the attempt before were the same, or are of no interest any more
        context.encoded = Encoded(request, route.provider, route.wire, encoded, notices)
        return route, encoded

    async def __call__(self, request: ChatRequest, context: Context) -> Answer:
        """Send `request` and return when its first content is there."""
        route, encoded = self.prepare(request, context)
        keyed = msgspec.structs.replace(
            encoded, headers=encoded.headers | {**context.extra_headers, "idempotency-key": context.key}
        )
        exact, transport = exact_of(request, context), self._transport(route)
        ready = keyed if exact and exact.authorized else await authorized(route, keyed, context)
        answer = Answer(route, context, request.service_tier)
        if exact:
            exact.answer, transport = answer, exact.over(transport)
        try:
            await answer.open(transport, ready, stream=request.stream)
        except DragomanError as error:
            raise answer.failed(error) from error.__cause__
        except BaseException as error:
            answer.cancelled(error)
            raise
        answer.given = True
        return answer


def exact_of(request: ChatRequest, context: Context) -> Exact | None:
    """The bytes in which another program has written the request, while they are what is asked; else None."""
    exact = cast("Exact | None", context.exact)
    return exact if exact is not None and exact.says(request, context) else None


def _formed(request: ChatRequest, route: Route) -> tuple[ChatRequest, list[Notice]]:
    """A value that is asked for, in the form that this provider takes."""
    if request.output is None or request.output.type is None:
        return request, []
    from dragoman.structured.fitting import fitted  # who asks for text need not load this

    return fitted(request, route.provider, route.facts, route.wire.name)


def _hold_to(notices: Sequence[Notice], route: Route) -> None:
    changed = next((notice for notice in notices if notice.adapted), None)
    if changed is not None:
        raise UnsupportedError(
            f"{changed} (strict=True)", provider=route.provider.name, model=route.model, field=changed.field
        )


async def authorized(route: Route, encoded: HttpRequest, context: Context) -> HttpRequest:
    """Add the credential.  What looks for one may wait, which counts as connecting."""
    if not route.looks_for_credentials:
        return route.authorize(encoded)
    return await in_time(lambda: route.authorize(encoded), context, route.provider.name, route.model)


class Answer:
    """
    The answer to one request, from its first content on.

    Attributes:
        response: The whole answer of a plain call; None for a stream.
        given: Whether it was handed to who asked; before that its failure is not yet the end of the call.
    """

    def __init__(self, route: Route, context: Context, tier: str | None = None) -> None:
        self.response: ChatResponse | None = None
        self.given = False
        self._route = route
        self._context = context
        self._transfer = Transfer(context)
        self._decoder: Decoder | None = None
        self._held: list[Event] = []
        self._content = False
        self._ended = False
        self._complete = False
        self._tier = tier
        self._asked = b""  # the request, where its answer may be bound to it
        self._entry = Entry(context, self._transfer, route.provider.name, route.model)

    # --- opening ------------------------------------------------------------------------------------------------

    async def open(self, transport: Transport, request: HttpRequest, *, stream: bool) -> None:
        """Send the request and wait for the first content."""
        route, transfer = self._route, self._transfer
        if binds(route.wire.name, route.model):
            self._asked = request.body
        await transfer.open(transport, request)
        assert transfer.status is not None  # it is open
        if transfer.status >= 300 or not (stream or _is_event_stream(transfer)):
            body = await transfer.body()
            plain = route.wire.decode_response(transfer.status, transfer.headers, body, route.provider)
            self._entry.write("ok")
            self._complete = True
            self.response = self._stamped(plain)
            self._end(Ending(finish_reason=plain.finish_reason, usage=plain.usage))
            return
        self._decoder = route.wire.decoder(route.provider)
        await self._first_content()
        self._entry.write("ok")
        if not stream:
            while await self.more():
                pass
            self.response = self.folded()

    async def _first_content(self) -> None:
        held: list[Event] = []
        while not self._content and (events := await self.more()):
            held += events
        self._held = held

    @property
    def seen(self) -> Sequence[Event]:
        """The events of a stream so far, those included that were not handed out yet."""
        return self._decoder.seen if self._decoder is not None else ()

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
        decoder, transfer = self._decoder, self._transfer
        assert decoder is not None  # more() is for streams
        decoder.feed(b"")  # raises the error that came after the last events
        while not decoder.done:
            chunk = await transfer.read(complete=decoder.complete)
            events = decoder.feed(chunk) if chunk else []
            if not chunk or (decoder.done and decoder.complete):
                return self._whole(decoder, events)
            if events:  # also before an end that is none, which the next call will say
                self._content = self._content or any(not isinstance(event, BEFORE_CONTENT) for event in events)
                transfer.progress(content=self._content)
                return events
        return self._whole(decoder, [])

    def _whole(self, decoder: Decoder, events: list[Event]) -> list[Event]:
        """The bytes have ended, or the end marker came: the last events, and the end."""
        last = decoder.close()
        self._complete = True
        self._transfer.release()
        self._end(_ending(decoder.seen))
        return events + last

    def folded(self) -> ChatResponse:
        """Return the answer so far, as one value."""
        if self.response is not None:
            return self.response
        return self._stamped(fold(self._decoder.seen if self._decoder else ()))

    # --- ending -------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Close the upstream now, if it is open, and run the end hooks.  Idempotent, from any thread."""
        if not self._ended:
            self._transfer.abort()
            self._end(Ending(usage=_ending(self._decoder.seen if self._decoder else ()).usage))

    def cancelled(self, error: BaseException) -> None:
        """Nobody waits for the first content any more: the request may be billed all the same."""
        self._entry.cancelled(error)
        self.abandon()

    def failed(self, error: DragomanError) -> DragomanError:
        """Close the upstream, complete the error with what is known of the call; if it was given, the call is over."""
        self._transfer.abort()
        if error.partial is not None or (self._decoder is not None and self._decoder.seen):
            error.partial = self.folded()
        self._entry.complete(error)
        if self.given and not self._ended:
            self._end(Ending(usage=error.partial.usage if error.partial else Usage(), error=error))
        return error

    def _end(self, ending: Ending) -> None:
        self._ended = True
        provider = self._route.provider.name
        ending = msgspec.structs.replace(ending, provider=provider, model=self._route.model)
        self._context.end(ending)

    def _bill(self, response: ChatResponse) -> Cost | None:
        """What it cost.  Of an answer that is not whole, the numbers are not final."""
        if not self._complete:
            return None
        provider, facts = self._route.provider, self._route.facts
        if is_free(provider, facts):
            return FREE
        return cost_of(response, facts, self._tier) if facts else None

    def _stamped(self, response: ChatResponse) -> ChatResponse:
        """The answer with what only the caller's side knows."""
        route, context = self._route, self._context
        message = msgspec.structs.replace(response.message, origin=f"{route.provider.name}/{route.model}")
        if self._asked:
            message = stamped(message, route.wire.name, route.model, self._asked)
        bill = self._bill(response)
        return msgspec.structs.replace(
            response,
            message=message,
            model=response.model or route.model,
            provider=route.provider.name,
            cost=bill.total if bill else None,
            cost_parts=bill,
            request_id=response.request_id or self._entry.request_id,
            notices=(*response.notices, *context.notices),
            attempts=tuple(context.attempts),
            simulated=route.provider.base_url.startswith("sim:"),
        )


def _ending(seen: Sequence[Event]) -> Ending:
    """How a whole stream ended.  Usage comes near the end, so it is looked for from there; nothing is folded for it."""
    finish = next((event for event in reversed(seen) if isinstance(event, Finish)), None)
    usage = next((event.usage for event in reversed(seen) if isinstance(event, UsageUpdate)), Usage())
    return Ending(finish_reason=finish.reason if finish else None, usage=usage)


def _is_event_stream(transfer: Transfer) -> bool:
    return transfer.headers.get("content-type", "").startswith("text/event-stream")
