"""
A worker: asks the rows it is handed, many at a time.

Rule: a worker keeps nothing.  Whatever it has not told is asked again by another.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from dragoman.batch.afar.carrying import Outcome

BEAT: Final = 1.0
"""Seconds after which a worker says something at the latest."""
# Most outcomes, and about how many bytes of them, in one answer.
_MOST, _BYTES = 512, 8 << 20


class Asker(ABC):
    """Its rows, in one event loop; a subclass knows what a row is."""

    def __init__(self) -> None:
        self._tasks: dict[int, asyncio.Task[bytes]] = {}
        self._done: deque[Outcome] = deque()

    @abstractmethod
    async def _answer(self, data: bytes) -> bytes:
        """Ask one row, and return what is to be told of it."""

    @abstractmethod
    def _something(self) -> None:
        """There is an outcome to be told."""

    def _begin(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Begin to ask rows; returns at once."""
        for number, data in rows:
            task = self._tasks[number] = asyncio.create_task(self._answer(data))
            task.add_done_callback(partial(self._ended, number))

    def _forget(self, numbers: Sequence[int]) -> None:
        """Ask these rows no longer: nobody waits for them."""
        for number in numbers:
            if number in self._tasks:
                self._tasks[number].cancel()

    def _told(self) -> list[Outcome]:
        """What came of rows since the last time, each once; what is too much for now comes the next time."""
        told, size = list[Outcome](), 0
        while self._done and len(told) < _MOST and size < _BYTES:
            told.append(self._done.popleft())
            size += len(told[-1].data)
        return told

    def _end(self) -> None:
        """Ask nothing any more."""
        for task in self._tasks.values():
            task.cancel()

    def _ended(self, number: int, task: asyncio.Task[bytes]) -> None:
        del self._tasks[number]
        if task.cancelled():
            return
        error = task.exception()
        self._done.append(Outcome(number, task.result()) if error is None else Outcome(number, fault=repr(error)))
        self._something()
