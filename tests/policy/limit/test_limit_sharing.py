"""One limit in several processes, in virtual time: the state is bytes between any two decisions."""

from __future__ import annotations

import pytest
from tests.policy.limit.targets import KNOWN, SEEDS

from dragoman.policy.limit.bucket import Limit
from dragoman.testing.quota import Kind, Quota
from dragoman.testing.virtual import Load, Report, drive

# kind -> share of the possible rate, 429s per answered call
SHARED: dict[Kind, tuple[float, float]] = {
    "strict": (0.97, 0.001),
    "announced": (0.97, 0.001),
    "lenient": (0.98, 0.001),
    "anthropic": (0.97, 0.001),
    "azure": (0.97, 0.005),
    "halved": (0.97, 0.01),
    "neighbour": (0.93, 0.01),
}


def uneven(kind: Kind, seed: int, limits: tuple[Limit, ...], count: int = 1500) -> Report:
    """Four processes with 70, 10, 10 and 10 % of the calls."""
    counts = (count * 7 // 10, count // 10, count // 10, count // 10)
    loads = [Load(count=part, process=number) for number, part in enumerate(counts)]
    return drive(Quota(kind, seed), loads, limits=limits, seed=seed, processes=4)


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("limits", [(), KNOWN], ids=["learned", "known"])
def test_four_processes_share_a_limit(kind: Kind, limits: tuple[Limit, ...]) -> None:
    """All calls are answered at nearly the possible rate and almost without refusals, however uneven the load."""
    share, refused = SHARED[kind]
    if kind == "anthropic":
        limits = ()
    reports = [uneven(kind, seed, limits) for seed in SEEDS]
    assert [1500] * len(SEEDS) == [report.answered for report in reports]
    assert share <= min(report.share for report in reports)
    assert refused >= max(report.refused_part for report in reports)


@pytest.mark.parametrize("kind", ["strict", "azure", "silent"])
def test_who_has_less_to_do_does_not_wait_for_who_has_more(kind: Kind) -> None:
    """Three processes with a tenth each are through long before the one with the rest."""
    served = uneven(kind, 1, ()).served
    assert all(max(served[number]) < 0.6 * max(served[0]) for number in (1, 2, 3))


@pytest.mark.parametrize("kind", ["strict", "announced", "azure"])
@pytest.mark.parametrize("seed", SEEDS)
def test_eight_processes_of_which_two_are_killed(kind: Kind, seed: int) -> None:
    """The others finish, each with its share, and the limit is used and kept."""
    loads = [Load(count=250, process=number, size=400) for number in range(8)]
    report = drive(Quota(kind, seed), loads, seed=seed, processes=8, killed={2: 7.0, 5: 0.1})

    assert 2000 == report.answered + report.killed
    assert [250] * 6 == [len(report.served[number]) for number in (0, 1, 3, 4, 6, 7)]
    assert report.refused_part <= 0.005
    half_way = [sum(at < 20 for at in report.served[number]) for number in (1, 3, 4, 6, 7)]
    assert max(half_way) <= 1.1 * min(half_way)
    burst = 0 if kind == "azure" else 50
    assert report.seconds <= 1.04 * (report.sent - burst) / 50


@pytest.mark.parametrize("rpm", [60, 600])
def test_nobody_is_forgotten_at_a_small_limit(rpm: int) -> None:
    """Five processes at a limit smaller than the first flight, two of them dead at once: all others are answered."""
    loads = [Load(count=10, process=number) for number in range(5)]
    report = drive(Quota("announced", requests=rpm, tokens=1e6), loads, processes=5, killed={1: 0.001, 3: 0.001})
    assert 30 == report.answered
    assert 20 == report.killed


def test_interactive_calls_of_one_process_do_not_wait_behind_the_batch_of_another() -> None:
    """Classes count across processes."""
    loads = [
        *(Load(count=600, priority="batch", process=number) for number in (0, 1, 2)),
        Load(count=100, priority="interactive", every=0.3, process=3, start=1.0),
    ]
    report = drive(Quota("strict"), loads, processes=4)
    assert 1900 == report.answered
    assert report.wait("interactive", 0.99) <= 0.3
    assert report.wait("batch", 0.5) > 5


def test_a_deadline_counts_what_waits_in_other_processes() -> None:
    """Who cannot be in time, because the others get their turns, is told at once; nobody is let go late."""
    loads = [
        *(Load(count=500, process=number) for number in (0, 1, 2)),
        Load(count=300, process=3, start=1.0, deadline=10.0),
    ]
    report = drive(Quota("strict"), loads, limits=KNOWN, processes=4)
    assert 1800 == report.answered + report.given_up
    assert 60 <= 300 - report.given_up <= 180
    assert 0 == report.refused


def test_the_same_seed_gives_the_same_run() -> None:
    """A run of several processes can be repeated."""
    assert uneven("neighbour", 7, (), 300) == uneven("neighbour", 7, (), 300)
