"""The client of a batch whose requests are made by worker processes: every policy is here, and only sending is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec

from dragoman.batch.afar.crew import Crew
from dragoman.batch.processes.errands import pack_arguments
from dragoman.batch.processes.posts import Processes, check_system, usual
from dragoman.batch.processes.sender import FarSender, FarTransport
from dragoman.client import AsyncClient
from dragoman.errors import BatchError
from dragoman.policy.base import Handler
from dragoman.policy.budget.budget import Budget
from dragoman.transport.base import Transport
from dragoman.transport.wrapping import wrapped
from dragoman.types.placement import Placement


class Spread(AsyncClient):
    """
    The client.

    Args:
        placement: How many workers, and how long each may say nothing.
        **arguments: As `AsyncClient`.

    Raises:
        ConfigError: This program can have no worker processes, or an argument cannot travel to them.
    """

    def __init__(self, placement: Placement, **arguments: Any) -> None:
        check_system()
        self._placement = placement
        self._crew: Crew | None = None
        self._far = FarTransport(self._asked_by)
        super().__init__(**arguments)
        self._staff = Processes(pack_arguments(arguments), placement.lease, placement.wait)

    async def __aenter__(self) -> Spread:
        self._crew = Crew(self._staff, self._placement.workers, self._placement.wait)
        try:
            await self._crew.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def aclose(self) -> None:
        """End the workers.  Idempotent."""
        try:
            if self._crew is not None:
                await self._crew.close()
        finally:
            await super().aclose()

    def notes(self) -> tuple[str, ...]:
        """What should be known of the run."""
        crew, count = self._crew, self._placement.workers
        asked = f"asked by {count} worker process{'es' if count > 1 else ''}"
        if crew is None or not crew.losses:
            return (asked,)
        were = "was" if crew.losses == 1 else "were"
        return (f"{asked}, of which {crew.losses} {were} lost and replaced: {crew.again} rows were asked again",)

    def _asked_by(self) -> Crew:
        if self._crew is None:
            raise BatchError("the worker processes are not there: enter the client first", field="engine")
        return self._crew

    def _innermost(self, handler: Handler) -> Handler:
        return FarSender(handler, self._routes.resolve, self._asked_by, self._recorded)

    def _recorded(self) -> bool:
        """Whether there is something around the transports of this process."""
        return wrapped(self._far, self.runtime) is not self._far

    def _network(self) -> Transport:
        return self._far


def spread(client: Callable[..., AsyncClient], budget: Budget | None, placement: Placement, most: int) -> Spread:
    """A client like the one that is made so, whose requests are made by workers; no more of them than `most` rows."""
    workers = max(1, min(placement.workers or usual(), most))
    return cast("Spread", client(budget, partial(Spread, msgspec.structs.replace(placement, workers=workers))))
