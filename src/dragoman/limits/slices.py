"""
Budget that is taken for calls that have not come yet.

A worker that sends many calls takes at once what it is likely to need in the next tenth of a second, so that one round
trip serves them all.  What is left over goes back with the next exchange.

Rule: a slice is taken only where there is plenty: never where a limit has less than four times as much to give, and
never while anybody waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.policy.limit.grants import Cost
from dragoman.policy.limit.state import State

SECONDS: Final = 0.1
"""How long a slice is to last."""
_PART: Final = 0.25
# Fewer calls than these are not worth it.
_LEAST: Final = 2.0
# Seconds that are looked at together, and how fast the demand is followed.
_GLANCE, _ALPHA = 0.02, 0.5


class Slice:
    """
    What one worker has in hand.

    Attributes:
        left: What can still be used, by unit.
    """

    __slots__ = ("_demand", "_granted", "_since", "_used", "left")

    def __init__(self) -> None:
        self.left: dict[str, float] = {}
        self._granted: dict[str, float] = {}
        self._used: dict[str, float] = {}
        self._demand: dict[str, float] = {}
        self._since = 0.0

    def count(self, cost: Cost) -> None:
        """A call was let go, from wherever."""
        for unit, amount in cost.items():
            self._used[unit] = self._used.get(unit, 0.0) + amount

    def pay(self, cost: Cost) -> dict[str, float] | None:
        """
        Take a call's cost out of it.

        Returns:
            All that had been granted then, as if this call had been granted by the state, the rest of the slice after
            it; None if it does not fit.
        """
        left = self.left
        if not left or any(left.get(unit, 0.0) < amount for unit, amount in cost.items()):
            return None
        for unit, amount in cost.items():
            left[unit] -= amount
        return {unit: amount - left.get(unit, 0.0) for unit, amount in self._granted.items()}

    def give_back(self, state: State) -> dict[str, float]:
        """Return all of it to a state; the answer is what `left` was."""
        left, self.left = self.left, {}
        for unit, amount in left.items():
            state.refund(unit, amount)
        return left

    def take(self, state: State, now: float) -> dict[str, float]:
        """Charge a state with what is likely to be needed; the answer becomes `left` if the state is kept."""
        wanted = self._wanted(now)
        if wanted.get("requests", 0.0) < _LEAST or state.flight < float("inf") or state.stands:
            return {}
        part = min((_part(state, unit, amount, now) for unit, amount in wanted.items()), default=0.0)
        if wanted["requests"] * part < _LEAST:
            return {}
        taken = {unit: amount * part for unit, amount in wanted.items()}
        state.take(taken, now)
        return taken

    def keep(self, taken: dict[str, float], granted: Mapping[str, float]) -> None:
        """What was taken is ours; `granted` is all that was granted by then."""
        self.left, self._granted = taken, dict(granted)

    def _wanted(self, now: float) -> dict[str, float]:
        seconds = now - self._since
        if seconds >= _GLANCE or seconds < 0:
            units = self._used.keys() | self._demand.keys()
            for unit in units:
                rate = self._used.get(unit, 0.0) / seconds if 0 < seconds < 1 else 0.0
                self._demand[unit] = self._demand.get(unit, 0.0) * (1 - _ALPHA) + rate * _ALPHA
            self._used, self._since = {}, now
        return {unit: rate * SECONDS for unit, rate in self._demand.items()}


def _part(state: State, unit: str, amount: float, now: float) -> float:
    """Which part of an amount the limits of a unit have to give, at most all of it."""
    part = 1.0
    for bucket in state.buckets.values():
        if bucket.unit == unit and amount > 0:
            bucket.advance(now)
            spare = (bucket.level - bucket.margin) * _PART if now >= bucket.frozen_until else 0.0
            part = min(part, max(0.0, spare / amount))
    return part
