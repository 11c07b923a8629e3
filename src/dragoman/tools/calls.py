"""
The calls of one round, under way.

Rule: every call ends with a result, and no result is late: whatever a tool does, raise, hang or leave, the run goes on
when its time is up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from inspect import isawaitable
from typing import Any

import msgspec

from dragoman.errors import ToolError
from dragoman.runtime import Waiter
from dragoman.tools.loops import Crew, in_thread
from dragoman.tools.results import failed, result_of, told
from dragoman.tools.toolbox import is_async
from dragoman.types.messages import ToolCall, ToolResult
from dragoman.types.runs import OnError, ToolEnded, ToolStarted


class Order(msgspec.Struct, frozen=True):
    """
    A call that is to be made.

    Attributes:
        at: Its place among the calls of the round.
        call: As the model, or the approval hook, has it.
        work: What runs it.
        suspends: Whether that is a coroutine function.
        timeout: Seconds.
    """

    at: int
    call: ToolCall
    work: Callable[[], Any]
    suspends: bool
    timeout: float | None


Told = tuple[int, ToolStarted | ToolEnded]
"""What happened, and to which call."""


class Calls:
    """
    Several calls at once.

    Args:
        crew: Where they run.
        orders: What is to be called.
        parallel: How many at once.
        on_error: What happens when a tool fails.
    """

    def __init__(self, crew: Crew, orders: Sequence[Order], *, parallel: int, on_error: OnError) -> None:
        self._crew = crew
        self._on_error = on_error
        self._told: deque[Told] = deque()
        self._waiter: Waiter | None = None
        self._future: Future[None] = crew.begin(lambda: self._all(orders, parallel))
        self._future.add_done_callback(lambda _: self._wake())

    async def next(self, until: float | None) -> list[Told]:
        """
        Wait for what happens next; an empty list when all have ended.

        Raises:
            TimeoutError: Nothing had happened at `until`.
            ToolError: A tool failed, and the run is to stop then.
        """
        waiter = self._waiter = self._crew.runtime.waiter()  # before looking, so that nothing falls in between
        if not self._told and not self._future.done() and not await self._crew.wait(waiter, until):
            raise TimeoutError
        told = [self._told.popleft() for _ in range(len(self._told))]
        if not told:
            self._future.result()
        return told

    def cancel(self) -> None:
        """Stop them all; threads go on, and their results are dropped.  Idempotent, from any thread."""
        self._future.cancel()

    # --- in the loop --------------------------------------------------------------------------------------------------

    async def _all(self, orders: Sequence[Order], parallel: int) -> None:
        turns = asyncio.Semaphore(parallel)
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for order in orders:
                    group.create_task(self._one(order, turns))
        except BaseExceptionGroup as several:
            failure = several.exceptions[0]
        if failure is not None:
            raise failure  # outside of the handler, so that the group is not told as its context

    async def _one(self, order: Order, turns: asyncio.Semaphore) -> None:
        async with turns:
            self._tell(order, ToolStarted(order.call))
            began = time.monotonic()
            result = await self._result(order)
            self._tell(order, ToolEnded(order.call, result, time.monotonic() - began))

    async def _result(self, order: Order) -> ToolResult:
        work = asyncio.ensure_future(_done(order))
        try:
            ended, _ = await asyncio.wait({work}, timeout=order.timeout)
        finally:
            work.cancel()  # it is not waited for: what does not heed it must not hold up the run
        if not ended:
            return await self._failed(order, TimeoutError(f"it took longer than {order.timeout:g} s and was stopped"))
        if work.cancelled():
            return await self._failed(order, RuntimeError("it was cancelled"))
        error = work.exception()
        return work.result() if error is None else await self._failed(order, error)

    async def _failed(self, order: Order, error: BaseException) -> ToolResult:
        if self._on_error == "raise":
            raise ToolError(f"the tool {order.call.name} failed: {told(error)}", call=order.call) from error
        if isinstance(self._on_error, str):
            return failed(order.call, told(error))
        try:
            return failed(order.call, str(await called(self._on_error, order.call, error)))
        except Exception as another:
            raise ToolError(f"on_error failed: {told(another)}", call=order.call) from another

    def _tell(self, order: Order, event: ToolStarted | ToolEnded) -> None:
        self._told.append((order.at, event))
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            waiter.set()


async def _done(order: Order) -> ToolResult:
    """Run a call in its way."""
    try:
        value = order.work() if order.suspends else await in_thread(order.work)
        return result_of(order.call, await value if isawaitable(value) else value)
    except SystemExit as error:  # asyncio would let it end the loop, and every other call with it
        raise RuntimeError(f"it tried to end the program ({error.code})") from error


async def called(hook: Callable[..., Any], *values: object) -> Any:
    """What a hook gives: one that blocks is asked in a thread."""
    value = hook(*values) if is_async(hook) else await in_thread(lambda: hook(*values))
    return await value if isawaitable(value) else value
