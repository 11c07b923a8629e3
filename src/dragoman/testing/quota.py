"""
Simulated providers that count: what they admit, what they refuse, and what they say about it.

Each holds meters of its own, has a clock only as an argument, and answers with the headers of a real dialect, as text,
so that what reads them is tried too.

Kinds (`KINDS`):
    strict      enforces its limits by the minute over 1 s for requests and 5 s for tokens; a refused request counts
    announced   the same, and its headers say so
    lenient     bears a minute's worth at once
    azure       counts in windows of 10 s
    anthropic   input and output buckets, the output charged when it is written; whole seconds and thousands in headers
    neighbour   announced, and someone else eats 40 %
    halved      announced, and the limits are halved in the middle
    windows     counts in windows of 1 s, and gives their end where others give the time to full
    silent      strict, and says nothing at all

Source: FACTS section 2.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Literal, Protocol

import msgspec

_WINDOWS: Final = {"azure": 10.0, "windows": 1.0}
_EPOCH: Final = 1_800_000_000  # what the simulated providers' `Date` says at 0
_SLACK: Final = 1e-9

Kind = Literal["strict", "announced", "lenient", "azure", "anthropic", "neighbour", "halved", "windows", "silent"]
KINDS: Final[tuple[Kind, ...]] = (
    *("strict", "announced", "lenient", "azure"),
    *("anthropic", "neighbour", "halved", "windows", "silent"),
)


class Meter(Protocol):
    """One limit, as a provider counts it."""

    rate: float

    def left(self, now: float) -> float:
        """What can still be taken."""
        ...

    def fits(self, cost: float, now: float) -> bool:
        """Whether it may be taken now."""
        ...

    def take(self, cost: float) -> None:
        """Charge it."""
        ...

    def wait(self, cost: float, now: float) -> float:
        """Seconds until it fits."""
        ...

    def scale(self, factor: float, now: float) -> None:
        """Change the limit."""
        ...


class Tank:
    """A bucket that fills continuously.  What is larger than it passes when it is full."""

    def __init__(self, rate: float, seconds: float) -> None:
        self.rate = rate
        self.capacity = rate * seconds
        self.level = self.capacity
        self._at = 0.0

    def left(self, now: float) -> float:
        self.level = min(self.capacity, self.level + self.rate * max(0.0, now - self._at))
        self._at = max(self._at, now)
        return self.level

    def fits(self, cost: float, now: float) -> bool:
        return self.left(now) >= min(cost, self.capacity) - _SLACK

    def take(self, cost: float) -> None:
        self.level -= cost

    def wait(self, cost: float, now: float) -> float:
        return max(0.0, min(cost, self.capacity) - self.left(now)) / self.rate

    def scale(self, factor: float, now: float) -> None:
        self.left(now)
        self.rate, self.capacity = self.rate * factor, self.capacity * factor
        self.level = min(self.level, self.capacity)


class Windowed:
    """So much in each window of a clock; what is left at its end is lost."""

    def __init__(self, rate: float, seconds: float) -> None:
        self.rate = rate
        self.seconds = seconds
        self.used = 0.0
        self._window = 0

    def left(self, now: float) -> float:
        window = int(now // self.seconds)
        if window != self._window:
            self._window, self.used = window, 0.0
        return self.rate * self.seconds - self.used

    def fits(self, cost: float, now: float) -> bool:
        return self.left(now) >= cost - _SLACK or self.used == 0.0

    def take(self, cost: float) -> None:
        self.used += cost

    def wait(self, cost: float, now: float) -> float:
        return 0.0 if self.fits(cost, now) else (self._window + 1) * self.seconds - now

    def scale(self, factor: float, now: float) -> None:
        self.left(now)
        self.rate *= factor


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated provider says: status, headers in lower case, and words where it refuses."""

    status: int
    headers: dict[str, str]
    message: str = ""


