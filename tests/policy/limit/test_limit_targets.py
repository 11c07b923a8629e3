"""The limiter in virtual time against simulated providers."""

from __future__ import annotations

import pytest
from tests.policy.limit.targets import SEEDS, cases, missed, run

from dragoman.policy.limit.bucket import Limit
from dragoman.testing.quota import KINDS, Kind, Quota
from dragoman.testing.virtual import Load, VirtualClock, drive


@pytest.mark.parametrize(("kind", "known"), list(cases()))
def test_targets(kind: Kind, known: bool) -> None:
    """1,500 calls of mixed sizes, 30 % off in their estimates, are all answered at nearly the possible rate."""
    found = [line for seed in SEEDS for line in missed(kind, run(kind, known, 1500, seed), 1500)]
    assert [] == found


@pytest.mark.parametrize("kind", ["strict", "announced", "lenient", "windows", "azure", "anthropic"])
@pytest.mark.parametrize("seed", SEEDS)
def test_burst_against_a_small_limit(kind: Kind, seed: int) -> None:
    """100 calls at once against 20 requests/s announced in headers: all are answered with at most 105 requests."""
    report = drive(Quota(kind, seed, requests=1200, tokens=12e6), [Load(count=100, size=50)], seed=seed)
    assert 100 == report.answered
    assert report.sent <= 105


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_forgotten_at_a_tiny_limit(kind: Kind) -> None:
    """Calls that are larger than what a second brings, and a limit smaller than the first flight: all are answered."""
    assert 60 == drive(Quota(kind, requests=60, tokens=40_000), [Load(count=60)]).answered


@pytest.mark.parametrize("kind", ["strict", "announced", "anthropic"])
def test_interactive_calls_do_not_wait_behind_a_batch(kind: Kind) -> None:
    """While a batch saturates the limit, 99 of 100 interactive calls wait no longer than 250 ms."""
    loads = [Load(count=1500, priority="batch"), Load(count=100, priority="interactive", every=0.3)]
    report = drive(Quota(kind), loads)
    assert 1600 == report.answered
    assert report.wait("interactive", 0.99) <= 0.25
    assert report.wait("batch", 0.5) > 5


def test_a_batch_is_not_starved() -> None:
    """While interactive calls saturate the limit, a batch gets its share of it."""
    loads = [Load(count=1500, priority="interactive"), Load(count=30, priority="batch")]
    report = drive(Quota("strict"), loads)
    assert 1530 == report.answered
    assert report.wait("batch", 0.5) < 0.8 * report.seconds


def test_first_come_first_served() -> None:
    """Within a class nobody is let go before who came earlier."""
    waits = drive(Quota("strict"), [Load(count=500)], limits=(Limit(dimension="requests", amount=3000),)).waits
    assert sorted(waits["normal"]) == waits["normal"]


def test_who_cannot_be_in_time_is_told_at_once() -> None:
    """With a deadline nothing is sent late and nobody is refused by the provider: those who do not fit give up."""
    report = drive(Quota("strict"), [Load(count=1500, deadline=10)])
    assert 1500 == report.answered + report.given_up
    assert report.answered > 450
    assert 0 == report.refused
    assert max(report.waits["normal"]) <= 10


def test_the_same_seed_gives_the_same_run() -> None:
    """A run can be repeated."""
    assert drive(Quota("neighbour", 7), [Load(count=300)], seed=7) == drive(
        Quota("neighbour", 7), [Load(count=300)], seed=7
    )


def test_virtual_clock_does_things_in_order() -> None:
    """What is due first is done first; what is due together, in the order in which it was asked for."""
    clock, done = VirtualClock(), list[tuple[float, str]]()
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        clock.at(when, lambda name=name: done.append((clock.now, name)))
    clock.run()
    assert [(1.0, "a"), (1.0, "b"), (2.0, "c")] == done
