"""How the batch servers of the tests answer rows."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.errors import BadRequestError, DragomanError, OverloadedError, RateLimitError
from dragoman.testing.batches import Asked
from dragoman.testing.batches.base import echoed
from dragoman.types.responses import ChatResponse

Answers = Callable[[Asked], ChatResponse | DragomanError | None]


def but(*numbers: int, error: DragomanError | None) -> Answers:
    """All rows but these are answered."""
    bad = {f"hello {number}" for number in numbers}
    return lambda asked: error if asked.text in bad else echoed(asked)


def fates(many: str) -> Answers:
    """
    Most rows are answered; some are refused, some find the provider overloaded, some are never come to.

    Args:
        many: What the provider says to who asks too much.
    """
    told: dict[str, DragomanError | None] = {
        "bad": BadRequestError("too many", status=400),
        "busy": OverloadedError("The model is overloaded", status=503),
        "many": RateLimitError(many, status=429),
        "late": None,
    }
    return lambda asked: told[asked.text] if asked.text in told else echoed(asked)
