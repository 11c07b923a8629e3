"""Calls wait for their turn: on real sockets, in threads and in tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    Client,
    ConfigError,
    DeadlineError,
    Limit,
    QuotaError,
    RateLimitError,
    Retry,
    TextDelta,
)
from dragoman.testing import Server, embeds, limited, says, status


def provider(server: Server, **row: Any) -> dict[str, Any]:
    return {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k", **row}}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_burst_of_tasks_is_answered_without_refusals(streamed: bool) -> None:
    """100 calls at once against 20 requests/s announced in headers: 100 answers, at most 105 requests."""
    step = limited("announced", says("ok"), requests=1200)

    async def ask(client: AsyncClient) -> str:
        if not streamed:
            return (await client.chat("openai/m", "Hi", max_tokens=5)).text
        async with client.stream("openai/m", "Hi", max_tokens=5) as stream:
            return "".join([text async for text in stream.text])

    async def main(server: Server) -> list[str]:
        async with AsyncClient(providers=provider(server)) as client:
            return await asyncio.gather(*(ask(client) for _ in range(100)))

    with Server(default=step) as server:
        answers = asyncio.run(main(server))

    assert ["ok"] * 100 == answers
    assert step.admitted == 100
    assert server.calls <= 105


def test_a_burst_of_threads_is_answered_without_refusals() -> None:
    """The same from 24 threads over one blocking client."""
    step = limited("announced", says("ok"), requests=1200)
    with Server(default=step) as server, Client(providers=provider(server)) as client, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: client.chat("openai/m", "Hi", max_tokens=5).text, range(100)))

    assert ["ok"] * 100 == answers
    assert server.calls <= 105


def test_both_faces_share_the_limits_of_a_credential() -> None:
    """Threads and tasks of one process stand in one line; another key has limits of its own."""
    step = limited("announced", says("ok"), requests=1200)

    def blocking(server: Server, count: int) -> int:
        with Client(providers=provider(server)) as client, ThreadPoolExecutor(8) as pool:
            return len(list(pool.map(lambda _: client.chat("openai/m", "Hi"), range(count))))

    async def suspending(server: Server, count: int) -> int:
        async with AsyncClient(providers=provider(server)) as client:
            return len(await asyncio.gather(*(client.chat("openai/m", "Hi") for _ in range(count))))

    with Server(default=step) as server, ThreadPoolExecutor(1) as other:
        pending = other.submit(blocking, server, 30)
        assert 30 == asyncio.run(suspending(server, 30))
        assert 30 == pending.result()

    assert server.calls <= 64


def test_a_wait_that_does_not_fit_fails_at_once() -> None:
    """A call whose turn would come after its deadline is not sent; the error says how long it would have waited."""
    slow = {"openai": [Limit(dimension="requests", amount=2, period=60.0, burst=60.0)]}
    with Server(default=says("ok")) as server, Client(providers=provider(server), limits=slow) as client:
        for _ in range(2):  # what may come at once
            client.chat("openai/m", "Hi")
        began = time.monotonic()
        with pytest.raises(DeadlineError) as caught:
            client.chat("openai/m", "Hi", timeout=8.0)

    assert time.monotonic() - began < 4
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 1.0
    assert 2 == server.calls
    assert "openai" == caught.value.provider


def test_known_limits_hold_from_the_first_call() -> None:
    """A limit that the user gives is kept although the provider says nothing."""
    known = {"openai/m": [Limit(dimension="requests", amount=20, period=1.0, burst=0.4)]}
    with Server(default=says("ok")) as server, Client(providers=provider(server), limits=known) as client:
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: client.chat("openai/m", "Hi"), range(24)))

    assert time.monotonic() - began > 0.5


def test_a_refused_call_stands_first_again(make_face: Any, server: Server) -> None:
    """After a 429 the call waits in the line for as long as the provider said, and the wait stands in the ledger."""
    server.script(status(429, retry_after=0.2), says("there"))

    answer = make_face().chat("openai/m", "Hi")

    assert "there" == answer.text
    assert ["RateLimitError", "ok"] == [attempt.outcome for attempt in answer.attempts]
    assert answer.attempts[1].waited >= 0.15
    assert server.gap(0, 1) >= 0.19


def test_the_rest_waits_while_one_is_refused() -> None:
    """While the limit that a refusal named is frozen, others of the same limit are not sent into it."""
    with Server(status(429, "slow down", retry_after=0.4), default=says("ok")) as server:
        with Client(providers=provider(server)) as client:
            threads = [threading.Thread(target=client.chat, args=("openai/m", "Hi")) for _ in range(1)]
            threads[0].start()
            while server.calls < 1:
                time.sleep(0.005)
            time.sleep(0.1)
            began = time.monotonic()
            assert "ok" == client.chat("openai/m", "Hi").text
            assert time.monotonic() - began > 0.15
            threads[0].join()
        assert 3 == server.calls


def test_pacing_can_be_off(make_face: Any, server: Server) -> None:
    """`limit=None` sends whatever comes, and leaves a 429 to the retry."""
    server.script(status(429), says("there"))

    began = time.monotonic()
    answer = make_face(limit=None, retry=Retry(base=0.01)).chat("openai/m", "Hi")

    assert "there" == answer.text
    assert time.monotonic() - began < 0.9


def test_a_quota_is_not_waited_for(make_face: Any, server: Server) -> None:
    """Money and daily caps end the call with one request."""
    server.script(status(429, code="insufficient_quota"))

    with pytest.raises(QuotaError):
        make_face().chat("openai/m", "Hi")

    assert 1 == server.calls


def test_a_call_that_gives_up_leaves_the_line(make_face: Any, server: Server) -> None:
    """When a refused call may not be repeated, its place goes to the next."""
    server.script(status(429, retry_after=0.05), says("next"))
    face = make_face(retry=None)

    with pytest.raises(RateLimitError):
        face.chat("openai/m", "Hi")

    assert "next" == face.chat("openai/m", "Hi").text


def test_a_cancelled_wait_leaves_the_line() -> None:
    """A task that is cancelled while it waits holds nothing up."""
    slow = {"openai": [Limit(dimension="requests", amount=600, period=60.0, burst=0.1)]}

    async def main(server: Server) -> None:
        async with AsyncClient(providers=provider(server), limits=slow) as client:
            tasks = [asyncio.create_task(client.chat("openai/m", "Hi")) for _ in range(60)]
            await asyncio.sleep(0.1)
            for task in tasks[:-2]:
                task.cancel()
            await asyncio.gather(*tasks[-2:])
            await asyncio.gather(*tasks, return_exceptions=True)

    with Server(default=says("ok")) as server:
        began = time.monotonic()
        asyncio.run(main(server))
        assert time.monotonic() - began < 4


def test_a_stream_that_is_left_gives_back_what_it_holds() -> None:
    """Leaving streams early keeps no place: eight may be in flight at first, and many more come after them."""
    with Server(default=says("one two three four")) as server, Client(providers=provider(server)) as client:
        for _ in range(20):
            with client.stream("openai/m", "Hi") as stream:
                next(event for event in stream if isinstance(event, TextDelta))
        assert "one two three four" == client.chat("openai/m", "Hi", timeout=5).text


def test_interactive_calls_pass_a_batch() -> None:
    """While a batch waits for its limit, an interactive call goes first."""
    limit = {"openai": [Limit(dimension="requests", amount=600, period=60.0, burst=0.2)]}

    async def main(server: Server) -> float:
        async with AsyncClient(providers=provider(server), limits=limit) as client:
            batch = [asyncio.create_task(client.chat("openai/m", "Hi", priority="batch")) for _ in range(30)]
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await client.chat("openai/m", "Hi", priority="interactive")
            waited = time.monotonic() - began
            for task in batch:
                task.cancel()
            await asyncio.gather(*batch, return_exceptions=True)
            return waited

    with Server(default=says("ok")) as server:
        assert asyncio.run(main(server)) < 1.0


def test_vectors_are_paced_like_chat() -> None:
    """Requests that are not chat wait for their turn too."""
    slow = {"openai": [Limit(dimension="requests", amount=600, period=60.0, burst=0.1)]}
    with Server(default=embeds(2)) as server, Client(providers=provider(server), limits=slow) as client:
        began = time.monotonic()
        for _ in range(13):
            client.embed("openai/e", "a")
        assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("bad", ["everywhere", 3, "ftp://x"], ids=str)
def test_an_unknown_way_to_share_is_refused(bad: Any) -> None:
    """What `limit` may be is said at once."""
    with pytest.raises(ConfigError) as caught:
        Client(limit=bad)
    assert "limit" == caught.value.field


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"openai": [3]}, "limits"),
        ({"nobody": [Limit(dimension="requests", amount=1)]}, "provider"),
    ],
    ids=["no limit", "no provider"],
)
def test_bad_limits_are_refused(limits: Any, field: str | None) -> None:
    """A limit that cannot be meant is said at once."""
    with pytest.raises(ConfigError) as caught:
        Client(limits=limits)
    assert field == caught.value.field


@pytest.mark.parametrize(
    "fields",
    [
        {"dimension": "requests", "amount": 0},
        {"dimension": "requests", "amount": 1, "period": -1},
        {"dimension": "cars", "amount": 1},
    ],
    ids=["amount", "period", "dimension"],
)
def test_a_limit_is_checked_when_it_is_made(fields: Any) -> None:
    """A limit names its wrong field."""
    with pytest.raises(ConfigError, match=r"limit\."):
        Limit(**fields)
