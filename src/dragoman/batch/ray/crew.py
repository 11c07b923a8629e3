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
import pickle
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

from dragoman._version import __version__
from dragoman.batch.ray.carrying import About, Outcome, code_of, python_of
from dragoman.batch.ray.cluster import Cluster, LostError
from dragoman.batch.ray.worker import Worker
from dragoman.errors import BatchError, ConfigError, DragomanError
from dragoman.types.attempts import Attempt
from dragoman.types.placement import Placement

_log: Final = logging.getLogger("dragoman.batch")

# Most rows, and about how many bytes of them, in one call.
_MOST, _BYTES = 64, 4 << 20
# How often a row's worker may be lost before the run ends: it may be the row that ends them.
_LOSSES: Final = 5
# How many workers in a row may be lost before their first answer.
_TRIES: Final = 3
# Seconds before another worker is asked for in the place of one that was lost.
_PAUSE: Final = 0.5
# Seconds that workers have to close their connections.
_GOODBYE: Final = 5.0


class Parcel:
    """
    One row while it is asked.

    Attributes:
        data: The packed errand.
        target: Provider and model, for the ledger.
        came: Its outcome.
        lost: Ledger of the requests that were lost with their workers.
    """

    __slots__ = ("came", "data", "lost", "sent", "target")

    def __init__(self, data: bytes, target: tuple[str, str], came: asyncio.Future[Any]) -> None:
        self.data = data
        self.target = target
        self.came = came
        self.sent = 0.0
        self.lost: list[Attempt] = []


class _Hand:
    """One worker, as the driver sees it."""

    def __init__(self, number: int, actor: Any) -> None:
        self.number = number
        self.actor = actor
        self.ready = self.told = False
        self.rows: dict[int, Parcel] = {}
        self.name = f"worker {number}"


