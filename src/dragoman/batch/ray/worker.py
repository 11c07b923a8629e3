"""
A worker on Ray: an actor that asks its rows by a client of its own.

    about -> open -> ( take | drop | outcomes )* -> close

`outcomes` waits until there is something to tell, or for a moment, so that the driver knows that the worker lives.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import platform
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dragoman._version import __version__
from dragoman.batch.afar.asker import BEAT, Asker
from dragoman.batch.afar.carrying import About, Outcome, code_of, python_of
from dragoman.batch.ray.carrying import Errand, packed
from dragoman.batch.vectors import ask
from dragoman.errors import DragomanError, MissingKeyError
from dragoman.types.embeddings import EmbedResponse
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

# Seconds that others may still come with the first outcome: a call costs Ray as much for one as for many.
_GATHER: Final = 0.002


class Worker(Asker):
    """The actor.  All its methods run in one event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._client: AsyncClient | None = None
        self._come = asyncio.Event()

    async def about(self) -> About:
        """Say who it is."""
        return About(__version__, code_of(), python_of(), platform.node(), os.getpid())

    async def open(self, arguments: bytes) -> None:
        """Make the client."""
        from dragoman.client import AsyncClient  # an actor that is refused need not load it

        self._client = AsyncClient(**pickle.loads(arguments))

    async def take(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Begin to ask rows; returns at once."""
        self._begin(rows)

    async def drop(self, numbers: Sequence[int]) -> None:
        """Ask these rows no longer: nobody waits for them."""
        self._forget(numbers)

    async def outcomes(self) -> list[Outcome]:
        """What came of rows since the last time, each once; empty if there was nothing for a while."""
        if not self._done:
            self._come.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._come.wait()
        if self._done and self._tasks:
            await asyncio.sleep(_GATHER)
        return self._told()

    async def close(self) -> None:
        """Let everything go."""
        self._end()
        if self._client is not None:
            await self._client.aclose()

    def _something(self) -> None:
        self._come.set()

    async def _answer(self, data: bytes) -> bytes:
        errand: Errand = pickle.loads(data)
        assert self._client is not None  # it is open before it is handed anything
        try:
            return packed(await _answer(self._client, errand))
        except DragomanError as error:
            if isinstance(error, MissingKeyError):
                error.message += f" (on the Ray worker at {platform.node()})"
                error.args = (error.message,)
            return packed(error)


async def _answer(client: AsyncClient, errand: Errand) -> ChatResponse | EmbedResponse:
    if not isinstance(errand.request, ChatRequest):
        return await ask(client, errand.request)
    request, context = client._begun(errand.request, None)  # pyright: ignore[reportPrivateUsage] - half of one client
    context.key, context.extra_headers = errand.key, errand.headers
    opened = await client._plain.answered(request, context)  # pyright: ignore[reportPrivateUsage]
    return opened.folded()
