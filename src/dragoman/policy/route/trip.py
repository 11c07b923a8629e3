"""One call on its way through its plan, and what its answer is told of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.policy.base import Context, Opened
from dragoman.policy.route.reasons import Reason
from dragoman.policy.route.way import Stop
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest


class Trip:
    """
    One call.

    Attributes:
        request: What is asked.
        total: Requests for the call at the most.
        several: Whether the plan has more than one target.
        reasons: Why targets did not answer, in order.
        piece: How often the answer broke off before.
        prefix: The words that were delivered before an answer broke off, to be gone on with.
        begun: Whether the target that answered was given them as the beginning of its answer.
        asked: Targets that were asked, for requests beside each other.
        at: Which part of the plan that was walked last was asked last.
    """

    def __init__(self, request: ChatRequest, total: int, *, several: bool) -> None:
        self.request = request
        self.total = total
        self.several = several
        self.reasons: list[Reason] = []
        self.piece = 0
        self.prefix = ""
        self.begun = False
        self.asked: set[Stop] | None = None
        self.at = 0

    def fork(self) -> Trip:
        """The same call, for a request beside it or after it."""
        other = Trip(self.request, self.total, several=self.several)
        other.reasons, other.asked = list(self.reasons), self.asked
        other.prefix, other.piece = self.prefix, self.piece
        return other

    def take(self, other: Trip) -> None:
        """Go on as a fork did."""
        self.reasons[:] = other.reasons
        self.begun, self.piece = other.begun, other.piece


def over(context: Context) -> bool:
    """Whether a call has no time left."""
    return context.clocks.ran_out("idle", context.runtime.now()) == "total"


def tell(opened: Opened, context: Context, notices: Sequence[Notice]) -> None:
    """Put notices before those that an answer has; one that is whole gets its ledger anew, too."""
    context.notices[:0] = notices
    if opened.response is not None:
        opened.response = msgspec.structs.replace(
            opened.response, notices=(*notices, *opened.response.notices), attempts=tuple(context.attempts)
        )
