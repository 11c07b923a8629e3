"""An answer that came from elsewhere, which is always whole."""

from __future__ import annotations

from dragoman.types.events import Event
from dragoman.types.responses import ChatResponse


class Whole:
    """
    As `policy.base.Opened`.

    Attributes:
        response: The answer.
    """

    def __init__(self, response: ChatResponse) -> None:
        self.response: ChatResponse | None = response
        self._folded = response

    async def more(self) -> list[Event]:
        """There is no more."""
        return []

    def folded(self) -> ChatResponse:
        """The answer."""
        return self._folded

    def abandon(self) -> None:
        """There is nothing to close here."""
