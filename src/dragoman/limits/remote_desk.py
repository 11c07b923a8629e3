"""
One scope that is kept in a store between hosts, as one process sees it.

There is one exchange at a time: whoever comes meanwhile is served by the next one, together with all others that came
(`offers` is what is exchanged).  What comes back is written with the next exchange, or a little later by itself.

Rule: what an exchange decides holds when the store has kept it, and not before.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from dragoman.errors import StoreError
from dragoman.limits import later
from dragoman.limits.alone import Alone
from dragoman.limits.offers import Offers
from dragoman.limits.permits import Change, Note
from dragoman.limits.stores import NOTHING, Store
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.pacer import wake
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.runtime import BlockingRuntime, Runtime, drive

# Seconds for an answer of the store; for a call whose own deadline is nearer, no less than the second.
_PATIENCE, _LEAST_PATIENCE = 1.0, 0.2
# Tries against others that are faster, and seconds between the later ones.
_TRIES, _JITTER = 12, 0.004
# Seconds until what came back is written, with and without anybody waiting; until an unused slice goes back; between
# two signs of life while calls are in flight; until a store that failed is asked again.
_SOON, _LATER, _UNUSED, _ALIVE, _RETRY = 0.02, 0.05, 0.2, 20.0, 1.0
# Seconds between two exchanges for those who wait, for each worker, and at least.
_TICK, _LEAST_TICK = 0.00125, 0.02
_blocking: Final = BlockingRuntime()


class RemoteDesk:
    """
    One scope.

    Args:
        store: Keeps it.
        name: Under which.
        limits: What the user knows.
        peers: This process among the others.

    Attributes:
        alone: Whether the store cannot be reached.
        offers: What is known of the state.
        scope: As this process sees it.
    """

    def __init__(self, store: Store, name: str, limits: Sequence[Limit], peers: Peers) -> None:
        self._store = store
        self._name = name
        self._peers = peers
        self._lock = threading.Lock()
        self._notes: deque[Note] = deque()
        self._going: list[Ticket] = []  # let go, and not yet told
        self._busy = self._closed = False
        self._last = float("-inf")  # when the last exchange ended, here
        self._due = float("inf")  # when something is done by itself, here
        self.alone = Alone(store.place)
        self.offers = Offers(limits, peers)

    @property
    def scope(self) -> Scope:
        """The scope as this process sees it."""
        return self.offers.scope

    def locked(self, act: Callable[[], Decision]) -> Decision:
        """Decide something under the lock, with what came back taken in, and wake those that it concerns."""
        with self._lock:
            self._take_notes()
            result = act()
            woken = self.scope.woken()
        wake(woken)
        self._look_again()
        return result

    # --- for a ticket -------------------------------------------------------------------------------------------------

    def begin(self, cost: dict[str, float], priority: str) -> Ticket:
        """A new ticket."""
        ticket = self.scope.ticket(cost, self.offers.now(), priority)
        ticket.round = self.offers.begun
        return ticket

    def enter(self, ticket: Ticket, left: float | None, *, first: bool = False) -> Decision:
        """
        Stand in line, or go at once.

        Args:
            ticket: Whose.
            left: Seconds in which it must have gone, or None.
            first: It was refused, and goes before the others.
        """
        now, scope, at_hand = self.offers.now(), self.scope, self.offers.slice
        if not first and not scope.waiting and not self.alone.parts:
            granted = at_hand.pay(ticket.cost)
            if granted is not None:
                at_hand.count(ticket.cost)
                return scope.prepaid(ticket, granted, now)
        ticket.deadline = None if left is None else now + left
        refused = scope.queue(ticket, now, first=first)
        ticket.deadline = None  # watched by who waits, on our own clock
        if refused is not None:
            return refused
        if self.alone.parts:
            self._schedule(_RETRY)
            return scope.resume(ticket, now)
        return Wait(ticket, float("inf"))

    def look(self, ticket: Ticket) -> Decision:
        """What became of a ticket; a wait until `now` or earlier says that an exchange is worth it."""
        now, scope = self.offers.now(), self.scope
        if self.alone.parts:
            return scope.resume(ticket, now)
        if ticket.grant is not None and not self.offers.tentative(ticket):
            return ticket.grant
        if ticket.grant is not None or self._busy:
            return Wait(ticket, float("inf"))
        if self.offers.done <= ticket.round and scope.is_head(ticket):
            return Wait(ticket, now)  # nobody has asked for it yet
        return Wait(ticket, scope.due if scope.watches(ticket) else float("inf"))

    def too_late(self, ticket: Ticket) -> Decision:
        """Its deadline has passed."""
        if ticket.grant is not None and not self.offers.tentative(ticket):
            return ticket.grant
        return Refuse(0.0, "deadline", self.scope.state.slowest(ticket.cost, self.offers.now()))

    def refuse(
        self, grant: Grant, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None, change: Change
    ) -> Decision:
        """A refusal that passes: a place at the head of the line, or the time that it would take."""
        ticket = grant.ticket
        left = None if deadline is None else deadline - time.monotonic()

        def act() -> Decision:
            self.scope.in_flight -= 1
            # Here at once, so that the wait ahead is known; for the others with the next exchange.
            change(self.scope.state, self.offers.now(), self.alone.believes)
            if not self.alone.parts:
                self.offers.changes.append(change)
                self._schedule(_SOON)
            ticket.grant, ticket.round = None, self.offers.begun
            decision = self.enter(ticket, left, first=True)
            if isinstance(decision, Refuse) and refusal.kind == "daily":
                return Refuse(decision.wait, "daily", decision.dimension)
            return decision

        return self.locked(act)

    def until(self, wait: Wait) -> float | None:
        """Until when to wait, on our own clock: no sooner than the next exchange is worth it."""
        until = self.offers.here(wait.until)
        at_work = self._peers.at_work(self.scope.state, self.offers.now())
        return None if until is None else max(until, self._last + max(_LEAST_TICK, at_work * _TICK))

    # --- exchanges ----------------------------------------------------------------------------------------------------

    async def exchange(self, runtime: Runtime, deadline: float | None) -> None:
        """Ask for those who wait, and write what came back; nothing if somebody else does, or nobody can be asked."""
        with self._lock:
            if self._busy or self._closed or self.alone.parts:
                return
            self._busy = True
        try:
            await self._try(runtime, deadline)
        finally:
            with self._lock:
                woken = self._end() + self.scope.woken() + self.scope.heads()
            wake(woken)
            self._look_again()

    async def _try(self, runtime: Runtime, deadline: float | None) -> None:
        until = time.monotonic() + _PATIENCE
        if deadline is not None:
            until = min(until, max(deadline, time.monotonic() + _LEAST_PATIENCE))
        offers = self.offers
        for number in range(_TRIES):
            with self._lock:
                seen, data = offers.tag, offers.prepare()
            asked = time.monotonic()
            try:
                kept = await self._store.swap(runtime, self._name, seen, data, until)
            except StoreError as error:
                self._failed(error, own=deadline is not None and until >= deadline)
                return
            with self._lock:
                offers.hear_clock(asked, kept)
                if kept.swapped:
                    self._going = offers.keep()
                    return
                offers.undo()
                offers.adopt(kept.data)
            if number > 2:
                await runtime.sleep(random.uniform(0, _JITTER))

    def _end(self) -> list[Ticket]:
        """An exchange is over, one way or the other; the answer is who goes."""
        self.offers.undo(lost=True)  # what was neither kept nor refused was cancelled
        self._busy, self._last = False, time.monotonic()
        self._take_notes()
        self._plan()
        going, self._going = self._going, []
        return going

    # --- without the store --------------------------------------------------------------------------------------------

    def _failed(self, error: StoreError, *, own: bool) -> None:
        """Nobody can be asked; `own` if it was only that a call had no more time."""
        with self._lock:
            self.offers.undo(lost=error.outcome_unknown)
            if own:
                return
            now = self.offers.now()
            self.scope.attach(self.offers.state(now), now)
            self.alone.begin(self.scope, now, error.message)
            self.offers.slice.left = {}
            for change in self.offers.changes:
                change(self.scope.state, now, self.alone.believes)
            self.offers.changes.clear()
            self.scope.pump(now)
            self._schedule(_RETRY)

    async def _probe(self) -> None:
        """See whether the store answers again."""
        asked = time.monotonic()
        try:
            kept = await self._store.swap(_blocking, self._name, NOTHING, b"", asked + _PATIENCE)
        except StoreError:
            with self._lock:
                if not self.idle:  # who comes later asks again
                    self._schedule(_RETRY)
            return
        with self._lock:
            self.offers.hear_clock(asked, kept)
            self.offers.adopt(kept.data)
            now = self.offers.now()
            state = self.offers.state(now)
            self.alone.end(self.scope, state, now)
            self.offers.replace(state, now)
            woken = self.scope.woken() + self.scope.heads()
        wake(woken)
        self._look_again()

    # --- coming back --------------------------------------------------------------------------------------------------

    def post(self, note: Note) -> None:
        """Take a note; never waits."""
        if not self._closed:
            self._notes.append(note)
            self._look_again()

    def _look_again(self) -> None:
        """Take in what was put down, if nobody else does; whoever has the lock looks again when it lets go."""
        while self._notes and not self._busy and self._lock.acquire(blocking=False):
            try:
                self._take_notes()
                woken = self.scope.woken()
            finally:
                self._lock.release()
            wake(woken)

    def _take_notes(self) -> None:
        if self._busy or not self._notes:
            return
        now, scope, alone = self.offers.now(), self.scope, bool(self.alone.parts)
        while self._notes:
            note = self._notes.popleft()
            if note.local is not None:
                note.local(scope)
            if note.change is not None and alone:
                note.change(scope.state, now, self.alone.believes)
            elif note.change is not None:
                self.offers.changes.append(note.change)
        if alone:
            scope.pump(now)
            return
        if scope.waiting and not scope.watched:  # who watched the clock has left
            scope.watch(now)
        self._schedule(_SOON if scope.waiting else _LATER)

    # --- by itself ----------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Have done later what nobody comes for."""
        if self.offers.changes:
            self._schedule(_SOON if self.scope.waiting else _LATER)
        elif self.offers.slice.left:
            self._schedule(_UNUSED)
        elif self.scope.in_flight:
            self._schedule(_ALIVE)

    def _schedule(self, seconds: float) -> None:
        at = time.monotonic() + seconds
        if at < self._due and not self._closed:
            self._due = at
            later.at(at, self._flush)

    def _flush(self) -> None:
        with self._lock:
            self._due = float("inf")
            if self._busy:
                self._schedule(_SOON)
            if self._busy or self._closed:
                return
            probe = bool(self.alone.parts)
            if not probe and not self._worth_it():
                self._plan()
                return
        drive(self._probe() if probe else self.exchange(_blocking, None))

    def _worth_it(self) -> bool:
        """Whether there is something to exchange, though nobody came."""
        quiet = time.monotonic() - self._last
        changed = self.offers.changes or self._notes
        return bool(changed or (self.offers.slice.left and quiet >= _UNUSED) or quiet >= _ALIVE)

    @property
    def idle(self) -> bool:
        """Whether nothing here is about."""
        return not (self.scope.in_flight or self.scope.waiting or self._notes or self.offers.changes or self._busy)

    def close(self) -> None:
        """Take no more notes.  In a forked child: the calls are the parent's."""
        self._closed = True
        self._notes.clear()
