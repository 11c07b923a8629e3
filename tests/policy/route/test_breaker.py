"""The circuit breaker as a state machine, without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Breaker, ConfigError
from dragoman.policy.route.breaker import Circuit


def opened(policy: Breaker, now: float = 0.0) -> Circuit:
    """A circuit that has just opened."""
    circuit = Circuit(policy)
    for _ in range(policy.failures):
        ticket = circuit.enter(now)
        assert ticket is not None
        circuit.settle(ticket, False, now)
    assert not circuit.closed
    return circuit


def outcome(circuit: Circuit, succeeded: bool | None, now: float) -> None:
    """Let one request through and tell how it ended."""
    ticket = circuit.enter(now)
    assert ticket is not None
    circuit.settle(ticket, succeeded, now)


def test_failures_in_a_row_open_it() -> None:
    """The last of five failures in a row opens it, and nothing is let through until the cool-down is over."""
    circuit = Circuit(Breaker(failures=5, cooldown=5.0))
    for at in range(4):
        outcome(circuit, False, at)
    assert circuit.closed

    outcome(circuit, False, 4.0)

    assert (None, 5.0) == (circuit.enter(4.0), circuit.wait(4.0))
    assert None is circuit.enter(8.99)
    assert None is not circuit.enter(9.0)


def test_a_success_ends_the_row() -> None:
    """Four failures, a success and four failures are no row of five."""
    circuit = Circuit(Breaker(failures=5))
    for succeeded in [False] * 4 + [True] + [False] * 4:
        outcome(circuit, succeeded, 0.0)

    assert circuit.closed


def test_a_share_of_failures_opens_it() -> None:
    """Half of twenty outcomes in a minute are too many, though never two in a row failed."""
    circuit = Circuit(Breaker(failures=99, share=0.5, least=20, window=60.0))
    for at in range(19):
        outcome(circuit, at % 2 == 0, at)
    assert circuit.closed

    outcome(circuit, False, 19.0)

    assert not circuit.closed


def test_old_outcomes_are_forgotten() -> None:
    """What is older than the window counts no more."""
    circuit = Circuit(Breaker(failures=99, share=0.5, least=20, window=60.0))
    for at in range(19):
        outcome(circuit, at % 2 == 0, at)

    outcome(circuit, False, 100.0)

    assert circuit.closed


def test_a_probe_that_succeeds_closes_it() -> None:
    """After the cool-down one request goes, and its success lets all others through."""
    circuit = opened(Breaker(cooldown=5.0))
    probe = circuit.enter(5.0)
    assert probe is not None
    assert None is circuit.enter(5.1)

    circuit.settle(probe, True, 6.0)

    assert circuit.closed
    assert None is not circuit.enter(6.0)


def test_a_probe_that_fails_makes_the_cooldown_longer() -> None:
    """5 s, 10, 20, and never more than the longest."""
    circuit = opened(Breaker(cooldown=5.0, growth=2.0, longest=30.0))
    now, waits = 0.0, list[float]()
    for _ in range(5):
        waits.append(circuit.wait(now))
        now += waits[-1]
        outcome(circuit, False, now)

    assert [5.0, 10.0, 20.0, 30.0, 30.0] == waits


def test_the_cooldown_begins_anew_after_it_was_closed() -> None:
    """An outage of yesterday does not lengthen that of today."""
    circuit = opened(Breaker(failures=1, cooldown=5.0))
    outcome(circuit, False, 5.0)
    outcome(circuit, True, 15.0)

    outcome(circuit, False, 20.0)

    assert 5.0 == circuit.wait(20.0)


def test_several_probes() -> None:
    """With three probes, three go at once, and all must succeed."""
    circuit = opened(Breaker(cooldown=1.0, probes=3))
    tickets = [circuit.enter(1.0) for _ in range(4)]
    assert [True, True, True, False] == [ticket is not None for ticket in tickets]

    for ticket in tickets[:2]:
        assert ticket is not None
        circuit.settle(ticket, True, 1.5)
    assert not circuit.closed
    assert tickets[2] is not None
    circuit.settle(tickets[2], True, 1.5)

    assert circuit.closed


def test_a_probe_that_was_left_makes_room_for_another() -> None:
    """Its caller went away: that says nothing of the target."""
    circuit = opened(Breaker(cooldown=1.0))
    outcome(circuit, None, 1.0)

    assert None is not circuit.enter(1.1)


def test_a_silent_probe_is_not_waited_for_longer_than_the_cooldown() -> None:
    """A long stream that is a probe does not keep the target closed to all others."""
    circuit = opened(Breaker(cooldown=2.0))
    assert None is not circuit.enter(2.0)
    assert 2.0 == circuit.wait(2.0)

    assert None is circuit.enter(3.9)
    assert None is not circuit.enter(4.0)


@pytest.mark.parametrize("succeeded", [True, False])
def test_what_was_sent_before_does_not_count(succeeded: bool) -> None:
    """A request from before it opened neither closes it nor prolongs the cool-down."""
    circuit = Circuit(Breaker(failures=1, cooldown=5.0))
    early = circuit.enter(0.0)
    assert early is not None
    outcome(circuit, False, 0.0)

    circuit.settle(early, succeeded, 1.0)

    assert 4.0 == circuit.wait(1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("failures", 0),
        ("failures", 1.5),
        ("share", 2),
        ("window", 0),
        ("growth", 0.5),
        ("cooldown", "x"),
        ("probes", True),
    ],
)
def test_a_bad_value_is_named(name: str, value: object) -> None:
    """A policy that cannot work fails where it is written."""
    with pytest.raises(ConfigError) as caught:
        Breaker(**{name: value})  # type: ignore[arg-type]

    assert f"breaker.{name}" == caught.value.field


STEPS = st.lists(
    st.tuples(st.floats(0, 10), st.one_of(st.just("enter"), st.sampled_from([True, False, None])), st.integers(0, 5)),
    max_size=120,
)


@given(steps=STEPS, failures=st.integers(1, 4), probes=st.integers(1, 3))
def test_laws_of_the_state_machine(steps: list[tuple[float, object, int]], failures: int, probes: int) -> None:
    """
    Whatever comes: `enter` agrees with `wait`; a closed circuit lets all through; it opens only by a failure, closes
    only by a success, and within one cool-down no more than its probes go.
    """
    policy = Breaker(failures=failures, share=1.0, least=10**6, cooldown=3.0, probes=probes)
    circuit, now, tickets = Circuit(policy), 0.0, list[int]()
    let_through = list[float]()
    for wait, what, which in steps:
        now += wait
        closed = circuit.closed
        if what == "enter":
            expected = circuit.wait(now) == 0.0
            ticket = circuit.enter(now)
            assert expected == (ticket is not None)
            assert closed == circuit.closed
            if ticket is not None:
                tickets.append(ticket)
                if not closed:
                    let_through = [at for at in let_through if at > now - policy.cooldown] + [now]
                    assert len(let_through) <= 2 * probes
        elif tickets:
            circuit.settle(tickets.pop(which % len(tickets)), what, now)  # type: ignore[arg-type]
            if what is not None and closed != circuit.closed:
                assert circuit.closed == what
            if what is None:
                assert closed == circuit.closed
        assert 0.0 <= circuit.wait(now) <= policy.longest


@given(outcomes=st.lists(st.booleans(), max_size=60))
def test_it_opens_exactly_at_the_first_row_of_failures(outcomes: list[bool]) -> None:
    """Where only the row counts, it is open from the first three failures in a row on."""
    circuit = Circuit(Breaker(failures=3, share=1.0, least=10**6))
    row = 0
    for succeeded in outcomes:
        outcome(circuit, succeeded, 0.0)
        row = 0 if succeeded else row + 1
        assert circuit.closed == (row < 3)
        if row == 3:
            break
