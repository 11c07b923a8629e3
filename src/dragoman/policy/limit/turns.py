"""
Whose turn it is.

Calls wait in one line for each class, first come first served.  The classes share what there is by weight (start-time
fair queueing): a class that asked for little of late goes first, so an interactive call does not wait behind a batch,
and a batch is never starved.  A call that was refused by the provider stands at the head of its line again, in the
order in which the calls first came.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from dragoman.policy.limit.grants import Ticket

Priority = Literal["interactive", "normal", "batch"]

WEIGHTS: Final[dict[str, float]] = {"interactive": 16.0, "normal": 4.0, "batch": 1.0}
# Higher classes first: these may pass one that waits only for what is kept back for them.
RANK: Final[dict[str, int]] = {"interactive": 0, "normal": 1, "batch": 2}

# How far a class may be passed, in weighted seconds: for a batch about a second of interactive calls alone.
PATIENCE: Final = 0.05


class Fair(msgspec.Struct, array_like=True):
    """
    What the classes have had: a value that several processes can share.

    Attributes:
        clock: Weighted seconds that were served.
        finish: Those of each class.
    """

    clock: float = 0.0
    finish: dict[str, float] = {}

    def of(self, priority: str) -> float:
        """Weighted seconds of a class."""
        return self.finish.get(priority, 0.0)

    def begin(self, priority: str) -> None:
        """Nobody of this class waited: what it did not ask for is not kept for it."""
        self.finish[priority] = max(self.of(priority), self.clock)

    def serve(self, priority: str, seconds: float) -> None:
        """One of this class goes; `seconds` is how long the whole limit works for it."""
        had = self.of(priority)
        self.clock = max(self.clock, had)
        self.finish[priority] = had + seconds / WEIGHTS[priority]


class Line:
    """One class: those who were refused, in the order of their numbers, then those who have not been."""

    __slots__ = ("fresh", "returned", "sums")

    def __init__(self) -> None:
        self.returned: list[Ticket] = []
        self.fresh: deque[Ticket] = deque()
        self.sums: dict[str, float] = {}

    def head(self) -> Ticket | None:
        """Who is first, or None."""
        while self.returned and self.returned[0].left:
            self.returned.pop(0)
        while self.fresh and self.fresh[0].left:
            self.fresh.popleft()
        return self.returned[0] if self.returned else self.fresh[0] if self.fresh else None

    def add(self, ticket: Ticket, sign: float) -> None:
        """Count a ticket in or out of what waits here."""
        for unit, cost in ticket.cost.items():
            self.sums[unit] = self.sums.get(unit, 0.0) + sign * cost


class Turns:
    """
    All lines of one scope, in this process.

    Attributes:
        fair: What the classes have had.
        count: How many stand in line.
    """

    __slots__ = ("_lines", "count", "fair")

    def __init__(self, fair: Fair) -> None:
        self._lines: dict[str, Line] = {name: Line() for name in WEIGHTS}
        self.fair = fair
        self.count = 0

    def join(self, ticket: Ticket, *, first: bool = False) -> None:
        """Stand at the end of one's line, or, after a refusal, at its head."""
        line = self._lines[ticket.priority]
        if first:
            insort(line.returned, ticket, key=lambda other: other.number)
        else:
            line.fresh.append(ticket)
        ticket.left = False
        line.add(ticket, 1.0)
        self.count += 1

    def first(self, priority: str) -> Ticket | None:
        """Who is first of a class."""
        return self._lines[priority].head()

    def waiting(self, priority: str) -> Mapping[str, float]:
        """What a class waits for, by unit."""
        return self._lines[priority].sums

    def leave(self, ticket: Ticket) -> None:
        """Give up one's place; idempotent."""
        if not ticket.left:
            ticket.left = True
            self._lines[ticket.priority].add(ticket, -1.0)
            self.count -= 1

    def serve(self, ticket: Ticket, seconds: float) -> None:
        """The head of a line goes; `seconds` is how long the whole limit works for it."""
        self.fair.serve(ticket.priority, seconds)
        self.leave(ticket)

    def heads(self) -> Iterator[Ticket]:
        """Who is first in each line: the one whose turn it is, then those who may pass it."""
        waiting = [head for line in self._lines.values() if (head := line.head()) is not None]
        if len(waiting) < 2:
            yield from waiting
            return
        had = self.fair.of
        waiting.sort(key=lambda ticket: (had(ticket.priority), RANK[ticket.priority]))
        first, second = waiting[0], waiting[1]
        first.overdue = first.overdue or had(second.priority) - had(first.priority) > PATIENCE
        yield first
        if not first.overdue:
            yield from (other for other in waiting[1:] if RANK[other.priority] < RANK[first.priority])

    def ahead(self, priority: str) -> Mapping[str, float]:
        """What is likely to be served before a call that joins this class now, by unit."""
        found: dict[str, float] = dict(self._lines[priority].sums)
        own = WEIGHTS[priority]
        for name, line in self._lines.items():
            if name != priority:
                for unit, waiting in line.sums.items():
                    mine = self._lines[priority].sums.get(unit, 0.0)
                    share = mine * WEIGHTS[name] / own + (0.0 if WEIGHTS[name] < own else waiting * 0.5)
                    found[unit] = found.get(unit, 0.0) + min(waiting, share)
        return found
