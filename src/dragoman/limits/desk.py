"""
One scope that is kept in a store between hosts, as one process sees it.

An exchange takes the state as it was last seen, brings in what came back meanwhile, lets go who may, and offers the
result to the store, which keeps it if nobody else was faster; else it is done again with what the other left.  There is
one exchange at a time: whoever comes meanwhile is served by the next one, together.

Times in the state are the store's.  Ours is corrected by what its answers say.

Rule: what an exchange decides holds when the store has kept it, and not before.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dragoman.errors import StoreError
from dragoman.limits import later
from dragoman.limits.alone import Alone
from dragoman.limits.permits import Change, Note
from dragoman.limits.slices import Slice
from dragoman.limits.stores import NOTHING, TAG, Kept, Store
from dragoman.policy.limit import codec
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.pacer import wake
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State
from dragoman.runtime import BlockingRuntime, Runtime, drive

# Seconds for an answer of the store; for a call whose own deadline is nearer, no less than the second.
_PATIENCE, _LEAST_PATIENCE = 1.0, 0.2
# Tries against others that are faster, and seconds between the later ones.
_TRIES, _JITTER = 12, 0.004
# Seconds until what came back is written, with and without anybody waiting; until an unused slice goes back; between
# two signs of life while calls are in flight; until a store that failed is asked again.
_SOON, _LATER, _UNUSED, _ALIVE, _RETRY = 0.02, 0.05, 0.2, 20.0, 1.0
# Seconds between two exchanges for those who wait, and of a look at what others gave back, for each worker.
_TICK, _LOOK = 0.00125, 0.005
_LEAST_TICK, _LEAST_LOOK = 0.02, 0.1
_blocking: Final = BlockingRuntime()


class _Offer(NamedTuple):
    """
    What an exchange offers to the store.

    Attributes:
        number: Of the exchange.
        tag: By which the store will know it.
        data: The state.
        going: Who goes if it is kept.
        changes: How many changes are in it.
        returned: What was left of the slice before.
        taken: The new one.
    """

    number: int
    tag: bytes
    data: bytes
    going: list[Ticket]
    changes: int
    returned: dict[str, float]
    taken: dict[str, float]


class RemoteDesk:
    """
    One scope.

    Args:
        store: Keeps it.
        name: Under which.
        limits: What the user knows.
        peers: This process among the others.

    Attributes:
        scope: As this process sees it.
        alone: Whether the store cannot be reached.
    """

    def __init__(self, store: Store, name: str, limits: Sequence[Limit], peers: Peers) -> None:
        self._store = store
        self._name = name
        self._limits = limits
        self._peers = peers
        self._lock = threading.Lock()
        self._notes: deque[Note] = deque()
        self._changes: list[Change] = []  # not yet kept
        self._slice = Slice()
        self._offer: _Offer | None = None
        self._lost: _Offer | None = None  # nobody knows whether it was kept
        self._going: list[Ticket] = []  # let go, and not yet told
        self._busy = False
        self._begun = self._done = 0  # number of the last exchange, and of the last one that was kept
        self._last = float("-inf")  # when the last one ended, here
        self._tag, self._base = NOTHING, b""  # of what was last seen
        self._met = self._configured = self._closed = False
        self._offset, self._trip = time.time() - time.monotonic(), float("inf")
        self._due = float("inf")
        self.alone = Alone(store.place)
        self.scope = Scope((), self.now(), peers)

    def now(self) -> float:
        """The store's time, as well as it is known."""
        return time.monotonic() + self._offset

    def here(self, when: float) -> float | None:
        """A time of the store's on our clock; None for never."""
        return when - self._offset if when < float("inf") else None

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

    def enter(self, ticket: Ticket, left: float | None, *, first: bool = False) -> Decision:
        """
        Stand in line, or go at once.

        Args:
            ticket: Whose.
            left: Seconds in which it must have gone, or None.
            first: It was refused, and goes before the others.
        """
        now = self.now()
        ticket.deadline = None if left is None else now + left
        if not first and not self.scope.waiting and not self.alone.parts:
            granted = self._slice.pay(ticket.cost)
            if granted is not None:
                self._slice.count(ticket.cost)
                return self.scope.prepaid(ticket, granted, now)
        refused = self.scope.queue(ticket, now, first=first)
        ticket.deadline = None  # watched by who waits, on our own clock
        if refused is not None:
            return refused
        if self.alone.parts:
            self._schedule(_RETRY)
            return self.scope.resume(ticket, now)
        return Wait(ticket, float("inf"))

    def look(self, ticket: Ticket) -> Decision:
        """What became of a ticket; a wait until `now` or earlier says that an exchange is worth it."""
        now = self.now()
        if self.alone.parts:
            return self.scope.resume(ticket, now)
        if self._offer is not None and ticket in self._offer.going:
            return Wait(ticket, float("inf"))  # decided, but not yet kept
        if ticket.grant is not None:
            return ticket.grant
        if self._busy:
            return Wait(ticket, float("inf"))
        if self._done <= ticket.round and self.scope.is_head(ticket):
            return Wait(ticket, now)  # nobody has asked for it yet
        return Wait(ticket, self.scope.due if self.scope.watches(ticket) else float("inf"))

    def too_late(self, ticket: Ticket) -> Decision:
        """Its deadline has passed."""
        if ticket.grant is not None and (self._offer is None or ticket not in self._offer.going):
            return ticket.grant
        return Refuse(0.0, "deadline", self.scope.state.slowest(ticket.cost, self.now()))

    def begin(self, cost: dict[str, float], priority: str) -> Ticket:
        """A new ticket."""
        ticket = self.scope.ticket(cost, self.now(), priority)
        ticket.round = self._begun
        return ticket

    def refuse(
        self, grant: Grant, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None, change: Change
    ) -> Decision:
        """A refusal that passes: a place at the head of the line, or the time that it would take."""
        ticket = grant.ticket
        left = None if deadline is None else deadline - time.monotonic()

        def act() -> Decision:
            self.scope.in_flight -= 1
            # Here at once, so that the wait ahead is known; for the others with the next exchange.
            change(self.scope.state, self.now(), self.alone.believes)
            if not self.alone.parts:
                self._changes.append(change)
                self._schedule(_SOON)
            ticket.grant, ticket.round = None, self._begun
            decision = self.enter(ticket, left, first=True)
            if isinstance(decision, Refuse) and refusal.kind == "daily":
                return Refuse(decision.wait, "daily", decision.dimension)
            return decision

        return self.locked(act)

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
                going = self._end()
                woken = going + self.scope.woken() + self.scope.heads()
            wake(woken)
            self._look_again()

    async def _try(self, runtime: Runtime, deadline: float | None) -> None:
        until = time.monotonic() + _PATIENCE
        if deadline is not None:
            until = min(until, max(deadline, time.monotonic() + _LEAST_PATIENCE))
        for number in range(_TRIES):
            with self._lock:
                seen, offer = self._tag, self._prepare()
            asked = time.monotonic()
            try:
                kept = await self._store.swap(runtime, self._name, seen, offer.data if offer else b"", until)
            except StoreError as error:
                self._failed(error, own=deadline is not None and until >= deadline)
                return
            with self._lock:
                self._hear_clock(asked, kept)
                if kept.swapped:
                    self._keep()
                    return
                self._undo()
                self._adopt(kept.data)
            if number > 2:
                await runtime.sleep(random.uniform(0, _JITTER))

    def _prepare(self) -> _Offer | None:
        """Decide on the state as it was last seen; None if it never was."""
        self._begun += 1
        if not self._met:
            return None
        now, scope = self.now(), self.scope
        state = self._state(now)
        returned = self._slice.give_back(state)
        for change in self._changes:
            change(state, now, True)
        scope.attach(state, now)
        going = scope.pump(now)
        taken = self._slice.take(state, now) if not scope.waiting else {}
        self._peers.exchange = self._begun
        workers = self._peers.at_work(state, now)
        self._peers.look = max(_LEAST_LOOK, workers * _LOOK)
        scope.publish(now, promise=True)
        tag = os.urandom(TAG)
        data = codec.encode(state, "", now)
        self._offer = _Offer(self._begun, tag, data, going, len(self._changes), returned, taken)
        return self._offer._replace(data=tag + data)

    def _state(self, now: float) -> State:
        state = codec.decode(self._base, "", now) or State.fresh(self._limits, now)
        if not self._configured:
            self._configured = True
            state.configure(self._limits, now)
        return state

    def _keep(self) -> None:
        """The store has kept the offer: it holds."""
        offer = self._offer
        self._done = self._begun
        if offer is not None:
            self._tag, self._base = offer.tag, offer.data
            del self._changes[: offer.changes]
            self._offer = self._lost = None
            self._going = offer.going
            for ticket in offer.going:
                self._slice.count(ticket.cost)
            self._slice.keep(offer.taken, self.scope.state.granted)

    def _undo(self) -> None:
        """The store has not kept the offer: as before."""
        offer = self._offer
        if offer is not None:
            self._offer = None
            self._slice.left = offer.returned
            self.scope.undo(offer.going)

    def _adopt(self, data: bytes) -> None:
        """This is what the store keeps."""
        self._met = True
        self._tag = data[:TAG]
        if data:
            self._base = data[TAG:]
            self._clear_up()

    def _clear_up(self) -> None:
        """An exchange was left without an answer: if it was kept all the same, what it decided is given back."""
        lost, self._lost = self._lost, None
        state = codec.decode(self._base, "", self.now()) if lost is not None else None
        held = state.holders.get(self._peers.holder) if state is not None else None
        if lost is None or held is None or held.exchange != lost.number:
            return
        self._slice.left = {}
        spent = [ticket.cost for ticket in lost.going] + [lost.taken]

        def change(state: State, now: float, believe: bool) -> None:
            for cost in spent:
                for unit, amount in cost.items():
                    state.refund(unit, amount)

        self._changes[: lost.changes] = [change]

    def _hear_clock(self, asked: float, kept: Kept) -> None:
        """The store's time lies between question and answer; short trips tell it best."""
        now = time.monotonic()
        self._trip *= 1.1  # clocks drift: an old measurement is worth less and less
        if now - asked <= self._trip:
            self._trip = now - asked
            self._offset = kept.clock - (asked + now) / 2

    def _end(self) -> list[Ticket]:
        """An exchange is over, one way or the other; the answer is who goes."""
        if self._offer is not None:  # it was cancelled
            self._lost = self._offer
            self._undo()
        self._busy, self._last = False, time.monotonic()
        self._take_notes()
        self._plan()
        going, self._going = self._going, []
        return going

    def _plan(self) -> None:
        """Have done later what nobody comes for."""
        if self._changes:
            self._schedule(_SOON if self.scope.waiting else _LATER)
        elif self._slice.left:
            self._schedule(_UNUSED)
        elif self.scope.in_flight:
            self._schedule(_ALIVE)

    def _worth_it(self) -> bool:
        """Whether there is something to exchange, though nobody came."""
        quiet = time.monotonic() - self._last
        return bool(self._changes or self._notes or (self._slice.left and quiet >= _UNUSED) or quiet >= _ALIVE)

    # --- without the store --------------------------------------------------------------------------------------------

    def _failed(self, error: StoreError, *, own: bool) -> None:
        """Nobody can be asked; `own` if it was only that a call had no more time."""
        with self._lock:
            self._lost = self._offer if error.outcome_unknown else self._lost
            self._undo()
            if own:
                return
            now = self.now()
            self.scope.attach(self._state(now), now)
            self.alone.begin(self.scope, now, error.message)
            self._slice.left = {}
            for change in self._changes:
                change(self.scope.state, now, self.alone.believes)
            self._changes.clear()
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
            self._hear_clock(asked, kept)
            self._adopt(kept.data)
            now = self.now()
            state = self._state(now)
            self.alone.end(self.scope, state, now)
            self._base = codec.encode(state, "", now)
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
        now, scope = self.now(), self.scope
        while self._notes:
            note = self._notes.popleft()
            if note.local is not None:
                note.local(scope)
            if note.change is not None and self.alone.parts:
                note.change(scope.state, now, self.alone.believes)
            elif note.change is not None:
                self._changes.append(note.change)
        if self.alone.parts:
            scope.pump(now)
            return
        if scope.waiting and not scope.watched:  # who watched the clock has left
            scope.watch(now)
        self._schedule(_SOON if scope.waiting else _LATER)

    def tick(self, until: float) -> float:
        """No sooner than this is the next exchange worth it, for who waits; on our own clock."""
        at_work = self._peers.at_work(self.scope.state, self.now())
        return max(until, self._last + max(_LEAST_TICK, at_work * _TICK))

    def _schedule(self, seconds: float) -> None:
        at = time.monotonic() + seconds
        if at < self._due and not self._closed:
            self._due = at
            later.at(at, self._flush)

    def _flush(self) -> None:
        with self._lock:
            self._due = float("inf")
            probe = bool(self.alone.parts)
            if self._busy:
                self._schedule(_SOON)
            if self._busy or self._closed:
                return
            if not probe and not self._worth_it():
                self._plan()
                return
        drive(self._probe() if probe else self.exchange(_blocking, None))

    @property
    def idle(self) -> bool:
        """Whether nothing here is about."""
        return not (self.scope.in_flight or self.scope.waiting or self._notes or self._changes or self._busy)

    def close(self) -> None:
        """Take no more notes.  In a forked child: the calls are the parent's."""
        self._closed = True
        self._notes.clear()
