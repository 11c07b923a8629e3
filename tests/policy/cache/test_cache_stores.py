"""Where entries are kept: one contract for all stores on both faces, and what each does when there is no room."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.services import RedisServer

from dragoman import ConfigError, StoreError
from dragoman.drivers.redis import Redis
from dragoman.drivers.sqlite import Sqlite
from dragoman.policy.cache.memory import MemoryStore
from dragoman.policy.cache.opening import make_store
from dragoman.policy.cache.store import PATIENCE, REST, Found, Guarded, Limits, Neighbour, Store
from dragoman.runtime import AsyncRuntime, BlockingRuntime, Runtime, drive

LIMITS = Limits(entries=100, size=1 << 20)
ONE, TWO = b"1" * 16, b"2" * 16


class Shop:
    """A store on one face, driven from plain code."""

    def __init__(self, store: Store, runtime: Runtime, run: Callable[[Any], Any]) -> None:
        self.store = store
        self._runtime = runtime
        self._run = run

    def do(self, name: str, *arguments: Any) -> Any:
        return self._run(getattr(self.store, name)(self._runtime, *arguments, None))

    def get(self, key: bytes, scope: bytes = ONE) -> bytes | None:
        found: Found | None = self.do("get", scope, key)
        return None if found is None else found.entry

    def put(self, key: bytes, entry: bytes, scope: bytes = ONE, ttl: float | None = None) -> None:
        self.do("put", scope, key, entry, ttl)


@pytest.fixture(params=["blocking", "async"])
def make_shop(request: pytest.FixtureRequest) -> Iterator[Callable[[Store], Shop]]:
    """Puts a store on one face."""
    made: list[Store] = []
    if request.param == "blocking":

        def blocking(store: Store) -> Shop:
            made.append(store)
            return Shop(store, BlockingRuntime(), drive)

        yield blocking
        for store in made:
            store.close()
        return
    with asyncio.Runner() as runner:

        def suspending(store: Store) -> Shop:
            made.append(store)
            return Shop(store, AsyncRuntime(), runner.run)

        yield suspending
        for store in made:
            runner.run(store.aclose())


@pytest.fixture(params=["memory", "sqlite", "redis"])
def shop(request: pytest.FixtureRequest, make_shop: Callable[[Store], Shop], tmp_path: Path) -> Shop:
    """Each store, empty."""
    if request.param == "redis":
        made = make_shop(make_store(request.getfixturevalue("redis_server").url, LIMITS))
        made.do("clear", None)
        return made
    return make_shop(make_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/a.db", LIMITS))


def test_what_was_put_there_is_found(shop: Shop) -> None:
    """Under its key and in its scope, with its age; the latest holds."""
    shop.put(b"a" * 32, b"first")
    shop.put(b"a" * 32, b"\x00second\xff")
    found = shop.do("get", ONE, b"a" * 32)

    assert b"\x00second\xff" == found.entry
    assert 0 <= found.age < 5
    assert shop.get(b"b" * 32) is None
    assert shop.get(b"a" * 32, scope=TWO) is None


def test_it_expires(shop: Shop) -> None:
    """After its time it is not there."""
    shop.put(b"a", b"short", ttl=0.05)
    shop.put(b"b", b"long", ttl=60)
    assert b"short" == shop.get(b"a")
    pass_time(0.08)

    assert (None, b"long") == (shop.get(b"a"), shop.get(b"b"))


def pass_time(seconds: float) -> None:
    """Let the clocks of servers and files go on."""
    drive(BlockingRuntime().sleep(seconds))


def test_its_age_is_told(shop: Shop) -> None:
    """In seconds, on the clock of the store."""
    shop.put(b"a", b"entry")
    pass_time(0.05)

    assert 0.04 < shop.do("get", ONE, b"a").age < 5


def test_one_can_be_removed(shop: Shop) -> None:
    """And whether it was there is told; another scope's is not touched."""
    shop.put(b"a", b"entry")

    assert not shop.do("drop", TWO, b"a")
    assert shop.do("drop", ONE, b"a")
    assert not shop.do("drop", ONE, b"a")
    assert shop.get(b"a") is None


