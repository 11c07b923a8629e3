"""Every store keeps the same book: memory, SQLite, Redis, Postgres, on both faces."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dragoman import StoreError
from dragoman.policy.budget.book import KEEP, Ask, Book
from dragoman.policy.budget.ledger import Ledger
from dragoman.policy.budget.memory import MemoryLedger
from dragoman.policy.budget.sqlite import SqliteLedger
from dragoman.policy.budget.stores import ledger_of
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive

STORES = ("memory", "sqlite", "redis", "postgres")
RUNTIME = BlockingRuntime()
LIMIT = 1_000


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Make a ledger of each kind, with a book of its own."""
    made: list[Ledger] = []

    def opened(seconds: int | None = None, name: str | None = None) -> Ledger:
        made.append(ledger_of(_url(request, tmp_path), name or uuid4().hex, seconds))
        return made[-1]

    yield opened
    for ledger in made:
        ledger.close()


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{folder}/budget.db"
    server: Any = request.getfixturevalue(f"{request.param}_server")
    return str(server.url)


def ask(id: str, most: int, least: int = 0, limit: int | None = LIMIT, ttl: float = 60) -> Ask:
    return Ask(id, most, least, limit, ttl)


def reserve(ledger: Ledger, asked: Ask) -> bool:
    return drive(ledger.reserve(RUNTIME, asked, None)).granted


def settle(ledger: Ledger, id: str, cost: int) -> None:
    drive(ledger.settle(RUNTIME, id, cost, None))


def sums(ledger: Ledger) -> tuple[int, int]:
    reading = drive(ledger.read(RUNTIME, None))
    return reading.spent, reading.reserved


def test_what_is_reserved_cannot_be_reserved_again(make: Callable[..., Ledger]) -> None:
    """It fits, it does not fit, it is settled, it fits; and the sums say so."""
    ledger = make()

    assert reserve(ledger, ask("a", 700))
    assert not reserve(ledger, ask("b", 301))
    assert (0, 700) == sums(ledger)
    settle(ledger, "a", 200)
    assert (200, 0) == sums(ledger)
    assert reserve(ledger, ask("b", 800))
    assert (200, 800) == sums(ledger)


def test_everything_may_be_told_twice(make: Callable[..., Ledger]) -> None:
    """A second reservation or settlement under the same id changes nothing."""
    ledger = make()
    for _ in range(2):
        assert reserve(ledger, ask("a", 700))
    for _ in range(2):
        settle(ledger, "a", 300)
    settle(ledger, "never reserved", 300)

    assert (300, 0) == sums(ledger)


def test_a_reservation_may_be_voided_before_it_comes(make: Callable[..., Ledger], request: Any) -> None:
    """A request to the store that was given up may still be done later; in one's own memory there is no later."""
    ledger = make()
    reserve(ledger, ask("a", 700))
    for id in ("a", "b"):
        drive(ledger.settle(RUNTIME, id, None, None))
    if "memory" not in request.node.name:
        reserve(ledger, ask("b", 700))

    assert (0, 0) == sums(ledger)


