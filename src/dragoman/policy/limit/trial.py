"""
A rate found by trial, for providers that refuse and name no limit (AIMD).

It starts at what was answered of late, less a tenth, and loses a tenth at each refusal, after a pause in which what was
on its way comes back.  After five quiet seconds it grows by 1 % a second; far below the rate that was last refused, and
before any but the first burst was, it grows faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dragoman.policy.limit.bucket import Bucket

_CUT: Final = 0.9
_QUIET: Final = 5.0
_GROWTH: Final = 0.01
_FAST_GROWTH: Final = 0.15
_FAST_QUIET: Final = 1.0
_NEAR: Final = 0.9  # of the rate that was last refused
PAUSE: Final = 1.0
"""Seconds after a refusal that names no time."""
_LOOK_BACK: Final = 5.0
_SLOWEST: Final = 1 / 60


class Trial:
    """
    The rate of requests that is being tried.

    Attributes:
        bucket: Holds calls to it.
    """

    __slots__ = ("_ceiling", "_cut_at", "_grown_at", "bucket")

    def __init__(self, answered: Sequence[float], now: float) -> None:
        late = [at for at in answered if at >= now - _LOOK_BACK]
        span = max(1.0, now - late[0]) if late else 1.0
        rate = max(_SLOWEST, _CUT * len(late) / span)
        self.bucket = Bucket("requests/trial", now, capacity=max(1.0, rate / 4), rate=rate)
        self.bucket.level = 0.0
        self._ceiling = float("inf")
        self._cut_at = self._grown_at = now

    def cut(self, now: float) -> None:
        """One more refusal."""
        self._ceiling = self.bucket.rate
        self._set(max(_SLOWEST, self.bucket.rate * _CUT), now)
        self._cut_at = self._grown_at = now

    def grow(self, now: float) -> None:
        """Time passed without refusal."""
        far = self.bucket.rate < _NEAR * self._ceiling
        start = max(self._grown_at, self._cut_at + (_FAST_QUIET if far else _QUIET))
        if now - start >= 0.1:
            growth = 1 + (_FAST_GROWTH if far else _GROWTH)
            self._set(self.bucket.rate * growth ** (now - start), now)
            self._grown_at = now

    def _set(self, rate: float, now: float) -> None:
        self.bucket.advance(now)
        self.bucket.rate = rate
        self.bucket.capacity = max(1.0, rate / 4)
