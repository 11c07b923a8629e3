"""
How fast a limit comes back, learned from what answers say.

Where a reset counts to the full bucket, the rate is what was consumed divided by the reset; never is it assumed that a
limit is counted by the minute.  `remaining` and `reset` are rounded, so one answer gives an interval; several are
intersected.  Limits are set in natural periods (second, ten seconds, minute, hour, day), so if such a period lies in
the interval it is taken, else the low end.

Some servers write the end of a window, or its length, where others write the time to full.  It shows when much more was
consumed and the reset is the same.

Rule: intervals that do not agree never make the rate faster until three in a row say so.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.policy.limit.headers import DAY, HOUR, MINUTE, Snapshot

_NATURAL: Final = (1.0, 10.0, MINUTE, HOUR, DAY)
_STUBBORN: Final = 3
_TINY: Final = 1e-9


class Refill(msgspec.Struct, array_like=True):
    """
    What is known of one limit's refill.

    Attributes:
        rate: Units per second, or None while nothing is known.
        window: Length in seconds of the windows, if it is one; None for a bucket.
        limit: The limit that the rest is about.
        low: Lower end of the interval of rates.
        high: Upper end.
        misses: Intervals in a row that did not agree.
        last: What was consumed, and the reset, in the answer before.
    """

    rate: float | None = None
    window: float | None = None
    limit: float = 0.0
    low: float = 0.0
    high: float = float("inf")
    misses: int = 0
    last: tuple[float, float] | None = None

    def learn(self, shot: Snapshot) -> None:
        """Take in one answer's word."""
        limit = shot.limit
        if limit is None:
            return
        if limit != self.limit:
            self._forget(limit)
        if shot.period is not None:
            self.rate = limit / shot.period
            if shot.kind == "window":
                self.window = shot.period
            return
        if shot.remaining is None or shot.reset is None:
            self.rate = self.rate or limit / MINUTE  # nothing better is said: the period that most have
            return
        if shot.kind == "window" or self.window is not None or self._looks_like_window(shot, limit - shot.remaining):
            self._learn_window(limit, shot.reset)
        else:
            self._learn_interval(shot, limit)

    def _forget(self, limit: float) -> None:
        """The limit was changed; its period was not."""
        self.rate = self.rate * limit / self.limit if self.rate is not None and self.limit else None
        self.limit, self.low, self.high, self.misses, self.last = limit, 0.0, float("inf"), 0, None

    def _looks_like_window(self, shot: Snapshot, consumed: float) -> bool:
        reset = shot.reset or 0.0
        if shot.kind == "full" or reset <= 5 * shot.blur or consumed <= 0:
            return False
        last, self.last = self.last, (consumed, reset)
        if last is None:
            return False
        more, less = max(last[0], consumed), min(last[0], consumed)
        later, sooner = max(last[1], reset), min(last[1], reset)
        return more >= less + 2 * shot.grain and more >= 1.5 * less and later <= 1.2 * sooner

    def _learn_window(self, limit: float, reset: float) -> None:
        # The first answers of a window come near its start; the shortest natural period that holds them all.
        longest = max(reset * 0.999, self.window or 0.0)
        self.window = next((period for period in _NATURAL if period >= longest), longest)
        self.rate = limit / self.window

    def _learn_interval(self, shot: Snapshot, limit: float) -> None:
        consumed, reset = limit - (shot.remaining or 0.0), shot.reset or 0.0
        if consumed <= 0 or reset <= 0:
            self.rate = self.rate or limit / MINUTE
            return
        low = max(0.0, consumed - shot.grain) / (reset + shot.blur)
        # Of an empty bucket it is not said how deep its debt is, which the reset may count.
        bounded = reset > shot.blur and bool(shot.remaining)
        high = consumed / (reset - shot.blur) if bounded else float("inf")
        if max(low, self.low) <= min(high, self.high) * (1 + _TINY):
            self.low, self.high, self.misses = max(low, self.low), min(high, self.high), 0
        else:
            self.misses += 1
            if high >= self.low and self.misses < _STUBBORN:
                return
            self.low, self.high, self.misses = low, high, 0
        self.rate = self._choose(limit, consumed / reset if reset > 5 * shot.blur else limit / MINUTE)

    def _choose(self, limit: float, likely: float) -> float:
        """The natural rate in the interval that is closest to the likely one, else the interval's low end."""
        natural = [limit / period for period in _NATURAL]
        inside = [rate for rate in natural if self.low * (1 - _TINY) <= rate <= self.high * (1 + _TINY)]
        if inside:
            return min(inside, key=lambda rate: max(rate, likely) / min(rate, likely))
        return self.low if self.low > 0 else min(self.high, limit)
