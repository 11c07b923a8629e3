"""
Playing an exchange: the answer of a recording, piece by piece, at the speed that is asked for.

Rule: it keeps to the seam.  Deadlines hold while it waits, and leaving it ends a wait, from any thread.
"""

from __future__ import annotations

from collections import deque
from typing import NoReturn

from dragoman.runtime import Runtime, Waiter
from dragoman.testing.cassette.bodies import answer_pieces
from dragoman.testing.cassette.errors import CassetteError
from dragoman.testing.cassette.failures import raised
from dragoman.testing.cassette.model import Answered, Exchange
from dragoman.transport import base
from dragoman.transport.base import Clockout, Disconnected


class Pace:
    """
    Waits as long as was waited when it was recorded, or less.

    Args:
        runtime: Of the face that plays.
        speed: 1 as recorded, 2 twice as fast; 0 at once.
    """

    def __init__(self, runtime: Runtime, speed: float) -> None:
        self._runtime = runtime
        self._speed = speed
        self._waiter: Waiter | None = None
        self._left = False

    async def wait(self, seconds: float, until: float | None) -> None:
        """
        Wait for what came after so many seconds.

        Raises:
            Clockout: `until` passed.
            Disconnected: The exchange was left.
        """
        if not self._speed:
            return
        runtime = self._runtime
        then = runtime.now() + seconds / self._speed
        late = until is not None and then > until
        await self._pause(until if late else then)
        if late:
            raise Clockout(sent=True)

    async def forever(self, until: float | None) -> NoReturn:
        """Wait for what never came."""
        await self._pause(until)
        raise Clockout(sent=True)

    def leave(self) -> None:
        """End the wait.  Idempotent, from any thread."""
        self._left = True
        waiter = self._waiter
        if waiter is not None:
            waiter.set()

    async def _pause(self, until: float | None) -> None:
        waiter = self._waiter = self._runtime.waiter()
        if self._left or await waiter.wait(until):
            raise Disconnected("the exchange was aborted or released", answered=True)


async def play(exchange: Exchange, name: str, runtime: Runtime, speed: float, until: float | None) -> base.Exchange:
    """
    Answer as a recording does.

    Args:
        exchange: The recording.
        name: Of the recording, for errors.
        runtime: Of the face that plays.
        speed: See `Pace`.
        until: When the headers must have come.

    Raises:
        CassetteError: When it was recorded, the caller left before there was an answer.
        Exception: Whatever the recorded request raised.
    """
    pace = Pace(runtime, speed)
    if exchange.response is not None:
        await pace.wait(exchange.response.after, until)
        return _Played(exchange, exchange.response, name, pace)
    if exchange.failure is not None:
        await pace.wait(exchange.failure.after, until)
        raise raised(exchange.failure)
    if not runtime.suspends or until is None:
        raise CassetteError(f"{name}: nobody waited for its answer when it was recorded; record it again")
    # A task was cancelled: by a deadline of its own, or because another answer came first.  Here it will be, too.
    return await pace.forever(until)


class _Played:
    """One recorded answer; see `transport.base.Exchange`."""

    def __init__(self, exchange: Exchange, answered: Answered, name: str, pace: Pace) -> None:
        self.status = answered.status
        self.headers = dict(answered.headers)
        self._exchange = exchange
        self._name = name
        self._pace = pace
        self._pieces = deque(answer_pieces(answered))

    async def read(self, until: float | None) -> bytes:
        if self._pieces:
            after, data = self._pieces[0]
            await self._pace.wait(after, until)
            if self._pieces:  # nobody has left in the meantime
                self._pieces.popleft()
            return data
        failure = self._exchange.failure
        if failure is not None:
            await self._pace.wait(failure.after, until)
            raise raised(failure)
        if self._exchange.end == "left":
            raise CassetteError(f"{self._name}: the answer was read no further when it was recorded; record it again")
        return b""

    def release(self) -> None:
        """There is no connection to keep."""
        self.abort()

    def abort(self) -> None:
        """End a wait; what was not read is dropped."""
        self._pieces.clear()
        self._pace.leave()
