"""
One limit: a bucket that fills at a rate and is emptied by calls.

The level may be negative: a call larger than the bucket goes when the bucket is full, and its debt is waited off by
those after it.  After a refusal the bucket is frozen: nothing goes and nothing refills until then, so that the calls
that wait are released one after the other and not all at once.

A server's word (`remaining`) is of the moment when it admitted that request.  What was granted since is subtracted and
what came back since is added before it is compared with the level here.

Rule: every function takes `now`, in seconds of any steady clock, and time never runs backwards for a bucket.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.limit.headers import DAY, MINUTE, REQUEST_BURST, TOKEN_BURST, Snapshot
from dragoman.policy.limit.refill import Refill

# Of the rate in seconds: kept in the bucket, because calls arrive at the provider in another order and at other
# distances than they left here.
MARGIN: Final = 0.15
# So many requests may always come at once, however small the rate: as many as go before anything is known.
SMALLEST_BURST: Final = 8
# How far one answer moves the level, down and up: too little costs refusals, too much costs only time.
_DOWN, _UP = 0.9, 0.05
# Windows up to this length (seconds) are a rate like any other.
_SHORT: Final = 10.0
# Seconds between two refusals of one trouble, and what is believed after the first.
_OF_LATE: Final = 8.0
_CERTAIN: Final = 0.999
# Seconds by which a request may arrive later than it left, so that a window's end is not anticipated.
_LATE: Final = 0.05
# How much more is kept back while a provider's word is doubted.
_CAREFUL: Final = 3.0
# Part of the refill that is believed after a refusal, and seconds until all of it is believed again.
_SHY, _SHYEST, _RECOVERY = 0.75, 0.3, 60.0
_EPSILON: Final = 1e-6
UNITS: Final = ("requests", "tokens", "input", "output", "images")
"""What calls are charged in."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """
    A limit that the user knows.

    Attributes:
        dimension: `requests`, `tokens`, `input`, `output`, `requests/day`...
        amount: How many in `period`.
        period: Seconds.
        burst: Seconds of the rate that may come at once; None for what providers are known to bear (1 for requests, 5
            for tokens).
    """

    dimension: str
    amount: float
    period: float = MINUTE
    burst: float | None = None

    def __post_init__(self) -> None:
        for name in ("amount", "period", "burst"):
            value: object = getattr(self, name)
            if name == "burst" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
                raise ConfigError(f"limit.{name} is {value!r}: give a number above 0", field=f"limit.{name}")
        unit = str(self.dimension).partition("/")[0]
        if unit not in UNITS:
            raise ConfigError(
                f"limit.dimension is {self.dimension!r}: give {', '.join(UNITS)}, or one with a remark behind a slash "
                "('requests/day')",
                field="limit.dimension",
            )


class Bucket(msgspec.Struct, array_like=True):
    """
    State of one limit: a value that several processes can share.

    Attributes:
        dimension: `unit` or `unit/what`.
        unit: What calls are charged in.
        capacity: The most it holds.
        rate: Units per second as the provider says.
        level: What is left, at `at`; negative is debt.
        at: To when time has passed.
        margin: Kept back, because calls arrive in another order than they left.
        frozen_until: Nothing goes before.
        refill: What is known of the rate.
        ours: What the user said, or None.
        full_at: When the window ends, or None for a bucket.
        reset_at: When the last freeze ends.
        shy: Part of the refill that was believed at `shy_at`.
        shy_at: When it was last doubted or begun.
        doubted_at: When it was last doubted.
    """

    dimension: str
    unit: str
    capacity: float
    rate: float
    level: float
    at: float
    margin: float = 0.0
    frozen_until: float = 0.0
    refill: Refill = msgspec.field(default_factory=Refill)
    ours: Limit | None = None
    full_at: float | None = None
    reset_at: float = 0.0
    shy: float = 1.0
    shy_at: float = 0.0
    doubted_at: float = float("-inf")

    @classmethod
    def fresh(cls, dimension: str, now: float, *, capacity: float, rate: float) -> Bucket:
        """A full bucket of which nothing else is known."""
        unit = dimension.partition("/")[0]
        bucket = cls(dimension, unit, capacity=capacity, rate=rate, level=capacity, at=now, shy_at=now)
        bucket._size()
        return bucket

    @classmethod
    def configured(cls, limit: Limit, now: float) -> Bucket:
        """A bucket for a limit that the user gave; it starts full."""
        rate = limit.amount / limit.period
        burst = limit.burst
        if burst is None and limit.period < DAY:
            burst = TOKEN_BURST if limit.dimension.partition("/")[0] != "requests" else REQUEST_BURST
        capacity = _capacity(limit.amount, rate, burst, limit.dimension)
        bucket = cls.fresh(limit.dimension, now, capacity=capacity, rate=rate)
        bucket.ours = limit
        return bucket

    @classmethod
    def told(cls, shot: Snapshot, now: float) -> Bucket | None:
        """A bucket for a limit that an answer named, or None if it said no limit."""
        if shot.limit is None:
            return None
        bucket = cls.fresh(shot.dimension, now, capacity=shot.limit, rate=shot.limit / MINUTE)
        bucket._learn(shot)
        bucket.level = bucket.capacity
        return bucket

    def part(self, parts: int) -> None:
        """Become one of so many equal parts."""
        self.capacity = max(1.0, self.capacity / parts)
        self.rate /= parts
        self.level = min(self.capacity, self.level / parts)
        self._size()

    def effective(self, now: float) -> float:
        """Units per second that are believed to be for us."""
        if self.shy >= 1.0:
            return self.rate
        return self.rate * min(1.0, self.shy + (now - self.shy_at) / _RECOVERY * (1 - _SHYEST))

    def advance(self, now: float) -> None:
        """Let time pass."""
        if now <= self.at:
            return
        start = max(self.at, self.frozen_until)
        self.at = now
        if now > start and self.full_at is None and self.level < self.capacity:
            self.level = min(self.capacity, self.level + self.effective(now) * (now - start))
        if self.full_at is not None and now >= self.full_at:
            period = self._window or self.capacity / self.rate
            self.level = self.capacity
            self.full_at += period * (1 + (now - self.full_at) // period)

    def ready_at(self, cost: float, floor: float, now: float, ahead: float = 0.0) -> float:
        """
        When a call may go, at or after `now`; infinite if never.

        Args:
            cost: What it takes.
            floor: What must remain for others, besides the margin.
            now: To which time the bucket was advanced.
            ahead: What others take before it.
        """
        need = self.need(cost, floor, now) + ahead
        soonest = max(now, self.frozen_until)
        missing = need - self.level
        if missing <= _EPSILON * max(1.0, need):
            return soonest
        if self.full_at is not None:
            return max(soonest, self.full_at)
        rate = self.effective(now)
        return soonest + missing / rate if rate > 0 else float("inf")

    def need(self, cost: float, floor: float, now: float) -> float:
        """Level at which a call goes: its cost and what must remain, or full for a call that is larger."""
        margin = self.margin if self.shy >= 1.0 or now - self.shy_at > _RECOVERY else self.margin * _CAREFUL
        return min(cost + margin + floor, self.capacity)

    def take(self, cost: float) -> None:
        """A call goes."""
        self.level -= cost

    def give(self, amount: float) -> None:
        """What a call did not use comes back; a negative amount is what it used beyond its estimate."""
        self.level = min(self.capacity, self.level + amount)

    def reconcile(self, shot: Snapshot, sent: float, since: float, now: float) -> None:
        """
        Take in an answer's word.

        Args:
            shot: The word, for this dimension.
            sent: When that request left.
            since: What was granted after it.
            now: To which time the bucket was advanced.
        """
        self._learn(shot)
        if shot.remaining is None:
            return
        if self._window is not None and shot.reset:
            self._reconcile_window(shot.remaining - since, sent + shot.reset, self._window, now)
            return
        come_back = self.effective(now) * max(0.0, now - max(sent + _LATE, self.frozen_until, self.reset_at))
        estimate = min(self.capacity, shot.remaining + come_back - since)
        # Where less may come at once than the limit says, what remains of the limit is no word on what may come now.
        if estimate > self.level and shot.limit is not None and shot.limit > self.capacity * 1.1:
            return
        self.level += (_DOWN if estimate < self.level else _UP) * (estimate - self.level)

    def freeze(self, until: float, now: float) -> None:
        """The provider refused: stop until then, and let one call go first."""
        self.advance(now)
        self.frozen_until = max(self.frozen_until, until)
        self.full_at = until + _LATE if self._window is not None else None
        self.level = min(self.level, self.margin + 1.0)
        self.reset_at = until

    def doubt(self, now: float) -> None:
        """
        Keep more back for a minute.

        If it was not the first time of late, also believe less of the rate: someone else uses it too, or it is less
        than was said.
        """
        again = now - self.doubted_at < _OF_LATE
        believed = self.effective(now) / self.rate if self.rate > 0 else 1.0
        self.shy = max(_SHYEST, believed * _SHY) if again else min(believed, _CERTAIN)
        self.shy_at = self.doubted_at = now

    @property
    def _window(self) -> float | None:
        """Length of the windows, if they are long enough to spend one at once; short ones are paced."""
        window = self.refill.window
        return window if window is not None and window > _SHORT else None

    def _reconcile_window(self, left: float, end: float, period: float, now: float) -> None:
        """An answer's word on a window; it may have ended while the answer was on its way."""
        if now >= self.frozen_until and end + _LATE > now:
            self.level = min(self.capacity, left)
        after = max(0.0, now - end - _LATE) // period + (1.0 if end + _LATE <= now else 0.0)
        self.full_at = max(self.frozen_until, end + _LATE + after * period)

    def _learn(self, shot: Snapshot) -> None:
        self.refill.learn(shot)
        rate = self.refill.rate
        if rate is None or shot.limit is None:
            return
        limit, burst = shot.limit, shot.burst
        if self.refill.window is not None:
            burst = self.refill.window / 4 if self._window is None else None
        if self.ours is not None:  # the smaller of what the user and the provider say
            ours = self.ours.amount / self.ours.period
            limit, rate = (self.ours.amount, ours) if rate >= ours else (limit, rate)
            burst = burst if self.ours.burst is None else self.ours.burst
        capacity = min(shot.limit, _capacity(limit, rate, burst, self.dimension))
        if capacity != self.capacity or rate != self.rate:
            self.capacity, self.rate = capacity, rate
            self.level = min(self.level, capacity)
            self._size()

    def _size(self) -> None:
        # A bucket of a few requests cannot keep any back.
        # Requests are counted; what other units cost is an estimate besides.
        noise = 0.0 if self.unit == "requests" else min(self.rate, self.capacity * 0.05)
        jitter = max(self.rate * MARGIN, noise)
        self.margin = min(jitter, self.capacity * 0.1)


def _capacity(limit: float, rate: float, burst: float | None, dimension: str) -> float:
    if burst is None:
        return limit
    least = SMALLEST_BURST if dimension.startswith("requests") else 0.0
    return min(limit, max(rate * burst, least))
