"""One owner of repeats, one ledger: on both faces, plain and streamed, against a real server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dragoman import (
    AuthenticationError,
    BadRequestError,
    ChatResponse,
    ConnectError,
    DragomanError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    Retry,
    ServerError,
    StreamInterrupted,
    TextDelta,
    Timeouts,
)
from dragoman.testing import Server, events, raw, says, status

QUICK = Retry(base=0.01)
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def ask(face: Any, streamed: bool, **settings: Any) -> ChatResponse:
    if not streamed:
        answer: ChatResponse = face.chat("openai/m", "Hi", **settings)
        return answer
    face.events("openai/m", "Hi", **settings)
    whole: ChatResponse = face.last.response
    return whole


@STREAMED
def test_a_rate_limited_call_waits_and_succeeds(make_face: Any, server: Server, streamed: bool) -> None:
    """A 429 with Retry-After is waited for, once, and the answer arrives."""
    server.script(status(429, retry_after=0.05), says("hello"))

    assert "hello" == ask(make_face(), streamed).text

    assert 2 == server.calls
    assert server.gap(0, 1) >= 0.05


@STREAMED
def test_the_ledger_has_every_request(make_face: Any, server: Server, streamed: bool) -> None:
    """Each attempt stands in the ledger with its outcome, status and wait; the idempotency key is the same in all."""
    server.script(status(500, "boom"), status(529, code="overloaded_error"), says("at last"))

    answer = ask(make_face(retry=QUICK), streamed)

    outcomes = [(attempt.outcome, attempt.status) for attempt in answer.attempts]
    assert [("ServerError", 500), ("OverloadedError", 529), ("ok", 200)] == outcomes
    assert 1 == len({request.headers["idempotency-key"] for request in server.requests})
    assert 0.0 == answer.attempts[0].waited


def test_each_call_has_a_key_of_its_own(face: Any, server: Server) -> None:
    """Two calls are two intentions."""
    server.script(says("a"), says("b"))

    face.chat("openai/m", "Hi")
    face.chat("openai/m", "Hi")

    assert 2 == len({request.headers["idempotency-key"] for request in server.requests})


@STREAMED
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (status(429, code="insufficient_quota"), QuotaError),
        (status(429, code="credit_balance_exhausted"), QuotaError),
        (status(429, code="project_spend_limit_exceeded"), QuotaError),
        (status(401), AuthenticationError),
        (status(400), BadRequestError),
        (status(500, headers={"x-should-retry": "false"}), ServerError),
    ],
)
def test_what_waiting_does_not_mend_is_sent_once(
    make_face: Any, server: Server, step: Any, kind: type[DragomanError], streamed: bool
) -> None:
    """Quota, key and request errors, and a provider's no, are final: one request."""
    server.default = step

    with pytest.raises(kind) as caught:
        ask(make_face(retry=QUICK), streamed)

    assert 1 == server.calls == len(caught.value.attempts)


@STREAMED
def test_attempts_are_limited(make_face: Any, server: Server, streamed: bool) -> None:
    """Three requests at the most, and the error knows all of them."""
    server.default = status(503, "down")

    with pytest.raises(OverloadedError) as caught:
        ask(make_face(retry=QUICK), streamed)

    assert 3 == server.calls == len(caught.value.attempts)


def test_the_provider_may_ask_for_another_attempt(make_face: Any, server: Server) -> None:
    """`x-should-retry: true` overrides the status."""
    server.script(status(400, headers={"x-should-retry": "true"}), says("fine"))

    assert "fine" == ask(make_face(retry=QUICK), streamed=False).text


@STREAMED
def test_a_wait_that_does_not_fit_is_not_begun(make_face: Any, server: Server, streamed: bool) -> None:
    """`Retry-After: 90` with two seconds left is raised at once, with the seconds in the error."""
    server.default = status(429, retry_after=90)
    before = time.monotonic()

    with pytest.raises(RateLimitError) as caught:
        ask(make_face(), streamed, timeout=2)

    assert 90 == caught.value.retry_after
    assert 1 == server.calls
    assert time.monotonic() - before < 1.8


def test_an_error_event_before_any_content_is_retried_like_its_status(make_face: Any, server: Server) -> None:
    """A 200 whose stream begins with an error is the error, and is sent again."""
    body = b'data: {"error": {"message": "Overloaded", "type": "overloaded_error"}}\n\n'
    server.script(raw(body), says("fine"))

    assert "fine" == ask(make_face(retry=QUICK), streamed=True).text
    assert 2 == server.calls


def test_nothing_is_sent_again_after_the_first_event(make_face: Any, server: Server) -> None:
    """Once something was delivered, a failure is raised with the partial, and nothing is repeated."""
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n'
    server.default = raw(chunk, b'data: {"error": {"message": "boom", "type": "server_error"}}\n\n', pace=0.02)

    with pytest.raises(ServerError) as caught:
        ask(make_face(retry=QUICK), streamed=True)

    assert "half" == caught.value.partial.text
    assert 1 == server.calls


@STREAMED
def test_an_answer_that_was_cut_is_not_bought_twice(make_face: Any, server: Server, streamed: bool) -> None:
    """A stream without its end, and a silence after sending, may have been billed: they are not repeated."""
    server.default = events(TextDelta("half")) if streamed else says("late", latency=3)

    with pytest.raises((StreamInterrupted, TimeoutError)) as caught:
        ask(make_face(retry=QUICK, timeouts=Timeouts(first_event=0.2)), streamed)

    assert 1 == server.calls
    assert caught.value.attempts[0].maybe_billed  # type: ignore[union-attr]


def test_no_connection_is_tried_again(make_face: Any) -> None:
    """Nothing was sent, so trying again costs nothing."""
    rows = {"openai": {"base_url": "http://127.0.0.1:9/v1", "api_key": "k-123456"}}

    with pytest.raises(ConnectError) as caught:
        make_face(providers=rows, retry=QUICK).chat("openai/m", "Hi")

    assert 3 == len(caught.value.attempts)
    assert not any(attempt.maybe_billed for attempt in caught.value.attempts)


def test_retries_can_be_turned_off(make_face: Any, server: Server) -> None:
    """`retry=None` sends once."""
    server.default = status(500)

    with pytest.raises(ServerError):
        make_face(retry=None).chat("openai/m", "Hi")

    assert 1 == server.calls


def test_a_total_outage_is_not_met_with_a_storm(make_face: Any, server: Server) -> None:
    """Of 200 calls in an outage, few are sent again."""
    server.default = status(500)
    face = make_face(retry=Retry(base=0.0))

    for _ in range(200):
        with pytest.raises(ServerError):
            face.chat("openai/m", "Hi")

    assert server.calls <= 220


def test_notices_are_not_repeated(make_face: Any, server: Server) -> None:
    """What was adapted is said once, however often it was sent."""
    server.script(status(500), says("fine"))

    answer = make_face(retry=QUICK).chat("anthropic/m", "Hi")

    assert ["max_tokens"] == [notice.field for notice in answer.notices if notice.adapted]
