"""
Where tools run: in the caller's event loop, or in a private one.

Tools run beside each other, and may be `async def`.  The asyncio face has a loop for that; on the blocking face one is
made in a thread, when it is first needed, and lives as long as the run.

Rule: nobody waits here for a tool to end.  What is not wanted any more is cancelled, and what cannot be cancelled, a
thread, goes on alone; its result is dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from dragoman.runtime import Runtime, Waiter

T = TypeVar("T")

# A signal that comes in the moment before a thread begins to wait does not wake it: CPython has already noted it, and
# looks again only after the wait.  So Ctrl-C is late by no more than this (seconds).
_SLICE: Final = 0.25


class PrivateLoop:
    """
    An event loop in a thread of its own.

    The thread is a daemon: a tool that never ends does not keep the program from ending.
    """

    def __init__(self, name: str) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()
        self._ready.wait()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:  # at its end it cancels what still runs, and closes the loop
            self.loop = runner.get_loop()
            self._over = asyncio.Event()
            self._ready.set()
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._over.wait()

    def close(self, *, wait: float = 0.0) -> None:
        """
        End it, and cancel what still runs.  Idempotent, from any thread.

        Args:
            wait: Seconds to wait until the thread has ended, for whoever knows that nothing runs any more.
        """
        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(self._over.set)
        if wait and threading.current_thread() is not self._thread:
            self._thread.join(wait)


class Crew:
    """
    Runs coroutines in a loop, and lets the core wait for them by its runtime.

    Args:
        runtime: Of the face.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._private: PrivateLoop | None = None

    def begin(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Start a coroutine in the loop; cancelling the future cancels it, from any thread."""
        if self.runtime.suspends:
            loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        else:
            if self._private is None:
                self._private = PrivateLoop("dragoman-tools")
            loop = self._private.loop
        return asyncio.run_coroutine_threadsafe(work(), loop)

    async def value(self, work: Callable[[], Coroutine[Any, Any, T]], until: float | None) -> T:
        """
        What a coroutine gives.

        Raises:
            TimeoutError: It was not done at `until`; it is cancelled.
        """
        future = self.begin(work)
        waiter = self.runtime.waiter()
        future.add_done_callback(lambda _: waiter.set())
        try:
            if not await self.wait(waiter, until):
                raise TimeoutError
            return future.result()
        finally:
            future.cancel()

    async def wait(self, waiter: Waiter, until: float | None) -> bool:
        """Wait by the runtime until it has happened, or until that time: whether it has."""
        if self.runtime.suspends:
            return await waiter.wait(until)
        while True:
            slice_end = self.runtime.now() + _SLICE
            last = until is not None and until <= slice_end
            if await waiter.wait(until if last else slice_end):
                return True
            if last:
                return False

    def close(self, *, wait: float = 0.0) -> None:
        """End the private loop, if there is one.  Idempotent, from any thread."""
        if self._private is not None:
            self._private.close(wait=wait)


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """
    Run what blocks in a thread of its own, with the context variables of the task that asks.

    If the future is cancelled, the thread goes on and its result is dropped.  A daemon, unlike the threads of an
    executor: one that hangs does not keep the program from ending.
    """
    given: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            given.set_result(context.run(work))
        except StopIteration as error:  # no future takes it
            given.set_exception(RuntimeError(f"it raised StopIteration({error.value!r})"))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told; there is nobody else in this thread
            given.set_exception(error)

    given.set_running_or_notify_cancel()  # from here on a thread cannot be called back
    threading.Thread(target=run, name="dragoman-tool", daemon=True).start()
    return asyncio.wrap_future(given)
