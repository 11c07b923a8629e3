"""
Figures of a run that are kept as it goes: latencies, rates, and what the whole will cost.

Rule: constant in size, however many rows there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from math import exp2, log2
from typing import Any, Final, cast

import msgspec

from dragoman.types.batches import BatchPoint, BatchReport

# Buckets for each doubling of a latency: a percentile is right to 4.5 %.
_FINE: Final = 8
_LEAST: Final = 1 / 16  # milliseconds
# Points of a timeline; when there are more, every second one goes.
_POINTS: Final = 256
_STEP: Final = 0.25
# Seconds over which a recent rate is taken.
_RECENT: Final = 20.0
_BEAT: Final = 0.5
# Rows that may wait for slower ones before them.
_AHEAD: Final = 4096


class Latencies:
    """Milliseconds, in buckets that are an eighth of a doubling wide."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, ms: float) -> None:
        """Count one."""
        bucket = int(log2(ms / _LEAST) * _FINE) if ms > _LEAST else 0
        self._counts[bucket] = self._counts.get(bucket, 0) + 1

    def at(self, part: float) -> float | None:
        """The latency that this part of all does not exceed, in milliseconds; None of none."""
        wanted = part * sum(self._counts.values())
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return round(_LEAST * exp2((bucket + 0.5) / _FINE), 3)
        return None

    def table(self) -> dict[float, int]:
        """Lower end of each bucket in milliseconds, and how many are in it; those between are there, too."""
        if not self._counts:
            return {}
        places = range(min(self._counts), max(self._counts) + 1)
        return {round(_LEAST * exp2(place / _FINE), 3): self._counts.get(place, 0) for place in places}


class Timeline:
    """Rows, failures, tokens and dollars over time, at distances that double when there are too many."""

    def __init__(self) -> None:
        self._points: list[BatchPoint] = []
        self._step = _STEP

    def add(self, point: BatchPoint, *, last: bool = False) -> None:
        """Note how it stands, unless that was just done."""
        points = self._points
        if points and point.seconds - points[-1].seconds < self._step:
            if not last:
                return
            del points[-1]
        points.append(point)
        if len(points) > _POINTS:
            del points[1::2]
            self._step *= 2

    def points(self) -> tuple[BatchPoint, ...]:
        """Those that are kept."""
        return tuple(self._points)


class Recent:
    """How much came of late, by second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def add(self, seconds: float, rows: int, tokens: int) -> None:
        """Note the sums at this time."""
        seen = self._seen
        if seen and seconds - seen[-1][0] < _BEAT:
            return
        seen.append((seconds, rows, tokens))
        while seconds - seen[0][0] > _RECENT:
            seen.popleft()

    def rates(self, seconds: float, rows: int, tokens: int) -> tuple[float, float]:
        """Rows and tokens each second."""
        before, had, read = self._seen[0] if self._seen else (0.0, 0, 0)
        took = seconds - before
        return ((rows - had) / took, (tokens - read) / took) if took > 0 else (0.0, 0.0)


class Projection:
    """
    What all rows will cost, from those that are settled.

    A row's cost is taken to be a line over its size, fitted as rows come, so that it does not matter whether the short
    ones come first.  A row counts once those before it are settled: the first answers are those of short rows, and to
    count them as they come would be to ask the fastest.
    """

    def __init__(self) -> None:
        self.total = 0  # sizes of all rows, once they were looked through
        self._count = 0
        self._sizes = self._costs = self._squares = self._products = 0.0
        self._waiting: dict[int, tuple[int, float]] = {}
        self._next = 0
        self._size = 0  # of settled rows

    def add(self, place: int, size: int, cost: float) -> None:
        """
        Count a row.

        Args:
            place: In the order in which rows are taken.
            size: Of the row, in whatever unit.
            cost: US dollars.
        """
        self._size += size
        if place != self._next:
            self._waiting[place] = (size, cost)
            if len(self._waiting) > _AHEAD:
                self._next = min(self._waiting)
                self._go_on()
            return
        self._fit(size, cost)
        self._next += 1
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and (row := self._waiting.pop(self._next, None)) is not None:
            self._fit(*row)
            self._next += 1

    def _fit(self, size: int, cost: float) -> None:
        self._count += 1
        self._sizes += size
        self._costs += cost
        self._squares += size * size
        self._products += size * cost

    def left(self, rows: int) -> float | None:
        """US dollars that so many rows more will cost; None while nothing is known."""
        n = self._count
        if not n:
            return None
        mean, spread = self._costs / n, self._squares - self._sizes**2 / n
        slope = (self._products - self._sizes * self._costs / n) / spread if spread > 0 and n > 2 else 0.0
        size = (self.total - self._size) / rows if rows else 0.0
        return max(0.0, rows * (mean + slope * (size - self._sizes / n)))


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a run stood, as its journal keeps it now and then.

    Attributes:
        point: The sums.
        rows_per_second: Of late, as the three after it.
        tokens_per_minute, tokens_limit, eta_seconds, projected, waiting: As `BatchReport` has them.
    """

    point: BatchPoint
    rows_per_second: float = 0.0
    tokens_per_minute: float = 0.0
    tokens_limit: float | None = None
    eta_seconds: float | None = None
    projected: Decimal | None = None
    waiting: str | None = None


def mark_of(report: BatchReport) -> Mark:
    """The mark that a report makes."""
    return Mark(
        point=BatchPoint(
            seconds=round(report.seconds, 3),
            rows=report.done + report.failed - report.reused,
            failed=report.failed,
            tokens=report.timeline[-1].tokens if report.timeline else 0,
            cost=report.cost,
        ),
        rows_per_second=round(report.rows_per_second, 3),
        tokens_per_minute=round(report.tokens_per_minute, 1),
        tokens_limit=report.tokens_limit,
        eta_seconds=report.eta_seconds,
        projected=report.projected,
        waiting=report.waiting,
    )


def size_of(value: Any, line: bytes | None) -> int:
    """How large a row is, roughly: what its cost is measured by."""
    if line is not None:
        return len(line)
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(len(part) for part in cast("Mapping[str, object]", value).values() if isinstance(part, str))
    return 1


def as_dollars(value: float) -> Decimal:
    """An estimate as an amount, to six places."""
    return Decimal(f"{value:.6f}")