def test_a_scope_can_be_emptied(shop: Shop) -> None:
    """Then all others are as they were; without a name everything goes."""
    for number in range(20):
        shop.put(b"%d" % number, b"entry")
        shop.put(b"x%d" % number, b"entry", scope=TWO)

    shop.do("clear", ONE)
    assert (None, b"entry") == (shop.get(b"3"), shop.get(b"x3", scope=TWO))
    shop.do("clear", None)
    assert shop.get(b"x3", scope=TWO) is None


def test_redis_keeps_what_is_not_ours(make_shop: Callable[[Store], Shop], redis_server: RedisServer) -> None:
    """Emptying the cache removes no key of anybody else."""
    shop = make_shop(make_store(redis_server.url, LIMITS))
    redis_server.call("SET", "somebody-elses", "value")
    shop.put(b"a", b"entry")
    shop.do("clear", None)

    assert redis_server.call("GET", "somebody-elses").endswith(b"value\r\n")


def test_a_driver_may_be_given(make_shop: Callable[[Store], Shop], redis_server: RedisServer) -> None:
    """The pool that a program has already is used."""
    shop = make_shop(make_store(Redis(redis_server.url), LIMITS))
    shop.put(b"driver", b"entry")

    assert b"entry" == shop.get(b"driver")


@pytest.mark.parametrize("value", [b"", b"12", b"x" * 40], ids=repr)
def test_a_foreign_value_in_redis_is_handed_on_as_it_is(
    make_shop: Callable[[Store], Shop], redis_server: RedisServer, value: bytes
) -> None:
    """The store does not judge; the seal does."""
    shop = make_shop(make_store(redis_server.url, LIMITS))
    shop.put(b"foreign", b"entry")
    name = f"dragoman:cache:{ONE.hex()}:{b'foreign'.hex()}"
    redis_server.call("SET", name, f'"{value.decode()}"')

    assert shop.get(b"foreign") is not None


# --- room -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_there_are_never_too_many(make_shop: Callable[[Store], Shop], where: str, tmp_path: Path) -> None:
    """By number and by bytes; what is too large for all of it is not kept at all."""
    limits = Limits(entries=10, size=20_000)
    shop = make_shop(make_store("memory://" if where == "memory" else f"sqlite:///{tmp_path}/a.db", limits))
    shop.put(b"huge", bytes(30_000))
    for number in range(50):
        shop.put(b"%d" % number, b"x" * 10)
    small = [number for number in range(50) if shop.get(b"%d" % number)]
    for number in range(50, 60):
        shop.put(b"%d" % number, b"x" * 6000)
    large = [number for number in range(60) if shop.get(b"%d" % number)]

    assert shop.get(b"huge") is None
    assert 5 <= len(small) <= 10
    assert 49 in small
    assert 59 in large
    assert 2 <= len(large) <= 3


def test_memory_keeps_what_is_used(make_shop: Callable[[Store], Shop]) -> None:
    """What was used longest ago goes first."""
    shop = make_shop(MemoryStore(Limits(entries=3, size=1 << 20)))
    for key in (b"a", b"b", b"c"):
        shop.put(key, b"entry")
    shop.get(b"a")
    shop.put(b"d", b"entry")

    assert [b"a", b"c", b"d"] == [key for key in (b"a", b"b", b"c", b"d") if shop.get(key)]


def test_memory_counts_its_bytes() -> None:
    """Whatever was put, replaced, removed and expired: what is in use is what is there."""
    store, runtime = MemoryStore(Limits(entries=5, size=5000)), BlockingRuntime()
    for number in range(200):
        key = b"%d" % (number % 11)
        drive(store.put(runtime, ONE, key, bytes(number % 700), 0.0 if number % 7 == 0 else None, None))
        drive(store.get(runtime, ONE, b"%d" % (number % 5), None))
        if number % 13 == 0:
            drive(store.drop(runtime, ONE, key, None))
        assert store.size <= 5000

    drive(store.clear(runtime, None, None))
    assert (0, 0) == (store.size, len(store))


