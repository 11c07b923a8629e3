"""
How the one async core waits, on either face.

On the asyncio face a wait suspends; on the blocking face it blocks, so nothing ever suspends and a coroutine runs to
its end in a single `send(None)`.  That is all that the two faces differ in.

Rule: the core waits only through its runtime.  A coroutine that suspends on the blocking face is a mistake of whoever
wrote it, and the error names the place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

T = TypeVar("T")


class Waiter(Protocol):
    """Something that one side waits for and the other, in any thread, brings about; good for one time."""

    def set(self) -> None:
        """It has happened.  Idempotent, never waits, from any thread; nobody need be waiting any more."""
        ...

    async def wait(self, until: float | None) -> bool:
        """Wait until it has happened, or until that time on the runtime's clock: whether it has."""
        ...


class Runtime(Protocol):
    """
    The clock and the waits of one face.

    Attributes:
        suspends: Whether a wait suspends a task (or blocks a thread).
    """

    suspends: bool

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 in UTC, by the machine's clock, which may be set."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...

    def waiter(self) -> Waiter:
        """Make something to wait for, by the thread or task that asks."""
        ...

    async def run_blocking(self, work: Callable[[], T], until: float | None) -> T:
        """
        Run what blocks and does not know our clocks: a vendor's library.

        Raises:
            TimeoutError: It was not done at `until`; it goes on in its thread, and its result is dropped.
        """
        ...

    async def gather(self, steps: Sequence[Callable[[], Awaitable[T]]], *, limit: int) -> list[T]:
        """
        Do all steps and return what each gave, in order.

        One after another on the blocking face; on the other up to `limit` at once.  What a step raises ends the rest.
        """
        ...

    async def race(
        self,
        steps: Sequence[Callable[[], Awaitable[T]]],
        *,
        after: float,
        wins: Callable[[T], bool],
        drop: Callable[[T], None],
    ) -> tuple[int, T]:
        """
        Begin the first step, and another beside it whenever `after` seconds passed; return the first value that wins.

        The other steps are cancelled and have ended when this returns; what one of them gave all the same is dropped.
        If none wins of those that were begun, the value of the first step is returned.  What a step raises ends all.
        On the blocking face nothing runs beside anything: the first step alone is done.

        Args:
            steps: One or more.
            after: Seconds.
            wins: Whether a value ends the race.
            drop: What is done with a value that came too late.

        Returns:
            The number of the step, and its value.
        """
        ...


