"""
One call on its way to an answer: from the store, from another call, or from the model.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final, Literal

from dragoman.errors import DragomanError, TimeoutError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.policy.cache.cache import Cache
from dragoman.policy.cache.entry import EntryError, decode_answer, decode_entry, encode_answer, seal
from dragoman.policy.cache.flights import FAILED, Flight, Landed
from dragoman.policy.cache.known import Asked
from dragoman.policy.cache.likeness import Likeness, Near
from dragoman.policy.cache.replay import Replay, replayed
from dragoman.policy.cache.rules import holds_secret, why_not_kept
from dragoman.policy.watched import Watched
from dragoman.types.cost import FREE
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

_log: Final = logging.getLogger("dragoman.cache")


How = Literal["hits", "shared", "similar"]
# As metrics name it.
_RESULT: Final[dict[How, str]] = {"hits": "hit", "shared": "shared", "similar": "similar"}


class Visit:
    """
    One call.

    Args:
        cache: Of its client.
        likeness: Looks for questions that are nearly the same, or None.
        handler: Asks.
        request: The question.
        context: The call.
        asked: What it is known by.
    """

    def __init__(
        self,
        cache: Cache,
        likeness: Likeness | None,
        handler: Handler,
        request: ChatRequest,
        context: Context,
        asked: Asked,
    ) -> None:
        self._cache = cache
        self._shared = cache.shared
        self._flights = cache.shared.flights
        self._likeness = likeness
        self._handler = handler
        self._request = request
        self._context = context
        self._asked = asked
        self._near: Near | None = None

    async def open(self) -> Opened:
        """Answer it."""
        if self._request.reuse == "refresh":
            return await self._ask(None)
        flight = self._flights.visit(self._asked.key)
        try:
            found = await self._found(self._asked.key)
            if found is not None:
                return self._replay("hits", found)
            opened = await self._together(flight)
        finally:
            self._flights.leave(flight)
        return opened if opened is not None else await self._ask(None)

    def _replay(
        self, how: How, answer: ChatResponse, notices: tuple[Notice, ...] = (), near: Near | None = None
    ) -> Opened:
        self._shared.count(how, answer.cost)
        self._context.cached = _RESULT[how]
        made = near.made if near else None
        cost, attempts = (made.cost, made.attempts) if made else (FREE.total, ())
        again = replayed(answer, cost=cost, notices=notices, attempts=attempts)
        return Replay(again, self._context, stream=self._request.stream)

    # --- what was asked before --------------------------------------------------------------------------------------

    async def _found(self, key: bytes) -> ChatResponse | None:
        """The answer under a key, if it is there, young enough and whole."""
        store, scope, runtime = self._shared.guarded.store, self._asked.scope, self._context.runtime
        found = await self._shared.guarded.attempt(
            runtime, self._context.clocks.total_until, lambda until: store.get(runtime, scope, key, until), None
        )
        most = self._request.reuse
        if found is None or (type(most) is float and found.age >= most):
            return None
        try:
            return decode_entry(found.entry, key, self._cache.max_entry_bytes)
        except EntryError as error:
            self._shared.count("damaged")
            self._shared.warn("damaged", f"an entry of the cache in {store.place} is passed over: {error}")
            return None

    async def _similar(self, flight: Flight) -> Opened | None:
        """The answer to a question that is nearly the same, given to all who wait for this one."""
        if self._likeness is None:
            return None
        near = self._near = await self._likeness.place(self._request, self._context)
        if near is None:
            return None
        for cosine, key in await self._likeness.nearest(self._asked.scope, near, self._context):
            answer = await self._found(key)
            encoded = encode_answer(answer) if answer is not None else None
            if answer is not None and encoded is not None:
                notices = (self._likeness.notice(cosine),)
                self._flights.land(flight, Landed(encoded, notices))
                self._flights.close(flight)
                return self._replay("similar", answer, notices, near)
        return None

    # --- others who ask the same ------------------------------------------------------------------------------------

    async def _together(self, flight: Flight) -> Opened | None:
        """Lead, or wait for who leads; None to ask alone."""
        runtime = self._context.runtime
        until, total = runtime.now() + self._cache.wait, self._context.clocks.total_until
        until = until if total is None else min(until, total)
        while flight.landed is None:
            if self._flights.is_ours(flight):
                return None
            waiter = self._flights.lead(flight, runtime)
            if waiter is None:
                if flight.landed is None:
                    return await self._lead(flight)
            elif not await waiter.wait(until):
                self._check_time()
                return None
        return self._landed(flight.landed)

    def _landed(self, landed: Landed) -> Opened | None:
        if landed.answer is None or (landed.notices and self._context.strict):
            return None
        return self._replay("shared", decode_answer(landed.answer), landed.notices)

    async def _lead(self, flight: Flight) -> Opened:
        try:
            near = await self._similar(flight)
            return near if near is not None else await self._ask(flight)
        except DragomanError:
            self._failed(flight)
            raise
        except BaseException:
            self._flights.hand_over(flight)
            raise

    def _failed(self, flight: Flight | None) -> None:
        """There is nothing to share."""
        if flight is not None:
            self._flights.land(flight, FAILED)
            self._flights.close(flight)

    def _check_time(self) -> None:
        """
        Raises:
            TimeoutError: The call is over.
        """
        clocks, now = self._context.clocks, self._context.runtime.now()
        if clocks.total_until is not None and now >= clocks.total_until:
            raise TimeoutError(
                "the call waited for another that asks the same, and its time is over (clock: total; raise it with "
                "timeout=, or ask with reuse=False)",
                clock="total",
                limit=clocks.timeouts.total,
            )

    # --- asking, and keeping ----------------------------------------------------------------------------------------

    async def _ask(self, flight: Flight | None) -> Opened:
        self._shared.count("misses")
        self._context.cached = "miss"
        opened = await self._handler(self._request, self._context)
        if opened.response is not None:
            await self._keep(opened.response, flight)
            return opened
        if flight is not None:
            self._flights.stay(flight)
        return Watched(opened, partial(self._whole, flight), partial(self._broken, flight))

    async def _whole(self, flight: Flight | None, opened: Opened) -> None:
        """A stream is proved complete."""
        try:
            await self._keep(opened.folded(), flight)
        finally:
            if flight is not None:
                self._flights.leave(flight)

    def _broken(self, flight: Flight | None, opened: Opened, error: DragomanError | None) -> None:
        """A stream failed, or its reader left it."""
        if flight is None:
            return
        if error is not None:
            self._failed(flight)
        else:
            self._flights.hand_over(flight)
        self._flights.leave(flight)

    async def _keep(self, answer: ChatResponse, flight: Flight | None) -> None:
        """Give a whole answer to the others, and to the store."""
        encoded = self._encoded(answer)
        if encoded is None:
            self._failed(flight)
            return
        if flight is None:
            await self._put(encoded)
            return
        self._flights.land(flight, Landed(encoded))
        try:
            await self._put(encoded)
        finally:
            self._flights.close(flight)

    def _encoded(self, answer: ChatResponse) -> bytes | None:
        """The bytes of an answer that may be kept."""
        cache = self._cache
        why = why_not_kept(answer, models=self._asked.models, keep=cache.keep, simulated=cache.simulated)
        encoded = encode_answer(answer) if why is None else None
        if encoded is not None and len(encoded) <= cache.max_entry_bytes and not holds_secret(encoded):
            return encoded
        why = why or "it is too large, has no stored form, or holds a credential"
        _log.debug("an answer of %s is not kept: %s", self._request.model, why)
        return None

    async def _put(self, encoded: bytes) -> None:
        store, asked, runtime = self._shared.guarded.store, self._asked, self._context.runtime
        entry, ttl = seal(encoded, asked.key), self._cache.ttl

        async def put(until: float) -> bool:
            await store.put(runtime, asked.scope, asked.key, entry, ttl, until)
            return True

        if await self._shared.guarded.attempt(runtime, self._context.clocks.total_until, put, False):
            self._shared.count("stored")
            if self._near is not None and self._likeness is not None:
                await self._likeness.remember(asked.scope, asked.key, self._near, self._context)