def test_a_file_counts_its_bytes(make_shop: Callable[[Store], Shop], tmp_path: Path) -> None:
    """The tally is that of the rows, also for whoever opens the file later, and after it was wrong."""
    path = tmp_path / "a.db"
    shop = make_shop(make_store(f"sqlite:///{path}", Limits(entries=7, size=3000)))
    for number in range(60):
        shop.put(b"%d" % (number % 9), bytes(number * 10), ttl=0.0001 if number % 5 == 0 else None)

    def tally() -> tuple[Any, Any]:
        with closing(sqlite3.connect(path)) as db:
            rows = db.execute("SELECT count(*), total(size) FROM answer").fetchone()
            return db.execute("SELECT entries, size FROM tally").fetchone(), rows

    told, counted = tally()
    assert counted == told
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE tally SET entries = 1000, size = 9e9")
        db.commit()
    for number in range(10):
        shop.put(b"again %d" % number, b"entry")
    told, counted = tally()

    assert counted == told
    assert b"entry" == shop.get(b"again 9")


def test_expired_ones_go_before_those_that_live(make_shop: Callable[[Store], Shop], tmp_path: Path) -> None:
    """A file that is full of expired answers has room."""
    shop = make_shop(make_store(f"sqlite:///{tmp_path}/a.db", Limits(entries=4, size=1 << 20)))
    shop.put(b"old", b"entry")
    for number in range(3):
        shop.put(b"%d" % number, b"entry", ttl=0.001)
    pass_time(0.01)
    shop.put(b"new", b"entry")

    assert (b"entry", b"entry") == (shop.get(b"old"), shop.get(b"new"))


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_the_latest_questions_of_a_frame_are_kept(
    make_shop: Callable[[Store], Shop], where: str, tmp_path: Path
) -> None:
    """Newest first, each once, so many at the most, and those of one frame and scope only."""
    shop = make_shop(make_store("memory://" if where == "memory" else f"sqlite:///{tmp_path}/a.db", LIMITS))
    for number in (1, 2, 3, 4, 2):
        shop.do("place_near", ONE, b"frame", Neighbour(b"%d" % number, b"v"), 3)
    shop.do("place_near", ONE, b"other", Neighbour(b"9", b"v"), 3)
    shop.do("place_near", TWO, b"frame", Neighbour(b"8", b"v"), 3)

    assert [b"2", b"4", b"3"] == [one.key for one in shop.do("neighbours", ONE, b"frame", 3)]
    shop.do("clear", ONE)
    assert [[], [b"8"]] == [[one.key for one in shop.do("neighbours", scope, b"frame", 3)] for scope in (ONE, TWO)]


# --- which store ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "store", ["", "memory", "postgresql://localhost/x", "file:///x", "memory://x", "sqlite://host/x", None, 5]
)
def test_what_is_no_store_is_named(store: Any) -> None:
    """A store that cannot be is an error where it is written."""
    with pytest.raises(ConfigError):
        make_store(store, LIMITS)


def test_a_driver_of_files_is_told_to_be_a_url(tmp_path: Path) -> None:
    """The file of a cache is made by the cache."""
    with pytest.raises(ConfigError, match="sqlite:///path"):
        make_store(Sqlite(tmp_path / "x.db"), LIMITS)


# --- a store that fails -----------------------------------------------------------------------------------------------


class Clock(BlockingRuntime):
    """A clock that is set by hand."""

    time = 100.0

    def now(self) -> float:  # type: ignore[override]
        return self.time


def test_a_store_that_fails_rests_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Its calls are misses; for some seconds it is not asked; one warning until it works again."""
    clock, asked, broken = Clock(), list[float](), [True]

    async def ask(until: float) -> str:
        asked.append(until)
        if broken[0]:
            raise StoreError("it is gone")
        return "found"

    guarded = Guarded(make_store("memory://", LIMITS))

    def attempt(total: float | None = None) -> str:
        attempting: Awaitable[str] = guarded.attempt(clock, total, ask, "missed")
        return drive(attempting)  # type: ignore[arg-type]

    with caplog.at_level(logging.INFO, "dragoman.cache"):
        assert ["missed", "missed"] == [attempt(), attempt()]
        assert [100.0 + PATIENCE] == asked
        clock.time += REST
        attempt()
        clock.time += REST
        broken[0] = False
        assert ["found", "found"] == [attempt(total=110.5), attempt()]

    assert 110.5 == asked[2]
    assert 2 == guarded.failures
    assert ["WARNING", "INFO"] == [record.levelname for record in caplog.records]
