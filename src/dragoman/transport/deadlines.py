"""
The deadlines of everything that is under way in one event loop, on one timer.

Nearly every wait ends long before its deadline, so that a timer for each is made only to be cancelled.  Here the loop
has one, for the soonest deadline that was seen; when it fires, it looks who is due, and is set for the soonest of the
rest.

Rule: a deadline is kept to as many microseconds as there are waits, and no closer: with thousands of different
deadlines, looking must not become the work.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

_NEVER: Final = float("inf")
# Seconds between two looks, for each wait that is looked at.
_SPACING: Final = 1e-6


class Timed(Protocol):
    """
    Something that may wait.

    Attributes:
        until: When its wait must end, as `time.monotonic` counts; None while it does not wait, or may for ever.
    """

    until: float | None

    def run_out(self) -> None:
        """`until` has passed."""
        ...


class Deadlines:
    """
    Ends the waits of one loop in time.

    Args:
        loop: The loop.
        ahead: How far its clock is before `time.monotonic`.
    """

    __slots__ = ("_ahead", "_held", "_loop", "_next", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, ahead: float) -> None:
        self._loop = loop
        self._ahead = ahead
        self._held: set[Timed] = set()
        self._next = _NEVER
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, waiting: Timed) -> None:
        """Watch the present `until` of something, and every later one; again for one that is sooner."""
        self._held.add(waiting)
        if waiting.until is not None and waiting.until < self._next:
            self._set(waiting.until)

    def drop(self, waiting: Timed) -> None:
        """Watch it no longer.  Idempotent."""
        self._held.discard(waiting)

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = self._loop.call_at(at + self._ahead, self._look)

    def _look(self) -> None:
        self._timer, self._next = None, _NEVER
        now = time.monotonic()
        soonest = _NEVER
        due: list[Timed] = []
        for waiting in self._held:
            until = waiting.until
            if until is None:
                continue
            if until <= now:
                due.append(waiting)
            elif until < soonest:
                soonest = until
        for waiting in due:
            waiting.run_out()
        if soonest < self._next:
            self._set(max(soonest, now + _SPACING * len(self._held)))