class BlockingWaiter:
    """A lock that is held until it has happened."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        with suppress(RuntimeError):  # it was set before
            self._lock.release()

    async def wait(self, until: float | None) -> bool:
        left = -1.0 if until is None else min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX)
        happened = self._lock.acquire(timeout=left)
        if happened:
            self._lock.release()
        return happened


class AsyncWaiter:
    """A future of the loop that waits."""

    __slots__ = ("_future", "_loop", "_thread")

    def __init__(self) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[bool] = self._loop.create_future()
        self._thread = threading.get_ident()

    def set(self) -> None:
        if threading.get_ident() == self._thread:
            self._done(True)
            return
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._done, True)

    async def wait(self, until: float | None) -> bool:
        if until is None or self._future.done():
            return await self._future
        timer = self._loop.call_later(max(0.0, until - time.monotonic()), self._done, False)
        try:
            return await self._future
        finally:
            timer.cancel()

    def _done(self, happened: bool) -> None:
        if not self._future.done():
            self._future.set_result(happened)


class BlockingRuntime:
    """Waits by blocking the thread."""

    suspends = False
    waiter = BlockingWaiter
    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - on this face nothing suspends, it blocks

    async def run_blocking(self, work: Callable[[], T], until: float | None) -> T:
        return work() if until is None else _begun(work).result(max(0.0, until - self.now()))

    async def gather(self, steps: Sequence[Callable[[], Awaitable[T]]], *, limit: int) -> list[T]:
        return [await step() for step in steps]

    async def race(
        self,
        steps: Sequence[Callable[[], Awaitable[T]]],
        *,
        after: float,
        wins: Callable[[T], bool],
        drop: Callable[[T], None],
    ) -> tuple[int, T]:
        return 0, await steps[0]()


class AsyncRuntime:
    """Waits by suspending the task."""

    suspends = True
    waiter = AsyncWaiter
    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        import asyncio  # who blocks need not pay for it: 25 ms at the start of a program

        await asyncio.sleep(seconds)

    async def run_blocking(self, work: Callable[[], T], until: float | None) -> T:
        import asyncio

        async with asyncio.timeout(None if until is None else max(0.0, until - self.now())):
            return await asyncio.wrap_future(_begun(work))

    async def gather(self, steps: Sequence[Callable[[], Awaitable[T]]], *, limit: int) -> list[T]:
        import asyncio

        left, given = iter(enumerate(steps)), dict[int, T]()

        async def work() -> None:
            for at, step in left:  # shared: each step is taken once
                given[at] = await step()

        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(limit, len(steps))):
                    group.create_task(work())
        except BaseExceptionGroup as several:
            failure = several.exceptions[0]
        if failure is not None:
            raise failure  # outside of the handler, so that the group is not told as its context
        return [given[at] for at in range(len(steps))]

    async def race(
        self,
        steps: Sequence[Callable[[], Awaitable[T]]],
        *,
        after: float,
        wins: Callable[[T], bool],
        drop: Callable[[T], None],
    ) -> tuple[int, T]:
        import asyncio

        runners: list[asyncio.Task[T]] = []
        won: asyncio.Task[T] | None = None
        try:
            while won is None:
                if len(runners) < len(steps):
                    runners.append(asyncio.ensure_future(_awaited(steps[len(runners)])))
                won = await _winner(runners, after if len(runners) < len(steps) else None, wins)
            await _cancelled([runner for runner in runners if runner is not won], drop)
        except BaseException:
            await _cancelled(runners, drop)
            raise
        return runners.index(won), won.result()


async def _awaited(step: Callable[[], Awaitable[T]]) -> T:
    return await step()


async def _winner(
    runners: Sequence[asyncio.Task[T]], within: float | None, wins: Callable[[T], bool]
) -> asyncio.Task[T] | None:
    """The first runner whose value wins, or the very first if all have lost; None if neither is so in time."""
    import asyncio

    until = None if within is None else time.monotonic() + within
    while True:
        for runner in runners:
            if runner.done() and wins(runner.result()):
                return runner
        running = [runner for runner in runners if not runner.done()]
        if not running:
            return runners[0]
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return None
        await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)


async def _cancelled(runners: Sequence[asyncio.Task[T]], drop: Callable[[T], None]) -> None:
    """Cancel, and wait until all have ended; also if the wait itself is cancelled, what they give is dropped."""
    import asyncio

    def ended(runner: asyncio.Task[T]) -> None:
        if not runner.cancelled() and runner.exception() is None:
            drop(runner.result())

    for runner in runners:
        if runner.done():
            ended(runner)
        else:
            runner.cancel()
            runner.add_done_callback(ended)
    if running := [runner for runner in runners if not runner.done()]:
        await asyncio.wait(running)


def _begun(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a thread of its own."""
    from concurrent.futures import ThreadPoolExecutor  # only who needs a thread pays for it

    pool = ThreadPoolExecutor(1, thread_name_prefix="dragoman-blocking")
    try:
        return pool.submit(work)
    finally:
        pool.shutdown(wait=False)


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """
    Run a coroutine of the core to its end, on the blocking face.

    Works inside a running event loop, because it uses none.

    Raises:
        RuntimeError: It suspended.  The message names the function that did.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except RuntimeError as error:
        if "no running event loop" not in str(error):
            raise
        raise RuntimeError(_ADVICE.format(where=_last_caller(error))) from error
    where = _innermost(coroutine)
    coroutine.close()
    raise RuntimeError(_ADVICE.format(where=where))


_ADVICE = "{where} awaited something that suspends: on the blocking face, wait through context.runtime"


def _innermost(coroutine: Any) -> str:
    """Name the deepest coroutine that a suspended one is waiting in."""
    found = coroutine
    while hasattr(getattr(found, "cr_await", None), "cr_code"):
        found = found.cr_await
    code, frame = found.cr_code, found.cr_frame
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno if frame else code.co_firstlineno})"


def _last_caller(error: BaseException) -> str:
    """Name the last function outside asyncio that an error went through."""
    found, step = "a coroutine", error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if not step.tb_frame.f_globals.get("__name__", "").startswith("asyncio"):
            found = f"{code.co_qualname} ({code.co_filename}:{step.tb_lineno})"
        step = step.tb_next
    return found
