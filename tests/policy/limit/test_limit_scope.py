"""Decisions of the limiter, one by one."""

from __future__ import annotations

import pytest

from dragoman.policy.limit.bucket import Bucket, Limit
from dragoman.policy.limit.cost import Estimator, actual
from dragoman.policy.limit.grants import Decision, Grant, Refuse, Wait
from dragoman.policy.limit.headers import Snapshot, dialect_of
from dragoman.policy.limit.limiter import Limiter, ScopeKey
from dragoman.policy.limit.refill import Refill
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.types.usage import Usage

ONE = {"requests": 1.0, "tokens": 100.0}


def granted(decision: Decision) -> Grant:
    """The decision, which must be a grant."""
    assert isinstance(decision, Grant)
    return decision


def waiting(decision: Decision) -> Wait:
    """The decision, which must be to wait."""
    assert isinstance(decision, Wait)
    return decision


def limited(amount: float = 60, dimension: str = "requests") -> Scope:
    """A scope with one limit by the minute."""
    return Scope((Limit(dimension=dimension, amount=amount),))


def drained(scope: Scope, now: float = 0.0) -> list[Grant]:
    """Take all that may go at once."""
    grants: list[Grant] = []
    while isinstance(decision := scope.reserve(ONE, now), Grant):
        grants.append(decision)
    assert isinstance(decision, Wait)
    scope.cancel(decision.ticket, now)
    scope.woken()
    return grants


def shot(**facts: object) -> Snapshot:
    """A snapshot of requests."""
    return Snapshot(dimension="requests", **facts)  # type: ignore[arg-type]


def test_at_most_eight_fly_into_the_unknown() -> None:
    """Before the first reply no more than 8 are in flight, and the ninth goes when one is back."""
    scope = Scope()
    grants = [granted(scope.reserve(ONE, 0.0)) for _ in range(8)]
    ninth = waiting(scope.reserve(ONE, 0.0))
    assert float("inf") == ninth.until
    scope.settle(grants[0], None, (), 1.0)
    assert ninth.ticket in scope.woken()
    granted(scope.resume(ninth.ticket, 1.0))


def test_the_flight_doubles_with_each_clean_round_trip() -> None:
    """A provider that names no limit is soon not limited."""
    scope, now, sizes = Scope(), 0.0, list[int]()
    for _ in range(12):
        flight: list[Grant] = []
        while len(flight) < 10_000 and isinstance(decision := scope.reserve(ONE, now), Grant):
            flight.append(decision)
        if isinstance(decision, Wait):
            scope.cancel(decision.ticket, now)
        sizes.append(len(flight))
        now += 1.0
        for grant in flight:
            scope.settle(grant, None, (), now)
    assert [8, 16, 32, 64] == sizes[:4]
    assert 10_000 == sizes[-1]


def test_a_wait_ends_exactly_when_the_limit_allows() -> None:
    """The time that is told is enough, and nothing before it is."""
    scope = limited()
    drained(scope)
    wait = waiting(scope.reserve(ONE, 0.0))
    assert 0.0 < wait.until <= 1.0
    waiting(scope.resume(wait.ticket, wait.until - 0.01))
    assert wait.until == granted(scope.resume(wait.ticket, wait.until)).waited


def test_a_deadline_that_cannot_be_held_is_refused_at_once() -> None:
    """The answer has the estimated wait and the limit that is in the way, and nobody queues."""
    scope = limited()
    drained(scope)
    for _ in range(5):
        waiting(scope.reserve(ONE, 0.0))
    refused = scope.reserve(ONE, 0.0, deadline=3.0)
    assert isinstance(refused, Refuse)
    assert ("deadline", "requests") == (refused.reason, refused.dimension)
    assert refused.wait == pytest.approx(6.0, abs=1.0)
    assert 5 == scope.waiting


def test_an_oversized_call_goes_when_the_bucket_is_full_and_its_debt_is_waited_off() -> None:
    """A call larger than the bucket is not stuck; those after it wait longer."""
    scope = limited(6000, "tokens")  # 100 a second, 500 at once
    granted(scope.reserve({"tokens": 1500.0}, 0.0))
    after = waiting(scope.reserve({"tokens": 100.0}, 0.0))
    assert 10.0 < after.until < 12.0


