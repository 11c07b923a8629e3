"""
The four clocks of one call, as arithmetic.

Every wait gets one absolute deadline: the sooner of its own clock and the total.  When it passes, `ran_out` says which
of the two it was.
"""

from __future__ import annotations

from dragoman.errors import Clock
from dragoman.types.timeouts import Timeouts

# Deadlines are compared after a wait that ended at the deadline; timers may fire this much early (seconds).
_EARLY = 0.002


class Clocks:
    """
    Deadlines of one call.

    Attributes:
        timeouts: The limits, in seconds.
        total_until: When the whole call must be over, on the runtime's clock; None for no limit.
    """

    __slots__ = ("timeouts", "total_until")

    def __init__(self, timeouts: Timeouts, started: float) -> None:
        self.timeouts = timeouts
        self.total_until = None if timeouts.total is None else started + timeouts.total

    def until(self, clock: Clock, since: float) -> float | None:
        """When a wait under `clock` that began at `since` must end."""
        limit: float | None = getattr(self.timeouts, clock)
        if limit is None:
            return self.total_until
        until, total = since + limit, self.total_until
        return until if total is None or until < total else total

    def ran_out(self, clock: Clock, now: float) -> Clock:
        """Which clock ended a wait under `clock`: that one, or the total."""
        return "total" if self.total_until is not None and now >= self.total_until - _EARLY else clock
