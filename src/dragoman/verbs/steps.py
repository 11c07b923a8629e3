"""
An answer that is made in steps, as an `Opened`.

Each step gives events, or none and another step; what fails is raised with everything that was made.

Rule: whoever reads is given events as soon as a step has some, and an error each time after the first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

from dragoman.errors import DragomanError

E = TypeVar("E")
A = TypeVar("A")


class Steps(ABC, Generic[E, A]):
    """
    What runs of tools, texts and reports share: `E` are their events, `A` is their answer.

    Args:
        first: The first step.

    Attributes:
        response: The whole answer, when there is one.
    """

    def __init__(self, first: Callable[[], Awaitable[list[E]]]) -> None:
        self.response: A | None = None
        self._step = first
        self._held: list[E] = []
        self._failure: DragomanError | None = None
        self._abandoned = False

    async def open(self) -> Self:
        """Do the first steps, so that what cannot work fails before anything is read."""
        self._held = await self.more()
        return self

    async def more(self) -> list[E]:
        """
        Return the next events; an empty list at the end.

        Raises:
            DragomanError: It cannot go on; `.partial` has what was made.
        """
        if self._held:
            held, self._held = self._held, []
            return held
        if self._failure is not None:
            raise self._failure
        try:
            events: list[E] = []
            while not events and not self._abandoned and self.response is None:
                events = await self._step()
            return events
        except DragomanError as error:
            raise self.failed(error) from error.__cause__
        except BaseException:
            self.abandon()
            raise

    async def finished(self) -> A:
        """Go to the end, and return the answer."""
        while await self.more():
            pass
        return self.folded()

    @abstractmethod
    def failed(self, error: DragomanError) -> DragomanError:
        """The error to raise, with what was made."""

    @abstractmethod
    def abandon(self) -> None:
        """Stop.  Idempotent, from any thread."""

    @abstractmethod
    def folded(self) -> A:
        """What was made so far, as one answer."""
