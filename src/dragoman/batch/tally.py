"""
The sums of a batch, kept as it goes.

Rule: constant in size; a row is counted when its outcome is kept, never before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from dragoman.batch.figures import Latencies, Projection, Recent, Timeline, as_dollars
from dragoman.batch.journal import Kind
from dragoman.batch.lines import Line, cost_of, parts_of
from dragoman.types.batches import BatchPoint, BatchReport

_REFUSED = 429


class Tally:
    """
    Counts outcomes.

    Attributes:
        rows: In the input, once they are counted.
        reused: Outcomes of earlier runs.
        again: Rows that earlier runs had sent in vain, and this one sends again.
        stopped: Why the run ended early, or None.
        seconds: That the run took, once it has ended.
        projection: What all will cost.
        waiting: Says for whom the run waits; empty if for nobody.
        notes: Says which rows were asked how.
        limit: Says how many tokens a minute are allowed, if that is known.
    """

    def __init__(self) -> None:
        self.rows: int | None = None
        self.reused = self.again = self.requests = 0
        self.done = self.failed = self.unpriced = 0
        self.stopped: str | None = None
        self.seconds = 0.0
        self.projection = Projection()
        self.waiting: Callable[[], str] = str
        self.notes: Callable[[], tuple[str, ...]] = tuple
        self.limit: Callable[[], float | None] = lambda: None
        self._begun: float | None = None
        self._input = self._output = self._cached = 0
        self._attempts = self._refused = self._tokens = 0
        self._cost = Decimal(0)
        self._parts: dict[str, Decimal] = {}
        self._errors: Counter[str] = Counter()
        self._latencies = Latencies()
        self._timeline = Timeline()
        self._recent = Recent()

    def begin(self) -> None:
        """A run begins now."""
        self._begun = time.monotonic()
        self.note()

    def count(self, kind: Kind, line: Line, *, reused: bool = False) -> Decimal | None:
        """Count one outcome, and return its cost."""
        usage, cost = line.usage, cost_of(line)
        read, given = usage.input_tokens or 0, usage.output_tokens or 0
        self._input += read
        self._output += given
        self._cached += usage.cache_read_tokens or 0
        if cost:
            self._cost += cost
            for name, part in parts_of(line):
                self._parts[name] = self._parts.get(name, Decimal(0)) + part
        self._attempts += len(line.attempts)
        for attempt in line.attempts:
            self._refused += attempt.status == _REFUSED
        if reused:
            self.reused += 1
        else:
            self.requests += len(line.attempts)
            self._tokens += read + given
        if kind == Kind.DONE:
            self.done += 1
            self.unpriced += cost is None
            self._latencies.add(line.latency_ms)
        else:
            self.failed += 1
            self._errors[line.error.kind if line.error else "unknown"] += 1
        return cost

    def uncount(self, error: str) -> None:
        """A row that had failed with an error of this class was tried again: what it cost stays."""
        self.failed -= 1
        self._errors[error] -= 1
        if not self._errors[error]:
            del self._errors[error]

    def note(self, *, last: bool = False) -> None:
        """Note for the figures over time how it stands now; to be called now and then."""
        seconds = self._seconds
        fresh = self.done + self.failed - self.reused
        self._recent.add(seconds, fresh, self._tokens)
        self._timeline.add(
            BatchPoint(seconds=round(seconds, 3), rows=fresh, failed=self.failed, tokens=self._tokens, cost=self._cost),
            last=last,
        )

    @property
    def _seconds(self) -> float:
        if self.seconds or self._begun is None:
            return self.seconds
        return time.monotonic() - self._begun

    def report(self) -> BatchReport:
        """How it stands."""
        seconds, fresh = self._seconds, self.done + self.failed - self.reused
        over = bool(self.seconds)
        rates = (fresh / seconds, self._tokens / seconds) if over else self._recent.rates(seconds, fresh, self._tokens)
        left = None if self.rows is None else self.rows - self.done - self.failed
        limit = None if over else self.limit()
        latencies = self._latencies
        return BatchReport(
            rows=self.rows,
            done=self.done,
            failed=self.failed,
            reused=self.reused,
            again=self.again,
            input_tokens=self._input,
            cached_tokens=self._cached,
            output_tokens=self._output,
            cost=self._cost,
            cost_parts=dict(self._parts),
            projected=self._projected(left),
            unpriced=self.unpriced,
            errors=dict(self._errors),
            requests=self.requests,
            attempts=self._attempts,
            refused=self._refused,
            latency_ms={name: at for name, part in _PARTS.items() if (at := latencies.at(part)) is not None},
            latencies=latencies.table(),
            seconds=seconds,
            rows_per_second=rates[0],
            tokens_per_minute=rates[1] * 60,
            tokens_limit=limit,
            eta_seconds=self._eta(left, rates, limit),
            waiting=self.waiting() or None,
            notes=self.notes(),
            stopped=self.stopped,
            timeline=self._timeline.points(),
        )

    def _projected(self, left: int | None) -> Decimal | None:
        """What the whole batch will have cost."""
        if not left:
            return None if left is None else self._cost
        if self.unpriced or not self.projection.total:
            return None
        more = self.projection.left(left)
        return None if more is None else self._cost + as_dollars(more)

    def _eta(self, left: int | None, rates: tuple[float, float], limit: float | None) -> float | None:
        """Seconds until all is settled: by what came of late, or by the limit if that lets less through."""
        if left is None:
            return None
        fresh = self.done + self.failed - self.reused
        if not left or not rates[0]:
            return None if left else 0.0
        by_limit = left * self._tokens / fresh / limit * 60 if limit and fresh else 0.0
        return max(left / rates[0], by_limit)


_PARTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
