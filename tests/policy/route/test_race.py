"""Steps that run beside each other: who wins, and that the others have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive

Step = Callable[[], Awaitable[str]]


class Steps:
    """Makes steps that note how they ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def step(self, name: str, seconds: float, value: str | Exception | None = None) -> Step:
        async def run() -> str:
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.ended.append(f"{name} cancelled")
                raise
            self.ended.append(name)
            if isinstance(value, Exception):
                raise value
            return name if value is None else value

        return run


def race(*steps: Step, after: float = 0.02) -> tuple[tuple[int, str], list[str]]:
    """Run a race in which `bad` does not win; also what was dropped."""
    dropped: list[str] = []

    async def run() -> tuple[int, str]:
        return await AsyncRuntime().race(steps, after=after, wins=lambda value: value != "bad", drop=dropped.append)

    return asyncio.run(run()), dropped


def test_the_first_alone_where_it_is_quick() -> None:
    """Nothing else is begun."""
    steps = Steps()

    assert ((0, "a"), []) == race(steps.step("a", 0.0), steps.step("b", 0.0), after=5.0)
    assert ["a"] == steps.ended


def test_the_second_wins_and_the_first_has_ended() -> None:
    """The loser is cancelled before the race is over."""
    steps = Steps()

    assert ((1, "b"), []) == race(steps.step("a", 9.0), steps.step("b", 0.0))
    assert ["b", "a cancelled"] == steps.ended


def test_the_first_wins_beside_the_second() -> None:
    """That another was begun changes nothing for it."""
    steps = Steps()

    assert ((0, "a"), []) == race(steps.step("a", 0.06), steps.step("b", 9.0))
    assert ["a", "b cancelled"] == steps.ended


def test_one_that_does_not_win_does_not_end_the_race() -> None:
    """The other is waited for."""
    steps = Steps()

    assert (0, "a") == race(steps.step("a", 0.08), steps.step("b", 0.0, "bad"))[0]


def test_where_none_wins_the_first_value_is_given() -> None:
    """Also if the first was the last to end."""
    steps = Steps()

    assert (0, "bad") == race(steps.step("a", 0.06, "bad"), steps.step("b", 0.0, "bad"))[0]
    assert (0, "bad") == race(steps.step("a", 0.0, "bad"), steps.step("b", 0.0), after=5.0)[0]


def test_a_third_is_begun_in_its_time() -> None:
    """Each waits for its own turn of `after` seconds."""
    steps = Steps()

    assert (2, "c") == race(steps.step("a", 9.0), steps.step("b", 9.0), steps.step("c", 0.0))[0]


def test_a_value_that_comes_too_late_is_dropped() -> None:
    """A step that gives something although it was cancelled does not leak it."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(9.0)
        except asyncio.CancelledError:
            return "late"
        return "never"

    assert ((1, "b"), ["late"]) == race(stubborn, Steps().step("b", 0.0))


def test_what_a_step_raises_ends_all() -> None:
    """A mistake is not taken for a loss."""
    steps = Steps()

    with pytest.raises(ZeroDivisionError):
        race(steps.step("a", 9.0), steps.step("b", 0.0, ZeroDivisionError()))
    assert ["b", "a cancelled"] == steps.ended


def test_a_race_that_is_cancelled_leaves_nothing() -> None:
    """Every step is cancelled with it."""
    steps, dropped = Steps(), list[Any]()

    async def run() -> None:
        running = [steps.step("a", 9.0), steps.step("b", 9.0)]
        raced = AsyncRuntime().race(running, after=0.01, wins=lambda value: True, drop=dropped.append)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(raced, 0.05)
        assert 1 == len(asyncio.all_tasks())

    asyncio.run(run())
    assert ["a cancelled", "b cancelled"] == sorted(steps.ended)


def test_the_blocking_face_does_the_first_alone() -> None:
    """There is nothing beside it."""

    async def one() -> str:
        return "a"

    async def other() -> str:
        raise AssertionError("begun")

    given = drive(BlockingRuntime().race([one, other], after=0.0, wins=lambda value: True, drop=print))

    assert (0, "a") == given
