"""One async core, driven to its end in a single step on the blocking face."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from dragoman.runtime import AsyncRuntime, BlockingRuntime, Runtime, drive


async def _answer() -> int:
    await BlockingRuntime().sleep(0.001)
    return 42


async def _suspends() -> None:
    await asyncio.sleep(0.01)


async def _outer() -> None:
    await _suspends()


def test_a_coroutine_that_blocks_runs_to_its_end() -> None:
    """What waits through the blocking runtime needs no event loop."""
    assert drive(_answer()) == 42


def test_it_works_inside_a_running_loop() -> None:
    """The blocking face works in a notebook, where a loop is already running."""

    async def cell() -> int:
        return drive(_answer())

    assert asyncio.run(cell()) == 42


def test_a_coroutine_that_suspends_is_named() -> None:
    """A middleware that awaits something of asyncio on the blocking face is told so, with its name and file."""
    with pytest.raises(RuntimeError, match=r"_suspends \(.*test_runtime\.py:\d+\) awaited something that suspends"):
        drive(_outer())


def test_a_bare_suspension_is_named() -> None:
    """The same holds for what suspends without asking for a loop."""

    class Forever:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def waits() -> None:
        await Forever()

    with pytest.raises(RuntimeError, match=r"waits \(.*test_runtime\.py:\d+\)"):
        drive(waits())


def test_errors_pass_through() -> None:
    """An exception inside the coroutine arrives as itself."""

    async def fails() -> None:
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        drive(fails())


def test_the_clock_never_goes_back() -> None:
    """Deadlines are on the monotonic clock."""
    before = time.monotonic()

    assert before <= BlockingRuntime().now() <= time.monotonic()


@pytest.mark.parametrize("runtime", [BlockingRuntime(), AsyncRuntime()], ids=["blocking", "async"])
def test_what_blocks_ends_at_its_deadline(runtime: BlockingRuntime | AsyncRuntime) -> None:
    """A vendor's library runs until it is done, or until its deadline; its own error comes out."""

    async def work() -> tuple[int, str]:
        found = await runtime.run_blocking(lambda: 42, runtime.now() + 5)
        with pytest.raises(ZeroDivisionError):
            await runtime.run_blocking(lambda: 1 // 0, None)
        with pytest.raises(TimeoutError):
            await runtime.run_blocking(lambda: time.sleep(0.2), runtime.now() + 0.02)
        return found, "in time"

    assert (42, "in time") == (drive(work()) if isinstance(runtime, BlockingRuntime) else asyncio.run(work()))


def _steps(seen: list[int], runtime: Runtime) -> list[Any]:
    async def step(number: int) -> int:
        seen.append(number)
        await runtime.sleep(0.001 * (5 - number))
        return number * number

    return [partial(step, number) for number in range(5)]


def test_gathered_results_are_in_order_on_both_faces() -> None:
    """What each step gave stands at its place, whichever ended first."""
    seen: list[int] = []

    assert [0, 1, 4, 9, 16] == drive(BlockingRuntime().gather(_steps(seen, BlockingRuntime()), limit=2))
    assert [0, 1, 4, 9, 16] == asyncio.run(AsyncRuntime().gather(_steps(seen, AsyncRuntime()), limit=2))
    assert [*range(5), *range(5)] == seen


def test_a_step_that_fails_ends_the_rest_with_its_own_error() -> None:
    """The error comes out as it was raised, and what still ran is cancelled."""
    left: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def wait() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            left.append("cancelled")
            raise

    with pytest.raises(ValueError, match="no") as caught:
        asyncio.run(AsyncRuntime().gather([wait, fail], limit=2))

    assert ["cancelled"] == left
    assert caught.value.__context__ is None


def test_nothing_to_gather() -> None:
    """No steps give no results."""
    assert [] == asyncio.run(AsyncRuntime().gather([], limit=3)) == drive(BlockingRuntime().gather([], limit=3))
