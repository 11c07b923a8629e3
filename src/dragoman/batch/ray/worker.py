"""
A worker: an actor that asks the rows it is handed, many at a time, by a client of its own.

    about -> open -> ( take | drop | outcomes )* -> close

`outcomes` waits until there is something to tell, or for a moment, so that the driver knows that the worker lives.

Rule: a worker keeps nothing.  Whatever it has not told is asked again by another.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import platform
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from dragoman._version import __version__
from dragoman.batch.ray.carrying import About, Errand, Outcome, code_of, packed, python_of
from dragoman.batch.vectors import ask
from dragoman.errors import DragomanError, MissingKeyError
from dragoman.types.embeddings import EmbedResponse
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

BEAT: Final = 1.0
"""Seconds after which a worker says something at the latest."""
# Seconds that others may still come with the first outcome: a call costs Ray as much for one as for many.
_GATHER: Final = 0.002
# Most outcomes, and about how many bytes of them, in one answer.
_MOST, _BYTES = 512, 8 << 20


class Worker:
    """The actor.  All its methods run in one event loop."""

    def __init__(self) -> None:
        self._client: AsyncClient | None = None
        self._tasks: dict[int, asyncio.Task[bytes]] = {}
        self._done: deque[Outcome] = deque()
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
        for number, errand in rows:
            task = self._tasks[number] = asyncio.create_task(self._ask(errand))
            task.add_done_callback(partial(self._ended, number))

    async def drop(self, numbers: Sequence[int]) -> None:
        """Ask these rows no longer: nobody waits for them."""
        for number in numbers:
            if number in self._tasks:
                self._tasks[number].cancel()

    async def outcomes(self) -> list[Outcome]:
        """What came of rows since the last time, each once; empty if there was nothing for a while."""
        if not self._done:
            self._come.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._come.wait()
        if self._done and self._tasks:
            await asyncio.sleep(_GATHER)
        told, size = list[Outcome](), 0
        while self._done and len(told) < _MOST and size < _BYTES:
            told.append(self._done.popleft())
            size += len(told[-1].data)
        return told

    async def close(self) -> None:
        """Let everything go."""
        for task in self._tasks.values():
            task.cancel()
        if self._client is not None:
            await self._client.aclose()

    # --- a row --------------------------------------------------------------------------------------------------------

    async def _ask(self, data: bytes) -> bytes:
        errand: Errand = pickle.loads(data)
        assert self._client is not None  # it is open before it is handed anything
        try:
            return packed(await _answer(self._client, errand))
        except DragomanError as error:
            if isinstance(error, MissingKeyError):
                error.message += f" (on the Ray worker at {platform.node()})"
                error.args = (error.message,)
            return packed(error)

    def _ended(self, number: int, task: asyncio.Task[bytes]) -> None:
        del self._tasks[number]
        if task.cancelled():
            return
        error = task.exception()
        outcome = Outcome(number, task.result()) if error is None else Outcome(number, fault=repr(error))
        self._done.append(outcome)
        self._come.set()


async def _answer(client: AsyncClient, errand: Errand) -> ChatResponse | EmbedResponse:
    if not isinstance(errand.request, ChatRequest):
        return await ask(client, errand.request)
    request, context = client._begun(errand.request, None)  # pyright: ignore[reportPrivateUsage] - half of one client
    context.key, context.extra_headers = errand.key, errand.headers
    opened = await client._plain.answered(request, context)  # pyright: ignore[reportPrivateUsage]
    return opened.folded()
