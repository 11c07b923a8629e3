"""
Where outcomes of rows go: the journal, its index, the sums.

Rule: one for both engines: a row that either has kept is settled for the other, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from dragoman.batch.figures import mark_of, size_of
from dragoman.batch.index import Index
from dragoman.batch.journal import NO_KEY, Journal, Kind
from dragoman.batch.lines import read_line
from dragoman.batch.rows import Row
from dragoman.batch.tally import Tally
from dragoman.batch.twins import Twins


class Keeping:
    """
    Keeps outcomes.

    Args:
        journal: Where they are written.
        index: Where they are found again.
        tally: Counts them.
        ordered: Whether they have their place by the input, or as they come.
        changed: Called when outcomes have become durable.
        twins: Knows the rows that ask the same, if they are paid once; or None.

    Attributes:
        placed: Outcomes that have their place.
    """

    def __init__(
        self,
        journal: Journal,
        index: Index,
        tally: Tally,
        *,
        ordered: bool,
        changed: Callable[[], None],
        twins: Twins | None = None,
    ) -> None:
        self.twins = twins
        self.placed = 0
        self.journal = journal
        self.index = index
        self.tally = tally
        self._ordered = ordered
        self._changed = changed

    def settled(self, row: Row) -> bool:
        """Whether an earlier run has settled it; it is counted then."""
        known = self.index.settled(row.key)
        if known is None:
            return False
        record = self.journal.read(known[0])
        self._place(row, known[0])
        self._count(record.kind, row, record.payload, reused=True)
        return True

    def keep(self, kind: Kind, row: Row, line: bytes) -> None:
        """Write an outcome; it is durable after the next `sync`."""
        at = self.journal.append(kind, row.number, row.key, line)
        self.index.settle(row.key, at, failed=kind == Kind.FAILED)
        self._place(row, at)
        self._count(kind, row, line)
        if kind == Kind.DONE and self.twins is not None:
            self.twins.keep(row.same, at)

    def _count(self, kind: Kind, row: Row, payload: bytes, *, reused: bool = False) -> None:
        cost = self.tally.count(kind, read_line(payload), reused=reused)
        self.tally.projection.add(row.number, size_of(row.given.value, row.given.line), float(cost or 0))

    def mark(self) -> None:
        """Say in the journal how the run stands, for who looks at it from elsewhere."""
        self.journal.append(Kind.MARK, 0, NO_KEY, msgspec.json.encode(mark_of(self.tally.report())))

    def _place(self, row: Row, at: int) -> None:
        self.index.put(row.number if self._ordered else self.placed, at)
        self.placed += 1

    async def sync(self) -> None:
        """Make all that was written durable."""
        await asyncio.get_running_loop().run_in_executor(None, self.journal.sync)
        self.tally.note()
        self._changed()
