"""
Calls, added up by group: counts, tokens, money, and how long they took.

Percentiles are of the nearest rank: the p95 of 20 calls is the 19th of them by length, a time that a call really took.
A sum is None where no call of the group says anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from dragoman.observe.logfile import Figures


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """
    One group.

    Attributes:
        name: Of the group.
        calls: How many.
        failed: How many of them ended in an error.
        input_tokens, output_tokens: Tokens.
        cost: US dollars.
        p50, p95: Seconds.
        course: Calls in each of `steps` equal parts of the time.
    """

    name: str
    calls: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    p50: float
    p95: float
    course: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """All tokens that are known of."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


def sums(calls: Sequence[Figures], *, steps: int, in_order: bool = False) -> list[Sum]:
    """
    Add up calls.

    Args:
        calls: What each comes to.
        steps: Into how many parts the time from the first to the last call is cut.
        in_order: By name (days), instead of the costliest, then the most calls first.
    """
    groups: dict[str, list[Figures]] = {}
    for call in calls:
        groups.setdefault(call.name or "-", []).append(call)
    times = [call.at for call in calls]
    span = (min(times), max(times)) if times else (0.0, 0.0)
    made = [_sum(name, members, span, steps) for name, members in groups.items()]
    if in_order:
        return sorted(made, key=lambda one: one.name)
    return sorted(made, key=lambda one: (-(one.cost or 0.0), -one.calls, one.name))


def percentile(values: Iterable[float], share: float) -> float:
    """
    The value of the nearest rank.

    >>> percentile([3, 1, 2, 4], 0.5)
    2
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _sum(name: str, calls: Sequence[Figures], span: tuple[float, float], steps: int) -> Sum:
    seconds = [call.seconds for call in calls]
    return Sum(
        name=name,
        calls=len(calls),
        failed=sum(call.failed for call in calls),
        input_tokens=_total(call.input_tokens for call in calls),
        output_tokens=_total(call.output_tokens for call in calls),
        cost=_money(call.cost for call in calls),
        p50=percentile(seconds, 0.5),
        p95=percentile(seconds, 0.95),
        course=_course([call.at for call in calls], span, steps),
    )


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _money(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def _course(times: Sequence[float], span: tuple[float, float], steps: int) -> tuple[int, ...]:
    first, last = span
    counts = [0] * steps
    for at in times:
        share = (at - first) / (last - first) if last > first else 1.0
        counts[min(steps - 1, int(share * steps))] += 1
    return tuple(counts)
