"""The answers of the limiter: go, wait, or do not even try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Cost = Mapping[str, float]
"""What a call is charged, by unit: `{"requests": 1, "tokens": 800, "input": 500, "output": 300}`."""


class Ticket:
    """
    A place in the line.

    Attributes:
        number: In the order of arrival.
        cost: Estimate.
        priority: Class.
        deadline: When it must have gone, or None.
        since: When it came.
        grant: Set when it may go.
        left: It stands in no line.
        overdue: Higher classes have passed it often enough.
        waiter: Whatever the middleware wants to find here.
        round: When it came, in rounds of whoever asks for several at a time.
    """

    __slots__ = ("cost", "deadline", "grant", "left", "number", "overdue", "priority", "round", "since", "waiter")

    def __init__(self, number: int, cost: Cost, priority: str, deadline: float | None, since: float) -> None:
        self.number = number
        self.cost = cost
        self.priority = priority
        self.deadline = deadline
        self.since = since
        self.grant: Grant | None = None
        self.left = True
        self.overdue = False
        self.waiter: Any = None
        self.round = 0


class Grant(msgspec.Struct, frozen=True, eq=False):
    """
    Leave to send one request.  It must be settled, rejected or released, once.

    Attributes:
        number: In the order of grants.
        ticket: Whose it is.
        at: When it was granted.
        granted: All that was granted so far by unit, this one included.
        episode: How many refusals had slowed this scope down by then.
    """

    number: int
    ticket: Ticket
    at: float
    granted: dict[str, float]
    episode: int

    @property
    def cost(self) -> Cost:
        """The estimate that was charged."""
        return self.ticket.cost

    @property
    def waited(self) -> float:
        """Seconds spent in the line."""
        return self.at - self.ticket.since


class Wait(msgspec.Struct, frozen=True, eq=False):
    """
    Not yet.  Ask again by `resume` at `until`, or when this ticket is among those to wake.

    Attributes:
        ticket: The place in the line.
        until: When it is worth asking again; infinite for those who are not first: they will be woken.
    """

    ticket: Ticket
    until: float


class Refuse(msgspec.Struct, frozen=True):
    """
    It would not be in time, or never.

    Attributes:
        wait: Estimated seconds until it could go, or None if waiting does not help.
        reason: `deadline`, `quota`, `spend`, `daily` or `too_large`.
        dimension: The limit that is in the way, or None.
    """

    wait: float | None
    reason: str
    dimension: str | None = None


Decision = Grant | Wait | Refuse
