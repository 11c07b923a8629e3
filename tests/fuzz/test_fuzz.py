"""A short run of the fuzzer; `./dev soak fuzz` is the long one."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import Target, run, targets

TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_bytes_break_no_law(target: Target) -> None:
    """Of some hundred damaged inputs each ends in an answer with evidence or in one of our errors."""
    assert [] == run(target, seed=1, count=300)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_is_not_damaged_breaks_no_law(target: Target) -> None:
    """Every seed passes as it is, so that what the fuzzer reports is the damage."""
    assert [] == [problem for seed in target.seeds if (problem := target.check(seed, random.Random(1)))]


def test_a_seed_replays() -> None:
    """The same seed damages the same bytes in the same way."""
    once, again = (mutate(b"data: {}\n\n" * 9, b"x", random.Random(7)) for _ in range(2))

    assert once == again


def test_an_input_that_takes_for_ever_is_reported() -> None:
    """A reader that does not come back is stopped, and its input named."""

    def spins(data: bytes, rng: random.Random) -> str | None:
        while True:
            pass

    lines = run(Target("slow", [b"a"], spins), seed=1, count=1, start=4)

    assert 1 == len(lines)
    assert "seconds of processor time" in lines[0]


def test_a_broken_law_is_reported() -> None:
    """What escapes a target, and what it says itself, comes back with what replays it."""

    def fails(data: bytes, rng: random.Random) -> str | None:
        raise KeyError("x")

    assert ["bad, seed 1, number 4: KeyError escaped: 'x'"] == run(
        Target("bad", [b"a"], fails), seed=1, count=1, start=4
    )
