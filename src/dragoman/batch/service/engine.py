"""
Hands rows in, waits, and takes what comes back.

    fill -> recover -> ( submit -> wait -> look -> collect )* -> rows that are left are asked live, or none are left

Rule: nothing is sent that is not in the journal first.  A process may be killed between any two lines here: the next
one finds by the journal and the provider's own list what it has done, and does nothing twice.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from dragoman.batch.keeping import Keeping
from dragoman.batch.rows import Rows
from dragoman.batch.service.choosing import FEW, Lots
from dragoman.batch.service.collecting import TRIES
from dragoman.batch.service.filling import Filling
from dragoman.batch.service.logbook import Logbook
from dragoman.batch.service.sending import Sender
from dragoman.batch.service.spool import Spool
from dragoman.batch.service.watching import Watching
from dragoman.batch.source import Given
from dragoman.types.batching import BatchOptions

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

# Seconds that one live call takes, for the time that is kept for them before a deadline.
_CALL: Final = 5.0
_MARGIN: Final = 1.5


class Remote:
    """
    One run over the rows, at providers' batch APIs.

    Args:
        given: The rows, in order.
        rows: Makes requests of them.
        keeping: Where outcomes go.
        book: What was handed in so far.
        options: The batch's own keywords.
        client: Asks.

    Attributes:
        revoked: Whether what is at the provider is to be cancelled there.
    """

    def __init__(
        self,
        given: Iterator[Given],
        rows: Rows,
        keeping: Keeping,
        book: Logbook,
        options: BatchOptions,
        client: AsyncClient,
    ) -> None:
        plain = client._plain  # pyright: ignore[reportPrivateUsage]
        self.revoked = False
        self._given = given
        self._book = book
        self._keeping = keeping
        self._options = options
        self._live = options.mode != "provider"
        self._stopped = asyncio.Event()
        self._spool = Spool()
        self._lots = Lots(plain, options.mode)
        self._filling = Filling(self._spool, rows, self._lots, keeping, plain)
        entries = book.all
        self._begun = entries[0].intent.at if entries else time.time()
        job = entries[0].intent.tag.split("-")[1] if entries else secrets.token_hex(8)
        self._sender = Sender(self._spool, keeping.journal, book, plain, job, keeping.sync, options.poll)
        self._watching = Watching(
            self._spool,
            keeping,
            book,
            self._lots,
            plain,
            self._filling.forms,
            self._sender,
            poll=options.poll,
            live=self._live,
        )
        self._task: asyncio.Task[None] | None = None

    def notes(self) -> tuple[str, ...]:
        """What was chosen, and why."""
        return (*self._sender.notes(), *self._lots.notes())

    @property
    def left(self) -> int:
        """Rows that are to be asked live."""
        return self._spool.count(live=True)

    @property
    def whole(self) -> bool:
        """Whether the input was read to its end, and everything that it gave is settled or to be asked live."""
        return self._filling.whole and self._spool.count() == self.left

    def waiting(self) -> str:
        """For whom the run waits, in words."""
        return self._watching.words()

    async def run(self) -> None:
        """
        Hand in and wait, until nothing is left for providers, or somebody stops it.

        Raises:
            DragomanError: What ended the run; all outcomes until then are kept, and what is at a provider stays there.
        """
        self._task = asyncio.create_task(self._steps())
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise
        if not self._task.cancelled():
            self._task.result()

    def stop(self, grace: float | None) -> None:
        """Wait no longer; what is under way has so many seconds, or none.  What is at a provider stays there."""
        self._stopped.set()
        if self._task is not None and grace is None:
            self._task.cancel()
        elif grace is not None:
            asyncio.get_running_loop().call_later(grace, self.stop, None)

    def close(self) -> None:
        """Let everything go."""
        self._watching.close()
        self._spool.close()

    # --- the run ------------------------------------------------------------------------------------------------------

    async def _steps(self) -> None:
        await self._filling.fill(self._given, lambda: self._stopped.is_set() and not self.revoked)
        if not self._filling.whole:
            return
        await self._watching.recover()
        if self._options.mode == "live":
            await self._watching.end(None)  # what an earlier run has handed in: it is paid for
        self._choose()
        while not self._stopped.is_set():
            await self._submit()
            if not self._watching.away and not self._spool.lots():
                break
            if await self._late():
                await self._watching.end(self._reserve() / 2)
                self._spool.divert_all()
                break
            await self._watching.look()
            self._keeping.mark()
        if self.revoked:
            await self._watching.end(None)

    def _choose(self) -> None:
        """Rows that batches are not worth, or that were in too many, are asked live."""
        for number, count in self._spool.lots():
            lot = self._lots.all[number]
            if count < lot.limits.min_rows and not self._watching.away:
                self._few(number)
            elif self._live and self._options.deadline is None and not len(self._book) and count < FEW:
                self._divert(number, f"fewer than {FEW} for {lot.provider}/{lot.model}, and no deadline")
            elif self._live and (tried := self._spool.divert(number, tries=TRIES)):
                self._lots.live(tried, f"they were in {TRIES} batches in vain")

    def _enough(self, number: int) -> bool:
        """Whether there are as many free rows of a lot as a batch must have."""
        return dict(self._spool.lots()).get(number, 0) >= self._lots.all[number].limits.min_rows

    def _few(self, number: int) -> None:
        lot = self._lots.all[number]
        self._divert(number, f"{lot.provider} takes {lot.limits.min_rows:,} rows or more in a batch")

    def _divert(self, number: int, reason: str) -> None:
        self._lots.live(self._spool.divert(number), reason)

    async def _submit(self) -> None:
        for number, count in self._spool.lots():
            lot = self._lots.all[number]
            if count < lot.limits.min_rows and not self._watching.away:
                self._few(number)  # and none will come back to make them more
            while not self._stopped.is_set() and not lot.crowded and self._enough(number):
                entry = await self._sender.hand_in(
                    number, lot, self._hours(), away=bool(self._watching.away), live=self._live
                )
                if entry is None:
                    break
                self._watching.add(entry)

    # --- time ---------------------------------------------------------------------------------------------------------

    async def _late(self) -> bool:
        """Wait until it is time to look again; whether what is left has to be asked live now."""
        until = self._cut()
        seconds = self._watching.pause()
        if until is not None:
            seconds = min(seconds, max(0.0, until - time.time()))
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return until is not None and time.time() >= until
        return False

    def _cut(self) -> float | None:
        """When what is left has to be asked live, in seconds since 1970; None for never."""
        seconds = self._options.deadline_seconds
        if seconds is None or self._options.mode != "auto":
            return None
        return self._begun + seconds - self._reserve()

    def _reserve(self) -> float:
        """Seconds that the live engine will need for what is left."""
        calls = self._spool.count() / self._options.window
        most = (self._options.deadline_seconds or 0.0) / 2
        return min(most, (calls + 1) * _CALL * _MARGIN)

    def _hours(self) -> int | None:
        """Whole hours that a batch has, for providers that want to know."""
        seconds = self._options.deadline_seconds
        if seconds is None:
            return None
        return max(1, min(24, round((self._begun + seconds - time.time()) / 3600)))
