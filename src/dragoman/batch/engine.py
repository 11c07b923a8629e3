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
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.batch.feed import Feed
from dragoman.batch.journal import Kind
from dragoman.batch.keeping import Keeping
from dragoman.batch.lines import answered, failed, repeated
from dragoman.batch.outage import Doors, speaks_of_outage
from dragoman.batch.packs import Packs
from dragoman.batch.prefix import Warming
from dragoman.batch.rows import Row, Rows
from dragoman.batch.source import Given
from dragoman.batch.vectors import VectorRequest
from dragoman.errors import (
    AuthenticationError,
    BatchError,
    BudgetError,
    ConfigError,
    DragomanError,
    MissingKeyError,
    QuotaError,
    SourceError,
)
from dragoman.types.attempts import Attempt
from dragoman.types.embeddings import EmbedResponse
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

# Seconds between two times that what was written is made durable, and after which what was sent is written.
_SYNC: Final = 0.05
# Seconds between two notes of how the run stands.
_MARK: Final = 2.0
# Settled rows that are passed over before other tasks have their turn.
_PASSED: Final = 500
# The account's fault, or that of who asks, not the row's: the next one would fail as well.
_ENDS_ALL: Final = (AuthenticationError, MissingKeyError, QuotaError, BudgetError, BatchError)

Asked = ChatRequest | VectorRequest
Answer = ChatResponse | EmbedResponse


