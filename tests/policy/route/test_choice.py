"""Which of several is asked first: with seeds, so that the same numbers come each time."""

from __future__ import annotations

import random
from collections import Counter
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.policy.route.choice import Speed, Times, by_latency, by_weight

DRAWS = 20_000


def test_weights_are_kept() -> None:
    """Of 20,000 draws each comes first as often as its weight says, within one percent of all."""
    chance = random.Random(7).random
    firsts = Counter(by_weight([5.0, 3.0, 2.0], chance)[0] for _ in range(DRAWS))

    assert [0.5, 0.3, 0.2] == [pytest.approx(firsts[i] / DRAWS, abs=0.01) for i in range(3)]


def test_what_is_left_is_weighed_too() -> None:
    """Behind the heaviest, the others stand by their own weights."""
    chance = random.Random(7).random
    orders = [order for _ in range(DRAWS) if (order := by_weight([5.0, 3.0, 1.0], chance))[0] == 0]

    assert 0.75 == pytest.approx(sum(order[1] == 1 for order in orders) / len(orders), abs=0.02)


def test_weight_zero_is_the_last_resort() -> None:
    """It is asked only behind all others."""
    chance = random.Random(7).random

    assert {1} == {by_weight([1.0, 0.0, 1.0], chance)[-1] for _ in range(200)}


@given(weights=st.lists(st.floats(0, 1e9), min_size=1, max_size=8), seed=st.integers())
def test_every_order_has_all(weights: list[float], seed: int) -> None:
    """Nothing is left out and nothing comes twice, by weight or by latency."""
    chance = random.Random(seed).random
    everyone = list(range(len(weights)))

    assert everyone == sorted(by_weight(weights, chance))
    assert everyone == sorted(by_latency([(weight or None, 0) for weight in weights], chance))


def test_the_quicker_goes_first() -> None:
    """Of two, the quicker is asked first, save when the other is looked at again."""
    chance = random.Random(7).random
    firsts = Counter(by_latency([(0.5, 0), (0.1, 0)], chance)[0] for _ in range(DRAWS))

    assert 0.95 == pytest.approx(firsts[1] / DRAWS, abs=0.01)


def test_the_slowest_of_three_is_seen_now_and_then() -> None:
    """It goes first only when it is drawn and explored: so it is known when it gets better."""
    chance = random.Random(7).random
    firsts = Counter(by_latency([(0.1, 0), (0.2, 0), (0.9, 0)], chance)[0] for _ in range(DRAWS))

    assert 0.0 < firsts[2] / DRAWS < 0.05
    assert firsts[0] > firsts[1] > firsts[2]


def test_one_that_is_not_known_is_asked() -> None:
    """Nothing can be learned of a target that is never asked."""
    chance = random.Random(7).random

    assert 1 == by_latency([(0.1, 0), (None, 0)], chance, explore=0.0)[0]


def test_busy_ones_are_spared() -> None:
    """The time of a target counts once for each request that it is at work on."""
    chance = random.Random(7).random

    assert 1 == by_latency([(0.1, 5), (0.2, 0)], chance, explore=0.0)[0]
    assert 0 == by_latency([(None, 0), (None, 3)], chance, explore=0.0)[0]


def test_calls_flow_to_the_quicker_by_themselves() -> None:
    """In virtual time: of three targets that take 0.1, 0.2 and 1 s, most calls go to the first, and all are known."""
    chance, takes = random.Random(11).random, [0.1, 0.2, 1.0]
    speeds, asked = [Speed() for _ in takes], Counter[int]()
    for _ in range(5_000):
        first = by_latency([(speed.seconds, speed.busy) for speed in speeds], chance)[0]
        asked[first] += 1
        speeds[first].took(takes[first] * (0.5 + chance()))

    assert asked[0] > asked[1] > asked[2] > 0
    assert asked[2] < 250
    assert takes == [pytest.approx(speed.seconds, rel=0.5) for speed in speeds]


def test_who_fails_quickly_is_not_quick() -> None:
    """A refusal after a millisecond does not make a target the quickest."""
    speed = Speed()
    speed.took(0.2)

    speed.failed(0.001)

    assert speed.seconds is not None
    assert speed.seconds > 0.2


def test_late_is_what_ninety_five_of_a_hundred_took() -> None:
    """It is not known before twenty calls; then only the slowest five of a hundred are later."""
    times = Times()
    for hundredth in range(19):
        times.add(hundredth / 100)
    assert times.late is None

    for hundredth in range(100):
        times.add(hundredth / 100)

    assert 0.94 == times.late


def test_only_the_latest_calls_count() -> None:
    """What was slow a hundred calls ago is forgotten."""
    times = Times()
    for seconds, _ in zip(cycle([9.0]), range(100), strict=False):
        times.add(seconds)
    for _ in range(100):
        times.add(1.0)

    assert 1.0 == times.late
