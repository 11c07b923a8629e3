"""
The sums of a batch, kept as it goes.

Rule: constant in size; a row is counted when its outcome is kept, never before.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from dragoman.batch.journal import Kind
from dragoman.batch.lines import Line, cost_of
from dragoman.types.batches import BatchReport


class Tally:
    """
    Counts outcomes.

    Attributes:
        rows: In the input, once they are counted.
        reused: Outcomes of earlier runs.
        again: Rows that earlier runs had sent in vain, and this one sends again.
        stopped: Why the run ended early, or None.
    """

    def __init__(self) -> None:
        self.rows: int | None = None
        self.reused = self.again = self.requests = 0
        self.done = self.failed = self.unpriced = 0
        self.stopped: str | None = None
        self.seconds = 0.0
        self._input = self._output = 0
        self._cost = Decimal(0)
        self._errors: Counter[str] = Counter()

    def count(self, kind: Kind, line: Line, *, reused: bool = False) -> None:
        """Count one outcome."""
        self._input += line.usage.input_tokens or 0
        self._output += line.usage.output_tokens or 0
        cost = cost_of(line)
        self._cost += cost or 0
        if reused:
            self.reused += 1
        else:
            self.requests += len(line.attempts)
        if kind == Kind.DONE:
            self.done += 1
            self.unpriced += cost is None
        else:
            self.failed += 1
            self._errors[line.error.kind if line.error else "unknown"] += 1

    def report(self) -> BatchReport:
        """How it stands."""
        return BatchReport(
            rows=self.rows,
            done=self.done,
            failed=self.failed,
            reused=self.reused,
            again=self.again,
            input_tokens=self._input,
            output_tokens=self._output,
            cost=self._cost,
            unpriced=self.unpriced,
            errors=dict(self._errors),
            requests=self.requests,
            seconds=self.seconds,
            stopped=self.stopped,
        )
