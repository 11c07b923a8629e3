"""
A second request beside one that is slow.

Each request is a runner of its own: its targets are asked in a branch of the call's context.  The first content wins;
the other runners are cancelled, which closes their connections, and their lines in the ledger say `hedged`.

Rule: a hedge takes nobody's turn.  One that would have to wait in the line of a limit, or for which the call has no
attempt left, is not sent; and it waits for nothing, so it is not repeated after a failure.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast

import msgspec

from dragoman.errors import DragomanError, RefusedLocally
from dragoman.policy.base import Context, Opened
from dragoman.policy.route.plans import Hedge
from dragoman.policy.route.trip import Trip, tell
from dragoman.policy.route.way import Node, Stop
from dragoman.types.http import Notice

if TYPE_CHECKING:
    from dragoman.policy.route.router import Router

# Outcomes of a request that did not fail by itself.
_LEFT: Final = frozenset({"pending", "ok", "CancelledError"})


class Racing:
    """
    Asks one part of a plan, more than once if it is slow.

    Args:
        router: Asks.
        node: The hedge.
        trip: The call.
        context: Its context.
        later: As for `Router.ask`.
    """

    def __init__(self, router: Router, node: Node, trip: Trip, context: Context, later: int) -> None:
        self._router = router
        self._node = node
        self._plan = cast("Hedge", node.plan)
        self._trip = trip
        self._context = context
        self._later = later
        self._branches: list[Context] = []
        self._trips: list[Trip] = []

    async def opened(self) -> Opened:
        """Have the call answered, and learn how long it took."""
        now, node = self._context.runtime.now, self._node
        began = now()
        after = self._plan.after if self._plan.after is not None else node.times.late
        if after is None:
            opened = await self._router.ask(node.ways[0], self._trip, self._context, self._later)
        else:
            opened = await self._raced(after)
        node.times.add(now() - began)
        return opened

    async def _raced(self, after: float) -> Opened:
        asked: set[Stop] = set()
        for _ in range(self._plan.most):
            branch, trip = self._context.branch(), self._trip.fork()
            branch.slots, trip.asked = [], asked
            self._branches.append(branch)
            self._trips.append(trip)
        steps = [partial(self._runner, number) for number in range(self._plan.most)]
        number, given = await self._context.runtime.race(steps, after=after, wins=_answers, drop=_leave)
        self._trip.take(self._trips[number])
        if isinstance(given, DragomanError):
            raise given
        self._leave_others(number)
        return self._given(number, given, after)

    async def _runner(self, number: int) -> Opened | DragomanError:
        """Ask once; a failure is a value, because it does not end the race."""
        branch, trip = self._branches[number], self._trips[number]
        if number:
            branch.patience = 0.0
            branch.key = f"{branch.key}-beside-{number}"  # who answers each key once would not answer it
            if len(branch.attempts) >= trip.total - self._later:
                return RefusedLocally("the attempts of the call are used up: no request was sent beside the first")
        try:
            return await self._router.ask(self._node.ways[0], trip, branch, self._later)
        except DragomanError as error:
            return error

    def _leave_others(self, winner: int) -> None:
        """Say in the ledger what became of the requests that were left."""
        ledger = self._context.attempts
        for number, branch in enumerate(self._branches):
            for slot in (branch.slots or ()) if number != winner else ():
                if ledger[slot].outcome in _LEFT:
                    ledger[slot] = msgspec.structs.replace(ledger[slot], outcome="hedged", maybe_billed=True)

    def _given(self, number: int, opened: Opened, after: float) -> Opened:
        context, branch = self._context, self._branches[number]
        context.notices, context.headers = branch.notices, branch.headers
        branch.at_end(context.end)
        sent = number or any(other.slots for other in self._branches[1:])
        who = "the second" if number else "the first"
        text = f"no content came within {after:g} s: another request was sent beside it, and {who} answered first"
        tell(opened, context, [Notice("model", text, adapted=False)] if sent else [])
        return opened


def _answers(given: Opened | DragomanError) -> bool:
    return not isinstance(given, DragomanError)


def _leave(given: Opened | DragomanError) -> None:
    """An answer that came too late is not read."""
    if not isinstance(given, DragomanError):
        given.abandon()
