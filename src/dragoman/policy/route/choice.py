"""
Which of several is asked first, as arithmetic: random numbers come as an argument.

* By weight: an order in which each stands first as often as its weight says (Efraimidis and Spirakis, "Weighted random
  sampling with a reservoir").
* By latency: of two that are drawn, the quicker (Mitzenmacher, "The power of two choices"); now and then the other, so
  that who was slow once is seen again.

And when a hedge is due: what 95 of 100 calls took.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

Random = Callable[[], float]
"""Gives numbers from 0 to 1, 1 excluded."""

EXPLORE: Final = 0.05
"""How often the slower of two is asked first."""

_NEWEST: Final = 0.2  # weight of the newest time in the average
_KEPT: Final = 100  # times from which the 95th is taken
_ENOUGH: Final = 20  # times that must be known before it is


class Speed:
    """
    How long the first content of a target takes, as a moving average.

    Attributes:
        seconds: The average; None before the first answer.
        busy: Requests that it is at work on.
    """

    __slots__ = ("busy", "seconds")

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.busy = 0

    def took(self, seconds: float) -> None:
        """One more answer began."""
        self.seconds = seconds if self.seconds is None else self.seconds + _NEWEST * (seconds - self.seconds)

    def failed(self, seconds: float) -> None:
        """A request failed after so long: who fails quickly is not quick."""
        self.took(max(seconds, 1.0, 2.0 * (self.seconds or 0.0)))


class Times:
    """How long the latest calls by one plan took until their first content."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: float) -> None:
        """One more call."""
        self._seconds.append(seconds)

    @property
    def late(self) -> float | None:
        """What 95 of 100 calls took at the most; None while fewer than twenty are known."""
        if len(self._seconds) < _ENOUGH:
            return None
        known = sorted(self._seconds)
        return known[math.ceil(0.95 * len(known)) - 1]


def by_weight(weights: Sequence[float], random: Random) -> list[int]:
    """
    Indexes in the order in which to ask; those of weight 0 are last, as they stand.

    >>> by_weight([1.0, 0.0], lambda: 0.5)
    [0, 1]
    """
    keys = [-math.log(1.0 - random()) / weight if weight > 0 else math.inf for weight in weights]
    return sorted(range(len(weights)), key=keys.__getitem__)


def by_latency(speeds: Sequence[tuple[float | None, int]], random: Random, explore: float = EXPLORE) -> list[int]:
    """
    Indexes in the order in which to ask: two are drawn, the better goes first; the rest follow, best first.

    Args:
        speeds: Average seconds (None if not known, which is asked first) and requests in flight of each.
        random: Numbers from 0 to 1.
        explore: How often the worse of the two goes first.
    """

    def cost(index: int) -> tuple[float, int]:
        seconds, busy = speeds[index]
        return (seconds or 0.0) * (1 + busy), busy

    drawn = by_weight([1.0] * len(speeds), random)
    pair = sorted(drawn[:2], key=cost)
    if random() < explore:
        pair.reverse()
    return pair + sorted(drawn[2:], key=cost)
