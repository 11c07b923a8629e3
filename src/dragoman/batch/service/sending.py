"""
Handing batches in.

    pack -> hold the budget -> intent (durable) -> upload and create -> submitted (durable)

Rule: what may have been created is looked for before it is created again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dragoman.batch.journal import Journal
from dragoman.batch.service.base import Sending, Sent, Service
from dragoman.batch.service.choosing import Lot
from dragoman.batch.service.logbook import Entry, Intent, Logbook
from dragoman.batch.service.packing import Pack, lines_file, pack
from dragoman.batch.service.spool import Spool
from dragoman.errors import (
    AuthenticationError,
    BadRequestError,
    BudgetError,
    ConnectError,
    DragomanError,
    MissingKeyError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    TransportError,
    WireError,
)
from dragoman.policy.budget.estimate import Estimate

if TYPE_CHECKING:
    from dragoman.plain import Plain
    from dragoman.policy.budget.budgeting import Hold

_log: Final = logging.getLogger("dragoman.batch")

# The account's fault, not the batch's.
ENDS_ALL: Final = (AuthenticationError, MissingKeyError, PermissionDeniedError, QuotaError, BudgetError)
# How often it is tried to hand a batch in, and the seconds before the second time; doubled each time.
_ATTEMPTS: Final = 4
_PAUSE: Final = 0.5
# How far a provider's list of its batches may be behind: times the first pause that two looks at a batch are apart, and
# seconds at the most; and after how long it has caught up for sure.
_BEHIND, _MOST_BEHIND, _CAUGHT_UP = 6.0, 30.0, 3600.0


class _NotMade(Exception):
    """It is proved that a batch was not made."""

    def __init__(self, error: DragomanError) -> None:
        self.error = error
        super().__init__(str(error))


class Sender:
    """
    Hands batches in.

    Args:
        spool: Where the rows are.
        journal: Where it is written down.
        book: What was handed in so far.
        plain: The client's.
        job: Hexadecimal: what the tags of this journal have in common.
        sync: Makes the journal durable.
        poll: Seconds before a batch is looked at first.

    Attributes:
        holds: What is reserved in budgets, by tag.
        give_up: Settles the rows of a batch that can never be handed in, or has them asked live.
    """

    give_up: Callable[[Entry, str], None]

    def __init__(
        self,
        spool: Spool,
        journal: Journal,
        book: Logbook,
        plain: Plain,
        job: str,
        sync: Callable[[], Awaitable[None]],
        poll: float,
    ) -> None:
        self.holds: dict[str, Hold] = {}
        self._spool = spool
        self._journal = journal
        self._book = book
        self._plain = plain
        self._job = job
        self._sync = sync
        self._poll = poll
        self._behind = min(poll * _BEHIND, _MOST_BEHIND)
        self._sent: Counter[str] = Counter()

    def notes(self) -> tuple[str, ...]:
        """How many rows were handed in to whom."""
        return tuple(f"{count:,} rows to {name}'s batches" for name, count in self._sent.items())

    async def hand_in(self, number: int, lot: Lot, hours: int | None, *, away: bool, live: bool) -> Entry | None:
        """
        Hand in the next rows of a lot.

        Args:
            number: The lot's.
            lot: The lot.
            hours: In which it shall be done, or None.
            away: Whether other batches are at a provider, whose budget will be free again.
            live: Whether rows that cannot be handed in are asked live.

        Returns:
            The batch; None if the lot has no free rows, or now is not the time.

        Raises:
            DragomanError: It cannot be handed in.
        """
        with lines_file() as path:
            ready = await self._packed(number, lot, path, away=away)
            if ready is None:
                return None
            packed, intent = ready
            entry = self._book.intend(self._journal, intent)
            self._spool.send(intent.tag, packed.keys)
            await self._sync()
            sending = Sending(
                path=path,
                bytes=packed.bytes,
                count=len(packed.keys),
                model=lot.model,
                wire=lot.wire,
                url=lot.url,
                tag=intent.tag,
                hours=hours,
            )
            try:
                sent = await self._submitted(lot.service, sending, intent)
            except _NotMade as proof:
                if isinstance(proof.error, RateLimitError):
                    self.crowded(lot, entry, str(proof.error), alone=not away)
                    await self.void(entry)
                else:
                    await self.void(entry)
                    self._refused(number, lot, proof.error, live=live)
                return None
        self._book.submitted(self._journal, entry, sent)
        await self._sync()
        self._sent[lot.provider] += entry.count
        return entry

    def _refused(self, number: int, lot: Lot, error: DragomanError, *, live: bool) -> None:
        """The provider takes no batch."""
        if not live or isinstance(error, ENDS_ALL):
            raise error
        _log.warning("%s takes no batch, so its rows are asked live: %s", lot.provider, error)
        self._spool.divert(number)

    def crowded(self, lot: Lot, entry: Entry, words: str, *, alone: bool) -> None:
        """
        The provider has no room for a batch: later, or, if it is one row for which there is never room, not at all.

        Args:
            lot: The lot.
            entry: The batch.
            words: The provider's.
            alone: Whether no other batch of this run takes room there.

        Raises:
            BatchError: There seems to be no room for any row.
        """
        _log.info("%s takes no more batches now: %s", lot.provider, words)
        tag = entry.intent.tag
        if alone and entry.count == 1 and (key := next(iter(self._spool.away(tag)), None)) is not None:
            row = self._spool.row(key, tag)
            never = lot.never(b"" if row is None else row.line, words)
            if never is not None:
                self.give_up(entry, f"{never}: {words}")
                return
        lot.crowd(entry.count if alone else None, self._poll)

    async def _submitted(self, service: Service, sending: Sending, intent: Intent) -> Sent:
        """
        Hand it in.

        Raises:
            _NotMade: It was refused.
            DragomanError: Nobody knows.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return await service.submit(sending)
            except (*ENDS_ALL, BadRequestError, RateLimitError) as error:
                raise _NotMade(error) from error
            except DragomanError as error:
                # Where nothing was sent, nothing is looked for; if that fails, nothing is proved, and the intent stays.
                found = None if isinstance(error, ConnectError) else await self.find(service, intent)
                if found is not None:
                    return found
                if attempt + 1 == _ATTEMPTS or not (error.retryable or isinstance(error, TransportError | WireError)):
                    raise _NotMade(error) from error
                await self._plain.context(None).runtime.sleep(_PAUSE * 2**attempt)
        raise AssertionError("every attempt returns or raises")

    async def void(self, entry: Entry) -> None:
        """It was never made: its rows are free again."""
        self._book.close(self._journal, entry, counted=False)
        self._spool.release_all(entry.intent.tag)
        if (held := self.holds.pop(entry.intent.tag, None)) is not None:
            held.drop()
        await self._sync()

    async def find(self, service: Service, intent: Intent) -> Sent | None:
        """
        The batch of an intent, if the provider has it; its list may be behind, so it is looked at for a while.

        Raises:
            DragomanError: It cannot be asked.
        """
        sleep = self._plain.context(None).runtime.sleep
        left = 0.0 if time.time() - intent.at > _CAUGHT_UP else self._behind
        pause = min(_PAUSE, left / 4)
        while True:
            found = await service.find(intent.tag)
            if found is not None:
                return Sent(id=found.id, files=found.files, wire=intent.wire, model=intent.model)
            if left <= 0:
                return None
            await sleep(min(pause, left))
            left, pause = left - pause, pause * 2

    async def hold(self, intent: Intent, model: str, least: int, discount: float) -> None:
        """
        Reserve what a batch can cost in all budgets of the client.

        Raises:
            BudgetError: It does not fit, or its price is not known.
        """
        budgeting = self._plain.budgeting
        if budgeting is None:
            return
        estimate = None
        if intent.most is not None:
            estimate = Estimate(most=ceil(intent.most * discount), prompt=1, input=ceil(least * discount))
        self.holds[intent.tag] = await budgeting.hold(estimate, model, self._plain.context(None))

    async def _packed(self, number: int, lot: Lot, path: Path, *, away: bool) -> tuple[Pack, Intent] | None:
        rows = lot.most
        while True:
            packed = await asyncio.to_thread(pack, self._spool, number, lot, path, rows)
            if not packed.keys:
                return None
            intent = self._intent(lot, packed)
            try:
                await self.hold(intent, packed.model, packed.least, lot.service.discount)
            except BudgetError:
                if len(packed.keys) == 1:
                    if away:
                        return None  # what comes back may have cost less than was reserved
                    raise
                rows = len(packed.keys) // 2
            else:
                return packed, intent

    def _intent(self, lot: Lot, packed: Pack) -> Intent:
        return Intent(
            tag=f"dragoman-{self._job}-{len(self._book) + 1}",
            provider=lot.provider,
            wire=lot.wire,
            model=lot.model,
            keys=b"".join(packed.keys),
            at=time.time(),
            most=packed.most,
        )
