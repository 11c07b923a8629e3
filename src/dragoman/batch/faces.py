"""
A batch as the two faces have it.

On the blocking face the run has an event loop of its own, in a thread that lives as long as it; Ctrl-C comes to the
caller's thread, and is passed on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from dragoman.batch.estimate import estimated
from dragoman.batch.job import Job
from dragoman.types.batches import BatchEstimate, BatchReport, BatchRow
from dragoman.types.batching import BatchTask

if TYPE_CHECKING:
    from dragoman.client import AsyncClient
    from dragoman.routes import Routes

T = TypeVar("T")

# Seconds that rows under way have to end when a run is stopped: they are paid for.
GRACE: Final = 10.0
_LOOK: Final = 0.5


class _Run:
    """What both faces share."""

    def __init__(self, task: BatchTask, client: Callable[..., AsyncClient], routes: Routes) -> None:
        self.job = Job(task, client, routes.locate)
        self._routes = routes
        self._begun = False

    def report(self) -> BatchReport:
        """How it stands."""
        return self.job.report()

    def close(self) -> None:
        """Let everything go, once nobody has the batch any more."""
        self.job.close()

    def estimate(self) -> BatchEstimate:
        """What it will take."""
        return estimated(self.job, self._routes)

    def _begin(self) -> bool:
        first, self._begun = not self._begun, True
        return first

    def _places(self, outcome: Callable[[int], T | None]) -> Iterator[T | None]:
        """Outcomes in their order; None where one has to be waited for."""
        place = 0
        while True:
            ended = self.job.ended  # before looking: what comes after would be missed
            row = outcome(place)
            if row is None and ended:
                following = self.job.outcomes.following(place)
                if following is None:
                    return
                place = following
                continue
            if row is not None:
                place += 1
            yield row


class BlockingRun(_Run):
    """A batch of `Client`."""

    def __init__(self, task: BatchTask, client: Callable[..., AsyncClient], routes: Routes) -> None:
        super().__init__(task, client, routes)
        self._changed = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Not `Thread.join`: one that Ctrl-C interrupts may take the thread for ended (CPython issue 90882).
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._unwanted = False
        self.job.listeners.append(self._changed.set)
        self.job.prepare()

    def run(self) -> None:
        """Run to the end; raises what stopped it."""
        try:
            self._start()
            self._over.wait()
        except KeyboardInterrupt as interrupt:
            self._interrupted(interrupt)
            raise
        self._ended()

    def rows(self, owner: object) -> Iterator[BatchRow]:
        """Outcomes in their order, as soon as each is there; keeps its owner, and so the journal, until the end."""
        return self._outcomes(owner, self.job.outcomes.row)

    def lines(self, owner: object) -> Generator[bytes, None, None]:
        """The same as lines of the files."""
        return self._outcomes(owner, self.job.outcomes.line)

    def _outcomes(self, owner: object, outcome: Callable[[int], T | None]) -> Generator[T, None, None]:
        self._start()
        try:
            for row in self._places(outcome):
                if row is not None:
                    yield row
                else:
                    self._changed.wait(_LOOK)
                self._changed.clear()  # before the next look, so that nothing after it is missed
        except KeyboardInterrupt as interrupt:
            self._interrupted(interrupt)
            raise
        except GeneratorExit:
            self._stop(None)
            self._over.wait()
            raise
        self._ended()

    def cancel(self) -> None:
        """Take no more rows; those under way have a moment to end, as have batches at a provider.  From any thread."""
        self.job.revoke()
        if self.job.away:
            self._start()  # it cancels them, takes what is there, and ends
        if self._begin():
            self.job.drop()
            self._over.set()
        self._stop(GRACE)

    def _start(self) -> None:
        if self._begin():
            threading.Thread(target=self._work, name="dragoman-batch").start()

    def _work(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                if self._unwanted:
                    self.job.stop(None)
                runner.run(self.job.run())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            self._error = error
        finally:
            self.job.ended = True
            self._over.set()
            self._changed.set()

    def _stop(self, grace: float | None) -> None:
        self._unwanted = True  # for a loop that is not there yet
        if self._loop is not None and not self.job.ended:
            with suppress(RuntimeError):  # it has closed its loop in this moment
                self._loop.call_soon_threadsafe(self.job.stop, grace)

    def _interrupted(self, interrupt: KeyboardInterrupt) -> None:
        """The first Ctrl-C leaves the rows under way a moment, the second none."""
        self._stop(GRACE)
        try:
            self._over.wait()
        except KeyboardInterrupt:
            self._stop(None)
            self._over.wait()
        interrupt.add_note(f"the batch has stopped cleanly ({self.report()}); run it again to go on")

    def _ended(self) -> None:
        self._over.wait()
        error, self._error = self._error, None
        if error is not None:
            raise error


class AsyncRun(_Run):
    """A batch of `AsyncClient`."""

    def __init__(self, task: BatchTask, client: Callable[..., AsyncClient], routes: Routes) -> None:
        super().__init__(task, client, routes)
        self._running: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.job.listeners.append(self._changed.set)

    async def prepare(self) -> None:
        """Look through the input, beside the loop."""
        await asyncio.to_thread(self.job.prepare)

    async def run(self) -> None:
        """Run to the end; raises what stopped it."""
        running = self._start()
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait([running])
            raise
        running.result()

    def rows(self, owner: object) -> AsyncIterator[BatchRow]:
        """Outcomes in their order, as soon as each is there; keeps its owner, and so the journal, until the end."""
        return self._outcomes(owner, self.job.outcomes.row)

    def lines(self, owner: object) -> AsyncIterator[bytes]:
        """The same as lines of the files."""
        return self._outcomes(owner, self.job.outcomes.line)

    async def _outcomes(self, owner: object, outcome: Callable[[int], T | None]) -> AsyncIterator[T]:
        running = self._start()
        try:
            for row in self._places(outcome):
                if row is not None:
                    yield row
                    continue
                self._changed.clear()
                if not running.done():
                    await self._changed.wait()
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait([running])
        running.result()

    def cancel(self) -> None:
        """Take no more rows; those under way have a moment, and batches at a provider.  In the thread of the loop."""
        self.job.revoke()
        if self.job.away:
            self._start()  # it cancels them, takes what is there, and ends
        if self._running is None:
            self.job.drop()
        self.job.stop(GRACE)

    def _start(self) -> asyncio.Task[None]:
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self.job.run())
        return self._running


def blocking_run(task: BatchTask, client: Callable[..., AsyncClient], routes: Routes) -> BlockingRun:
    """Prepare a batch on the blocking face; nothing is sent yet."""
    return BlockingRun(task, client, routes)


async def async_run(task: BatchTask, client: Callable[..., AsyncClient], routes: Routes) -> AsyncRun:
    """Prepare a batch on the async face; nothing is sent yet."""
    made = AsyncRun(task, client, routes)
    await made.prepare()
    return made
