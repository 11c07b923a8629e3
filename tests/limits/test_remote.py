"""Limits shared between hosts: two workers over one Redis, or one Postgres."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from dragoman.limits.offers import Offers
from dragoman.limits.remote import RemotePacer
from dragoman.limits.stores import NOTHING, TAG, PostgresStore, RedisStore, Store
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Refuse
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.services import PostgresServer, RedisServer, free_port

RPM = (Limit(dimension="requests", amount=600),)  # 10 a second, 10 at once
PLENTY = (Limit(dimension="requests", amount=6e6),)
ONE = {"requests": 1.0, "tokens": 10.0}
BLOCKING = BlockingRuntime()


@pytest.fixture(params=["redis", "postgres"])
def make(request: pytest.FixtureRequest) -> Callable[[], Store]:
    """Makes openings of each store in turn."""
    server: RedisServer | PostgresServer = request.getfixturevalue(f"{request.param}_server")
    kinds: dict[str, Callable[[str], Store]] = {"redis": RedisStore, "postgres": PostgresStore}
    return lambda: kinds[request.param](server.url)


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that a test may stop."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def key() -> ScopeKey:
    """A scope that no other test has used."""
    return ScopeKey(provider="openai", credential=uuid4().hex, pool="m")


def take(pacer: RemotePacer, key: ScopeKey, limits: tuple[Limit, ...] = RPM, wait: float | None = None) -> Any:
    """One turn, on the blocking face."""
    until = None if wait is None else time.monotonic() + wait
    return drive(pacer.admit(key, limits, ONE, BLOCKING, "normal", until))


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Look until a condition holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


# --- the stores -------------------------------------------------------------------------------------------------------


def swap(store: Store, name: str, seen: bytes, data: bytes) -> Any:
    return drive(store.swap(BLOCKING, name, seen, data, time.monotonic() + 5))


def test_a_store_keeps_what_is_offered_by_who_saw_the_last(make: Callable[[], Store]) -> None:
    """The first to offer wins; the other is told what is kept instead; nothing is kept by asking."""
    store, name = make(), uuid4().hex
    one, two, three = (letter * TAG + letter for letter in (b"1", b"2", b"3"))
    assert (False, b"") == (swap(store, name, NOTHING, b"").swapped, swap(store, name, NOTHING, b"").data)
    assert swap(store, name, NOTHING, one).swapped
    assert (False, one) == (lambda kept: (kept.swapped, kept.data))(swap(store, name, NOTHING, two))
    assert swap(store, name, one[:TAG], two).swapped
    assert (False, two) == (lambda kept: (kept.swapped, kept.data))(swap(store, name, one[:TAG], three))
    assert two == swap(store, name, NOTHING, b"").data


def test_a_store_tells_its_time(make: Callable[[], Store]) -> None:
    """It goes forward, and does not depend on the asker's clock."""
    store = make()
    first = swap(store, "clock", NOTHING, b"").clock
    time.sleep(0.05)
    assert 0.04 < swap(store, "clock", NOTHING, b"").clock - first < 5


def test_many_at_once_change_it_one_after_another(make: Callable[[], Store]) -> None:
    """No change is lost: each was made to what the one before left."""
    store, name, count = make(), uuid4().hex, 8 * 25

    def work() -> None:
        for _ in range(25):
            kept = swap(store, name, NOTHING, b"")
            while True:
                number = int(kept.data[TAG:] or b"0") + 1
                kept = swap(store, name, kept.data[:TAG], os.urandom(TAG) + b"%d" % number)
                if kept.swapped:
                    break

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b"%d" % count == swap(store, name, NOTHING, b"").data[TAG:]


def test_a_key_is_forgotten_and_stays_in_one_slot(redis_server: RedisServer, key: ScopeKey) -> None:
    """Its name has a hash tag, as a cluster needs, and it has a time to live."""
    pacer = RemotePacer(RedisStore(redis_server.url))
    take(pacer, key)
    found = redis_server.call("KEYS", "dragoman:limit:{1:*}")
    assert b"dragoman:limit:{" in found
    name = found.split(b"\r\n")[2].decode()
    assert 0 < int(redis_server.call("TTL", name)[1:]) <= 2 * 86400


# --- two workers ------------------------------------------------------------------------------------------------------


def test_what_one_worker_took_the_other_has_not(make: Callable[[], Store], key: ScopeKey) -> None:
    """Ten come at once, wherever they are asked for; the eleventh waits its tenth of a second."""
    one, two = RemotePacer(make()), RemotePacer(make())
    since = time.monotonic()
    for pacer in (one, two) * 5:
        take(pacer, key)
    took = time.monotonic() - since
    assert take(two, key).waited + took > 0.05
    refused = take(one, key, wait=0.001)
    assert isinstance(refused, Refuse)
    assert "deadline" == refused.reason


