"""
What one process believes that a store keeps of a scope, and what it offers instead.

An offer is the state as it was last seen, with what came back meanwhile brought in and with whoever may go let go.  If
the store keeps it, it holds; if somebody else was faster, all of it is undone, and made again from what the other left.
If nobody knows, it is undone, and cleared up as soon as it shows that it was kept all the same.

Times in the state are the store's.  Ours is corrected by what its answers say.

Rule: no lock, no wait and no I/O; the desk has the lock.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from dragoman.limits.permits import Change
from dragoman.limits.slices import Slice
from dragoman.limits.stores import NOTHING, TAG, Kept
from dragoman.policy.limit import codec
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Ticket
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State

# Seconds of a look at what others gave back, for each worker, and at least.
_LOOK, _LEAST_LOOK = 0.005, 0.1
# Exchanges of unknown end that are remembered.
_LOST = 32


class Offer(NamedTuple):
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


class Offers:
    """
    The exchanges of one scope.

    Args:
        limits: What the user knows.
        peers: This process among the others.

    Attributes:
        scope: As this process sees it.
        slice: What it has in hand.
        changes: What came back and is not yet kept.
        tag: Of what was last seen.
        begun: Number of the last exchange.
        done: Number of the last one that was kept.
        lost: Those that nobody knows of.  They were made of the same state, so the store has kept one at most.
    """

    def __init__(self, limits: Sequence[Limit], peers: Peers) -> None:
        self._limits = limits
        self._peers = peers
        self._base = b""
        self._met = self._configured = False
        self._offset, self._trip = time.time() - time.monotonic(), float("inf")
        self._offer: Offer | None = None
        self.lost: deque[Offer] = deque(maxlen=_LOST)
        self.tag = NOTHING
        self.begun = self.done = 0
        self.changes: list[Change] = []
        self.slice = Slice()
        self.scope = Scope((), self.now(), peers)

    def now(self) -> float:
        """The store's time, as well as it is known."""
        return time.monotonic() + self._offset

    def here(self, when: float) -> float | None:
        """A time of the store's on our clock; None for never."""
        return when - self._offset if when < float("inf") else None

    def tentative(self, ticket: Ticket) -> bool:
        """Whether it is let go by an offer of which nothing is known yet."""
        return self._offer is not None and ticket in self._offer.going

    def state(self, now: float) -> State:
        """The state as it was last seen."""
        state = codec.decode(self._base, "", now) or State.fresh(self._limits, now)
        if not self._configured:
            self._configured = True
            state.configure(self._limits, now)
        return state

    def prepare(self) -> bytes:
        """Decide on the state as it was last seen; nothing, which only asks, if it never was."""
        self.begun += 1
        if not self._met:
            return b""
        now, scope = self.now(), self.scope
        state = self.state(now)
        returned = self.slice.give_back(state)
        for change in self.changes:
            change(state, now, True)
        scope.attach(state, now)
        going = scope.pump(now)
        taken = self.slice.take(state, now) if not scope.waiting else {}
        self._peers.exchange = self.begun
        self._peers.look = max(_LEAST_LOOK, self._peers.at_work(state, now) * _LOOK)
        scope.publish(now, promise=True)
        tag, data = os.urandom(TAG), codec.encode(state, "", now)
        self._offer = Offer(self.begun, tag, data, going, len(self.changes), returned, taken)
        return tag + data

    def keep(self) -> list[Ticket]:
        """The store has kept the offer: it holds; the answer is who goes."""
        self.done = self.begun
        offer, self._offer = self._offer, None
        self.lost.clear()
        if offer is None:
            return []
        self.tag, self._base = offer.tag, offer.data
        del self.changes[: offer.changes]
        for ticket in offer.going:
            self.slice.count(ticket.cost)
        self.slice.keep(offer.taken, self.scope.state.granted)
        return offer.going

    def undo(self, *, lost: bool = False) -> None:
        """The store has not kept the offer, or, if it is lost, nobody knows: as before."""
        offer, self._offer = self._offer, None
        if offer is not None:
            if lost:
                self.lost.append(offer)
            self.slice.left = offer.returned
            self.scope.undo(offer.going)

    def adopt(self, data: bytes) -> None:
        """This is what the store keeps.  If it has lost all, what was last seen is offered to it again."""
        self._met = True
        self.tag = data[:TAG]
        if data:
            self._base = data[TAG:]
            self._clear_up()

    def replace(self, state: State, now: float) -> None:
        """Begin the next offer from this state."""
        self._base = codec.encode(state, "", now)

    def _clear_up(self) -> None:
        """If an exchange of which nothing was known was kept all the same, what it decided is given back."""
        if not self.lost:
            return
        state = codec.decode(self._base, "", self.now())
        held = state.holders.get(self._peers.holder) if state is not None else None
        lost = next((offer for offer in self.lost if held is not None and held.exchange == offer.number), None)
        self.lost.clear()
        if lost is None:
            return
        self.slice.left = {}
        spent = [ticket.cost for ticket in lost.going] + [lost.taken]

        def change(state: State, now: float, believe: bool) -> None:
            for cost in spent:
                for unit, amount in cost.items():
                    state.refund(unit, amount)

        self.changes[: lost.changes] = [change]

    def hear_clock(self, asked: float, kept: Kept) -> None:
        """The store's time lies between question and answer; short trips tell it best."""
        now = time.monotonic()
        self._trip *= 1.1  # clocks drift: an old measurement is worth less and less
        if now - asked <= self._trip:
            self._trip = now - asked
            self._offset = kept.clock - (asked + now) / 2
