"""
A rate found by trial, for providers that refuse and name no limit (AIMD).

It starts at what was answered of late, less a tenth, and loses a tenth at each refusal, after a pause in which what was
on its way comes back.  After five quiet seconds it grows by 1 % a second; far below the rate that was last refused, and
before any but the first burst was, it grows faster.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.policy.limit.bucket import Bucket

TRIAL: Final = "requests/trial"
"""Dimension of the bucket that holds calls to the rate that is tried."""
PAUSE: Final = 1.0
"""Seconds after a refusal that names no time."""
_CUT: Final = 0.9
_QUIET: Final = 5.0
_GROWTH: Final = 0.01
_FAST_GROWTH: Final = 0.15
_FAST_QUIET: Final = 1.0
_NEAR: Final = 0.9  # of the rate that was last refused
_LOOK_BACK: Final = 5.0
_SLOWEST: Final = 1 / 60
# Requests per second where nothing was answered yet.
_FIRST: Final = 1.0
# Seconds of answers that are counted together.
_GRAIN: Final = 0.25


class Answers(msgspec.Struct, array_like=True):
    """
    How many answers came of late.

    Attributes:
        counts: When the first of a quarter of a second came, and how many came in it.
    """

    counts: list[list[float]] = []

    def add(self, now: float) -> None:
        """One came."""
        counts = self.counts
        if counts and now - counts[-1][0] < _GRAIN:
            counts[-1][1] += 1
            return
        counts.append([now, 1.0])
        if counts[0][0] < now - _LOOK_BACK:
            self.counts = [one for one in counts if one[0] >= now - _LOOK_BACK]

    def rate(self, now: float) -> float | None:
        """Answers per second of late, or None without any."""
        late = [one for one in self.counts if one[0] >= now - _LOOK_BACK]
        return sum(count for _, count in late) / max(1.0, now - late[0][0]) if late else None


class Trial(msgspec.Struct, array_like=True):
    """
    What is known of the rate of requests that is being tried; its bucket stands among the others.

    Attributes:
        cut_at: When it was last refused.
        grown_at: To when it has grown.
        ceiling: Rate that was last refused.
    """

    cut_at: float
    grown_at: float
    ceiling: float = float("inf")

    @classmethod
    def begin(cls, answers: Answers, now: float) -> tuple[Trial, Bucket]:
        """The first refusal: the trial, and the bucket that holds calls to it."""
        late = answers.rate(now)
        rate = _FIRST if late is None else _CUT * late
        bucket = Bucket.fresh(TRIAL, now, capacity=max(1.0, rate / 4), rate=rate)
        bucket.level = 1.0  # one goes as soon as the pause is over
        return cls(now, now), bucket

    def cut(self, bucket: Bucket, now: float) -> None:
        """One more refusal."""
        self.ceiling = bucket.rate
        _set(bucket, max(_SLOWEST, bucket.rate * _CUT), now)
        self.cut_at = self.grown_at = now

    def grow(self, bucket: Bucket, now: float) -> None:
        """Time passed without refusal."""
        far = bucket.rate < _NEAR * self.ceiling
        start = max(self.grown_at, self.cut_at + (_FAST_QUIET if far else _QUIET))
        if now - start >= 0.1:
            growth = 1 + (_FAST_GROWTH if far else _GROWTH)
            _set(bucket, bucket.rate * growth ** (now - start), now)
            self.grown_at = now


def _set(bucket: Bucket, rate: float, now: float) -> None:
    bucket.advance(now)
    bucket.rate = rate
    bucket.capacity = max(1.0, rate / 4)
