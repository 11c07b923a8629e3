"""
The middleware that asks by a plan: outside the retry, so that a target has failed only when its attempts are used up.

    fallback: one after another        balance: an order that is drawn        hedge: a second one beside a slow one

Every target is asked in a branch of the call's context, with the call's deadlines, idempotency key and ledger; the
answer that is given ends the call.

Rules:
* It all happens before the first delivered event.
* The targets of a plan share `Retry.attempts`: each leaves one for every target that may be asked after it, and each is
  asked at least once.
* A call without a plan passes through as if this were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from dragoman.errors import DragomanError
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.policy.retry import chance
from dragoman.policy.route.choice import Random, by_latency, by_weight
from dragoman.policy.route.health import Watch
from dragoman.policy.route.hedging import Racing
from dragoman.policy.route.pieces import recoverable
from dragoman.policy.route.plans import Balance, Fallback, Hedge
from dragoman.policy.route.reasons import Classes, Reason, explained, goes_on, leaves, passed, telling
from dragoman.policy.route.recovery import Recovering
from dragoman.policy.route.seam import continued
from dragoman.policy.route.trip import Trip, over, tell
from dragoman.policy.route.way import Node, Stop, Way, stops_of
from dragoman.types.requests import ChatRequest
from dragoman.types.usage import Usage


class Router:
    """
    Asks by plans, for one client.

    Args:
        handler: Asks one target of a plan of several, retries included.
        alone: The same for a plan of one target.
        watch: What is known of the targets' health.
        attempts: Requests for one call at the most.
        begins: Whether a model goes on with an answer that was begun.
        random: Numbers from 0 to 1.
    """

    def __init__(
        self,
        handler: Handler,
        alone: Handler,
        watch: Watch,
        attempts: int,
        begins: Callable[[str], bool],
        random: Random = chance,
    ) -> None:
        self._handler = handler
        self._alone = alone
        self._watch = watch
        self._attempts = attempts
        self._begins = begins
        self._random = random

    async def open(self, request: ChatRequest, context: Context) -> Opened:
        """Have a request answered by the plan in its context."""
        way = cast("Way", context.plan)
        trip = Trip(request, max(self._attempts, self.size(way.root, context)), several=way.several)
        try:
            return await self.ask(way.root, trip, context, 0)
        except DragomanError as error:
            raise explained(error, trip.reasons, context.attempts) from error.__cause__

    async def ask(self, way: Stop | Node, trip: Trip, context: Context, later: int) -> Opened:
        """
        Ask a part of a plan.

        Args:
            way: The part.
            trip: The call.
            context: Its context, or that of a branch; it ends when the answer does.
            later: How many requests are to be left for the targets that come after this part.
        """
        if isinstance(way, Stop):
            return await self._stop(way, trip, context, later)
        if isinstance(way.plan, Hedge):
            return await Racing(self, way, trip, context, later).opened()
        if isinstance(way.plan, Fallback) and way.plan.recover and recoverable(trip.request):
            return await Recovering(self, way, trip, context, later).begun()
        return (await self.each(way, self.order(way, trip), trip, context, later))[1]

    def size(self, way: Stop | Node, context: Context) -> int:
        """Requests that a part of a plan may need at least; a target that is left alone needs none."""
        now = context.runtime.now()
        ready = sum(self._watch.wait(stop.model, stop.key, now) == 0 for stop in stops_of(way))
        return ready + _beside(way)

    # --- one target ---------------------------------------------------------------------------------------------------

    async def _stop(self, stop: Stop, trip: Trip, context: Context, later: int) -> Opened:
        branch = context.branch()
        branch.credential = stop.key
        branch.most = trip.total - later
        if trip.asked is not None:
            trip.asked.add(stop)
        request = trip.request.directed(model=stop.model)
        if trip.prefix:
            trip.begun = self._begins(stop.model)
            branch.key = f"{context.key}-piece-{trip.piece}"  # it is another question
            request = request.directed(messages=continued(request.messages, trip.prefix, begins=trip.begun))
        try:
            opened = await (self._handler if trip.several else self._alone)(request, branch)
        except DragomanError as error:
            trip.reasons.append(Reason(stop.label, error))
            branch.end(Ending(usage=error.partial.usage if error.partial else Usage(), error=error))
            raise
        except BaseException:
            branch.end(Ending())
            raise
        context.notices, context.headers = branch.notices, branch.headers  # the same list: what is added to it is told
        branch.at_end(context.end)
        return opened

    # --- several ------------------------------------------------------------------------------------------------------

    def order(self, node: Node, trip: Trip) -> Sequence[Stop | Node]:
        """In which order to ask; beside another request, what that one did not ask comes first."""
        ways: Sequence[Stop | Node] = node.ways
        if isinstance(node.plan, Balance):
            if node.plan.by == "weight":
                ways = [ways[i] for i in by_weight([way.weight for way in ways], self._random)]
            else:
                ways = [ways[i] for i in by_latency([self._speed(way) for way in ways], self._random)]
        asked = trip.asked
        return sorted(ways, key=lambda way: asked.issuperset(stops_of(way))) if asked else ways

    def _speed(self, way: Stop | Node) -> tuple[float | None, int]:
        """That of its quickest target."""
        speeds = [self._watch.speed(stop.model, stop.key) for stop in stops_of(way)]
        return min(speeds, key=lambda speed: (speed[0] or 0.0, speed[1]))

    async def each(
        self, node: Node, order: Sequence[Stop | Node], trip: Trip, context: Context, later: int, *, keep: bool = False
    ) -> tuple[int, Opened]:
        """
        Ask one after another: where in the order the answer came from, and the answer.

        Args:
            node: The plan.
            order: Its parts.
            trip: The call.
            context: Its context.
            later: As for `ask`.
            keep: Whether an answer that broke off after some words is not asked for anew.
        """
        plan = cast("Fallback | Balance", node.plan)
        on = cast("Classes", plan.on) if isinstance(plan, Fallback) else None
        errors: list[DragomanError] = []
        why: list[Reason] = []
        for at, way in enumerate(order):
            trip.at, known = at, len(trip.reasons)
            rest = later + sum(self.size(one, context) for one in order[at + 1 :])
            try:
                opened = await self._patiently(way, trip, context, rest, plan.patience if leaves(on) else None)
            except DragomanError as error:
                if not goes_on(error, on) or over(context) or (keep and error.partial and error.partial.text):
                    raise
                errors.append(error)
                why += trip.reasons[known:]
            else:
                tell(opened, context, [passed(reason) for reason in why])
                return at, opened
        raise telling(errors)

    async def _patiently(
        self, way: Stop | Node, trip: Trip, context: Context, later: int, patience: float | None
    ) -> Opened:
        """Ask a part, and where there is another one behind it, do not wait long for this one."""
        before = context.patience
        if later and before is None:
            context.patience = patience
        try:
            return await self.ask(way, trip, context, later)
        finally:
            context.patience = before


def _beside(way: Stop | Node) -> int:
    """Requests that hedges may send beside the first ones."""
    if isinstance(way, Stop):
        return 0
    own = way.plan.most - 1 if isinstance(way.plan, Hedge) else 0
    return own + sum(map(_beside, way.ways))
