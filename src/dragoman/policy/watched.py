"""
An answer whose end somebody waits for.

What has to be done when a streamed answer is whole may wait (it is awaited before the reader sees the end); what has
to be done when it fails or is left may not, because that can happen in any thread, and in a finalizer.

Rule: one of the two is done, once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dragoman.errors import DragomanError
from dragoman.policy.base import Opened
from dragoman.types.events import Event, Finish
from dragoman.types.responses import ChatResponse


class Watched:
    """
    An `Opened` around another.

    Args:
        opened: The answer.
        whole: Awaited once, with the inner answer, when a stream is whole, before its last events are handed out.
        broken: Called once instead, with the inner answer and what went wrong, or None if its reader left it.  Must
            not wait.
        stamp: Applied to each response that is handed out.

    Attributes:
        response: The whole answer of a plain call; None for a stream.
    """

    __slots__ = ("_broken", "_once", "_opened", "_stamp", "_whole", "response")

    def __init__(
        self,
        opened: Opened,
        whole: Callable[[Opened], Awaitable[None]],
        broken: Callable[[Opened, DragomanError | None], None],
        stamp: Callable[[ChatResponse], ChatResponse] | None = None,
    ) -> None:
        self._opened = opened
        self._whole = whole
        self._broken = broken
        self._stamp = stamp
        # Popped by whoever is first, which is atomic: a stream may be read in one thread and left in another.
        self._once = [True]
        response = opened.response
        self.response: ChatResponse | None = stamp(response) if stamp and response is not None else response

    async def more(self) -> list[Event]:
        """Return the next events; an empty list at the end."""
        try:
            events = await self._opened.more()
        except DragomanError as error:
            self._end(error)
            raise
        except BaseException:
            self._end(None)
            raise
        # Finish is the last event of every dialect (docs/decisions/0002); who reads no further has read all.
        if (not events or type(events[-1]) is Finish) and self._claim():
            await self._whole(self._opened)
        return events

    def folded(self) -> ChatResponse:
        """Return the answer so far."""
        if self.response is not None:
            return self.response
        response = self._opened.folded()
        return self._stamp(response) if self._stamp else response

    def abandon(self) -> None:
        """Close the upstream now, if it is open.  Idempotent, never waits, from any thread."""
        self._opened.abandon()
        self._end(None)

    def _end(self, error: DragomanError | None) -> None:
        if self._claim():
            self._broken(self._opened, error)

    def _claim(self) -> bool:
        try:
            return self._once.pop()
        except IndexError:
            return False
