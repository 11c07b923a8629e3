"""Which errors are met with another attempt, and when: arithmetic, without a clock."""

from __future__ import annotations

import pytest

from dragoman import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConnectError,
    DragomanError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamInterrupted,
    TimeoutError,
    WireError,
)
from dragoman.policy.retry import Retry, RetryBudget


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [pytest.param(0, 0.5, id="first"), pytest.param(3, 4.0, id="fourth"), pytest.param(9, 30.0, id="capped")],
)
def test_backoff_doubles_until_the_cap(attempt: int, expected: float) -> None:
    """The wait doubles at every attempt and stops growing at the cap."""
    assert expected == Retry(attempts=99).delay(attempt, ServerError("x"), rnd=1.0)


def test_jitter_is_full() -> None:
    """Any wait from nothing to the bound may come, so that callers spread out."""
    assert 0.0 == Retry().delay(0, ServerError("x"), rnd=0.0)
    assert 0.25 == Retry().delay(0, ServerError("x"), rnd=0.5)


def test_the_providers_word_wins() -> None:
    """`Retry-After` is obeyed as it is, neither capped nor jittered."""
    assert 90.0 == Retry().delay(0, RateLimitError("x", retry_after=90.0), rnd=0.1)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectError("x"), True),
        (RateLimitError("x"), True),
        (OverloadedError("x"), True),
        (ServerError("x"), True),
        (QuotaError("x"), False),
        (AuthenticationError("x"), False),
        (BadRequestError("x"), False),
        (WireError("x"), False),
        (TimeoutError("x", clock="first_event"), False),
        (TimeoutError("x", clock="connect", retryable=True), True),
        (StreamInterrupted("x"), False),
        (StreamInterrupted("x", answered=False), True),
        (ServerError("x", retryable=False), False),
        (BadRequestError("x", retryable=True), True),
    ],
)
def test_what_is_sent_again(error: DragomanError, again: bool) -> None:
    """The class decides, unless the provider said otherwise; what may be paid for twice is not sent again."""
    assert again == (Retry().delay(0, error, rnd=1.0) is not None)


def test_attempts_are_counted() -> None:
    """The last attempt that is allowed is not followed by another."""
    assert Retry(attempts=3).delay(1, ServerError("x"), rnd=1.0) is not None
    assert Retry(attempts=3).delay(2, ServerError("x"), rnd=1.0) is None


def test_a_connection_that_ended_without_an_answer_is_tried_once() -> None:
    """The second time, the provider may be working on it, and nothing is sent a third time."""
    gone = StreamInterrupted("x", answered=False)

    assert Retry().delay(1, gone, rnd=1.0, unanswered=1) is None


@pytest.mark.parametrize(("name", "value"), [("attempts", 0), ("base", -1), ("cap", "x"), ("attempts", True)])
def test_a_bad_policy_is_refused(name: str, value: object) -> None:
    """A value that cannot work is named."""
    with pytest.raises(ConfigError) as caught:
        Retry(**{name: value})  # type: ignore[arg-type]

    assert f"retry.{name}" == caught.value.field


def test_the_budget_stops_a_storm() -> None:
    """In a total outage of 1,000 calls within a second, ten are sent again."""
    budget = RetryBudget()

    assert 10 == sum(budget.take(now=i / 1000) for i in range(1000))


def test_success_and_time_earn_it_back() -> None:
    """One repeat for five successes, or for twenty seconds."""
    budget = RetryBudget(size=1)
    assert budget.take(0.0)
    assert not budget.take(0.5)
    for _ in range(5):
        budget.succeeded()
    assert budget.take(0.5)
    assert not budget.take(10.0)
    assert budget.take(25.0)
