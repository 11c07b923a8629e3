"""One async core, driven to its end in a single step on the blocking face."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator

import pytest

from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive


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