def test_what_comes_back_is_written_soon(make: Callable[[], Store], key: ScopeKey) -> None:
    """A release, and what an answer said of limits, is known to the other worker without anybody asking for more."""
    one, two = RemotePacer(make()), RemotePacer(make())
    permits = [take(one, key, ()) for _ in range(8)]
    waiting = threading.Thread(target=take, args=(two, key, ()))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()  # 8 are in flight, and nothing is known
    permits[0].settled(None, [Snapshot(dimension="requests", limit=6000, remaining=5992, period=60.0)])
    waiting.join(5)
    assert not waiting.is_alive()
    assert {"requests"} == set(two._desk(key, ()).scope.buckets)


def test_many_tasks_are_served_by_few_round_trips(make: Callable[[], Store], key: ScopeKey) -> None:
    """A worker that is busy takes slices: thousands of turns, and not a tenth as many exchanges."""
    pacer = RemotePacer(make())

    async def main() -> None:
        runtime = AsyncRuntime()

        async def caller() -> None:
            for _ in range(60):
                got = await pacer.admit(key, PLENTY, ONE, runtime, "normal", None)
                assert not isinstance(got, Refuse)
                await asyncio.sleep(0.001)
                got.settled(None, ())

        await asyncio.gather(*(caller() for _ in range(50)))

    asyncio.run(main())
    desk = pacer._desk(key, ())
    assert 300 > desk.offers.begun
    until(lambda: desk.idle and not desk.offers.slice.left)  # what was left went back
    assert 3000.0 == pytest.approx(desk.scope.state.granted["requests"])


