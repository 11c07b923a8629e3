"""
The circuit breaker: who failed too often of late is left alone for a while.

    closed --N failures in a row, or a share of a window--> open --cool-down--> half-open --probes succeed--> closed
                                                              ^---------- a probe fails, longer cool-down ----+

Pure: the clock is an argument, and whoever shares a circuit between threads holds a lock around each call.

Rule: an outcome counts only for the state in which its request was let through, so that what was sent before the
circuit opened neither closes it nor keeps it open.

Source: M. Nygard, "Release It!", chapter "Stability Patterns".
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import msgspec

from dragoman.errors import ConfigError

_SLICES: Final = 10  # the window slides by this part of itself


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """
    When a target is left alone, and for how long.

    A failure is a server error, an overload, no connection, a clock that ran out, an answer that was cut or is not the
    protocol.  A limit, a quota, a key or a request that was refused is none.

    Attributes:
        failures: So many in a row open the circuit.
        share: So large a part of the outcomes in the window does, too...
        least: ... once the window holds so many outcomes.
        window: Seconds.
        cooldown: Seconds for which nothing is sent after the circuit opened.
        growth: What the cool-down is multiplied by after each probe that failed.
        longest: Seconds to which it grows.
        probes: Requests let through at once after it, and how many must succeed for the circuit to close.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """

    failures: int = 5
    share: float = 0.5
    least: int = 20
    window: float = 60.0
    cooldown: float = 5.0
    growth: float = 2.0
    longest: float = 120.0
    probes: int = 1

    def __post_init__(self) -> None:
        for name, low in _LOWEST.items():
            value: object = getattr(self, name)
            whole = name in _WHOLE
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise _bad(name, value, low)
            if not low <= value < math.inf:
                raise _bad(name, value, low)
        if self.share > 1:
            raise ConfigError(f"breaker.share is {self.share!r}: give a part, 0 to 1", field="breaker.share")


_WHOLE: Final = frozenset({"failures", "least", "probes"})
_LOWEST: Final = {
    "failures": 1,
    "share": 0,
    "least": 1,
    "window": 0.001,
    "cooldown": 0,
    "growth": 1,
    "longest": 0,
    "probes": 1,
}


def _bad(name: str, value: object, low: float) -> ConfigError:
    return ConfigError(f"breaker.{name} is {value!r}: give a number of {low:g} or more", field=f"breaker.{name}")


class Circuit:
    """
    What is known of one target.

    Args:
        policy: What is decided by.
    """

    __slots__ = ("_cooldown", "_epoch", "_passed", "_policy", "_probed_at", "_probing", "_row", "_until", "_window")

    def __init__(self, policy: Breaker) -> None:
        self._policy = policy
        self._epoch = 0
        self._row = 0
        self._window: deque[list[float]] = deque()  # [begin, outcomes, failures] of each slice
        self._cooldown = policy.cooldown
        self._until: float | None = None  # None while closed
        self._probing = 0
        self._probed_at = 0.0
        self._passed = 0

    @property
    def closed(self) -> bool:
        """Whether everything is let through."""
        return self._until is None

    def wait(self, now: float) -> float:
        """Seconds until a request would be let through; 0 for now."""
        if self._until is None:
            return 0.0
        if now < self._until:
            return self._until - now
        return 0.0 if self._free(now) else max(0.0, self._probed_at + self._policy.cooldown - now)

    def enter(self, now: float) -> int | None:
        """Ask to send one request: a ticket for `settle`, or None if it may not go."""
        if self._until is None:
            return self._epoch
        if now < self._until or not self._free(now):
            return None
        self._probing = min(self._probing + 1, self._policy.probes)
        self._probed_at = now
        return self._epoch

    def settle(self, ticket: int, succeeded: bool | None, now: float) -> None:
        """
        Tell how a request ended.

        Args:
            ticket: What `enter` gave.
            succeeded: None if it says nothing of the target: it was never sent, or the caller left.
            now: Seconds.
        """
        if ticket != self._epoch:
            return
        if self._until is not None:
            self._probed(succeeded, now)
        elif succeeded is not None:
            self._record(succeeded, now)

    # --- closed -------------------------------------------------------------------------------------------------------

    def _record(self, succeeded: bool, now: float) -> None:
        policy = self._policy
        self._row = 0 if succeeded else self._row + 1
        total, failed = self._counted(succeeded, now)
        if succeeded:
            return
        if self._row >= policy.failures or (total >= policy.least and failed >= policy.share * total):
            self._open(policy.cooldown, now)

    def _counted(self, succeeded: bool, now: float) -> tuple[float, float]:
        """Count one more outcome: how many there are in the window, and how many of them failed."""
        window, width = self._window, self._policy.window / _SLICES
        while window and window[0][0] + self._policy.window <= now:
            window.popleft()
        if not window or now >= window[-1][0] + width:
            window.append([now, 0, 0])
        window[-1][1] += 1
        window[-1][2] += not succeeded
        return sum(part[1] for part in window), sum(part[2] for part in window)

    # --- open and half-open -------------------------------------------------------------------------------------------

    def _free(self, now: float) -> bool:
        """Whether a probe may go: a place is free, or its holder has been silent for as long as the first cool-down."""
        return self._probing < self._policy.probes or now - self._probed_at >= self._policy.cooldown

    def _probed(self, succeeded: bool | None, now: float) -> None:
        self._probing = max(0, self._probing - 1)
        if succeeded is False:
            self._open(min(self._policy.longest, max(self._cooldown, 0.001) * self._policy.growth), now)
        elif succeeded:
            self._passed += 1
            if self._passed >= self._policy.probes:
                self._close()

    def _open(self, cooldown: float, now: float) -> None:
        self._epoch += 1
        self._cooldown = cooldown
        self._until = now + cooldown
        self._probing = self._passed = self._row = 0
        self._window.clear()

    def _close(self) -> None:
        self._epoch += 1
        self._until = None
        self._cooldown = self._policy.cooldown
        self._probing = self._passed = self._row = 0
