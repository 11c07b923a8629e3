"""The four clocks are arithmetic: no test here waits."""

from __future__ import annotations

import pytest

from dragoman import Timeouts
from dragoman.errors import Clock
from dragoman.policy.deadline import Clocks


@pytest.mark.parametrize(
    ("clock", "since", "expected"),
    [
        pytest.param("connect", 100.0, 110.0, id="own clock is sooner"),
        pytest.param("first_event", 100.0, 130.0, id="total is sooner"),
        pytest.param("idle", 125.0, 130.0, id="late waits are cut by the total"),
        pytest.param("idle", 101.0, 106.0, id="idle counts from the last data"),
    ],
)
def test_a_wait_ends_at_its_own_clock_or_the_total(clock: Clock, since: float, expected: float) -> None:
    """Every wait ends at the sooner of its own limit and the end of the whole call."""
    clocks = Clocks(Timeouts(connect=10, first_event=600, idle=5, total=30), started=100.0)

    assert expected == clocks.until(clock, since)


def test_none_means_no_limit() -> None:
    """A clock that is None leaves the total; without a total there is no deadline at all."""
    assert Clocks(Timeouts(idle=None, total=30), 100.0).until("idle", 101.0) == 130.0
    assert Clocks(Timeouts(idle=None, total=None), 100.0).until("idle", 101.0) is None


@pytest.mark.parametrize(("now", "expected"), [(110.0, "idle"), (130.0, "total"), (129.999, "total")])
def test_the_clock_that_ran_out_is_named(now: float, expected: str) -> None:
    """The total is named when it has passed, also if a timer fired a moment early."""
    assert expected == Clocks(Timeouts(total=30), 100.0).ran_out("idle", now)