def test_a_cancelled_call_leaves_no_trace() -> None:
    """Who stands behind takes over, at the same time."""
    scope = limited()
    drained(scope)
    first, second = waiting(scope.reserve(ONE, 0.0)), waiting(scope.reserve(ONE, 0.0))
    assert float("inf") == second.until
    scope.woken()
    scope.cancel(first.ticket, 0.01)
    assert [second.ticket] == scope.woken()
    assert first.until == pytest.approx(waiting(scope.resume(second.ticket, 0.01)).until)
    scope.cancel(first.ticket, 0.02)
    assert 1 == scope.waiting


def test_what_was_not_used_comes_back() -> None:
    """Settling with less than was reserved lets the next one go earlier."""
    scope = limited(6000, "tokens")
    grant = granted(scope.reserve({"tokens": 450.0}, 0.0))
    wait = waiting(scope.reserve({"tokens": 400.0}, 0.0))
    scope.settle(grant, {"tokens": 50.0}, (), 0.0)
    assert [wait.ticket] == [ticket for ticket in scope.woken() if ticket.grant]


def test_a_refusal_freezes_the_named_limit_only_and_keeps_the_place() -> None:
    """The refused call stands before all others; the limits that were not named go on."""
    scope = Scope((Limit(dimension="requests", amount=60), Limit(dimension="tokens", amount=60_000)))
    first = granted(scope.reserve(ONE, 0.0))
    drained(scope)
    later = waiting(scope.reserve(ONE, 0.0))
    back = waiting(scope.rejected(first, Refusal(dimension="tokens", wait=10.0), (), 0.5))
    assert 10.5 <= back.until < 11.5
    granted(scope.resume(back.ticket, back.until))
    assert later.ticket.grant is None
    assert 0.0 == scope.buckets["requests"].frozen_until


def test_after_a_freeze_calls_are_released_one_by_one() -> None:
    """Not all who waited go at once when the freeze ends."""
    scope = limited(600)
    grants = drained(scope)
    backs = [waiting(scope.rejected(grant, Refusal(wait=5.0), (), 0.2)) for grant in grants]
    scope.resume(backs[0].ticket, 5.2)
    assert 1 >= sum(back.ticket.grant is not None for back in backs) - 1
    scope.resume(backs[0].ticket, 5.7)
    assert 7 >= sum(back.ticket.grant is not None for back in backs)


@pytest.mark.parametrize("kind", ["quota", "spend"])
def test_money_is_not_waited_for(kind: str) -> None:
    """Quota and spend limits fail at once, and the others are not frozen."""
    scope = limited()
    refused = scope.rejected(granted(scope.reserve(ONE, 0.0)), Refusal(kind=kind, wait=60.0), (), 0.1)  # type: ignore[arg-type]
    assert Refuse(None, kind) == refused
    granted(scope.reserve(ONE, 0.2))


def test_a_daily_cap_is_parked_or_refused_by_the_deadline() -> None:
    """Who has the time may wait for tomorrow; who has not is told how long it would be."""
    scope = limited()
    one, other = granted(scope.reserve(ONE, 0.0)), granted(scope.reserve(ONE, 0.0))
    spent = Refusal(kind="daily", dimension="requests/day", wait=3600.0)
    refused = scope.rejected(one, spent, (), 0.0, deadline=60.0)
    assert isinstance(refused, Refuse)
    assert "daily" == refused.reason
    assert refused.wait is not None
    assert refused.wait >= 3600
    assert 3600 <= waiting(scope.rejected(other, spent, (), 0.0)).until


def test_an_overload_is_no_word_on_limits() -> None:
    """529 and 503 freeze nothing."""
    scope = limited()
    scope.rejected(granted(scope.reserve(ONE, 0.0)), Refusal(kind="overload", wait=30.0), (), 0.1)
    granted(scope.reserve(ONE, 0.1))
    assert (0, 1) == (scope.refused, scope.in_flight)


