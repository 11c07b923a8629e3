"""
One exchange under the four clocks.

A transfer opens an exchange, reads its body, and turns what the network does into errors of ours.  It knows the clocks,
because who reads must say what is data and what only shows life; it knows nothing of models and dialects.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from dragoman.errors import Clock, StatusError, StreamInterrupted, TimeoutError
from dragoman.policy.base import Context
from dragoman.transport.base import Clockout, Disconnected, Exchange, Transport
from dragoman.types.http import HttpRequest

_PHASE: dict[Clock, str] = {
    "connect": "no connection was made",
    "first_event": "no content came",
    "idle": "nothing more came",
    "total": "the call was not over",
}


class Transfer:
    """
    Sends one request and reads its answer.

    Attributes:
        sent_at: When it was made, on the runtime's clock.
        status: HTTP status, or None before there was an answer.
        headers: Of the answer; empty before.
    """

    def __init__(self, context: Context) -> None:
        self.sent_at = context.runtime.now()
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self._context = context
        self._exchange: Exchange | None = None
        self._waiting: Clock = "first_event"
        self._since = self.sent_at

    async def open(self, transport: Transport, request: HttpRequest) -> None:
        """
        Send the request; return when the headers of its answer are there.

        Raises:
            ConnectError: No connection; nothing was sent.
            TimeoutError: A clock ran out.
            StreamInterrupted: The connection broke before the headers were whole.
        """
        clocks = self._context.clocks
        connect_until, until = clocks.until("connect", self.sent_at), clocks.until("first_event", self.sent_at)
        try:
            exchange = await transport.open(request, connect_until=connect_until, until=until)
        except Clockout as error:
            raise self._clock_error("first_event" if error.sent else "connect") from error
        except Disconnected as error:
            reason = f"the connection ended before an answer came: {error.reason}"
            raise StreamInterrupted(reason, answered=error.answered) from error
        self._exchange, self.status = exchange, exchange.status
        self.headers = self._context.headers = exchange.headers

    async def read(self, *, complete: bool = False) -> bytes:
        """
        Return the next bytes; `b""` at the end.

        Args:
            complete: Whether the answer is known to be whole: a broken or silent end is then a clean one.

        Raises:
            TimeoutError: A clock ran out.
            StreamInterrupted: The connection broke before the end.
        """
        exchange = self._exchange
        assert exchange is not None  # who reads has opened
        try:
            return await exchange.read(self._context.clocks.until(self._waiting, self._since))
        except Clockout as error:
            if not complete:
                raise self._clock_error(self._waiting) from error
        except Disconnected as error:
            if not complete:
                raise StreamInterrupted(f"the answer was cut: {error.reason}") from error
        exchange.abort()
        return b""

    def progress(self, *, content: bool) -> None:
        """Data came.  From the first content on, it is the idle clock that runs, anew from each piece of data."""
        if content:
            self._waiting = "idle"
        if self._waiting == "idle":
            self._since = self._context.runtime.now()

    async def body(self) -> bytes:
        """
        Read the whole body and release the connection.

        Raises:
            StatusError: A redirect, which is not followed.
            TimeoutError, StreamInterrupted: As `read`.
        """
        pieces: list[bytes] = []
        while piece := await self.read():
            pieces.append(piece)
            self.progress(content=True)
        self.release()
        if self.status is not None and 300 <= self.status < 400:
            raise self._redirect()
        return b"".join(pieces)

    def release(self) -> None:
        """The answer is whole: the connection may serve the next."""
        if self._exchange is not None:
            self._exchange.release()

    def abort(self) -> None:
        """Close the upstream now.  Idempotent, from any thread."""
        if self._exchange is not None:
            self._exchange.abort()

    def _redirect(self) -> StatusError:
        target = urlsplit(self.headers.get("location", ""))
        return StatusError(
            f"redirected to {target.scheme}://{target.hostname or '?'}; redirects are not followed, "
            f"because the prompt and the key would go with them: set base_url to the right address",
            status=self.status,
        )

    def _clock_error(self, clock: Clock) -> TimeoutError:
        context = self._context
        clock = context.clocks.ran_out(clock, context.runtime.now())
        limit: float | None = getattr(context.clocks.timeouts, clock)
        return TimeoutError(
            f"{_PHASE[clock]} within {limit:g} s (clock: {clock}; raise it with Timeouts({clock}=...))",
            clock=clock,
            limit=limit,
            retryable=clock == "connect",  # nothing was sent
        )
