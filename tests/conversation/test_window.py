"""What windows leave out, as functions of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import ConfigError, LastTurns, TokenBudget


@pytest.mark.parametrize(
    ("expected", "turns", "fixed", "context"),
    [
        pytest.param(0, [50, 50], 0, None, id="fits exactly"),
        pytest.param(2, [40, 40, 30], 10, None, id="down to the low mark"),
        pytest.param(1, [90, 500], 0, None, id="the question stays, however long"),
        pytest.param(0, [500], 0, None, id="a question alone"),
        pytest.param(1, [10, 10], 95, None, id="instructions count"),
    ],
)
def test_token_budget(expected, turns, fixed, context):
    """Above the high mark the oldest turns go, until the low mark is reached."""
    assert expected == TokenBudget(100).leave_out(turns, fixed, context)


def test_default_budget_is_half_of_what_the_model_reads():
    """Nobody has to say a number."""
    assert 0 == TokenBudget().leave_out([2000, 2000], 0, 8000)
    assert 1 == TokenBudget().leave_out([2001, 2000], 0, 8000)
    assert 0 == TokenBudget().leave_out([16_000, 16_000], 0, None)


def test_last_turns():
    """At most so many, and half of them after a cut."""
    assert [0, 0, 0, 0, 3] == [LastTurns(4).leave_out([1] * n, 0, None) for n in range(1, 6)]
    assert 1 == LastTurns(4, low=1).leave_out([1] * 5, 0, None)


@pytest.mark.parametrize("make", [lambda: TokenBudget(0), lambda: TokenBudget(5, 0), lambda: LastTurns(0)])
def test_marks_that_cannot_be_are_refused(make):
    """A window without room is a mistake."""
    with pytest.raises(ConfigError):
        make()


@given(
    turns=st.lists(st.integers(0, 500), min_size=1, max_size=30),
    fixed=st.integers(0, 300),
    window=st.one_of(
        st.builds(TokenBudget, st.integers(1, 3000), st.sampled_from([0.2, 0.5, 1.0])),
        st.builds(LastTurns, st.integers(1, 20), st.sampled_from([0.2, 0.5, 1.0])),
    ),
)
def test_a_window_after_its_cut_does_not_cut_again(turns, fixed, window):
    """The question always stays, and what is left fits: the next cut is a later turn's."""
    out = window.leave_out(turns, fixed, None)

    assert 0 <= out < len(turns)
    again = window.leave_out(turns[out:], fixed, None)
    assert 0 == again or len(turns) - out - again == 1