@pytest.mark.parametrize(
    ("limit", "consumed", "reset", "expected"),
    [
        pytest.param(10_000, 1, 0.006, 10_000 / 60, id="a-minute"),
        pytest.param(20, 1, 0.05, 20.0, id="a-second"),
        pytest.param(14_400, 1, 6.0, 14_400 / 86_400, id="a-day"),
        pytest.param(30_000, 3, 0.006, 500.0, id="rounded"),
        pytest.param(100, 50, 20.0, 2.45, id="no-natural-period"),
    ],
)
def test_refill_is_learned_from_the_time_to_full(limit: float, consumed: float, reset: float, expected: float) -> None:
    """Never a minute by assumption: the period is the one that fits."""
    refill = Refill()
    refill.learn(shot(limit=limit, remaining=limit - consumed, reset=reset))
    assert expected == pytest.approx(refill.rate, rel=0.001)


def test_the_end_of_a_window_is_told_from_the_time_to_full() -> None:
    """If far more was consumed and the reset is the same, it is the end of a window."""
    refill = Refill()
    for remaining, reset in ((19, 0.9), (12, 0.88)):
        refill.learn(shot(limit=20, remaining=remaining, reset=reset, kind="unknown"))
    assert (1.0, 20.0) == (refill.window, refill.rate)


def test_a_smaller_limit_in_a_header_wins_over_the_users() -> None:
    """The user's limit is an upper bound."""
    bucket = Bucket.configured(Limit(dimension="requests", amount=600), 0.0)
    bucket.reconcile(shot(limit=300, remaining=299, period=60.0), 0.0, 0.0, 0.0)
    assert 5.0 == bucket.rate
    bucket.reconcile(shot(limit=6000, remaining=5999, period=60.0), 0.0, 0.0, 0.0)
    assert 10.0 == bucket.rate


def test_scopes_are_apart_and_bounded() -> None:
    """Another credential is another scope; idle ones make room, those in use do not."""
    limiter = Limiter(most=2)
    used = limiter.scope(ScopeKey(provider="a", credential="x"), 0.0)
    granted(used.reserve(ONE, 0.0))
    limiter.scope(ScopeKey(provider="a", credential="y"), 0.0)
    limiter.scope(ScopeKey(provider="b"), 0.0)
    assert 2 == len(limiter)
    assert used is limiter.scope(ScopeKey(provider="a", credential="x"), 0.0)


def test_estimates_learn_the_ratio_of_a_model() -> None:
    """After some answers an estimate is what the model really counts."""
    estimator, dialect = Estimator(), dialect_of("groq")
    for _ in range(30):
        estimator.learn(300, Usage(input_tokens=150, output_tokens=50))
    estimate = estimator.estimate(300, None, dialect)
    assert 150 == pytest.approx(estimate["input"], rel=0.1)
    assert 50 == pytest.approx(estimate["output"], rel=0.1)


def test_max_tokens_is_charged_where_the_provider_reserves_it() -> None:
    """OpenAI charges it and gives nothing back, Anthropic does not and does not count cached tokens."""
    estimator, usage = Estimator(), Usage(input_tokens=100, output_tokens=10, cache_read_tokens=40)
    assert 4000.0 == estimator.estimate(400, 4000, dialect_of("openai"))["output"]
    assert 256.0 == estimator.estimate(400, 4000, dialect_of("anthropic"))["output"]
    assert {"input": 100, "output": 4000, "tokens": 4100} == actual(usage, 4000, dialect_of("openai"))
    assert {"input": 60, "output": 10, "tokens": 70} == actual(usage, 4000, dialect_of("anthropic"))


def test_a_wasteful_max_tokens_is_noticed() -> None:
    """Only where it is charged, and only when enough answers were seen."""
    estimator = Estimator()
    assert not estimator.wasteful(4000, dialect_of("openai"))
    for _ in range(10):
        estimator.learn(400, Usage(input_tokens=100, output_tokens=20))
    assert estimator.wasteful(4000, dialect_of("openai"))
    assert not estimator.wasteful(4000, dialect_of("anthropic"))
