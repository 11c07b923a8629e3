"""
Hands rows to workers, and takes back what came of them.

    waiting  ->  under way at a worker  ->  told
       ^                 |
       +--- worker lost -+

Rows that are there at once go out in one call, to the worker with the fewest; how many are under way is for the engine
to say, by how many it waits for.  A worker that dies, or says nothing for as long as its lease, is ended for good, its
rows are handed to others, and another is asked for.

Rule: a row's outcome is taken once, from the worker that has it now.  What a lost worker was asked may have been paid:
it is in the row's ledger.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from dragoman.batch.afar.carrying import Outcome
from dragoman.errors import BatchError, DragomanError
from dragoman.types.attempts import Attempt

_log: Final = logging.getLogger("dragoman.batch")

# Most rows, and about how many bytes of them, in one call.
_MOST, _BYTES = 64, 4 << 20
# How often a row's worker may be lost before the run ends: it may be the row that ends them.
_LOSSES: Final = 5
# How many workers in a row may be lost before their first answer.
_TRIES: Final = 3
# Seconds before another worker is asked for in the place of one that was lost.
_PAUSE: Final = 0.5


class LostError(BatchError):
    """A worker does not answer any more; its message says why."""


class Post(Protocol):
    """One worker, as the crew reaches it."""

    async def open(self) -> str:
        """
        Have it made and made ready, however long its place takes; returns its name.

        Raises:
            LostError: It is gone, or does not answer.
            ConfigError: It cannot be one: other code, or arguments that it cannot read.
            BatchError: None can be made.
        """
        ...

    def take(self, rows: list[tuple[int, bytes]]) -> Awaitable[None] | None:
        """Hand it rows; what is returned, if anything, raises `LostError` if it did not get them."""
        ...

    def drop(self, numbers: list[int]) -> Awaitable[None] | None:
        """Nobody waits for these rows any more; otherwise as `take`."""
        ...

    async def outcomes(self) -> Sequence[Outcome]:
        """
        Wait until it says something.

        Raises:
            LostError: It is gone, or has said nothing for as long as its lease.
        """
        ...

    async def close(self) -> None:
        """Have it let everything go; never raises."""
        ...

    def kill(self) -> None:
        """End it, whatever it does.  Idempotent."""
        ...


class Staff(Protocol):
    """
    Where workers come from.

    Attributes:
        noun: What several of them are called.
    """

    noun: str

    def hire(self) -> Post:
        """One more, which is not opened yet."""
        ...

    def unplaced(self) -> str:
        """Why none may be there, in words, and what to do."""
        ...


class Parcel:
    """
    One row while it is asked.

    Attributes:
        data: The packed errand.
        target: Provider and model, for the ledger.
        came: What is told of it.
        again: Whether it is handed to another if its worker is lost.
        lost: Ledger of the requests that were lost with their workers.
    """

    __slots__ = ("again", "came", "data", "lost", "sent", "target")

    def __init__(self, data: bytes, target: tuple[str, str], came: asyncio.Future[bytes], *, again: bool) -> None:
        self.data = data
        self.target = target
        self.came = came
        self.again = again
        self.sent = 0.0
        self.lost: list[Attempt] = []


class _Hand:
    """One worker, as the driver sees it."""

    def __init__(self, number: int, post: Post) -> None:
        self.number = number
        self.post = post
        self.ready = self.told = False
        self.rows: dict[int, Parcel] = {}
        self.name = f"worker {number}"


class Crew:
    """
    The workers of one batch.

    Args:
        staff: Where they come from.
        workers: How many.
        wait: Seconds until the first must have its place.

    Attributes:
        losses: Workers that were lost.
        again: Rows that were handed out again for it.
    """

    def __init__(self, staff: Staff, workers: int, wait: float) -> None:
        self._staff = staff
        self._workers = workers
        self._wait = wait
        self._hands: list[_Hand] = []
        self._ready: list[_Hand] = []
        self._serving: set[asyncio.Future[None]] = set()
        self._waiting: deque[Parcel] = deque()
        self._dropped: dict[_Hand, list[int]] = {}
        self._error: DragomanError | None = None
        self._dealing = self._closed = False
        self._rows = self._made = self._vain = 0
        self._someone = asyncio.Event()
        self.losses = self.again = 0

    # --- begin and end ------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """
        Ask for all workers, and wait for the first.

        Raises:
            ConfigError: A worker has other code than this process.
            BatchError: None has its place in time, or none can be made.
        """
        for _ in range(self._workers):
            self._hire(0.0)
        try:
            async with asyncio.timeout(self._wait):
                await self._someone.wait()
        except TimeoutError as error:
            raise BatchError(self._staff.unplaced(), field="workers") from error
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """End all workers."""
        self._closed = True
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)
        try:
            await asyncio.gather(*(hand.post.close() for hand in self._ready))
        finally:
            for hand in self._hands:
                hand.post.kill()
            self._hands.clear()
            self._ready.clear()

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def ask(self, data: bytes, target: tuple[str, str], *, again: bool = True) -> tuple[bytes, list[Attempt]]:
        """
        Have a row asked; returns what came of it, and what was lost on the way.

        Args:
            data: The packed errand.
            target: Provider and model.
            again: Whether another worker is to ask it if this one is lost.

        Raises:
            LostError: Its worker was lost, and no other is to ask it.
            BatchError: There are no workers any more, or the code of one has failed.
        """
        if self._error is not None:
            raise _ending(self._error)
        parcel = Parcel(data, target, asyncio.get_running_loop().create_future(), again=again)
        self._waiting.append(parcel)
        self._deal_soon()
        try:
            return await parcel.came, parcel.lost
        except asyncio.CancelledError:
            self._drop(parcel)
            raise

    def _deal_soon(self) -> None:
        if not self._dealing:
            self._dealing = True
            asyncio.get_running_loop().call_soon(self._deal)

    def _deal(self) -> None:
        """Hand out what waits."""
        self._dealing = False
        hands, chunks = self._ready, dict[_Hand, list[tuple[int, bytes]]]()
        sizes = dict[_Hand, int]()
        now = time.monotonic()
        while self._waiting and hands:
            parcel = self._waiting.popleft()
            if parcel.came.done():
                continue  # nobody waits for it any more
            hand = min(hands, key=_load)
            self._rows += 1
            hand.rows[self._rows], parcel.sent = parcel, now
            chunk = chunks.setdefault(hand, [])
            chunk.append((self._rows, parcel.data))
            size = sizes[hand] = sizes.get(hand, 0) + len(parcel.data)
            if len(chunk) >= _MOST or size >= _BYTES:
                self._watch(hand, hand.post.take(chunks.pop(hand)))
                sizes[hand] = 0
        for hand, chunk in chunks.items():
            self._watch(hand, hand.post.take(chunk))

    def _drop(self, parcel: Parcel) -> None:
        for hand in self._hands:
            number = next((number for number, one in hand.rows.items() if one is parcel), None)
            if number is not None:
                del hand.rows[number]
                if not self._dropped:
                    asyncio.get_running_loop().call_soon(self._tell_dropped)
                self._dropped.setdefault(hand, []).append(number)

    def _tell_dropped(self) -> None:
        for hand, numbers in self._dropped.items():
            if hand in self._hands and not self._closed:
                self._watch(hand, hand.post.drop(numbers))
        self._dropped = {}

    def _watch(self, hand: _Hand, told: Awaitable[None] | None) -> None:
        """A call whose answer is of no interest, but its failure is."""
        if told is not None:
            self._serve(self._acknowledged(hand, told))

    async def _acknowledged(self, hand: _Hand, told: Awaitable[None]) -> None:
        try:
            await told
        except LostError as error:
            self._lost(hand, error)

    def _serve(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    # --- workers ------------------------------------------------------------------------------------------------------

    def _hire(self, pause: float) -> None:
        self._serve(self._employ(pause))

    async def _employ(self, pause: float) -> None:
        """Have a worker made, and listen to it until it is lost."""
        await asyncio.sleep(pause)
        self._made += 1
        hand = _Hand(self._made, self._staff.hire())
        self._hands.append(hand)
        try:
            hand.name = f"worker {hand.number} ({await hand.post.open()})"
            self._ready.append(hand)
            self._someone.set()
            self._deal_soon()
            while hand in self._hands:
                self._take(hand, await hand.post.outcomes())
        except LostError as error:
            self._lost(hand, error)
        except DragomanError as error:
            self._fail(error)

    def _take(self, hand: _Hand, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            hand.told, self._vain = True, 0
            parcel = hand.rows.pop(outcome.number, None)
            if parcel is None or parcel.came.done():
                continue  # it was dropped meanwhile
            if outcome.fault:
                self._fail(BatchError(f"{hand.name} has failed: {outcome.fault}", field="workers"))
            else:
                parcel.came.set_result(outcome.data)

    def _lost(self, hand: _Hand, error: LostError) -> None:
        """A worker is gone: its rows go to others, and another one comes in its place."""
        if hand not in self._hands or self._closed:
            return
        self._hands.remove(hand)
        if hand in self._ready:
            self._ready.remove(hand)
        hand.post.kill()
        self.losses += 1
        self._vain += not hand.told
        _log.warning("%s is lost, and %d rows are asked again: %s", hand.name, len(hand.rows), error.message)
        rows, hand.rows = hand.rows, {}
        often = [self._give_back(parcel, error) for parcel in rows.values()]
        if self._vain >= _TRIES:
            self._fail(
                BatchError(f"{self._vain} {self._staff.noun} in turn were lost: {error.message}", field="workers")
            )
        elif _LOSSES in often:
            self._fail(
                BatchError(
                    f"{_LOSSES} {self._staff.noun} were lost with the same row under way, the last one so: "
                    f"{error.message}; nothing that was kept is lost",
                    field="workers",
                )
            )
        else:
            self._hire(_PAUSE)
            self._deal_soon()

    def _give_back(self, parcel: Parcel, error: LostError) -> int:
        """A row whose worker was lost waits for another; returns how often that has happened to it."""
        if parcel.came.done():
            return 0
        self.again += 1
        if not parcel.again:
            parcel.came.set_exception(LostError(error.message, field="workers"))
            return 0
        (provider, model), seconds = parcel.target, time.monotonic() - parcel.sent
        parcel.lost.append(
            Attempt(provider=provider, model=model, outcome="WorkerLost", seconds=seconds, maybe_billed=True)
        )
        self._waiting.appendleft(parcel)
        return len(parcel.lost)

    def _fail(self, error: DragomanError) -> None:
        """It cannot go on: no row is to blame, so what rows get is an error that ends the run."""
        self._error = self._error or error
        self._someone.set()
        ends = _ending(self._error)
        for parcel in (*self._waiting, *(parcel for hand in self._hands for parcel in hand.rows.values())):
            if not parcel.came.done():
                parcel.came.set_exception(ends)


def _load(hand: _Hand) -> int:
    return len(hand.rows)


def _ending(error: DragomanError) -> BatchError:
    return error if isinstance(error, BatchError) else BatchError(error.message, field=error.field)
