"""
When what is written goes to the checkpoint.

Rule: a round that is at its end is on the disk before the next one is asked for; text in between at most a second, or
some pages, after it came.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from dragoman.errors import StoreError
from dragoman.runtime import Runtime
from dragoman.writing.checkpoint import Checkpoint, Line
from dragoman.writing.draft import RoundRecord, TextRecord

_SECONDS: Final = 1.0
_CHARS: Final = 8000


class Keeper:
    """
    Keeps one text, or one section of a report.

    Args:
        checkpoint: Where; None for nowhere.
        runtime: Of the face.
        section: As `RoundRecord.section`.
    """

    def __init__(self, checkpoint: Checkpoint | None, runtime: Runtime, section: int = 0) -> None:
        self._checkpoint = checkpoint
        self._runtime = runtime
        self._section = section
        self._pending: list[str] = []
        self._chars = 0
        self._last = runtime.now()

    def add(self, text: str) -> None:
        """Text was delivered."""
        if self._checkpoint is not None:
            self._pending.append(text)
            self._chars += len(text)

    async def due(self) -> None:
        """Write what waits, if it is time."""
        if self._chars and (self._chars >= _CHARS or self._runtime.now() - self._last >= _SECONDS):
            await self.write()

    async def write(self, *more: Line) -> None:
        """
        Write what waits, and more.

        Raises:
            StoreError: The disk does not take it.
        """
        checkpoint, lines = self._checkpoint, (*self._taken(), *more)
        if checkpoint is not None and lines:
            await self._runtime.run_blocking(lambda: checkpoint.append(*lines), None)

    async def end(self, record: RoundRecord) -> None:
        """A round is at its end."""
        await self.write(record)

    def leave(self) -> None:
        """Nobody reads on: write what waits, if the disk takes it.  There is nobody to be told if not."""
        lines = self._taken()
        if self._checkpoint is not None and lines:
            with suppress(StoreError):
                self._checkpoint.append(*lines)

    def _taken(self) -> tuple[Line, ...]:
        text, self._pending, self._chars = "".join(self._pending), [], 0
        self._last = self._runtime.now()
        return (TextRecord(text, self._section),) if text else ()
