"""
What is known of one scope, as a value.

A process that is alone keeps it in memory.  Processes that share a limit load it, decide, and store it again: the
decisions are the same functions of the same value.  What is not here is who waits in a process: that stays in its lines
(`turns`), and only the heads of those are known to the others, as stands.

Rule: nothing here refers to anything of a process, and its size is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from dragoman.policy.limit.bucket import Bucket, Limit
from dragoman.policy.limit.grants import Cost, Grant
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.trial import PAUSE, TRIAL, Answers, Trial
from dragoman.policy.limit.turns import Fair

FIRST_FLIGHT: Final = 8
# From here on a provider that never refused is not limited.
_FREE: Final = 4096
# Kept back for higher classes while they are about, in seconds of the rate.
_KEPT: Final = {"interactive": 0.0, "normal": 0.15, "batch": 0.3}
_ABOUT: Final = 60.0
# Part of a bucket that is kept back for higher classes at most.
_KEPT_PART: Final = 0.2
_NOBODY: Final[Mapping[str, float]] = {}


class Held(msgspec.Struct, array_like=True):
    """
    A process that shares the scope.

    Attributes:
        seen: When it last took part.
        in_flight: Its requests that were granted and have not come back.
        exchange: Number of the last exchange of its that was kept.
    """

    seen: float
    in_flight: int = 0
    exchange: int = 0


class Stand(msgspec.Struct, array_like=True):
    """
    The head of one line of one process, for the others to see.

    Attributes:
        holder: The process.
        priority: The line.
        cost: What its first call takes.
        waiting: What all of the line takes.
        until: When the process has promised to look again.
    """

    holder: str
    priority: str
    cost: dict[str, float]
    waiting: dict[str, float]
    until: float


class State(msgspec.Struct, array_like=True, kw_only=True):
    """
    State of one scope.

    Attributes:
        buckets: The limits that are known, by dimension.
        flight: How many requests may be in flight.
        in_flight: How many are, of all processes.
        refused: How many refusals for a limit came back.
        doubled_at: Number of the grant with which the flight was last doubled.
        grants: How many were granted so far.
        granted: What was granted so far, by unit.
        episode: How many refusals have slowed the scope down.
        seen: When a class was last about.
        answers: How many came of late.
        trial: Where no limit is named, the search for one.
        fair: What the classes have had.
        holders: The processes that share it, by name; none for one that is alone.
        stands: Heads of their lines, in the order in which they came there.
    """

    buckets: dict[str, Bucket] = {}
    flight: float = float(FIRST_FLIGHT)
    in_flight: int = 0
    refused: int = 0
    doubled_at: int = 0
    grants: int = 0
    granted: dict[str, float] = {}
    episode: int = 0
    seen: dict[str, float] = {}
    answers: Answers = msgspec.field(default_factory=Answers)
    trial: Trial | None = None
    fair: Fair = msgspec.field(default_factory=Fair)
    holders: dict[str, Held] = {}
    stands: list[Stand] = []

    @classmethod
    def fresh(cls, limits: Sequence[Limit], now: float) -> State:
        """Nothing is known but what the user says."""
        state = cls()
        state.configure(limits, now)
        return state

    def configure(self, limits: Sequence[Limit], now: float) -> None:
        """What the user says holds, whatever a process that began earlier was told."""
        for limit in limits:
            known = self.buckets.get(limit.dimension)
            if known is None or known.ours != limit:
                bucket = self.buckets[limit.dimension] = Bucket.configured(limit, now)
                if known is not None:
                    bucket.frozen_until, bucket.level = known.frozen_until, min(bucket.capacity, known.level)
                self.flight = float("inf")

    def share(self, parts: int) -> State:
        """What is left to one of so many processes that cannot tell each other what they do."""
        mine = msgspec.msgpack.decode(msgspec.msgpack.encode(self), type=State)
        mine.holders, mine.stands = {}, []
        mine.flight = max(1.0, mine.flight // parts) if mine.flight < float("inf") else mine.flight
        for bucket in mine.buckets.values():
            bucket.part(parts)
        return mine

    def rejoin(self, mine: State, parts: int) -> None:
        """Take in what one part has seen while it was alone: the others are likely to have done as much."""
        for dimension, part in mine.buckets.items():
            bucket = self.buckets.get(dimension)
            if bucket is not None:
                bucket.advance(part.at)
                bucket.level = min(bucket.level, part.level * parts)
                bucket.frozen_until = max(bucket.frozen_until, part.frozen_until)

    # --- may it go ----------------------------------------------------------------------------------------------------

    def ready_at(self, cost: Cost, kept: float, now: float, ahead: Mapping[str, float] = _NOBODY) -> float:
        """
        When a call may go, at or after `now`, if those ahead go before.

        Args:
            cost: What it takes.
            kept: Seconds of the rate that are kept back for higher classes.
            now: Seconds.
            ahead: What those before it take.
        """
        soonest = now
        for bucket in self.buckets.values():
            amount = cost.get(bucket.unit)
            if amount:
                bucket.advance(now)
                floor = min(kept * bucket.rate, _KEPT_PART * bucket.capacity) if kept else 0.0
                at = bucket.ready_at(amount, floor, now, ahead.get(bucket.unit, 0.0) if ahead else 0.0)
                if at > soonest:
                    soonest = at
        return soonest

    def kept(self, priority: str, now: float) -> float:
        """Seconds of the rate that a class leaves for higher ones while they are about."""
        own = _KEPT[priority]
        if own:
            for name, seen in self.seen.items():
                if _KEPT[name] < own and now - seen < _ABOUT:
                    return own
        return 0.0

    def seconds(self, cost: Cost) -> float:
        """How long the whole limit works for a call."""
        return max(
            (cost.get(bucket.unit, 0.0) / bucket.rate for bucket in self.buckets.values() if bucket.rate), default=1.0
        )

    def take(self, cost: Cost, now: float) -> None:
        """Charge what goes."""
        for bucket in self.buckets.values():
            amount = cost.get(bucket.unit)
            if amount:
                bucket.advance(now)
                bucket.level -= amount
        granted = self.granted
        for unit, amount in cost.items():
            granted[unit] = granted.get(unit, 0.0) + amount

    def estimate(self, cost: Cost, ahead: Mapping[str, float], now: float) -> float:
        """Seconds until a call is likely to go that joins behind `ahead` now."""
        wait = 0.0
        for bucket in self.buckets.values():
            amount = cost.get(bucket.unit)
            if amount:
                bucket.advance(now)
                before = ahead.get(bucket.unit, 0.0)
                rate = bucket.effective(now)
                alone = bucket.ready_at(amount, 0.0, now) - now
                missing = max(0.0, before + bucket.need(amount, 0.0, now) - bucket.level)
                full = missing / rate if rate > 0 else float("inf")
                wait = max(wait, alone, full if before > 0 else 0.0)
        return wait

    def slowest(self, cost: Cost, now: float) -> str | None:
        """The limit that is most in the way."""
        waits = [
            (bucket.ready_at(cost.get(bucket.unit, 0.0), 0.0, now), bucket.dimension)
            for bucket in self.buckets.values()
        ]
        return max(waits)[1] if waits else None

    def grow(self, now: float) -> None:
        """Time passes for a rate that is tried."""
        if self.trial is not None:
            self.trial.grow(self.buckets[TRIAL], now)

    # --- coming back --------------------------------------------------------------------------------------------------

    def settle(self, grant: Grant, actual: Cost | None, told: Iterable[Snapshot], now: float) -> None:
        """The answer is whole."""
        self.in_flight -= 1
        self.answers.add(now)
        self.hear(grant, told, now)
        for unit, amount in (actual or {}).items():
            self.refund(unit, grant.cost.get(unit, 0.0) - amount)
        self._clean(grant)

    def release(self, grant: Grant) -> None:
        """It says nothing about limits."""
        self.in_flight -= 1
        for unit, amount in grant.cost.items():
            self.refund(unit, amount)

    def reject(self, grant: Grant, refusal: Refusal, told: Iterable[Snapshot], now: float) -> None:
        """It was refused for a limit.  Tokens are refunded; providers count refused requests."""
        self.in_flight -= 1
        self.refused += 1
        for unit, amount in grant.cost.items():
            if unit != "requests":
                self.refund(unit, amount)
        self.hear(grant, told, now)
        if refusal.passes:
            self._slow_down(grant, refusal, now)

    def hear(self, grant: Grant, told: Iterable[Snapshot], now: float) -> None:
        """What an answer said of limits."""
        for shot in told:
            bucket = self.buckets.get(shot.dimension)
            if bucket is None:
                bucket = Bucket.told(shot, now)
                if bucket is None:
                    continue
                self.buckets[shot.dimension] = bucket
                self.flight = float("inf")
                if self.trial is not None:  # the provider names its limits after all
                    self.trial = None
                    del self.buckets[TRIAL]
                since = self._since(grant, bucket.unit)
                if shot.remaining is not None:
                    bucket.level = min(bucket.capacity, max(-bucket.capacity, shot.remaining - since))
            bucket.advance(now)
            bucket.reconcile(shot, grant.at, self._since(grant, bucket.unit), now)

    def refund(self, unit: str, amount: float) -> None:
        """What was charged and not used comes back."""
        if amount:
            self.granted[unit] = self.granted.get(unit, 0.0) - amount
            for bucket in self.buckets.values():
                if bucket.unit == unit:
                    bucket.give(amount)

    def _since(self, grant: Grant, unit: str) -> float:
        """What was granted after this one."""
        return max(0.0, self.granted.get(unit, 0.0) - grant.granted.get(unit, 0.0))

    def _clean(self, grant: Grant) -> None:
        """A round trip without refusal: where no limit is known, twice as many may fly."""
        if self.flight < float("inf") and grant.number > self.doubled_at:
            self.flight = self.flight * 2 if self.flight < _FREE else float("inf")
            self.doubled_at = self.grants

    def _slow_down(self, grant: Grant, refusal: Refusal, now: float) -> None:
        known = self._meant(refusal)
        again = grant.episode < self.episode  # sent before the last slowing down: part of the same refusal
        if not known:
            known = [self._try(now, again=again)]
        until = now + (refusal.wait if refusal.wait is not None else PAUSE if not again else 0.0)
        for bucket in known:
            bucket.freeze(until, now)
            if not again and bucket.dimension != TRIAL:
                bucket.doubt(now)
        if not again:
            self.episode += 1

    def _meant(self, refusal: Refusal) -> list[Bucket]:
        """The limits that a refusal speaks of: the one it names, else the emptiest."""
        named = [bucket for bucket in self.buckets.values() if refusal.dimension in (bucket.dimension, bucket.unit)]
        told = [bucket for bucket in self.buckets.values() if bucket.dimension != TRIAL]
        return named or sorted(told, key=lambda bucket: bucket.level / bucket.capacity)[:1]

    def _try(self, now: float, *, again: bool) -> Bucket:
        """No limit is known and one was hit: find the rate by trial."""
        if self.trial is None:
            self.trial, self.buckets[TRIAL] = Trial.begin(self.answers, now)
            self.flight = float("inf")
        elif not again:
            self.trial.cut(self.buckets[TRIAL], now)
        return self.buckets[TRIAL]