class Quota:
    """
    One simulated provider.

    Args:
        kind: See the module.
        seed: Of the neighbour's habits.
        requests: Per minute.
        tokens: Per minute.
        halve_at: When `halved` halves its limits, in seconds.

    Attributes:
        rates: Per second, by unit, of what can be had in the long run at the start.
        burst: Seconds of the rate that may come at once, by unit.
    """

    def __init__(
        self, kind: Kind, seed: int = 1, *, requests: float = 3000, tokens: float = 1_500_000, halve_at: float = 15.0
    ) -> None:
        self.kind: Kind = kind
        self._rng = random.Random(seed)
        self.rates = _rates(kind, requests / 60, tokens / 60)
        self.burst = {unit: _burst(kind, unit) for unit in self.rates}
        window = _WINDOWS.get(kind)
        self._meters: dict[str, Meter] = {
            unit: Tank(rate, self.burst[unit]) if window is None else Windowed(rate, window)
            for unit, rate in self.rates.items()
        }
        # A strict provider shows the bucket of the minute, and enforces another one.
        minute = kind in ("strict", "lenient")
        self._shown: dict[str, Meter] = (
            {unit: Tank(rate, 60.0) for unit, rate in self.rates.items()} if minute else self._meters
        )
        self._halve_at = halve_at if kind == "halved" else math.inf
        self._neighbour_at = 0.0 if kind == "neighbour" else math.inf

    def admit(self, cost: Mapping[str, float], now: float) -> Answer:
        """A request arrives; `cost` is what it will really take, by unit."""
        self._live(now)
        full = next((unit for unit in self._meters if not self._fits(unit, cost.get(unit, 0.0), now)), None)
        if full is None:
            self._charge({unit: amount for unit, amount in cost.items() if not self._later(unit)}, now)
            return Answer(status=200, headers=self._headers(now))
        if self.kind not in ("lenient", "azure", "anthropic"):
            self._charge({"requests": 1.0}, now)
        wait = self._meters[full].wait(cost.get(full, 0.0), now)
        if self.kind == "silent":
            return Answer(status=429, headers={}, message="slow down")
        headers = self._headers(now) | {"retry-after-ms": str(math.ceil(wait * 1000))}
        return Answer(status=429, headers=headers, message=f"Rate limit reached on {_WORDS[full]}")

    def finish(self, cost: Mapping[str, float], now: float) -> None:
        """The answer is written: what is counted only then is charged."""
        self._live(now)
        self._charge({unit: amount for unit, amount in cost.items() if self._later(unit)}, now)

    def ideal(self, totals: Mapping[str, float]) -> float:
        """Seconds that a client who knows everything needs to have calls of these costs admitted."""
        mine = 0.6 if self.kind == "neighbour" else 1.0
        longest = 0.0
        for unit, rate in self.rates.items():
            # A burst of a minute is nothing that a client should rely on.
            burst = self.burst[unit] if self.burst[unit] < 60 else 0.0
            seconds = max(0.0, totals.get(unit, 0.0) - rate * burst) / (rate * mine)
            if seconds > self._halve_at:
                seconds = self._halve_at + (seconds - self._halve_at) * 2
            longest = max(longest, seconds)
        return longest

    def _later(self, unit: str) -> bool:
        return self.kind == "anthropic" and unit == "output"

    def _fits(self, unit: str, cost: float, now: float) -> bool:
        return self._meters[unit].fits(1.0 if self._later(unit) else cost, now)

    def _charge(self, cost: Mapping[str, float], now: float) -> None:
        for meters in (self._meters, self._shown) if self._shown is not self._meters else (self._meters,):
            for unit, amount in cost.items():
                if unit in meters:
                    meters[unit].left(now)
                    meters[unit].take(amount)

    def _live(self, now: float) -> None:
        """What happened since: the limit was changed, someone else came."""
        if now >= self._halve_at:
            for meter in {id(m): m for m in (*self._meters.values(), *self._shown.values())}.values():
                meter.scale(0.5, self._halve_at)
            self._halve_at = math.inf
        while self._neighbour_at <= now:
            at = self._neighbour_at
            size = self._rng.uniform(200, 1000)
            cost = {"requests": 1.0, "tokens": size}
            if all(meter.fits(cost.get(unit, 0.0), at) for unit, meter in self._meters.items()):
                self._charge(cost, at)
            self._neighbour_at += self._rng.expovariate(0.4 * self.rates["tokens"] / 600)

    def _headers(self, now: float) -> dict[str, str]:
        if self.kind == "silent":
            return {}
        moment = datetime.fromtimestamp(_EPOCH + int(now), UTC)
        found = {"date": format_datetime(moment, usegmt=True)}
        for unit, meter in self._shown.items():
            found |= _WRITERS.get(self.kind, _openai)(unit, meter, now)
        return found


