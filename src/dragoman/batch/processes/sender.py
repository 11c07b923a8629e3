"""
What makes one request by a worker process: in the place of `call.Sender`, and of the network.

Rule: what a policy can see of a request is the same, wherever it was made: ledger, headers, notices, key, clocks, end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.batch.afar.crew import Crew, LostError
from dragoman.batch.afar.whole import Whole
from dragoman.batch.processes import errands
from dragoman.batch.processes.errands import Body, Failure, Question, Reply
from dragoman.errors import DragomanError
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.routes import Route
from dragoman.secrets import Secret
from dragoman.transport.base import Disconnected
from dragoman.transport.base import Exchange as Opening
from dragoman.types.attempts import Attempt
from dragoman.types.http import HttpRequest
from dragoman.types.requests import ChatRequest

# Models in this process are loaded once, and not in each worker.
_HERE: Final = "local:"


class FarSender:
    """
    The innermost handler.

    Args:
        here: Makes a request in this process.
        resolve: Finds the way to a model.
        crew: Where requests go.
        recorded: Whether somebody records what goes through this process's transports.
    """

    def __init__(
        self,
        here: Handler,
        resolve: Callable[[str, Secret | None], Route],
        crew: Callable[[], Crew],
        recorded: Callable[[], bool],
    ) -> None:
        self._here = here
        self._resolve = resolve
        self._crew = crew
        self._recorded = recorded

    async def __call__(self, request: ChatRequest, context: Context) -> Opened:
        """Make one request; errors as `call.Sender`."""
        route = self._resolve(request.model, context.credential)
        if request.stream or context.exact is not None or self._recorded() or route.provider.base_url.startswith(_HERE):
            return await self._here(request, context)
        ledger = _Ledger(context, route)
        data = errands.pack_question(_question(request, context, route))
        context.waited = context.paced = 0.0
        try:
            told, lost = await self._crew().ask(data, (route.provider.name, route.model))
        except asyncio.CancelledError as error:
            ledger.write(ledger.line(type(error).__name__))
            context.end(Ending(provider=route.provider.name, model=route.model))
            raise
        came = errands.unpack_told(told)
        if isinstance(came, Reply):
            return _given(came, lost, ledger, context, route)
        assert isinstance(came, Failure)  # no exchange was asked for
        raise _failed(came, lost, ledger, context)


def _question(request: ChatRequest, context: Context, route: Route) -> Question:
    key = route.source.take() if route.source is not None else route.key
    return Question(
        request,
        context.key,
        None if key is None else key.reveal(),
        dict(context.extra_headers),
        context.waited,
        context.paced,
        context.clocks.timeouts.total,
        context.clocks.total_until,
    )


def _given(came: Reply, lost: list[Attempt], ledger: _Ledger, context: Context, route: Route) -> Whole:
    response = came.response
    ledger.write(*response.attempts, lost=lost)
    context.headers, context.notices[:] = came.headers, came.notices
    if len(context.attempts) != len(response.attempts):
        response = msgspec.structs.replace(response, attempts=tuple(context.attempts))
    context.end(
        Ending(
            finish_reason=response.finish_reason,
            usage=response.usage,
            provider=route.provider.name,
            model=route.model,
        )
    )
    return Whole(response)


def _failed(came: Failure, lost: list[Attempt], ledger: _Ledger, context: Context) -> DragomanError:
    error = came.error
    assert error is not None  # a model's answer is told by no other
    ledger.write(*error.attempts, lost=lost)
    context.headers, context.notices[:] = came.headers, came.notices
    error.attempts = tuple(context.attempts)
    return error


class _Ledger:
    """The line of one request, as `ledger.Entry` keeps it."""

    def __init__(self, context: Context, route: Route) -> None:
        self._context = context
        self._route = route
        self._waited, self._paced = context.waited, context.paced
        self._since = context.runtime.now()
        self._slot: int | None = None
        if context.slots is not None:
            self._slot = len(context.attempts)
            context.slots.append(self._slot)
            context.attempts.append(self.line("pending"))

    def line(self, outcome: str) -> Attempt:
        """One that this process writes itself."""
        pending = outcome == "pending"
        return Attempt(
            provider=self._route.provider.name,
            model=self._route.model,
            outcome=outcome,
            waited=self._waited,
            paced=0.0 if pending else self._paced,
            seconds=0.0 if pending else self._context.runtime.now() - self._since,
            maybe_billed=not pending,
        )

    def write(self, *lines: Attempt, lost: list[Attempt] | None = None) -> None:
        """Write what came of it; a request beside others has its line already."""
        attempts = self._context.attempts
        if self._slot is not None and lines:
            attempts[self._slot], lines = lines[-1], lines[:-1]
        if lost:
            attempts.extend(lost)
        attempts.extend(lines)


class FarTransport:
    """
    A network whose requests are made by workers; for what is not chat.

    The whole answer comes at once, and is under the clock of its first byte.
    """

    def __init__(self, crew: Callable[[], Crew]) -> None:
        self._crew = crew

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> Opening:
        """As `transport.base.Transport`; a worker that is lost is a connection that broke."""
        data = errands.pack_exchange(request, connect_until, until)
        try:
            told, _ = await self._crew().ask(data, ("", ""), again=False)
        except LostError as error:
            raise Disconnected(f"its worker process was lost: {error.message}", answered=False) from error
        came = errands.unpack_told(told)
        if isinstance(came, Failure):
            raise came.thrown()
        assert isinstance(came, Body)  # nothing else was asked for
        return _Read(came)

    def close(self) -> None:
        """The connections are the workers'."""

    async def aclose(self) -> None:
        """Likewise."""


class _Read:
    """An answer that is there."""

    def __init__(self, came: Body) -> None:
        self.status = came.status
        self.headers = came.headers
        self._body = came.body

    async def read(self, until: float | None) -> bytes:
        body, self._body = self._body, b""
        return body

    def release(self) -> None:
        """The connection is a worker's."""

    def abort(self) -> None:
        """Likewise."""
