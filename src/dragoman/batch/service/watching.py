"""
What is at providers: recovered after a crash, looked at, collected, ended.

Rule: a batch leaves this list when its results are durable, or when it is proved that it never was, or when nobody can
wait for it any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from dragoman.batch.keeping import Keeping
from dragoman.batch.service.base import FINAL, Service, Status
from dragoman.batch.service.choosing import Lots
from dragoman.batch.service.collecting import Collecting
from dragoman.batch.service.logbook import Entry, Logbook
from dragoman.batch.service.sending import ENDS_ALL, Sender
from dragoman.batch.service.spool import Spool
from dragoman.errors import BatchError, BudgetError, ConfigError, DragomanError, ManifestError
from dragoman.policy.budget.money import nano
from dragoman.types.requests import OutputFormat

if TYPE_CHECKING:
    from dragoman.plain import Plain

_log: Final = logging.getLogger("dragoman.batch")

# Times the first pause that two looks are apart at most, and by how much each is longer than the one before.
_LONGEST: Final = 12.0
_GROWTH: Final = 1.5
# Looks in a row that may fail, each by the retries of the client already.
_TROUBLES: Final = 10
# Results after which what came is made durable.
_OFTEN: Final = 1000


class Watching:
    """
    The batches that are at providers.

    Args:
        spool: Rows that are not settled.
        keeping: Where outcomes go.
        book: What was handed in so far.
        lots: Of this run.
        plain: The client's.
        forms: Types of outputs, by number.
        sender: Has handed them in.
        poll: Seconds before the first look.
        live: Whether rows that batches do not settle are asked live.

    Attributes:
        away: The batches.
    """

    def __init__(
        self,
        spool: Spool,
        keeping: Keeping,
        book: Logbook,
        lots: Lots,
        plain: Plain,
        forms: list[OutputFormat],
        sender: Sender,
        *,
        poll: float,
        live: bool,
    ) -> None:
        self.away: list[Entry] = []
        self._spool = spool
        self._keeping = keeping
        self._journal = keeping.journal
        self._book = book
        self._lots = lots
        self._plain = plain
        self._forms = forms
        self._sender = sender
        sender.give_up = self._give_up
        self._poll = poll
        self._live = live
        self._pause = poll
        self._troubles = 0
        self._seen: dict[str, Status] = {}

    def add(self, entry: Entry) -> None:
        """A batch was handed in: it is looked at soon."""
        self.away.append(entry)
        self._pause = self._poll

    def pause(self) -> float:
        """Seconds until the next look; the longer, the longer nothing has happened."""
        now, self._pause = self._pause, min(self._pause * _GROWTH, self._poll * _LONGEST)
        return now

    def words(self) -> str:
        """For whom the run waits; empty if for nobody.  From any thread."""
        away = tuple(self.away)
        if not away:
            return ""
        names = ", ".join(sorted({entry.intent.provider for entry in away}))
        done = sum(status.done or 0 for status in tuple(self._seen.values()))
        return f"{names}: {len(away):,} batches, {sum(entry.count for entry in away):,} rows, {done:,} done there"

    def close(self) -> None:
        """Nobody waits any more: what is reserved in budgets is given back."""
        for held in self._sender.holds.values():
            held.drop()
        self._sender.holds.clear()

    # --- after a crash ------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """
        Find out what the journal's batches have come to.

        Raises:
            DragomanError: A provider cannot be asked.
        """
        for entry in self._book.all:
            if not entry.closed:
                self._spool.send(entry.intent.tag, entry.keys(self._journal))
                await self._recovered(entry)
            elif entry.counted:
                self._spool.tried(entry.keys(self._journal))

    async def _recovered(self, entry: Entry) -> None:
        service = self._service(entry)
        if entry.sent is None:
            found = await self._sender.find(service, entry.intent)
            if found is None:
                await self._sender.void(entry)
                return
            self._book.submitted(self._journal, entry, found)
            await self._keeping.sync()
        if not entry.ended and not self._spool.away(entry.intent.tag):
            # All its rows are settled, or were changed since: nobody wants what it would bring.
            await self._cancelled(entry)
            await self._close(entry, None)
            return
        try:
            await self._sender.hold(entry.intent, f"{entry.intent.provider}/{entry.intent.model}", 0, service.discount)
        except BudgetError as error:  # it is bought already
            _log.warning("%s is over the budget: %s", entry.intent.tag, error)
        self.add(entry)

    def _service(self, entry: Entry) -> Service:
        name = entry.intent.provider
        try:
            service = self._lots.service(name)
        except ConfigError as error:
            raise ManifestError(f"the journal has a batch of {name}: {error.message}", field="providers") from error
        if service is None:
            raise ManifestError(f"the journal has a batch of {name}, which has no batch API here", field="providers")
        return service

    # --- looking ------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """
        Look at all, and take the results of those that have ended.

        Raises:
            DragomanError: A provider cannot be asked for long, or what came cannot be kept.
        """
        for entry in tuple(self.away):
            try:
                await self._looked(entry)
            except (BatchError, *ENDS_ALL):
                raise
            except DragomanError as error:
                self._troubles += 1
                if self._troubles >= _TROUBLES:
                    raise
                _log.warning("batch %s of %s: %s", entry.intent.tag, entry.intent.provider, error)
            else:
                self._troubles = 0

    async def _looked(self, entry: Entry) -> None:
        service = self._service(entry)
        assert entry.sent is not None  # only what was handed in is here
        status = await service.look(entry.sent)
        self._seen[entry.intent.tag] = status
        if status.state not in FINAL:
            return
        if not entry.ended:
            self._book.ended(self._journal, entry, status.state)
            await self._keeping.sync()
        await self._collect(service, entry, status)

    async def _collect(self, service: Service, entry: Entry, status: Status) -> None:
        taking = self._taking(service, entry)
        lot = self._lots.of(entry.intent.provider, entry.intent.wire, entry.intent.model)
        if status.crowded:
            if lot is not None:
                words = status.error or "the batch has failed because too much was handed in"
                self._sender.crowded(lot, entry, words, alone=len(self.away) == 1)
            self._spool.release_all(entry.intent.tag)
        elif status.state == "failed" and not status.gone:
            self._fault(taking, status)
        else:
            await self._take(service, entry, status, taking)
            if lot is not None:
                lot.roomy()
        counted = not status.crowded and not status.faults
        await self._close(entry, taking, counted=counted)
        await self._forget(service, entry, status)

    def _taking(self, service: Service, entry: Entry) -> Collecting:
        return Collecting(
            self._spool,
            self._keeping,
            self._plain.routes,
            entry,
            discount=service.discount,
            forms=self._forms,
            live=self._live,
            now=time.time(),
        )

    def _give_up(self, entry: Entry, why: str) -> None:
        """There is never room for its rows."""
        taking = self._taking(self._service(entry), entry)
        taking.rest(taking.refusal(why))
        if self._live:
            self._lots.live(entry.count, why)

    async def _take(self, service: Service, entry: Entry, status: Status, taking: Collecting) -> None:
        assert entry.sent is not None  # it has ended
        if not status.gone:
            async with aclosing(service.results(entry.sent, status)) as results:
                count = 0
                async for result in results:
                    taking.take(result)
                    count += 1
                    if count % _OFTEN == 0:
                        await self._keeping.sync()
        taking.rest()

    def _fault(self, taking: Collecting, status: Status) -> None:
        """It failed as a whole: by the fault of some rows, or of none that is known."""
        found = [taking.fault(line, message) for line, message in status.faults.items()]
        if any(found):
            taking.free()
        else:
            taking.rest(taking.refusal(status.error or "the batch failed, and the provider does not say why"))

    async def _close(self, entry: Entry, taking: Collecting | None, *, counted: bool = True) -> None:
        await self._keeping.sync()  # all its results, before it is written that they are there
        self._book.close(self._journal, entry, counted=counted)
        await self._keeping.sync()
        held = self._sender.holds.pop(entry.intent.tag, None)
        if held is not None:
            await held.settle(nano(taking.cost) if taking is not None else 0)
        self._seen.pop(entry.intent.tag, None)
        if entry in self.away:
            self.away.remove(entry)

    async def _forget(self, service: Service, entry: Entry, status: Status) -> None:
        assert entry.sent is not None  # it has ended
        try:
            await service.forget(entry.sent, status)
        except DragomanError as error:  # it expires by itself
            _log.info("what was uploaded for %s stays at %s: %s", entry.intent.tag, entry.intent.provider, error)

    # --- ending -------------------------------------------------------------------------------------------------------

    async def end(self, seconds: float | None) -> None:
        """
        Cancel all, and take what they have come to.

        Args:
            seconds: How long that may take; then they are given up.  None to wait until they have ended.
        """
        until = None if seconds is None else time.monotonic() + seconds
        for entry in tuple(self.away):
            await self._cancelled(entry)
        self._pause = self._poll
        while self.away:
            await self.look()
            left = None if until is None else until - time.monotonic()
            if not self.away or (left is not None and left <= 0):
                break
            await asyncio.sleep(self.pause() if left is None else min(self.pause(), left))
        if until is not None:
            for entry in tuple(self.away):
                _log.warning("batch %s did not end in time: its rows may be paid twice", entry.intent.tag)
                await self._close(entry, None)

    async def _cancelled(self, entry: Entry) -> None:
        assert entry.sent is not None  # only what was handed in is here
        try:
            await self._service(entry).cancel(entry.sent)
        except DragomanError as error:
            _log.warning("batch %s cannot be cancelled at %s: %s", entry.intent.tag, entry.intent.provider, error)