class Engine:
    """
    One run over the rows.

    Args:
        given: The rows, in order; a `Feed` where an iterator of them may let wait.
        rows: Makes requests of them.
        keeping: Where outcomes go.
        window: Most rows under way at once.
        outage: Seconds that rows wait for a provider that is down.
        look: Looks at each row first, where that was not done for all before; or None.
    """

    def __init__(
        self,
        given: Iterator[Given] | Feed,
        rows: Rows,
        keeping: Keeping,
        *,
        window: int,
        outage: float,
        look: Callable[[Given], object] | None,
    ) -> None:
        self._given = given
        self._rows = rows
        self._keeping = keeping
        self._journal = keeping.journal
        self._index = keeping.index
        self._tally = keeping.tally
        self._twins = keeping.twins
        self._placed = keeping.placed  # by whoever kept before
        self._window = window
        self._look = look
        self._error: BaseException | None = None
        self._stopping = self._ended = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._doors = Doors(outage, self._halt)
        self._warming = Warming()
        self._packs = Packs(window)
        keeping.tally.waiting = self._doors.__str__
        self._recalled = keeping.index.recalled
        self._model = ""
        self._flushing: asyncio.TimerHandle | None = None
        self._under_way = self._without_room = self._taken = 0
        self._room: asyncio.Event = asyncio.Event()
        self._written = asyncio.Event()

    async def run(self, client: AsyncClient) -> None:
        """
        Ask until all rows are settled, or somebody stops it.

        Raises:
            DragomanError: What ended the run; all outcomes until then are kept.
        """
        self._tally.limit = partial(self._tokens, client)
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
            await self._packs.close()
            syncing.cancel()
            await asyncio.wait([syncing])
            if self._flushing is not None:
                self._flushing.cancel()
                self._flush()
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._error = self._error or error
        if self._error is not None:
            raise self._error

    def _tokens(self, client: AsyncClient) -> float | None:
        """Tokens a minute that are allowed to the model that was asked last."""
        plain = client._plain  # pyright: ignore[reportPrivateUsage] - what the batch runs by
        rate = plain.rate(self._model, "tokens") if self._model else None
        return None if rate is None else rate * 60

    @property
    def whole(self) -> bool:
        """Whether the input was read to its end, and everything that it gave is settled."""
        return self._ended and self._taken == self._keeping.placed - self._placed

    def stop(self, grace: float | None) -> None:
        """Take no more rows; leave those under way so many seconds, or none."""
        self._take_no_more()
        if grace is None:
            for task in self._tasks:
                task.cancel()
        else:
            asyncio.get_running_loop().call_later(grace, self.stop, None)

    def _halt(self, error: DragomanError) -> None:
        self._error = self._error or error
        self._take_no_more()
        if isinstance(error, BatchError) and not isinstance(error, SourceError) and error.field != "outage":
            self.stop(None)  # what would still come could not be kept

    def _take_no_more(self) -> None:
        self._stopping = True
        self._room.set()
        self._doors.free()
        if isinstance(self._given, Feed):
            self._given.stop()

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def _work(self, client: AsyncClient) -> None:
        passed = 0
        while not self._stopping:
            try:
                given = await self._given.take() if isinstance(self._given, Feed) else next(self._given, None)
                if given is None:
                    self._ended = not (isinstance(self._given, Feed) and self._given.stopped)
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
        if self._recalled and self._keeping.settled(row):
            self._written.set()
            return None
        self._tally.again += self._index.was_sent(row.key)
        return row

    async def _settle(self, client: AsyncClient, row: Row) -> None:
        if isinstance(row.request, ConfigError):
            self._keep(Kind.FAILED, row, failed(row, row.request, seconds=0.0))
        elif self._twins is None:
            await self._send(client, row, row.request)
        elif (at := await self._twins.turn(row.same)) is not None:
            self._keep(Kind.DONE, row, repeated(row, self._journal.read(at).payload))
        else:
            try:
                await self._send(client, row, row.request)
            finally:
                self._twins.over(row.same)

    async def _send(self, client: AsyncClient, row: Row, request: Asked) -> None:
        first = await self._warming.turn(row.given.prefix)
        try:
            if not self._stopping:  # it may have waited long for its turn
                await self._settled(client, row, request)
        finally:
            if first is not None:
                first.set()

    async def _settled(self, client: AsyncClient, row: Row, request: Asked) -> None:
        begun = time.monotonic()
        self._under_way += 1
        self._sent(row)
        try:
            response = await self._answer(client, row, request)
        except _ENDS_ALL as error:
            self._halt(error)
        except DragomanError as error:
            self._keep(Kind.FAILED, row, failed(row, error, seconds=time.monotonic() - begun))
        else:
            if response is not None:
                provider = client.providers.get(response.provider or "")
                spoken = provider.wire if provider else None
                seconds = time.monotonic() - begun
                line = answered(row, response, seconds=seconds, spoken=spoken, shared=self._twins is not None)
                self._keep(Kind.DONE, row, line)
        finally:
            self._under_way -= 1
            self._room.set()

    async def _answer(self, client: AsyncClient, row: Row, request: Asked) -> Answer | None:
        """Ask until it is answered, or is to blame itself; None if the run was stopped before."""
        self._model = request.model
        door, earlier, times = self._doors.of(request.model), tuple[Attempt, ...](), 0
        if door.shut:
            await door.wait()
        while not (self._stopping and door.shut):
            sent = time.monotonic()
            try:
                response = await self._asked(client, request, again=times > 0)
            except _ENDS_ALL:
                raise
            except DragomanError as error:
                times, last = times + 1, error.attempts[-1:]
                error.attempts = earlier = (*earlier, *error.attempts)
                if not speaks_of_outage(error):
                    if error.status is not None:
                        door.answered()
                    raise
                sent = time.monotonic() - last[0].seconds if last else sent
                if not await door.failed(error, sent, times):
                    raise
            else:
                door.answered()
                return _with_attempts(response, earlier)
        return None

    async def _asked(self, client: AsyncClient, request: Asked, *, again: bool) -> Answer | None:
        """Ask; where the money that is left is reserved for others, wait until some of it is free again."""
        while True:
            try:
                if isinstance(request, ChatRequest):
                    return await client.send(request)
                return await self._packs.ask(client, request, alone=again)
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
        self._keeping.keep(kind, row, line)
        self._written.set()

    def _sent(self, row: Row) -> None:
        """Note that a row is sent; it is written with the next outcome, or soon."""
        self._journal.hold(Kind.SENT, row.number, row.key)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_SYNC, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        try:
            self._journal.flush()
        except BatchError as error:
            self._halt(error)

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + _MARK
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MARK):  # `wait_for` may swallow the end of the run (CPython 3.11)
                    await self._written.wait()
            self._written.clear()
            try:
                if loop.time() >= due:
                    due = loop.time() + _MARK
                    self._keeping.mark()
                await self._keeping.sync()
            except BatchError as error:
                self._halt(error)
                return
            await asyncio.sleep(_SYNC)


def _with_attempts(response: Answer | None, earlier: tuple[Attempt, ...]) -> Answer | None:
    if response is None or not earlier:
        return response
    return msgspec.structs.replace(response, attempts=(*earlier, *response.attempts))