_WORDS: Final = {
    "requests": "requests per min (RPM)",
    "tokens": "tokens per min (TPM)",
    "input": "input tokens per minute",
    "output": "output tokens per minute",
}


def _rates(kind: Kind, requests: float, tokens: float) -> dict[str, float]:
    if kind == "anthropic":
        return {"requests": requests, "input": tokens * 0.8, "output": tokens * 0.2}
    return {"requests": requests, "tokens": tokens}


def _burst(kind: Kind, unit: str) -> float:
    if kind in ("lenient", "anthropic"):
        return 60.0
    return 0.0 if kind in _WINDOWS else 1.0 if unit == "requests" else 5.0


def _openai(unit: str, meter: Meter, now: float) -> dict[str, str]:
    """The bucket as it is: its size, what is left, and the time to full as Go prints it."""
    assert isinstance(meter, Tank)
    missing = (meter.capacity - meter.left(now)) / meter.rate
    return {
        f"x-ratelimit-limit-{unit}": str(int(meter.capacity)),
        f"x-ratelimit-remaining-{unit}": str(max(0, int(meter.left(now)))),
        f"x-ratelimit-reset-{unit}": f"{missing:.3f}s" if missing >= 1 else f"{missing * 1000:.0f}ms",
    }


def _azure(unit: str, meter: Meter, now: float) -> dict[str, str]:
    """The limit of the minute, its period, and what is left of the window."""
    return {
        f"x-ratelimit-limit-{unit}": str(int(meter.rate * 60)),
        f"x-ratelimit-remaining-{unit}": str(max(0, int(meter.left(now)))),
        f"x-ratelimit-renewalperiod-{unit}": "60",
    }


def _anthropic(unit: str, meter: Meter, now: float) -> dict[str, str]:
    """Tokens in thousands, and the moment of being full in whole seconds."""
    assert isinstance(meter, Tank)
    left, grain = max(0.0, meter.left(now)), 1 if unit == "requests" else 1000
    full = datetime.fromtimestamp(_EPOCH + math.ceil(now + (meter.capacity - meter.left(now)) / meter.rate), UTC)
    base = f"anthropic-ratelimit-{unit}" + ("" if unit == "requests" else "-tokens")
    return {
        f"{base}-limit": str(int(meter.capacity)),
        f"{base}-remaining": str(int(left // grain * grain)),
        f"{base}-reset": full.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _windows(unit: str, meter: Meter, now: float) -> dict[str, str]:
    """The limit of the window, what is left of it, and when it ends."""
    assert isinstance(meter, Windowed)
    return {
        f"x-ratelimit-limit-{unit}": str(int(meter.rate * meter.seconds)),
        f"x-ratelimit-remaining-{unit}": str(max(0, int(meter.left(now)))),
        f"x-ratelimit-reset-{unit}": f"{(meter.seconds - now % meter.seconds) * 1000:.0f}ms",
    }


_WRITERS: Final = {"windows": _windows, "azure": _azure, "anthropic": _anthropic}