def test_any_history_gives_the_same_sums(make: Callable[..., Ledger]) -> None:
    """200 random steps leave every store with the sums of the pure book."""
    ledger, book, rng = make(), Book(None), random.Random(11)
    for _ in range(200):
        id, amount = f"call-{rng.randrange(8)}", rng.randrange(500)
        step = rng.random()
        if step < 0.5:
            asked = ask(id, amount, amount // 3, limit=rng.choice([LIMIT, LIMIT, None]))
            assert book.reserve(asked, 0.0).granted == reserve(ledger, asked)
        elif step < 0.6 and not isinstance(ledger, MemoryLedger):
            book.void(id, 0.0)
            drive(ledger.settle(RUNTIME, id, None, None))
        elif step < 0.97:
            book.settle(id, amount)
            settle(ledger, id, amount)
        else:
            book.reset(0.0)
            drive(ledger.reset(RUNTIME, None))
        assert (book.spent, book.reserved) == sums(ledger)


def test_large_amounts_are_exact(make: Callable[..., Ledger]) -> None:
    """Millions of dollars in nano-dollars are counted to the last one."""
    ledger = make()
    most = 8_999_999 * 10**9 + 999_999_999

    assert reserve(ledger, ask("a", most, limit=9_000_000 * 10**9))
    settle(ledger, "a", most)
    assert not reserve(ledger, ask("b", 2, limit=9_000_000 * 10**9))
    assert reserve(ledger, ask("c", 1, limit=9_000_000 * 10**9))
    assert (most, 1) == sums(ledger)


def test_a_window_renews(make: Callable[..., Ledger]) -> None:
    """After its end nothing is spent and nothing reserved, and what settles late takes nothing."""
    ledger = make(seconds=1)
    time.sleep(1.02 - time.time() % 1)  # at the beginning of a window
    reserve(ledger, ask("a", 700))
    reserve(ledger, ask("b", 300))
    settle(ledger, "b", 300)
    before = drive(ledger.read(RUNTIME, None))
    time.sleep(1)

    assert (300, 700) == (before.spent, before.reserved)
    assert before.renews_in is not None
    assert 0 < before.renews_in <= 1
    assert (0, 0) == sums(ledger)
    settle(ledger, "a", 700)
    assert (0, 0) == sums(ledger)


def test_without_a_window_nothing_renews(make: Callable[..., Ledger]) -> None:
    """A book without windows does not say when it renews."""
    assert drive(make().read(RUNTIME, None)).renews_in is None


def test_who_dies_is_charged_the_least(make: Callable[..., Ledger]) -> None:
    """A reservation runs out: its least is charged, the rest is free; who settles after all pays the difference."""
    ledger = make()
    reserve(ledger, ask("a", 700, least=30, ttl=0.2))
    assert (0, 700) == sums(ledger)
    time.sleep(0.3)

    assert (30, 0) == sums(ledger)
    settle(ledger, "a", 500)
    settle(ledger, "a", 500)
    assert (500, 0) == sums(ledger)


def test_a_reset_forgets_the_dead(make: Callable[..., Ledger]) -> None:
    """What was charged for the dead goes with what was spent, and is not taken off again."""
    ledger = make()
    reserve(ledger, ask("a", 700, least=30, ttl=0.05))
    reserve(ledger, ask("b", 100))
    time.sleep(0.1)
    sums(ledger)
    drive(ledger.reset(RUNTIME, None))
    settle(ledger, "a", 500)

    assert (0, 100) == sums(ledger)


def test_one_name_is_one_book(make: Callable[..., Ledger], request: pytest.FixtureRequest) -> None:
    """Two that name the same book share it, unless they keep it in their own memory; another name is another book."""
    name = uuid4().hex
    one, other, stranger = make(name=name), make(name=name), make()
    reserve(one, ask("a", 700))

    shared = 0 if "memory" in request.node.name else 700
    assert (0, shared) == sums(other)
    assert (0, 0) == sums(stranger)


def test_windows_of_two_lengths_are_two_books(make: Callable[..., Ledger]) -> None:
    """A budget per hour and one per day may have one name."""
    name = uuid4().hex
    hour, day = make(seconds=3_600, name=name), make(seconds=86_400, name=name)
    reserve(hour, ask("a", 700))

    assert (0, 0) == sums(day)


def rounds(ledger: Ledger, runtime: Any, who: int, count: int) -> Callable[[], Awaitable[int]]:
    """Reserve and settle again and again; how often it was granted."""

    async def run() -> int:
        granted = 0
        for number in range(count):
            id = f"{who}-{number}"
            reading = await ledger.reserve(runtime, ask(id, 100), None)
            assert reading.spent + reading.reserved <= LIMIT
            if reading.granted:
                granted += 1
                await ledger.settle(runtime, id, 10, None)
        return granted

    return run


def test_many_threads_never_overspend(make: Callable[..., Ledger]) -> None:
    """Sixteen threads: no reading is over the limit, and in the end as much is spent as was granted."""
    ledger = make()
    with ThreadPoolExecutor(16) as pool:
        steps = [rounds(ledger, RUNTIME, who, 20) for who in range(16)]
        granted = sum(pool.map(lambda step: drive(step()), steps))

    assert (10 * granted, 0) == sums(ledger)
    assert granted >= 10


def test_many_tasks_never_overspend(make: Callable[..., Ledger]) -> None:
    """The same with tasks of one event loop."""
    ledger = make()
    runtime = AsyncRuntime()

    async def run() -> int:
        granted = sum(await asyncio.gather(*(rounds(ledger, runtime, who, 20)() for who in range(16))))
        reading = await ledger.read(runtime, None)
        assert (10 * granted, 0) == (reading.spent, reading.reserved)
        await ledger.aclose()
        return granted

    assert asyncio.run(run()) >= 10


class SetClock(BlockingRuntime):
    """The blocking face with a wall clock that a test sets."""

    def __init__(self) -> None:
        self.at = 1_000_000.0
        self.wall = lambda: self.at


def test_sqlite_counts_time_as_the_book_does(tmp_path: Path) -> None:
    """Windows, deaths, a clock that is set back, a week of memory: the file and the pure book agree at every step."""
    runtime, rng = SetClock(), random.Random(5)
    ledger = ledger_of(f"sqlite:///{tmp_path}/b.db", "b", 100)
    assert isinstance(ledger, SqliteLedger)
    book = Book(100)
    for _ in range(400):
        id, amount = f"call-{rng.randrange(6)}", rng.randrange(400)
        runtime.at += rng.choice([0, 0.5, 3, 40, -20, -20, KEEP / 50])
        if rng.random() < 0.6:
            asked = ask(id, amount, amount // 3, ttl=rng.choice([1, 30, 10_000]))
            expected = book.reserve(asked, runtime.at)
            assert expected == drive(ledger.reserve(runtime, asked, None))
        else:
            book.settle(id, amount)
            drive(ledger.settle(runtime, id, amount, None))
        assert book.read(runtime.at) == drive(ledger.read(runtime, None))
    ledger.close()


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A budget does not write into a file that is none of its own."""
    (tmp_path / "notes.db").write_bytes(b"these are notes, and no database" * 40)
    ledger = ledger_of(f"sqlite:///{tmp_path}/notes.db", "b", None)

    with pytest.raises(StoreError):
        reserve(ledger, ask("a", 1))
    assert (tmp_path / "notes.db").read_bytes().startswith(b"these are notes")
    ledger.close()


def test_postgres_makes_its_tables_once_for_many(postgres_server: Any) -> None:
    """Eight that come at once to an empty database do not get into each other's way."""
    ledgers = [ledger_of(postgres_server.url, "crowd", None) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda at: reserve(ledgers[at], ask(f"call-{at}", 100)), range(8)))

    assert [True] * 8 == granted
    assert (0, 800) == sums(ledgers[0])
    for ledger in ledgers:
        ledger.close()
