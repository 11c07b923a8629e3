"""
What to do when a provider is down: wait, and ask with one row now and then, until it is back.

    open    rows go through
    shut    a row failed as rows do when the target is down, and nobody was answered since it was sent; rows wait in
            line, and the first is let through after a while, and longer ones, to try
    open    the one that tried was answered, or told that it is wrong itself

A row that failed so is asked again, because it may have met the end of an outage; after so many times at which others
were answered, it is the row's own fault.

Rule: an outage is nobody's failure.  Rows wait, up to a time; then the run ends, and no row is marked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from dragoman.errors import (
    BatchError,
    CircuitOpenError,
    ConnectError,
    DragomanError,
    OverloadedError,
    RateLimitError,
    ServerError,
    StreamInterrupted,
    TimeoutError,
)

_log: Final = logging.getLogger("dragoman.batch")

# Seconds before the first try, and between two later ones at the most.
FIRST: Final = 0.5
_MOST: Final = 20.0
# The status that is often the row's own fault.
_OWN: Final = 500
# How often a row is asked while others are answered; and at the most while nobody is, if it is refused by a status:
# where only such rows are left, nobody else can be answered.
_OFTEN: Final = 3
_OFTEN_OWN: Final = 2
_TOO_OFTEN: Final = 8
# Seconds before a row is asked again that failed while others were answered.
_PAUSE: Final = 0.5


def speaks_of_outage(error: DragomanError) -> bool:
    """Whether a target that is down, or lets nobody in, fails so."""
    if isinstance(error, TimeoutError):
        return error.clock == "connect"
    if isinstance(error, StreamInterrupted):
        return not error.answered
    return isinstance(error, ServerError | OverloadedError | ConnectError | CircuitOpenError | RateLimitError)


class Door:
    """
    The way to one target, in one event loop.

    Args:
        name: Of the target, for messages.
        limit: Seconds that it may be shut.
        over: Called with the error when that time has passed.
    """

    def __init__(self, name: str, limit: float, over: Callable[[DragomanError], None]) -> None:
        self.name = name
        self._limit = limit
        self._over = over
        self._answered = float("-inf")  # when the last answer came
        self._since: float | None = None
        self._tried = float("inf")  # when a row was let through to try, while it is out
        self._pause = FIRST
        self._next = 0.0
        self._why = ""
        self._line: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def shut(self) -> bool:
        """Whether the target is taken to be down."""
        return self._since is not None

    def __str__(self) -> str:
        now = time.monotonic()
        down = now - (now if self._since is None else self._since)
        soon = "trying" if self._tried <= now else f"next try in {max(0.0, self._next - now):,.0f} s"
        left = max(0.0, self._limit - down)
        return f"{self.name} is down for {down:,.0f} s ({self._why}): {soon}, given up in {left:,.0f} s"

    def answered(self) -> None:
        """It has answered a row, be it with a no."""
        self._answered = time.monotonic()
        if self._since is not None:
            _log.warning("%s answers again after %.0f s", self.name, self._answered - self._since)
            self._since, self._pause, self._tried = None, FIRST, float("inf")
            self.free()

    async def failed(self, error: DragomanError, sent: float, times: int) -> bool:
        """
        A row has met what looks like an outage: whether it shall be asked again; returns when it is time to.

        Args:
            error: What it met.
            sent: When the row's last request was sent, on `time.monotonic`.
            times: How often the row was asked so far.
        """
        if self._since is None and self._answered > sent:
            if times >= (_OFTEN_OWN if error.status == _OWN else _OFTEN):
                return False
            await asyncio.sleep(max(_PAUSE, error.retry_after or 0.0))
            return True
        self._shut(error, sent)
        if error.status is not None and times >= (_OFTEN if error.status == _OWN else _TOO_OFTEN):
            return False
        await self.wait()
        return True

    async def wait(self) -> None:
        """Wait until it is this row's turn to try, or the target answers again."""
        if self._since is None:
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._line.append(turn)
        if self._timer is None:
            self._timer = loop.call_later(max(0.0, self._next - time.monotonic()), self._try)
        await turn

    def free(self) -> None:
        """Let all go that wait: it is open, or nobody shall wait any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line:
            self._release()

    def _shut(self, error: DragomanError, sent: float) -> None:
        now = time.monotonic()
        self._why = f"{type(error).__name__}: {error.message}"[:160]
        if self._since is None:
            self._since, self._pause = now, FIRST
            _log.warning("%s is down (%s); rows wait up to %.0f s", self.name, self._why, self._limit)
        elif sent < self._tried:
            return  # it was under way when the door was shut
        else:
            self._pause = min(_MOST, self._pause * 2)
        self._tried = float("inf")
        self._due(now + max(self._pause, error.retry_after or 0.0))
        self._check(now)

    def _due(self, at: float) -> None:
        """The next try comes then, or when the time is over."""
        assert self._since is not None  # it is shut
        self._next = min(at, self._since + self._limit)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, self._next - time.monotonic()), self._try)

    def _check(self, now: float) -> bool:
        """Whether there is time left; if not, it is over."""
        assert self._since is not None  # it is shut
        if now - self._since < self._limit:
            return True
        self._over(
            BatchError(
                f"{self.name} was down for {self._limit:,.0f} s ({self._why}): the batch has stopped, and no row was "
                "marked as failed for it; run it again to go on, or give outage= more seconds",
                field="outage",
            )
        )
        return False

    def _try(self) -> None:
        """Let the first in line through; one that is not back in time is followed by another."""
        self._timer = None
        now = time.monotonic()
        if not self._check(now):
            return
        self._tried = min(self._tried, now)
        self._due(now + _MOST)
        self._release()
        if self._line:
            self._timer = asyncio.get_running_loop().call_later(self._next - now, self._try)

    def _release(self) -> None:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class Doors:
    """
    The doors of one run.

    Args:
        limit: Seconds that one may be shut.
        over: Called with the error when that time has passed.
    """

    def __init__(self, limit: float, over: Callable[[DragomanError], None]) -> None:
        self._limit = limit
        self._over = over
        self._doors: dict[str, Door] = {}

    def of(self, model: str) -> Door:
        """The door to a model."""
        door = self._doors.get(model)
        if door is None:
            door = self._doors[model] = Door(model, self._limit, self._over)
        return door

    def free(self) -> None:
        """Nobody shall wait any more."""
        for door in self._doors.values():
            door.free()

    def __str__(self) -> str:
        return "; ".join(str(door) for door in self._doors.values() if door.shut)
