"""
What is written down of one budget: spent, reserved, and who reserved it.

    free = limit - spent - reserved

A call reserves the most it can cost under an id of its own, and settles what it did cost under the same id; both may
come twice and count once.  Who gave up before it heard whether it has reserved voids its id: should the reservation
still be on its way to the store, it counts for nothing.  What is reserved and never settled belongs to a process that
died: when its time is over, the least that it must have cost is charged, the rest is free again, and should it settle
after all, the difference is booked.

A window has a whole number of seconds and begins at a multiple of it since 1970 in UTC, so all hosts agree on it.  A
call belongs to the window in which it reserved; a new window begins with nothing spent and nothing reserved.

Rule: everything here is arithmetic, with the clock as an argument.  The stores do the same in their own language, and
are tested against this.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

# Seconds that the id of a reservation which ran out is remembered, so that it can still settle.
KEEP: Final = 7 * 86_400


class Ask(msgspec.Struct, frozen=True):
    """
    What a call wants to reserve, in nano-dollars.

    Attributes:
        id: Its own.
        most: What it can cost at most.
        least: What is charged if it never settles.
        limit: Of the budget; None to reserve whatever is left.
        ttl: Seconds after which it is taken to be dead.
    """

    id: str
    most: int
    least: int
    limit: int | None
    ttl: float


class Reading(msgspec.Struct, frozen=True):
    """
    How a budget stands, in nano-dollars.

    Attributes:
        granted: Whether what was asked for is reserved.
        spent: In this window.
        reserved: By calls under way.
        renews_in: Seconds until the next window; None if there is none.
    """

    granted: bool
    spent: int
    reserved: int
    renews_in: float | None


class _Hold:
    """A reservation: what it holds, and what was charged for it when it ran out."""

    __slots__ = ("charged", "due", "held", "least")

    def __init__(self, held: int, least: int, due: float) -> None:
        self.held = held
        self.least = least
        self.due = due
        self.charged: int | None = None


class Book:
    """
    One budget's book.

    Args:
        seconds: Length of a window; None for one that never ends.

    Attributes:
        spent: Nano-dollars.
        reserved: Nano-dollars.
    """

    def __init__(self, seconds: int | None) -> None:
        self.spent = 0
        self.reserved = 0
        self._seconds = seconds
        self._window = 0
        self._renews = math.inf if seconds is None else -math.inf
        self._holds: dict[str, _Hold] = {}
        self._due = math.inf  # when the next reservation runs out, or sooner

    def reserve(self, ask: Ask, now: float) -> Reading:
        """Reserve, if it fits; a second time with the same id is granted and changes nothing."""
        self._turn(now)
        if ask.id in self._holds:
            return self._reading(True, now)
        if ask.limit is not None and self.spent + self.reserved + ask.most > ask.limit:
            return self._reading(False, now)
        due = now + ask.ttl
        self._holds[ask.id] = _Hold(ask.most, ask.least, due)
        self._due = min(self._due, due)
        self.reserved += ask.most
        return self._reading(True, now)

    def settle(self, id: str, cost: int) -> None:
        """Book what a call cost, in place of what it reserved; nothing if it was settled, or its window is over."""
        hold = self._holds.pop(id, None)
        if hold is not None:
            self.reserved -= hold.held
            self.spent += cost - (hold.charged or 0)

    def void(self, id: str, now: float) -> None:
        """Take a reservation back, also one that is yet to come."""
        self._turn(now)
        self.settle(id, 0)
        none = self._holds[id] = _Hold(0, 0, now + KEEP)
        none.charged = 0
        self._due = min(self._due, none.due)

    def read(self, now: float) -> Reading:
        """How it stands."""
        self._turn(now)
        return self._reading(True, now)

    def reset(self, now: float) -> None:
        """Forget what was spent; what calls under way have reserved stays."""
        self._turn(now)
        self.spent = 0
        self._holds = {id: hold for id, hold in self._holds.items() if hold.charged is None}

    def forget(self) -> None:
        """Drop all reservations: those who made them are elsewhere."""
        self.reserved = 0
        self._holds.clear()

    def _turn(self, now: float) -> None:
        """Begin the window that it is time for, and charge what has run out."""
        if self._seconds is not None and now >= self._renews:
            self._begin(self._seconds, now)
        if now >= self._due:
            self._run_out(now)

    def _begin(self, seconds: int, now: float) -> None:
        window = int(now // seconds)
        if window > self._window:  # a clock that was set back does not give a window twice
            self._window = window
            self.spent = 0
            self.forget()
        self._renews = (self._window + 1) * seconds

    def _run_out(self, now: float) -> None:
        for id, hold in list(self._holds.items()):
            if hold.due > now:
                continue
            if hold.charged is not None:
                del self._holds[id]
                continue
            self.reserved -= hold.held
            self.spent += hold.least
            hold.held, hold.charged, hold.due = 0, hold.least, hold.due + KEEP
        self._due = min((hold.due for hold in self._holds.values()), default=math.inf)

    def _reading(self, granted: bool, now: float) -> Reading:
        return Reading(granted, self.spent, self.reserved, None if self._seconds is None else self._renews - now)
