"""
An answer that is given again: plain, or as a stream.

Nothing is sent for it: its cost is 0, its ledger empty, and its call ends with no tokens used.  What the answer itself
says (usage, ids, notices) stays as it was.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from dragoman.policy.base import Context, Ending
from dragoman.types.attempts import Attempt
from dragoman.types.cost import FREE
from dragoman.types.events import Event
from dragoman.types.fold import fold, unfold
from dragoman.types.http import Notice
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage

_NOTHING: Final = Usage(input_tokens=0, output_tokens=0)


def replayed(
    answer: ChatResponse,
    *,
    cost: Decimal | None = FREE.total,
    notices: tuple[Notice, ...] = (),
    attempts: tuple[Attempt, ...] = (),
) -> ChatResponse:
    """
    The answer as it is given again.

    Args:
        answer: As it was kept.
        cost: Of finding it; None if that is not known.
        notices: What the caller should know beside what the answer says itself.
        attempts: Requests that were made to find it.
    """
    return msgspec.structs.replace(
        answer,
        cached=True,
        cost=cost,
        cost_parts=FREE if cost == 0 else None,
        attempts=attempts,
        notices=(*answer.notices, *notices),
    )


class Replay:
    """
    Opened, and read without a wait: the events of a stream come all at once, a text as one delta.

    Attributes:
        response: The answer of a plain call; None for a stream.
    """

    def __init__(self, answer: ChatResponse, context: Context, *, stream: bool) -> None:
        self.response = None if stream else answer
        self._answer = answer
        self._context = context
        self._given = not stream
        if not stream:
            self._end()

    async def more(self) -> list[Event]:
        """All events, then none."""
        if self._given:
            return []
        self._given = True
        self._end()
        return unfold(self._answer)

    def folded(self) -> ChatResponse:
        """The answer, if it was given; else one of which nothing is there yet."""
        return self._answer if self._given else fold(())

    def abandon(self) -> None:
        """End the call.  Idempotent."""
        self._context.end(Ending(usage=_NOTHING))

    def _end(self) -> None:
        self._context.end(Ending(finish_reason=self._answer.finish_reason, usage=_NOTHING, cost=self._answer.cost))
