"""
All limits of one scope: one credential, at one provider, for one pool of models.

A call reserves its estimated cost and gets a `Grant`, a `Wait` or a `Refuse`; in the end it is settled with what it
really cost and with what the answer said about limits, or rejected with what the refusal said.

While nothing is known, at most 8 requests are in flight.  Where answers name limits, those are held; where they do not,
the number doubles with each clean round trip, so that a provider without limits is soon not limited.  If a refusal
comes from a provider that names no limits, the rate is found by trial: what was answered of late, less a tenth at each
refusal, and 1 % more for each second after five quiet ones.

Rule: every decision is a function of this state, the arguments and `now`.  The caller guards a scope with a lock held
for the call alone, and wakes those that `woken` names after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dragoman.policy.limit.bucket import Bucket, Limit
from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.trial import PAUSE, Trial
from dragoman.policy.limit.turns import Priority, Turns

FIRST_FLIGHT: Final = 8
# From here on a provider that never refused is not limited.
_FREE: Final = 4096
# Kept back for higher classes while they are about, in seconds of the rate.
_KEPT: Final = {"interactive": 0.0, "normal": 0.15, "batch": 0.3}
_ABOUT: Final = 60.0
# Who watches the clock is woken if that much (seconds) is gained.
_SOONER: Final = 0.001


class Scope:
    """
    State of one scope.

    Attributes:
        buckets: The limits that are known, by dimension.
        in_flight: Granted and not yet settled, rejected or released.
        refused: How many refusals for a limit came back.
        waiting: How many stand in line.
    """

    def __init__(self, limits: Sequence[Limit] = (), now: float = 0.0) -> None:
        self.buckets: dict[str, Bucket] = {limit.dimension: Bucket.configured(limit, now) for limit in limits}
        self.in_flight = 0
        self.refused = 0
        self._trial: Trial | None = None
        self._turns = Turns()
        self._flight = float("inf") if limits else float(FIRST_FLIGHT)
        self._doubled_at = 0  # number of the grant with which the flight was last doubled
        self._numbers = 0
        self._grants = 0
        self._granted: dict[str, float] = {}
        self._episode = 0
        self._seen: dict[str, float] = {}  # when a class was last about
        self._recent: deque[float] = deque(maxlen=256)  # when answers came
        self._leader: Ticket | None = None
        self._told = float("inf")  # until when the leader was told to wait
        self._woken: list[Ticket] = []

    # --- asking -------------------------------------------------------------------------------------------------------

    def reserve(self, cost: Cost, now: float, priority: Priority = "normal", deadline: float | None = None) -> Decision:
        """
        Ask to send one request.

        Args:
            cost: Estimate by unit; `requests` is counted if it is named.
            now: Seconds of any steady clock.
            priority: Class.
            deadline: When it must have gone, on the same clock; None for whenever.
        """
        self._numbers += 1
        ticket = Ticket(self._numbers, cost, priority, deadline, now)
        if priority != "batch":
            self._seen[priority] = now
        if self._turns.count == 0 and self._ready_at(ticket, now) <= now:
            return self._grant(ticket, now)
        return self._enter(ticket, now, first=False)

    def resume(self, ticket: Ticket, now: float) -> Decision:
        """Ask again, with a ticket that was told to wait."""
        self._pump(now)
        if ticket.grant is not None:
            return ticket.grant
        if ticket.deadline is not None and now >= ticket.deadline:
            self.cancel(ticket, now)
            return Refuse(0.0, "deadline", self._slowest(ticket, now))
        return self._wait(ticket, now)

    def cancel(self, ticket: Ticket, now: float) -> None:
        """Give up waiting.  A grant that came in the meantime must be released."""
        self._turns.leave(ticket)
        if ticket is self._leader:
            self._leader = None
        self._pump(now)

    def woken(self) -> list[Ticket]:
        """Those who should `resume` now: they may go, or it is their turn to watch the clock.  Each is named once."""
        if not self._woken:
            return []
        woken, self._woken = self._woken, []
        return list(dict.fromkeys(woken))

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return self._turns.count

    # --- coming back --------------------------------------------------------------------------------------------------

    def settle(self, grant: Grant, actual: Cost | None, told: Iterable[Snapshot], now: float) -> None:
        """
        The answer is here, or its headers are.

        Args:
            grant: Whose.
            actual: What it really cost by unit; units that are not named keep the estimate, None keeps all.
            told: What the answer said about limits.
            now: Seconds.
        """
        self.in_flight -= 1
        self._recent.append(now)
        self._hear(grant, told, now)
        for unit, cost in (actual or {}).items():
            self._refund(unit, grant.ticket.cost.get(unit, 0.0) - cost)
        self._clean(grant, now)
        self._pump(now)

    def hear(self, grant: Grant, told: Iterable[Snapshot], now: float) -> None:
        """The headers of a stream are here; `settle` follows at its end, without them."""
        self._hear(grant, told, now)
        self._pump(now)

    def release(self, grant: Grant, now: float) -> None:
        """It was never sent, or failed for a reason that says nothing about limits."""
        self.in_flight -= 1
        self._refund_all(grant)
        self._pump(now)

    def rejected(
        self, grant: Grant, refusal: Refusal, told: Iterable[Snapshot], now: float, deadline: float | None = None
    ) -> Decision:
        """
        The provider refused for a limit: stand at the head of the line again, or give up.

        Tokens are refunded; the request itself stays spent, because providers count refused ones.
        """
        if refusal.kind == "overload":
            self.release(grant, now)
            return Refuse(refusal.wait, "overload")
        self.in_flight -= 1
        self.refused += 1
        self._refund_all(grant, but="requests")
        self._hear(grant, told, now)
        hopeless = "too_large" if refusal.hopeless else refusal.kind if refusal.kind in ("quota", "spend") else None
        if hopeless is not None:
            self._pump(now)
            return Refuse(None, hopeless, refusal.dimension)
        self._slow_down(grant, refusal, now)
        ticket = grant.ticket
        ticket.grant = None
        ticket.deadline = deadline
        return self._enter(ticket, now, first=True, reason="daily" if refusal.kind == "daily" else "deadline")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _enter(self, ticket: Ticket, now: float, *, first: bool, reason: str = "deadline") -> Decision:
        if ticket.deadline is not None:
            wait = self._estimate(ticket, now, first=first)
            if now + wait > ticket.deadline:
                self._pump(now)
                return Refuse(wait, reason, self._slowest(ticket, now))
        self._turns.join(ticket, first=first)
        self._pump(now)
        if ticket in self._woken:  # it is told here
            self._woken.remove(ticket)
        return self._wait(ticket, now) if ticket.grant is None else ticket.grant

    def _wait(self, ticket: Ticket, now: float) -> Wait:
        until = float("inf")
        if ticket is self._leader:
            until = self._told = self._ready_at(ticket, now)
        return Wait(ticket, until if ticket.deadline is None else min(until, ticket.deadline))

    def _ready_at(self, ticket: Ticket, now: float) -> float:
        if self.in_flight >= self._flight:
            return float("inf")
        soonest = now
        kept = 0.0 if ticket.overdue else self._kept(ticket.priority, now)
        for bucket in self.buckets.values():
            cost = ticket.cost.get(bucket.unit)
            if cost:
                bucket.advance(now)
                at = bucket.ready_at(cost, min(kept * bucket.rate, 0.2 * bucket.capacity), now)
                soonest = max(soonest, at)
        return soonest

    def _kept(self, priority: str, now: float) -> float:
        about = any(now - seen < _ABOUT for name, seen in self._seen.items() if _KEPT[name] < _KEPT[priority])
        return _KEPT[priority] if about else 0.0

    def _pump(self, now: float) -> None:
        """Let go whoever may."""
        if self._trial is not None:
            self._trial.grow(now)
        while (ticket := self._first(now)) is not None:
            seconds = max(
                (ticket.cost.get(bucket.unit, 0.0) / bucket.rate for bucket in self.buckets.values() if bucket.rate),
                default=1.0,
            )
            self._turns.serve(ticket, seconds)
            self._grant(ticket, now)
            self._woken.append(ticket)

    def _first(self, now: float) -> Ticket | None:
        """Who may go; if nobody may, see to it that the first in line watches the clock."""
        leader: Ticket | None = None
        due = float("inf")
        for ticket in self._turns.heads():
            at = self._ready_at(ticket, now)
            if at <= now:
                return ticket
            if leader is None or at < due:
                leader, due = ticket, at
        if leader is not None and (leader is not self._leader or due < self._told - _SOONER):
            self._woken.append(leader)
            self._told = due
        self._leader = leader
        return None

    def _grant(self, ticket: Ticket, now: float) -> Grant:
        for bucket in self.buckets.values():
            cost = ticket.cost.get(bucket.unit)
            if cost:
                bucket.advance(now)
                bucket.take(cost)
        granted = self._granted
        for unit, cost in ticket.cost.items():
            granted[unit] = granted.get(unit, 0.0) + cost
        self._grants += 1
        self.in_flight += 1
        grant = Grant(self._grants, ticket, now, granted.copy(), self._episode)
        ticket.grant = grant
        return grant

    def _hear(self, grant: Grant, told: Iterable[Snapshot], now: float) -> None:
        for shot in told:
            bucket = self.buckets.get(shot.dimension)
            if bucket is None:
                bucket = Bucket.told(shot, now)
                if bucket is None:
                    continue
                self.buckets[shot.dimension] = bucket
                self._flight = float("inf")
                self._end_trial()
                since = self._since(grant, bucket.unit)
                if shot.remaining is not None:
                    bucket.level = min(bucket.capacity, max(-bucket.capacity, shot.remaining - since))
            bucket.advance(now)
            bucket.reconcile(shot, grant.at, self._since(grant, bucket.unit), now)

    def _since(self, grant: Grant, unit: str) -> float:
        """What was granted after this one."""
        return max(0.0, self._granted.get(unit, 0.0) - grant.granted.get(unit, 0.0))

    def _refund(self, unit: str, amount: float) -> None:
        if amount:
            self._granted[unit] = self._granted.get(unit, 0.0) - amount
            for bucket in self.buckets.values():
                if bucket.unit == unit:
                    bucket.give(amount)

    def _refund_all(self, grant: Grant, but: str | None = None) -> None:
        for unit, cost in grant.ticket.cost.items():
            if unit != but:
                self._refund(unit, cost)

    def _clean(self, grant: Grant, now: float) -> None:
        """A round trip without refusal: where no limit is known, twice as many may fly."""
        if self._flight < float("inf") and grant.number > self._doubled_at:
            self._flight = self._flight * 2 if self._flight < _FREE else float("inf")
            self._doubled_at = self._grants

    def _slow_down(self, grant: Grant, refusal: Refusal, now: float) -> None:
        known = self._meant(refusal)
        again = grant.episode < self._episode  # sent before the last slowing down: part of the same refusal
        if not known:
            known = [self._try(now, again=again)]
        until = now + (refusal.wait if refusal.wait is not None else PAUSE if not again else 0.0)
        for bucket in known:
            bucket.freeze(until, now)
            if not again and bucket is not self._trial_bucket():
                bucket.doubt(now)
        if not again:
            self._episode += 1

    def _meant(self, refusal: Refusal) -> list[Bucket]:
        """The limits that a refusal speaks of: the one it names, else the emptiest."""
        named = [bucket for bucket in self.buckets.values() if refusal.dimension in (bucket.dimension, bucket.unit)]
        told = [bucket for bucket in self.buckets.values() if bucket is not self._trial_bucket()]
        return named or sorted(told, key=lambda bucket: bucket.level / bucket.capacity)[:1]

    def _try(self, now: float, *, again: bool) -> Bucket:
        """No limit is known and one was hit: find the rate by trial."""
        if self._trial is None:
            self._trial = Trial(self._recent, now)
            self.buckets[self._trial.bucket.dimension] = self._trial.bucket
            self._flight = float("inf")
        elif not again:
            self._trial.cut(now)
        return self._trial.bucket

    def _trial_bucket(self) -> Bucket | None:
        return self._trial.bucket if self._trial is not None else None

    def _end_trial(self) -> None:
        """The provider names its limits after all."""
        if self._trial is not None:
            self.buckets.pop(self._trial.bucket.dimension, None)
            self._trial = None

    def _estimate(self, ticket: Ticket, now: float, *, first: bool) -> float:
        """Seconds until a call that joins now is likely to go."""
        ahead: Mapping[str, float] = {} if first else self._turns.ahead(ticket.priority)
        wait = 0.0
        for bucket in self.buckets.values():
            cost = ticket.cost.get(bucket.unit)
            if cost:
                bucket.advance(now)
                before = ahead.get(bucket.unit, 0.0)
                rate = bucket.effective(now)
                alone = bucket.ready_at(cost, 0.0, now) - now
                full = (
                    max(0.0, before + bucket.need(cost, 0.0, now) - bucket.level) / rate if rate > 0 else float("inf")
                )
                wait = max(wait, alone, full if before > 0 else 0.0)
        return wait

    def _slowest(self, ticket: Ticket, now: float) -> str | None:
        """The limit that is most in the way."""
        waits = [
            (bucket.ready_at(ticket.cost.get(bucket.unit, 0.0), 0.0, now), bucket.dimension)
            for bucket in self.buckets.values()
        ]
        return max(waits)[1] if waits else None
