"""
The live engine: asks each row that is not settled, many at a time.

So many tasks take rows one after another; how fast they may send is the client's limiter to say.  An outcome is written
to the journal in the moment that it is there, and made durable together with others some times a second, so that no
task waits for the disk.

Rule: what is wrong with a row ends that row; what is wrong with the account, the budget, the disk or the input ends the
run, and then no row is marked as failed that was not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from dragoman.batch.index import Index
from dragoman.batch.journal import Journal, Kind
from dragoman.batch.lines import answered, failed, read_line
from dragoman.batch.rows import Row, Rows
from dragoman.batch.source import Given
from dragoman.batch.tally import Tally
from dragoman.errors import (
    AuthenticationError,
    BatchError,
    BudgetError,
    DragomanError,
    MissingKeyError,
    QuotaError,
    SourceError,
)
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

# Seconds between two times that what was written is made durable.
_SYNC: Final = 0.05
# Settled rows that are passed over before other tasks have their turn.
_PASSED: Final = 500
# The account's fault, not the row's: the next one would fail as well.
_ENDS_ALL: Final = (AuthenticationError, MissingKeyError, QuotaError, BudgetError)


class Engine:
    """
    One run over the rows.

    Args:
        given: The rows, in order.
        rows: Makes requests of them.
        journal: Where outcomes are kept.
        index: Where they stand.
        tally: Counts them.
        window: Most rows under way at once.
        ordered: Whether outcomes have their place by the input, or as they come.
        look: Looks at each row first, where that was not done for all before; or None.
        changed: Called when outcomes have become durable.
    """

    def __init__(
        self,
        given: Iterator[Given],
        rows: Rows,
        journal: Journal,
        index: Index,
        tally: Tally,
        *,
        window: int,
        ordered: bool,
        look: Callable[[Given], object] | None,
        changed: Callable[[], None],
    ) -> None:
        self._given = given
        self._rows = rows
        self._journal = journal
        self._index = index
        self._tally = tally
        self._window = window
        self._ordered = ordered
        self._look = look
        self._changed = changed
        self._error: BaseException | None = None
        self._stopping = self._ended = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = self._without_room = self._taken = self._settled = 0
        self._room: asyncio.Event = asyncio.Event()
        self._written = asyncio.Event()

    async def run(self, client: AsyncClient) -> None:
        """
        Ask until all rows are settled, or somebody stops it.

        Raises:
            DragomanError: What ended the run; all outcomes until then are kept.
        """
        syncing = asyncio.create_task(self._sync())
        self._tasks = {asyncio.create_task(self._work(client)) for _ in range(self._window)}
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
            if any(task.done() and not task.cancelled() and task.exception() for task in self._tasks):
                self.stop(None)  # the caller's iterator or middleware raised what is no error of ours
            await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            self.stop(None)
            await asyncio.wait(self._tasks)
            raise
        finally:
            syncing.cancel()
            await asyncio.wait([syncing])
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._error = self._error or error
        if self._error is not None:
            raise self._error

    @property
    def whole(self) -> bool:
        """Whether the input was read to its end, and everything that it gave is settled."""
        return self._ended and self._taken == self._settled

    def stop(self, grace: float | None) -> None:
        """Take no more rows; leave those under way so many seconds, or none."""
        self._stopping = True
        self._room.set()
        if grace is None:
            for task in self._tasks:
                task.cancel()
        else:
            asyncio.get_running_loop().call_later(grace, self.stop, None)

    def _halt(self, error: DragomanError) -> None:
        self._error = self._error or error
        self._stopping = True
        self._room.set()
        if isinstance(error, BatchError) and not isinstance(error, SourceError):
            self.stop(None)  # what would still come could not be kept

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def _work(self, client: AsyncClient) -> None:
        passed = 0
        while not self._stopping:
            try:
                given = next(self._given, None)
                if given is None:
                    self._ended = True
                    return
                self._taken += 1
                row = self._row(given)
                if row is not None:
                    await self._settle(client, row)
                    continue
            except BatchError as error:  # the input or the journal
                self._halt(error)
                return
            passed += 1
            if passed % _PASSED == 0:
                await asyncio.sleep(0)

    def _row(self, given: Given) -> Row | None:
        """The row, or None if it is settled already."""
        if self._look is not None:
            self._look(given)
        row = self._rows.row(given)
        known = self._index.settled(row.key)
        if known is None:
            self._tally.again += self._index.was_sent(row.key)
            return row
        record = self._journal.read(known[0])
        self._place(row, known[0])
        self._tally.count(record.kind, read_line(record.payload), reused=True)
        self._written.set()
        return None

    async def _settle(self, client: AsyncClient, row: Row) -> None:
        begun = time.monotonic()
        if not isinstance(row.request, ChatRequest):
            self._keep(Kind.FAILED, row, failed(row, row.request, seconds=0.0))
            return
        self._under_way += 1
        try:
            response = await self._asked(client, row, row.request)
        except _ENDS_ALL as error:
            self._halt(error)
        except DragomanError as error:
            self._keep(Kind.FAILED, row, failed(row, error, seconds=time.monotonic() - begun))
        else:
            if response is not None:
                provider = client.providers.get(response.provider or "")
                spoken = provider.wire if provider else None
                line = answered(row, response, seconds=time.monotonic() - begun, spoken=spoken)
                self._keep(Kind.DONE, row, line)
        finally:
            self._under_way -= 1
            self._room.set()

    async def _asked(self, client: AsyncClient, row: Row, request: ChatRequest) -> ChatResponse | None:
        """Ask; where the money that is left is reserved for others, wait until some of it is free again."""
        self._journal.append(Kind.SENT, row.number, row.key)
        while True:
            try:
                return await client.send(request)
            except BudgetError:
                self._without_room += 1
                try:
                    if self._without_room >= self._under_way:
                        raise
                    self._room.clear()
                    await self._room.wait()
                finally:
                    self._without_room -= 1
                if self._stopping:
                    return None

    def _keep(self, kind: Kind, row: Row, line: bytes) -> None:
        at = self._journal.append(kind, row.number, row.key, line)
        self._index.settle(row.key, at, failed=kind == Kind.FAILED)
        self._place(row, at)
        self._tally.count(kind, read_line(line))
        self._written.set()

    def _place(self, row: Row, at: int) -> None:
        self._index.put(row.number if self._ordered else self._settled, at)
        self._settled += 1

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._written.wait()
            self._written.clear()
            try:
                await loop.run_in_executor(None, self._journal.sync)
            except BatchError as error:
                self._halt(error)
                return
            self._changed()
            await asyncio.sleep(_SYNC)
