"""
A client that asks by workers elsewhere.

Middleware, observers, cache and budget are those of the client that it is made like, and hold here, where there is one
of each; what is below them (retry, breaker, keys, limit, network) is done by a worker's client.

Rule: nothing of a call is decided twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import msgspec

from dragoman.batch.afar.crew import Crew
from dragoman.batch.afar.whole import Whole
from dragoman.batch.ray.carrying import carried, packed_errand
from dragoman.batch.ray.cluster import Cluster
from dragoman.batch.ray.posts import Actors
from dragoman.batch.vectors import VectorRequest
from dragoman.client import AsyncClient
from dragoman.errors import BatchError, DragomanError
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.policy.budget.budget import Budget
from dragoman.types.attempts import Attempt
from dragoman.types.embeddings import EmbedResponse, InputKind
from dragoman.types.placement import Placement
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

_log: Final = logging.getLogger("dragoman.batch")


class Afar(AsyncClient):
    """
    The client.

    Args:
        placement: Where the workers are.
        **arguments: As `AsyncClient`.

    Raises:
        ConfigError: Ray is not installed, or an argument cannot travel.
    """

    def __init__(self, placement: Placement, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._placement = placement
        self._shared = "://" in str(arguments["limit"])
        self._carried = carried(arguments, os.environ)
        self._cluster = Cluster(placement)
        self._crew: Crew | None = None

    async def __aenter__(self) -> Afar:
        try:
            await asyncio.to_thread(self._cluster.open)
            staff = Actors(self._cluster, self._placement, self._carried.data)
            self._crew = Crew(staff, self._placement.workers, self._placement.wait)
            await self._crew.open()
        except BaseException:
            await self.aclose()
            raise
        if self._unshared:
            _log.warning("%s", self._unshared)
        return self

    async def aclose(self) -> None:
        """Let the workers and the connection to Ray go.  Idempotent."""
        try:
            if self._crew is not None:
                await self._crew.close()
        finally:
            await asyncio.to_thread(self._cluster.close)
            await super().aclose()

    @property
    def _unshared(self) -> str:
        """What should be known where each worker has a limit of its own; else empty."""
        if self._placement.workers < 2 or self._shared:
            return ""
        return (
            f"{self._placement.workers} workers share no limit, so together they may send as many times what a "
            "provider allows: give limit='redis://...' to the client"
        )

    def notes(self) -> tuple[str, ...]:
        """What should be known of the run."""
        lost, again = (self._crew.losses, self._crew.again) if self._crew is not None else (0, 0)
        told = f"{lost} of Ray's workers were lost, and {again} rows were asked again" if lost else ""
        return tuple(filter(None, (self._unshared, told)))

    # --- one row ------------------------------------------------------------------------------------------------------

    def _nearest(self, handler: Handler) -> Handler:
        return self._chat

    async def _chat(self, request: ChatRequest, context: Context) -> Opened:
        response: ChatResponse = await self._ask(request, request.model, context)
        context.end(
            Ending(
                finish_reason=response.finish_reason,
                usage=response.usage,
                provider=response.provider,
                model=response.model,
                cost=response.cost,
            )
        )
        return Whole(response)

    async def embed(
        self,
        model: str,
        inputs: str | Iterable[str],
        *,
        dimensions: int | None = None,
        kind: InputKind | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - it sets our clocks
        extra: Mapping[str, Any] | None = None,
    ) -> EmbedResponse:
        """Turn texts into vectors.  Arguments and errors as `Client.embed`."""
        plain, texts = self._plain, (inputs,) if isinstance(inputs, str) else tuple(inputs)
        context = plain.context(timeout)
        request = VectorRequest(
            model=model, inputs=texts, dimensions=dimensions, kind=kind, timeout=timeout, extra=cast("Any", extra)
        )
        once = partial(self._vectors, request, context)
        if plain.budgeting is not None:
            provider, name = self._routes.locate(model)
            once = partial(plain.budgeting.texts, once, f"{provider.name}/{name}", texts, context)
        return await plain.watch.plain(once, "embeddings", model, context)

    async def _vectors(self, request: VectorRequest, context: Context) -> EmbedResponse:
        response: EmbedResponse = await self._ask(request, request.model, context)
        return response

    async def _ask(self, request: ChatRequest | VectorRequest, model: str, context: Context) -> Any:
        assert self._crew is not None  # it is entered before it is asked
        provider, name = self._routes.locate(model)
        if provider.name in self._carried.kept:
            raise BatchError(
                f"the key of {provider.name} was given as a text, and a key does not travel to Ray's workers: set a "
                "variable on all nodes, and give api_key='env:NAME' (or another reference)",
                field="api_key",
            )
        data = packed_errand(request, context.key, context.extra_headers)
        told, lost = await self._crew.ask(data, (provider.name, name))
        came = pickle.loads(told)
        attempts: Sequence[Attempt] = (*lost, *came.attempts)
        context.attempts.extend(attempts)
        if isinstance(came, DragomanError):
            came.attempts = tuple(attempts)
            raise came
        return msgspec.structs.replace(came, attempts=tuple(attempts)) if lost else came


def afar(client: Callable[..., AsyncClient], budget: Budget | None, placement: Placement) -> Afar:
    """A client like the one that is made so, whose rows are asked on Ray."""
    return cast("Afar", client(budget, partial(Afar, placement)))
