"""
An answer that another target goes on with where it broke off.

    text ... text | seam | text ... text, finish

For answers in words only: never where tools or a form are asked for, and never after anything but words came.  The
targets are asked in the plan's order from the one after the one that broke off, once around.

Rules:
* What was delivered stays delivered: the second piece goes on after it.
* The call ends once, with the sum of what all pieces used; a sum with an unknown part is unknown.
* The whole is nobody's own answer: it keeps no signature and no other state of its authors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import msgspec

from dragoman.errors import DragomanError
from dragoman.policy.base import Context, Ending, Opened
from dragoman.policy.route.pieces import has_words, is_words, sum_of, total, words_of
from dragoman.policy.route.plans import Fallback
from dragoman.policy.route.reasons import Classes, goes_on, unrecovered
from dragoman.policy.route.seam import Joiner, bare, seam
from dragoman.policy.route.trip import Trip, over
from dragoman.policy.route.way import Node
from dragoman.types.events import Event, MessageNative, ProviderEvent, ReasoningDelta, Start, TextDelta, UsageUpdate
from dragoman.types.fold import Folder, unfold
from dragoman.types.http import Notice
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage

if TYPE_CHECKING:
    from dragoman.policy.route.router import Router


class Recovering:
    """
    The answer of a `Fallback(..., recover=True)`.

    Args:
        router: Asks.
        node: The plan.
        trip: The call.
        context: Its context, which this ends.
        later: As for `Router.ask`.

    Attributes:
        response: The whole answer of a plain call; None for a stream.
    """

    def __init__(self, router: Router, node: Node, trip: Trip, context: Context, later: int) -> None:
        self.response: ChatResponse | None = None
        self._router = router
        self._node = node
        self._trip = trip
        self._context = context
        self._later = later
        self._order = list(router.order(node, trip))
        self._left = len(self._order)  # recoveries that may still be made
        self._opened: Opened | None = None
        self._abandoned = False
        self._folder = Folder()
        self._words = True  # whether nothing but words was delivered
        self._joiner: Joiner | None = None
        self._pieces: list[ChatResponse] = []  # those that broke off
        self._notices: list[Notice] = []

    async def begun(self) -> Opened:
        """Have the first piece begin; a plain answer is whole when this returns."""
        opened: Opened | None
        try:
            opened = await self._ask(self._trip)
        except DragomanError as error:
            if not (self._may(error) and has_words(error)):
                raise
            self._take(words_of(error))
            await self._go_on(error)
            opened = self._opened
        assert opened is not None  # it was asked for, and nothing was raised
        if opened.response is not None:
            if self._pieces:
                self._take(unfold(opened.response))
            self.response = self.folded()
        return self

    async def more(self) -> list[Event]:
        """Return the next events; what is asked anew after a break is waited for here."""
        opened = self._opened
        assert opened is not None  # more() is for what was opened
        while True:
            try:
                events = await opened.more()
            except DragomanError as error:
                if not self._may(error):
                    raise self._failed(error) from error.__cause__
                return await self._go_on(error)
            except BaseException:
                self.abandon()
                raise
            if not events:
                return []
            if delivered := self._take(events):
                return delivered

    def folded(self) -> ChatResponse:
        """Return the answer so far, all pieces together."""
        if self.response is not None:
            return self.response
        assert self._opened is not None  # folded() is for what was opened
        last = self._opened.folded()
        return self._joined(last) if self._pieces else last

    def abandon(self) -> None:
        """Close the upstream now, if it is open, and end the call.  Idempotent, from any thread."""
        self._abandoned = True
        if self._opened is not None:
            self._opened.abandon()
        self._context.end(Ending(usage=self._used(Usage())))

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _ask(self, trip: Trip) -> Opened:
        """Have a piece begin; the order is then turned so that the target that gave it is last."""
        branch = self._context.branch()
        try:
            at, opened = await self._router.each(self._node, self._order, trip, branch, self._later, keep=True)
        except DragomanError:
            self._turn(trip.at)
            raise
        self._turn(at)
        self._opened = opened
        self._context.notices, self._context.headers = branch.notices, branch.headers
        branch.at_end(self._ended)
        if self._abandoned:  # while it was waited for
            self.abandon()
        return opened

    def _turn(self, at: int) -> None:
        self._order = self._order[at + 1 :] + self._order[: at + 1]

    def _may(self, error: DragomanError) -> bool:
        plan = self._node.plan
        assert isinstance(plan, Fallback)  # no other plan recovers
        useful = goes_on(error, cast("Classes", plan.on)) and not over(self._context)
        return useful and self._words and self._left > 0 and not self._abandoned

    async def _go_on(self, error: DragomanError) -> list[Event]:
        """
        Have another target go on: the seam, and what was held back before it.

        Raises:
            DragomanError: None does: the error by which the answer broke off.
        """
        held = self._flush()
        self._left -= 1
        text = self._folder.response().text
        trip = self._trip.fork()
        trip.prefix, trip.piece = text, self._trip.piece + 1
        trip.total = max(trip.total, len(self._context.attempts) + len(self._order))
        self._pieces.append(error.partial or ChatResponse(message=self._folder.response().message))
        notices, known = list(self._context.notices), len(trip.reasons)
        try:
            second = await self._ask_on(trip)
        except BaseException:
            self.abandon()
            raise
        if second is not None and not (self._may(second) and has_words(second)):
            self._pieces.pop()
            raise self._failed(unrecovered(error, self._trip.reasons[known:])) from second
        self._notices += [*notices, _notice(error, len(text))]
        self._joiner = Joiner(text, begun=trip.begun)
        mark = seam(error.provider, error.model, len(text), type(error).__name__)
        self._folder.add(mark)
        if second is None:
            return [*held, mark]
        return [*held, mark, *self._take(words_of(second)), *await self._go_on(second)]

    async def _ask_on(self, trip: Trip) -> DragomanError | None:
        """Have the next piece begin, or return why none did."""
        try:
            await self._ask(trip)
        except DragomanError as error:
            return error
        finally:
            self._trip.take(trip)
        return None

    # --- delivering ---------------------------------------------------------------------------------------------------

    def _take(self, events: Iterable[Event]) -> list[Event]:
        """What of a piece's events is delivered; it is all kept for the whole answer."""
        delivered: list[Event] = []
        for event in events:
            delivered += self._passed(event) if self._pieces else (event,)
        for event in delivered:
            self._folder.add(event)
            self._words = self._words and is_words(event)
        return delivered

    def _passed(self, event: Event) -> list[Event]:
        """An event of a piece that goes on with another."""
        joiner = self._joiner
        if isinstance(event, Start | MessageNative):
            return []
        if isinstance(event, UsageUpdate):
            return [UsageUpdate(self._used(event.usage))]
        if joiner is None or not joiner.open or isinstance(event, ProviderEvent | ReasoningDelta):
            return [event]
        if isinstance(event, TextDelta):
            text = joiner.feed(event.text)
            return [] if not text else [event if text == event.text else TextDelta(text)]
        text = joiner.close()
        return [TextDelta(text), event] if text else [event]

    def _flush(self) -> list[Event]:
        """What a piece that broke off still owes."""
        text = self._joiner.close() if self._joiner is not None and self._joiner.open else ""
        if not text:
            return []
        self._folder.add(TextDelta(text))
        return [TextDelta(text)]

    # --- ending -------------------------------------------------------------------------------------------------------

    def _ended(self, ending: Ending) -> None:
        """A piece is at its end.  If it broke off, it is not known yet whether the call is."""
        if ending.error is None:
            self._context.end(
                msgspec.structs.replace(
                    ending, usage=self._used(ending.usage), cost=None if self._pieces else ending.cost
                )
            )

    def _failed(self, error: DragomanError) -> DragomanError:
        """The call ends with the error by which an answer broke off."""
        self._flush()
        if self._pieces:
            error.partial = self._joined(error.partial or self._pieces[-1])
        error.attempts = tuple(self._context.attempts)
        self._context.end(Ending(usage=self._used(error.partial.usage if error.partial else Usage()), error=error))
        return error

    def _used(self, usage: Usage) -> Usage:
        """What all pieces used, this one the last."""
        return usage if not self._pieces else total([piece.usage for piece in self._pieces] + [usage])

    def _joined(self, last: ChatResponse) -> ChatResponse:
        """All pieces as one answer, by the words of the last."""
        told = self._folder.response()
        message = msgspec.structs.replace(
            told.message, parts=tuple(bare(part) for part in told.message.parts), native=None, origin=None
        )
        return msgspec.structs.replace(
            last,
            message=message,
            usage=self._used(last.usage),
            cost_parts=None,
            cost=sum_of(piece.cost for piece in (*self._pieces, last)),
            extras=told.extras,
            notices=(*self._notices, *last.notices),
            attempts=tuple(self._context.attempts),
            body=None,
        )


def _notice(error: DragomanError, at: int) -> Notice:
    who = "/".join(part for part in (error.provider, error.model) if part)
    text = f"{who} broke off after {at} characters ({type(error).__name__}): another target went on from there"
    return Notice("model", text, adapted=False)