@pytest.mark.parametrize("face", ["threads", "tasks"])
def test_a_limit_is_kept_by_two_workers(make: Callable[[], Store], key: ScopeKey, face: str) -> None:
    """Twice twenty turns at ten a second, ten at once: three seconds, no less and not much more."""
    pacers = [RemotePacer(make()), RemotePacer(make())]
    since = time.monotonic()
    if face == "tasks":

        async def main() -> None:
            runtime = AsyncRuntime()
            calls = [pacer.admit(key, RPM, ONE, runtime, "normal", None) for pacer in pacers for _ in range(20)]
            await asyncio.gather(*calls)

        asyncio.run(main())
    else:
        threads = [threading.Thread(target=take, args=(pacer, key)) for pacer in pacers for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 2.9 < time.monotonic() - since < 4.5


def test_a_refusal_slows_the_other_worker_down(make: Callable[[], Store], key: ScopeKey) -> None:
    """It stands still until the provider's time is over; the refused call goes first."""
    one, two = RemotePacer(make()), RemotePacer(make())
    take(two, key)
    permit = take(one, key)
    place = permit.refused(Refusal(dimension="requests", wait=0.6), (), None)
    assert not isinstance(place, Refuse)
    until(lambda: not one._desk(key, ()).offers.changes)
    two._desk(key, ()).offers.slice.left = {}
    since = time.monotonic()
    take(two, key)
    assert 0.2 < time.monotonic() - since < 3
    assert not isinstance(drive(one.again(place, BLOCKING)), Refuse)


def test_who_is_cancelled_leaves_no_trace(make: Callable[[], Store], key: ScopeKey) -> None:
    """Whenever that is, in the line or in the middle of an exchange: the others are served, and nothing stays taken."""
    pacer = RemotePacer(make())

    async def main() -> None:
        runtime = AsyncRuntime()
        for round_ in range(30):
            tasks = [asyncio.create_task(pacer.admit(key, PLENTY, ONE, runtime, "normal", None)) for _ in range(5)]
            for _ in range(round_ % 6):
                await asyncio.sleep(0.0001 * (round_ % 4))
            for task in tasks[:3]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            for one in done:
                if not isinstance(one, BaseException):
                    assert not isinstance(one, Refuse)
                    one.released()

    asyncio.run(main())
    desk = pacer._desk(key, ())
    until(lambda: desk.idle and not desk.offers.slice.left)
    assert (0, 0) == (desk.scope.in_flight, desk.scope.waiting)
    assert 0.0 == pytest.approx(desk.scope.state.granted.get("requests", 0.0))


def test_the_first_of_two_lost_exchanges_was_kept() -> None:
    """What it gave back to the store is not given back again, though another one was lost after it."""
    offers = Offers(PLENTY, Peers("me", lambda name, seen, now: True, quantum=0.002, grace=0.05, look=0.05))
    offers.adopt(NOTHING)
    offers.slice.left = {"requests": 2.0}
    kept = offers.prepare()
    offers.undo(lost=True)
    offers.prepare()
    offers.undo(lost=True)
    assert {"requests": 2.0} == offers.slice.left

    offers.adopt(kept)
    assert ({}, 0) == (offers.slice.left, len(offers.lost))


def test_a_child_is_a_worker_of_its_own(make: Callable[[], Store], key: ScopeKey) -> None:
    """After a fork it takes from the same limit, and ends nothing of its parent's calls."""
    pacer = RemotePacer(make())
    permits = [take(pacer, key) for _ in range(10)]
    child = os.fork()
    if not child:
        permits[0].settled(None, ())
        waited = sum(take(pacer, key).waited for _ in range(5))
        os._exit(0 if 0.2 < waited < 3.0 and 5 == pacer._desk(key, ()).scope.in_flight else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 10 == pacer._desk(key, ()).scope.in_flight


# --- without the store ------------------------------------------------------------------------------------------------


def test_a_worker_goes_on_with_its_part(
    own_redis: RedisServer, key: ScopeKey, caplog: pytest.LogCaptureFixture
) -> None:
    """While Redis is down each of two has half; both say so once; when it is back, empty, they share again."""
    one, two = RemotePacer(RedisStore(own_redis.url)), RemotePacer(RedisStore(own_redis.url))
    for pacer in (one, two, one, two):
        take(pacer, key)
    own_redis.kill()
    with caplog.at_level(logging.WARNING, "dragoman.limit"):
        one._desk(key, ()).offers.slice.left = {}
        for _ in range(4):
            take(one, key)
        assert one.alone
        assert not two.alone
        assert 5.0 == one._desk(key, ()).scope.buckets["requests"].rate
        assert 1 == len(caplog.records)
        assert "1/2" in caplog.text
        own_redis.start()
        until(lambda: not one.alone, 10)
        assert 2 == len(caplog.records)
    take(one, key)
    assert 10.0 == one._desk(key, ()).scope.buckets["requests"].rate
    assert own_redis.call("KEYS", "dragoman:limit:*").startswith(b"*1")


def test_a_store_that_was_never_there_is_no_reason_to_fail(key: ScopeKey, caplog: pytest.LogCaptureFixture) -> None:
    """Calls go on by what this worker knows, and the log says what cannot be reached."""
    pacer = RemotePacer(RedisStore(f"redis://127.0.0.1:{free_port()}"))
    with caplog.at_level(logging.WARNING, "dragoman.limit"):
        since = time.monotonic()
        for _ in range(12):
            take(pacer, key)
        assert 0.1 < time.monotonic() - since < 3
    assert pacer.alone
    assert 1 == len(caplog.records)
    assert "127.0.0.1" in caplog.text


def test_a_store_that_hangs_holds_a_call_no_longer_than_a_second(own_redis: RedisServer, key: ScopeKey) -> None:
    """Then it goes on alone; a call with a deadline is over by then, and no reason to go on alone."""
    pacer = RemotePacer(RedisStore(own_redis.url))
    for _ in range(10):
        take(pacer, key)
    own_redis.pause()
    since = time.monotonic()
    assert isinstance(take(pacer, key, wait=0.05), Refuse)
    assert time.monotonic() - since < 0.95
    take(pacer, key)
    assert time.monotonic() - since < 3
    assert pacer.alone
    own_redis.resume()
    until(lambda: not pacer.alone or take(pacer, key) is None, 10)


def test_an_exchange_without_an_answer_is_cleared_up(own_redis: RedisServer, key: ScopeKey) -> None:
    """It was sent, the call was cancelled, and the store did it later: what it took goes back."""
    pacer = RemotePacer(RedisStore(own_redis.url))
    take(pacer, key, PLENTY)
    desk = pacer._desk(key, ())
    until(lambda: not desk._busy)
    own_redis.pause()

    async def main() -> None:
        task = asyncio.create_task(pacer.admit(key, PLENTY, {"requests": 500.0}, AsyncRuntime(), "normal", None))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    own_redis.resume()
    assert not isinstance(take(pacer, key, PLENTY), Refuse)
    assert not isinstance(take(pacer, key, PLENTY), Refuse)
    until(lambda: not desk.offers.changes and not desk._busy)
    assert 3.0 == pytest.approx(desk.scope.state.granted["requests"] - desk.offers.slice.left.get("requests", 0.0))