class Crew:
    """
    The workers of one batch.

    Args:
        cluster: Where they are made.
        placement: How many, and how long each may say nothing.
        arguments: Packed; what their clients are made of.

    Attributes:
        losses: Workers that were lost.
        again: Rows that were handed out again for it.
    """

    def __init__(self, cluster: Cluster, placement: Placement, arguments: bytes) -> None:
        self._cluster = cluster
        self._placement = placement
        self._arguments = arguments
        self._hands: list[_Hand] = []
        self._serving: set[asyncio.Task[None]] = set()
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
        for _ in range(self._placement.workers):
            self._hire(0.0)
        try:
            async with asyncio.timeout(self._placement.wait):
                await self._someone.wait()
        except TimeoutError as error:
            raise BatchError(
                f"Ray has placed no worker in {self._placement.wait:g} s (each takes {self._placement.num_cpus:g} CPU; "
                f"free are {self._cluster.free()}): give ray={{'num_cpus': ...}}, fewer workers, or more nodes",
                field="workers",
            ) from error
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """End all workers."""
        self._closed = True
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)
        ready = [hand for hand in self._hands if hand.ready]
        await asyncio.gather(*map(self._goodbye, ready))
        for hand in self._hands:
            self._cluster.kill(hand.actor)
        self._hands.clear()

    async def _goodbye(self, hand: _Hand) -> None:
        with suppress(LostError):  # it is killed next
            await self._cluster.answer(hand.actor.close.remote(), _GOODBYE)

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def ask(self, data: bytes, target: tuple[str, str]) -> tuple[Any, list[Attempt]]:
        """
        Have a row asked; returns the answer or the error that came of it, and what was lost on the way.

        Args:
            data: The packed errand.
            target: Provider and model.

        Raises:
            BatchError: There are no workers any more, or the code of one has failed.
        """
        if self._error is not None:
            raise _ending(self._error)
        parcel = Parcel(data, target, asyncio.get_running_loop().create_future())
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
        hands, chunks = [hand for hand in self._hands if hand.ready], dict[_Hand, list[tuple[int, bytes]]]()
        now = time.monotonic()
        while self._waiting and hands:
            parcel = self._waiting.popleft()
            if parcel.came.done():
                continue  # nobody waits for it any more
            hand = min(hands, key=lambda one: len(one.rows))
            self._rows += 1
            hand.rows[self._rows], parcel.sent = parcel, now
            chunk = chunks.setdefault(hand, [])
            chunk.append((self._rows, parcel.data))
            if len(chunk) >= _MOST or sum(len(data) for _, data in chunk) >= _BYTES:
                self._hand_out(hand, chunks.pop(hand))
        for hand, chunk in chunks.items():
            self._hand_out(hand, chunk)

    def _hand_out(self, hand: _Hand, chunk: list[tuple[int, bytes]]) -> None:
        self._watch(hand, hand.actor.take.remote(chunk))

    def _drop(self, parcel: Parcel) -> None:
        """Nobody waits for a row any more: its worker shall not go on with it."""
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
                self._watch(hand, hand.actor.drop.remote(numbers))
        self._dropped = {}

    def _watch(self, hand: _Hand, reference: Any) -> None:
        """A call whose answer is of no interest, but its failure is."""
        task = asyncio.create_task(self._acknowledged(hand, reference))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _acknowledged(self, hand: _Hand, reference: Any) -> None:
        try:
            await self._cluster.answer(reference, self._placement.lease)
        except LostError as error:
            self._lost(hand, error)

    # --- workers ------------------------------------------------------------------------------------------------------

    def _hire(self, pause: float) -> None:
        task = asyncio.create_task(self._serve(pause))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, pause: float) -> None:
        """Have a worker made, and listen to it until it is lost."""
        await asyncio.sleep(pause)
        self._made += 1
        hand = _Hand(self._made, self._cluster.actor(Worker))
        self._hands.append(hand)
        try:
            await self._greet(hand)
            while hand in self._hands:
                self._take(hand, await self._cluster.answer(hand.actor.outcomes.remote(), self._placement.lease))
        except LostError as error:
            self._lost(hand, error)
        except ConfigError as error:
            self._fail(error)

    async def _greet(self, hand: _Hand) -> None:
        # It may wait for its place as long as it takes: the others work.
        about: About = await self._cluster.answer(hand.actor.about.remote(), 1e9)
        mine = About(about.version, code_of(), python_of(), "", 0)
        if (about.code, about.python) != (mine.code, mine.python):
            mine = About(__version__, mine.code, mine.python, "", 0)
            raise ConfigError(
                f"the Ray worker at {about.host} has {about}, and here is {mine}: install the same on all nodes, or "
                "have Ray do so by ray={'runtime_env': ...}",
                field="ray['runtime_env']",
            )
        hand.name = f"worker {hand.number} ({about.host}, process {about.pid})"
        await self._cluster.answer(hand.actor.open.remote(self._arguments), self._placement.wait)
        hand.ready = True
        self._someone.set()
        self._deal_soon()

    def _take(self, hand: _Hand, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            hand.told, self._vain = True, 0
            parcel = hand.rows.pop(outcome.number, None)
            if parcel is None or parcel.came.done():
                continue  # it was dropped meanwhile
            if outcome.fault:
                self._fail(BatchError(f"{hand.name} has failed: {outcome.fault}", field="workers"))
            else:
                parcel.came.set_result(pickle.loads(outcome.data))

    def _lost(self, hand: _Hand, error: LostError) -> None:
        """A worker is gone: its rows go to others, and another one comes in its place."""
        if hand not in self._hands or self._closed:
            return
        self._hands.remove(hand)
        self._cluster.kill(hand.actor)
        self.losses += 1
        self._vain += not hand.told
        _log.warning("%s is lost, and %d rows are asked again: %s", hand.name, len(hand.rows), error.message)
        if self._vain >= _TRIES:
            self._fail(BatchError(f"{self._vain} Ray workers in turn were lost: {error.message}", field="workers"))
            return
        now = time.monotonic()
        for parcel in hand.rows.values():
            seconds, (provider, model) = now - parcel.sent, parcel.target
            parcel.lost.append(
                Attempt(provider=provider, model=model, outcome="WorkerLost", seconds=seconds, maybe_billed=True)
            )
            if len(parcel.lost) >= _LOSSES:
                self._fail(
                    BatchError(
                        f"{_LOSSES} Ray workers were lost with the same row under way, the last one so: "
                        f"{error.message}; nothing that was kept is lost",
                        field="workers",
                    )
                )
                return
            self._waiting.appendleft(parcel)
        self.again += len(hand.rows)
        hand.rows = {}
        self._hire(_PAUSE)
        self._deal_soon()

    def _fail(self, error: DragomanError) -> None:
        """It cannot go on: no row is to blame, so what rows get is an error that ends the run."""
        self._error = self._error or error
        self._someone.set()
        ends = _ending(self._error)
        for parcel in (*self._waiting, *(parcel for hand in self._hands for parcel in hand.rows.values())):
            if not parcel.came.done():
                parcel.came.set_exception(ends)


def _ending(error: DragomanError) -> BatchError:
    return error if isinstance(error, BatchError) else BatchError(error.message, field=error.field)
